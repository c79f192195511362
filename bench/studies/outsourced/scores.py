"""What is said of a sampler of digits: distance from the reference, reward, diversity, classes, time."""

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
    """A row of the table, and the samples that it is about, by observation."""

    row: dict[str, Any]
    samples: dict[int, Tensor]


def diversity(images: Tensor) -> float:
    """Mean Euclidean distance between two of the images ``(N, 64)``: each and the one half of them later."""
    return float((images - images.roll(len(images) // 2, dims=0)).norm(dim=1).mean())


def share_right(task: GeneratorPrior, theta: Tensor, x_o: Tensor) -> float:
    """Share of generated digits that the classifier takes for the class seen; NaN where no class is."""
    if not isinstance(task, LabelTask):
        return float("nan")
    return float((task.classify(task.images(theta)).argmax(1) == x_o.argmax()).double().mean())


def shuffled(name: str, k: int, reference: Tensor) -> Tensor:
    """A task's reference draws of observation k, ``(R, dim_theta)``, always in the same new order."""
    generator = torch.Generator().manual_seed(derive_seed("outsourced reference order", name, k))
    return reference[torch.randperm(len(reference), generator=generator)]


def measured(task: GeneratorPrior, draw: Callable[[int], Tensor], num_samples: int) -> Measured:
    """Draw and score the posterior of every observation.

    Arguments:
        task: With a reference posterior.
        draw: Samples of observation k, at least one, ``(S, dim_theta)``; as many as are wanted are taken of
            them, evenly spaced, and some twice where there are fewer.
        num_samples: Wanted, at most half of the reference draws.

    Returns:
        Means over observations of ``c2st``, ``log_reward`` (the log likelihood), ``diversity``
        (:func:`diversity`) and ``right`` (:func:`share_right`); ``c2st_worst``; and
        ``seconds_per_1000``, the median seconds of a call of ``draw``, for a thousand of the samples wanted.
    """
    samples, pairs, rows = {}, [], []
    for k in range(1, task.num_observations + 1):
        x_o = task.observation(k)
        drawn, seconds = timed(partial(draw, k), "cpu")
        chosen = torch.linspace(0, len(drawn) - 1, num_samples).round().long()
        theta = samples[k] = drawn[chosen].detach().float()
        reference = task.reference_samples(k)
        assert reference is not None  # noqa: S101  (of a certified task)
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
