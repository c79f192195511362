"""Runs on a real ray cluster on this machine; one of its workers is killed while it runs a cell."""

import contextlib
import os
import signal
import threading
import time

import psutil
import pytest

from bench.errors import UsageError
from bench.results.store import Store
from bench.run.backends import backend
from bench.run.grid import read_grid
from bench.run.progress import Progress
from bench.run.run_options import RunOptions
from bench.run.runner import run

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.cluster


@pytest.fixture
def cells(faulty, fits):
    options = {"task": ["unscored"], "num_simulations": [150], "observation": [1], "num_samples": 50}
    options |= {"method": ["counted[seconds=2,number=[0,1,2]]"], "plugin": [str(faulty)]}
    return read_grid(None, options | {"backend": "ray"}).cells()


def workers():
    """Processes of ray that are running a job."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended since
            if "ray::run_and_store" in " ".join(child.cmdline()):
                found.append(child)
    return found


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(tmp_path, cells):
    def kill_one():
        while not (found := workers()):
            time.sleep(0.05)
        os.kill(found[0].pid, signal.SIGKILL)
        killed.set()

    killed = threading.Event()
    threading.Thread(target=kill_one, daemon=True).start()
    store = Store(tmp_path / "out")
    summary = run(cells, store, RunOptions(jobs=2, backend="ray"), Progress())
    assert killed.is_set()
    assert (summary.ran, summary.failed) == (3, 0)
    rows = store.read()
    assert rows["status"].tolist() == ["ok"] * 3
    assert rows["cell"].is_unique
    assert not ray.is_initialized()


@pytest.mark.slow
def test_a_cluster_of_its_own_listens_on_loopback_only_and_has_full_priority():
    """Ray's own default is all interfaces, nice 15, and its own handler of SIGTERM."""
    before = signal.getsignal(signal.SIGTERM)
    with backend("ray", 1):
        assert signal.getsignal(signal.SIGTERM) == before
        assert ray.get(ray.remote(lambda: os.nice(0)).remote()) == os.nice(0)
        processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
        addresses = {
            connection.laddr.ip
            for process in processes
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN
        }
        assert addresses
        assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER" not in os.environ


def test_an_address_without_a_cluster_is_named(tmp_path, cells):
    with pytest.raises(UsageError, match=r"address = '127\.0\.0\.1:9': no ray cluster there"):
        run(cells, Store(tmp_path), RunOptions(backend="ray", address="127.0.0.1:9"), Progress())


def test_an_address_that_is_none_is_named(tmp_path, cells):
    with pytest.raises(UsageError, match=r"address = 'nowhere': no ray cluster there"):
        run(cells, Store(tmp_path), RunOptions(backend="ray", address="nowhere"), Progress())
