"""The commands ``scorebench time``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from bench.commands.arguments import (
    FilePath,
    finite,
    known_tasks,
    referenced_tasks,
    usable,
    writable,
)
from bench.commands.complaint import tell
from bench.commands.name_types import METHOD, TASK
from bench.commands.number_types import THREADS, Number, Numbers, flat

__all__ = ["time_"]

TIMED = ["npe", "fmpe", "npse", "exact_score", "exact_score_net", "one_pass"]


@click.group("time", invoke_without_command=True)
@click.option("-t", "--task", multiple=True, type=TASK, default=["two_moons"], show_default=True)
@click.option("-m", "--method", multiple=True, type=METHOD, default=TIMED, show_default=True)
@click.option("-n", "--num-simulations", multiple=True, type=Number(2), default=[1000], show_default=True)
@click.option(
    "-s",
    "--seed",
    multiple=True,
    type=Numbers(),
    callback=flat,
    default=[0],
    help="Seed, or a range such as 0-2; each is a fit of its own.",
)
@click.option(
    "--num-samples",
    multiple=True,
    type=Number(1),
    default=[1, 100, 10_000, 1_000_000],
    show_default=True,
)
@click.option(
    "--batch-size",
    multiple=True,
    type=Number(1),
    default=[1, 1000],
    show_default=True,
    help="Number of observations sampled in one call; repeat for several.",
)
@click.option(
    "--device", multiple=True, type=click.Choice(["cpu", "cuda"]), default=["cpu"], show_default=True
)
@click.option("--threads", type=THREADS, help="Threads of torch, or all.  [default: OMP_NUM_THREADS, else 1]")
@click.option(
    "--max-seconds",
    type=click.FloatRange(0, min_open=True),
    callback=finite,
    default=60.0,
    show_default=True,
    help="Longest sampling call in seconds; calls predicted to take longer are skipped, and a row says so.",
)
@click.option("--out", type=FilePath(path_type=Path), default="runs/time", show_default=True)
@click.option("--plugin", multiple=True, type=FilePath(), help="Python file with your own tasks or methods.")
@click.pass_context
def time_(context: click.Context, **options: Any) -> int:
    """Time simulation, training and sampling of methods, one after the other, with nothing else running.

    Rows go to --out, with timing=exclusive unless other programs load the machine. Times that --out already
    has for this device are not measured again. The subcommands compare the speed of parts of the suite with
    that of other implementations.
    """
    if context.invoked_subcommand is not None:
        return 0
    from bench.results.store import Store
    from bench.run.sampling_times import Request, sampling_times, times_table
    from bench.run.threads import training_threads

    for device in options["device"]:
        usable(device)
    threads = training_threads(options.pop("threads"))
    names = {"task": "tasks", "method": "methods", "seed": "seeds", "device": "devices", "plugin": "plugins"}
    names |= {"batch_size": "batch_sizes"}
    out = writable(options.pop("out"))
    request = Request(threads=threads, **{names.get(key, key): value for key, value in options.items()})
    rows = sampling_times(request, Store(out), say=partial(tell, err=True))
    tell(times_table(rows), newline=False)
    return int((rows["status"] == "error").any())


@time_.command("c2st")
@click.option(
    "-t",
    "--task",
    multiple=True,
    type=TASK,
    default=["two_moons", "slcp", "bernoulli_glm"],
    show_default=True,
)
@click.option(
    "-o",
    "--observation",
    multiple=True,
    type=Numbers(1),
    callback=flat,
    help="Observation; repeat for several.  [default: those that all tasks have]",
)
@click.option(
    "--sklearn-observation",
    multiple=True,
    type=Numbers(1),
    callback=flat,
    help="Observation for scikit-learn; repeat for several.  [default: those of --observation]",
)
@click.option("--num-samples", type=Number(10, 10_000), default=10_000, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
def time_c2st(
    task: Sequence[str],
    observation: Sequence[int],
    sklearn_observation: Sequence[int],
    num_samples: int,
    device: str,
) -> int:
    """Measure seconds per observation of the batched C2ST, scikit-learn's and the random forest's."""
    from bench.run.threads import use_all_cores
    from bench.studies.c2st_agreement import speed

    use_all_cores()
    fewest = min(one.num_observations for one in known_tasks(task))
    ours = observation or range(1, fewest + 1)
    theirs = sklearn_observation or ours
    known = referenced_tasks(task, [*ours, *theirs], num_samples)
    table = speed(known, ours, theirs, num_samples, usable(device))
    tell(table.to_string(index=False, float_format="{:.3f}".format))
    return 0


@time_.command("labels")
@click.option("-t", "--task", type=TASK, default="elliptic_pde", show_default=True)
@click.option("-n", "--num-simulations", type=Number(2), default=20_000, show_default=True)
@click.option("--published-labels", type=Number(20), default=2000, show_default=True)
@click.option("--num-labels", type=Number(20), default=10_000, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
def time_labels(task: str, num_simulations: int, published_labels: int, num_labels: int, device: str) -> int:
    """Measure seconds per label, and accuracy, of the published recipe and of the suite's."""
    from bench.run.threads import use_all_cores
    from bench.studies.distillation import label_speed

    use_all_cores()
    [known] = known_tasks([task])
    most = max(num_labels, published_labels)
    table = label_speed(known, num_simulations, published_labels, most, usable(device))
    tell(table.to_string(index=False, float_format="{:.4g}".format))
    return 0


GPU_PARTS = ["check", "samples", "labels", "c2st", "training", "sbi", "accuracy"]


@time_.command("gpu")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cuda", show_default=True)
@click.option(
    "--scale",
    type=click.FloatRange(0, 1, min_open=True),
    callback=finite,
    default=1.0,
    show_default=True,
    help="Factor of all sizes and training steps.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    callback=finite,
    default=6.0,
    show_default=True,
    help="Time limit of the whole run.",
)
@click.option(
    "--part",
    multiple=True,
    type=click.Choice(GPU_PARTS),
    help="Part to run; repeat for several.  [default: all, in the order of their value]",
)
@click.option("--out", type=FilePath(path_type=Path), default="results/gpu", show_default=True)
@click.option("--show", is_flag=True, help="Only print the table of the rows in --out.")
def time_gpu(device: str, scale: float, minutes: float, part: Sequence[str], out: Path, show: bool) -> int:
    """Run all measurements that need a GPU, in one programme that ends within the time limit.

    Each row is written to --out at once. A part that fails, or does not fit into the time left, gives a row
    that says so; the status is then 1.
    """
    from bench.gpu.row_files import RowFiles, read_rows
    from bench.gpu.rows_table import gpu_table

    if show:
        tell(gpu_table(read_rows(out)), newline=False)
        return 0
    from bench.gpu.measured import Setting
    from bench.gpu.programme import PARTS, run_programme
    from bench.run.threads import use_all_cores

    files = writable(out)
    setting = Setting(usable(device), scale)
    use_all_cores()
    chosen = [one for one in PARTS if not part or one.name in part]
    rows = run_programme(
        setting, minutes, chosen, RowFiles(files, setting), say=lambda line: tell(line, err=True)
    )
    failed = [row for row in rows if row["error"]]
    tell(f"{len(rows)} rows in {files}, {len(failed)} of them with an error")
    return int(bool(failed))
