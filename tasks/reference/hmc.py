"""Hamiltonian Monte Carlo (Neal, 2011) with Pyro's kernel, in coordinates that are whitened at the mode.

If the whitened density is normal, a trajectory of a quarter of a period, pi/2, ends in a state that is
independent of its start. The No-U-Turn sampler stops near half a period instead: its draws of a coordinate
then alternate about the mean, their squares are correlated, and it needs three times as many gradients.
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

TRAJECTORY = 1.8  # upper bound; a whole number of steps of about 0.5 gives a length of 1.5 to 1.8
ACCEPTANCE = 0.8  # acceptance probability that the step size is adapted to
DIFFERENCE = 1e-4  # step of the finite differences for second derivatives

ValueAndGradient = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class HmcRun:
    """Result of :func:`run_hmc`.

    Arguments:
        draws: Kept states, ``(num_chains, num_kept, D)``.
        num_divergent: Number of divergent transitions after the warm-up.
        num_gradients: Number of gradient evaluations, including those for the mode and the warm-up.
    """

    draws: np.ndarray
    num_divergent: int
    num_gradients: int


class _Potential(torch.autograd.Function):
    """The negative log density as a torch function, from a numpy function that also returns its gradient."""

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
    """A mode of the density and a whitening matrix there.

    Directions in which the log density is not concave at the mode are given the scale 1.

    Arguments:
        log_density: Log density, a function from u ``(D,)`` to nats and their gradient ``(D,)``.
        start: Point at which the search for the mode starts, ``(D,)``.

    Returns:
        The mode ``(D,)`` and a matrix L ``(D, D)`` such that L L' is the inverse of the negative Hessian.

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
    """Run independent chains one after another. Each chain adapts its own step size.

    A chain starts at a draw from the normal approximation at the mode, with doubled standard deviations.

    Arguments:
        log_density: Log density, a function from u ``(D,)`` to nats and their gradient ``(D,)``.
        start: Point at which the search for the mode starts, ``(D,)``, float64.
        num_chains: Number of chains.
        num_kept: Number of states to keep of each chain.
        thin: Number of transitions per kept state.
        warm_up: Number of transitions for the adaptation of the step size.
        seed: Seed for all chains.

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
            # With seed + number, the chains of neighbouring seeds would be the same, shifted by one.
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
