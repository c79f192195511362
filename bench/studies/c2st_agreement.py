"""Comparison of the batched C2ST with scikit-learn's, and of the time of both and of the random forest's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from torch import Tensor

from bench.clock.timing import timed
from bench.metrics import c2st_many, c2st_rf_many, c2st_sklearn
from tasks import Task
from tasks.contract.seeding import derive_seed

__all__ = ["agreement", "speed"]


def study_pairs(tasks: Sequence[Task], size: int) -> Iterator[tuple[str, str, Tensor, Tensor]]:
    """Yield three pairs per task, from indistinguishable to far apart.

    Arguments:
        tasks: Tasks; those without a reference posterior are skipped.
        size: Number of samples N on each side.

    Yields:
        ``(task, kind, reference, samples)`` with reference and samples ``(N, D)``.
    """
    for task in tasks:
        first, second = task.reference_samples(1), task.reference_samples(2)
        if first is None or second is None:
            continue
        generator = torch.Generator().manual_seed(derive_seed("c2st study", task.name))
        order = torch.randperm(len(first), generator=generator)
        reference, other = first[order[:size]], first[order[-size:]]
        noise = torch.randn(other.shape, generator=generator)
        yield task.name, "same", reference, other
        yield task.name, "blurred", reference, other + 0.3 * first.std(0) * noise
        yield task.name, "other observation", reference, second[order[:size]]


def agreement(tasks: Sequence[Task], size: int = 1000, num_seeds: int = 3, jobs: int = 1) -> pd.DataFrame:
    """Compare the batched C2ST with scikit-learn's, both averaged over the same seeds.

    Arguments:
        tasks: Tasks with reference posteriors; each gives three pairs.
        size: Number of samples on each side. It must be at most 5000, so that the samples of the pair
            ``same`` are disjoint.
        num_seeds: Number of seeds of folds and classifiers.
        jobs: Number of processes for scikit-learn.

    Returns:
        A row for each pair: ``task``, ``pair``, ``batched``, ``sklearn``, the standard deviations
        ``batched_seed_std`` and ``sklearn_seed_std`` over seeds, and ``difference`` (batched - sklearn).
    """
    chosen = list(study_pairs(tasks, size))
    seeds = range(1, num_seeds + 1)
    work = (delayed(_sklearn)(ref, samples, seed) for *_, ref, samples in chosen for seed in seeds)
    sklearn = np.reshape(Parallel(n_jobs=jobs)(work), (len(chosen), num_seeds))
    batched = c2st_many([(ref, samples) for *_, ref, samples in chosen], num_seeds=num_seeds)
    ours = np.array([result.accuracies.mean(axis=1) for result in batched])
    return pd.DataFrame(
        {
            "task": [name for name, *_ in chosen],
            "pair": [kind for _, kind, *_ in chosen],
            "batched": ours.mean(axis=1),
            "sklearn": sklearn.mean(axis=1),
            "batched_seed_std": ours.std(axis=1, ddof=1),
            "sklearn_seed_std": sklearn.std(axis=1, ddof=1),
            "difference": (ours - sklearn).mean(axis=1),
        }
    )


def speed(
    tasks: Sequence[Task],
    observations: Sequence[int],
    sklearn_observations: Sequence[int],
    size: int,
    device: str = "cpu",
) -> pd.DataFrame:
    """Measure seconds per observation of the batched C2ST, scikit-learn's and the random forest's, in turn.

    The samples are drawn from a Gaussian with the reference's mean and covariance. They are close to the
    reference if the posterior is nearly Gaussian (bernoulli_glm) and far from it if not (two_moons, slcp).

    Arguments:
        tasks: Tasks with reference posteriors.
        observations: Numbers of the observations that the batched C2ST and the forest score together.
        sklearn_observations: Numbers of the observations that scikit-learn scores one after the other; they
            may be fewer.
        size: Number of samples on each side.
        device: Device of the batched C2ST; the others run on the CPU.

    Returns:
        A row for each task: ``batched_s``, ``sklearn_s`` and ``forest_s`` in seconds per observation,
        ``times_faster`` (``sklearn_s`` / ``batched_s``), ``forest_to_batched`` (``forest_s`` /
        ``batched_s``), the means over ``observations`` of the batched C2ST (``mean_c2st``) and the forest's
        (``mean_c2st_rf``), and ``mean_difference`` (batched - scikit-learn).
    """
    rows = []
    for task in tasks:
        pairs = {k: _gaussian_pair(task, k, size) for k in sorted({*observations, *sklearn_observations})}
        ours_at, theirs_at = ([pairs[k] for k in which] for which in (observations, sklearn_observations))
        results, seconds = timed(partial(c2st_many, ours_at, device=device), device)
        batched = seconds / len(observations)
        forests, seconds = timed(partial(c2st_rf_many, ours_at), "cpu")
        forest = seconds / len(observations)
        yardstick, seconds = timed(partial(_sklearn_all, theirs_at), "cpu")
        sklearn = seconds / len(sklearn_observations)
        ours = {k: result.mean for k, result in zip(observations, results, strict=True)}
        difference = [ours[k] - s for k, s in zip(sklearn_observations, yardstick, strict=True) if k in ours]
        rows.append(
            {
                "task": task.name,
                "samples": size,
                "device": device,
                "threads": torch.get_num_threads(),
                "batched_s": batched,
                "sklearn_s": sklearn,
                "forest_s": forest,
                "times_faster": sklearn / batched,
                "forest_to_batched": forest / batched,
                "mean_c2st": float(np.mean(list(ours.values()))),
                "mean_c2st_rf": float(np.mean([result.mean for result in forests])),
                "mean_difference": float(np.mean(difference)) if difference else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def _gaussian_pair(task: Task, num_observation: int, size: int) -> tuple[Tensor, Tensor]:
    reference = task.reference_samples(num_observation)
    if reference is None:
        raise ValueError(f"task {task.name} has no reference posterior")
    gaussian = torch.distributions.MultivariateNormal(
        reference.mean(0), torch.atleast_2d(torch.cov(reference.T))
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("c2st speed", task.name, num_observation))
        return reference[:size], gaussian.sample((size,))


def _sklearn_all(pairs: list[tuple[Tensor, Tensor]]) -> list[float]:
    return [c2st_sklearn(*pair) for pair in pairs]


def _sklearn(reference: Tensor, samples: Tensor, seed: int) -> float:
    return c2st_sklearn(reference, samples, seed=seed)
