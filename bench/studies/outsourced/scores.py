"""Scores of a sampler of digits: distance from the reference, reward, diversity, right classes, and time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.clock.timing import timed
from bench.metrics import c2st_many
from tasks.contract.seeding import derive_seed
from tasks.digits.generator_prior import GeneratorPrior
from tasks.digits.label_task import LabelTask

__all__ = ["Measured", "diversity", "measured", "share_right", "shuffled"]


class Measured(NamedTuple):
    """A row of the table, and the samples ``(S, dim_theta)`` it describes, by observation."""

    row: dict[str, Any]
    samples: dict[int, Tensor]


def diversity(images: Tensor) -> float:
    """Return the mean Euclidean distance between images i and i + N/2 (cyclic) of images ``(N, 64)``."""
    return float((images - images.roll(len(images) // 2, dims=0)).norm(dim=1).mean())


def share_right(task: GeneratorPrior, theta: Tensor, x_o: Tensor) -> float:
    """Return the fraction of generated digits that the classifier assigns to the observed class.

    It is NaN for a task whose observations are not classes.
    """
    if not isinstance(task, LabelTask):
        return float("nan")
    return float((task.classify(task.images(theta)).argmax(1) == x_o.argmax()).double().mean())


def shuffled(name: str, k: int, reference: Tensor) -> Tensor:
    """Return a task's reference draws ``(R, dim_theta)`` of observation k, shuffled with a fixed seed."""
    generator = torch.Generator().manual_seed(derive_seed("outsourced reference order", name, k))
    return reference[torch.randperm(len(reference), generator=generator)]


def measured(task: GeneratorPrior, draw: Callable[[int], Tensor], num_samples: int) -> Measured:
    """Draw and score samples of the posterior at every observation.

    Arguments:
        task: Task with a reference posterior.
        draw: Function that returns at least one sample of observation k, ``(S, dim_theta)``. From these,
            ``num_samples`` evenly spaced ones are used; if S is smaller, some are used more than once.
        num_samples: Number of samples to score, at most half of the number of reference draws.

    Returns:
        Means over observations of ``c2st``, ``log_reward`` (the log likelihood), ``diversity``
        (:func:`diversity`) and ``right`` (:func:`share_right`); the largest C2ST, ``c2st_worst``; and
        ``seconds_per_1000``, the median seconds of a call of ``draw`` per thousand of ``num_samples``.
    """
    samples, pairs, rows = {}, [], []
    for k in range(1, task.num_observations + 1):
        x_o = task.observation(k)
        drawn, seconds = timed(partial(draw, k), "cpu")
        chosen = torch.linspace(0, len(drawn) - 1, num_samples).round().long()
        theta = samples[k] = drawn[chosen].detach().float()
        reference = task.reference_samples(k)
        assert reference is not None  # noqa: S101  (these tasks have a reference posterior)
        pairs.append((shuffled(task.name, k, reference)[:num_samples], theta))
        rows.append(
            {
                "log_reward": float(task.log_likelihood(theta, x_o).mean()),
                "diversity": diversity(task.images(theta)),
                "right": share_right(task, theta, x_o),
                "seconds": seconds,
            }
        )
    distances = [found.mean for found in c2st_many(pairs)]
    row = {name: float(np.mean([r[name] for r in rows])) for name in ("log_reward", "diversity", "right")}
    speed = 1000.0 * float(np.median([r["seconds"] for r in rows])) / num_samples
    accuracy = {"c2st": float(np.mean(distances)), "c2st_worst": max(distances)}
    return Measured(accuracy | row | {"seconds_per_1000": speed}, samples)
