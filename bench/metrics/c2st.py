"""Classifier two-sample test: sbibm's protocol, with all classifiers trained together.

The accuracy of a multilayer perceptron in telling samples from reference, over five folds: two ReLU layers
of 10 D units, Adam, and the other settings of scikit-learn's ``MLPClassifier``, on data scaled by the
reference's mean and standard deviation. Unlike sbibm, which starts all folds from the same weights, each fold
and seed has initial weights of its own, so that their spread is an honest standard error.

References: Friedman, On multivariate goodness-of-fit and two-sample testing, 2003; Lopez-Paz and Oquab,
Revisiting classifier two-sample tests, ICLR 2017; settings of sbibm (arXiv 2101.04653).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from bench.metrics.metric import Draws, Metric, Score
from bench.metrics.metric_input import check_classes
from bench.metrics.mlp_ensemble import Problem, train_and_score
from bench.metrics.registry import register_metric

__all__ = ["C2ST", "C2STMetric", "EarlyStoppedC2ST", "SamplePair", "c2st", "c2st_many"]

SamplePair = tuple[Tensor, Tensor]  # reference and samples, each ``(N, D)``
HELD_BACK = 0.1  # of the training rows
CPU_SLOTS, CUDA_SLOTS = 80, 4000  # models trained side by side, times dimension
CROWD = 25  # the same for a thread to be worth it: below, Python's lock costs more than a second one gains


@dataclass(frozen=True)
class C2ST:
    """Accuracies ``(num_seeds, num_folds)`` of the classifiers of one pair."""

    accuracies: np.ndarray

    @property
    def mean(self) -> float:
        """The C2ST: 0.5 where the two cannot be told apart, 1 where they always can."""
        return float(self.accuracies.mean())

    @property
    def se(self) -> float:
        """Standard error of the mean over folds and seeds, taken as independent (folds share data)."""
        return float(self.accuracies.std(ddof=1) / self.accuracies.size**0.5)


def c2st(
    reference: Tensor,
    samples: Tensor,
    *,
    seed: int = 1,
    num_folds: int = 5,
    num_seeds: int = 1,
    early_stopping: bool = False,
) -> float:
    """Mean accuracy of the classifiers on held-out folds.

    Arguments:
        reference: ``(N, D)``; sets the scale.
        samples: ``(N, D)``, as many rows as the reference: of unequal numbers the larger class alone would be
            worth more than 0.5.
        seed: First seed of folds and initial weights.
        num_folds: sbibm's are 5.
        num_seeds: Seeds to average over, from ``seed`` upwards.
        early_stopping: Hold a tenth of the training rows back, stop when their loss has stalled and score the
            weights where it was lowest. sbibm's protocol has no such thing and overfits in many dimensions:
            two 10-D Gaussians that an ideal classifier tells apart 69 % of the time get 0.60 from 10 000
            samples each. A variant, with a column of its own.

    Raises:
        MetricError: for values that are not finite, unequal dimensions or numbers, or too few rows.

    Example:
        >>> x = torch.randn(100, 1, generator=torch.Generator().manual_seed(0))
        >>> c2st(x, x + 10.0)
        1.0
    """
    [result] = c2st_many(
        [(reference, samples)],
        seed=seed,
        num_folds=num_folds,
        num_seeds=num_seeds,
        early_stopping=early_stopping,
    )
    return result.mean


def c2st_many(
    pairs: Sequence[SamplePair],
    *,
    seed: int = 1,
    num_folds: int = 5,
    num_seeds: int = 1,
    early_stopping: bool = False,
    device: str = "cpu",
) -> list[C2ST]:
    """The test for many pairs ``(reference, samples)`` at once: pairs × seeds × folds classifiers together.

    A pair's result is the same whatever pairs it is tested with. The other arguments are those of
    :func:`c2st`; on the CPU all threads that torch may use take part.
    """
    for reference, samples in pairs:
        check_classes(reference, samples, num_folds)
    seeds = range(seed, seed + num_seeds)
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, (reference, samples) in enumerate(pairs):
        groups[(reference.shape[1], len(reference) + len(samples))].append(number)
    results: dict[int, C2ST] = {}
    for (dim, _), members in groups.items():
        problems = [
            p for n in members for p in _problems(*pairs[n], seeds, num_folds, early_stopping, device)
        ]
        slots = max(4, (CPU_SLOTS if device == "cpu" else CUDA_SLOTS) // dim)
        threads = torch.get_num_threads() if device == "cpu" else 1
        workers = max(1, min(threads, len(problems) * dim // CROWD))
        scores = np.array(train_and_score(problems, 10 * dim, slots, workers))
        blocks = scores.reshape(len(members), num_seeds, num_folds)
        results |= {n: C2ST(block) for n, block in zip(members, blocks, strict=True)}
    return [results[number] for number in range(len(pairs))]


def _problems(
    reference: Tensor,
    samples: Tensor,
    seeds: Sequence[int],
    num_folds: int,
    early_stopping: bool,
    device: str,
) -> list[Problem]:
    """The classifiers of one pair, seeds first, folds within them."""
    from sklearn.model_selection import KFold

    mean, std = reference.mean(0), reference.std(0)
    data = ((torch.cat([reference, samples]) - mean) / std).float().to(device)
    target = torch.cat([torch.zeros(len(reference)), torch.ones(len(samples))]).to(device)
    parts = []
    for seed in seeds:
        folds = KFold(n_splits=num_folds, shuffle=True, random_state=seed).split(data.cpu())
        for fold, (train, test) in enumerate(folds):
            parts.append((seed * num_folds + fold, train, test))
    # Where the rows do not divide by the folds, some train on one row more than others: not here.
    smallest = min(len(train) for _, train, _ in parts)
    num_held = max(1, round(HELD_BACK * smallest)) if early_stopping else 0
    problems = []
    for number, train, test in parts:
        order = np.random.default_rng(number).permutation(train[:smallest]) if early_stopping else train
        rows = (order[num_held:smallest], test, order[:num_held])
        learn, score, held_back = (torch.from_numpy(part).to(device) for part in rows)
        problems.append(Problem(data, target, learn, score, number, held_back))
    return problems


@register_metric("c2st")
class C2STMetric(Metric):
    """Accuracy of a classifier that tells samples from the reference; 0.5 is perfect, 1 is worst."""

    more_numbers: ClassVar[tuple[str, ...]] = ("c2st_se",)  # standard error over folds
    needs = ("reference",)
    optional = False
    parallel = True
    source = "Lopez-Paz and Oquab, ICLR 2017; settings of sbibm (Lueckmann et al., AISTATS 2021)"

    def test(self, pairs: list[SamplePair], device: str) -> list[C2ST]:
        """The classifier's test of many pairs at once."""
        return c2st_many(pairs, device=device)

    def score(self, draws: Draws) -> Score:
        """Mean and standard error of one observation."""
        [result] = self.test([draws.pair], draws.device)
        return self._columns(result)

    def score_all(self, draws: Mapping[int, Draws]) -> dict[int, Score | Exception]:
        """All observations at once; if that fails, each alone, to find the one at fault."""
        if not draws:
            return {}
        try:
            results = self.test([one.pair for one in draws.values()], next(iter(draws.values())).device)
        except Exception:
            return super().score_all(draws)
        return {k: self._columns(result) for k, result in zip(draws, results, strict=True)}

    def _columns(self, result: C2ST) -> Score:
        values = {self.name: result.mean, f"{self.name}_se": result.se}
        return {column: value for column, value in values.items() if column in self.columns()}


@register_metric("c2st_es")
class EarlyStoppedC2ST(C2STMetric):
    """The C2ST with early stopping, which does not overfit in many dimensions; 0.5 is perfect."""

    more_numbers = ()

    def test(self, pairs: list[SamplePair], device: str) -> list[C2ST]:
        """See :func:`c2st_many` with ``early_stopping``."""
        return c2st_many(pairs, device=device, early_stopping=True)
