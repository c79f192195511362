"""What every method of the suite asks of the simulations that it fits."""

from __future__ import annotations

from torch import Tensor

__all__ = ["check_simulations"]


def check_simulations(theta: Tensor, x: Tensor, *, least: int, who: str) -> None:
    """Raise ValueError, naming what is wrong, for simulations that nothing can be learned from.

    Arguments:
        theta: Parameters, ``(K, dim_theta)``.
        x: Data, ``(K, dim_x)``.
        least: Fewest simulations.
        who: Who needs them, such as ``a kernel posterior``.
    """
    if len(theta) < least:
        raise ValueError(f"{len(theta)} simulations: {who} needs at least {least}")
    for name, values in (("theta", theta), ("x", x)):
        bad = int((~values.isfinite().all(dim=1)).sum())
        if bad:
            raise ValueError(f"{name}: {bad} of {len(values)} rows are not finite; leave them out")
    constant = (theta == theta[0]).all(dim=0)
    if bool(constant.any()):
        raise ValueError(f"theta: column {int(constant.nonzero()[0])} is constant: it has no scale")
    # A single constant column of x (sir's first count often is one) says nothing and does no harm.
    if bool((x == x[0]).all()):
        raise ValueError("x: all columns are constant: there is nothing to condition on")
