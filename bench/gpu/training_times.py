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
# The quick ones first, then the budget of most interest.
FITS = (
    ("exact_score_net", 1000),
    ("exact_score_net", 10_000),
    ("exact_score_net", 100_000),
    ("one_pass", 10_000),
    ("one_pass", 1000),
    ("one_pass", 100_000),
)
SAMPLED = (10_000, 1)  # samples and observations


def training_times(setting: Setting) -> Iterator[Measured]:
    """Yield the seconds of one training for each method and number of simulations.

    Posteriors of 10 000 simulations are then sampled, since a trained ``one_pass`` may use parts that the
    untrained one of the part ``samples`` does not.
    """
    for name, num_simulations in FITS:
        fit = fitted(name, TASK, num_simulations, setting)
        sizes = {"task": TASK, "simulations": fit.num_simulations, "method": spec_at_scale(name, setting)}
        yield Measured(name, "training", fit.seconds, "s", sizes)
        if num_simulations == 10_000 and isinstance(fit.posterior, OnePassPosterior):
            x_o = tasks.get(TASK).observation(1)
            yield from sampling(f"trained {name}", fit.posterior, x_o, SAMPLED, setting)
