"""Markov chains in noise space with a limited number of reward calls: HMC and random-walk Metropolis.

Both target N(z; 0, I) r(z, x), start from draws of N(0, I), and adapt their steps first. In Hamiltonian Monte
Carlo (HMC), each gradient is one call, which also gives the value. Its trajectories are those of the
No-U-Turn sampler (Hoffman and Gelman, 2014). With trajectories of equal length, steps that are short enough
for the steep edge of a class would spend most of the calls on a few trajectories.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from methods.contract.base import LogLikelihood

__all__ = ["CHAINS", "BudgetError", "CountedReward", "hmc", "random_walk"]

CHAINS = 10
WARM_UP = 4  # a quarter of the random walk's calls are warm-up
DEPTH = 5  # tree depth, which allows at most 31 gradients per trajectory
# Pyro counts warm-up in trajectories; one for every 64 calls uses at most half of the calls.
CALLS_A_TRAJECTORY = 64
ACCEPTED = 0.3  # target acceptance of the random walk; the optimum is .44 in one dimension, .234 in many


class BudgetError(RuntimeError):
    """The reward was about to be called more often than the limit allows."""


class CountedReward:
    """A log likelihood that counts the rows on which it is evaluated.

    Arguments:
        log_likelihood: Log likelihood ``(N,)`` of theta ``(N, dim_theta)`` and x ``(N or 1, dim_x)``.
        most: Largest number of rows in total; None for no limit.

    Attributes:
        calls: Number of rows so far.
    """

    def __init__(self, log_likelihood: LogLikelihood, most: int | None = None) -> None:
        self._log_likelihood, self._most, self.calls = log_likelihood, most, 0

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log likelihood ``(N,)``, and count its rows.

        Raises:
            BudgetError: if the call would exceed the limit; it is then neither made nor counted.
        """
        if self._most is not None and self.calls + len(theta) > self._most:
            raise BudgetError(f"{self.calls} of {self._most} reward calls are used, {len(theta)} are needed")
        self.calls += len(theta)
        return self._log_likelihood(theta, x)


def hmc(log_likelihood: LogLikelihood, x_o: Tensor, dim: int, calls: int, seed: int) -> Tensor:
    """Return states of ten chains of Pyro's Hamiltonian Monte Carlo after warm-up, ``(S, dim)``, float64.

    Arguments:
        log_likelihood: Reward, which must be differentiable.
        x_o: Observation, ``(1, dim_x)``.
        dim: Dimension of the noise.
        calls: Number of reward calls, a tenth for each chain; each chain's last trajectory is cut off.
        seed: Seed of all chains.

    Raises:
        BudgetError: if no chain completes its warm-up.
    """
    from pyro.infer import MCMC, NUTS

    states: list[Tensor] = []

    def keep(kernel: Any, parameters: dict[str, Tensor], stage: str, number: int) -> None:
        if stage.startswith("Sample"):
            states.append(parameters["z"].detach().clone())

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        for _ in range(CHAINS):
            most = calls // CHAINS
            reward = CountedReward(log_likelihood, most)

            def potential(parameters: dict[str, Tensor], reward: CountedReward = reward) -> Tensor:
                z = parameters["z"]
                return 0.5 * z.square().sum() - reward(z[None], x_o).sum()

            kernel = NUTS(potential_fn=potential, max_tree_depth=DEPTH)
            start = {"z": torch.randn(dim, dtype=torch.float64)}
            warm_up = most // CALLS_A_TRAJECTORY
            chain = MCMC(kernel, most, warm_up, start, hook_fn=keep, disable_progbar=True)
            try:
                chain.run()
            except BudgetError:
                continue
    if not states:
        raise BudgetError(f"{calls} reward calls are too few for {CHAINS} chains of Hamiltonian Monte Carlo")
    return torch.stack(states)


@torch.no_grad()
def random_walk(log_likelihood: LogLikelihood, x_o: Tensor, dim: int, calls: int, seed: int) -> Tensor:
    """Return states of ten chains of random-walk Metropolis after warm-up, ``(S, dim)``, float64.

    The chains step together, so that a call of the reward has ten rows, and each has its own step size.
    Pyro's kernel is not used, because it takes one row at a time and needs a traced model.

    Arguments:
        log_likelihood: Reward.
        x_o: Observation, ``(1, dim_x)``.
        dim: Dimension of the noise.
        calls: Number of reward calls, a tenth for each chain.
        seed: Seed of all chains.
    """
    reward = CountedReward(log_likelihood, calls)
    generator = torch.Generator().manual_seed(seed)
    options: dict[str, Any] = {"dtype": torch.float64, "generator": generator}

    def log_density(z: Tensor) -> Tensor:
        return reward(z, x_o) - 0.5 * z.square().sum(1)

    z = torch.randn(CHAINS, dim, **options)
    log_p = log_density(z)
    log_step, states = torch.zeros(CHAINS, dtype=torch.float64), []
    steps = calls // CHAINS - 1
    for number in range(1, steps + 1):
        proposed = z + log_step.exp()[:, None] * torch.randn(CHAINS, dim, **options)
        log_q = log_density(proposed)
        accepted = torch.rand(CHAINS, **options).log() < log_q - log_p
        z, log_p = torch.where(accepted[:, None], proposed, z), torch.where(accepted, log_q, log_p)
        if number <= steps // WARM_UP:
            # Step sizes are adapted by Robbins and Monro's rule, with decreasing changes.
            log_step += (accepted.double() - ACCEPTED) / number**0.6
        else:
            states.append(z)
    return torch.cat(states)
