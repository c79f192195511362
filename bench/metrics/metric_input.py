"""Input that no metric takes silently."""

from __future__ import annotations

from torch import Tensor

__all__ = ["MetricError", "check_classes", "check_pair"]


class MetricError(ValueError):
    """Samples that a metric cannot score, with the reason."""


def check_pair(reference: Tensor, samples: Tensor, *, at_least: int = 2) -> None:
    """Raise MetricError unless both are finite ``(N, D)`` and ``(M, D)`` with at least so many rows each."""
    for what, values in (("reference", reference), ("samples", samples)):
        if values.dim() != 2:
            raise MetricError(f"{what} must be two-dimensional (N, D), got shape {tuple(values.shape)}")
        if len(values) < at_least:
            raise MetricError(f"{what}: {len(values)} rows, at least {at_least} are needed")
        bad = int((~values.isfinite().all(dim=1)).sum())
        if bad:
            raise MetricError(f"{what}: {bad} of {len(values)} rows are not finite")
    if reference.shape[1] != samples.shape[1]:
        raise MetricError(f"reference has {reference.shape[1]} columns, samples have {samples.shape[1]}")
    if bool((reference == reference[0]).all(dim=0).any()):
        raise MetricError("a column of the reference is constant: it has no scale")


def check_classes(reference: Tensor, samples: Tensor, num_folds: int) -> None:
    """Raise MetricError unless a classifier can tell the two apart over so many folds, and 0.5 is chance.

    Of unequal numbers the larger class alone would be worth more than 0.5, so that equal draws would seem
    different. Which rows to leave out is the caller's choice: nothing is dropped here.
    """
    check_pair(reference, samples, at_least=num_folds)
    sizes = {"reference": len(reference), "samples": len(samples)}
    if len(reference) != len(samples):
        larger, smaller = sorted(sizes, key=sizes.__getitem__, reverse=True)
        chance = sizes[larger] / sum(sizes.values())
        raise MetricError(
            f"reference has {len(reference)} rows, samples have {len(samples)}: a C2ST needs equal numbers, "
            f"or equal draws would score {chance:.2f}; use {sizes[smaller]} rows of {larger}"
        )
