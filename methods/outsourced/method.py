"""``outsourced``: a diffusion sampler in the prior's noise space, trained on a reward, given x.

The prior is written as a function of noise, theta = f(z) with z ~ N(0, I). The posterior in noise space is
then proportional to N(z; 0, I) r(f(z), x), where the reward r is the likelihood up to a factor that depends
on x alone. A policy p, a discrete-time diffusion, is trained to end in this posterior. The objective is
trajectory balance: for trajectories tau that end in z, and a reference process q with marginals N(0, I),

    minimise over p   E loss(delta),   delta = log p(tau) - log q(tau) + log Z(x) - log r(f(z), x),
    loss(delta) = relu(delta² - 0.1) / 2,

where log Z(x) is estimated as the mean of the other terms over several trajectories of one x.

Reference: Venkatraman et al.: Outsourced diffusion sampling: efficient posterior inference in latent spaces
of generative models, arXiv 2502.06999.

Not as published:

- The publication takes a generative model as f. Here f is the inverse distribution function of the prior.
- The reward may be a ratio or likelihood estimator that is trained on the simulations.
- The policy first imitates trajectories that end in the simulations' own parameters.
- Steps are exact and their noise falls geometrically (:mod:`.process`), and the policy also learns variances
  (:mod:`.policy`).
- The loss is linear where delta is below -1 or above 1, and very small rewards are cut off
  (:mod:`.trajectory_balance`).
- Samples are drawn from several candidate trajectories by importance weights (:mod:`.posterior`).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor
from torch.distributions import Distribution

from methods.contract.base import LogLikelihood, Posterior
from methods.contract.checks import check_simulations
from methods.contract.priors import check_continuous
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

LEAST = 20  # Smallest number of simulations, a tenth of which is held out.
RATE, BALANCE_RATE = 4e-3, 5e-4
DISTILLED_STEPS = 24  # Steps of the ODE that labels a student's noise.
NOTHING = -1e6  # Log reward, in nats, that replaces minus infinity and NaN.


@register_method("outsourced")
class Outsourced(StudentMethod):
    """A diffusion in the prior's noise space is trained on a reward by trajectory balance.

    Before that, the policy imitates the simulations' own trajectories. Samples are drawn from several
    candidates by importance weights, see :class:`OutsourcedPosterior`. See this module's docstring for the
    objective, the reference and the differences from the publication.

    Arguments:
        reward: Source of the reward: the task's exact likelihood (``likelihood``), or sbi's ratio (``nre``)
            or likelihood estimator (``nle``), trained on the simulations.
        distilled: Whether a one-pass student, trained on the policy's probability-flow ODE, draws the
            samples. They are then not weighted by the reward.
        candidates: Number of policy trajectories per posterior sample. One is chosen by importance weights
            r·q/p; as the number grows, samples become exact even if the policy is imperfect. With 1, samples
            are not weighted.
        width: Number of units in a hidden layer of the policy.
        depth: Number of hidden layers of the policy.
        training_steps: Maximum number of optimiser steps of imitation; 0 for none.
        balance_steps: Number of optimiser steps of trajectory balance; 0 for none.
        batch_size: Number of simulations per step of imitation.
        num_observations: Number of observations per step of trajectory balance, with eight trajectories each.
        steps: Number of steps of the diffusion.
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
        """Return a copy that may evaluate the task's likelihood, which ``reward=likelihood`` uses."""
        given = self.model_copy()
        given._log_likelihood = log_likelihood
        return given

    def check_prior(self, prior: Distribution) -> None:
        """Raise ValueError if no map from normal noise to the prior is known."""
        check_continuous(prior, self.name)
        noise_map(prior)

    def warm_up(self, device: str = "cpu") -> None:
        """Warm up the training of the policy, and of the surrogate if the reward is a surrogate."""
        super().warm_up(device)
        if self.reward != "likelihood":
            method_class(self.reward)().warm_up(device)

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> Posterior:
        """Train the surrogate (if the reward is one), the policy, and a student (if ``distilled``).

        Raises:
            ValueError: If there are fewer than 20 simulations, values are not finite, a column of theta is
                constant, all columns of x are constant, the prior has no known map from normal noise, or no
                likelihood was given for ``reward=likelihood``.
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
        """Return a one-pass student, trained on the probability-flow ODE of a trained policy.

        Arguments:
            teacher: Posterior that :meth:`fit` returns with ``distilled=false``.
            x: Data of the simulations, ``(K, dim_x)``. Labels lie between neighbouring rows.
            seed: Seed for all randomness.
        """
        flow = DenoiserFlow(teacher.policy.network, "ab2", DISTILLED_STEPS)
        c = teacher.encode_x(x.to(teacher.device))
        student = self.distil(flow, c, teacher.dim_theta, seed)
        theta = teacher.noise.theta
        return OnePassPosterior(
            [student], teacher.dim_theta, teacher.encode_x, lambda z, c: theta(z), teacher.device
        )

    def _reward(
        self, prior: Distribution, mapped: NoiseMap, theta: Tensor, x: Tensor, device: str, seed: int
    ) -> tuple[LogReward, int]:
        """Return the log reward as a function of noise and x, and its number of trained parameters."""
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
            raise ValueError("reward=likelihood: no likelihood was given; use reward=nre or reward=nle")

        def on_host(theta: Tensor, x: Tensor) -> Tensor:
            return log_likelihood(theta.cpu(), x.cpu()).to(theta)

        return on_host
