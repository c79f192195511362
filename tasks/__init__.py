"""What is to be inferred: simulators, priors, observations and reference posteriors.

>>> import tasks
>>> task = tasks.get("two_moons")
>>> task.observation(1).shape
torch.Size([1, 2])
"""

from tasks.base import Card, Task, TaskError, UnknownTaskError
from tasks.registry import get, names, register_task, task_class

# Importing a module of tasks registers them.
from tasks import (  # noqa: F401  # isort: skip
    advection_diffusion,
    bimodal_1d,
    damped_oscillator,
    digits_label,
    digits_prior,
    elliptic_pde,
    elliptic_pde_16,
    heat_1d,
    lorenz63,
    lotka_volterra,
    ringdown,
    sbibm_tasks,
    sir,
    student_t_mixture,
)

__all__ = ["Card", "Task", "TaskError", "UnknownTaskError", "get", "names", "register_task", "task_class"]
