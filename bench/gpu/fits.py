"""Fits of the suite's own methods, each made once and shared by the parts that use it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import methods
import tasks
from bench.clock.timing import timed
from bench.gpu.measured import Setting
from bench.run.simulation_cache import simulate
from bench.run.warm_up import warm_up
from methods import Posterior
from tasks.contract.seeding import derive_seed

__all__ = ["Fit", "fitted", "spec_at_scale"]


class Fit(NamedTuple):
    """A fitted posterior with the seconds of its training, and the number of its simulations."""

    posterior: Posterior
    seconds: float
    num_simulations: int


def spec_at_scale(name: str, setting: Setting) -> str:
    """Return a method's specification, in which numbers of steps and labels are scaled.

    Example:
        >>> spec_at_scale("exact_score_net", Setting("cpu", 0.01))
        'exact_score_net[num_labels=500,training_steps=40]'
        >>> spec_at_scale("exact_score_net", Setting("cuda", 1.0))
        'exact_score_net'
    """
    method = methods.get(name)
    counted = ("training_steps", "num_emulated", "num_labels", "student_steps")
    full = method.model_dump()
    changed = {key: setting.count(full[key], least=20) for key in counted if key in full}
    return method.model_copy(update=changed).spec


@lru_cache(maxsize=16)
def fitted(name: str, task_name: str, num_simulations: int, setting: Setting) -> Fit:
    """Simulate, fit the method on the setting's device, and time the fit.

    Arguments:
        name: Name of the method.
        task_name: Name of the task.
        num_simulations: Number of simulations at full scale.
        setting: Device and scale.
    """
    task, method = tasks.get(task_name), methods.get(spec_at_scale(name, setting))
    warm_up(method, setting.device)
    data = simulate(task, setting.count(num_simulations, least=100), 0)
    seed = derive_seed("gpu fit", name, task_name)
    posterior, seconds = timed(
        lambda: method.fit(task.prior(), data.theta, data.x, device=setting.device, seed=seed),
        setting.device,
    )
    return Fit(posterior, seconds, len(data.theta))
