"""``nre`` and ``nle``: thin adapters of the package sbi for surrogates of the likelihood.

A surrogate is trained on the simulations. Its posterior, surrogate times prior, is sampled by Markov chains
for each x. The classes state the objectives and references. The surrogate alone, as a function of theta and
x, can be the reward of ``outsourced``.
"""

from __future__ import annotations

import contextlib
import copy
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Distribution

from methods.contract.base import Posterior
from methods.contract.counting import Evaluations
from methods.contract.registry import register_method
from methods.contract.seeding import derive_seed
from methods.sbi.estimators import run_by_one_evaluation
from methods.sbi.sbi_training import SbiTraining, quietly
from methods.sbi.units import Units

__all__ = ["NLE", "NRE", "LogRatio", "SurrogateMethod"]

SIDE_BY_SIDE = 50  # Number of observations whose chains run at once.

# Function of theta (N, dim_theta) and x (N, dim_x) that returns log likelihoods (N,), row by row, up to a
# constant that depends on x alone.
LogRatio = Callable[[Tensor, Tensor], Tensor]


@contextlib.contextmanager
def _numpy_seeded() -> Iterator[None]:
    """Seed numpy's global random state from torch's within this context, and restore it at the end.

    sbi's slice sampler draws from numpy's global state.
    """
    before = np.random.get_state()
    np.random.seed(derive_seed("chains", int(torch.randint(2**31, (1,)))))
    try:
        yield
    finally:
        np.random.set_state(before)


@dataclass(frozen=True)
class Surrogate:
    """A trained surrogate as a function of theta and x, see :data:`LogRatio`.

    Attributes:
        log_ratio: Function that evaluates the surrogate.
        num_parameters: Number of its trained parameters.
    """

    log_ratio: LogRatio
    num_parameters: int

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return log likelihoods ``(N,)``, in nats, up to a constant of x and without gradients."""
        with torch.no_grad():
            return self.log_ratio(theta, x)


class SurrogatePosterior(Posterior):
    """A posterior that samples by slice sampling of a surrogate, with new chains for each x.

    Arguments:
        posterior: Posterior that sbi built, with Markov chains as its sampler.
        units: Units that sbi got theta and x in.
    """

    def __init__(self, posterior: Any, units: Units) -> None:
        self._posterior, self._units, self._evaluations = posterior, units, Evaluations()
        # Hooks are registered on the potential's own estimator, which is a copy of the trained one.
        [estimator] = [part for part in vars(posterior.potential_fn).values() if isinstance(part, nn.Module)]
        self._evaluations.watch(*run_by_one_evaluation(estimator))
        self.nfe = float("nan")
        self.num_parameters = sum(p.numel() for p in estimator.parameters())

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, dim_theta)`` samples for one observation x ``(1, dim_x)`` by Markov chains."""
        x = self._units.x(x)
        return self._drawn(lambda: self._posterior.sample(sample_shape, x=x, show_progress_bars=False))

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, B, dim_theta)`` samples for B observations x ``(B, dim_x)`` by parallel chains."""
        x = self._units.x(x)
        return self._drawn(
            lambda: torch.cat(
                [self._side_by_side(sample_shape, rows) for rows in x.split(SIDE_BY_SIDE)], dim=1
            )
        )

    def _side_by_side(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        # sbi modifies the options it receives. The posterior's own options are needed for later calls.
        options = copy.copy(self._posterior.init_strategy_parameters)
        return self._posterior.sample_batched(
            sample_shape, x=x, init_strategy_parameters=options, show_progress_bars=False
        )

    def _drawn(self, draw: Callable[[], Tensor]) -> Tensor:
        with quietly(), _numpy_seeded():
            theta, self.nfe = self._evaluations.per_sample(draw)
        return self._units.original(theta.detach())


class SurrogateMethod(SbiTraining):
    """The base class of NRE and NLE.

    Arguments:
        num_chains: Number of parallel Markov chains for an observation.
        warmup_steps: Number of sweeps of a chain before its first draw.
    """

    num_chains: int = Field(default=20, ge=1)
    warmup_steps: int = Field(default=200, ge=0)

    @abstractmethod
    def _log_ratio(self, estimator: Any, theta: Tensor, x: Tensor) -> Tensor:
        """Return the surrogate's log likelihoods ``(N,)``, row by row, up to a constant of x."""

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> SurrogatePosterior:
        """Train sbi's estimator on the simulations and build its posterior.

        Raises:
            ModuleNotFoundError: If sbi is not installed.
        """
        with self.training(prior, theta, x, device, seed) as (trainer, estimator, units):
            posterior = trainer.build_posterior(
                estimator,
                sample_with="mcmc",
                mcmc_method="slice_np_vectorized",
                mcmc_parameters={"num_chains": self.num_chains, "warmup_steps": self.warmup_steps, "thin": 1},
            )
        return SurrogatePosterior(posterior, units)

    def surrogate(self, prior: Distribution, theta: Tensor, x: Tensor, device: str, seed: int) -> Surrogate:
        """Train sbi's estimator and return it alone, as a function without gradients.

        Raises:
            ModuleNotFoundError: If sbi is not installed.
        """
        with self.training(prior, theta, x, device, seed) as (_, estimator, units):
            estimator.eval()

        def log_ratio(theta: Tensor, x: Tensor) -> Tensor:
            return self._log_ratio(estimator, units.theta(theta), units.x(x))

        return Surrogate(log_ratio, sum(p.numel() for p in estimator.parameters()))


