"""Thin adapters over sbi's NRE and NLE: a surrogate of the likelihood, sampled by Markov chains for each x.

The surrogate by itself, as a function of theta and x, is what ``outsourced`` takes as its reward.
"""

from __future__ import annotations

import contextlib
import copy
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
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
from methods.sbi.posteriors import SbiTraining, quietly

__all__ = ["NLE", "NRE", "LogRatio", "SurrogateMethod"]

SIDE_BY_SIDE = 50  # observations whose chains run at once

# Log likelihood of theta (N, dim_theta) and x (N, dim_x), row by row, but for a constant of x: (N,).
LogRatio = Callable[[Tensor, Tensor], Tensor]


@contextlib.contextmanager
def _numpy_seeded() -> Iterator[None]:
    """Numpy's global state, which sbi's slice sampler draws from, seeded from torch's; then as it was."""
    before = np.random.get_state()
    np.random.seed(derive_seed("chains", int(torch.randint(2**31, (1,)))))
    try:
        yield
    finally:
        np.random.set_state(before)


@dataclass(frozen=True)
class Surrogate:
    """A trained surrogate as a function of theta and x; see :data:`LogRatio`.

    Attributes:
        log_ratio: The function.
        num_parameters: Its trained parameters.
    """

    log_ratio: LogRatio
    num_parameters: int

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log likelihoods ``(N,)`` but for a constant of x, without gradients."""
        with torch.no_grad():
            return self.log_ratio(theta, x)


class SurrogatePosterior(Posterior):
    """Slice sampling of the surrogate's posterior, a new set of chains for each x.

    Arguments:
        posterior: sbi's.
    """

    def __init__(self, posterior: Any) -> None:
        self._posterior, self._evaluations = posterior, Evaluations()
        # The hooks go on the potential's own estimator, which is a copy of the trained one.
        [estimator] = [part for part in vars(posterior.potential_fn).values() if isinstance(part, nn.Module)]
        self._evaluations.watch(*run_by_one_evaluation(estimator))
        self.nfe = float("nan")
        self.num_parameters = sum(p.numel() for p in estimator.parameters())

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Run the chains, ``(n, dim_theta)``."""
        return self._drawn(lambda: self._posterior.sample(sample_shape, x=x, show_progress_bars=False))

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Run the chains of many rows of x ``(B, dim_x)`` side by side, ``(n, B, dim_theta)``."""
        return self._drawn(
            lambda: torch.cat(
                [self._side_by_side(sample_shape, rows) for rows in x.split(SIDE_BY_SIDE)], dim=1
            )
        )

    def _side_by_side(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        # sbi writes into the options that it is given; those of the posterior serve other calls too.
        options = copy.copy(self._posterior.init_strategy_parameters)
        return self._posterior.sample_batched(
            sample_shape, x=x, init_strategy_parameters=options, show_progress_bars=False
        )

    def _drawn(self, draw: Callable[[], Tensor]) -> Tensor:
        with quietly(), _numpy_seeded():
            theta, self.nfe = self._evaluations.per_sample(draw)
        return theta.detach()


class SurrogateMethod(SbiTraining):
    """What NRE and NLE share.

    Arguments:
        num_chains: Markov chains at once.
        warmup_steps: Sweeps of a chain before its first draw.
    """

    num_chains: int = Field(default=20, ge=1)
    warmup_steps: int = Field(default=200, ge=0)

    @abstractmethod
    def _log_ratio(self, estimator: Any, theta: Tensor, x: Tensor) -> Tensor:
        """The surrogate, row by row."""

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> SurrogatePosterior:
        """Train sbi's estimator on the simulations.

        Raises:
            ModuleNotFoundError: where sbi is not installed, naming it.
        """
        with self.training(prior, theta, x, device, seed) as (trainer, estimator):
            posterior = trainer.build_posterior(
                estimator,
                sample_with="mcmc",
                mcmc_method="slice_np_vectorized",
                mcmc_parameters={"num_chains": self.num_chains, "warmup_steps": self.warmup_steps, "thin": 1},
            )
        return SurrogatePosterior(posterior)

    def surrogate(self, prior: Distribution, theta: Tensor, x: Tensor, device: str, seed: int) -> Surrogate:
        """The trained surrogate by itself, without gradients."""
        with self.training(prior, theta, x, device, seed) as (_, estimator):
            estimator.eval()

        num_parameters = sum(p.numel() for p in estimator.parameters())
        return Surrogate(partial(self._log_ratio, estimator), num_parameters)


@register_method("nre")
class NRE(SurrogateMethod):
    """Neural ratio estimation, by a classifier among several theta, with slice sampling.

    Arguments:
        classifier: sbi's network.
    """

    citation = (
        "Durkan, Murray, Papamakarios: On contrastive learning for likelihood-free inference, 2020; sbi"
    )
    classifier: Literal["resnet", "mlp", "linear"] = "resnet"

    def _trainer(self, **common: Any) -> Any:
        from sbi import inference

        return inference.NRE(classifier=self.classifier, **common)

    def _log_ratio(self, estimator: Any, theta: Tensor, x: Tensor) -> Tensor:
        return estimator(theta, x)


@register_method("nle")
class NLE(SurrogateMethod):
    """Neural likelihood estimation: a flow of x given theta, with slice sampling.

    Arguments:
        density_estimator: sbi's flow; masked autoregressive by default.
    """

    citation = "Papamakarios, Sterratt, Murray: Sequential neural likelihood, AISTATS 2019; package sbi"
    density_estimator: Literal["maf", "nsf", "mdn", "made"] = "maf"

    def _trainer(self, **common: Any) -> Any:
        from sbi import inference

        return inference.NLE(density_estimator=self.density_estimator, **common)

    def _log_ratio(self, estimator: Any, theta: Tensor, x: Tensor) -> Tensor:
        return estimator.log_prob(x[None], condition=theta)[0]
