"""KL(exact || generated) along a line: exact density on a grid against a Gaussian KDE of the samples.

    KL = ∫ p log(p / q),    q(t) = (1/N) sum_i N(t; s_i, h²),

integrated by the trapezoid rule on the grid. The kernel estimate converges to p convolved with the kernel, so
even exact samples do not score zero; compare a score with that of exact draws. Scott's rule takes the spread
of all samples as the width of a mode, so it smooths separate modes away. The rule ``isj`` derives the
bandwidth from the roughness of the samples. References: arXiv 2506.18227 (the metric); Scott, Multivariate
Density Estimation, 1992; Botev, Grotowski, Kroese, Kernel density estimation via diffusion, Annals of
Statistics 38, 2010 (``isj``).
"""

from __future__ import annotations

import math
from typing import Literal, Protocol

import numpy as np
import torch
from scipy.fft import dct
from scipy.optimize import brentq
from torch import Tensor

from bench.metrics.metric_input import MetricError

__all__ = ["Bandwidth", "Projectable", "isj_bandwidth", "kde_kl", "marginal_kde_kl", "projection_kl"]

Bandwidth = Literal["scott", "isj"] | float
GRID_POINTS = 1000
GRID_QUANTILE = 1e-6
HISTOGRAM = 2**13  # number of bins for isj
STAGES = 7  # stages of isj's plug-in estimate, as in the reference
ROWS = 32  # grid points whose distances to all samples are in memory at once: few, to fit a CPU's cache


class Projectable(Protocol):
    """A mixture density whose projections on lines are known; ``loc`` holds the means of its components."""

    loc: Tensor

    def project(self, direction: Tensor) -> Projectable:
        """Return the distribution of the inner product with a unit vector ``(D,)``."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density ``(N,)`` at values ``(N, D)``."""

    def quantiles(self, levels: Tensor) -> Tensor:
        """Return the quantiles ``(Q, D)`` of the marginals at levels ``(Q,)``."""


def kde_kl(density_on_grid: Tensor, grid: Tensor, samples: Tensor, bandwidth: Bandwidth = "scott") -> float:
    """Return KL(exact || samples) on a line, with a kernel density estimate of the samples, in nats.

    Arguments:
        density_on_grid: Exact density, ``(G,)``; it is scaled to integrate to one over the grid.
        grid: Increasing grid points, ``(G,)``; the density beyond them is ignored.
        samples: Samples, ``(N,)``.
        bandwidth: Rule ``scott`` (std · N^(-1/5)) or ``isj``, or the kernel's standard deviation as a number.

    Raises:
        MetricError: if shapes do not match, values are not finite, the grid does not increase, the density is
            somewhere negative or zero everywhere, or all samples are equal.

    Example:
        >>> grid = torch.linspace(-6.0, 6.0, 1000, dtype=torch.float64)
        >>> exact = torch.distributions.Normal(0.0, 1.0)
        >>> x = torch.randn(10_000, generator=torch.Generator().manual_seed(0))
        >>> 0.0 < kde_kl(exact.log_prob(grid).exp(), grid, x) < 0.01
        True
    """
    p, t, s = (values.detach().cpu().double() for values in (density_on_grid, grid, samples))
    _check(p, t, s)
    h = _bandwidth(s, bandwidth)
    p = p / torch.trapezoid(p, t)
    # The estimate is computed in logarithms. Far from all samples it underflows, which would give KL = ∞.
    inside = p > 0
    log_kernels = [
        torch.logsumexp((part[:, None] - s).square() / (-2.0 * h**2), dim=1) for part in t[inside].split(ROWS)
    ]
    log_q = torch.cat(log_kernels) - math.log(len(s) * h * math.sqrt(2.0 * math.pi))
    integrand = torch.zeros_like(p)
    integrand[inside] = p[inside] * (p[inside].log() - log_q)
    return float(torch.trapezoid(integrand, t))


def projection_kl(exact: Projectable, samples: Tensor, bandwidth: Bandwidth = "scott") -> float:
    """Return the KL along the line through the means of two components, in nats.

    Arguments:
        exact: Exact density with two components, whose means are ``exact.loc``, ``(2, D)``.
        samples: Samples, ``(N, D)``.
        bandwidth: Rule or value of the bandwidth, as in :func:`kde_kl`.

    Raises:
        MetricError: as :func:`kde_kl`, and if there are not two components with different means.
    """
    if exact.loc.dim() != 2 or len(exact.loc) != 2 or bool((exact.loc[0] == exact.loc[1]).all()):
        raise MetricError("projection_kl: needs two components with different means")
    return _along(exact, exact.loc[0] - exact.loc[1], samples, bandwidth)