@register_method("nre")
class NRE(SurrogateMethod):
    """A classifier among several theta learns the likelihood ratio, and slice sampling draws from it.

    This is neural ratio estimation (NRE). The log ratio f(theta, x) minimises

        -E log( exp f(theta, x) / sum_j exp f(theta_j, x) ),

    where the theta_j are the theta of x and several others. At the optimum f is log p(x | theta) up to a
    constant that depends on x alone.

    Reference: Durkan, Murray, Papamakarios: On contrastive learning for likelihood-free inference, ICML 2020.

    Not as published: the publication simulates in several rounds; here there is one round from the prior.
    Network, number of theta and slice sampler are sbi's.

    Arguments:
        classifier: Kind of sbi's network.
    """

    citation = (
        "Durkan, Murray, Papamakarios: On contrastive learning for likelihood-free inference, 2020; sbi"
    )
    least = 11  # sbi holds a tenth out, in which there have to be two theta to tell apart
    classifier: Literal["resnet", "mlp", "linear"] = "resnet"

    def _trainer(self, **common: Any) -> Any:
        from sbi import inference

        return inference.NRE(classifier=self.classifier, **common)

    def _log_ratio(self, estimator: Any, theta: Tensor, x: Tensor) -> Tensor:
        return estimator(theta, x)


@register_method("nle")
class NLE(SurrogateMethod):
    """A flow of x given theta learns the likelihood, and slice sampling draws from its posterior.

    This is neural likelihood estimation (NLE). The flow q(x | theta) minimises

        -E log q(x | theta),    theta ~ p(theta), x ~ p(x | theta).

    Reference: Papamakarios, Sterratt, Murray: Sequential neural likelihood: fast likelihood-free inference
    with autoregressive flows, AISTATS 2019.

    Not as published: the publication simulates in several rounds; here there is one round from the prior.
    Flow and slice sampler are sbi's.

    Arguments:
        density_estimator: Kind of density estimator, as for :class:`methods.sbi.NPE`; ``maf`` is sbi's
            default.
    """

    citation = "Papamakarios, Sterratt, Murray: Sequential neural likelihood, AISTATS 2019; package sbi"
    density_estimator: Literal["maf", "nsf", "mdn", "made"] = "maf"

    def _trainer(self, **common: Any) -> Any:
        from sbi import inference

        return inference.NLE(density_estimator=self.density_estimator, **common)

    def _log_ratio(self, estimator: Any, theta: Tensor, x: Tensor) -> Tensor:
        return estimator.log_prob(x[None], condition=theta)[0]
