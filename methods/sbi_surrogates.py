"""Thin adapters over sbi's NRE and NLE: a surrogate of the likelihood, sampled by Markov chains for each x.

The surrogate by itself, as a function of theta and x, is what ``outsourced`` takes as its reward.
"""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution

from methods.base import Posterior
from methods.registry import register_method
from methods.sbi_adapters import SbiTraining, quietly

__all__ = ["NLE", "NRE", "LogRatio", "SurrogateMethod"]

# Log likelihood of theta (N, dim_theta) and x (N, dim_x), row by row, but for a constant of x: (N,).
LogRatio = Callable[[Tensor, Tensor], Tensor]


@contextlib.contextmanager
def _numpy_seeded() -> Iterator[None]:
    """Numpy's global state, which sbi's slice sampler draws from, seeded from torch's; then as it was."""
    before = np.random.get_state()
    np.random.seed(int(torch.randint(2**31, (1,))))
    try:
        yield
    finally:
        np.random.set_state(before)


class _Counted:
    """A potential of sbi's that counts the rows it is asked for."""

    def __init__(self, potential: Any) -> None:
        self._potential, self.rows = potential, 0

    def __call__(self, theta: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        self.rows += len(theta)
        return self._potential(theta, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._potential, name)


class SurrogatePosterior(Posterior):
    """Slice sampling of the surrogate's posterior, a new set of chains for each x.

    Arguments:
        posterior: sbi's.
        estimator: The network, evaluations of which are counted.
    """

    def __init__(self, posterior: Any, estimator: Any) -> None:
        self._posterior, self._potential = posterior, _Counted(posterior.potential_fn)
        posterior.potential_fn = self._potential
        self.nfe = float("nan")
        self.num_parameters = sum(p.numel() for p in estimator.parameters())

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Run the chains, ``(n, dim_theta)``."""
        (n,) = sample_shape
        self._potential.rows = 0
        with quietly(), _numpy_seeded():
            theta = self._posterior.sample((n,), x=x, show_progress_bars=False)
        self.nfe = self._potential.rows / n
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
        return SurrogatePosterior(posterior, estimator)

    def surrogate(self, prior: Distribution, theta: Tensor, x: Tensor, device: str, seed: int) -> LogRatio:
        """The trained surrogate by itself, without gradients."""
        with self.training(prior, theta, x, device, seed) as (_, estimator):
            estimator.eval()

        @torch.no_grad()
        def log_ratio(theta: Tensor, x: Tensor) -> Tensor:
            return self._log_ratio(estimator, theta, x)

        return log_ratio


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
