"""The command ``scorebench score``: samples of any library in the tables and figures of the suite."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.commands.arguments import FilePath, finite, writable
from bench.commands.complaint import complain, tell
from bench.commands.name_types import METRICS, TASK
from bench.commands.number_types import Number, Numbers, flat
from bench.errors import UsageError

if TYPE_CHECKING:
    from tasks import Task

__all__ = ["score"]

LARGEST = 2**63 - 1  # largest integer that a column of a row holds


def _finite(context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    return None if value is None else finite(context, option, value)


@click.command()
@click.argument("task", type=TASK)
@click.argument("samples", type=FilePath(path_type=Path))
@click.option("--name", "label", required=True, help="Name of the method that made the samples.")
@click.option(
    "-o",
    "--observation",
    multiple=True,
    type=Numbers(),
    callback=flat,
    help="Observation that the samples are of; of a folder also a range such as 1-3.",
)
@click.option(
    "-n",
    "--num-simulations",
    type=Number(1, LARGEST),
    default=1000,
    show_default=True,
    help="Simulations that the method was given.",
)
@click.option(
    "-s",
    "--seed",
    type=Number(0, LARGEST),
    default=0,
    show_default=True,
    help="Number of the repetition; it also seeds the metrics.",
)
@click.option(
    "--metrics", multiple=True, type=METRICS, help="Metrics to compute, a,b; repeatable.  [default: all]"
)
@click.option("--train-seconds", type=click.FloatRange(0), callback=_finite, help="Time of the training.")
@click.option(
    "--sample-seconds",
    type=click.FloatRange(0),
    callback=_finite,
    help="Time for drawing the samples of one observation.",
)
@click.option(
    "--timing",
    type=click.Choice(["exclusive", "shared"]),
    default="exclusive",
    show_default=True,
    help="Whether these times were measured with nothing else running.",
)
@click.option(
    "--out",
    type=FilePath(path_type=Path),
    default=Path("runs/default"),
    show_default=True,
    help="Directory of results.",
)
@click.option("--redo", is_flag=True, help="Replace rows of the same name and observation.")
@click.option("--plugin", multiple=True, type=FilePath(), help="Python file with own tasks or metrics.")
def score(
    task: str,
    samples: Path,
    label: str,
    observation: tuple[int, ...],
    num_simulations: int,
    seed: int,
    metrics: tuple[str, ...],
    train_seconds: float | None,
    sample_seconds: float | None,
    timing: str,
    out: Path,
    redo: bool,
    plugin: tuple[str, ...],
) -> int:
    """Score SAMPLES of the posterior of TASK that were made elsewhere.

    SAMPLES is an .npz, .npy or .csv file of one observation, or a folder of files NAME_OBSERVATION.npz.
    """
    import tasks
    from bench.results.claims import claim
    from bench.results.schema import plugin_fields
    from bench.results.store import Store, done
    from bench.run.external import ExternalCell, check_name, score_given
    from bench.run.given_samples import files_by_observation, read_samples
    from bench.run.plugins import load_plugins
    from bench.run.threads import scoring_threads, training_threads

    load_plugins(plugin)
    plugin_fields()  # a plug-in's metric whose column is taken is refused before anything is scored
    known = tasks.get(task)
    check_name(label)
    chosen = _metrics(metrics)
    _check_observations(known, observation)
    directory = writable(out)
    files = files_by_observation(samples, label, observation)
    _check_observations(known, files)
    given = {k: read_samples(file, known.dim_theta) for k, file in files.items()}
    cell = ExternalCell(
        task=task,
        method=label,
        num_simulations=num_simulations,
        seed=seed,
        num_samples=0,
        device="cpu",
        observations=tuple(given),
        threads=training_threads(),
        scoring_threads=scoring_threads(),
        timing=timing,
        metrics=chosen,
    )
    store = Store(directory, warn=complain)
    with claim(directory, cell.key):
        there = sorted(done(store.state(cell.key)) & set(given))
        if there and not redo:
            raise UsageError(
                f"{cell.label}: rows of observations {', '.join(map(str, there))} exist in {out}; --redo "
                "replaces them, another --name, --seed or --out adds new ones"
            )
        rows, line = score_given(cell, given, train_seconds, sample_seconds)
        if line:
            complain(line)
        store.write_cell(cell.key, rows)
    for row in rows:
        value = "" if row["c2st"] is None else f": c2st {row['c2st']:.3f}"
        tell(f"{cell.label}, observation {row['num_observation']}{value}")
        for name, why in json.loads(row["metric_errors"] or "{}").items():
            complain(f"observation {row['num_observation']}: {name} failed: {why}")
    tell(f"wrote {len(rows)} rows; results in {directory}")
    return 0


def _check_observations(task: Task, observations: Iterable[int]) -> None:
    for k in observations:
        if not 1 <= k <= task.num_observations:
            raise UsageError(
                f"observation = {k}: task {task.name} has observations 1 to {task.num_observations}"
            )


def _metrics(given: Sequence[str]) -> tuple[str, ...] | None:
    """Return the names of metrics in ``a,b`` texts; None for all.

    Raises:
        UsageError: if a metric needs more than samples.
    """
    from bench.metrics import metric_class

    chosen = tuple(dict.fromkeys(name.strip() for text in given for name in text.split(",")))
    for name in chosen:
        if "calibration" in metric_class(name).needs:
            raise UsageError(f"metrics = {name!r}: it needs a method that can sample at other observations")
    return chosen or None
