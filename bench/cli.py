"""The command line: ``scorebench run | list | table | plot | time | study | check | reference``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError

from bench import __version__
from bench.errors import UsageError

__all__ = ["cli", "main"]

# What takes seconds to import (torch, sbi, seaborn) is imported by the command that needs it.


def main() -> None:
    """Entry point: bad input gives one line on standard error and exit status 2."""
    try:
        status = cli.main(standalone_mode=False)
    except NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        status = 0
    except UsageError as error:
        _complain(str(error))
        status = 2
    except click.ClickException as error:
        _complain(error.format_message())
        status = 2
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted; what is done is kept, run the same command to go on")
        status = 130
    sys.exit(status)


def _complain(message: str) -> None:
    click.echo(f"scorebench: {' '.join(message.split())}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scorebench")
def cli() -> None:
    """Benchmark simulation-based inference: tasks x methods x budgets in, tables and figures out."""


@cli.command()
@click.argument("grid", required=False, type=click.Path(path_type=Path))
@click.option("-t", "--task", multiple=True, help="Task; repeat for several.")
@click.option("-m", "--method", multiple=True, help="Method, name[param=value,...]; a list [a,b] is several.")
@click.option("-n", "--num-simulations", multiple=True, type=int, help="Simulation budget.  [default: 1000]")
@click.option("-o", "--observation", multiple=True, type=int, help="Observation.  [default: all]")
@click.option("-s", "--seed", multiple=True, type=int, help="Seed of simulations and fit.  [default: 0]")
@click.option("--num-samples", type=int, help="Posterior samples per observation.  [default: 10000]")
@click.option("--calibration", type=int, help="Fresh pairs for calibration, 0 or >= 100.  [default: 0]")
@click.option("--out", type=click.Path(), help="Directory of results.  [default: runs/default]")
@click.option("--jobs", type=int, help="Cells at a time; 1 gives exclusive timings.  [default: 1]")
@click.option("--device", help="cpu or cuda.  [default: cpu]")
@click.option("--plugin", multiple=True, type=click.Path(), help="Python file with own tasks or methods.")
def run(grid: Path | None, **options: Any) -> int:
    """Run a grid: from GRID.yaml, options, or both (options win)."""
    from bench.grid import read_grid
    from bench.progress import Progress
    from bench.runner import run as run_cells
    from bench.store import Store

    given = {
        name: list(v) if isinstance(v, tuple) else v for name, v in options.items() if v not in (None, ())
    }
    settings = read_grid(grid, given)
    cells = settings.cells()
    store = Store(settings.out)
    summary = run_cells(cells, store, settings.jobs, Progress())
    if summary.ran == 0:
        click.echo(f"nothing to do: all {summary.done_before} cells are done in {settings.out}")
        return 0
    before = f", {summary.done_before} were done before" if summary.done_before else ""
    click.echo(f"ran {summary.ran} cells, {summary.failed} failed{before}; results in {settings.out}")
    return 1 if summary.failed else 0


@cli.command("list")
@click.argument("what", required=False, type=click.Choice(["tasks", "methods", "metrics"]))
@click.option("--plugin", multiple=True, type=click.Path(), help="Python file with own tasks or methods.")
def list_(what: str | None, plugin: tuple[str, ...]) -> int:
    """List tasks, methods and metrics."""
    from bench.listing import listing
    from bench.plugins import load_plugin

    for file in plugin:
        load_plugin(file)
    click.echo(listing([what] if what else ["tasks", "methods", "metrics"]))
    return 0


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "csv", "markdown", "latex"]),
    default="text",
    show_default=True,
)
def table(directory: Path, form: Any) -> int:
    """Print the means of the results in DIRECTORY."""
    from bench.store import Store
    from bench.table import render, summarize

    click.echo(render(summarize(Store(directory).read()), form), nl=False)
    return 0


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path))
def plot(directory: Path) -> int:
    """Draw the results in DIRECTORY."""
    import matplotlib

    matplotlib.use("Agg")
    from bench.figures import FIGURES, save
    from bench.store import Store

    rows = Store(directory).read()
    reasons = []
    for name, figure in FIGURES.items():
        try:
            drawn = figure(rows)
        except UsageError as error:  # rows that this figure needs are not there; another may be drawn
            reasons.append(str(error))
            continue
        for path in save(drawn, directory / "figures", name):
            click.echo(path)
    if len(reasons) == len(FIGURES):
        raise UsageError(reasons[0])
    return 0


@cli.group("time")
def time_() -> None:
    """Time parts of the suite against a peer, in one run."""


@time_.command("c2st")
@click.option(
    "-t", "--task", multiple=True, default=["two_moons", "slcp", "bernoulli_glm"], show_default=True
)
@click.option("-o", "--observation", multiple=True, type=click.IntRange(1, 10), default=range(1, 11))
@click.option(
    "--sklearn-observation", multiple=True, type=click.IntRange(1, 10), help="For scikit-learn's part."
)
@click.option("--num-samples", type=click.IntRange(10, 10_000), default=10_000, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
def time_c2st(
    task: Sequence[str],
    observation: Sequence[int],
    sklearn_observation: Sequence[int],
    num_samples: int,
    device: str,
) -> int:
    """Seconds per observation: the batched C2ST and scikit-learn's."""
    from bench.c2st_study import speed

    known = _known_tasks(task)
    table = speed(known, observation, sklearn_observation or observation, num_samples, _usable(device))
    click.echo(table.to_string(index=False, float_format="{:.3f}".format))
    return 0


