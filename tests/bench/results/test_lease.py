"""Leases: a cell of a machine that died is taken over, that of a living one is not."""

import json
import os
import threading
import time

import pytest

from bench.results import claims, lease
from bench.results.claims import claim

ELSEWHERE = {"machine": "another", "process": "1", "job": ""}


@pytest.fixture
def other(tmp_path):
    """A function that writes the lease of another machine, touched some seconds ago."""

    def write(age, **changes):
        path = tmp_path / ".locks" / "abc.lease"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(ELSEWHERE | changes))
        then = time.time() - age
        os.utime(path, (then, then))
        return path

    return write


def taken(directory, wait=False):
    with claim(directory, "abc", wait, leased=True) as held:
        return held


@pytest.mark.parametrize(("age", "free"), [(0.0, False), (lease.LAPSE - 60, False), (lease.LAPSE + 60, True)])
def test_another_machine_is_believed_until_its_lease_lapses(tmp_path, other, age, free):
    path = other(age)
    assert taken(tmp_path) is free
    assert path.exists() is not free  # ours is given back


def test_the_lock_alone_decides_on_this_machine(tmp_path, other):
    other(0.0, machine=lease.holder()["machine"], process="999999")  # killed: the system released its lock
    assert taken(tmp_path)


def test_a_job_that_slurm_starts_again_takes_its_own_cell(tmp_path, other, monkeypatch):
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "7")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    other(0.0, job="7_4")
    assert not taken(tmp_path)
    other(0.0, job="7_3")
    assert taken(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{", "null", "[" * 5000])
def test_a_lease_that_cannot_be_read_lapses_too(tmp_path, other, content):
    path = other(0.0)
    path.write_text(content)
    assert not taken(tmp_path)
    os.utime(path, (0, 0))
    assert taken(tmp_path)


def test_a_holder_touches_its_lease_and_gives_it_back(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "REFRESH", 0.05)
    with claim(tmp_path, "abc", leased=True) as held:
        path = tmp_path / ".locks" / "abc.lease"
        os.utime(path, (0, 0))
        end = time.monotonic() + 20
        while path.stat().st_mtime == 0:
            assert time.monotonic() < end
            time.sleep(0.02)
    assert held
    assert [file.name for file in (tmp_path / ".locks").iterdir()] == ["abc.lock"]


def test_a_lease_that_another_machine_has_taken_over_is_left_to_it(tmp_path, other):
    with claim(tmp_path, "abc", leased=True):
        path = other(0.0)
    assert json.loads(path.read_text()) == ELSEWHERE


def test_who_waits_gets_the_cell_when_the_lease_lapses(tmp_path, other, monkeypatch):
    monkeypatch.setattr(claims, "PAUSE", 0.02)
    path, got = other(0.0), []
    waiting = threading.Thread(target=lambda: got.append(taken(tmp_path, wait=True)))
    waiting.start()
    time.sleep(0.3)
    assert not got
    os.utime(path, (0, 0))
    waiting.join(20)
    assert got == [True]


def test_of_two_that_find_no_lease_one_gets_it(tmp_path, monkeypatch):
    """As on a file system whose locks do not reach the other machine."""
    path = tmp_path / "abc.lease"
    link = os.link

    def beaten(source, target):
        path.write_text(json.dumps(ELSEWHERE))
        link(source, target)

    monkeypatch.setattr(lease.os, "link", beaten)
    assert not lease.Lease(path).taken()
    assert json.loads(path.read_text()) == ELSEWHERE
    assert [file.name for file in tmp_path.iterdir()] == ["abc.lease"]
