"""Figures of the study: generated digits by class, and possible completions of halves of digits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from bench.results.figures.style import STYLE
from bench.studies.outsourced.scores import share_right
from tasks.digits.label_task import LabelTask
from tasks.digits.prior_task import SEEN, HalfTask

__all__ = ["classes_figure", "halves_figure"]

SIDE = 8  # side of a digit in pixels
SHOWN = 12  # number of digits in a row
GREYS: dict[str, Any] = {"cmap": "gray_r", "vmin": 0.0, "vmax": 1.0, "interpolation": "nearest"}


def classes_figure(task: LabelTask, samples: Mapping[str, Mapping[int, Tensor]]) -> Figure:
    """Draw a panel for each sampler with a row for each class: some digits, and the fraction that is right.

    Arguments:
        task: Task whose observations are labels of classes.
        samples: Samples ``(S, dim_theta)`` by sampler and observation.
    """
    mpl.rcParams.update(STYLE)
    rows = task.num_observations
    size = (3.4 * len(samples), 0.26 * rows + 0.5)
    figure, axes = plt.subplots(1, len(samples), figsize=size, layout="constrained", squeeze=False)
    for axis, (name, drawn) in zip(axes[0], samples.items(), strict=True):
        strips = [_strip(task.images(_some(drawn[k]))) for k in range(1, rows + 1)]
        _show(axis, np.concatenate(strips), rows)
        shares = [share_right(task, drawn[k], task.observation(k)) for k in range(1, rows + 1)]
        labels = [int(task.observation(k).argmax()) for k in range(1, rows + 1)]
        axis.set_yticklabels(
            [f"{label}: {share:.1%}" for label, share in zip(labels, shares, strict=True)], fontsize="x-small"
        )
        axis.set_title(f"{name}: {np.mean(shares):.1%} right")
    return figure


def halves_figure(task: HalfTask, name: str, samples: Mapping[int, Tensor]) -> Figure:
    """Draw a row for each observation: the noisy half that is observed, the true digit, and posterior draws.

    Arguments:
        task: Task whose observations are noisy halves of digits.
        name: Name of the sampler.
        samples: Samples ``(S, dim_theta)`` of the sampler by observation.
    """
    mpl.rcParams.update(STYLE)
    rows = task.num_observations
    figure, axes = plt.subplots(
        1, 3, figsize=(4.6, 0.26 * rows + 0.5), layout="constrained", width_ratios=(1, 1, SHOWN)
    )
    numbers = range(1, rows + 1)
    unseen = ((0, SIDE - SEEN // SIDE), (0, 0))
    halves = [np.pad(task.observation(k).numpy().reshape(-1, SIDE), unseen) for k in numbers]
    _show(axes[0], np.concatenate([_framed(half) for half in halves]), rows)
    axes[0].set_yticklabels([str(k) for k in numbers], fontsize="x-small")
    axes[0].set_title("seen", fontsize="small")
    _show(axes[1], np.concatenate([_strip(task.images(task.true_theta(k))) for k in numbers]), rows)
    axes[1].set_title("true", fontsize="small")
    _show(axes[2], np.concatenate([_strip(task.images(_some(samples[k]))) for k in numbers]), rows)
    axes[2].set_title(name, fontsize="small")
    for axis in axes[1:]:
        axis.set_yticks([])
    return figure


def _some(theta: Tensor) -> Tensor:
    """Return evenly spaced samples, so that all chains are shown even if their states are concatenated."""
    return theta[torch.linspace(0, len(theta) - 1, SHOWN).long()]


def _strip(images: Tensor) -> np.ndarray:
    """Return a picture of images ``(N, 64)`` in a row, each in a white frame."""
    return np.concatenate([_framed(image) for image in images.reshape(-1, SIDE, SIDE).numpy()], axis=1)


def _framed(image: np.ndarray) -> np.ndarray:
    return np.pad(image, 1)


def _show(axis: Axes, picture: np.ndarray, rows: int) -> None:
    axis.imshow(picture, aspect="equal", **GREYS)
    height = picture.shape[0] / rows
    axis.set_xticks([])
    axis.set_yticks([height * (row + 0.5) - 0.5 for row in range(rows)])
    axis.tick_params(length=0)
    axis.grid(False)
    for side in axis.spines.values():
        side.set_visible(False)
