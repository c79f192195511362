"""What a sample costs: a count of the rows that networks, scores, surrogates and likelihoods evaluate."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from torch import Tensor, nn

__all__ = ["Evaluations"]


class Evaluations:
    """A count of evaluated rows, kept by hooks on the networks that run and by wrappers of functions.

    Attributes:
        rows: Rows evaluated so far.

    Example:
        >>> import torch
        >>> count, network = Evaluations(), nn.Linear(2, 2)
        >>> count.watch(network)
        >>> samples, nfe = count.per_sample(lambda: network(network(torch.zeros(5, 2))))
        >>> nfe
        2.0
    """

    def __init__(self) -> None:
        self.rows: int | Fraction = 0

    def watch(self, *parts: nn.Module) -> None:
        """Count rows of the outputs ``(..., width)`` of a network from now on.

        Arguments:
            parts: The network, or all the networks that one pass runs, such as a flow's conditioners: they
                make one evaluation together.
        """

        def add(module: nn.Module, args: Any, output: Tensor) -> None:
            rows = output.shape[:-1].numel()
            self.rows += rows if len(parts) == 1 else Fraction(rows, len(parts))

        for part in parts:
            part.register_forward_hook(add)

    def of(self, function: Callable[..., Tensor], event_dims: int = 1) -> Callable[..., Tensor]:
        """The same function, rows of whose values are counted.

        Arguments:
            function: A score, likelihood or surrogate.
            event_dims: Dimensions of the value for one row: 1 for a vector, 0 for a number.
        """

        def counted(*args: Any) -> Tensor:
            values = function(*args)
            self.rows += values.shape[: values.ndim - event_dims].numel()
            return values

        return counted

    def per_sample(self, draw: Callable[[], Tensor]) -> tuple[Tensor, float]:
        """What ``draw`` returns, ``(..., dim)``, and the evaluations that each of its rows took."""
        before = self.rows
        samples = draw()
        return samples, float((self.rows - before) / max(samples.shape[:-1].numel(), 1))
