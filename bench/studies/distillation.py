"""Comparison of the published recipe for generating labels with the suite's, on the same simulations."""

from __future__ import annotations

import math

import pandas as pd
import torch
from torch import Tensor

from bench.clock.timing import timed
from bench.metrics import c2st_many
from bench.run.simulation_cache import simulate
from methods.diffusion.solvers import solve
from methods.exact_score import FlowMap, JointPosterior, KernelPosterior, Schedule, leave_one_out
from methods.student import generate_labels, jittered
from methods.transforms.standardizer import Standardizer
from tasks import Task
from tasks.contract.seeding import derive_seed

__all__ = ["PUBLISHED_STEPS", "label_speed"]

PUBLISHED_STEPS = 1000
OURS_STEPS = 30
OBSERVED = 0.1  # ratio sigma_y / h_x; the published form splits h_x² = sigma_v² + sigma_y²
ROWS = 250  # labels at a time in the published form, which keeps (labels, K) matrices in memory


def label_speed(
    task: Task, num_simulations: int, num_published: int, num_ours: int, device: str = "cpu"
) -> pd.DataFrame:
    """Measure seconds per label and accuracy of both recipes.

    The published recipe uses the joint form with all K samples and Euler's method with 1000 uniform steps.
    The suite's uses the reduced form, computed as one attention, and a second-order exponential integrator
    with 30 steps. Both use the same conditions (the simulations' x, jittered by h_x), standardised samples
    and leave-one-out bandwidths.

    Arguments:
        task: Task that is simulated.
        num_simulations: Number of simulations, K.
        num_published: Number of labels by the published recipe.
        num_ours: Number of labels by the suite's recipe; the first ``num_published`` of them are compared.
        device: Device of both recipes.

    Returns:
        A row for each recipe: ``s_per_label``, ``times_faster``, ``gflops`` (10⁹ multiplications and
        additions per second, counting products only), ``of_product_limit`` (``gflops`` relative to a large
        matrix product in the same run), ``c2st_exact`` (C2ST with early stopping between labels with their
        conditions and exact draws of the kernel posterior) and ``c2st_other`` (the same between the recipes).
    """
    data = simulate(task, num_simulations, 0)
    theta, x = (Standardizer.fit(part)(part).to(device) for part in (data.theta, data.x))
    h_theta, h_x = leave_one_out(theta, x)
    kernel = KernelPosterior(theta, x, h_theta, h_x)
    sigma_y = OBSERVED * h_x
    joint = JointPosterior(theta, x, h_theta, math.sqrt(h_x**2 - sigma_y**2), sigma_y)
    dims = {"dim_theta": theta.shape[1], "dim_x": x.shape[1]}
    limit = _product_gflops(device)

    teacher = FlowMap(kernel, "dpmpp_2m", OURS_STEPS)
    jitter = jittered(x, num_ours, h_x, seed=derive_seed("label conditions", task.name))
    seed = derive_seed("label noise", task.name)
    labels, seconds = timed(
        lambda: generate_labels(teacher, jitter, dim_theta=theta.shape[1], seed=seed), device
    )
    ours_s = seconds / num_ours

    conditions = labels.x[:num_published]
    generator = torch.Generator().manual_seed(derive_seed("published label noise", task.name))
    noise = torch.randn(num_published, theta.shape[1] + x.shape[1], generator=generator).to(device)

    def by_the_paper() -> Tensor:
        parts = [
            solve(joint.denoiser(y), z, "euler", PUBLISHED_STEPS, Schedule())
            for z, y in zip(noise.split(ROWS), conditions.split(ROWS), strict=True)
        ]
        return torch.cat(parts)[:, : theta.shape[1]]

    published, seconds = timed(by_the_paper, device)
    published_s = seconds / num_published

    exact = _exact_draws(kernel, conditions, generator)
    sets = [
        torch.cat([part, conditions], dim=1).cpu()
        for part in (exact, published, labels.theta[:num_published])
    ]
    # If both sides of a C2ST had the same conditions, the classifier could match their rows. Each side
    # therefore takes another half of the conditions.
    half = num_published // 2
    pairs = [(sets[a][:half], sets[b][half : 2 * half]) for a, b in ((0, 1), (0, 2), (1, 2))]
    to_published, to_ours, between = (result.mean for result in c2st_many(pairs, early_stopping=True))
    flops = {
        "published": 2 * PUBLISHED_STEPS * num_simulations * (2 * dims["dim_theta"] + 3 * dims["dim_x"]),
        "ours": 2 * OURS_STEPS * num_simulations * (2 * dims["dim_theta"] + dims["dim_x"] + 1),
    }
    rows = []
    for recipe, seconds, exact_c2st in (("published", published_s, to_published), ("ours", ours_s, to_ours)):
        gflops = flops[recipe] / seconds / 1e9
        rows.append(
            {"task": task.name, "K": num_simulations, **dims, "recipe": recipe, "s_per_label": seconds}
            | {"times_faster": published_s / seconds, "gflops": gflops, "of_product_limit": gflops / limit}
            | {"c2st_exact": exact_c2st, "c2st_other": between}
        )
    return pd.DataFrame(rows)


def _exact_draws(kernel: KernelPosterior, conditions: Tensor, generator: torch.Generator) -> Tensor:
    """Return one exact draw of the kernel posterior for each condition."""
    draws = []
    for rows in conditions.split(ROWS):
        log_w = torch.cdist(rows.double(), kernel.x.double()).square() / (-2 * kernel.h_x**2)
        draws.append(torch.multinomial(log_w.softmax(dim=1).cpu(), 1, generator=generator)[:, 0])
    centres = kernel.theta[torch.cat(draws).to(kernel.theta.device)]
    return centres + kernel.h_theta * torch.randn(centres.shape, generator=generator).to(centres)


def _product_gflops(device: str, size: int = 2048) -> float:
    """Return the rate of a large float32 matrix product in GFLOP/s: the best of five, on torch's threads."""
    a = torch.randn(size, size, device=device)
    seconds = min(timed(lambda: torch.mm(a, a), device)[1] for _ in range(5))
    return 2 * size**3 / seconds / 1e9
