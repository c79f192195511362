import io

import pandas as pd
import pytest
from rich.console import Console

from bench.clock.load import LIMIT
from bench.results.store import Store
from bench.run.forecast import forecast
from bench.run.grid import read_grid
from bench.run.progress import Progress
from bench.run.run_options import RunOptions
from bench.run.runner import from_other_source, pending, run

pytestmark = pytest.mark.usefixtures("quick_classifiers")
HERE = RunOptions(backend="sequential")


@pytest.fixture
def quiet():
    return Progress(Console(file=io.StringIO(), width=300))


def grid(**changes):
    options = {
        "task": ["two_moons"],
        "method": ["prior", "rejection_abc"],
        "num_simulations": [150],
        "observation": [1],
        "num_samples": 100,
    }
    return read_grid(None, options | changes)


def test_a_second_run_has_nothing_to_do(tmp_path, quiet):
    store, cells = Store(tmp_path), grid().cells()
    first = run(cells, store, HERE, quiet)
    assert (first.ran, first.failed, first.done_before) == (2, 0, 0)
    before = {path: path.stat().st_mtime_ns for path in store.cells.iterdir()}
    second = run(cells, store, HERE, quiet)
    assert (second.ran, second.done_before) == (0, 2)
    assert before == {path: path.stat().st_mtime_ns for path in store.cells.iterdir()}


def test_new_observations_join_their_cell(tmp_path, quiet):
    store = Store(tmp_path)
    run(grid().cells(), store, HERE, quiet)
    more = grid(observation=[1, 2]).cells()
    assert [cell.observations for cell in pending(more, store.states())] == [(2,), (2,)]
    run(more, store, HERE, quiet)
    assert len(list(store.cells.iterdir())) == 2
    assert store.read().groupby("method")["num_observation"].apply(list).tolist() == [[1, 2], [1, 2]]


def test_a_failing_cell_is_a_row_and_the_grid_goes_on(tmp_path, quiet, plugin):
    cells = grid(method=["same[raises=true]", "prior"], plugin=[plugin]).cells()
    store = Store(tmp_path)
    summary = run(cells, store, HERE, quiet)
    assert (summary.ran, summary.failed) == (2, 1)
    rows = store.read().set_index("method")
    assert rows.loc["same", "status"] == "error"
    assert "ValueError: cannot fit" in rows.loc["same", "error"]
    assert rows.loc["prior", "status"] == "ok"
    assert "cannot fit <b>this</b>" in quiet.console.file.getvalue()
    # A failed cell is run again, a successful one is not.
    again = run(cells, store, HERE, quiet)
    assert (again.ran, again.failed, again.done_before) == (1, 1, 1)
    assert len(store.read()) == 2


@pytest.mark.slow
@pytest.mark.subprocess
def test_two_jobs_give_the_same_numbers(tmp_path, quiet, plugin):
    methods, metrics = ["prior", "rejection_abc", "same"], ["c2st", "mmd2", "sliced_w2", "outside_prior"]

    def numbers(directory, jobs):
        cells = grid(method=methods, plugin=[plugin], metrics=metrics, jobs=jobs).cells()
        run(cells, Store(directory), RunOptions(jobs=jobs), quiet)
        rows = Store(directory).read().sort_values("method", ignore_index=True)
        columns = ["method", "num_observation", "samples_sha256", *metrics]
        return rows[columns], rows[["timing", "foreign_load"]]

    alone, exclusive = numbers(tmp_path / "one", 1)
    together, shared = numbers(tmp_path / "two", 2)
    pd.testing.assert_frame_equal(alone, together)
    busy = exclusive["foreign_load"] > LIMIT  # other programs on this machine
    assert exclusive["foreign_load"].notna().all()
    assert exclusive["timing"].tolist() == busy.map({False: "exclusive", True: "shared"}).tolist()
    assert set(shared["timing"]) == {"shared"}
    assert shared["foreign_load"].isna().all()


def test_done_cells_of_another_source_are_said_and_kept(tmp_path, quiet, monkeypatch):
    store, cells = Store(tmp_path), grid().cells()
    run(cells, store, HERE, quiet)
    assert "other source code" not in quiet.console.file.getvalue()
    monkeypatch.setattr("bench.run.cell.source_sha256", lambda cls: f"edited {cls.__name__}")
    assert run(cells, store, HERE, quiet).done_before == 2
    text = quiet.console.file.getvalue()
    assert "two_moons prior n=150 seed=0: done with other source code of the task and the method" in text
    assert "rows from other source code are kept" in text
    assert from_other_source(cells, store.states()) == [
        line for line in forecast(cells, store, 1) if "other source code" in line
    ]


def test_rows_without_a_source_are_not_said_to_have_another(tmp_path, quiet):
    store, cells = Store(tmp_path), grid().cells()
    run(cells, store, HERE, quiet)
    for cell in cells:
        store.write_cell(
            cell.key, [r | {"method_sha256": None, "task_sha256": None} for r in store.rows(cell.key)]
        )
    assert from_other_source(cells, store.states()) == []


def test_dropped_simulations_are_reported(tmp_path, quiet, plugin):
    run(grid(task=["shaky"], method=["same"], plugin=[plugin]).cells(), Store(tmp_path), HERE, quiet)
    assert "15 failed simulations dropped" in quiet.console.file.getvalue()
