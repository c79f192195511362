"""The command ``scorebench reference``."""

from __future__ import annotations

import click

from bench.commands.arguments import certified_task, writable
from bench.commands.complaint import complain, tell
from bench.commands.name_types import TASK
from bench.commands.number_types import JOBS

__all__ = ["reference"]


@click.command()
@click.argument("name", metavar="TASK", type=TASK)
@click.option("--jobs", type=JOBS, default=1, show_default=True, help="Observations at a time.")
def reference(name: str, jobs: int) -> int:
    """Make the stored reference posterior of TASK and its certificate again; minutes to an hour."""
    from bench.metrics import c2st
    from tasks.reference.make import MakeReferenceError, make_reference
    from tasks.stored.files import FOLDER

    task = certified_task(name)
    writable(FOLDER, "reference")
    try:
        make_reference(task, c2st, tell, jobs)
    except MakeReferenceError as error:
        complain(str(error))
        return 1
    return 0
