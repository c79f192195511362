"""How many cores there are for a process, and how many threads torch takes of them.

A cell trains and samples on one thread unless it is told otherwise, for three reasons:

- The networks of the suite and of sbi are small, and threads wait for each other: one that has lost its
  core holds up the rest. On two cores with a foreign load of 1.6 cores, ``npe`` (20 epochs, 1000 simulations
  of two_moons; means of three alternating fits) took 127 s on two threads and 5.8 s on one, of processor
  time 50 and 2.3 s; ``exact_score`` 8.4 and 2.4 s.
- Another number of threads can change the last digits of a sum. With a fixed number, samples depend neither
  on the machine's cores nor on the number of jobs.
- Jobs side by side then scale with the cores.

Scoring is different: its classifiers are trained side by side, one thread each, and give the same numbers on
any number of threads. It takes all cores that a job may use; under such a load that cost nothing either (ten
pairs of 1000 samples in four dimensions: 57 s on two threads, 56 s on one).
"""

from __future__ import annotations

import os

import joblib
import torch

from bench.errors import UsageError

__all__ = ["cpu_count", "scoring_threads", "training_threads", "use_all_cores"]

VARIABLE = "OMP_NUM_THREADS"
DEFAULT = 1


def cpu_count() -> int:
    """Number of cores that this process may use: affinity and a container's quota are respected."""
    return joblib.cpu_count()


def training_threads(asked: int | None = None) -> int:
    """Number of threads to train and sample on: ``asked``, else ``OMP_NUM_THREADS`` if set, else one.

    Raises:
        UsageError: if ``OMP_NUM_THREADS`` is needed and is no whole number from 1.
    """
    return asked or _from_environment() or DEFAULT


def scoring_threads(asked: int | None = None, jobs: int = 1) -> int:
    """Number of threads to score on: ``asked``, else ``OMP_NUM_THREADS`` if set, else a job's share of cores.

    Arguments:
        asked: Number that the user gave; None for none.
        jobs: Cells at a time on this machine.

    Raises:
        UsageError: if ``OMP_NUM_THREADS`` is needed and is no whole number from 1.
    """
    return asked or _from_environment() or max(1, cpu_count() // jobs)


def use_all_cores() -> None:
    """Let torch use the cores that this process may use, or ``OMP_NUM_THREADS`` of them if set.

    Torch's own number disregards a container's quota.
    """
    torch.set_num_threads(scoring_threads())


def _from_environment() -> int | None:
    given = os.environ.get(VARIABLE, "").strip()
    if not given:
        return None
    first = given.split(",")[0].strip()  # OpenMP takes a list, one number for each level of nesting
    if not first.isdecimal() or int(first) < 1:
        raise UsageError(f"{VARIABLE} = '{given}': a whole number from 1 is wanted; unset it for the default")
    return int(first)
