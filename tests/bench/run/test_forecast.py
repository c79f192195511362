"""The forecast that a dry run prints."""

import pytest

from bench.results.schema import COLUMNS
from bench.results.store import Store
from bench.run.forecast import forecast
from bench.run.grid import read_grid


@pytest.fixture
def cells():
    options = {"task": ["two_moons", "sir"], "method": ["prior", "rejection_abc"], "observation": [1, 2]}
    return read_grid(None, options).cells()


def stored(store, cell, seconds, status="ok", observations=(1, 2)):
    row = dict.fromkeys(COLUMNS) | cell.identity() | {"cell": cell.key, "status": status, "cell_s": seconds}
    store.write_cell(cell.key, [row | {"num_observation": k} for k in observations])


def test_nothing_is_known_of_an_empty_directory(tmp_path, cells):
    lines = forecast(cells, Store(tmp_path / "none"), jobs=1)
    assert lines[0] == "to do  two_moons prior n=1000 seed=0: time unknown"
    assert lines[-1] == "4 cells: 0 done, 4 to do; 4 without past rows to go by"
    assert not (tmp_path / "none").exists()


def test_the_nearest_past_rows_are_gone_by(tmp_path, cells):
    store = Store(tmp_path)
    moons_prior, moons_abc, sir_prior, sir_abc = cells
    stored(store, moons_prior, 10.0)
    stored(store, moons_abc, 30.0, observations=[1])
    stored(store, sir_abc, 500.0, status="error")
    lines = forecast(cells, store, jobs=2)
    assert lines[:4] == [
        f"done   {moons_prior.label}",
        f"to do  {moons_abc.label}: about 30 s, observations 2",
        f"to do  {sir_prior.label}: about 10 s",
        f"to do  {sir_abc.label}: about 30 s",
    ]
    assert lines[-1] == "4 cells: 1 done, 3 to do; about 35 s for 3 of them"


def test_a_dry_run_changes_no_file(tmp_path, cells):
    store = Store(tmp_path, warn=lambda line: None)
    stored(store, cells[0], 10.0)
    broken = store.cells / f"{cells[1].key}.parquet"
    broken.write_bytes(b"PAR1 rubbish")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    lines = forecast(cells, store, jobs=1)
    assert lines[-1].startswith("4 cells: 1 done, 3 to do")
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
