"""Rejection approximate Bayesian computation.

Keep the simulations nearest to x_o (Euclidean distance after scaling each column) and smooth their
parameters with a Gaussian kernel of Scott's width:

    p(theta | x_o) ~ mean over the accepted k of N(theta; theta_k, h² Cov).

Reference: Tavaré, Balding, Griffiths, Donnelly: Inferring coalescence times from DNA sequence data,
Genetics 1997; accepted number and smoothing as in the sbibm benchmark (arXiv 2101.04653).
"""

from __future__ import annotations

import torch
from pydantic import Field
from scipy.stats import gaussian_kde
from torch import Tensor
from torch.distributions import Distribution

from methods.base import Method, Posterior
from methods.registry import register_method
from methods.scaling import Standardizer

__all__ = ["RejectionABC"]


class _AbcPosterior(Posterior):
    def __init__(self, theta: Tensor, x: Tensor, num_accepted: int, kde: bool) -> None:
        self._theta, self._num_accepted, self._kde = theta, num_accepted, kde
        self._scale = Standardizer.fit(x)
        self._x = self._scale(x)

    def _accepted(self, x: Tensor) -> Tensor:
        distance = (self._x - self._scale(x)).norm(dim=1)
        return self._theta[distance.topk(self._num_accepted, largest=False).indices]

    def _density(self, accepted: Tensor) -> gaussian_kde:
        return gaussian_kde(accepted.double().numpy().T)

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        accepted = self._accepted(x)
        (n,) = sample_shape
        if not self._kde:
            return accepted[torch.randint(len(accepted), (n,))]
        seed = int(torch.randint(2**31, (1,)))
        draws = self._density(accepted).resample(n, seed=seed).T
        return torch.from_numpy(draws).to(accepted.dtype)

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        if not self._kde:
            return super().log_prob(theta, x)
        density = self._density(self._accepted(x))
        return torch.from_numpy(density.logpdf(theta.double().numpy().T)).to(theta.dtype)


@register_method("rejection_abc")
class RejectionABC(Method):
    """Nearest simulations, kernel-smoothed.

    Arguments:
        num_accepted: Simulations kept for an observation.
        kde: Smooth them; without, the accepted parameters are drawn with replacement.
    """

    citation = "Tavaré et al. 1997"
    num_accepted: int = Field(default=100, ge=1)
    kde: bool = True

    def warm_up(self, device: str = "cpu") -> None:
        """Nothing is trained."""

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> Posterior:
        """Store the simulations (on the CPU, whatever the device).

        Raises:
            ValueError: where fewer simulations exist than are to be accepted.
        """
        if self.num_accepted > len(theta):
            raise ValueError(f"num_accepted {self.num_accepted}: there are only {len(theta)} simulations")
        return _AbcPosterior(theta.cpu(), x.cpu(), self.num_accepted, self.kde)
