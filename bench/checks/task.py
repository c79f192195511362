"""Does a task keep the contract? ``scorebench check task NAME``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tasks import Task
from tasks.contract.seeding import derive_seed
from tasks.reference.certificate import diagnose, failures
from tasks.stored.files import fingerprint, read_certificate
from tasks.tools.stored_task import StoredTask

__all__ = ["CHECKS", "Finding", "check_task"]

FEW, MANY = 50, 10_000
LONGEST = 60.0  # seconds for MANY simulations
SLACK = 0.01  # relative, between the certificate's figures and the same taken of the file


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Arguments:
        name: Name of the check.
        problem: One line, empty where there is none.
        reason: Why the check does not apply to the task, empty where it does.
    """

    name: str
    problem: str
    reason: str = ""

    def __str__(self) -> str:
        """The finding in a line."""
        outcome = f"not applicable: {self.reason}" if self.reason else self.problem or "ok"
        return f"{self.name}: {outcome}"


class _NotApplicableError(Exception):
    """The task has nothing that the check is about, and need not have it."""


def check_task(task: Task) -> Iterator[Finding]:
    """Run all checks; one that raises has found the error that it raised.

    Arguments:
        task: To check; its simulator is asked for some 10 000 simulations.
    """
    for name, check in CHECKS.items():
        problem = reason = ""
        try:
            problem = check(task)
        except _NotApplicableError as error:
            reason = str(error)
        except Exception as error:  # a plug-in may raise anything, and the other checks are still of use
            problem = f"{type(error).__name__}: {error}"
        yield Finding(name, " ".join(problem.split()), reason)


def _draws(task: Task, num: int) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("check theta", task.name))
        return task.prior().sample((num,))


def _simulated(task: Task, theta: Tensor, number: int = 1) -> Tensor:
    """Data of theta ``(N, dim_theta)``; each number is another seed."""
    return task.simulate(theta, seed=derive_seed("check x", task.name, number))


def _prior(task: Task) -> str:
    prior, theta = task.prior(), _draws(task, FEW)
    if prior.event_shape != (task.dim_theta,):
        return f"event_shape is {tuple(prior.event_shape)}, not ({task.dim_theta},)"
    return "" if prior.log_prob(theta).isfinite().all() else "log_prob of its own draws is not finite"


def _simulations(task: Task) -> str:
    x = _simulated(task, _draws(task, FEW))
    if x.shape != (FEW, task.dim_x) or x.dtype != torch.float32:
        return f"simulate gives {tuple(x.shape)} of {x.dtype}, not {(FEW, task.dim_x)} of torch.float32"
    one = _simulated(task, _draws(task, 1))
    return "" if one.shape == (1, task.dim_x) else f"one row of theta gives {tuple(one.shape)}"


def _seeds(task: Task) -> str:
    theta, before = _draws(task, FEW), torch.random.get_rng_state()
    first, again, other = (_simulated(task, theta, number) for number in (1, 1, 2))
    if not torch.equal(before, torch.random.get_rng_state()):
        return "simulate changes torch's global random state"
    if not torch.equal(first, again):
        return "the same seed gives different x"
    return "another seed gives the same x" if torch.equal(first, other) else ""


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
    return ""


def _references(task: Task) -> list[Tensor | None]:
    every = [task.reference_samples(k) for k in range(1, task.num_observations + 1)]
    if all(draws is None for draws in every):
        raise _NotApplicableError("the task has no reference posterior")
    return every


def _reference(task: Task) -> str:
    support = task.prior().support
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
