"""Hamiltonian Monte Carlo in coordinates whitened at the mode, with Pyro's kernel (Neal, 2011).

Where the whitened density is normal, a trajectory of a quarter of a period, pi/2, ends in a state that does
not depend on its start. The No-U-Turn sampler stops near half a period: its draws of a coordinate then
alternate about the mean, its squares repeat themselves, and it needs three times the gradients.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

__all__ = ["HmcRun", "run_hmc", "whitening"]

TRAJECTORY = 1.8  # a whole number of steps of some 0.5 fits in: 1.5 to 1.8
ACCEPTANCE = 0.8  # that the step size is adapted to
DIFFERENCE = 1e-4  # for second derivatives

ValueAndGradient = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class HmcRun:
    """What a run gives.

    Arguments:
        draws: Kept states, ``(num_chains, num_kept, D)``.
        num_divergent: Transitions after the warm-up that diverged.
        num_gradients: Asked for, those of mode and warm-up included.
    """

    draws: np.ndarray
    num_divergent: int
    num_gradients: int


class _Potential(torch.autograd.Function):
    """-log density of a function in numpy that knows its gradient."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, log_density: ValueAndGradient) -> Tensor:
        value, gradient = log_density(z.detach().numpy())
        ctx.save_for_backward(torch.from_numpy(gradient))
        return z.new_tensor(-value)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return -cotangent * gradient, None


def whitening(log_density: ValueAndGradient, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A mode ``(D,)``, climbed to from ``start``, and L ``(D, D)`` with L L' the inverse of -Hessian there.

    Directions in which the density is not concave at the mode are given the scale 1.

    Example:
        >>> mode, factor = whitening(lambda u: (-8.0 * (u - 1) @ (u - 1), -16.0 * (u - 1)), np.zeros(1))
        >>> mode.round(4), factor.round(4)
        (array([1.]), array([[0.25]]))
    """

    def negative(u: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = log_density(u)
        return -value, -gradient

    mode = minimize(negative, start, jac=True, method="BFGS").x
    steps = DIFFERENCE * np.eye(len(mode))
    curvature = np.stack([log_density(mode - e)[1] - log_density(mode + e)[1] for e in steps])
    curvature = (curvature + curvature.T) / (4.0 * DIFFERENCE)
    values, vectors = np.linalg.eigh(curvature)
    return mode, vectors / np.sqrt(np.where(values > 0.0, values, 1.0))


def run_hmc(
    log_density: ValueAndGradient,
    start: np.ndarray,
    *,
    num_chains: int,
    num_kept: int,
    thin: int,
    warm_up: int,
    seed: int,
) -> HmcRun:
    """Independent chains one after another, each with a step size of its own.

    A chain starts at a draw of twice the width of the normal approximation at the mode.

    Arguments:
        log_density: Takes u ``(D,)``, gives nats and their gradient ``(D,)``.
        start: Where to climb to the mode from, ``(D,)``, float64.
        num_chains: How many.
        num_kept: States to keep of each chain.
        thin: Keep every so manyth.
        warm_up: Transitions of adaptation.
        seed: Of all chains.

    Example:
        >>> plan = {"num_chains": 2, "num_kept": 200, "thin": 1, "warm_up": 100, "seed": 0}
        >>> run = run_hmc(lambda u: (-0.5 * u @ u, -u), np.zeros(1), **plan)
        >>> run.draws.shape, bool(0.8 < run.draws.std() < 1.2), run.num_divergent
        ((2, 200, 1), True, 0)
    """
    from pyro.infer import HMC, MCMC

    calls = 0

    def counted(u: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal calls
        calls += 1
        return log_density(u)

    mode, factor = whitening(counted, start)

    def whitened(z: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = counted(mode + factor @ z)
        return value, factor.T @ gradient

    def potential(parameters: dict[str, Tensor]) -> Tensor:
        return _Potential.apply(parameters["z"], whitened)

    chains, num_divergent = [], 0
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(num_chains):
            # Not seed + number: the chains of a neighbouring seed would be the same ones, one further.
            torch.manual_seed(int(np.random.SeedSequence([seed, number]).generate_state(1)[0]))
            kernel = HMC(
                potential_fn=potential,
                trajectory_length=TRAJECTORY,
                target_accept_prob=ACCEPTANCE,
                adapt_mass_matrix=False,
            )
            first = {"z": 2.0 * torch.randn(len(mode), dtype=torch.float64)}
            chain = MCMC(kernel, thin * num_kept, warm_up, first, disable_progbar=True)
            chain.run()
            z = chain.get_samples()["z"].numpy()[thin - 1 :: thin]
            chains.append(mode + z @ factor.T)
            num_divergent += sum(map(len, chain.diagnostics()["divergences"].values()))
    return HmcRun(np.stack(chains), num_divergent, calls)
