import shlex

import pandas as pd
import pytest

from bench.commands.main import cli
from bench.report.row_command import row_commands
from bench.results.schema import COLUMNS, SCHEMA
from bench.results.store import Store
from bench.run.cell import blank_row
from bench.run.grid import read_grid


def cells_of(command):
    """Cells that a command line runs."""
    program, name, *words = shlex.split(command)
    assert (program, name) == ("scorebench", "run")
    given = cli.commands["run"].make_context("run", words).params
    options = {
        key: list(value) if isinstance(value, tuple) else value for key, value in given.items() if value
    }
    return read_grid(options.pop("grid", None), options).cells()


@pytest.mark.parametrize(
    "options",
    [
        {"method": ["npe"], "num_simulations": 1000},
        {"method": ["npe[density_estimator=nsf,learning_rate=0.001]"], "seed": [7], "num_samples": 123},
        {"method": ["exact_score[summary=posterior_mean]"], "calibration": 200, "threads": 2},
        {"method": ["reference"], "num_samples": 9000},
    ],
)
def test_a_row_gives_the_command_of_its_cell(options):
    [cell] = read_grid(
        None, {"task": ["two_moons"], "observation": [3], "num_simulations": 500} | options
    ).cells()
    row = blank_row(cell) | {"num_observation": 3, "num_calibration": cell.calibration or None}
    if cell.method == "reference":  # the others have rows with as many samples as were asked for
        row |= {"num_posterior_samples": 5000}
    other = row | {"cell": "f" * 20, "num_posterior_samples": 9000}  # names the number among others
    rows = pd.DataFrame([row, other], columns=COLUMNS)
    [again] = cells_of(row_commands(rows)[0])
    assert again.key == cell.key
    assert (again.observations, again.calibration, again.threads) == ((3,), cell.calibration, cell.threads)


def test_commands_of_stored_rows_are_accepted():
    rows = Store("results/demo").read()
    for command, row in zip(row_commands(rows), rows.to_dict("records"), strict=True):
        [cell] = cells_of(command)
        assert (cell.task, cell.num_simulations, cell.seed) == (
            row["task"],
            row["num_simulations"],
            row["seed"],
        )
        assert cell.observations == (row["num_observation"],)


def test_names_with_spaces_and_quotes_stay_words():
    import pyarrow as pa

    row = {"task": "a; rm -rf ~", "method": "it's", "num_simulations": 5, "seed": 0, "num_observation": 1}
    rows = pa.Table.from_pylist([row | {"cell": "c", "status": "ok"}], schema=SCHEMA).to_pandas()
    words = shlex.split(row_commands(rows)[0])
    assert words[3] == "a; rm -rf ~"
    assert words[5] == "it's"


def test_rows_of_measured_times_get_the_command_that_measures():
    row = dict.fromkeys(COLUMNS) | {"task": "two_moons", "method": "npe", "num_simulations": 100, "seed": 1}
    row |= {
        "num_posterior_samples": 50,
        "batch_size": 1000,
        "num_observation": 1,
        "status": "ok",
        "cell": "c",
    }
    command = row_commands(pd.DataFrame([row]))[0]
    assert command == "scorebench time -t two_moons -m npe -n 100 -s 1 --num-samples 50 --batch-size 1000"
    cli.commands["time"].make_context("time", shlex.split(command)[2:])