@time_.command("labels")
@click.option("-t", "--task", default="elliptic_pde", show_default=True)
@click.option("-n", "--num-simulations", type=click.IntRange(2), default=20_000, show_default=True)
@click.option("--published-labels", type=click.IntRange(20), default=2000, show_default=True)
@click.option("--num-labels", type=click.IntRange(20), default=10_000, show_default=True)
def time_labels(task: str, num_simulations: int, published_labels: int, num_labels: int) -> int:
    """Seconds per label and accuracy: the published recipe and the suite's."""
    from bench.label_timing import label_speed

    [known] = _known_tasks([task])
    table = label_speed(known, num_simulations, published_labels, max(num_labels, published_labels))
    click.echo(table.to_string(index=False, float_format="{:.4g}".format))
    return 0


@cli.group()
def study() -> None:
    """Studies of the suite itself."""


@study.command("c2st")
@click.option("-t", "--task", multiple=True, help="Task; repeat for several.  [default: all]")
@click.option("--num-samples", type=click.IntRange(10, 5000), default=1000, show_default=True)
@click.option("--num-seeds", type=click.IntRange(2), default=3, show_default=True)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True)
def study_c2st(task: tuple[str, ...], num_samples: int, num_seeds: int, jobs: int) -> int:
    """Does the batched C2ST agree with scikit-learn's? Three pairs a task."""
    import tasks
    from bench.c2st_study import agreement

    table = agreement(_known_tasks(task or tasks.names()), num_samples, num_seeds, jobs)
    click.echo(table.to_string(index=False, float_format="{:.4f}".format))
    difference = table["difference"]
    click.echo(
        f"{len(table)} pairs: mean difference {difference.mean():+.4f}, largest {difference.abs().max():.4f}"
    )
    return 0


@study.command("metrics")
@click.option("-d", "--dim", multiple=True, type=click.IntRange(1), default=[2, 10], show_default=True)
@click.option("--num-samples", type=click.IntRange(100, 10_000), default=10_000, show_default=True)
def study_metrics(dim: Sequence[int], num_samples: int) -> int:
    """What does each metric say of errors that are known?"""
    from bench.metrics_study import known_errors

    click.echo(known_errors(dim, num_samples).to_string(index=False, float_format="{:.4f}".format))
    return 0


