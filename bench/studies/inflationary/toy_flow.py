"""A flow of one toy data set, in the units of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.studies.inflationary.toys import toy
from methods.inflationary import FlowSolver, InflationaryFlow, InflationSchedule, fit_flow
from methods.learning.sizes import Sizes
from methods.transforms.whitening import Whitening, participation_ratio
from tasks.contract.seeding import derive_seed

__all__ = ["ToyFlow"]

PLAN = {"rho": 2.0, "end": 7.01, "start_noise": 5e-4}  # as published
GAP = 1.02
NUM_POINTS = 20_000
SIZES = Sizes(width=128, depth=3, steps=6000, batch_size=512, seed=derive_seed("toy flow"))
NOTHING = torch.zeros(1, 0)  # the empty condition


@dataclass(frozen=True)
class ToyFlow:
    """Map of a toy data set to standardised latents and back.

    Arguments:
        name: Name of the toy data set.
        keep: Number of kept directions; None if all are kept.
        whitening: Principal components of the data.
        flow: Flow of the whitened data.
    """

    name: str
    keep: int | None
    whitening: Whitening
    flow: InflationaryFlow

    @classmethod
    def fit(cls, name: str, keep: int | None, sizes: Sizes = SIZES, num_points: int = NUM_POINTS) -> ToyFlow:
        """Train a flow on fresh points; its solver is Heun's method with 200 steps.

        Arguments:
            name: Name of the toy data set.
            keep: Number of directions to keep; None for all.
            sizes: Sizes of the network and of its training.
            num_points: Number of training points.
        """
        points, _ = toy(name, num_points, "train")
        whitening = Whitening.fit(points)
        w = whitening(points).float()
        dim = w.shape[1]
        schedule = (
            InflationSchedule.preserving(dim, **PLAN)
            if keep is None
            else InflationSchedule.reducing(dim, keep, gap=GAP, **PLAN)
        )
        return cls(name, keep, whitening, fit_flow(w, w[:, :0], schedule, sizes, "heun", 200))

    @property
    def label(self) -> str:
        """Name of the schedule, in the publication's abbreviation."""
        dim = len(self.flow.schedule.rates)
        return "PRP" if self.keep is None else f"PRR {dim}→{self.keep}"

    def by(self, solver: FlowSolver, steps: int) -> ToyFlow:
        """Return the same flow with another solver."""
        return replace(self, flow=replace(self.flow, solver=solver, steps=steps))

    def inflate(self, points: Tensor, until: float | None = None) -> Tensor:
        """Return the latents ``(N, D)`` of points ``(N, D)`` at time ``until``; by default at the end."""
        return self.flow.inflate(self.whitening(points).float(), NOTHING, until)

    def generate(self, latent: Tensor, since: float | None = None) -> Tensor:
        """Return the points ``(N, D)`` of latents ``(N, D)`` at time ``since``; by default at the end."""
        return self.whitening.inverse(self.flow.generate(latent, NOTHING, since)).float()

    def rescaled(self, latent: Tensor, t: float) -> Tensor:
        """Return latents ``(N, D)`` of time t in the flow's own scale.

        That is the scale of the data, shrunk in the directions that the flow reduces.
        """
        spread = self.flow.schedule.spread(torch.full((1, 1), t))
        return latent * spread * self.whitening.deviations.float()

    @property
    def ratio_expected(self) -> float:
        """Participation ratio that the latents should have: that of the data, or of its kept directions."""
        variances = self.whitening.deviations.square()
        return participation_ratio(torch.diag(variances[: self.keep]))
