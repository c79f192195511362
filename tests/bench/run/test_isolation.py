"""Work in separate processes: results, deaths and time limits; no process outlives its parent."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from bench.errors import StorageError
from bench.run import inside_worker, isolation, worker

pytestmark = [pytest.mark.slow, pytest.mark.subprocess]


@pytest.fixture(autouse=True)
def stopped():
    yield
    isolation.stop()


def test_results_and_faults_of_one_process_after_another():
    assert isolation.isolated(os.path.join, "a", "b", workers=1) == "a/b"
    with pytest.raises(isolation.DiedError, match="SIGSEGV"):
        isolation.isolated(signal.raise_signal, signal.SIGSEGV, workers=1)
    with pytest.raises(isolation.DiedError, match="exit status 3"):
        isolation.isolated(os._exit, 3, workers=1)
    with pytest.raises(isolation.OutOfTimeError, match="not done after 1 s"):
        isolation.isolated(time.sleep, 60, workers=1, seconds=1.0)
    with pytest.raises(FileNotFoundError):
        isolation.isolated(os.listdir, "/no/such/place", workers=1)
    assert isolation.isolated(os.path.join, "a", "b", workers=1) == "a/b"


def raise_own():
    class OwnError(Exception):
        """Of no module that the parent could import."""

    raise OwnError("own words")


def test_errors_come_back_as_text_unless_the_parent_knows_them():
    with pytest.raises(StorageError, match=r"^no room$"):
        isolation.isolated(raise_storage, workers=1)
    with pytest.raises(isolation.FailedError, match="OwnError: own words"):
        isolation.isolated(raise_own, workers=1)
    with pytest.raises(isolation.FailedError, match="SystemExit: 0"):
        isolation.isolated(sys.exit, 0, workers=1)


def raise_storage():
    raise StorageError("no room")


@pytest.mark.slow
def test_a_new_process_follows_one_that_asked_for_it_or_was_told_to_exit():
    first = isolation.isolated(os.getpid, workers=1)
    assert isolation.isolated(os.getpid, workers=1) == first
    isolation.isolated(inside_worker.retire, workers=1)
    second = isolation.isolated(os.getpid, workers=1)
    with pytest.raises(isolation.FailedError):
        isolation.isolated(sys.exit, workers=1)
    assert len({first, second, isolation.isolated(os.getpid, workers=1)}) == 3


def test_a_process_that_was_killed_while_idle_is_replaced():
    os.kill(isolation.isolated(os.getpid, workers=1), signal.SIGKILL)
    time.sleep(0.2)
    assert isolation.isolated(os.path.join, "a", "b", workers=1) == "a/b"


@pytest.mark.parametrize("deaths", [2, 3])
def test_a_process_that_is_killed_while_it_starts_is_started_again(monkeypatch, deaths):
    """It used to end the run with ``BrokenProcessPool``."""
    begin, left = worker.Worker.__init__, [deaths]

    def killed(self, module):
        begin(self, module)
        if left[0]:
            left[0] -= 1
            os.kill(self._process.pid, signal.SIGKILL)

    monkeypatch.setattr(worker.Worker, "__init__", killed)
    if deaths < isolation.STARTS:
        assert isolation.isolated(os.path.join, "a", "b", workers=1) == "a/b"
    else:
        with pytest.raises(isolation.DiedError, match="while it started, 3 times"):
            isolation.isolated(os.path.join, "a", "b", workers=1)


def start_child():
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]).pid


def test_the_children_of_a_process_end_with_it():
    child = isolation.isolated(start_child, workers=1)
    assert psutil.pid_exists(child)
    isolation.stop()
    assert not alive(child)


def parts():
    for part in range(3):
        inside_worker.report(part)
    return inside_worker.seconds_left()


def test_parts_arrive_before_the_result_and_the_work_knows_its_limit():
    received = []
    assert isolation.isolated(parts, workers=1, receive=received.append) is None
    assert 50 < isolation.isolated(parts, workers=1, seconds=60.0, receive=received.append) <= 60
    assert received == [0, 1, 2] * 2


def test_processes_end_with_their_parent():
    script = "import os, time\nfrom bench.run import isolation\n"
    script += "if __name__ == '__main__':\n"
    script += "    print(isolation.isolated(os.getpid, workers=1), flush=True)\n    time.sleep(60)\n"
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    end = time.monotonic() + 30
    while alive(child):
        assert time.monotonic() < end
        time.sleep(0.1)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False
