"""Base class of the tasks that run sbibm's own simulators.

The priors of these tasks are rebuilt from sbibm's definitions as plain torch distributions, so that any
method can move them to a device or ask for their support. A likelihood is written out if sbibm has none, or
if sbibm's likelihood leaves out a factor that depends on theta or x.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Uniform

from tasks.sbibm.sbibm_task import SbibmTask

__all__ = ["SimulatedBySbibm", "box"]


class SimulatedBySbibm(SbibmTask):
    """Adapter for an sbibm simulator, which draws from torch's global generator through pyro."""

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Data ``(N, dim_x)``, float32, from sbibm's own simulator under ``torch.manual_seed(seed)``."""
        simulator = self._sbibm_task.get_simulator()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return simulator(theta.detach().cpu().float()).float()

    @cached_property
    def _sbibm_task(self) -> Any:
        import sbibm

        return sbibm.get_task(self.name)


def box(bound: float, dim: int) -> Distribution:
    """The uniform distribution on [-bound, bound]^dim."""
    return Independent(Uniform(-bound * torch.ones(dim), bound * torch.ones(dim)), 1)
