"""Comparison of runs that are killed at a random moment and then resumed with an undisturbed run."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from bench.results.store import Store

__all__ = ["killed_runs"]

GRID = "-t two_moons -t gaussian_linear -m prior -m rejection_abc -m exact_score -n 200 -o 1 -o 2 -s 0 -s 1"
GRID += " --num-samples 200 --jobs 2"
SAME = ["cell", "num_observation", "status", "samples_sha256", "c2st", "mmd2", "outside_prior"]
KINDS = ("runner", "worker")  # processes that are killed, in turn


def killed_runs(num_runs: int, seed: int) -> pd.DataFrame:
    """Run a grid once to its end, then ``num_runs`` times with a kill (SIGKILL) and a resumption.

    The moment of the kill is uniform over the duration of the first run. In turn, the runner or one of its
    worker processes is killed; if it is a worker, the run continues with an error row. The same command then
    resumes the run. This needs Linux, because child processes are found under /proc.

    Arguments:
        num_runs: Number of killed runs.
        seed: Seed of the moments and of the choice of a worker.

    Returns:
        A row for each killed run: ``killed`` (runner or worker), ``after_s`` (moment of the kill in seconds),
        ``cells_before`` (number of cells with rows when the run resumed), the numbers of ``missing``,
        ``repeated`` and ``different`` rows at the end, and the numbers of ``broken`` files and of temporary
        files ``left`` behind.
    """
    moments = random.Random(seed)  # noqa: S311  (no secret)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "whole")
        start = time.monotonic()
        subprocess.run(_command(whole), check=True, capture_output=True)  # noqa: S603
        seconds = time.monotonic() - start
        expected = _kept(whole)
        for number in range(num_runs):
            out, kind = Path(folder, str(number)), KINDS[number % len(KINDS)]
            after = moments.uniform(0.0, seconds)
            _killed(out, kind, after, moments)
            before = len(list((out / "cells").glob("*.parquet")))
            subprocess.run(_command(out), check=True, capture_output=True)  # noqa: S603
            rows.append({"killed": kind, "after_s": after, "cells_before": before} | _compared(expected, out))
    return pd.DataFrame(rows)


def _command(out: Path) -> list[str]:
    return [
        sys.executable,
        "-c",
        "from bench.commands.main import main; main()",
        "run",
        *GRID.split(),
        "--out",
        str(out),
    ]


def _killed(out: Path, kind: str, after: float, moments: random.Random) -> None:
    process = subprocess.Popen(  # noqa: S603
        _command(out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(after)
        children = _children(process.pid)
        if kind == "runner" or not children:
            process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(moments.choice(children), signal.SIGKILL)
    finally:
        process.wait()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _kept(out: Path) -> pd.DataFrame:
    return Store(out).read()[SAME].sort_values(SAME[:2], ignore_index=True)


def _compared(expected: pd.DataFrame, out: Path) -> dict[str, int]:
    found = _kept(out)
    both = expected.merge(found, how="left", on=SAME, indicator=True)
    keys = found[SAME[:2]].apply(tuple, axis=1)
    missing = ~expected[SAME[:2]].apply(tuple, axis=1).isin(keys)
    return {
        "missing": int(missing.sum()),
        "repeated": int(keys.duplicated().sum()),
        "different": int((both["_merge"] != "both").sum() - missing.sum()),
        "broken": sum(not _intact(file) for file in (out / "cells").iterdir()),
        "left": len(list((out / "cells").glob(".*"))),
    }


def _intact(file: Path) -> bool:
    try:
        pq.read_metadata(file)
    except (OSError, ValueError):
        return file.suffix == ".tmp"
    return True
