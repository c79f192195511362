"""Fitting a cell's method, sampling the posterior at one observation, and the columns that these fill."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import numbers
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

import methods
from bench.answers.checked_task import AnswerError, as_floats
from bench.clock.timing import peak_memory_mb, reset_peak_memory, timed, timed_repeatedly
from bench.metrics import Draws, MetricError
from bench.results.schema import Row
from bench.run.cell import Cell
from bench.run.simulation_cache import Simulations
from methods import Method, Posterior
from methods.baselines.method import HeldOutDraws
from tasks import Task

__all__ = ["fingerprint", "fit_cell", "reference_of", "sample_observation", "samples_again", "shuffled"]


def fit_cell(task: Task, method: Method, data: Simulations, cell: Cell) -> tuple[Posterior, Row]:
    """Fit the method, and return the posterior and the columns that fitting fills."""
    reset_peak_memory(cell.device)
    seed = cell.seed_for("fit")
    posterior, seconds = timed(
        lambda: method.with_likelihood(task.log_likelihood).fit(
            task.prior(), data.theta, data.x, device=cell.device, seed=seed
        ),
        cell.device,
    )
    if not callable(getattr(posterior, "sample", None)):
        raise AnswerError(f"method {method.name}: fit gives a {type(posterior).__name__}, not a Posterior")
    return posterior, {
        "train_s": seconds,
        "num_parameters": int(_number(posterior, "num_parameters", method)),
        "diagnostics": _diagnostics(posterior, method),
        "peak_memory_mb": peak_memory_mb(cell.device),
    }


def sample_observation(
    task: Task,
    posterior: Posterior,
    cell: Cell,
    num_observation: int,
    fitted: Row,
    reference: Tensor | Exception | None,
) -> tuple[Row, Draws]:
    """Sample the posterior at one observation.

    A reference that is an exception counts as none, except for the baseline that draws from the reference.

    Returns:
        The columns that sampling fills, and what metrics score: samples ``(S, dim_theta)`` and the shuffled
        reference draws ``(R, dim_theta)``, None if the task has none.
    """
    x_o = task.observation(num_observation)
    num_samples, reference = _prepared(task, posterior, cell, num_observation, reference)
    reset_peak_memory(cell.device)
    with _seeded(cell, num_observation):
        samples, clock = timed_repeatedly(lambda: posterior.sample((num_samples,), x=x_o), cell.device)
    samples = _checked(samples, (num_samples, task.dim_theta))
    row: Row = {
        "num_posterior_samples": len(samples),
        "samples_sha256": fingerprint(samples),
        "sample_s": clock.seconds,
        "sample_s_iqr": clock.iqr,
        "energy_j": clock.joules,
        "nfe": _number(posterior, "nfe", methods.get(cell.method)),
        "peak_memory_mb": max(fitted["peak_memory_mb"], peak_memory_mb(cell.device)),
    }
    return row, Draws(task, num_observation, samples, reference, device=cell.device)


def samples_again(task: Task, posterior: Posterior, cell: Cell, num_observation: int) -> Tensor:
    """Return the samples ``(S, dim_theta)`` that :func:`sample_observation` scores, without timing them."""
    x_o = task.observation(num_observation)
    needed = reference_of(task, num_observation) if isinstance(posterior, HeldOutDraws) else None
    num_samples, _ = _prepared(task, posterior, cell, num_observation, needed)
    with _seeded(cell, num_observation):
        samples = posterior.sample((num_samples,), x=x_o)
    return _checked(samples, (num_samples, task.dim_theta))


def fingerprint(samples: Tensor) -> str:
    """Return the column ``samples_sha256`` of samples ``(S, dim_theta)``, float32 on the CPU."""
    return hashlib.sha256(samples.numpy().tobytes()).hexdigest()


def shuffled(reference: Tensor, cell: Cell, num_observation: int) -> Tensor:
    """Return the reference draws ``(R, dim_theta)`` in the order in which a row is scored against them."""
    generator = torch.Generator().manual_seed(cell.seed_for("reference order", num_observation))
    return reference[torch.randperm(len(reference), generator=generator)]


def _prepared(
    task: Task,
    posterior: Posterior,
    cell: Cell,
    num_observation: int,
    reference: Tensor | Exception | None,
) -> tuple[int, Tensor | None]:
    """Return the number of samples to draw and the reference to score them against.

    The baseline that draws from the reference receives half of it here, and has at most as many samples.
    """
    if isinstance(reference, Exception):
        if isinstance(posterior, HeldOutDraws):
            raise reference
        reference = None
    if reference is not None:
        reference = shuffled(reference, cell, num_observation)
    if not isinstance(posterior, HeldOutDraws):
        return cell.num_samples, reference
    if reference is None:
        raise MetricError(f"task {task.name} has no reference posterior")
    reference, held_out = reference.tensor_split(2)
    posterior.hold(task.observation(num_observation), held_out)
    return min(cell.num_samples, len(held_out)), reference


@contextlib.contextmanager
def _seeded(cell: Cell, num_observation: int) -> Iterator[None]:
    """Seed torch's global generator for sampling at an observation, and restore it at the end."""
    with torch.random.fork_rng():
        torch.manual_seed(cell.seed_for("sample", num_observation))
        yield


def reference_of(task: Task, num_observation: int) -> Tensor | Exception | None:
    """Return reference draws, or what was raised instead: the observation is then scored without them."""
    try:
        return task.reference_samples(num_observation)
    except Exception as error:
        return error


def _number(posterior: Posterior, name: str, method: Method) -> float:
    """Return an attribute of a posterior that has to be one real number."""
    value = getattr(posterior, name, 0)
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    whole = name == "num_parameters"
    number = float(value) if isinstance(value, numbers.Real) else None
    if number is None or (whole and not number.is_integer()):
        wanted = "a whole number" if whole else "a number"
        raise AnswerError(f"method {method.name}: {name} of its posterior is {value!r}, not {wanted}")
    return number


def _diagnostics(posterior: Posterior, method: Method) -> str:
    """Return what the fit says of itself as JSON, in which a number that is not finite is null."""
    values = getattr(posterior, "diagnostics", {})
    if not isinstance(values, Mapping):
        raise AnswerError(f"method {method.name}: diagnostics of its posterior are {values!r}, not a mapping")
    said: dict[str, float | str | None] = {}
    for name, answer in values.items():
        value = answer.item() if isinstance(answer, Tensor) and answer.numel() == 1 else answer
        if not isinstance(value, numbers.Real | str):
            raise AnswerError(
                f"method {method.name}: diagnostic {name!r} is {value!r}, not a number or a word"
            )
        said[str(name)] = value if isinstance(value, str) else _finite(float(value))
    return json.dumps(said)


def _finite(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _checked(samples: Any, shape: tuple[int, int]) -> Tensor:
    """Return the samples as float32 on the CPU, if they have that shape and are finite.

    Raises:
        AnswerError: if they are no real numbers.
        ValueError: if they have another shape or are not finite.
    """
    samples = as_floats(samples, None, "the posterior")
    if samples.shape != shape:
        raise ValueError(f"the posterior gave samples of shape {tuple(samples.shape)}, not {shape}")
    bad = int((~samples.isfinite().all(dim=1)).sum())
    if bad:
        raise ValueError(f"posterior samples: {bad} of {len(samples)} rows are not finite")
    return samples
