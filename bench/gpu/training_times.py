"""Seconds of training of the one-pass methods on few and many simulations."""

from __future__ import annotations

from collections.abc import Iterator

import tasks
from bench.gpu.fits import fitted, spec_at_scale
from bench.gpu.measured import Measured, Setting
from bench.gpu.one_pass_samples import sampling
from methods.student import OnePassPosterior

__all__ = ["TASK", "training_times"]

TASK = "two_moons"
NUM_SIMULATIONS = (1000, 10_000, 100_000)
METHODS = ("exact_score_net", "one_pass")
SAMPLED = (10_000, 1)


def training_times(setting: Setting) -> Iterator[Measured]:
    """Yield the seconds of one training for each method and number of simulations.

    The posteriors of the middle number of simulations are then sampled, since a trained ``one_pass`` may use
    parts that the untrained one of the part ``samples`` does not.
    """
    for num_simulations in NUM_SIMULATIONS:
        for name in METHODS:
            fit = fitted(name, TASK, num_simulations, setting)
            sizes = {"task": TASK, "simulations": fit.num_simulations, "method": spec_at_scale(name, setting)}
            yield Measured(name, "training", fit.seconds, "s", sizes)
            if num_simulations == NUM_SIMULATIONS[1] and isinstance(fit.posterior, OnePassPosterior):
                x_o = tasks.get(TASK).observation(1)
                yield from sampling(f"trained {name}", fit.posterior, x_o, SAMPLED, setting)
