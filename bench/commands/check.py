"""``scorebench check task | method``: does a part keep its contract?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from bench.commands.arguments import FilePath
from bench.commands.complaint import tell
from bench.commands.name_types import METHOD, TASK
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.checks import Check

__all__ = ["check"]

plugin_option = click.option(
    "--plugin", multiple=True, type=FilePath(), help="Python file with own tasks or methods."
)


@click.group()
def check() -> None:
    """Does a part keep its contract?"""


@check.command("task")
@click.argument("name", type=TASK)
@plugin_option
def check_task(name: str, plugin: tuple[str, ...]) -> int:
    """Shapes, seeds, prior, edges, observations, reference posterior, certificate, speed of a task."""
    from bench.checks.task import task_checks
    from bench.run.plugins import load_plugins

    load_plugins(plugin)
    return _report(name, task_checks(name))


@check.command("method")
@click.argument("method", metavar="NAME", type=METHOD)
@plugin_option
def check_method(method: str, plugin: tuple[str, ...]) -> int:
    """Samples, seeds, batches, evaluations, density, bounds of a method, NAME[param=value,...]."""
    from bench.checks.method import method_checks
    from bench.run.plugins import load_plugins
    from methods import SpecError

    load_plugins(plugin)
    try:
        checks = method_checks(method)
    except SpecError as error:
        raise UsageError(str(error)) from None
    return _report(method, checks)


def _report(name: str, checks: Iterable[Check]) -> int:
    """Print each finding when it is made; 1 if there is a problem, else 0."""
    failed = False
    for one in checks:
        finding = one.find()
        tell(f"{name} {finding}")
        failed |= finding.problem is not None
    return int(failed)
