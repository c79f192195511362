"""Accuracy of ``one_pass`` on many simulations, trained and scored on the device."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

import tasks
from bench.clock.timing import timed
from bench.gpu.fits import fitted, spec_at_scale
from bench.gpu.measured import Measured, Setting
from bench.metrics import c2st_many
from tasks.contract.seeding import derive_seed

__all__ = ["task_accuracy"]

TASKS = ("two_moons", "slcp")  # the part `training` fits two_moons, too
NUM_SIMULATIONS, NUM_SAMPLES = 100_000, 10_000


def task_accuracy(setting: Setting) -> Iterator[Measured]:
    """Yield training seconds and the C2ST at each of the ten observations of two tasks."""
    for name in TASKS:
        task = tasks.get(name)
        fit = fitted("one_pass", name, NUM_SIMULATIONS, setting)
        sizes = {"task": name, "simulations": fit.num_simulations}
        spec = {"method": spec_at_scale("one_pass", setting)}
        yield Measured("one_pass", "training", fit.seconds, "s", sizes | spec)
        n = setting.count(NUM_SAMPLES, least=50)
        pairs = []
        for k in range(1, task.num_observations + 1):
            reference = task.reference_samples(k)
            if reference is None:
                raise ValueError(f"task {name} has no reference posterior")
            with torch.random.fork_rng():
                torch.manual_seed(derive_seed("gpu samples", name, k))
                samples = fit.posterior.sample((n,), x=task.observation(k)).cpu()
            pairs.append((reference[:n], samples))
        results, seconds = timed(partial(c2st_many, pairs, device=setting.device), setting.device)
        drawn = sizes | {"samples": n}
        yield Measured("batched C2ST", "ten observations", seconds, "s", drawn)
        means = [result.mean for result in results]
        yield Measured("one_pass", "mean C2ST", sum(means) / len(means), "", drawn)
        for k, mean in enumerate(means, start=1):
            yield Measured("one_pass", "C2ST", mean, "", drawn | {"observation": k})
