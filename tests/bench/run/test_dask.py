"""Runs on a real scheduler and two worker processes on loopback, one of which is killed during a run."""

import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from bench.errors import UsageError
from bench.results.store import Store
from bench.run.backends import backend
from bench.run.grid import read_grid
from bench.run.progress import Progress
from bench.run.run_options import RunOptions
from bench.run.runner import run

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.cluster


@pytest.fixture
def cells(faulty, fits):
    options = {"task": ["unscored"], "num_simulations": [150], "observation": [1], "num_samples": 50}
    options |= {"method": ["counted[seconds=2,number=[0,1,2,3]]"], "plugin": [str(faulty)]}
    return read_grid(None, options | {"backend": "dask"}).cells()


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(tmp_path, cells):
    store = Store(tmp_path / "out")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(host="127.0.0.1", **options) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]

        def kill_one():
            os.kill(pids[0], signal.SIGKILL)

        class Watching(Progress):
            def finished(self, outcome):
                super().finished(outcome)
                if self._done == 1:
                    threading.Thread(target=kill_one).start()

        plan = RunOptions(jobs=2, backend="dask", address=cluster.scheduler_address)
        summary = run(cells, store, plan, Watching())
    assert (summary.ran, summary.failed) == (4, 0)
    rows = store.read()
    assert rows["status"].tolist() == ["ok"] * 4
    assert rows["cell"].is_unique
    assert set(rows["timing"]) == {"shared"}


@pytest.mark.slow
def test_a_relative_plugin_and_its_neighbour_on_a_worker_elsewhere(tmp_path, monkeypatch, faulty, fits):
    for folder in ("here", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "here" / "neighbour_dask.py").write_text("number = 2\n")
    text = faulty.read_text().replace("number: int = 0", "number: int = number")
    for name, other in (("counted", "beside"), *((n, f"{n}_beside") for n in ("dies", "hangs", "unscored"))):
        text = text.replace(f'"{name}"', f'"{other}"')  # the fixture's own may be registered here already
    (tmp_path / "here" / "own.py").write_text("from neighbour_dask import number\n" + text)
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    monkeypatch.chdir(tmp_path / "elsewhere")
    with distributed.LocalCluster(host="127.0.0.1", **options) as cluster:
        monkeypatch.chdir(tmp_path / "here")
        grid = {
            "task": "unscored_beside",
            "method": "beside",
            "observation": 1,
            "num_samples": 50,
            "plugin": "own.py",
        }
        grid |= {"backend": "dask", "address": cluster.scheduler_address, "num_simulations": 50}
        settings = read_grid(None, grid)
        summary = run(settings.cells(), Store("out"), settings.options, Progress())
    assert (summary.ran, summary.failed) == (1, 0)
    assert fits() == ["2"]
    assert len(list((tmp_path / "here" / "out" / "cells").iterdir())) == 1


@pytest.mark.slow
def test_a_cluster_of_its_own_listens_on_loopback_only():
    with backend("dask", 1):
        processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
        addresses = {
            connection.laddr.ip
            for process in processes
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN
        }
    assert addresses
    assert addresses <= {"127.0.0.1", "::1"}


@pytest.mark.subprocess
def test_a_script_without_a_guard_is_told_what_to_add(tmp_path):
    script = "from bench.run.backends import backend\nfrom bench.run.script import end_second_run\n"
    script += "end_second_run()  # as the runner does\nwith backend('dask', 1):\n    pass\n"
    (tmp_path / "own.py").write_text(script)
    command = [sys.executable, "own.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 1
    assert "UsageError: backend = 'dask'" in result.stderr.splitlines()[-1]
    assert "under `if __name__ == '__main__':`" in result.stderr.splitlines()[-1]


@pytest.mark.slow
def test_an_address_without_a_scheduler_is_named(tmp_path, cells, monkeypatch):
    monkeypatch.setattr("bench.run.backends.CONNECT", 1)
    with pytest.raises(UsageError, match=r"address = 'tcp://127\.0\.0\.1:9'"):
        run(cells, Store(tmp_path), RunOptions(backend="dask", address="tcp://127.0.0.1:9"), Progress())
