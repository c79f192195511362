"""Which float32 products may be fast: those of networks, never those of a kernel's exponents."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

__all__ = ["fast_products"]


@contextlib.contextmanager
def fast_products(device: torch.device) -> Iterator[None]:
    """TF32 for matrix products on a GPU while the context lasts; nothing changes on a CPU.

    TF32 keeps ten bits of each factor. A network's output moves by a thousandth of its spread, less than it
    was trained to; the exponents of :class:`methods.exact_score.KernelPosterior` are differences of large
    numbers, and would be wrong by whole nats. So training and passing through networks asks for it here, and
    torch's own setting stays as it is for all else.
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
