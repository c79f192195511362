"""The elliptic PDE of arXiv 2506.18227: ODE sampler and one-pass network compared with reference draws.

Of the paper's results, only times are stored with the suite. We measure the C2ST, and the errors of means and
standard deviations in units of the reference's standard deviation, averaged over parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from torch import Tensor

import methods
import tasks
from bench.clock.timing import timed
from bench.metrics import c2st
from bench.run.simulation_cache import simulate
from bench.run.warm_up import warm_up
from bench.studies.exact_score.measurement import Measurement, draw, fit_seed, kernel_spec
from methods.diffusion.solvers import SolverName

__all__ = ["elliptic_pde"]

NUM_SIMULATIONS = 20_000
NUM_LABELS = 5000
NUM_SAMPLES = 5000
VARIANCES = (1e-2, 1e-5, 1e-6)  # of the kernel in theta, the kernel in x, and the observation's noise
SOLVER: SolverName = "dpmpp_2m"
STEPS = 40


def elliptic_pde(
    num_sets: int = 1,
    observations: Sequence[int] = (),
    num_simulations: int = NUM_SIMULATIONS,
    num_labels: int = NUM_LABELS,
    num_samples: int = NUM_SAMPLES,
    steps: int = STEPS,
    student: str = "",
    device: str = "cpu",
    task_name: str = "elliptic_pde",
) -> Iterator[Measurement]:
    """Measure C2ST and errors of means and standard deviations at each observation, for both samplers.

    Arguments:
        num_sets: Number of independent sets of simulations.
        observations: Numbers of observations; empty for all.
        num_simulations: Number of simulations in a set, K.
        num_labels: Number of labels to train the network on.
        num_samples: Number of draws per observation, at most 10 000.
        steps: Number of steps of the ODE solver.
        student: Further parameters of ``exact_score_net``, as in its specification.
        device: Device, ``cpu`` or ``cuda``.
        task_name: Name of the task, which may be any task with reference draws.

    Yields:
        Measurements as they are made, including the seconds of each fit.

    Raises:
        ValueError: if the task has no reference draws.
    """
    task = tasks.get(task_name)
    spec = kernel_spec(*VARIANCES, solver=SOLVER, steps=steps)
    more = f",num_labels={num_labels}" + (f",{student}" if student else "")
    samplers = {"network": f"exact_score_net[{spec}{more}]", "ode": f"exact_score[{spec}]"}
    for number in range(num_sets):
        data = simulate(task, num_simulations, number)
        for sampler, text in samplers.items():
            method, seed = methods.get(text), fit_seed("elliptic_pde", sampler, number)
            warm_up(method, device)
            fit = partial(method.fit, task.prior(), data.theta, data.x, device, seed)
            fitted, seconds = timed(fit, device)
            posterior = fitted.without_rejection()  # the publication keeps all draws
            yield Measurement("elliptic_pde", "all", sampler, "fit seconds", "none", number, seconds)
            for k in observations or range(1, task.num_observations + 1):
                reference = task.reference_samples(k)
                if reference is None:
                    raise ValueError(f"task {task.name} has no reference draws of observation {k}")
                samples = draw(
                    posterior, num_samples, task.observation(k), "elliptic_pde", sampler, k, number
                )
                for quantity, value in _scores(reference, samples).items():
                    yield Measurement(
                        "elliptic_pde", f"observation {k}", sampler, quantity, "none", number, value
                    )


def _scores(reference: Tensor, samples: Tensor) -> dict[str, float]:
    unit = reference.double().std(0)
    mean = (samples.double().mean(0) - reference.double().mean(0)).abs() / unit
    std = (samples.double().std(0) / unit - 1.0).abs()
    return {
        "c2st": c2st(reference[: len(samples)], samples),
        "error of means": float(mean.mean()),
        "error of standard deviations": float(std.mean()),
    }
