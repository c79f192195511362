"""A quick look at a task before it simulates at length, and at a method before it is fitted."""

from __future__ import annotations

import inspect
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from bench.answers.checked_task import AnswerError, checked
from methods import Method
from tasks import Task
from tasks.contract.seeding import derive_seed

__all__ = ["look_at_method", "look_at_task"]

FEW = 3  # simulations of each call
MANY = 500  # draws of the prior that show whether parameters are tied
TIED = 1e-7  # eigenvalue of their correlations below which a direction has no spread
SLOW = 2.0  # seconds for FEW simulations, beyond which the simulator is asked only once


def look_at_task(task: Task, observations: Sequence[int]) -> list[str]:
    """Ask a task for a few simulations, an observation and a reference.

    Arguments:
        task: Task to look at.
        observations: Numbers of the observations that will be used.

    Returns:
        Warnings about a task that can be used all the same, one line each. Nothing is said of a simulator
        that raises: its cells will.

    Raises:
        AnswerError: if the task cannot be used, with one line that says why.
    """
    asked = checked(task)
    _check_signature(task)
    try:
        theta = _draws(asked)
        x, seconds = _simulated(asked, theta)
        if seconds > SLOW:
            return []
        _simulated(asked, theta[:1])
        again, _ = _simulated(asked, theta)
    except AnswerError:
        raise
    except (Exception, SystemExit):
        return []
    found = []
    if not torch.allclose(x, again, rtol=1e-3, equal_nan=True):
        found.append(
            f"task {task.name}: the same seed gives different x, so methods may be scored on different data; "
            "draw all random numbers from the seed"
        )
    if tied := _tied(asked):
        found.append(tied)
    return found + [text for k in observations[:1] if (text := _reference(asked, k))]


def look_at_method(method: Method) -> None:
    """Raise AnswerError if a method's ``fit`` cannot be called as the benchmark calls it."""
    try:
        inspect.signature(method.fit).bind(None, None, None, device="cpu", seed=None)
    except TypeError as error:
        call = "fit(prior, theta, x, device=..., seed=...)"
        raise AnswerError(f"method {method.name}: cannot be called as {call}: {error}") from error


def _check_signature(task: Task) -> None:
    try:
        inspect.signature(task.simulate).bind(None, seed=None)
    except TypeError as error:
        call = "simulate(theta, seed=...)"
        raise AnswerError(f"task {task.name}: cannot be called as {call}: {error}") from error
    except ValueError:  # a function in C need not say what its arguments are
        return


def _draws(task: Task) -> Tensor:
    prior = task.prior()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("first look theta", task.name))
        theta = prior.sample(torch.Size([FEW])).float()
        log_p = prior.log_prob(theta)
    if not theta.isfinite().all():
        raise AnswerError(f"task {task.name}: draws of the prior are not finite")
    if log_p.shape != (FEW,):
        raise AnswerError(
            f"task {task.name}: log_prob of {FEW} draws of the prior gives {tuple(log_p.shape)}, not ({FEW},)"
        )
    return theta


def _tied(task: Task) -> str:
    """Return a warning if some parameters are linear functions of others, as offsets that sum to zero are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("first look at ties", task.name))
        theta = task.prior().sample(torch.Size([MANY])).double()
    scaled = (theta - theta.mean(0)) / theta.std(0)
    if not scaled.isfinite().all():  # constant parameters, or draws beyond float64's squares
        return ""
    values = torch.linalg.eigvalsh(scaled.T @ scaled / MANY)
    rank, number = int((values > TIED).sum()), len(values)
    if rank == number:
        return ""
    return (
        f"task {task.name}: the covariance of theta is singular (rank {rank} of {number}), so methods sample "
        "beside the surface that the prior is on; leave out the parameters that follow from others"
    )


def _simulated(task: Task, theta: Tensor) -> tuple[Tensor, float]:
    start = time.perf_counter()
    x = task.simulate(theta, seed=derive_seed("first look x", task.name))
    return x, time.perf_counter() - start


def _reference(task: Task, num_observation: int) -> str:
    """Return what is wrong with a reference posterior; without it some metrics have no value."""
    try:
        draws = task.reference_samples(num_observation)
        if draws is None:
            return ""
        support = task.prior().support
        outside = 0 if support is None else int((~support.check(draws)).sum())
    except (Exception, SystemExit) as error:
        reason = str(error) if isinstance(error, AnswerError) else f"{type(error).__name__}: {error}"
        return f"{reason}; rows are scored without a reference"
    if len(draws) < 2:
        return f"task {task.name}: reference_samples({num_observation}) gives {len(draws)} rows, too few"
    where = f"reference_samples({num_observation})"
    text = f"task {task.name}: {outside} of {len(draws)} rows of {where} are outside the prior"
    return text if outside else ""
