"""Coefficients of a diffusion field, inferred from noisy sensors of the pressure."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from tasks.contract.registry import register_task
from tasks.physics.elliptic_solver import pressure_and_pullback, pressure_at
from tasks.tools.signal_task import SignalTask
from tasks.tools.stored_task import stored_card

__all__ = ["EllipticPDE"]

# Coordinates in sixteenths of the side. The equation has symmetries: a half turn of the square leaves k
# unchanged, so a sensor opposite another one would give no new information. A reflection, x to 1 - x or y to
# 1 - y, changes the sign of theta, and a reflection in the diagonal exchanges b12 and b21; a set of sensors
# that is its own image could not distinguish these. No two of these places are such images of each other, and
# all are nodes of both grids of the solver.
SENSORS = ((3, 3), (8, 3), (13, 4), (4, 6), (10, 7), (14, 9), (2, 10), (7, 11), (5, 14), (12, 13))


@register_task("elliptic_pde")
class EllipticPDE(SignalTask):
    """Infer four coefficients of a log diffusivity from noisy pressures at ten sensors.

    The pressure p solves, without units,

        -div(e^k grad p) = 1 on the unit square,   p = 0 on its boundary,
        k(x, y) = sum over m, l = 1, 2 of b_ml sin(2 pi m x) sin(2 pi l y).

    Theta = (b11, b12, b21, b22) has the prior b_ml ~ N(0, 1 / (m + l)) (variances). The data are p at the
    sensors plus noise N(0, 0.0025²). In comparison with a grid four times as fine, the solver's error at the
    sensors over 300 prior draws has a median of 3e-6 and a maximum of 8e-5: 0.1 % and 3 % of the noise.

    The reference is made by independence Metropolis on the exact likelihood of the solver's output.

    The equation and the prior are those of the elliptic inverse problem in Zhang, Tatsuoka, Xiu, Zhang,
    arXiv 2506.18227. The places of the sensors and the reference are this package's own.

    Attributes:
        modes: Pairs (m, l) of the coefficients, in the order of theta.
        decay: Exponent by which the prior variances (m + l)^-decay decrease.
        coarse: Number of cells per side of the solver's coarse grid.
        sensors: Coordinates of the sensors in units of 1 / ``coarse``.
    """

    version = "2"
    dim_theta, dim_x = 4, len(SENSORS)
    noise_sd = 0.0025
    modes: ClassVar[tuple[tuple[int, int], ...]] = ((1, 1), (1, 2), (2, 1), (2, 2))
    decay: ClassVar[float] = 1.0
    coarse: ClassVar[int] = 16
    sensors: ClassVar[tuple[tuple[int, int], ...]] = SENSORS
    card = stored_card(
        "elliptic_pde",
        text="Infer four coefficients of a log diffusivity from ten sensors of an elliptic PDE's pressure.",
        noise="N(0, 0.0025²) on each sensor; pressures are about 0.01 to 0.09 and have no unit",
        citation="elliptic inverse problem of arXiv 2506.18227; sensors and reference are this package's own",
    )

    def prior(self) -> Distribution:
        """The prior: independent b_ml ~ N(0, (m + l)^-decay) (variances)."""
        scale = torch.tensor([(m + n) ** (-0.5 * self.decay) for m, n in self.modes])
        return Independent(Normal(torch.zeros(len(scale)), scale), 1)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the coefficients, such as ``b_12``."""
        return tuple(f"b_{m}{n}" for m, n in self.modes)

    def signal(self, theta: Tensor) -> Tensor:
        """Pressures at the sensors, ``(N, dim_x)``, float64; a row is NaN if there is no finite solution."""
        return self._pressure(theta, self.coarse)

    def finer_signal(self, theta: Tensor) -> Tensor:
        """The signal on grids with twice as many cells per side, ``(N, dim_x)``, float64."""
        return self._pressure(theta, 2 * self.coarse)

    def log_likelihood_gradient(self, theta: np.ndarray, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Log likelihood in nats and its gradient at one theta, by the adjoint of the discrete equations.

        Arguments:
            theta: Parameters, ``(dim_theta,)``.
            x: Data, ``(dim_x,)``.

        Returns:
            The log likelihood and its gradient ``(dim_theta,)``; -inf and zeros if the solver fails.
        """
        try:
            pressure, pullback = pressure_and_pullback(theta, self.modes, self._places, self.coarse)
        except FloatingPointError:
            return -math.inf, np.zeros(len(theta))
        log_p = self.log_likelihood_of(torch.from_numpy(pressure)[None], torch.from_numpy(x)[None])
        return float(log_p), pullback((x - pressure) / self.noise_sd**2)

    @property
    def _places(self) -> np.ndarray:
        return np.array(self.sensors) / self.coarse

    def _pressure(self, theta: Tensor, coarse: int) -> Tensor:
        rows = theta.detach().cpu().double().numpy()
        return torch.from_numpy(pressure_at(rows, self.modes, self._places, coarse))
