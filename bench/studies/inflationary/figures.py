"""Figures of the study: inflation of data, generation from latents, and coverage of the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binom
from torch import Tensor

from bench.results.figures.style import STYLE
from bench.studies.inflationary.maps import RADII
from bench.studies.inflationary.toy_flow import ToyFlow
from bench.studies.inflationary.toys import toy
from tasks.contract.seeding import derive_seed

__all__ = ["inflation_panels", "weights_figure"]

SHOWN = 2500  # number of points
STAGES = 4  # number of times of inflation that are shown
OUTLINE = 400  # points of a ring


def inflation_panels(flows: Sequence[ToyFlow]) -> Figure:
    """Draw a row of panels for each flow: data at four times of inflation, normal latents, generated points.

    A point of the data has the same colour in all panels. In two dimensions, the latent rings of radius .5 to
    3.5 and their images are shown too.
    """
    mpl.rcParams.update(STYLE)
    columns = STAGES + 2
    figure = plt.figure(figsize=(2.3 * columns, 2.4 * len(flows)), layout="constrained")
    for number, flow in enumerate(flows):
        points, colour = toy(flow.name, SHOWN, "figure")
        dim = points.shape[1]
        generator = torch.Generator().manual_seed(derive_seed("inflation figure", flow.name))
        normal = torch.randn(SHOWN, dim, generator=generator)
        end = flow.flow.schedule.end
        axes = [
            figure.add_subplot(
                len(flows), columns, number * columns + place + 1, projection="3d" if dim == 3 else None
            )
            for place in range(columns)
        ]
        for stage, axis in enumerate(axes[:STAGES]):
            t = end * stage / (STAGES - 1)
            _scatter(axis, flow.rescaled(flow.inflate(points, t), t) if stage else points, colour)
            axis.set_title(f"{flow.name}, {flow.label}" if not stage else f"t = {t:.1f}")
        generated = flow.generate(normal)
        shade = normal[:, 1].atan2(normal[:, 0]).numpy()
        _scatter(axes[STAGES], flow.rescaled(normal, end), shade)
        axes[STAGES].set_title("latents drawn")
        _scatter(axes[STAGES + 1], generated, shade)
        axes[STAGES + 1].set_title("generated")
        if dim == 2:
            _rings(flow, axes[STAGES], axes[STAGES + 1])
    return figure


def weights_figure(masses: Mapping[str, np.ndarray]) -> Figure:
    """Draw the coverage of credible sets against their level, and its 95 % band under perfect calibration.

    Arguments:
        masses: Posterior mass more credible than the truth for each data set, ``(num_sets,)``, by the flow's
            label; see :func:`bench.studies.inflationary.weights_coverage`.
    """
    mpl.rcParams.update(STYLE)
    figure, axis = plt.subplots(figsize=(4.2, 3.6), layout="constrained")
    levels = np.linspace(0.0, 1.0, 101)
    num_sets = len(next(iter(masses.values())))
    low, high = (binom.ppf(p, num_sets, levels) / num_sets for p in (0.025, 0.975))
    axis.fill_between(levels, low, high, color="0.9", linewidth=0)
    axis.plot(levels, levels, color="0.3", linewidth=1.0, linestyle="--")
    for label, mass in masses.items():
        axis.plot(levels, (mass[:, None] <= levels).mean(0), label=label)
    axis.set(xlabel="credible level", ylabel="weights covered")
    axis.legend()
    return figure


def _scatter(axis: Axes, points: Tensor, colour: np.ndarray) -> None:
    scatter: Any = axis.scatter  # takes two or three coordinates
    scatter(*points.T.numpy(), c=colour, s=2, cmap="viridis", linewidths=0, rasterized=True)
    axis.set(xticks=[], yticks=[])
    if points.shape[1] == 3:
        axis.set(zticks=[])
        return
    axis.grid(False)
    reach = 1.1 * float(points.abs().max())
    # Without this, latents of reduced dimension would be stretched to the height of the panel.
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")


def _rings(flow: ToyFlow, latent_axis: Axes, data_axis: Axes) -> None:
    angles = torch.linspace(0.0, 2.0 * torch.pi, OUTLINE)
    circle = torch.stack([angles.cos(), angles.sin()], dim=1)
    for radius in RADII:
        ring = float(radius) * circle
        latent_axis.plot(*flow.rescaled(ring, flow.flow.schedule.end).T.numpy(), color="0.2", linewidth=0.6)
        data_axis.plot(*flow.generate(ring).T.numpy(), color="0.2", linewidth=0.6)
