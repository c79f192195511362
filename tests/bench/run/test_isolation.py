"""Work in separate processes: results, deaths and time limits; no process outlives its parent."""

import os
import signal
import subprocess
import sys
import time

import pytest

from bench.run import isolation

pytestmark = pytest.mark.subprocess


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
