"""The commands ``scorebench study | reproduce``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from bench.commands.arguments import (
    FilePath,
    certified_task,
    digits_tasks,
    known_tasks,
    known_toys,
    referenced_tasks,
    usable,
    writable,
)
from bench.commands.complaint import complain, tell
from bench.commands.name_types import TASK
from bench.commands.number_types import JOBS, Number

__all__ = ["reproduce", "study"]


SEED = Number(-(2**63), 2**63 - 1)  # what a column of a row holds


@click.group()
def study() -> None:
    """Studies of the suite itself."""


@study.command("c2st")
@click.option("-t", "--task", multiple=True, type=TASK, help="Task; repeat for several.  [default: all]")
@click.option("--num-samples", type=Number(10, 5000), default=1000, show_default=True)
@click.option("--num-seeds", type=Number(2), default=3, show_default=True)
@click.option("--jobs", type=JOBS, default=1, show_default=True)
def study_c2st(task: tuple[str, ...], num_samples: int, num_seeds: int, jobs: int) -> int:
    """Does the batched C2ST agree with scikit-learn's? Compares three pairs of samples per task."""
    from bench.studies.c2st_agreement import agreement

    # The study needs two disjoint sets of draws of observation 1, and one of observation 2.
    known = referenced_tasks(task, (1, 2), 2 * num_samples)
    table = agreement(known, num_samples, num_seeds, jobs)
    tell(table.to_string(index=False, float_format="{:.4f}".format))
    difference = table["difference"]
    tell(
        f"{len(table)} pairs: mean difference {difference.mean():+.4f}, largest {difference.abs().max():.4f}"
    )
    return 0


@study.command("metrics")
@click.option("-d", "--dim", multiple=True, type=Number(1), default=[2, 10], show_default=True)
@click.option("--num-samples", type=Number(100, 10_000), default=10_000, show_default=True)
def study_metrics(dim: Sequence[int], num_samples: int) -> int:
    """What values does each metric give to samples with known errors?"""
    from bench.run.threads import use_all_cores
    from bench.studies.metrics import known_errors

    use_all_cores()
    tell(known_errors(dim, num_samples).to_string(index=False, float_format="{:.4f}".format))
    return 0


@study.command("one_pass")
@click.option("-t", "--task", multiple=True, type=TASK, help="Task; repeatable.  [default: sbibm's ten]")
@click.option("-n", "--num-simulations", multiple=True, type=Number(20), default=[1000, 10_000])
@click.option("-s", "--seed", type=SEED, default=0, show_default=True, help="Seed to run and to show.")
@click.option("--out", type=FilePath(path_type=Path), default="runs/one_pass", show_default=True)
@click.option("--jobs", type=JOBS, default=1, help="Cells at a time; 1 gives exclusive timings.")
@click.option("--show", is_flag=True, help="Run nothing; print the results so far.")
@click.option("--markdown", is_flag=True, help="Print only the table next to published results, in Markdown.")
def study_one_pass(
    task: tuple[str, ...],
    num_simulations: tuple[int, ...],
    seed: int,
    out: Path,
    jobs: int,
    show: bool,
    markdown: bool,
) -> int:
    """Is the one-pass sampler as accurate as the best methods? Takes hours; a later call resumes it."""
    from bench.results.store import Store
    from bench.run.grid import Grid
    from bench.run.progress import Progress
    from bench.run.runner import run as run_cells
    from bench.studies.one_pass import METHODS, TASKS, as_markdown, comparison

    known = known_tasks(task or TASKS)
    store = Store(out)
    if not show:
        writable(out)
        budgets, seeds = list(num_simulations), [seed]
        grid = Grid(
            task=[one.name for one in known],
            method=list(METHODS),
            num_simulations=budgets,
            seed=seeds,
            out=out,
            jobs=jobs,
        )
        run_cells(grid.cells(), store, grid.options, Progress())
    compared = comparison(store.read(), seed=seed, say=complain)
    if markdown:
        tell(as_markdown(compared.published))
        return 0
    for shown in compared:
        tell(shown.to_string(index=False, na_rep="-", float_format="{:.3f}".format) + "\n")
    return 0


