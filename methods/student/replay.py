"""A function of tensors as one CUDA graph: of a small network's time on a GPU, most is launching kernels."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor

from methods.contract.counting import Evaluations

__all__ = ["Replayed"]

WARM_UP = 3  # calls before the capture, as torch's notes on CUDA graphs want them
KEPT = 8  # shapes


class _Recording(NamedTuple):
    """A graph, the tensors that it reads and writes, and the rows that one replay evaluates."""

    graph: torch.cuda.CUDAGraph
    held: list[Tensor]
    result: Tensor
    rows: int | Fraction


class Replayed:
    """Calls ``work`` as it is on a CPU; on a GPU, records it once for each shape and replays the recording.

    Without gradients, and only for work without decisions of the host.

    Arguments:
        work: A function of tensors that gives one tensor.
        evaluations: Counts what the work evaluates. A replay runs no hooks, so it adds what was counted while
            it was recorded.
    """

    def __init__(self, work: Callable[..., Tensor], evaluations: Evaluations) -> None:
        self._work, self._evaluations = work, evaluations
        self._graphs: dict[tuple[torch.Size, ...], _Recording] = {}

    @torch.no_grad()
    def __call__(self, *inputs: Tensor) -> Tensor:
        """The work's result, the caller's own."""
        if inputs[0].device.type != "cuda":
            return self._work(*inputs)
        key = tuple(one.shape for one in inputs)
        if key not in self._graphs:
            if len(self._graphs) == KEPT:  # the oldest: a recording holds its memory
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
        # What the warm-up draws must not shift what a seed gives.
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
