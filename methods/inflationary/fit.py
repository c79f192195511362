"""Training of an inflationary flow."""

from __future__ import annotations

from torch import Tensor

from methods.inflationary.flow import FlowSolver, InflationaryFlow
from methods.inflationary.inflation_network import InflationNetwork
from methods.inflationary.schedule import InflationSchedule
from methods.learning.denoising import HeldOut, learn, split
from methods.learning.networks import seeded
from methods.learning.sizes import Sizes

__all__ = ["fit_flow"]

RATE = 4e-3


def fit_flow(
    w: Tensor, c: Tensor, schedule: InflationSchedule, sizes: Sizes, solver: FlowSolver, steps: int
) -> InflationaryFlow:
    """Train the denoiser of a flow of whitened data w given c; a tenth of the rows is held out.

    Arguments:
        w: Whitened data, float32, ``(N, dim)``.
        c: Conditions, ``(N, dim_c)``, where dim_c may be 0.
        schedule: Schedule of the noise.
        sizes: Size and training of the network.
        solver: Name of the ODE solver of the flow.
        steps: Number of solver steps.
    """
    held, rest = (rows.to(w.device) for rows in split(len(w), sizes.seed))
    dims = (c.shape[1], sizes.width, sizes.depth)
    network = seeded(lambda: InflationNetwork(schedule, *dims), sizes.seed).to(w)
    held_out = HeldOut(w[held], c[held], sizes.seed)
    options = {"steps": sizes.steps, "batch_size": sizes.batch_size, "seed": sizes.seed}
    learn(network, w[rest], c[rest], held_out, learning_rate=RATE, **options)
    return InflationaryFlow(network, schedule, solver, steps)
