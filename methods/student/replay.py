"""A function of tensors replayed as one CUDA graph.

On a GPU most of the run time of a small network is spent on launching kernels. A graph launches them all at
once.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor

from methods.contract.counting import Evaluations

__all__ = ["Replayed"]

WARM_UP = 3  # Number of calls before the capture, as torch's notes on CUDA graphs recommend.
KEPT = 8  # Number of input shapes whose recordings are kept.


class _Recording(NamedTuple):
    """A graph, the tensors that it reads and writes, and the number of rows that one replay evaluates."""

    graph: torch.cuda.CUDAGraph
    held: list[Tensor]
    result: Tensor
    rows: int | Fraction


class Replayed:
    """A wrapper of a function that is recorded once per input shape on a GPU and then replayed.

    On a CPU the function is called directly. Gradients are not recorded. The function must not make decisions
    on the CPU that depend on values of the tensors.

    Arguments:
        work: Function of tensors that returns one tensor.
        evaluations: Counter of the rows that the function evaluates. A replay runs no hooks, so it adds the
            number that was counted during the recording.
    """

    def __init__(self, work: Callable[..., Tensor], evaluations: Evaluations) -> None:
        self._work, self._evaluations = work, evaluations
        self._graphs: dict[tuple[torch.Size, ...], _Recording] = {}

    @torch.no_grad()
    def __call__(self, *inputs: Tensor) -> Tensor:
        """Return the function's result, in memory that no later call overwrites."""
        if inputs[0].device.type != "cuda":
            return self._work(*inputs)
        key = tuple(one.shape for one in inputs)
        if key not in self._graphs:
            if len(self._graphs) == KEPT:  # Drop the oldest, since a recording holds memory.
                del self._graphs[next(iter(self._graphs))]
            self._graphs[key] = self._record(inputs)
        recording = self._graphs[key]
        for target, source in zip(recording.held, inputs, strict=True):
            target.copy_(source)
        recording.graph.replay()
        self._evaluations.rows += recording.rows
        return recording.result.clone()

    def _record(self, inputs: tuple[Tensor, ...]) -> _Recording:
        before = self._evaluations.rows
        held = [one.clone() for one in inputs]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        # The random numbers drawn in the warm-up must not change the results of a seed.
        with torch.random.fork_rng(), torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self._work(*held)
        warmed_up = self._evaluations.rows
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = self._work(*held)
        rows = self._evaluations.rows - warmed_up
        self._evaluations.rows = before
        return _Recording(graph, held, result, rows)
