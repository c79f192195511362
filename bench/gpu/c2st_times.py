"""Seconds of the batched C2ST on the device, compared with scikit-learn's on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor

from bench.clock.timing import timed
from bench.gpu.measured import Aim, Measured, Setting
from bench.metrics import c2st_many, c2st_sklearn
from tasks.contract.seeding import derive_seed

__all__ = ["c2st_times"]

OBSERVATIONS = 10
NUM_SAMPLES = 10_000
# Dimension, samples of the batched test, and samples of the comparison: in ten dimensions scikit-learn needs
# minutes for 10 000 samples, so there both sides are compared on fewer.
SIZES = ((2, NUM_SAMPLES, NUM_SAMPLES), (10, NUM_SAMPLES, 2000))
WIDER = 1.1  # standard deviation of the samples in units of the reference's
AIM = Aim(100.0, is_upper=False)


def c2st_times(setting: Setting) -> Iterator[Measured]:
    """Yield seconds per observation of both tests, and their ratio on the same samples.

    The batched test scores ten observations together; scikit-learn's protocol scores the first of them. If
    the comparison uses fewer samples, the batched test is timed on them, too.
    """
    # The first use of the device's functions is not timed.
    c2st_many([_pair(2, 100, 0)], device=setting.device)
    compared: list[tuple[int, int, float, float]] = []
    for dim, most, fewer in SIZES:
        for rows in sorted({setting.count(most, 50), setting.count(fewer, 50)}, reverse=True):
            pairs = [_pair(dim, rows, k) for k in range(OBSERVATIONS)]
            results, seconds = timed(partial(c2st_many, pairs, device=setting.device), setting.device)
            each = seconds / OBSERVATIONS
            sizes = {"dim": dim, "samples": rows, "observations": OBSERVATIONS}
            yield Measured("batched C2ST", "per observation", each, "s", sizes)
        compared.append((dim, rows, each, results[0].mean))
    for dim, rows, each, ours in compared:
        pair = _pair(dim, rows, 0)
        # Its products are so small that more threads make it slower.
        with threadpool_limits(1):
            theirs, seconds = timed(partial(c2st_sklearn, *pair), "cpu")
        sizes = {"dim": dim, "samples": rows, "observations": 1, "threads of scikit-learn": 1}
        yield Measured("scikit-learn's C2ST", "per observation", seconds, "s", sizes)
        yield Measured("batched C2ST", "difference from scikit-learn's C2ST", ours - theirs, "", sizes)
        yield Measured("batched C2ST", "times faster", seconds / each, "", sizes, AIM)


def _pair(dim: int, rows: int, number: int) -> tuple[Tensor, Tensor]:
    """Return a standard normal reference and slightly wider samples, ``(rows, dim)`` each."""
    generator = torch.Generator().manual_seed(derive_seed("gpu c2st", number))
    reference, samples = torch.randn(2, rows, dim, generator=generator)
    return reference, WIDER * samples
