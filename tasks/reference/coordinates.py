"""A prior's own coordinates: theta as a function of uniform or of standard normal variables."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import ndtr
from scipy.stats import norm
from torch import Tensor
from torch.distributions import Distribution, Independent

__all__ = ["PriorCoordinates"]

MARGIN = 1e-15  # of the unit cube: quantile functions are infinite on its faces


class PriorCoordinates:
    """Theta of v, uniform on the unit cube, or of u, standard normal, for a prior of independent columns.

    In v the posterior is the likelihood, normalised; in u it is the likelihood times the standard normal.

    Arguments:
        prior: ``Independent`` of a distribution with quantile function (``icdf``).

    Raises:
        TypeError: for another prior.

    Example:
        >>> from torch.distributions import Uniform
        >>> coordinates = PriorCoordinates(Independent(Uniform(torch.zeros(2), torch.ones(2)), 1))
        >>> coordinates.of_normal(np.zeros((1, 2)))
        tensor([[0.5000, 0.5000]], dtype=torch.float64)
    """

    def __init__(self, prior: Distribution) -> None:
        if not isinstance(prior, Independent):
            raise TypeError(f"a prior of independent columns is needed, not {type(prior).__name__}")
        self._marginals, self.dim = prior.base_dist, prior.event_shape[0]

    def of_cube(self, v: np.ndarray) -> Tensor:
        """Theta ``(N, D)``, float64, of v ``(N, D)`` in the unit cube."""
        return self._marginals.icdf(torch.from_numpy(np.clip(v, MARGIN, 1.0 - MARGIN)))

    def slope(self, u: np.ndarray) -> np.ndarray:
        """D theta / d u, column by column, at u ``(D,)``: the normal density over the prior's."""
        theta = self.of_normal(u[None])[0]
        return np.exp(norm.logpdf(u) - self._marginals.log_prob(theta).numpy())

    def of_normal(self, u: np.ndarray) -> Tensor:
        """Theta ``(N, D)``, float64, of u ``(N, D)``."""
        return self.of_cube(ndtr(u))
