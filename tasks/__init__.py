"""What is to be inferred: simulators, priors, observations and reference posteriors.

>>> import tasks
>>> task = tasks.get("two_moons")
>>> task.observation(1).shape
torch.Size([1, 2])
"""

from tasks.base import Card, Task, UnknownTaskError
from tasks.registry import get, names, register_task

# Importing a module of tasks registers them.
from tasks import lotka_volterra, sbibm_tasks, sir  # noqa: F401  # isort: skip

__all__ = ["Card", "Task", "UnknownTaskError", "get", "names", "register_task"]
