"""Independent draws from a density on the unit cube, by a grid that is refined where the density varies.

The mass of a cell is the density at its centre times its volume, in float64. The algorithm starts from an
even grid and drops cells of negligible mass. The other cells are halved repeatedly, across the direction in
which their halves differ most, as long as a cut changes the distribution by more than a threshold. A proposal
then picks a cell with probability proportional to its mass and a uniform place in it. This is so close to the
density that rejection sampling makes it exact, except for at most ``CUT`` of the mass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, rel_entr

__all__ = ["GridRun", "in_parts", "sample_on_grid"]

START = 500_000  # approximate number of cells of the first grid, with equally many in each direction
MOST = 3_000_000  # largest number of cells
# Cells this many nats below the highest cell of the first grid are dropped. The margin is wide because the
# centre of that cell may be far below the density's maximum.
FAR = 40.0
TOLD = 2e-8  # smallest information gain, in nats and weighted by the cell's mass, for which a cell is cut
CANDIDATES = (20, 100)  # proposals per draw; the larger number is tried only if the smaller one is too few
CUT = 1e-4  # largest share of the mass that may be lost, in steep cells of the far tails
ROWS = 50_000  # cells per call of the density

LogDensity = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class GridRun:
    """Result of :func:`sample_on_grid`.

    Arguments:
        draws: Draws in the unit cube, ``(num, D)``.
        log_evidence: Logarithm of the density's mean over the cube, in nats.
        acceptance: Share of the grid's proposals that rejection sampling accepts.
        num_cells: Number of cells of the final grid.
        num_evaluations: Number of evaluations of the density.
    """

    draws: np.ndarray
    log_evidence: float
    acceptance: float
    num_cells: int
    num_evaluations: int


@dataclass(frozen=True)
class _Cells:
    """Cells by their centres and widths, both ``(N, D)``, with log densities ``(N,)`` at the centres."""

    middle: np.ndarray
    width: np.ndarray
    log_p: np.ndarray

    def __len__(self) -> int:
        return len(self.log_p)

    def __getitem__(self, rows: np.ndarray) -> _Cells:
        return _Cells(self.middle[rows], self.width[rows], self.log_p[rows])

    @property
    def log_mass(self) -> np.ndarray:
        return self.log_p + np.log(self.width).sum(1)


def sample_on_grid(log_density: LogDensity, dim: int, num: int, seed: int) -> GridRun:
    """Draw independently from an unnormalised density on the unit cube.

    The first grid has to detect every mode: a mode narrower than a tenth of its cells may be missed.

    Arguments:
        log_density: Log density, a function from places ``(N, D)`` to nats ``(N,)``.
        dim: Dimension D.
        num: Number of draws.
        seed: Seed for the draws; the grid itself is not random.

    Raises:
        MemoryError: if more than ``MOST`` cells would be needed.
        RuntimeError: if rejection sampling accepts too few draws.

    Example:
        >>> run = sample_on_grid(lambda v: -0.5 * ((v[:, 0] - 0.5) / 0.01) ** 2, dim=1, num=10_000, seed=0)
        >>> round(float(run.draws.std()), 3)
        0.01
    """
    cells, num_evaluations = _first(log_density, dim)
    finished: list[_Cells] = []
    log_total = logsumexp(cells.log_mass)
    while len(cells):
        halves = [_halved(log_density, cells, direction) for direction in range(dim)]
        num_evaluations += 2 * dim * len(cells)
        told = np.stack([_told(cells, half, log_total) for half in halves])
        best, cut = told.argmax(axis=0), told.max(axis=0) > TOLD
        finished.append(cells[~cut])
        parts = [half[np.repeat(cut & (best == d), 2)] for d, half in enumerate(halves)]
        cells = _joined(parts)
        if sum(map(len, finished)) + len(cells) > MOST:
            raise MemoryError(f"a grid in {dim} dimensions would need more than {MOST} cells")
        log_total = logsumexp(np.concatenate([part.log_mass for part in [*finished, cells]]))
    return _rejected(log_density, _joined(finished), num, seed, num_evaluations)


def _first(log_density: LogDensity, dim: int) -> tuple[_Cells, int]:
    """The even grid without cells far below the highest one, and the number of evaluations."""
    side = round(START ** (1.0 / dim))
    index = np.stack(np.unravel_index(np.arange(side**dim), (side,) * dim), axis=1)
    log_p = in_parts(log_density, (index + 0.5) / side)
    index = _with_neighbours(index[log_p > log_p.max() - FAR], side)
    middle = (index + 0.5) / side
    cells = _Cells(middle, np.full(middle.shape, 1.0 / side), in_parts(log_density, middle))
    return cells, side**dim + len(index)


def in_parts(log_density: LogDensity, places: np.ndarray) -> np.ndarray:
    """Log densities ``(N,)`` at places ``(N, D)``, computed :data:`ROWS` at a time to limit memory."""
    parts = [log_density(places[start : start + ROWS]) for start in range(0, len(places), ROWS)]
    return np.concatenate(parts) if parts else np.empty(0)


def _halved(log_density: LogDensity, cells: _Cells, direction: int) -> _Cells:
    """Both halves of every cell, ``2 N`` cells; the halves of a cell are adjacent."""
    middle, width = np.repeat(cells.middle, 2, axis=0), np.repeat(cells.width, 2, axis=0)
    width[:, direction] *= 0.5
    middle[0::2, direction] -= 0.5 * width[0::2, direction]
    middle[1::2, direction] += 0.5 * width[1::2, direction]
    return _Cells(middle, width, in_parts(log_density, middle))


def _told(cells: _Cells, halves: _Cells, log_total: float) -> np.ndarray:
    """Information gain, in nats, of each cut, ``(N,)``.

    It is the relative entropy of the halves' masses to equal masses, plus a term for the difference between
    their sum and the mass of the cell.
    """
    pair = np.exp(halves.log_mass - log_total).reshape(-1, 2)
    mass = pair.sum(axis=1)
    before = np.exp(cells.log_mass - log_total)
    apart = rel_entr(pair, mass[:, None] / 2.0).sum(axis=1)
    return apart + np.square(mass - before) / np.maximum(mass + before, 1e-300)


def _joined(parts: list[_Cells]) -> _Cells:
    return _Cells(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("middle", "width", "log_p"))
    )


def _rejected(log_density: LogDensity, cells: _Cells, num: int, seed: int, num_evaluations: int) -> GridRun:
    log_total = logsumexp(cells.log_mass)
    for candidates in CANDIDATES:
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(cells), size=candidates * num, p=np.exp(cells.log_mass - log_total))
        within = rng.random((len(chosen), cells.middle.shape[1])) - 0.5
        places = cells.middle[chosen] + within * cells.width[chosen]
        log_weights = in_parts(log_density, places) - cells.log_p[chosen]
        taken = np.log1p(-rng.random(len(chosen))) < log_weights - _cap(log_weights)
        num_evaluations += len(chosen)
        if taken.sum() >= num:
            break
    else:
        raise RuntimeError(
            f"only {taken.sum()} of {len(chosen)} proposals of the grid were accepted, {num} are needed"
        )
    log_evidence = float(log_total + logsumexp(log_weights) - np.log(len(chosen)))
    return GridRun(places[taken][:num], log_evidence, float(taken.mean()), len(cells), num_evaluations)


def _cap(log_weights: np.ndarray) -> float:
    """Logarithm of the bound at which capping the weights removes ``CUT`` of their sum."""
    weights = np.sort(np.exp(log_weights - log_weights.max()))[::-1]
    cut = CUT * weights.sum()
    # A bound c that the k largest weights exceed removes the sum of these weights minus k c.
    bounds = (weights.cumsum() - cut) / np.arange(1, len(weights) + 1)
    return float(log_weights.max() + np.log(bounds.max()))


def _with_neighbours(index: np.ndarray, side: int) -> np.ndarray:
    """The indices ``(M, D)`` of the given cells ``(N, D)`` and of all cells that touch them."""
    full = np.zeros((side,) * index.shape[1], dtype=bool)
    full[tuple(index.T)] = True
    for axis in range(full.ndim):
        ahead, behind = (np.roll(full, shift, axis) for shift in (1, -1))
        # np.roll is periodic, but the grid is not.
        ahead[(slice(None),) * axis + (0,)] = False
        behind[(slice(None),) * axis + (-1,)] = False
        full = full | ahead | behind
    return np.argwhere(full)
