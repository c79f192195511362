"""Checks of the input of metrics."""

from __future__ import annotations

from torch import Tensor

__all__ = ["MetricError", "check_classes", "check_pair"]


class MetricError(ValueError):
    """A metric cannot score the samples; the message gives the reason."""


def check_pair(reference: Tensor, samples: Tensor, *, at_least: int = 2) -> None:
    """Raise an error unless a metric can compare the samples with the reference.

    Arguments:
        reference: Reference draws, ``(N, D)``, finite and without constant columns.
        samples: Samples, ``(M, D)``, finite.
        at_least: Smallest number of rows of each.

    Raises:
        MetricError: if a condition above is not met.
    """
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
    """Raise an error unless a C2ST over ``num_folds`` folds is possible and 0.5 is chance.

    With unequal numbers of rows, choosing the larger class would be right more than half of the time, so even
    draws from one distribution would seem different. No rows are dropped here; the caller decides which to
    leave out.

    Arguments:
        reference: Reference draws, ``(N, D)``.
        samples: Samples, ``(N, D)``.
        num_folds: Number of folds, which is also the smallest number of rows of each.

    Raises:
        MetricError: as :func:`check_pair`, and if the numbers of rows differ.
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
