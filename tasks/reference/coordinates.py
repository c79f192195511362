"""Prior coordinates: theta as a function of uniform or standard normal variables."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import ndtr
from scipy.stats import norm
from torch import Tensor
from torch.distributions import Distribution, Independent

__all__ = ["PriorCoordinates"]

MARGIN = 1e-15  # distance kept from the faces of the unit cube, where quantile functions are infinite


class PriorCoordinates:
    """Maps from v, uniform on the unit cube, and from u, standard normal, to theta of the given prior.

    The columns of theta must be independent. In terms of v, the posterior density is the normalised
    likelihood; in terms of u, it is proportional to the likelihood times the standard normal density.

    Arguments:
        prior: ``Independent`` distribution whose base has a quantile function (``icdf``).

    Raises:
        TypeError: if the prior is not an ``Independent`` distribution.

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
        """Map v ``(N, D)`` in the unit cube to theta ``(N, D)``, float64."""
        return self._marginals.icdf(torch.from_numpy(np.clip(v, MARGIN, 1.0 - MARGIN)))

    def slope(self, u: np.ndarray) -> np.ndarray:
        """The derivatives d theta_i / d u_i at u ``(D,)``: the normal density divided by the prior's."""
        theta = self.of_normal(u[None])[0]
        return np.exp(norm.logpdf(u) - self._marginals.log_prob(theta).numpy())

    def of_normal(self, u: np.ndarray) -> Tensor:
        """Map u ``(N, D)`` to theta ``(N, D)``, float64."""
        return self.of_cube(ndtr(u))
