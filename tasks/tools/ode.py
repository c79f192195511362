"""A solver for batches of initial-value problems, by torchdiffeq."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

__all__ = ["solve"]


def solve(
    rhs: Callable[[Tensor, Tensor], Tensor], start: Tensor, times: Tensor, steps_per_interval: int
) -> Tensor:
    """Integrate N independent systems at once by a Runge-Kutta method of fourth order with a fixed step.

    With a fixed step, the trajectory of a row does not depend on the other rows of its batch (an adaptive
    step would be chosen for the batch as a whole). The same theta therefore gives the same data in any batch.
    All arithmetic is in float64.

    Arguments:
        rhs: Right side ``f(t, y) -> dy/dt``, with y and dy/dt ``(N, D)``.
        start: State at ``times[0]``, ``(N, D)``, float64.
        times: Increasing, equally spaced output times, ``(T,)``, float64.
        steps_per_interval: Number of Runge-Kutta steps between two output times.

    Returns:
        States, ``(N, T, D)``; rows that overflow contain inf or NaN.

    Example:
        >>> import torch
        >>> decay = solve(lambda t, y: -y, torch.ones(1, 1).double(), torch.tensor([0.0, 1.0]).double(), 20)
        >>> bool((decay[0, -1, 0] - torch.exp(torch.tensor(-1.0))).abs() < 1e-6)
        True
    """
    from torchdiffeq import odeint

    step = float(times[1] - times[0]) / steps_per_interval
    # torchdiffeq's "rk4" is the 3/8 rule, which has fourth order like the classical method.
    states = odeint(rhs, start, times, method="rk4", options={"step_size": step})
    return states.transpose(0, 1)
