"""Does a task keep the contract? ``scorebench check task NAME``."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

import tasks
from bench.checks.finding import Check, NotApplicableError
from methods.contract.priors import usable_prior
from tasks import Task
from tasks.contract.seeding import derive_seed
from tasks.reference.certificate import diagnose, failures
from tasks.stored.files import fingerprint, read_certificate
from tasks.tools.stored_task import StoredTask

__all__ = ["CHECKS", "task_checks"]

FEW, MANY = 50, 10_000
LONGEST = 60.0  # seconds for MANY simulations
TWENTY, LOWEST = 20, -12.0  # likelihood ratios, in nats: twenty times exp(-12) is 1e-4
SLACK = 0.01  # relative, between the certificate's figures and the same taken of the file


def task_checks(task: str | Task) -> list[Check]:
    """All checks of a task; together they ask its simulator for some 20 000 simulations.

    A task that defines :meth:`tasks.Task.log_likelihood` has one check more than another.

    Arguments:
        task: Registered name, or the task itself.

    Returns:
        The checks, independent of one another.

    Raises:
        UnknownTaskError: naming the nearest known task.
        TaskError: if the class of the task cannot be made.

    Example:
        >>> print(task_checks("two_moons")[0].find())
        prior: ok
    """
    chosen = tasks.get(task) if isinstance(task, str) else task
    functions = dict(CHECKS)
    if type(chosen).log_likelihood is not Task.log_likelihood:
        functions["likelihood"] = _likelihood
    return [Check(name, partial(function, chosen)) for name, function in functions.items()]


def _draws(task: Task, num: int) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("check theta", task.name))
        return _usable(task).sample(torch.Size([num])).float()


def _usable(task: Task) -> Distribution:
    """The prior, as a distribution if it is another object with ``sample`` and ``log_prob``."""
    prior = task.prior()
    return prior if isinstance(prior, Distribution) else usable_prior(prior, task.dim_theta)


def _simulated(task: Task, theta: Tensor, number: int = 1) -> Tensor:
    """Data of theta ``(N, dim_theta)``; each number is another seed."""
    return task.simulate(theta, seed=derive_seed("check x", task.name, number))


def _prior(task: Task) -> str:
    prior, theta = _usable(task), _draws(task, FEW)
    if prior.event_shape != (task.dim_theta,):
        return f"event_shape is {tuple(prior.event_shape)}, not ({task.dim_theta},)"
    log_p = prior.log_prob(theta)
    if log_p.shape != (FEW,):
        return f"log_prob of {FEW} draws gives {tuple(log_p.shape)}, not ({FEW},)"
    return "" if log_p.isfinite().all() else "log_prob of its own draws is not finite"


def _simulations(task: Task) -> str:
    x = _simulated(task, _draws(task, FEW))
    if x.shape != (FEW, task.dim_x) or x.dtype != torch.float32:
        return f"simulate gives {tuple(x.shape)} of {x.dtype}, not {(FEW, task.dim_x)} of torch.float32"
    failed = int((~x.isfinite()).any(dim=1).sum())
    if failed:
        return f"{failed} of {FEW} simulations fail"
    one = _simulated(task, _draws(task, 1))
    return "" if one.shape == (1, task.dim_x) else f"one row of theta gives {tuple(one.shape)}"


def _seeds(task: Task) -> str:
    theta, before, numpy_before = _draws(task, FEW), torch.random.get_rng_state(), _numpy_state()
    first, again, other = (_simulated(task, theta, number) for number in (1, 1, 2))
    if not torch.equal(before, torch.random.get_rng_state()):
        return "simulate changes torch's global random state"
    if _numpy_state() != numpy_before:
        return "simulate changes numpy's global random state"
    if not torch.equal(first, again):
        return "the same seed gives different x"
    return "another seed gives the same x" if torch.equal(first, other) else ""


def _numpy_state() -> bytes:
    """Numpy's global random state."""
    return pickle.dumps(np.random.get_state())


def _edges(task: Task) -> str:
    """The outermost of many draws, where a simulator fails first."""
    theta = _draws(task, MANY)
    rows = torch.cat([theta.argmin(0), theta.argmax(0)])
    x = _simulated(task, theta[rows])
    failed = ~x.isfinite()
    if (failed.any(1) & ~x.isnan().all(1)).any():
        return "a failed simulation at the prior's edge is not a row of NaN"
    return (
        f"{int(failed.any(1).sum())} of {len(rows)} simulations at the prior's edges fail"
        if failed.any()
        else ""
    )


