"""The five toy data sets of the publication, standardised to zero mean and unit variance in each column."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from sklearn.datasets import make_circles, make_moons, make_s_curve, make_swiss_roll
from torch import Tensor

from tasks.contract.seeding import derive_seed

__all__ = ["TOYS", "toy"]

Points = tuple[np.ndarray, np.ndarray]


def _circles(n: int, seed: int) -> Points:
    points, ring = make_circles(n, factor=0.5, noise=0.08, random_state=seed)
    return points, np.arctan2(points[:, 1], points[:, 0]) + 0.0 * ring


def _sine(n: int, seed: int) -> Points:
    random = np.random.default_rng(seed)
    across = random.uniform(-1.0, 1.0, n)
    return np.stack(
        [across, np.sin(4.0 * np.pi * across) / 4.0 + 0.15 * random.standard_normal(n)], 1
    ), across


def _moons(n: int, seed: int) -> Points:
    points, _ = make_moons(n, noise=0.08, random_state=seed)
    return points, points[:, 0]


def _s_curve(n: int, seed: int) -> Points:
    return make_s_curve(n, noise=0.2, random_state=seed)


def _swirl(n: int, seed: int) -> Points:
    return make_swiss_roll(n, noise=1.25, random_state=seed)


TOYS: dict[str, Callable[[int, int], Points]] = {
    "circles": _circles,
    "sine": _sine,
    "moons": _moons,
    "s_curve": _s_curve,
    "swirl": _swirl,
}


def toy(name: str, n: int, part: str) -> tuple[Tensor, np.ndarray]:
    """Return points ``(n, 2)`` or ``(n, 3)``, float32, and numbers ``(n,)`` that give their colours.

    Arguments:
        name: Name of the data set, a key of ``TOYS``.
        n: Number of points.
        part: Word that determines the seed, such as ``train``; different words give independent draws.
    """
    points, colour = TOYS[name](n, derive_seed("toy", name, part))
    values = torch.from_numpy(points).float()
    return (values - values.mean(0)) / values.std(0), colour
