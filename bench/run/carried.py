"""Classes of an interactive session, which are sent to its worker processes.

A worker runs a script again to know the tasks, methods and metrics that it defines. What was typed into a
notebook or at a prompt has no file, so the classes themselves are sent: those of the session by value, and
those of imported modules by name. Only this program's own processes receive them, and nothing is stored.
"""

from __future__ import annotations

import traceback
from importlib.util import find_spec

import cloudpickle

from bench.errors import UsageError
from bench.run.plugins import SUITE, is_from_plugin
from bench.run.script import own_script

__all__ = ["carried", "register_carried"]


def carried() -> list[bytes]:
    """Return the session's own registered classes, each as :func:`register_carried` reads it.

    The list is empty for a script, which is run again instead.

    Raises:
        UsageError: if a class cannot be sent, because it refers to an open file or the like.
    """
    if own_script() is not None:
        return []
    import methods
    import tasks
    from bench.metrics import metrics_so_far
    from methods.contract.registry import method_class

    known: list[tuple[str, str, type]] = [("task", name, tasks.task_class(name)) for name in tasks.names()]
    known += [("method", name, method_class(name)) for name in methods.names()]
    known += [("metric", name, cls) for name, cls in metrics_so_far().items()]
    return [_sent(*one) for one in known if _is_own(one[2])]


def register_carried(classes: list[bytes]) -> None:
    """Register the classes of :func:`carried` in this process.

    An error is printed, not raised, as for a script that is run again; the class is then unknown here.
    """
    if not classes:
        return
    import methods
    import tasks
    from bench.metrics import register_metric

    register = {
        "task": tasks.register_task,
        "method": methods.register_method,
        "metric": register_metric,
    }
    for one in classes:
        try:
            kind, name, cls = cloudpickle.loads(one)
            register[kind](name)(cls)
        except Exception:
            traceback.print_exc()


def _is_own(cls: type) -> bool:
    """Whether a class is the user's, and another process can have it."""
    module = cls.__module__
    if module.partition(".")[0] in SUITE or is_from_plugin(cls):
        return False
    if module == "__main__":
        return True
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # ValueError: a module that was not made by an import
        return False


def _sent(kind: str, name: str, cls: type) -> bytes:
    try:
        sent: bytes = cloudpickle.dumps((kind, name, cls))
    except Exception as error:  # of any object that the class refers to
        raise UsageError(
            f"{kind} {name!r} of this session cannot be sent to other processes "
            f"({type(error).__name__}: {error}); "
            'put it into a file and give its path as plugin, or use backend="sequential"'
        ) from None
    return sent
