"""The held-out likelihood of a learned density, by which columns of x are dropped or kept.

A column may tell of theta only together with others, such as a stimulus or a design. A linear regression is
no less accurate without it, so its likelihood cannot decide whether the column is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from methods.contract.seeding import derive_seed
from methods.denoiser.density import CONDITIONAL_STEPS, gaussian_log_density, learn_gaussian
from methods.learning.denoising import split
from methods.learning.sizes import Sizes

__all__ = ["MOST", "Base", "clearly_better", "learned_log_density"]

JUDGED, MAX_JUDGED = 0.25, 2000  # Fraction of the simulations that is judged, and its largest number.
WIDTH, DEPTH, BATCH = 128, 2, 256
CLEAR = 2.0  # Standard errors by which the likelihood must rise.
# Largest difference in nats that counts for one simulation. Without it, a few simulations at which a density
# of few training data fails would decide.
MOST = 4.0


class Base(Protocol):
    """A map from theta to residuals, such as a :class:`methods.denoiser.GaussianBase`."""

    def whiten(self, theta: Tensor, c: Tensor) -> Tensor:
        """Return residuals w ``(N, dim_theta)`` of theta ``(N, dim_theta)`` given c ``(N, dim_c)``."""

    def log_slope(self, theta: Tensor, c: Tensor) -> Tensor:
        """Return log |dw / dtheta|, ``(N,)``."""


def learned_log_density(fit: Callable[[Tensor], Base], theta: Tensor, c: Tensor, seed: int) -> Tensor:
    """Return log densities of theta given x, in nats, on simulations that nothing was fitted on, ``(M,)``.

    The density is a Gaussian whose mean and covariance a network predicts, on top of a Gaussian base. The
    simulations that are judged depend on their number and the seed alone.

    Arguments:
        fit: Function of numbers of simulations that fits the base on these.
        theta: Parameters, ``(K, dim_theta)``.
        c: Encoded data, ``(K, dim_c)``.
        seed: Seed for all randomness.
    """
    seed = derive_seed("selection of columns", seed)
    order = torch.randperm(
        len(c), generator=torch.Generator().manual_seed(derive_seed("judged rows", seed))
    ).to(c.device)
    num_judged = min(max(1, round(JUDGED * len(c))), MAX_JUDGED)
    judged, known = order[:num_judged], order[num_judged:]
    held, rest = (known[rows.to(c.device)] for rows in split(len(known), seed))
    base = fit(rest)
    w = base.whiten(theta, c)
    gaussian = learn_gaussian(w, c, held, rest, Sizes(WIDTH, DEPTH, CONDITIONAL_STEPS, BATCH, seed))
    return gaussian_log_density(gaussian, w[judged], c[judged]) + base.log_slope(theta[judged], c[judged])


def clearly_better(log_density: Tensor, other: Tensor) -> bool:
    """Return whether log densities ``(M,)`` of the same simulations are higher on average than the others.

    The mean of the differences, each bounded, must exceed two of its standard errors.
    """
    gain = (log_density - other).double().clamp(-MOST, MOST)
    return bool(gain.mean() > CLEAR * gain.std() / len(gain) ** 0.5)
