"""An independent count of what sampling evaluates: nothing of :mod:`methods.contract.counting` takes part.

Torch's global hooks see every module that runs, whoever holds it. The score of a kernel posterior is one
attention, whose queries are counted.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from methods import Posterior
from methods.sbi.sbi_posterior import SbiPosterior
from methods.sbi.surrogates import SurrogatePosterior

__all__ = ["Observed", "observe"]

FLOW_LIBRARIES = ("nflows", "pyknos", "zuko")
# What sbi's posteriors and potentials call the network that they run.
ESTIMATORS = ("vector_field_estimator", "posterior_estimator", "likelihood_estimator", "ratio_estimator")


class Observed:
    """What ran in a context of :func:`observe`.

    Attributes:
        evaluations: Rows through networks and scores. A network is a module with parameters that no other
            such module runs. Its rows are those of the last linear layer in it.
        linear: Rows through each linear layer.
        parameters: Number of elements of each parameter of all that ran, by the parameter's identity.
        flows: Whether a network of a library of normalising flows ran outside any other network. A pass of
            a flow runs several of them, so that ``evaluations`` counts one pass several times.
    """

    def __init__(self) -> None:
        self.evaluations = 0
        self.linear: Counter[nn.Linear] = Counter()
        self.parameters: dict[int, int] = {}
        self.flows = False
        self._depth, self._rows = 0, 0

    def rows(self, posterior: Posterior) -> float | None:
        """Evaluations as the contract counts them: a pass of a normalising flow is one.

        Arguments:
            posterior: What was sampled.

        Returns:
            The number of rows; None if a flow ran of which it is not known how many networks a pass runs.
        """
        if isinstance(posterior, SbiPosterior | SurrogatePosterior):
            return self._passes(posterior)
        return None if self.flows else self.evaluations

    def _passes(self, posterior: SbiPosterior | SurrogatePosterior) -> float:
        """Rows through sbi's estimator: those of its last layer, or the mean over a flow's conditioners."""
        inner = posterior._posterior
        estimator = next(
            part
            for holder in (inner, inner.potential_fn)
            for name in ESTIMATORS
            if isinstance(part := getattr(holder, name, None), nn.Module)
        )
        linear = {name: part for name, part in estimator.named_modules() if isinstance(part, nn.Linear)}
        last = [part for name, part in linear.items() if name.endswith((".final_layer", "._logits_layer"))]
        last = last or list(linear.values())[-1:]
        # sbi may run a copy of its estimator, which has the same weights.
        return sum(
            rows
            for ran, rows in self.linear.items()
            if any(torch.equal(ran.weight, layer.weight) for layer in last)
        ) / len(last)

    def _enter(self, module: nn.Module, args: Any) -> None:
        self._depth += _has_parameters(module)

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        self._depth -= _has_parameters(module)
        if isinstance(module, nn.Linear) and isinstance(output, Tensor):
            self._rows = output.shape[:-1].numel()
            self.linear[module] += self._rows
        if self._depth == 0 and _has_parameters(module):
            self.evaluations += self._rows
            self.flows |= type(module).__module__.startswith(FLOW_LIBRARIES)
            self.parameters |= {id(p): p.numel() for p in module.parameters()}


def _has_parameters(module: nn.Module) -> bool:
    """Some libraries wrap a function in a module of its own; that is no network."""
    return next(module.parameters(), None) is not None


@contextlib.contextmanager
def observe() -> Iterator[Observed]:
    """A context in which everything that runs is :class:`Observed`."""
    seen = Observed()
    attention = torch.nn.functional.scaled_dot_product_attention

    def counted(query: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        seen.evaluations += query.shape[:-1].numel()
        return attention(query, *args, **kwargs)

    hooks = [
        register_module_forward_pre_hook(seen._enter),
        register_module_forward_hook(seen._leave, always_call=True),
    ]
    torch.nn.functional.scaled_dot_product_attention = counted
    try:
        yield seen
    finally:
        torch.nn.functional.scaled_dot_product_attention = attention
        for hook in hooks:
            hook.remove()