def _observations(task: Task) -> str:
    for k in range(1, task.num_observations + 1):
        x_o, theta = task.observation(k), task.true_theta(k)
        if x_o.shape != (1, task.dim_x) or not torch.equal(x_o, task.observation(k)):
            return f"observation {k} is {tuple(x_o.shape)} or changes from call to call"
        if theta is not None and theta.shape != (1, task.dim_theta):
            return f"true_theta {k} is {tuple(theta.shape)}"
        if isinstance(task, StoredTask):
            made = zip(task.simulated_truth(k), (task.true_theta(k), x_o), strict=True)
            if not all(torch.allclose(a, b, rtol=1e-5, atol=1e-6) for a, b in made):
                return f"observation {k} is not what its seed gives"
    every = torch.cat([task.observation(k) for k in range(1, task.num_observations + 1)])
    different = len(every.unique(dim=0))
    if different < task.num_observations:
        return f"only {different} of {task.num_observations} observations differ"
    return next(filter(None, (_accepted(task, k) for k in (-1, 0, task.num_observations + 1))), "")


def _accepted(task: Task, k: int) -> str:
    """Complaint about an observation that there is although its number is out of range."""
    try:
        task.observation(k)
    except ValueError:
        return ""
    return f"observation({k}) raises no ValueError; observations are 1 to {task.num_observations}"


def _references(task: Task) -> list[Tensor | None]:
    every = [task.reference_samples(k) for k in range(1, task.num_observations + 1)]
    if all(draws is None for draws in every):
        raise NotApplicableError("the task has no reference posterior")
    return every


def _reference(task: Task) -> str:
    support = usable_prior(task.prior(), task.dim_theta).support
    for k, draws in enumerate(_references(task), start=1):
        if draws is None:
            return f"observation {k} has no reference samples, others have"
        if draws.shape != (MANY, task.dim_theta) or draws.dtype != torch.float32:
            return f"reference {k} is {tuple(draws.shape)} of {draws.dtype}"
        outside = 0 if support is None else int((~support.check(draws)).sum())
        if outside:
            return f"{outside} reference draws of observation {k} are outside the prior"
    return ""


def _certificate(task: Task) -> str:
    _references(task)
    certificate = read_certificate(task.name)
    if certificate is None:
        return "" if task.card.certificate != "none" else "the card has no certificate"
    if certificate["sha256"] != fingerprint(task.name):
        return "the certificate is about another file"
    if not isinstance(task, StoredTask):
        return ""
    for row in certificate["observations"]:
        k = row["num_observation"]
        if failures(row):
            return f"observation {k} misses {', '.join(failures(row))}"
        for name, value in diagnose(task.reference_samples(k)).items():
            if abs(value - row[name]) > SLACK * max(abs(value), 1.0):
                return f"{name} of observation {k} is {value}, the certificate says {row[name]}"
    return ""


def _card(task: Task) -> str:
    empty = [field for field, text in task.card.as_dict().items() if not text]
    return f"the card says nothing of {', '.join(empty)}" if empty else ""


def _speed(task: Task) -> str:
    theta = _draws(task, MANY)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        start = time.perf_counter()
        _simulated(task, theta)
        seconds = time.perf_counter() - start
    finally:
        torch.set_num_threads(threads)
    return "" if seconds < LONGEST else f"{MANY} simulations take {seconds:.0f} s on one core"


def _likelihood(task: Task) -> str:
    """The likelihood prefers the parameters that data were simulated from to draws of the prior.

    E[p(x | other) / p(x | truth)] <= 1 if x is simulated from the truth. By Markov's inequality a log
    ratio is below -t with a probability of at most exp(-t), and so is the sum of twenty.
    """
    truth = task.true_theta(1)
    if truth is None:
        raise NotApplicableError("the task has no true parameters")
    truth = truth.expand(TWENTY, -1)
    x = _simulated(task, truth)
    try:
        at_truth = task.log_likelihood(truth, x)
    except NotImplementedError:
        raise NotApplicableError("the task has no tractable likelihood") from None
    others = task.log_likelihood(_draws(task, TWENTY), x)
    if not others.shape == at_truth.shape == (TWENTY,):
        return f"log_likelihood of {TWENTY} rows gives {tuple(at_truth.shape)}, not ({TWENTY},)"
    if not at_truth.isfinite().all():
        return "log_likelihood at the true parameters is not finite"
    ratio = at_truth - others
    if ratio.min() <= LOWEST:
        return f"other parameters are likelier than the true ones by {-ratio.min():.4g} nats"
    # The mean of each ratio is a divergence, larger than zero; their sum is many nats in the suite's tasks.
    total = float(ratio.clamp(max=50.0).sum())
    return "" if total > 0.0 else f"{TWENTY} log ratios of true to other parameters sum to {total:.4g} nats"


CHECKS: dict[str, Callable[[Task], str]] = {
    "prior": _prior,
    "simulations": _simulations,
    "seeds": _seeds,
    "edges of the prior": _edges,
    "observations": _observations,
    "reference": _reference,
    "certificate": _certificate,
    "card": _card,
    "speed": _speed,
}
