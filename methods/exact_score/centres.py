"""Samples of a kernel estimate inside the prior: draws outside are replaced."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from methods.contract.inside import InsidePrior
from methods.exact_score.kernel_posterior import KernelPosterior

__all__ = ["Centres"]


class Centres:
    """The simulated parameters, which lie inside the prior and take the place of the last draws outside.

    Arguments:
        theta: Parameters of the simulations, in their own units, ``(K, dim_theta)``.
        kernel: Kernel posterior of the same simulations, in units of its own.
        inside: Set where the prior has mass.

    Raises:
        ValueError: If none of the parameters is inside.
    """

    def __init__(self, theta: Tensor, kernel: KernelPosterior, inside: InsidePrior) -> None:
        self.inside, self._theta, self._kernel = inside, theta, kernel
        self._usable = inside.check_centres(theta)

    def kept(self, theta: Tensor, c: Tensor, draw: Callable[[int, Tensor], Tensor]) -> Tensor:
        """Return draws ``(n, B, dim_theta)`` given encoded x ``(B, dim_c)``, with those outside replaced.

        See :meth:`methods.contract.inside.InsidePrior.kept`.

        Arguments:
            theta: Draws, which are overwritten.
            c: Encoded x.
            draw: Function of a number m and encoded x ``(R, dim_c)`` that returns new draws
                ``(m, R, dim_theta)``.
        """

        def centres(m: int, row: int) -> Tensor:
            log_w = self._kernel.log_weights(c[row : row + 1]).double()
            # No weight is so small that it could not be chosen, if only such centres are usable.
            log_w = log_w.clamp_min(-1e30).where(self._usable, -torch.inf)
            return self._theta[torch.multinomial(log_w.softmax(0), m, replacement=True)]

        return self.inside.kept(theta, lambda m, rows: draw(m, c[rows]), centres)
