"""Fast float32 matrix products, for networks only and never for the exponents of a kernel."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

__all__ = ["fast_products"]


@contextlib.contextmanager
def fast_products(device: torch.device) -> Iterator[None]:
    """Use TF32 for matrix products on a GPU within this context. On a CPU nothing changes.

    TF32 keeps ten bits of each factor. This changes a network's output by a thousandth of its spread, which
    is less than its training error. But the exponents of :class:`methods.exact_score.KernelPosterior` are
    differences of large numbers and would be wrong by whole nats. So only the training and evaluation of
    networks use this context; everywhere else torch's own setting stays unchanged.
    """
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
