"""A real scheduler and two worker processes on loopback, one of them killed mid-run."""

import os
import signal
import threading

import pytest

from bench.errors import UsageError
from bench.grid import read_grid
from bench.progress import Progress
from bench.runner import Plan, run
from bench.store import Store

distributed = pytest.importorskip("distributed")


@pytest.fixture
def cells(faulty, fits):
    options = {"task": ["two_moons"], "num_simulations": [150], "observation": [1], "num_samples": 50}
    options |= {"method": ["counted[seconds=2,number=[0,1,2,3]]"], "plugin": [str(faulty)]}
    return read_grid(None, options | {"backend": "dask"}).cells()


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

        plan = Plan(jobs=2, backend="dask", address=cluster.scheduler_address)
        summary = run(cells, store, plan, Watching())
    assert (summary.ran, summary.failed) == (4, 0)
    rows = store.read()
    assert rows["status"].tolist() == ["ok"] * 4
    assert rows["cell"].is_unique
    assert set(rows["timing"]) == {"shared"}


def test_an_address_without_a_scheduler_is_named(tmp_path, cells, monkeypatch):
    monkeypatch.setattr("bench.backends.CONNECT", 1)
    with pytest.raises(UsageError, match=r"address = 'tcp://127\.0\.0\.1:9'"):
        run(cells, Store(tmp_path), Plan(backend="dask", address="tcp://127.0.0.1:9"), Progress())
