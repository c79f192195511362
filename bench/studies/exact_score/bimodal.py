"""The bimodal example of arXiv 2506.18227: KL between 10 000 draws and the exact or kernel posterior.

The paper uses a kernel density estimate but does not give its bandwidth. It cannot be Scott's rule, which
takes the distance between the modes as their width: even exact draws then score 0.08, three times the
published value. The rule ``isj`` adapts to the modes, so its results are the ones to compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch

import methods
import tasks
from bench.metrics.projection_kl import Bandwidth, kde_kl
from bench.run.simulation_cache import simulate
from bench.studies.exact_score.measurement import Measurement, draw, fit_seed, kernel_spec
from methods.diffusion.solvers import SolverName
from methods.exact_score import ExactScore
from tasks.closed_form.bimodal_1d import Bimodal1D

__all__ = ["SETTINGS", "Setting", "bimodal_1d"]

NUM_SAMPLES = 10_000
GRID = torch.linspace(-4.0, 4.0, 1000, dtype=torch.float64)
SOLVER: SolverName = "dpmpp_2m"
STEPS = 40
KERNELS: tuple[Bandwidth, ...] = ("isj", "scott")


class Setting(NamedTuple):
    """Setting of the experiment.

    Attributes:
        num_simulations: Number of simulations.
        variance_theta: Variance of the kernel in theta.
        variance_x: Variance of the kernel in x.
        variance_y: Variance of the observation's noise.
    """

    num_simulations: int
    variance_theta: float
    variance_x: float
    variance_y: float


SETTINGS = {
    "C1": Setting(500, 0.005, 0.005, 1e-4),
    "C3": Setting(500, 0.05, 0.05, 1e-4),
    "C4": Setting(5000, 0.001, 0.001, 1e-4),
    "C5": Setting(5000, 0.005, 0.005, 1e-4),
    "C7": Setting(5000, 0.005, 0.005, 1e-3),
}


def bimodal_1d(
    num_sets: int = 20,
    configs: Iterable[str] = tuple(SETTINGS),
    num_samples: int = NUM_SAMPLES,
    steps: int = STEPS,
    device: str = "cpu",
) -> Iterator[Measurement]:
    """Measure both divergences for every setting and set of simulations, at x = 1.

    ``KL(exact||kernel posterior)`` is computed by quadrature, without samples or a density estimate. It is
    the error due to the kernels alone. Rows with the sampler ``exact`` are the scores of exact draws.

    Arguments:
        num_sets: Number of independent sets of simulations and of draws.
        configs: Names of settings, keys of ``SETTINGS``.
        num_samples: Number of draws, at most 10 000.
        steps: Number of steps of the ODE solver.
        device: Device, ``cpu`` or ``cuda``.

    Yields:
        Measurements in nats, as they are made.
    """
    task = tasks.get("bimodal_1d")
    if not isinstance(task, Bimodal1D):
        raise TypeError("the task bimodal_1d is not the suite's own")
    x = task.observation(1)
    exact = task.log_posterior(GRID[:, None], x.double()).exp()
    reference = task.reference_samples(1)[:num_samples, 0]
    for kernel in KERNELS:
        value = kde_kl(exact, GRID, reference, kernel)
        yield Measurement("bimodal_1d", "all", "exact", "KL(exact||generated)", str(kernel), 0, value)
    for config in configs:
        setting = SETTINGS[config]
        spec = kernel_spec(*setting[1:], solver=SOLVER, steps=steps)
        method = methods.get(f"exact_score[{spec}]")
        if not isinstance(method, ExactScore):
            raise TypeError("the method exact_score is not the suite's own")
        for number in range(num_sets):
            data = simulate(task, setting.num_simulations, number)
            seed = fit_seed("bimodal_1d", config, number)
            fitted = method.fit(task.prior(), data.theta, data.x, device=device, seed=seed)
            posterior = fitted.without_rejection()  # the publication keeps all draws
            samples = draw(posterior, num_samples, x, "bimodal_1d", config, number)[:, 0]
            smooth = posterior.log_prob(GRID[:, None].float(), x).cpu().double().exp()
            yield Measurement(
                "bimodal_1d",
                config,
                "none",
                "KL(exact||kernel posterior)",
                "none",
                number,
                _divergence(exact, smooth),
            )
            for density, name in ((exact, "exact"), (smooth, "kernel posterior")):
                for kernel in KERNELS:
                    value = kde_kl(density, GRID, samples, kernel)
                    quantity = f"KL({name}||generated)"
                    yield Measurement("bimodal_1d", config, "ode", quantity, str(kernel), number, value)


def _divergence(p: torch.Tensor, q: torch.Tensor) -> float:
    """Return KL(p || q) of two densities on the grid in nats; values of q below 1e-300 count as 1e-300."""
    ratio = p.clamp_min(1e-300).log() - q.clamp_min(1e-300).log()
    return float(torch.trapezoid(torch.where(p > 0, p * ratio, 0.0), GRID))