@study.command("one_pass")
@click.option("-t", "--task", multiple=True, help="Task; repeat for several.  [default: sbibm's ten]")
@click.option("-n", "--num-simulations", multiple=True, type=click.IntRange(20), default=[1000, 10_000])
@click.option("--out", type=click.Path(path_type=Path), default="runs/one_pass", show_default=True)
@click.option("--jobs", type=click.IntRange(1), default=1, help="Cells at a time; 1 gives exclusive timings.")
@click.option("--show", is_flag=True, help="Run nothing, print what is done.")
def study_one_pass(
    task: tuple[str, ...], num_simulations: tuple[int, ...], out: Path, jobs: int, show: bool
) -> int:
    """Is one pass as accurate as the best? Hours; resumes."""
    from bench.grid import Grid
    from bench.one_pass_study import METHODS, TASKS, comparison
    from bench.progress import Progress
    from bench.runner import run as run_cells
    from bench.store import Store

    known = _known_tasks(task or TASKS)
    store = Store(out)
    if not show:
        budgets = list(num_simulations)
        grid = Grid(task=known, method=list(METHODS), num_simulations=budgets, out=out, jobs=jobs)
        run_cells(grid.cells(), store, jobs, Progress())
    for shown in comparison(store.read()):
        click.echo(shown.to_string(index=False, na_rep="-", float_format="{:.3f}".format) + "\n")
    return 0


@cli.group()
def reproduce() -> None:
    """Experiments of publications at their settings, our figures beside theirs."""


@reproduce.command("exact_score")
@click.option(
    "-e",
    "--experiment",
    multiple=True,
    help="bimodal_1d, student_t_mixture_15_5, …_10_10, elliptic_pde; repeat for several.  [default: all]",
)
@click.option(
    "--num-sets", type=int, help="Independent sets of simulations.  [default: 20 for bimodal_1d, else 1]"
)
@click.option("--out", type=click.Path(path_type=Path), help="Directory for CSV files.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
def reproduce_exact_score(
    experiment: tuple[str, ...], num_sets: int | None, out: Path | None, device: str
) -> int:
    """The exact-score sampler of arXiv 2506.18227."""
    from bench.reproduce import EXPERIMENTS, exact_score

    for name, table in exact_score(experiment or tuple(EXPERIMENTS), num_sets, out, _usable(device)).items():
        shown = table.drop(columns="source").to_string(index=False, na_rep="-", float_format="{:.4g}".format)
        click.echo(f"{name}\n{shown}\n")
    return 0


@cli.group()
def check() -> None:
    """Does a part keep its contract?"""


@check.command("task")
@click.argument("name")
@click.option("--plugin", multiple=True, type=click.Path(), help="Python file with own tasks or methods.")
def check_task_(name: str, plugin: tuple[str, ...]) -> int:
    """Shapes, seeds, prior, edges, observations, reference posterior, certificate, speed of a task."""
    import tasks
    from bench.plugins import load_plugin
    from bench.task_check import check_task

    for file in plugin:
        load_plugin(file)
    [known] = _known_tasks([name])
    failed = 0
    for finding in check_task(tasks.get(known)):
        click.echo(f"{known} {finding.name}: {finding.problem or 'ok'}")
        failed += bool(finding.problem)
    return 1 if failed else 0


@cli.command()
@click.argument("name", metavar="TASK")
def reference(name: str) -> int:
    """Make the stored reference posterior of TASK and its certificate again; minutes to an hour."""
    import tasks
    from bench.metrics import c2st
    from tasks.reference.make import ReferenceError, make_reference
    from tasks.signal_task import SignalTask

    [known] = _known_tasks([name])
    task = tasks.get(known)
    if not isinstance(task, SignalTask):
        others = [other for other in tasks.names() if isinstance(tasks.get(other), SignalTask)]
        raise UsageError(f"the reference of {known} is not made here; tasks that are: {', '.join(others)}")
    try:
        make_reference(task, c2st, click.echo)
    except ReferenceError as error:
        click.echo(f"scorebench: {error}", err=True)
        return 1
    return 0


def _known_tasks(names: Sequence[str]) -> list[str]:
    import tasks

    try:
        return [tasks.get(name).name for name in names]
    except tasks.UnknownTaskError as error:
        raise UsageError(str(error)) from None


def _usable(device: str) -> str:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device = 'cuda': this machine has no CUDA device that torch can use; cpu would do")
    return device
