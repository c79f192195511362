"""An independent count of the evaluations of sampling, without use of :mod:`methods.contract.counting`.

Torch's global hooks see every module that runs. The score of a kernel posterior is a single attention, whose
queries are counted.
"""

import contextlib
from collections import Counter

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook


class Observed:
    """Counts of what ran.

    Attributes:
        evaluations: Number of rows through networks and scores. A network is a module with parameters that is
            not run by another such module; its rows are those of its last linear layer.
        linear: Number of rows through each linear layer.
        parameters: Parameters of all modules that ran, by identity.
    """

    def __init__(self):
        self.evaluations, self.linear, self.parameters = 0, Counter(), {}
        self._depth, self._rows = 0, 0

    def enter(self, module, args):
        self._depth += has_parameters(module)

    def leave(self, module, args, output):
        self._depth -= has_parameters(module)
        if isinstance(module, nn.Linear):
            self._rows = output.shape[:-1].numel()
            self.linear[module] += self._rows
        if self._depth == 0 and has_parameters(module):
            self.evaluations += self._rows
            self.parameters |= {id(p): p.numel() for p in module.parameters()}


def has_parameters(module):
    """Whether a module has parameters. Some libraries wrap a function in a module, which is no network."""
    return next(module.parameters(), None) is not None


@pytest.fixture(scope="session")
def observe():
    """A context manager that counts everything that runs, as :class:`Observed`."""

    @contextlib.contextmanager
    def observing():
        seen = Observed()
        attention = torch.nn.functional.scaled_dot_product_attention

        def counted(query, *args, **kwargs):
            seen.evaluations += query.shape[:-1].numel()
            return attention(query, *args, **kwargs)

        hooks = [
            register_module_forward_pre_hook(seen.enter),
            register_module_forward_hook(seen.leave, always_call=True),
        ]
        torch.nn.functional.scaled_dot_product_attention = counted
        try:
            yield seen
        finally:
            torch.nn.functional.scaled_dot_product_attention = attention
            for hook in hooks:
                hook.remove()

    return observing
