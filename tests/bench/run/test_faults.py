"""Faults of a run: cells die, hang or are interrupted, disks fill up, two runners share a directory."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from bench.errors import StorageError
from bench.results import store as store_module
from bench.results.claims import claim
from bench.results.store import Store
from bench.run import runner as runner_module
from bench.run.cell import failed_rows
from bench.run.grid import read_grid
from bench.run.progress import Progress
from bench.run.run_options import RunOptions
from bench.run.runner import run

pytestmark = pytest.mark.usefixtures("fits")
NUMBERS = "counted[seconds=0.5,number=[0,1,2,3]]"


def cells(plugin, methods, **changes):
    options = {"task": ["unscored"], "method": methods, "num_simulations": [150], "observation": [1]}
    return read_grid(None, options | {"num_samples": 50, "plugin": [str(plugin)]} | changes).cells()


def command(plugin, out, *more, methods=(NUMBERS,)):
    words = ["run", "-t", "unscored", "-n", "150", "-o", "1", "--num-samples", "50"]
    words += ["--plugin", str(plugin), "--out", str(out), *more]
    for method in methods:
        words += ["-m", method]
    return [sys.executable, "-c", "from bench.commands.main import main; main()", *words]


def started(plugin, out, *more, **options):
    def listen():
        """Restore the handler of SIGINT, which a shell's background jobs ignore."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return subprocess.Popen(
        command(plugin, out, *more, **options), stderr=subprocess.PIPE, text=True, preexec_fn=listen
    )


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


LIMIT = 10.0  # seconds: a cell without a score takes half of one, at twenty times the load ten


@pytest.mark.slow
@pytest.mark.subprocess
def test_cells_that_die_or_hang_are_rows_and_the_rest_goes_on(tmp_path, faulty):
    store = Store(tmp_path / "out")
    methods = ["dies", "hangs", "counted"]
    summary = run(cells(faulty, methods, jobs=2), store, RunOptions(jobs=2, cell_timeout=LIMIT), Progress())
    assert (summary.ran, summary.failed) == (3, 2)
    rows = store.read().set_index("method")
    assert rows["status"].to_dict() == {"dies": "error", "hangs": "timeout", "counted": "ok"}
    assert "SIGKILL" in rows.loc["dies", "error"]
    assert f"not done after {LIMIT:g} s" in rows.loc["hangs", "error"]


@pytest.mark.slow
@pytest.mark.subprocess
def test_a_killed_run_is_gone_on_with(tmp_path, faulty, fits):
    out, whole = tmp_path / "out", tmp_path / "whole"
    first = started(faulty, out)
    wait_for(lambda: len(fits()) >= 2)
    first.kill()
    first.communicate()
    done = len(list((out / "cells").glob("*.parquet")))
    assert 1 <= done < 4
    again = subprocess.run(command(faulty, out), capture_output=True, text=True, check=True, timeout=300)
    assert f"{done} were done before" in again.stdout
    run(cells(faulty, [NUMBERS]), Store(whole), RunOptions(backend="sequential"), Progress())
    columns = ["cell", "num_observation", "status", "samples_sha256"]
    found = [Store(path).read()[columns].to_dict("records") for path in (out, whole)]
    assert found[0] == found[1]
    assert not list((out / "cells").glob(".*"))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.slow
@pytest.mark.subprocess
def test_an_interrupted_run_says_so_and_leaves_no_process(tmp_path, faulty, fits, number, status):
    process = started(faulty, tmp_path / "out", methods=["hangs", "counted"])
    wait_for(lambda: list((tmp_path / "out" / ".locks").glob("*.lock")))
    time.sleep(1.0)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert errors.splitlines()[-1] == (
        "scorebench: interrupted; what is done is kept, run the same command to go on"
    )
    assert not list((tmp_path / "out").glob("cells/*"))


@pytest.mark.slow
@pytest.mark.subprocess
def test_two_runners_share_the_work(tmp_path, faulty, fits):
    many = "counted[number=[0,1,2,3,4,5,6,7]]"
    pair = [started(faulty, tmp_path / "out", methods=[many]) for _ in range(2)]
    for process in pair:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert len(fits()) == len(set(fits())) == 8
    assert Store(tmp_path / "out").read()["status"].tolist() == ["ok"] * 8


