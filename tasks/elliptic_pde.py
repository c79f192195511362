"""Coefficients of a diffusion field from ten noisy sensors of the pressure (arXiv 2506.18227).

-div(e^k grad p) = 1 on the unit square, p = 0 on its boundary, all without units, with
k(x, y) = sum over m, l = 1, 2 of b_ml sin(2 pi m x) sin(2 pi l y) and b_ml ~ N(0, 1 / (m + l)) (variances).
The parameters are theta = (b11, b12, b21, b22), the data p at the sensors plus N(0, 0.0025²).

Where the sensors are is our choice. A half turn of the square leaves k as it is, so that a sensor opposite
another would tell nothing new; a mirror image, x to 1 - x or y to 1 - y, turns the sign of theta, and the
diagonal exchanges b12 and b21, so that sensors which were their own image could not tell these apart.
``SENSORS`` holds no two places that are such images of each other, and all lie on nodes of both grids.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.linalg import lapack
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from tasks.base import DATA_SEEDS, Card, Task
from tasks.reference.store import read_certificate, read_reference, summary
from tasks.registry import register_task

__all__ = ["EllipticPDE", "five_point", "log_diffusivity", "pressure_at"]

# In sixteenths of the side.
SENSORS = ((3, 3), (8, 3), (13, 4), (4, 6), (10, 7), (14, 9), (2, 10), (7, 11), (5, 14), (12, 13))
COARSE = 16
NOISE_SD = 0.0025
MODES = ((1, 1), (1, 2), (2, 1), (2, 2))
ROWS = 256  # solved at a time: bounds the memory to some 60 MB


def log_diffusivity(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The field k at all pairs of coordinates, ``(N, len(x), len(y))``, for theta ``(N, 4)``."""
    k = np.zeros((len(theta), len(x), len(y)))
    for b, (m, n) in zip(theta.T, MODES, strict=True):
        k += b[:, None, None] * np.outer(np.sin(2 * np.pi * m * x), np.sin(2 * np.pi * n * y))
    return k


def five_point(theta: np.ndarray, cells: int, source: np.ndarray | None = None) -> np.ndarray:
    """Solve -div(e^k grad p) = source with the conservative five-point scheme, second order in 1 / cells.

    The flux through a face takes e^k at the face's middle. The matrix is symmetric, positive definite and
    banded: LAPACK's dpbsv (Cholesky) solves one row of theta at a time.

    Arguments:
        theta: ``(N, 4)``, float64.
        cells: Cells a side; the spacing is h = 1 / cells.
        source: The right side at the inner nodes, ``(N or 1, cells - 1, cells - 1)``; 1 by default.

    Returns:
        p at the inner nodes ``(i h, j h)``, ``(N, cells - 1, cells - 1)``; NaN where there is no solution in
        finite numbers.
    """
    inner = cells - 1
    node, face = np.arange(1, cells) / cells, (np.arange(cells) + 0.5) / cells
    shape = (len(theta), inner, inner)
    right = np.broadcast_to(np.ones(1) if source is None else source, shape) / cells**2
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        across = np.exp(log_diffusivity(theta, face, node))  # faces between neighbours in x
        along = np.exp(log_diffusivity(theta, node, face))  # and in y
        # Lower band storage, transposed: row r of the matrix, then how far below the diagonal.
        band = np.zeros((*shape, cells))
        band[..., 0] = across[:, :-1] + across[:, 1:] + along[:, :, :-1] + along[:, :, 1:]
        band[..., :-1, 1] = -along[:, :, 1:-1]  # the last node in y has no neighbour above
        band[:, :-1, :, inner] = -across[:, 1:-1]
    p = np.full((len(theta), inner * inner), np.nan)
    for n in np.flatnonzero(np.isfinite(band).all(axis=(1, 2, 3))):
        matrix = band[n].reshape(inner * inner, cells).T
        _, solution, info = lapack.dpbsv(matrix, right[n].reshape(-1), lower=1, overwrite_ab=1)
        if info == 0:
            p[n] = solution
    return p.reshape(shape)


