"""Numbers of threads: how many cores a process may use, and how many of them torch uses.

By default, a cell trains and samples on one thread, for three reasons:

- The networks of the suite and of sbi are small, and their threads wait for each other, so one thread that
  loses its core delays all. On two cores with a load of 1.6 cores by other programs, ``npe`` (20 epochs, 1000
  simulations of two_moons; means of three alternating fits) took 127 s on two threads and 5.8 s on one (50 s
  and 2.3 s of processor time); ``exact_score`` took 8.4 s and 2.4 s.
- The number of threads can change the last digits of a sum. With a fixed number, samples depend neither on
  the machine's cores nor on the number of jobs.
- The speed of several jobs at a time then scales with the number of cores.

Scoring is different. Its classifiers are trained in parallel, one thread each, and give the same numbers on
any number of threads. Scoring therefore uses all cores that a job may use. Under the same load this was no
slower (ten pairs of 1000 samples in four dimensions took 57 s on two threads and 56 s on one).
"""

from __future__ import annotations

import os
from typing import Literal

import joblib
import torch

from bench.errors import UsageError

__all__ = ["cpu_count", "scoring_threads", "training_threads", "use_all_cores"]

VARIABLE = "OMP_NUM_THREADS"
DEFAULT = 1


def cpu_count() -> int:
    """Return the number of cores that this process may use, limited by affinity and a container's quota."""
    return joblib.cpu_count()


def training_threads(asked: int | Literal["all"] | None = None, jobs: int = 1) -> int:
    """Return the number of threads for training and sampling.

    It is ``asked`` if given, else ``OMP_NUM_THREADS`` if set, else 1.

    Arguments:
        asked: Number given by the user; ``all`` for a job's share of the cores, None for none.
        jobs: Number of cells that run at a time on this machine.

    Raises:
        UsageError: if ``OMP_NUM_THREADS`` is needed and is not a positive integer.
    """
    return _share(jobs) if asked == "all" else asked or _from_environment() or DEFAULT


def scoring_threads(asked: int | Literal["all"] | None = None, jobs: int = 1) -> int:
    """Return the number of threads for scoring.

    It is ``asked`` if given, else ``OMP_NUM_THREADS`` if set, else a job's share of the cores.

    Arguments:
        asked: Number given by the user; ``all`` for a job's share of the cores, None for none.
        jobs: Number of cells that run at a time on this machine.

    Raises:
        UsageError: if ``OMP_NUM_THREADS`` is needed and is not a positive integer.
    """
    return _share(jobs) if asked == "all" else asked or _from_environment() or _share(jobs)


def use_all_cores() -> None:
    """Set torch's number of threads to ``OMP_NUM_THREADS``, or to all cores that this process may use.

    Torch's own default ignores a container's quota.
    """
    torch.set_num_threads(scoring_threads())


def _share(jobs: int) -> int:
    """Return the number of cores that each of ``jobs`` jobs may use."""
    return max(1, cpu_count() // jobs)


def _from_environment() -> int | None:
    given = os.environ.get(VARIABLE, "").strip()
    if not given:
        return None
    first = given.split(",")[0].strip()  # OpenMP takes a list, one number for each level of nesting
    if not first.isdecimal() or int(first) < 1:
        raise UsageError(f"{VARIABLE} = '{given}': must be a positive integer; unset it for the default")
    return int(first)
