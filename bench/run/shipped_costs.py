"""Costs of cells that come with the suite, so that a grid's cost is known before anything has run.

``python -m bench.run.shipped_costs DIR DIR …`` makes the file from the rows of directories, on the machine
that ran them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd

from bench.clock.machine_speed import machine_s
from bench.results.directories import replace
from bench.results.naming import parameters
from bench.results.selection import newest
from bench.results.store import Store
from bench.run.costs import COST_COLUMNS, COSTS, costs_of
from bench.run.threads import cpu_count

__all__ = ["FILE", "own_costs", "shipped_costs", "write_shipped_costs"]

FILE = Path(__file__).with_name("shipped_costs.json")
DIGITS = 4  # significant digits of seconds
VERSIONS = ["task_version", "method_version"]


def shipped_costs() -> pd.DataFrame:
    """Return the costs that come with the suite, scaled to the speed of this machine."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    table = pd.DataFrame(content["costs"], columns=COSTS)
    seconds = [name for name in COSTS if name.endswith("_s")]
    return table.assign(**(table[seconds] * (machine_s() / content["machine_s"])))


def own_costs(store: Store, device: str, cores: int | None = None) -> pd.DataFrame:
    """Return the costs of the newest rows of a directory, as :func:`bench.run.costs.costs_of` does.

    Raises:
        UsageError: if there are no rows.
    """
    rows = newest(store.read([*COST_COLUMNS, *VERSIONS], shown=True))
    return costs_of(rows.assign(params=parameters(rows)), device, cores)


def write_shipped_costs(directories: list[Path], file: Path = FILE) -> int:
    """Write the costs of the rows of directories, with the benchmark of this machine; return their number.

    Of rows of the same task, method, budget and number of samples, those of the first directory are taken.

    Arguments:
        directories: Directories of results, whose rows this machine has made.
        file: File to write, completely or not at all.
    """
    tables = [own_costs(Store(directory), "cpu", cpu_count()) for directory in directories]
    keys = [name for name in COSTS if not name.endswith("_s")]
    table = pd.concat(tables).drop_duplicates(keys).sort_values(keys)
    lines = [
        json.dumps([float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value for value in line])
        for line in table[COSTS].astype({"num_simulations": int, "num_posterior_samples": int}).to_numpy()
    ]
    head = f'{{"machine_s": {machine_s():.{DIGITS}g},\n"costs": [\n'
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_text(head + ",\n".join(lines) + "\n]}\n", encoding="utf-8")
    replace(temporary, file)
    return len(lines)


if __name__ == "__main__":
    number = write_shipped_costs([Path(directory) for directory in sys.argv[1:]])
    print(f"{FILE}: costs of {number} kinds of cells")
