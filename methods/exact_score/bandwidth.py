"""Bandwidths of the kernel posterior by leave-one-out likelihood.

The bandwidths (h_theta, h_x) maximise

    sum_i log sum_{k != i} w_k(x_i) N(theta_i; theta_k, h_theta² I),

the conditional log likelihood of each sample under the kernel posterior of all other samples. The weights w_k
depend on h_x and are normalised without sample i.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from methods.contract.seeding import derive_seed

__all__ = ["leave_one_out"]

GRID = (0.03, 0.1, 0.3, 1.0)
BOUNDS = (1e-3, 10.0)


def leave_one_out(theta: Tensor, x: Tensor, num_queries: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Return bandwidths (h_theta, h_x) for standardised samples.

    Arguments:
        theta: Parameters, ``(K, dim_theta)``, K >= 2.
        x: Data, ``(K, dim_x)``.
        num_queries: Number of samples whose log likelihood is averaged; all samples if K is smaller. Each is
            compared with all K - 1 others.
        seed: Seed for the choice of these samples.

    Returns:
        The maximiser in [0.001, 10]², found by the Nelder-Mead method on log bandwidths, which starts at the
        best point of a coarse grid.

    Raises:
        ValueError: If there are fewer than two simulations.
    """
    from scipy.optimize import minimize

    if len(theta) < 2:
        raise ValueError(f"leave-one-out needs at least 2 simulations, got {len(theta)}")
    generator = torch.Generator().manual_seed(derive_seed("queries", seed))
    rows = torch.randperm(len(theta), generator=generator)[:num_queries].to(theta.device)
    own = (torch.arange(len(rows), device=theta.device), rows)
    half_x = 0.5 * torch.cdist(x[rows], x).square()
    half_theta = 0.5 * torch.cdist(theta[rows], theta).square()
    half_x[own] = torch.inf
    dim = theta.shape[1]

    def loss(log_h: np.ndarray) -> float:
        h_theta, h_x = np.exp(np.clip(log_h, math.log(BOUNDS[0]), math.log(BOUNDS[1])))
        logits = half_x / -(h_x**2)
        log_w = torch.logsumexp(logits, dim=1)
        joint = torch.logsumexp(logits - half_theta / h_theta**2, dim=1)
        log_p = joint - log_w - dim * math.log(h_theta)
        # A sample far from all others at a tiny h_x would give -inf. The bound keeps the mean finite.
        return -float(log_p.nan_to_num(-1e4, neginf=-1e4).clamp_min(-1e4).mean())

    grid = [np.log([a, b]) for a in GRID for b in GRID]
    start = min(grid, key=loss)
    found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 0.02, "fatol": 1e-4, "maxiter": 80})
    h_theta, h_x = np.exp(np.clip(found.x, math.log(BOUNDS[0]), math.log(BOUNDS[1])))
    return float(h_theta), float(h_x)
