"""Labelled data for the one-pass student: noise and conditions in, the teacher's samples out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["FlowFunction", "Labels", "generate_labels"]

FlowFunction = Callable[[Tensor, Tensor], Tensor]


class Labels(NamedTuple):
    """Noise z ``(M, dim_theta)``, conditions x ``(M, dim_x)`` and the teacher's theta ``(M, dim_theta)``."""

    z: Tensor
    x: Tensor
    theta: Tensor


def generate_labels(
    teacher: FlowFunction, x: Tensor, *, num_labels: int, dim_theta: int, jitter: float, seed: int
) -> Labels:
    """Run a deterministic teacher on fresh noise, one draw for each condition.

    Conditions go through the stored x in turn, so that each is used equally often, moved by Gaussian
    noise of standard deviation ``jitter``: with few simulations the student must not learn the stored
    points alone.

    Arguments:
        teacher: Map ``(z, x) -> theta`` with rows that go together.
        x: Stored conditions, ``(K, dim_x)``.
        num_labels: Labels to make, M.
        dim_theta: Width of the noise.
        jitter: Standard deviation of the noise on conditions, in the units of x.
        seed: Seed of noise and jitter.
    """
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(num_labels, dim_theta, generator=generator).to(x)
    noise = torch.randn(num_labels, x.shape[1], generator=generator).to(x)
    rows = torch.arange(num_labels, device=x.device) % len(x)
    conditions = x[rows] + jitter * noise
    with torch.no_grad():
        return Labels(z, conditions, teacher(z, conditions))
