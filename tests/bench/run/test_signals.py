"""Only the first of several signals ends a run; the next ones do not disturb its end."""

import os
import signal
import subprocess
import sys

import pytest

from bench.run.signals import Terminated, interrupted_once, sigterm_interrupts

pytestmark = pytest.mark.slow


CLEANING = """
import os, signal, sys, time
from bench.commands import main
from bench.run.signals import sigterm_interrupts

def work(**options):
    try:
        with sigterm_interrupts():
            os.kill(os.getpid(), signal.{name})
            time.sleep(60)
    finally:  # what stops processes
        for _ in range(3):
            os.kill(os.getpid(), signal.{name})
            time.sleep(0.01)
        print("cleaned")

import atexit
atexit.register(lambda: (os.kill(os.getpid(), signal.{name}), time.sleep(0.1), print("end")))
main.cli.commands["table"].callback = work
sys.argv = ["scorebench", "table", "."]
main.main()
"""


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_signals_during_the_end_do_not_disturb_it(name, status):
    done = subprocess.run(
        [sys.executable, "-c", CLEANING.format(name=name)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs ignore it
    )
    assert done.returncode == status, done.stderr
    assert (
        done.stderr == "\nscorebench: interrupted; what is done is kept, run the same command to go on\n"
        or (done.stderr == "scorebench: interrupted; what is done is kept, run the same command to go on\n")
    )
    assert done.stdout.split() == ["cleaned", "end"]


def test_without_a_signal_handlers_are_as_before():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with interrupted_once(), sigterm_interrupts():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_sigterm_raises_once(monkeypatch):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        with pytest.raises(Terminated), sigterm_interrupts():
            signal.raise_signal(signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)


def test_sigterm_is_an_interruption_of_its_own():
    with pytest.raises(Terminated), sigterm_interrupts():
        os.kill(os.getpid(), signal.SIGTERM)


def test_it_stays_one_where_a_library_raises_its_own_interruption():
    def library():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None

    with pytest.raises(Terminated), sigterm_interrupts():
        library()


def test_ctrl_c_is_not_taken_for_it():
    with pytest.raises(KeyboardInterrupt) as caught, sigterm_interrupts():
        raise KeyboardInterrupt
    assert not isinstance(caught.value, Terminated)
