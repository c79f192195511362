"""``outsourced``: a diffusion in the prior's noise space, trained on a reward, conditional on x."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor
from torch.distributions import Distribution

from methods.base import LogLikelihood, Posterior
from methods.denoiser import DenoiserFlow
from methods.denoiser.encoding import Encoding
from methods.networks import seeded
from methods.outsourced.learning import LogReward, Mixture, balance, imitate
from methods.outsourced.noise_map import NoiseMap, noise_map
from methods.outsourced.policy import Policy
from methods.outsourced.process import NoiseProcess
from methods.registry import method_class, register_method
from methods.sbi_surrogates import LogRatio, SurrogateMethod
from methods.simulations import check_simulations
from methods.student import OnePassPosterior, StudentMethod

__all__ = ["Outsourced", "OutsourcedPosterior"]

LEAST = 20  # simulations, a tenth of which is held out
BATCH = 8192  # trajectories at once
RATE, BALANCE_RATE = 4e-3, 5e-4
DISTILLED_STEPS = 24  # of the ODE that labels a student


class OutsourcedPosterior(Posterior):
    """Samples are where the policy's trajectories end, as the prior makes parameters of them.

    Arguments:
        policy: The trained process.
        noise: The prior as a function of noise.
        encode_x: What the policy sees of x.
        dim_theta: Width of the noise.
        device: Where the policy is.
    """

    def __init__(
        self, policy: Policy, noise: NoiseMap, encode_x: Encoding, dim_theta: int, device: torch.device
    ) -> None:
        self.policy, self.noise, self.encode_x = policy, noise, encode_x
        self.dim_theta, self.device = dim_theta, device
        self.nfe = float(policy.process.steps)
        self.num_parameters = sum(p.numel() for p in policy.parameters())

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Run as many trajectories, ``(n, dim_theta)``."""
        (n,) = sample_shape
        return self._run(self.encode_x(x.to(self.device)).expand(n, -1))

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Run n trajectories for each row of x ``(B, dim_x)``, ``(n, B, dim_theta)``."""
        (n,) = sample_shape
        c = self.encode_x(x.to(self.device))
        return self._run(c.repeat(n, 1)).unflatten(0, (n, len(c)))

    def _run(self, c: Tensor) -> Tensor:
        ends = []
        for part in c.split(BATCH):
            start = torch.randn(len(part), self.dim_theta, device=self.device)
            noise = torch.randn(self.policy.process.steps, len(part), self.dim_theta, device=self.device)
            ends.append(self.policy.trajectories(start, part, noise)[-1])
        return self.noise.theta(torch.cat(ends))


@register_method("outsourced")
class Outsourced(StudentMethod):
    """Trajectory balance in noise space, after imitation of the simulations' own trajectories.

    Arguments:
        reward: The task's exact likelihood, or sbi's ratio or likelihood estimator trained on simulations.
        distilled: Whether a student of one pass, fitted to the policy's probability-flow ODE, does the
            sampling.
        width: Units of a hidden layer of the policy.
        depth: Its hidden layers.
        training_steps: Optimiser steps of imitation at most; 0 for none.
        balance_steps: Optimiser steps of trajectory balance; 0 for none.
        batch_size: Simulations a step of imitation.
        num_observations: Observations a step of trajectory balance, each with eight trajectories.
        steps: Of the process.
    """

    citation = (
        "Venkatraman et al.: Outsourced diffusion sampling, arXiv 2502.06999; imitation is the suite's own"
    )
    reward: Literal["likelihood", "nre", "nle"] = "nre"
    distilled: bool = False
    width: int = Field(default=128, ge=1)
    depth: int = Field(default=5, ge=1)
    training_steps: int = Field(default=4000, ge=0)
    balance_steps: int = Field(default=1500, ge=0)
    batch_size: int = Field(default=256, ge=1)
    num_observations: int = Field(default=32, ge=1)
    steps: int = Field(default=25, ge=2)
    _log_likelihood: LogLikelihood | None = PrivateAttr(default=None)

    def told(self, log_likelihood: LogLikelihood) -> Outsourced:
        """The method with the likelihood that ``reward=likelihood`` is."""
        told = self.model_copy()
        told._log_likelihood = log_likelihood
        return told

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> Posterior:
        """Train the surrogate, if the reward is one, the policy, and its student, if there is to be one.

        Raises:
            ValueError: for fewer than 20 simulations, values that are not finite, a constant column of theta,
                an x that is constant throughout, a prior that is no known function of normal noise, or
                ``reward=likelihood`` where there is none.
        """
        check_simulations(theta, x, least=LEAST, who="an outsourced sampler")
        theta, x = theta.to(device), x.to(device)
        mapped = noise_map(prior)
        z, encode_x = mapped.noise(theta).float(), Encoding(x)
        c = encode_x(x)
        dims, process = (theta.shape[1], c.shape[1], self.width, self.depth), NoiseProcess(self.steps)
        policy = seeded(lambda: Policy.untrained(*dims, process), seed).to(z)
        if self.training_steps:
            sizes = {"steps": self.training_steps, "batch_size": self.batch_size}
            imitate(policy, z, c, **sizes, rate=RATE, seed=seed)
        if self.balance_steps:
            reward = self._reward(prior, mapped, theta, x, device, seed)
            sizes = {"steps": self.balance_steps, "batch_size": self.num_observations}
            balance(policy, reward, (z, c, x), Mixture(), **sizes, rate=BALANCE_RATE, seed=seed)
        teacher = OutsourcedPosterior(policy, mapped, encode_x, theta.shape[1], z.device)
        return self.student_of(teacher, x, seed) if self.distilled else teacher

    def student_of(self, teacher: OutsourcedPosterior, x: Tensor, seed: int) -> OnePassPosterior:
        """A student of one pass, fitted to the probability-flow ODE of a trained policy.

        Arguments:
            teacher: What :meth:`fit` gives with ``distilled=false``.
            x: Of simulations, between which the student learns, ``(K, dim_x)``.
            seed: Of everything.
        """
        stages = DenoiserFlow(teacher.policy.network, "ab2", DISTILLED_STEPS).stages(1)
        c = teacher.encode_x(x.to(teacher.device))
        students = self.distil(stages, c, teacher.dim_theta, seed)
        theta = teacher.noise.theta
        return OnePassPosterior(
            students, teacher.dim_theta, teacher.encode_x, lambda z, c: theta(z), teacher.device
        )

    def _reward(
        self, prior: Distribution, mapped: NoiseMap, theta: Tensor, x: Tensor, device: str, seed: int
    ) -> LogReward:
        log_ratio = self._likelihood() if self.reward == "likelihood" else None
        if log_ratio is None:
            surrogate = method_class(self.reward)()
            assert isinstance(surrogate, SurrogateMethod)  # noqa: S101  (for the type)
            log_ratio = surrogate.surrogate(prior, theta, x, device, seed)

        @torch.no_grad()
        def log_reward(z: Tensor, x: Tensor) -> Tensor:
            return log_ratio(mapped.theta(z), x)

        return log_reward

    def _likelihood(self) -> LogRatio:
        log_likelihood = self._log_likelihood
        if log_likelihood is None:
            raise ValueError("reward=likelihood: no likelihood was given; reward=nre or nle learns one")

        def on_host(theta: Tensor, x: Tensor) -> Tensor:
            return log_likelihood(theta.cpu(), x.cpu()).to(theta)

        return on_host
