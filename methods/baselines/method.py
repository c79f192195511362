"""The two ends of the scale: draws of the prior, and other draws of the reference itself."""

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
    """Ignore x: how far the reference is from knowing nothing."""

    def warm_up(self, device: str = "cpu") -> None:
        """Nothing is trained."""

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> Posterior:
        """Keep the prior."""
        return _PriorPosterior(prior)


class HeldOutDraws(Posterior):
    """Hands out draws that it was given, observation by observation; the same ones at every call.

    Sampling an observation without draws raises KeyError; asking for more than there are, ValueError.
    """

    def __init__(self) -> None:
        self._draws: dict[bytes, Tensor] = {}

    def hold(self, x: Tensor, draws: Tensor) -> None:
        """Keep draws ``(n, dim_theta)`` for the observation x ``(1, dim_x)``."""
        self._draws[x.cpu().numpy().tobytes()] = draws

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """The first n of the draws held for x, ``(n, dim_theta)``."""
        draws = self._draws[x.cpu().numpy().tobytes()]
        (n,) = sample_shape
        if n > len(draws):
            raise ValueError(f"{n} reference draws wanted, {len(draws)} held out")
        return draws[:n]


@register_method("reference")
class Reference(Method):
    """The noise floor: one half of the reference draws against the other.

    The benchmark splits the stored reference, scores against one half and gives the other to this method
    (no other method is given any), so a row has at most half as many samples as the reference.
    """

    amortized = False

    def warm_up(self, device: str = "cpu") -> None:
        """Nothing is trained."""

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> HeldOutDraws:
        """Return a holder that the benchmark fills."""
        return HeldOutDraws()
