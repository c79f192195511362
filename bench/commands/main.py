"""The command line: ``scorebench run | score | list | show | table | plot | time | study | ...``."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from concurrent.futures import BrokenExecutor

import click
from click.exceptions import NoArgsIsHelpError

from bench.commands.check import check
from bench.commands.compare import compare
from bench.commands.complaint import complain, tell
from bench.commands.export import export
from bench.commands.failures import errors
from bench.commands.invalidate import invalidate
from bench.commands.listing import list_
from bench.commands.merge import merge
from bench.commands.plot import plot
from bench.commands.reference import reference
from bench.commands.report import report
from bench.commands.rm import rm
from bench.commands.run import run
from bench.commands.score import score
from bench.commands.show import table
from bench.commands.show_part import show
from bench.commands.slurm import slurm
from bench.commands.status import status
from bench.commands.studies import reproduce, study
from bench.commands.timings import time_
from bench.errors import UsageError
from bench.run.signals import Terminated, interrupted_once
from bench.version import VERSION
from registries import RegistryError

__all__ = ["cli", "main"]

# What takes seconds to import (torch, sbi, seaborn) is imported by the command that needs it.


def main() -> None:
    """Entry point: bad input gives one line on standard error and exit status 2."""
    for stream in (sys.stdout, sys.stderr):  # a terminal need not know all characters
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with interrupted_once():
        status = _status()
    sys.exit(_flushed(status))


def _status() -> int:
    """Run the command, and return the exit status after a line about what ended it."""
    try:
        status: int = cli.main(standalone_mode=False)
    except NoArgsIsHelpError as error:
        tell(error.ctx.get_help())
        status = 0
    except (RegistryError, UsageError) as error:
        complain(str(error))
        status = 2
    except click.ClickException as error:
        complain(error.format_message())
        status = 2
    except OSError as error:  # of files and connections: the traceback would say no more
        complain(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
        status = 2
    except BrokenExecutor as error:  # of commands that compute in several processes
        complain(f"a worker process died, perhaps for lack of memory ({error})")
        status = 1
    except MemoryError:
        complain("no memory left")
        status = 1
    except (click.Abort, KeyboardInterrupt) as error:
        complain("interrupted; what is done is kept, run the same command to go on")
        status = 143 if isinstance(error.__cause__, Terminated) else 130  # click has wrapped it
    return status


def _flushed(status: int) -> int:
    """Return the status, or 2 if what was printed could not be written, for example on a full disk."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError) as error:
        if isinstance(error, OSError) and status == 0:
            complain(f"standard output: {error.strerror or error}")
            status = 2
        # The interpreter would try again when it ends, and print a traceback.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return status


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="scorebench")
def cli() -> None:
    """Benchmark simulation-based inference: tasks x methods x budgets in, tables and figures out."""


for command in (check, run, score, slurm, list_, show, table, plot, reference, time_, study, reproduce):
    cli.add_command(command)
cli.add_command(compare)
for command in (report, status, errors, rm, invalidate, merge, export):
    cli.add_command(command)
