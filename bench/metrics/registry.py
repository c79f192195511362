"""Names of metrics, and the columns that they fill."""

from __future__ import annotations

from collections.abc import Callable

from bench.metrics.metric import BaseMetric, Kind
from registries import Registry, RegistryError

__all__ = ["UnknownMetricError", "columns", "metric_class", "metrics", "metrics_so_far", "register_metric"]


class UnknownMetricError(RegistryError):
    """No metric is registered under the name that was asked for."""


_registry: Registry[BaseMetric] = Registry("metric", BaseMetric, UnknownMetricError)

metric_class = _registry.find


def register_metric(name: str) -> Callable[[type[BaseMetric]], type[BaseMetric]]:
    """Class decorator that adds a metric, whose own column has its name.

    Raises:
        ValueError: for a malformed name, or a column that another metric fills.
    """

    def add(cls: type[BaseMetric]) -> type[BaseMetric]:
        for other, known in metrics_so_far().items():
            taken = sorted({name, *cls.more_numbers, *cls.curves} & set(known.columns()))
            if other != name and taken:
                raise ValueError(f"metric {name!r}: column {taken[0]!r} belongs to metric {other!r}")
        return _registry.register(name)(cls)

    return add


def metrics() -> dict[str, type[BaseMetric]]:
    """All metrics by name, in the order of their columns in tables."""
    return _registry.classes()


def metrics_so_far() -> dict[str, type[BaseMetric]]:
    """The metrics registered so far, without a look at installed packages."""
    return _registry.own()


def columns(known: dict[str, type[BaseMetric]] | None = None) -> dict[str, Kind]:
    """Columns of metrics with their kind: first one for each metric, then the further ones.

    Arguments:
        known: Metrics by name; all registered ones by default.
    """
    known = metrics() if known is None else known
    every = {column: kind for cls in known.values() for column, kind in cls.columns().items()}
    return {
        column: every[column] for column in [*known, *(column for column in every if column not in known)]
    }