def pressure_at(theta: np.ndarray, points: np.ndarray, coarse: int = COARSE) -> np.ndarray:
    """Pressure by Richardson's extrapolation, (4 p_fine - p_coarse) / 3, fourth order in 1 / coarse.

    Against a grid four times as fine, the error at the sensors is 3e-6 in the middle and 8e-5 at worst over
    300 draws of the prior: 0.1 % and 3 % of the noise.

    Arguments:
        theta: ``(N, 4)``; a row that is not finite gives NaN.
        points: Inner nodes of the coarse grid, ``(S, 2)``, in sides of the square.
        coarse: Cells a side of the coarse grid; the fine one has twice as many.

    Returns:
        ``(N, S)``, float64.
    """
    i, j = np.rint(np.asarray(points).T * coarse).astype(int)
    parts = []
    for start in range(0, len(theta), ROWS):
        rows = np.asarray(theta[start : start + ROWS], dtype=np.float64)
        rough, fine = (five_point(rows, cells) for cells in (coarse, 2 * coarse))
        parts.append((4.0 * fine[:, 2 * i - 1, 2 * j - 1] - rough[:, i - 1, j - 1]) / 3.0)
    return np.concatenate(parts) if parts else np.empty((0, len(i)))


@register_task("elliptic_pde")
class EllipticPDE(Task):
    """Four coefficients of a log diffusivity from the pressure at ten sensors.

    Observations and true parameters are stored with the reference posterior, so that the three always belong
    together; :meth:`simulated_truth` is how they were made.

    References:
        arXiv 2506.18227, the elliptic inverse problem among its experiments.
    """

    dim_theta, dim_x = 4, len(SENSORS)
    card = Card(
        summary="Four coefficients of a log diffusivity from the pressure at ten sensors of an elliptic PDE.",
        noise=f"N(0, {NOISE_SD}²) on each sensor; pressures are some 0.01 to 0.09, without units",
        reference=summary(read_certificate("elliptic_pde"), "sampler"),
        certificate=summary(read_certificate("elliptic_pde"), "verdict"),
        citation="elliptic inverse problem of arXiv 2506.18227; sensors and reference are this package's own",
    )

    def prior(self) -> Distribution:
        """Independent b_ml ~ N(0, 1 / (m + l)), variances 1/2, 1/3, 1/3, 1/4."""
        scale = torch.tensor([1.0 / math.sqrt(m + n) for m, n in MODES])
        return Independent(Normal(torch.zeros(4), scale), 1)

    def pressure(self, theta: Tensor) -> Tensor:
        """Pressure at the sensors without noise, ``(N, 10)``, float64; NaN rows where theta is not finite."""
        rows = theta.detach().cpu().double().numpy()
        return torch.from_numpy(pressure_at(rows, np.array(SENSORS) / 16))

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Noisy pressures at the sensors, ``(N, 10)``, float32; NaN rows where theta is not finite."""
        pressure = self.pressure(theta)
        noise = torch.randn(
            pressure.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
        )
        return (pressure + NOISE_SD * noise).float()

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Sum of ten normal log densities, ``(N,)``, exact for the solver; -inf where it failed."""
        return self.log_likelihood_of(self.pressure(theta), x).to(theta)

    def log_likelihood_of(self, pressure: Tensor, x: Tensor) -> Tensor:
        """The same for pressures at the sensors that are known already, ``(N, 10)``, float64."""
        z = (x.detach().cpu().double() - pressure) / NOISE_SD
        constant = self.dim_x * (math.log(NOISE_SD) + 0.5 * math.log(2.0 * math.pi))
        log_p = -0.5 * (z**2).sum(-1) - constant
        return log_p.masked_fill(log_p.isnan(), -torch.inf)

    def simulated_truth(self, num_observation: int) -> tuple[Tensor, Tensor]:
        """A seeded draw of the prior, ``(1, 4)``, and data simulated from it, ``(1, 10)``."""
        theta = super().true_theta(num_observation)
        assert theta is not None  # noqa: S101  (the base class draws it)
        # Not theta's own seed: the noise would then repeat the normal numbers that theta is made of.
        return theta, self.simulate(theta, seed=self._observation_seed(num_observation) + DATA_SEEDS)

    def true_theta(self, num_observation: int) -> Tensor:
        """The stored parameters behind an observation, ``(1, 4)``."""
        return self._stored("true_theta", num_observation)[None]

    def observation(self, num_observation: int) -> Tensor:
        """The stored observation, ``(1, 10)``."""
        return self._stored("observation", num_observation)[None]

    def reference_samples(self, num_observation: int) -> Tensor:
        """The stored reference posterior, ``(10_000, 4)``; draw i is of chain i modulo the chains' number."""
        return self._stored("draws", num_observation)

    def _stored(self, array: str, num_observation: int) -> Tensor:
        self.check_observation(num_observation)
        return torch.from_numpy(read_reference(self.name)[array][num_observation - 1].copy())
