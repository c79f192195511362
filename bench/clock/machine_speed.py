"""A short benchmark of this machine, by which times of another machine are scaled."""

from __future__ import annotations

import time
from functools import lru_cache

import torch
from torch import Tensor

from tasks.contract.seeding import derive_seed

__all__ = ["machine_s"]

REPEATS = 5
PRODUCTS, SIZE = 6, 320  # products of square matrices, and their number of rows
STEPS, BATCH, WIDTH = 120, 200, 64  # steps of training, and the network's batch and width


@lru_cache(maxsize=1)
def machine_s() -> float:
    """Return the processor seconds that fixed work takes on one thread: the best of five tries.

    The work is that of a cell in small: products of matrices, and training of a small network. Processor time
    hardly depends on other programs, whose load would lengthen wall time. The global state of torch's random
    numbers is left alone, and so is the number of threads. A process measures once.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return min(_seconds() for _ in range(REPEATS))
    finally:
        torch.set_num_threads(threads)


def _seconds() -> float:
    generator = torch.Generator().manual_seed(derive_seed("speed of a machine"))

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    matrix, theta = normal(SIZE, SIZE) / SIZE**0.5, normal(BATCH, 2)
    weights = [(normal(a, b) / a**0.5).requires_grad_() for a, b in ((2, WIDTH), (WIDTH, WIDTH), (WIDTH, 2))]
    start = time.thread_time()
    product = matrix
    for _ in range(PRODUCTS):
        product = product @ matrix
    # The gradient step is written out, because the first optimiser of a process imports a compiler.
    for _ in range(STEPS):
        hidden = theta
        for weight in weights[:-1]:
            hidden = torch.relu(hidden @ weight)
        loss = (hidden @ weights[-1] - theta).square().mean()
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight -= 0.01 * gradient
    return time.thread_time() - start
