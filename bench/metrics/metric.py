"""The metric contract: a card of what a metric is, and how it scores posterior samples."""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor

from bench.metrics.calibration_pairs import CalibrationPairs
from bench.metrics.metric_input import MetricError
from tasks import Task

__all__ = ["NUM_PREDICTIVE", "BaseMetric", "CalibrationMetric", "Draws", "Kind", "Metric", "Need", "Score"]

NUM_PREDICTIVE = 1000  # simulations for an observation: a median needs no more, and a simulator may be slow

Kind = Literal["number", "curve"]  # of a column
Need = Literal["reference", "likelihood", "calibration"]
# A value for the metric's own column, or values by column; None where the task lacks what the metric needs.
Score = float | None | Mapping[str, Any]


@dataclass(frozen=True)
class Draws:
    """Posterior samples of one observation, and what they are scored against.

    Attributes:
        task: The task, with its prior, simulator and whatever exact results it offers.
        num_observation: Number of the observation.
        samples: Posterior samples, ``(N, dim_theta)``, finite, on the CPU.
        reference: Reference samples, ``(N, dim_theta)``; None if the task has none. Metrics that need a
            reference get equal numbers of both.
        seed: Seed for the metric's own randomness, another one for each metric and observation.
        device: Device on which a metric may train networks, ``"cpu"`` or ``"cuda"``.
        num_predictive: Largest number of simulations that a metric may make; smaller for a slow simulator.
    """

    task: Task
    num_observation: int
    samples: Tensor
    reference: Tensor | None = None
    seed: int = 0
    device: str = "cpu"
    num_predictive: int = NUM_PREDICTIVE

    @property
    def x_o(self) -> Tensor:
        """The observation, ``(1, dim_x)``."""
        return self.task.observation(self.num_observation)

    @property
    def pair(self) -> tuple[Tensor, Tensor]:
        """Reference and samples, for metrics that need a reference."""
        if self.reference is None:
            raise MetricError(f"task {self.task.name} has no reference posterior")
        return self.reference, self.samples


class BaseMetric(ABC):  # noqa: B024  (its children differ in what they score)
    """The card of a metric. The first line of its docstring is what ``scorebench list metrics`` prints.

    Attributes:
        name: Registered name, which is also the name of its column.
        more_numbers: Further columns of numbers that :meth:`score` fills.
        curves: Columns of lists of numbers that it fills.
        digits: Digits behind the decimal point in tables; None for two significant digits.
        better: Direction in which samples become better.
        needs: What has to be there for the metric to have a value: ``reference`` samples, the task's
            ``likelihood``, or ``calibration`` pairs.
        optional: Whether tables leave the column out if no row has a value.
        parallel: Whether the value is the same on any number of threads; such a metric gets all of them.
        source: Publications that define it.
    """

    name: ClassVar[str] = ""
    more_numbers: ClassVar[tuple[str, ...]] = ()
    curves: ClassVar[tuple[str, ...]] = ()
    digits: ClassVar[int | None] = 3
    better: ClassVar[Literal["lower", "higher"]] = "lower"
    needs: ClassVar[tuple[Need, ...]] = ()
    optional: ClassVar[bool] = True
    parallel: ClassVar[bool] = False
    source: ClassVar[str] = ""

    @classmethod
    def columns(cls) -> dict[str, Kind]:
        """All columns that the metric fills, with their kind; its own comes first."""
        numbers = dict.fromkeys((cls.name, *cls.more_numbers), "number")
        return numbers | dict.fromkeys(cls.curves, "curve")  # type: ignore[return-value]

    @classmethod
    def summary(cls) -> str:
        """The metric in one sentence."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    @classmethod
    def row(cls, score: Score) -> dict[str, Any]:
        """Columns of a row from what :meth:`score` returned.

        Raises:
            MetricError: for something that is no number, or a column that the metric does not declare.
        """
        values = score if isinstance(score, Mapping) else {cls.name: score}
        unknown = sorted(set(values) - set(cls.columns()))
        if unknown:
            raise MetricError(f"{cls.name} returned column {unknown[0]!r}, which it does not declare")
        return {column: _value(cls.name, column, value) for column, value in values.items()}


class Metric(BaseMetric):
    """A metric of the posterior samples of one observation.

    Example:
        >>> import torch
        >>> class MeanError(Metric):
        ...     '''Largest distance of a posterior mean from the reference's.'''
        ...     needs = ("reference",)
        ...     def score(self, draws):
        ...         reference, samples = draws.pair
        ...         return (samples.mean(0) - reference.mean(0)).abs().max()
        >>> MeanError.summary()
        "Largest distance of a posterior mean from the reference's."
    """

    @abstractmethod
    def score(self, draws: Draws) -> Score:
        """The value of one observation.

        Raises:
            MetricError: for samples that cannot be scored; the row keeps the reason.
        """

    def score_all(self, draws: Mapping[int, Draws]) -> dict[int, Score | Exception]:
        """Value of each observation, or why it has none; a metric that scores all at once overrides this."""
        found: dict[int, Score | Exception] = {}
        for k, one in draws.items():
            try:
                found[k] = self.score(one)
            except Exception as error:
                found[k] = error
        return found


class CalibrationMetric(BaseMetric):
    """A metric of an amortized posterior on fresh pairs (theta, x): one value for all rows of a cell."""

    needs = ("calibration",)

    @abstractmethod
    def score(self, pairs: CalibrationPairs) -> Score:
        """The value over all pairs."""


def _value(metric: str, column: str, value: object) -> object:
    if isinstance(value, Tensor) and value.numel() == 1:
        return float(value)
    if value is None or isinstance(value, list):
        return value
    if isinstance(value, numbers.Real):
        return float(value)
    raise MetricError(f"{metric} returned {type(value).__name__} for column {column}, not a number")
