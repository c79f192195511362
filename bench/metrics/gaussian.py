"""Distances of an exact normal posterior from the normal with the samples' mean and covariance.

With m and S the exact mean and covariance, n and T those of the samples, in D dimensions,

    KL(exact || samples) = (tr(T^-1 S) + (n - m)' T^-1 (n - m) - D + log det T - log det S) / 2,
    W2² = |n - m|² + tr(S + T - 2 (S^1/2 T S^1/2)^1/2).

These distances do not depend on anything but the first two moments. N exact samples score a KL of about
D (D + 3) / 4N.
References: Kullback and Leibler, 1951; Gelbrich, On a formula for the L2 Wasserstein metric between measures
on Euclidean and Hilbert spaces, 1990.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from bench.metrics.metric import Draws, Metric, Score
from bench.metrics.metric_input import MetricError
from bench.metrics.registry import register_metric

__all__ = ["GaussianKL", "GaussianW2", "gaussian_kl", "gaussian_w2"]


def gaussian_kl(exact: MultivariateNormal, samples: Tensor) -> float:
    """Return KL(exact || samples) for the normal with the samples' moments, in nats.

    Arguments:
        exact: Exact posterior, of event shape ``(D,)``.
        samples: Samples, ``(N, D)`` with N > D.

    Raises:
        MetricError: if the samples have other dimensions or a singular covariance, or are not finite.

    Example:
        >>> exact = MultivariateNormal(torch.zeros(1), torch.eye(1))
        >>> x = torch.randn(100_000, 1, generator=torch.Generator().manual_seed(0))
        >>> round(gaussian_kl(exact, 1.0 + x), 1)
        0.5
    """
    mean, covariance = _moments(exact, samples)
    try:
        # Validation is requested here, because a program may have turned it off for all distributions.
        fitted = MultivariateNormal(mean, covariance, validate_args=True)
    except ValueError as error:
        raise MetricError(f"gaussian_kl: the covariance of {len(samples)} samples is singular") from error
    return float(kl_divergence(_double(exact), fitted))


def gaussian_w2(exact: MultivariateNormal, samples: Tensor) -> float:
    """Return the 2-Wasserstein distance of the same two normals, in the units of theta.

    Arguments:
        exact: Exact posterior, of event shape ``(D,)``.
        samples: Samples, ``(N, D)``.

    Raises:
        MetricError: if the samples have other dimensions, are fewer than two, or are not finite.

    Example:
        >>> exact = MultivariateNormal(torch.zeros(1), torch.eye(1))
        >>> x = torch.randn(100_000, 1, generator=torch.Generator().manual_seed(0))
        >>> round(gaussian_w2(exact, 2.0 * x), 1)
        1.0
    """
    mean, covariance = _moments(exact, samples)
    exact = _double(exact)
    root = _root(exact.covariance_matrix)
    cross = _root(root @ covariance @ root)
    squared = (mean - exact.mean).square().sum() + torch.trace(
        exact.covariance_matrix + covariance - 2 * cross
    )
    return float(squared.clamp_min(0.0).sqrt())


def _double(exact: MultivariateNormal) -> MultivariateNormal:
    return MultivariateNormal(exact.mean.double(), exact.covariance_matrix.double())


def _moments(exact: MultivariateNormal, samples: Tensor) -> tuple[Tensor, Tensor]:
    if samples.dim() != 2 or samples.shape[1:] != exact.event_shape or len(samples) < 2:
        raise MetricError(
            f"samples {tuple(samples.shape)} do not match a normal in {exact.event_shape[0]} dimensions"
        )
    if not bool(samples.isfinite().all()):
        raise MetricError("gaussian_kl and gaussian_w2 need finite samples")
    values = samples.double()
    return values.mean(0), torch.cov(values.T).reshape(values.shape[1], values.shape[1])


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0.0).sqrt()) @ vectors.T


@register_metric("gaussian_kl")
class GaussianKL(Metric):
    """KL divergence of the normal with the samples' moments from an exact normal posterior, in nats."""

    digits = 4
    source = "Kullback and Leibler, 1951"

    def score(self, draws: Draws) -> Score:
        """See :func:`gaussian_kl`; None for a task whose posterior is not normal."""
        exact = draws.task.gaussian_posterior(draws.num_observation)
        return None if exact is None else gaussian_kl(exact, draws.samples)


@register_metric("gaussian_w2")
class GaussianW2(Metric):
    """2-Wasserstein distance between the same two normals, in the units of theta."""

    digits = 4
    source = "Gelbrich, 1990"

    def score(self, draws: Draws) -> Score:
        """See :func:`gaussian_w2`; None for a task whose posterior is not normal."""
        exact = draws.task.gaussian_posterior(draws.num_observation)
        return None if exact is None else gaussian_w2(exact, draws.samples)
