"""A solver for the pressure in a square of smooth random diffusivity, with gradients by the adjoint method.

The equation is, without units,

    -div(e^k grad p) = source on the unit square,   p = 0 on its boundary,
    k(x, y) = sum over modes (m, l) of b_ml sin(2 pi m x) sin(2 pi l y).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

__all__ = ["five_point", "pressure_and_pullback", "pressure_at"]

ROWS = 256  # rows of theta per batch, which limits the memory to about 100 MB

Modes = Sequence[tuple[int, int]]
Pullback = Callable[[np.ndarray], np.ndarray]


@lru_cache(maxsize=16)
def _modes_at_faces(modes: tuple[tuple[int, int], ...], cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Values of each mode at the face centres, ``(M, cells, cells - 1)`` and ``(M, cells - 1, cells)``.

    The first array is for the faces across x, the second for those across y.
    """
    node, face = np.arange(1, cells) / cells, (np.arange(cells) + 0.5) / cells

    def product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.stack([np.outer(np.sin(2 * np.pi * m * x), np.sin(2 * np.pi * n * y)) for m, n in modes])

    return product(face, node), product(node, face)


def _diffusivity(theta: np.ndarray, modes: Modes, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """e^k at the face centres: ``(N, cells, cells - 1)`` across x, ``(N, cells - 1, cells)`` across y."""
    with np.errstate(over="ignore", invalid="ignore"):
        across, along = (
            np.exp((theta @ at.reshape(len(at), -1)).reshape(len(theta), *at.shape[1:]))
            for at in _modes_at_faces(tuple(modes), cells)
        )
    return across, along


def _band(across: np.ndarray, along: np.ndarray) -> np.ndarray:
    """The matrices in LAPACK's lower band storage, transposed, ``(N, (cells - 1)², cells)``.

    The second index is the column of the matrix, the third the distance below the diagonal.
    """
    num, cells, inner = across.shape
    band = np.zeros((num, inner, inner, cells))
    with np.errstate(invalid="ignore"):
        band[..., 0] = across[:, :-1] + across[:, 1:] + along[:, :, :-1] + along[:, :, 1:]
    band[..., :-1, 1] = -along[:, :, 1:-1]  # the last node in y has no neighbour above
    band[:, :-1, :, inner] = -across[:, 1:-1]
    return band.reshape(num, inner * inner, cells)


def five_point(theta: np.ndarray, modes: Modes, cells: int, source: np.ndarray | None = None) -> np.ndarray:
    """Solve the equation by the conservative five-point scheme, which has second order in 1 / cells.

    The flux through a face uses e^k at the face's centre. The matrix is symmetric, positive definite and
    banded, and LAPACK's dpbsv (Cholesky) solves for one row of theta at a time.

    Arguments:
        theta: Coefficients b_ml, ``(N, M)``, float64.
        modes: Pairs (m, l), M of them.
        cells: Number of cells per side; the spacing is h = 1 / cells.
        source: Right side at the inner nodes, ``(N or 1, cells - 1, cells - 1)``; 1 by default.

    Returns:
        Pressures p at the inner nodes ``(i h, j h)``, ``(N, cells - 1, cells - 1)``; NaN if there is no
        finite solution.
    """
    from scipy.linalg import lapack

    inner = cells - 1
    shape = (len(theta), inner, inner)
    right = np.broadcast_to(np.ones(1) if source is None else source, shape) / cells**2
    band = _band(*_diffusivity(theta, modes, cells))
    p = np.full((len(theta), inner * inner), np.nan)
    for n in np.flatnonzero(np.isfinite(band).all(axis=(1, 2))):
        _, solution, info = lapack.dpbsv(band[n].T, right[n].reshape(-1), lower=1, overwrite_ab=1)
        if info == 0:
            p[n] = solution
    return p.reshape(shape)


def pressure_at(theta: np.ndarray, modes: Modes, points: np.ndarray, coarse: int) -> np.ndarray:
    """Pressures at given points by Richardson extrapolation, (4 p_fine - p_coarse) / 3.

    The result has fourth order in 1 / coarse.

    Arguments:
        theta: Coefficients b_ml, ``(N, M)``; a row that is not finite gives NaN.
        modes: Pairs (m, l), M of them.
        points: Coordinates in [0, 1]², ``(S, 2)``; each must be an inner node of the coarse grid.
        coarse: Number of cells per side of the coarse grid; the fine grid has twice as many.

    Returns:
        Pressures, ``(N, S)``, float64.
    """
    i, j = _nodes(points, coarse)
    parts = []
    for start in range(0, len(theta), ROWS):
        rows = np.asarray(theta[start : start + ROWS], dtype=np.float64)
        rough, fine = (five_point(rows, modes, cells) for cells in (coarse, 2 * coarse))
        parts.append((4.0 * fine[:, 2 * i - 1, 2 * j - 1] - rough[:, i - 1, j - 1]) / 3.0)
    return np.concatenate(parts) if parts else np.empty((0, len(i)))


def _nodes(points: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray]:
    i, j = np.rint(np.asarray(points).T * cells).astype(int)
    return i, j


class _Grid:
    """The solution for one theta on one grid. The matrix is factorised once, for pressure and adjoint."""

    def __init__(self, theta: np.ndarray, modes: Modes, cells: int) -> None:
        from scipy.linalg import lapack

        self.modes, self.cells = modes, cells
        self.across, self.along = _diffusivity(theta[None], modes, cells)
        band = _band(self.across, self.along)[0]
        if not np.isfinite(band).all():
            raise FloatingPointError("the diffusivity is not finite")
        self.factor, info = lapack.dpbtrf(band.T, lower=1, overwrite_ab=1)
        if info != 0:
            raise FloatingPointError("the matrix is not positive definite in float64")
        self.p = self._solve(np.full((cells - 1) ** 2, 1.0 / cells**2))

    def _solve(self, right: np.ndarray) -> np.ndarray:
        from scipy.linalg import lapack

        solution, _ = lapack.dpbtrs(self.factor, right, lower=1)
        return np.pad(solution.reshape(self.cells - 1, -1), 1)  # zero on the boundary

    def pullback(self, cotangent: np.ndarray) -> np.ndarray:
        """The gradient -w' (dA / db) p, ``(M,)``, where w solves A w = cotangent.

        Each face contributes e^k times the mode's value there times the differences of w and p across it.
        """
        w = self._solve(cotangent.reshape(-1))
        gradient = np.zeros(len(self.modes))
        sides = ((self.across, 0), (self.along, 1))
        for at, (diffusivity, axis) in zip(
            _modes_at_faces(tuple(self.modes), self.cells), sides, strict=True
        ):
            rows = [slice(1, -1), slice(1, -1)]
            rows[axis] = slice(None)
            steps = np.diff(w, axis=axis)[tuple(rows)] * np.diff(self.p, axis=axis)[tuple(rows)]
            gradient -= at.reshape(len(at), -1) @ (diffusivity[0] * steps).reshape(-1)
        return gradient


def pressure_and_pullback(
    theta: np.ndarray, modes: Modes, points: np.ndarray, coarse: int
) -> tuple[np.ndarray, Pullback]:
    """Pressures for one theta, as :func:`pressure_at` gives them, and the pullback for their gradient.

    The gradient is that of the discrete solution; its adjoint takes one more solve with the same factors.

    Arguments:
        theta: Coefficients b_ml, ``(M,)``.
        modes: Pairs (m, l), M of them.
        points: Coordinates in [0, 1]², ``(S, 2)``; each must be an inner node of the coarse grid.
        coarse: Number of cells per side of the coarse grid; the fine grid has twice as many.

    Returns:
        Pressures, ``(S,)``, and a function that maps cotangents ``(S,)`` to gradients ``(M,)``.

    Raises:
        FloatingPointError: if there is no finite solution.
    """
    grids = [_Grid(theta, modes, cells) for cells in (coarse, 2 * coarse)]
    places = [_nodes(points, grid.cells) for grid in grids]
    shares = (-1.0 / 3.0, 4.0 / 3.0)
    pressure = sum(share * grid.p[place] for share, grid, place in zip(shares, grids, places, strict=True))

    def pullback(cotangent: np.ndarray) -> np.ndarray:
        total = np.zeros(len(theta))
        for share, grid, (i, j) in zip(shares, grids, places, strict=True):
            load = np.zeros((grid.cells - 1, grid.cells - 1))
            load[i - 1, j - 1] = share * cotangent
            total += grid.pullback(load)
        return total

    return np.asarray(pressure), pullback
