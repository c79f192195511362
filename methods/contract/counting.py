"""The cost of a sample: a count of the rows that networks, scores, surrogates and likelihoods evaluate."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from torch import Tensor, nn

__all__ = ["Evaluations"]


class Evaluations:
    """A counter of evaluated rows. Hooks on networks and wrappers around functions increase it.

    Attributes:
        rows: Number of rows evaluated so far.

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
        """Count the rows of a network's outputs ``(..., width)`` from now on.

        Arguments:
            parts: The network, or all networks that one pass runs, such as a flow's conditioners. Together
                they count as one evaluation.
        """

        def add(module: nn.Module, args: Any, output: Tensor) -> None:
            rows = output.shape[:-1].numel()
            self.rows += rows if len(parts) == 1 else Fraction(rows, len(parts))

        for part in parts:
            part.register_forward_hook(add)

    def of(self, function: Callable[..., Tensor], event_dims: int = 1) -> Callable[..., Tensor]:
        """Return a wrapper of a function that counts the rows of its values.

        Arguments:
            function: A score, likelihood or surrogate.
            event_dims: Number of dimensions of the value for one row: 1 for a vector, 0 for a number.
        """

        def counted(*args: Any) -> Tensor:
            values = function(*args)
            self.rows += values.shape[: values.ndim - event_dims].numel()
            return values

        return counted

    def per_sample(self, draw: Callable[[], Tensor]) -> tuple[Tensor, float]:
        """Return the samples ``(..., dim)`` that ``draw`` makes and the evaluations used per sample."""
        before = self.rows
        samples = draw()
        return samples, float((self.rows - before) / max(samples.shape[:-1].numel(), 1))
