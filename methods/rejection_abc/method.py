"""``rejection_abc``: rejection approximate Bayesian computation.

The simulations nearest to the observation x_o are accepted, and their parameters are smoothed with a Gaussian
kernel of Scott's width. With the set A of n accepted simulations, the covariance C of their parameters and
h = n^(-1 / (dim_theta + 4)), the estimate is

    p(theta | x_o) ≈ (1 / n) sum_{k in A} N(theta; theta_k, h² C).

Nothing is trained, so there is no objective.

References: Tavaré, Balding, Griffiths, Donnelly: Inferring coalescence times from DNA sequence data,
Genetics 145, 1997; Lueckmann et al.: Benchmarking simulation-based inference, AISTATS 2021, arXiv 2101.04653
(number of accepted simulations and smoothing).

Not as published: the original accepts simulations within a fixed tolerance. Here a fixed number is accepted,
as in sbibm, and the distance is Euclidean after each column of x is scaled to unit variance. Extreme tails
of x are compressed first (:mod:`methods.transforms.tails`). Draws of the kernel outside the prior are
replaced by new ones, for a bounded number of rounds (:mod:`methods.contract.inside`), and the few that are
then left by accepted parameters. The density is that of the estimate above restricted to the prior.
"""

from __future__ import annotations

import copy

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution

from methods.contract.base import Method, Posterior
from methods.contract.inside import InsidePrior
from methods.contract.priors import check_continuous
from methods.contract.registry import register_method
from methods.transforms.tails import ScaledData

__all__ = ["RejectionABC"]


DISTANCES = 2**22  # Number of distances computed at once. They take 17 MB.


class _AbcPosterior(Posterior):
    def __init__(self, theta: Tensor, x: Tensor, num_accepted: int, inside: InsidePrior | None) -> None:
        """Store the simulations.

        Arguments:
            theta: Parameters, ``(K, dim_theta)``.
            x: Data, ``(K, dim_x)``.
            num_accepted: Number of simulations accepted for an observation.
            inside: Set where the prior has mass; None for no smoothing.
        """
        self._theta, self._num_accepted = theta, num_accepted
        self._inside, self._kde = inside, inside is not None
        self._usable = None if inside is None else inside.check_centres(theta)
        self._scale = ScaledData(x)
        self._x = self._scale(x)

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        return self.sample_batched(sample_shape, x)[:, 0]

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        (n,) = sample_shape
        observations = max(1, DISTANCES // len(self._x))
        return torch.cat([self._kept(n, self._nearest(rows)) for rows in x.split(observations)], dim=1)

    def without_rejection(self) -> _AbcPosterior:
        if self._inside is None or self._inside.everywhere:
            return self
        raw = copy.copy(self)
        raw._inside = None
        return raw

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        from scipy.stats import gaussian_kde

        if not self._kde:
            return super().log_prob(theta, x)
        accepted = self._theta[self._nearest(x)]
        density = gaussian_kde(accepted[0].double().numpy().T)
        log_p = torch.from_numpy(density.logpdf(theta.double().numpy().T)).to(theta.dtype)
        inside = self._inside
        if inside is None or inside.everywhere:
            return log_p
        log_share = inside.log_share(lambda m: self._drawn(m, accepted)[:, 0])
        return (log_p - log_share).where(inside(theta), -torch.inf)

    def _kept(self, n: int, nearest: Tensor) -> Tensor:
        """Return draws ``(n, B, dim_theta)`` for accepted rows ``(B, num_accepted)``, inside the prior."""
        accepted = self._theta[nearest]
        theta = self._drawn(n, accepted)
        if self._inside is None or self._usable is None:
            return theta
        usable = self._usable

        def centres(m: int, row: int) -> Tensor:
            chosen = nearest[row][usable[nearest[row]]]
            chosen = chosen if len(chosen) else usable.nonzero().flatten()
            return self._theta[chosen[torch.randint(len(chosen), (m,))]]

        return self._inside.kept(theta, lambda m, rows: self._drawn(m, accepted[rows]), centres)

    def _nearest(self, x: Tensor) -> Tensor:
        """Return the rows of the simulations nearest to each x, ``(B, num_accepted)``."""
        # Distances by matrix products would lose precision, since they are differences of large numbers.
        distance = torch.cdist(self._scale(x), self._x, compute_mode="donot_use_mm_for_euclid_dist")
        return distance.topk(self._num_accepted, largest=False).indices

    def _drawn(self, n: int, accepted: Tensor) -> Tensor:
        """Return draws ``(n, B, dim_theta)`` from the accepted parameters, smoothed if ``kde`` is set."""
        num_x, number, dim = accepted.shape
        chosen = torch.randint(number, (n, num_x))
        theta = accepted[torch.arange(num_x), chosen]
        if not self._kde:
            return theta
        noise = torch.randn(n, num_x, dim, 1, dtype=torch.float64)
        return theta + (_roots(kernel_covariance(accepted)) @ noise)[..., 0].to(theta)


def _roots(covariance: Tensor) -> Tensor:
    """Return matrices R with R Rᵀ equal to covariances ``(B, dim, dim)``, which may be singular.

    They are Cholesky factors where these exist. Parameters that are tied, such as offsets that sum to zero,
    have a singular covariance, whose root is found from its eigenvectors in units of the deviations.
    """
    factor, info = torch.linalg.cholesky_ex(covariance)
    singular = info != 0
    if bool(singular.any()):
        deviations = covariance[singular].diagonal(dim1=-2, dim2=-1).sqrt()[..., None]
        units = deviations.where(deviations > 0.0, torch.ones_like(deviations))
        values, vectors = torch.linalg.eigh(covariance[singular] / units / units.mT)
        factor[singular] = units * vectors * values.clamp_min(0.0).sqrt()[..., None, :]
    return factor


def kernel_covariance(accepted: Tensor) -> Tensor:
    """Return covariances ``(B, dim, dim)`` of Scott's kernel for values ``(B, number, dim)``, as in scipy."""
    _, number, dim = accepted.shape
    centred = accepted.double() - accepted.double().mean(dim=1, keepdim=True)
    covariance = centred.mT @ centred / (number - 1)
    return covariance * number ** (-2.0 / (dim + 4))


@register_method("rejection_abc")
class RejectionABC(Method):
    """The simulations nearest to the observation are accepted and smoothed with a kernel.

    See this module's docstring for the equation, the references and the differences from the publication.

    Arguments:
        num_accepted: Number of simulations accepted for an observation.
        kde: Whether to smooth the accepted parameters. If false, they are drawn with replacement, and there
            is no density.
    """

    citation = "Tavaré et al. 1997"
    version = "3"
    num_accepted: int = Field(default=100, ge=1)
    kde: bool = True

    def check_prior(self, prior: Distribution) -> None:
        """Raise ValueError if a parameter takes whole numbers only, which the kernel would smooth."""
        if self.kde:
            check_continuous(prior, f"{self.name} with kde=true")

    def warm_up(self, device: str = "cpu") -> None:
        """Do nothing, since nothing is trained."""

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> Posterior:
        """Store the simulations, always on the CPU.

        Raises:
            ValueError: If there are fewer than ``num_accepted`` simulations, or none of their parameters is
                inside the prior and they are smoothed.
        """
        if self.num_accepted > len(theta):
            raise ValueError(f"num_accepted {self.num_accepted}: there are only {len(theta)} simulations")
        inside = InsidePrior(prior, theta.shape[1]) if self.kde else None
        return _AbcPosterior(theta.cpu(), x.cpu(), self.num_accepted, inside)
