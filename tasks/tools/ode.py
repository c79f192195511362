"""Batched initial-value problems for the ODE tasks, through torchdiffeq."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

__all__ = ["solve"]


def solve(
    rhs: Callable[[Tensor, Tensor], Tensor], start: Tensor, times: Tensor, steps_per_interval: int
) -> Tensor:
    """Integrate N independent systems at once with a fixed step of the classical Runge-Kutta method.

    A fixed step keeps every row's trajectory independent of the other rows of its batch (an adaptive
    step would be chosen for the batch as a whole), so the same theta gives the same data whatever it is
    simulated with. The arithmetic is float64.

    Arguments:
        rhs: ``f(t, y) -> dy/dt`` on ``(N, D)``.
        start: State at ``times[0]``, ``(N, D)``, float64.
        times: Increasing output times, ``(T,)``, float64, equally spaced.
        steps_per_interval: Runge-Kutta steps between two output times.

    Returns:
        States, ``(N, T, D)``; a row that overflowed holds inf or NaN.

    Example:
        >>> import torch
        >>> decay = solve(lambda t, y: -y, torch.ones(1, 1).double(), torch.tensor([0.0, 1.0]).double(), 20)
        >>> bool((decay[0, -1, 0] - torch.exp(torch.tensor(-1.0))).abs() < 1e-6)
        True
    """
    from torchdiffeq import odeint

    step = float(times[1] - times[0]) / steps_per_interval
    # torchdiffeq's plain "rk4" is the 3/8 rule: fourth order as well.
    states = odeint(rhs, start, times, method="rk4", options={"step_size": step})
    return states.transpose(0, 1)
