"""Seconds of the labels that train the exact-score network, at the published sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from torch import Tensor

import tasks
from bench.clock.timing import timed
from bench.gpu.measured import Aim, Measured, Setting
from bench.run.simulation_cache import simulate
from methods.diffusion.solvers import SolverName
from methods.exact_score import FlowMap, KernelPosterior
from methods.student import generate_labels, jittered
from tasks.contract.seeding import derive_seed

__all__ = ["label_times"]

TASK = "student_t_mixture_15_5"
NUM_SIMULATIONS, NUM_LABELS = 250_000, 50_000
VARIANCE, VARIANCE_Y = 0.1, 1e-5  # of the publication's kernels and of its observation, in physical units
# The suite's solver as in `scorebench study exact_score`, and the publication's with as many steps.
SOLVERS: tuple[tuple[SolverName, int, Aim | None], ...] = (("dpmpp_2m", 20, Aim(10.0)), ("euler", 100, None))
PUBLISHED_S = 2859.0  # on a V100, see results/published/exact_score_paper.csv
FIRST = 512  # labels that warm up the device


def label_times(setting: Setting) -> Iterator[Measured]:
    """Yield seconds and rates of making the labels by the exact score of 250 000 simulations.

    Reference: Zhang, Tatsuoka, Xiu, Zhang, arXiv 2506.18227: 2859 s on a V100 for the split of 15 and 5
    dimensions, by 100 Euler steps on the joint mixture. Here the x-part is integrated out, which gives the
    same posterior.
    """
    num_simulations = setting.count(NUM_SIMULATIONS, least=1000)
    num_labels = setting.count(NUM_LABELS, least=100)
    data = simulate(tasks.get(TASK), num_simulations, 0)
    theta, x = data.theta.to(setting.device), data.x.to(setting.device)
    kernel = KernelPosterior(theta, x, math.sqrt(VARIANCE), math.sqrt(VARIANCE + VARIANCE_Y))
    conditions = jittered(x, num_labels, kernel.h_x, seed=derive_seed("gpu label conditions"))

    seed = derive_seed("gpu label noise")

    def labels(teacher: FlowMap, conditions: Tensor) -> Tensor:
        return generate_labels(teacher, conditions, dim_theta=theta.shape[1], seed=seed).theta

    for solver, steps, aim in SOLVERS:
        teacher = FlowMap(kernel, solver, steps)
        labels(teacher, conditions[:FIRST])
        made, seconds = timed(partial(labels, teacher, conditions), setting.device)
        if not bool(made.isfinite().all()):
            raise ValueError(f"{solver}: labels are not finite")
        sizes = {"K": num_simulations, "labels": num_labels, "solver": solver, "steps": steps}
        yield Measured(TASK, "labels", seconds, "s", sizes, aim)
        flops = 2 * steps * num_simulations * num_labels * (2 * theta.shape[1] + x.shape[1] + 1)
        yield Measured(TASK, "rate of products", flops / seconds / 1e12, "TFLOP/s", sizes)
        if setting.scale == 1.0:
            yield Measured(TASK, "published seconds / seconds", PUBLISHED_S / seconds, "", sizes)