def test_a_run_leaves_cells_to_others_once_two_wait(tmp_path, faulty, fits):
    todo, store = cells(faulty, ["counted[seconds=0,number=[0,1]]"]), Store(tmp_path / "out")
    leaves = RunOptions(backend="sequential", leave_held=True)
    with contextlib.ExitStack() as others:
        for name in (todo[0].key, "waiting-0", "waiting-1"):
            assert others.enter_context(claim(store.directory, name))
        summary = run(todo, store, leaves, Progress())
        assert (summary.ran, summary.left) == (1, 1)
    assert fits() == ["1"]
    summary = run(todo, store, leaves, Progress())
    assert (summary.ran, summary.left, summary.done_before) == (1, 0, 1)


def test_a_failure_of_another_runner_is_not_counted_as_this_ones(tmp_path, faulty, monkeypatch):
    store, here = Store(tmp_path / "out"), RunOptions(backend="sequential")
    todo = cells(faulty, ["counted[seconds=0]"])

    def beaten(cell, directory):  # another runner fails the cell before this one claims it
        raise AssertionError

    monkeypatch.setattr("bench.run.stored_cell.run_cell", beaten)
    looked = runner_module._todo(todo, store.states())
    store.write_cell(todo[0].key, failed_rows(todo[0], "error", "RuntimeError: elsewhere"))
    monkeypatch.setattr(runner_module, "_todo", lambda *_, **__: looked)
    summary = run(todo, store, here, Progress())
    assert (summary.ran, summary.failed, summary.elsewhere) == (0, 0, 1)


@pytest.mark.parametrize("content", [b"", b"PAR1 rubbish", b"<html>"])
def test_a_broken_cell_file_is_renamed_and_its_cell_runs_again(tmp_path, faulty, fits, content):
    said = []
    store = Store(tmp_path / "out", warn=said.append)
    here = RunOptions(backend="sequential")
    run(cells(faulty, ["counted[seconds=0]"]), store, here, Progress())
    [file] = store.cells.iterdir()
    file.write_bytes(content)
    again = run(cells(faulty, ["counted[seconds=0]"]), store, here, Progress())
    assert again.ran == 1
    assert len(fits()) == 2
    assert len(said) == 1
    assert "renamed to" in said[0]
    assert file.with_name(file.name + ".broken").read_bytes() == content
    assert store.read()["status"].tolist() == ["ok"]


def test_a_full_disk_ends_the_run_and_keeps_what_is_done(tmp_path, faulty, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store, here = Store(tmp_path / "out"), RunOptions(backend="sequential")
    run(cells(faulty, ["counted[seconds=0]"]), store, here, Progress())
    before = {path: path.read_bytes() for path in store.cells.iterdir()}
    monkeypatch.setattr(store_module.pq, "write_table", full)
    with pytest.raises(StorageError, match="No space left on device"):
        run(cells(faulty, ["counted[seconds=0,number=1]"]), store, here, Progress())
    assert before == {path: path.read_bytes() for path in store.cells.iterdir()}


def test_simulations_are_made_once_and_made_again_where_broken(tmp_path, faulty):
    store, here = Store(tmp_path / "out"), RunOptions(backend="sequential")
    run(cells(faulty, ["counted[seconds=0]", "prior"]), store, here, Progress())
    [file] = (tmp_path / "out" / "simulations").iterdir()
    assert store.read()["simulate_s"].nunique() == 1
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    summary = run(cells(faulty, ["counted[seconds=0,number=1]"]), store, here, Progress())
    assert summary.failed == 0
    assert len(file.read_bytes()) == len(whole)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_pipe_in_place_of_simulations_is_not_opened(tmp_path, faulty):
    store, here = Store(tmp_path / "out"), RunOptions(backend="sequential")
    run(cells(faulty, ["counted[seconds=0]"]), store, here, Progress())
    [file] = (tmp_path / "out" / "simulations").iterdir()
    file.unlink()
    os.mkfifo(file)
    assert run(cells(faulty, ["counted[seconds=0,number=1]"]), store, here, Progress()).failed == 0
    assert file.is_file()
