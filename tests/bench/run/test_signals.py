"""SIGTERM ends a run as Ctrl-C does, and the two can be told apart."""

import os
import signal

import pytest

from bench.run.signals import Terminated, sigterm_interrupts


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