def marginal_kde_kl(exact: Projectable, samples: Tensor, bandwidth: Bandwidth = "scott") -> float:
    """Return the mean over the D coordinates of :func:`kde_kl`, for samples ``(N, D)``, in nats."""
    axes = torch.eye(exact.loc.shape[-1])
    return float(np.mean([_along(exact, axis, samples, bandwidth) for axis in axes]))


def isj_bandwidth(samples: Tensor) -> float:
    """Return the improved Sheather-Jones bandwidth of samples ``(N,)``, in their units.

    It assumes no reference distribution. The cosine transform of a histogram gives the norms of the smoothed
    density's derivatives, and the bandwidth solves the fixed-point equation 35 of Botev et al.

    Raises:
        MetricError: if the equation has no root, because samples are too few.
    """
    values = samples.detach().cpu().double().numpy()
    margin = 0.1 * np.ptp(values)
    low, high = values.min() - margin, values.max() + margin
    share = np.histogram(values, bins=HISTOGRAM, range=(low, high))[0] / len(values)
    power = (dct(share)[1:] / 2.0) ** 2
    k2 = np.arange(1.0, HISTOGRAM) ** 2

    def norm_of_derivative(order: int, time: float) -> float:
        decay = np.exp(order * np.log(k2) - k2 * math.pi**2 * time)
        return float(2.0 * math.pi ** (2 * order) * (power * decay).sum())

    def gap(time: float) -> float:
        norm = norm_of_derivative(STAGES, time)
        for order in range(STAGES - 1, 1, -1):
            odd = math.prod(range(1, 2 * order, 2)) / math.sqrt(2.0 * math.pi)
            factor = (1.0 + 0.5 ** (order + 0.5)) / 3.0
            norm = norm_of_derivative(
                order, (2.0 * factor * odd / (len(values) * norm)) ** (2 / (3 + 2 * order))
            )
        return time - (2.0 * len(values) * math.sqrt(math.pi) * norm) ** (-0.4)

    try:
        time = brentq(gap, 1e-10, 0.1)
    except (ValueError, ZeroDivisionError) as error:
        raise MetricError(f"isj bandwidth of {len(values)} samples: the fixed point has no root") from error
    return math.sqrt(time) * float(high - low)


def _along(exact: Projectable, direction: Tensor, samples: Tensor, bandwidth: Bandwidth) -> float:
    if samples.dim() != 2 or samples.shape[1] != exact.loc.shape[-1]:
        raise MetricError(
            f"samples {tuple(samples.shape)} are not points in {exact.loc.shape[-1]} dimensions"
        )
    line = direction.detach().cpu().double()
    line = line / line.norm()
    projected = exact.project(line)
    ends = projected.quantiles(torch.tensor([GRID_QUANTILE, 1.0 - GRID_QUANTILE], dtype=torch.float64))
    grid = torch.linspace(float(ends[0, 0]), float(ends[1, 0]), GRID_POINTS, dtype=torch.float64)
    density = projected.log_prob(grid[:, None]).exp()
    return kde_kl(density, grid, samples.detach().cpu().double() @ line, bandwidth)


def _bandwidth(samples: Tensor, rule: Bandwidth) -> float:
    if rule == "scott":
        return float(samples.std()) * len(samples) ** (-0.2)
    if rule == "isj":
        return isj_bandwidth(samples)
    if isinstance(rule, str) or not 0.0 < rule < math.inf:
        raise MetricError(f"bandwidth {rule!r}: scott, isj or a positive number")
    return float(rule)


def _check(density: Tensor, grid: Tensor, samples: Tensor) -> None:
    if density.dim() != 1 or density.shape != grid.shape or len(grid) < 2 or samples.dim() != 1:
        raise MetricError(
            f"kde_kl: density {tuple(density.shape)}, grid {tuple(grid.shape)} and "
            f"samples {tuple(samples.shape)} must be one-dimensional, the first two alike"
        )
    if not bool((grid.diff() > 0).all()):
        raise MetricError("kde_kl: the grid must increase")
    if not all(bool(values.isfinite().all()) for values in (density, grid, samples)):
        raise MetricError("kde_kl: density, grid and samples must be finite")
    if bool((density < 0).any()) or not float(density.sum()) > 0.0:
        raise MetricError("kde_kl: the density must be non-negative and somewhere positive")
    if len(samples) < 2 or float(samples.std()) == 0.0:
        raise MetricError(f"kde_kl: {len(samples)} samples without spread have no bandwidth")
