"""Many Markov chains in parallel, whose proposals are differences of one another."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["differential_evolution"]

SCALES = (1.0, 0.5, 0.25, 0.1)  # Scales of a proposal, in units of ter Braak's 2.38 / sqrt(2 dim).
WHOLE, NEAR = 8, 3  # Every eighth step takes a whole difference, every third the difference of neighbours.
NEIGHBOURS = 40  # Largest difference in rank of two neighbours.
JITTER = 1e-4  # Standard deviation of what is added to a proposal, without which chains stay on a lattice.


def differential_evolution(log_density: Callable[[Tensor], Tensor], u: Tensor, steps: int) -> Tensor:
    """Move chains ``(n, B, dim)`` for B observations by Metropolis steps, and return their ends.

    The proposal of a chain is its state plus the difference of two others of the same observation. Every
    eighth step takes the whole difference, so that chains jump between modes. Every third step takes the
    difference of two chains that are near each other along a random direction, which suits posteriors of
    several modes or curved ones.

    Source: ter Braak: A Markov chain Monte Carlo version of the genetic algorithm differential evolution,
    Statistics and Computing 16, 2006.

    Not as published: all chains move at once, on the states before the step; the chain itself may be one of
    the two; the scales are several, and neighbours are added.

    Arguments:
        log_density: Function of u ``(n, B, dim)`` that returns unnormalised log densities ``(n, B)``.
        u: States to start from, of which each observation needs several.
        steps: Number of steps. Each evaluates the density once for each chain, and so does the start.
    """
    log_p = log_density(u)
    for step in range(1, steps + 1):
        difference = _near(u) if step % NEAR == 0 else _any(u)
        if step % WHOLE:
            scales = torch.tensor(SCALES, device=u.device)
            chosen = scales[torch.randint(len(SCALES), (*u.shape[:2], 1), device=u.device)]
            difference = chosen * (2.38 / math.sqrt(2.0 * u.shape[-1])) * difference
        proposed = u + difference + JITTER * torch.randn_like(u)
        log_q = log_density(proposed)
        is_taken = torch.rand_like(log_p).log() < log_q - log_p
        u = proposed.where(is_taken[..., None], u)
        log_p = log_q.where(is_taken, log_p)
    return u


def _any(u: Tensor) -> Tensor:
    one, other = (torch.randint(len(u), u.shape[:2], device=u.device) for _ in range(2))
    return _rows(u, one) - _rows(u, other)


def _near(u: Tensor) -> Tensor:
    """Return the differences of two chains of similar rank along a random direction."""
    n = len(u)
    order = (u @ torch.randn(u.shape[-1], device=u.device).to(u)).argsort(dim=0)
    rank = torch.empty_like(order).scatter_(
        0, order, torch.arange(n, device=u.device)[:, None].expand_as(order)
    )
    reach = max(1, min(NEIGHBOURS, n // 4))
    one, other = (
        order.gather(
            0, (rank + torch.randint(-reach, reach + 1, rank.shape, device=u.device)).clamp(0, n - 1)
        )
        for _ in range(2)
    )
    return _rows(u, one) - _rows(u, other)


def _rows(u: Tensor, chosen: Tensor) -> Tensor:
    return u.gather(0, chosen[..., None].expand_as(u))
