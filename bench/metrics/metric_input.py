"""Checks of the input of metrics."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["MetricError", "check_classes", "check_pair", "in_range", "standardised"]

FARTHEST = 1e6  # Distance from the reference's mean beyond which values are clipped, in its deviations.


class MetricError(ValueError):
    """A metric cannot score the samples; the message gives the reason."""


def in_range(*sets: Tensor, each_column: bool) -> list[Tensor]:
    """Return values ``(N, D)`` in units in which no square is too large or too small for float32.

    They are multiplied by a power of two, which changes no digit of a value. So a result that does not depend
    on the unit is the same to the last digit. The first set determines the unit.

    Arguments:
        sets: Values, ``(N, D)`` each, finite.
        each_column: Whether each column has its own unit; otherwise all columns share one.

    Example:
        >>> [x] = in_range(torch.tensor([[3e-30], [-1e-30]]), each_column=True)
        >>> bool(((x.abs() > 0.1) & (x.abs() < 1)).all())
        True
    """
    # The range of a column is its unit, not its size: a large constant would hide a small spread.
    spread = sets[0].double().amax(0) - sets[0].double().amin(0)
    if not each_column:
        spread = spread.max().expand_as(spread)
    exponent = torch.frexp(spread).exponent.where(spread > 0.0, 0)
    # A factor below 2^-126 or above 2^127 would itself be no float32, so half of it is applied twice.
    half = torch.div(exponent, 2, rounding_mode="floor")
    scaled = []
    for values in sets:
        part = torch.ldexp(torch.ldexp(values, -half), half - exponent)
        # A value that is too large for the unit is infinitely far from the reference.
        limit = torch.finfo(values.dtype).max
        scaled.append(part.nan_to_num(posinf=limit, neginf=-limit))
    return scaled


def standardised(reference: Tensor, samples: Tensor) -> Tensor:
    """Return the rows of both ``(2 N, D)``, standardised by the reference's mean and standard deviation.

    The arithmetic is that of float32 in sbibm and sbi, because a classifier depends on the last digits.
    Values more than a million standard deviations away are clipped, since a network's activations overflow.

    Arguments:
        reference: Reference draws, ``(N, D)``, without constant columns.
        samples: Samples, ``(N, D)``.
    """
    reference, samples = in_range(reference, samples, each_column=True)
    mean, std = reference.mean(0), reference.std(0)
    parts = [((part - mean) / std).clamp(-FARTHEST, FARTHEST) for part in (reference, samples)]
    return torch.cat(parts)


def check_pair(
    reference: Tensor | np.ndarray, samples: Tensor | np.ndarray, *, at_least: int = 2
) -> tuple[Tensor, Tensor]:
    """Return both as tensors of floating dtype, or raise an error if a metric cannot compare them.

    Arguments:
        reference: Reference draws, ``(N, D)``, finite and without constant columns.
        samples: Samples, ``(M, D)``, finite.
        at_least: Smallest number of rows of each.

    Raises:
        MetricError: if a condition above is not met.
    """
    reference, samples = _floating(reference), _floating(samples)
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
    common = torch.promote_types(reference.dtype, samples.dtype)
    return reference.to(common), samples.to(common)


def _floating(values: Tensor | np.ndarray) -> Tensor:
    tensor = torch.as_tensor(values)
    return tensor if tensor.is_floating_point() else tensor.float()


def check_classes(
    reference: Tensor | np.ndarray, samples: Tensor | np.ndarray, num_folds: int
) -> tuple[Tensor, Tensor]:
    """Return both as tensors, or raise an error if no C2ST over ``num_folds`` folds is possible.

    With unequal numbers of rows 0.5 would not be chance: choosing the larger class would be right more than
    half of the time, so even draws from one distribution would seem different. No rows are dropped here; the
    caller decides which to leave out.

    Arguments:
        reference: Reference draws, ``(N, D)``.
        samples: Samples, ``(N, D)``.
        num_folds: Number of folds, which is also the smallest number of rows of each.

    Raises:
        MetricError: as :func:`check_pair`, and if the numbers of rows differ.
    """
    reference, samples = check_pair(reference, samples, at_least=num_folds)
    sizes = {"reference": len(reference), "samples": len(samples)}
    if len(reference) != len(samples):
        larger, smaller = sorted(sizes, key=sizes.__getitem__, reverse=True)
        chance = sizes[larger] / sum(sizes.values())
        raise MetricError(
            f"reference has {len(reference)} rows, samples have {len(samples)}: a C2ST needs equal numbers, "
            f"or equal draws would score {chance:.2f}; use {sizes[smaller]} rows of {larger}"
        )
    return reference, samples
