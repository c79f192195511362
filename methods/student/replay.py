"""A function of tensors as one CUDA graph: of a small network's time on a GPU, most is launching kernels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Replayed"]

WARM_UP = 3  # calls before the capture, as torch's notes on CUDA graphs want them
KEPT = 8  # shapes


class Replayed:
    """Calls ``work`` as it is on a CPU; on a GPU, records it once for each shape and replays the recording.

    Without gradients, and only for work without decisions of the host.

    Arguments:
        work: A function of tensors that gives one tensor.
    """

    def __init__(self, work: Callable[..., Tensor]) -> None:
        self._work = work
        self._graphs: dict[tuple[torch.Size, ...], tuple[torch.cuda.CUDAGraph, list[Tensor], Tensor]] = {}

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
        graph, held, result = self._graphs[key]
        for target, source in zip(held, inputs, strict=True):
            target.copy_(source)
        graph.replay()
        return result.clone()

    def _record(self, inputs: tuple[Tensor, ...]) -> tuple[torch.cuda.CUDAGraph, list[Tensor], Tensor]:
        held = [one.clone() for one in inputs]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        # What the warm-up draws must not shift what a seed gives.
        with torch.random.fork_rng(), torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self._work(*held)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = self._work(*held)
        return graph, held, result
