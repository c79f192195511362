"""Accuracy of a flow's maps: errors of round trips, participation ratios, and points inside mapped shells."""

from __future__ import annotations

import time

import numpy as np
import torch
from matplotlib.path import Path
from scipy.stats import chi
from torch import Tensor

from bench.studies.inflationary.toy_flow import ToyFlow
from bench.studies.inflationary.toys import toy
from methods.transforms.whitening import participation_ratio
from tasks.contract.seeding import derive_seed

__all__ = ["RADII", "map_row"]

RADII = np.arange(0.5, 3.51, 0.5)  # Mahalanobis radii in latent coordinates
NUM_POINTS = 5000
ON_A_SHELL = 300  # number of points on a shell
OUTLINE = 3000  # corners of the polygon that approximates the image of a circle


def map_row(flow: ToyFlow, num_points: int = NUM_POINTS) -> dict[str, str | float]:
    """Measure the accuracy of a flow's maps on fresh data.

    Arguments:
        flow: Trained flow of a toy data set.
        num_points: Number of fresh points.

    Returns:
        ``toy``, ``schedule``, ``solver``; ``round_trip``, the mean square error of mapping data to latents
        and back, in units of the columns' variance; ``latent_round_trip``, the same from latents to data and
        back; the participation ratios ``pr_data``, ``pr_latent`` and ``pr_expected``; ``inside``, the
        fraction of points on shells of radius .5 to 3 whose images are inside the image of the shell with a
        radius larger by .5 (2-D only, else NaN); ``inside_again``, the fraction that is inside that shell
        after a round trip; ``radius_error``, the maximum over ``RADII`` of the difference between the
        fraction of latents of the data within a radius and that of a standard normal; and ``seconds``.
    """
    start = time.perf_counter()
    points, _ = toy(flow.name, num_points, "test")
    latent = flow.inflate(points)
    dim = points.shape[1]
    schedule = flow.flow.schedule
    normal = _normal(num_points, dim)
    generated = flow.generate(normal)
    within = (latent.norm(dim=1)[:, None] <= torch.from_numpy(RADII)).double().mean(0).numpy()
    inside, inside_again = _inside(flow, dim)
    row: dict[str, str | float] = {"toy": flow.name, "schedule": flow.label}
    row["solver"] = (
        flow.flow.solver if flow.flow.solver == "dopri5" else f"{flow.flow.solver} {flow.flow.steps}"
    )
    row["round_trip"] = float((flow.generate(latent) - points).square().mean())
    row["latent_round_trip"] = float((flow.inflate(generated) - normal).square().mean())
    row["pr_data"] = participation_ratio(points.T.cov())
    row["pr_latent"] = participation_ratio(flow.rescaled(latent, schedule.end).T.cov())
    row["pr_expected"] = flow.ratio_expected
    row["inside"], row["inside_again"] = inside, inside_again
    row["radius_error"] = float(np.abs(within - chi(dim).cdf(RADII)).max())
    row["seconds"] = time.perf_counter() - start
    return row


def _normal(num: int, dim: int) -> Tensor:
    generator = torch.Generator().manual_seed(derive_seed("inflation study", "normal"))
    return torch.randn(num, dim, generator=generator)


def _inside(flow: ToyFlow, dim: int) -> tuple[float, float]:
    """Return the fractions of shell points inside the next shell: when generated, and after a round trip."""
    directions = torch.nn.functional.normalize(_normal(ON_A_SHELL, dim), dim=1)
    radii = torch.from_numpy(RADII).float()
    shells = (radii[:-1, None, None] * directions).flatten(0, 1)
    outer = radii[1:].repeat_interleave(ON_A_SHELL)
    generated = flow.generate(shells)
    again = float((flow.inflate(generated).norm(dim=1) < outer).double().mean())
    if dim != 2:
        return float("nan"), again
    angles = torch.linspace(0.0, 2.0 * torch.pi, OUTLINE)
    circle = torch.stack([angles.cos(), angles.sin()], dim=1)
    outlines = flow.generate((radii[1:, None, None] * circle).flatten(0, 1)).unflatten(0, (-1, OUTLINE))
    parts = generated.unflatten(0, (-1, ON_A_SHELL))
    held = [Path(outline).contains_points(part) for outline, part in zip(outlines, parts, strict=True)]
    return float(np.mean(held)), again
