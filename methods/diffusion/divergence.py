"""The divergence of a vector field, exact or by Hutchinson's estimator."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["divergence"]


def divergence(
    field: Callable[[Tensor], Tensor], z: Tensor, probes: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The field at z, ``(N, dim)``, and the trace of its Jacobian there, ``(N,)``; both without gradients.

    Without probes the trace is exact, by as many backward passes as z has columns. With probes v of
    independent signs it is the mean of v' J v, which is right on average, by one backward pass each
    (Hutchinson 1989; for flows Grathwohl et al. 2019).

    Arguments:
        field: Maps ``(N, dim)`` to the same, each row by itself.
        z: Where, ``(N, dim)``.
        probes: ``(P, N, dim)``, or None.

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
