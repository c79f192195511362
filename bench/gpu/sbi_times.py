"""Seconds of training and sampling of sbi's methods on the device."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import methods
import tasks
from bench.clock.timing import timed
from bench.gpu.measured import Measured, Setting, repeated
from bench.run.simulation_cache import simulate
from bench.run.warm_up import warm_up

__all__ = ["sbi_times"]

TASK = "two_moons"
METHODS = ("fmpe", "npse", "npe")
NUM_SIMULATIONS, NUM_SAMPLES = 1000, 10_000
EPOCHS = 200  # at scale 1 sbi decides when to stop; below, at most this number times the scale


def sbi_times(setting: Setting) -> Iterator[Measured]:
    """Yield the seconds of training and of drawing 10 000 samples for fmpe, npse and npe.

    Samples outside the prior are drawn again. A method that fails gives a row with its error, and the next
    one follows.
    """
    task = tasks.get(TASK)
    data = simulate(task, setting.count(NUM_SIMULATIONS, least=100), 0)
    drawn = setting.count(NUM_SAMPLES)
    for name in METHODS:
        short = f"[max_num_epochs={setting.count(EPOCHS, 2)}]" if setting.scale < 1.0 else ""
        method = methods.get(name + short)
        sizes = {"task": TASK, "simulations": len(data.theta), "method": method.spec}
        try:
            warm_up(method, setting.device)
            posterior, seconds = timed(
                partial(method.fit, task.prior(), data.theta, data.x, setting.device, 0), setting.device
            )
            yield Measured(name, "training", seconds, "s", sizes)
            sample = partial(posterior.sample, (drawn,), x=task.observation(1))
            yield repeated(sample, setting, name, "call", sizes | {"samples": drawn})[1]
        except Exception as error:
            message = f"{type(error).__name__}: {error}".splitlines()[0]
            yield Measured(name, "training or sampling", math.nan, sizes=sizes, error=message)
