"""Markov chains in noise space that may call the reward so many times and no more: HMC and random walk.

Both target N(z; 0, I) r(z, x) from draws of N(0, I), and both adapt their steps first. Of Hamiltonian Monte
Carlo every gradient is a call; its values come with them. Its trajectories are those of the No-U-Turn sampler
(Hoffman and Gelman, 2014): with one length for all, steps that are short enough for the steep edge of a class
leave most of the calls to a few trajectories.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from methods.contract.base import LogLikelihood

__all__ = ["CHAINS", "BudgetError", "CountedReward", "hmc", "random_walk"]

CHAINS = 10
WARM_UP = 4  # a quarter of the random walk's calls
DEPTH = 5  # at most 31 gradients a trajectory
CALLS_A_TRAJECTORY = 64  # of warm-up: Pyro counts it in trajectories, which so take at most half of the calls
ACCEPTED = 0.3  # that the random walk's steps are adapted to, between one dimension's .44 and many's .234


class BudgetError(RuntimeError):
    """The reward was to be called more often than it may."""


class CountedReward:
    """A log likelihood that counts the rows it is asked for.

    Arguments:
        log_likelihood: Of theta ``(N, dim_theta)`` and x ``(N or 1, dim_x)``, ``(N,)``.
        most: Rows; None for no bound.

    Attributes:
        calls: Rows so far.
    """

    def __init__(self, log_likelihood: LogLikelihood, most: int | None = None) -> None:
        self._log_likelihood, self._most, self.calls = log_likelihood, most, 0

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        """The log likelihood.

        Raises:
            BudgetError: instead of the call that would be one too many.
        """
        if self._most is not None and self.calls + len(theta) > self._most:
            raise BudgetError(f"{self.calls} of {self._most} reward calls are made, {len(theta)} are wanted")
        self.calls += len(theta)
        return self._log_likelihood(theta, x)


def hmc(log_likelihood: LogLikelihood, x_o: Tensor, dim: int, calls: int, seed: int) -> Tensor:
    """States of ten chains of Pyro's Hamiltonian Monte Carlo after their warm-up, ``(S, dim)``, float64.

    Arguments:
        log_likelihood: The reward, differentiable.
        x_o: ``(1, dim_x)``.
        dim: Of the noise.
        calls: Of the reward, a tenth for each chain; the last trajectory is cut off.
        seed: Of all chains.

    Raises:
        BudgetError: if no chain comes to the end of its warm-up.
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
    """States of ten chains of random-walk Metropolis after their warm-up, ``(S, dim)``, float64.

    The chains step together, each with a step of its own size, so that a call has ten rows: Pyro's kernel
    takes one at a time and a traced model.

    Arguments:
        log_likelihood: The reward.
        x_o: ``(1, dim_x)``.
        dim: Of the noise.
        calls: Of the reward, a tenth for each chain.
        seed: Of all chains.
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
            # Robbins and Monro: steps change ever less.
            log_step += (accepted.double() - ACCEPTED) / number**0.6
        else:
            states.append(z)
    return torch.cat(states)
