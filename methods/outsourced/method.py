"""``outsourced``: a diffusion in the prior's noise space, trained on a reward, conditional on x."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor
from torch.distributions import Distribution

from methods.contract.base import LogLikelihood, Posterior
from methods.contract.checks import check_simulations
from methods.contract.registry import method_class, register_method
from methods.contract.seeding import derive_seed
from methods.denoiser import DenoiserFlow, DenoiserMethod
from methods.learning.networks import seeded
from methods.outsourced.policy import Policy
from methods.outsourced.policy_training import LogReward, Mixture, balance, imitate
from methods.outsourced.posterior import OutsourcedPosterior
from methods.outsourced.process import NoiseProcess
from methods.sbi.surrogates import LogRatio, SurrogateMethod
from methods.student import OnePassPosterior, StudentMethod
from methods.transforms.encoding import Encoding
from methods.transforms.noise_map import NoiseMap, noise_map

__all__ = ["Outsourced"]

LEAST = 20  # simulations, a tenth of which is held out
RATE, BALANCE_RATE = 4e-3, 5e-4
DISTILLED_STEPS = 24  # of the ODE that labels a student
NOTHING = -1e6  # nats, in place of minus infinity and NaN


@register_method("outsourced")
class Outsourced(StudentMethod):
    """Trajectory balance in noise space, after imitation of the simulations' own trajectories.

    Samples are drawn from several candidates by weights that the reward gives: see
    :class:`OutsourcedPosterior`.

    Arguments:
        reward: The task's exact likelihood, or sbi's ratio or likelihood estimator trained on simulations.
        distilled: Whether a student of one pass, fitted to the policy's probability-flow ODE, does the
            sampling, which no reward weighs.
        candidates: Trajectories of the policy for each sample; with one, samples are not weighed.
        width: Units of a hidden layer of the policy.
        depth: Its hidden layers.
        training_steps: Optimiser steps of imitation at most; 0 for none.
        balance_steps: Optimiser steps of trajectory balance; 0 for none.
        batch_size: Simulations a step of imitation.
        num_observations: Observations a step of trajectory balance, each with eight trajectories.
        steps: Of the process.
    """

    citation = (
        "Venkatraman et al.: Outsourced diffusion sampling, arXiv 2502.06999; imitation and the weighing of "
        "samples are the suite's own"
    )
    libraries: ClassVar[tuple[str, ...]] = (*StudentMethod.libraries, *DenoiserMethod.libraries)
    version = "3"
    reward: Literal["likelihood", "nre", "nle"] = "nre"
    distilled: bool = False
    candidates: int = Field(default=4, ge=1)
    width: int = Field(default=128, ge=1)
    depth: int = Field(default=5, ge=1)
    training_steps: int = Field(default=4000, ge=0)
    balance_steps: int = Field(default=1500, ge=0)
    batch_size: int = Field(default=256, ge=1)
    num_observations: int = Field(default=32, ge=1)
    steps: int = Field(default=25, ge=2)
    _log_likelihood: LogLikelihood | None = PrivateAttr(default=None)

    def with_likelihood(self, log_likelihood: LogLikelihood) -> Outsourced:
        """The method with the likelihood that ``reward=likelihood`` is."""
        given = self.model_copy()
        given._log_likelihood = log_likelihood
        return given

    def warm_up(self, device: str = "cpu") -> None:
        """What trains the policy, and the surrogate if the reward is one."""
        super().warm_up(device)
        if self.reward != "likelihood":
            method_class(self.reward)().warm_up(device)

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
            imitate(policy, z, c, **sizes, rate=RATE, seed=derive_seed("imitation", seed))
        weighed = self.candidates > 1 and not self.distilled
        reward, reward_parameters = None, 0
        if self.balance_steps or weighed:
            reward, reward_parameters = self._reward(prior, mapped, theta, x, device, seed)
        if reward and self.balance_steps:
            sizes = {"steps": self.balance_steps, "batch_size": self.num_observations}
            balance(
                policy,
                reward,
                (z, c, x),
                Mixture(),
                **sizes,
                rate=BALANCE_RATE,
                seed=derive_seed("balance", seed),
            )
        weighing = (reward, self.candidates, reward_parameters) if weighed else (None, 1, 0)
        teacher = OutsourcedPosterior(policy, mapped, encode_x, theta.shape[1], z.device, *weighing)
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
    ) -> tuple[LogReward, int]:
        """The reward, and how many trained parameters it has."""
        log_ratio, num_parameters = self._log_ratio(prior, theta, x, device, seed)

        @torch.no_grad()
        def log_reward(z: Tensor, x: Tensor) -> Tensor:
            reward = log_ratio(mapped.theta(z), x)
            return reward.nan_to_num(nan=NOTHING, neginf=NOTHING).clamp(min=NOTHING)

        return log_reward, num_parameters

    def _log_ratio(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str, seed: int
    ) -> tuple[LogRatio, int]:
        if self.reward == "likelihood":
            return self._likelihood(), 0
        method = method_class(self.reward)()
        assert isinstance(method, SurrogateMethod)  # noqa: S101  (for the type)
        surrogate = method.surrogate(prior, theta, x, device, seed)
        return surrogate, surrogate.num_parameters

    def _likelihood(self) -> LogRatio:
        log_likelihood = self._log_likelihood
        if log_likelihood is None:
            raise ValueError("reward=likelihood: no likelihood was given; reward=nre or nle learns one")

        def on_host(theta: Tensor, x: Tensor) -> Tensor:
            return log_likelihood(theta.cpu(), x.cpu()).to(theta)

        return on_host
