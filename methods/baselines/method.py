"""``prior`` and ``reference``: baselines that mark the two ends of the scale of every metric.

``prior`` returns draws of p(theta), so it marks the score of a method that ignores x. ``reference`` returns
held-out draws of the reference posterior p(theta | x_o), so it marks the score of exact samples. Nothing is
trained, so there is no objective, and there is no publication.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from methods.contract.base import Method, Posterior
from methods.contract.registry import register_method

__all__ = ["Prior", "Reference"]


class _PriorPosterior(Posterior):
    def __init__(self, prior: Distribution) -> None:
        self._prior = prior

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        return self._prior.sample(torch.Size(sample_shape))

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        return self._prior.log_prob(theta)


@register_method("prior")
class Prior(Method):
    """Draws of the prior, which ignore x, show the score of a method that learned nothing."""

    def warm_up(self, device: str = "cpu") -> None:
        """Do nothing, since nothing is trained."""

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> Posterior:
        """Store the prior."""
        return _PriorPosterior(prior)


class HeldOutDraws(Posterior):
    """A posterior that returns stored draws for each observation, the same ones at every call."""

    def __init__(self) -> None:
        self._draws: dict[bytes, Tensor] = {}

    def hold(self, x: Tensor, draws: Tensor) -> None:
        """Store draws ``(n, dim_theta)`` for the observation x ``(1, dim_x)``."""
        self._draws[x.cpu().numpy().tobytes()] = draws

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Return the first n stored draws for x ``(1, dim_x)``, ``(n, dim_theta)``.

        Raises:
            KeyError: If no draws are stored for x.
            ValueError: If fewer than n draws are stored for x.
        """
        draws = self._draws[x.cpu().numpy().tobytes()]
        (n,) = sample_shape
        if n > len(draws):
            raise ValueError(f"{n} reference draws requested, but only {len(draws)} are held out")
        return draws[:n]


@register_method("reference")
class Reference(Method):
    """Held-out draws of the reference posterior show the noise floor of every metric.

    The benchmark splits the stored reference in two. It scores against one half and gives the other half to
    this method, and to no other. A row therefore has at most half as many samples as the reference.
    """

    amortized = False

    def warm_up(self, device: str = "cpu") -> None:
        """Do nothing, since nothing is trained."""

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> HeldOutDraws:
        """Return an empty posterior, which the benchmark fills with draws."""
        return HeldOutDraws()