@study.command("inflation")
@click.option("-t", "--toy", multiple=True, help="Data set; repeat for several.  [default: all five]")
@click.option(
    "--num-sets",
    type=Number(20),
    default=100,
    show_default=True,
    help="Number of data sets for calibration.",
)
@click.option("--out", type=FilePath(path_type=Path), default="runs/inflation", show_default=True)
def study_inflation(toy: tuple[str, ...], num_sets: int, out: Path) -> int:
    """Are the maps of inflationary flows accurate and calibrated? Takes a quarter of an hour."""
    from bench.run.threads import use_all_cores
    from bench.studies.inflationary.study import inflation_study

    use_all_cores()
    known = known_toys(toy)
    tables = inflation_study(known, num_sets, writable(out), say=partial(tell, err=True))
    for table in tables.values():
        tell(table.to_string(index=False, na_rep="-", float_format="{:.4g}".format) + "\n")
    return 0


@study.command("outsourced")
@click.option(
    "-t", "--task", multiple=True, type=TASK, help="Task of digits; repeatable.  [default: 2 latents]"
)
@click.option("-n", "--num-simulations", type=Number(20), default=10_000, show_default=True)
@click.option("--num-samples", type=Number(20, 5000), default=1000, show_default=True)
@click.option("--out", type=FilePath(path_type=Path), default="runs/outsourced", show_default=True)
def study_outsourced(task: tuple[str, ...], num_simulations: int, num_samples: int, out: Path) -> int:
    """Is a trained policy as good as Markov chains with as many reward calls? Takes twenty minutes."""
    from bench.run.threads import use_all_cores
    from bench.studies.outsourced.study import TASKS, outsourced_study

    use_all_cores()
    table = outsourced_study(
        digits_tasks(task or TASKS),
        writable(out),
        partial(tell, err=True),
        num_simulations=num_simulations,
        num_samples=num_samples,
    )
    tell(table.to_string(index=False, na_rep="-", float_format="{:.4g}".format))
    return 0


@study.command("reference")
@click.option("-t", "--task", multiple=True, type=TASK, help="Task; repeatable.  [default: the cheap ones]")
@click.option("--num-pairs", type=Number(100), default=100, show_default=True)
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--jobs", type=JOBS, default=1, show_default=True)
def study_reference(task: tuple[str, ...], num_pairs: int, seed: int, jobs: int) -> int:
    """Are the samplers of reference posteriors calibrated? Takes minutes per task."""
    from bench.studies.references import CHEAP, sampler_calibration

    known = [certified_task(name) for name in dict.fromkeys(task or CHEAP)]
    table = sampler_calibration(known, num_pairs, seed, jobs)
    tell(table.to_string(index=False, float_format="{:.4f}".format))
    return int((table["p_value"] < 0.01).any())


@study.command("faults")
@click.option("--num-runs", type=Number(1), default=20, show_default=True)
@click.option("--seed", type=SEED, default=0, show_default=True)
def study_faults(num_runs: int, seed: int) -> int:
    """Does a run that is killed (SIGKILL) lose any results? Needs Linux; takes a quarter of an hour."""
    from bench.studies.faults import killed_runs

    table = killed_runs(num_runs, seed)
    tell(table.to_string(index=False, float_format="{:.1f}".format))
    return int(table[["missing", "repeated", "different", "broken"]].to_numpy().any())


@study.command("store")
@click.option("--num-cells", type=Number(16), default=10_000, show_default=True)
def study_store(num_cells: int) -> int:
    """How long does it take to write, resume and read very many cells?"""
    from bench.studies.scale import store_costs

    tell(store_costs(num_cells).to_string(index=False, float_format="{:.3f}".format))
    return 0


@study.command("exact_score")
@click.option(
    "-e",
    "--experiment",
    multiple=True,
    help="bimodal_1d, student_t_mixture_15_5, …_10_10, elliptic_pde; repeat for several.  [default: all]",
)
@click.option(
    "--num-sets", type=Number(), help="Independent sets of simulations.  [default: 20 for bimodal_1d, else 1]"
)
@click.option("--out", type=FilePath(path_type=Path), help="Directory for CSV files.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
def study_exact_score(
    experiment: tuple[str, ...], num_sets: int | None, out: Path | None, device: str
) -> int:
    """Repeat the experiments on the exact-score sampler (arXiv 2506.18227)."""
    from bench.run.threads import use_all_cores
    from bench.studies.exact_score import EXPERIMENTS, exact_score

    use_all_cores()
    chosen, folder = experiment or tuple(EXPERIMENTS), None if out is None else writable(out)
    for name, table in exact_score(chosen, num_sets, folder, usable(device)).items():
        shown = table.drop(columns="source").to_string(index=False, na_rep="-", float_format="{:.4g}".format)
        tell(f"{name}\n{shown}\n")
    return 0


@click.group(hidden=True)
def reproduce() -> None:
    """Older name of ``study`` for the experiments of publications."""


reproduce.add_command(study_exact_score)
