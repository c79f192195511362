"""The divergence of a vector field, exact or by Hutchinson's estimator."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["divergence"]


def divergence(
    field: Callable[[Tensor], Tensor], z: Tensor, probes: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return a field at z, ``(N, dim)``, and its divergence there, ``(N,)``, both without gradients.

    The divergence is the trace of the Jacobian J. Without probes it is exact and costs one backward pass per
    column of z. With probes v of independent random signs it is estimated by the mean of v' J v, which is
    unbiased and costs one backward pass per probe (Hutchinson 1989; for flows, Grathwohl et al. 2019).

    Arguments:
        field: Function from ``(N, dim)`` to ``(N, dim)`` that maps each row independently.
        z: Points at which to evaluate the field, ``(N, dim)``.
        probes: Probes of entries +1 and -1, ``(P, N, dim)``, or None for the exact divergence.

    Example:
        >>> divergence(lambda z: z * torch.tensor([1.0, 2.0]), torch.zeros(1, 2))[1]
        tensor([3.])
    """
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        value = field(z)
        trace = torch.zeros_like(z[:, 0])
        if probes is None:
            for column in range(z.shape[1]):
                (slope,) = torch.autograd.grad(value[:, column].sum(), z, retain_graph=True)
                trace = trace + slope[:, column]
        else:
            for probe in probes:
                (slope,) = torch.autograd.grad(value, z, probe, retain_graph=True)
                trace = trace + (slope * probe).sum(1) / len(probes)
    return value.detach(), trace
