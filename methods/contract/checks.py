"""Checks of the simulations that the suite's own methods are fitted on."""

from __future__ import annotations

from torch import Tensor

__all__ = ["check_simulations"]


def check_simulations(theta: Tensor, x: Tensor, *, least: int, who: str) -> None:
    """Raise ValueError with the reason if nothing can be learned from the simulations.

    Arguments:
        theta: Parameters, ``(K, dim_theta)``.
        x: Data, ``(K, dim_x)``.
        least: Smallest number of simulations that is accepted.
        who: Name of what needs the simulations, for the message, such as ``a kernel posterior``.
    """
    if len(theta) < least:
        raise ValueError(f"{len(theta)} simulations: {who} needs at least {least}")
    for name, values in (("theta", theta), ("x", x)):
        bad = int((~values.isfinite().all(dim=1)).sum())
        if bad:
            raise ValueError(f"{name}: {bad} of {len(values)} rows are not finite; remove these simulations")
    constant = (theta == theta[0]).all(dim=0)
    if bool(constant.any()):
        raise ValueError(f"theta: column {int(constant.nonzero()[0])} is constant, so it cannot be scaled")
    # A single constant column of x (often sir's first count) carries no information and does no harm.
    if bool((x == x[0]).all()):
        raise ValueError("x: all columns are constant, so there is nothing to condition on")
