"""Inference problems: each has a prior, a simulator, observations and, if available, reference posteriors.

>>> import tasks
>>> task = tasks.get("two_moons")
>>> task.observation(1).shape
torch.Size([1, 2])
"""

from tasks.contract.base import Card, Task, TaskError, UnknownTaskError
from tasks.contract.registry import get, names, register_task, task_class

# Importing a package of tasks registers them.
from tasks import closed_form, digits, physics, sbibm  # noqa: F401  # isort: skip

__all__ = ["Card", "Task", "TaskError", "UnknownTaskError", "get", "names", "register_task", "task_class"]
