"""The deterministic map from noise to whitened residuals, by a denoiser's probability-flow ODE."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from methods.diffusion import SolverName, Trigonometric, solve
from methods.diffusion.solvers import Denoiser as Denoise
from methods.diffusion.solvers import adams_bashforth_2
from methods.learning.denoiser_network import DenoiserNetwork, log_noise_at
from methods.learning.precision import fast_products

__all__ = ["DenoiserFlow"]

BATCH = 8192  # Rows of z that are integrated at once.
CACHED = 2048  # The same on a CPU. Activations that fit in its cache save a fifth of the time.


@dataclass(frozen=True)
class DenoiserFlow:
    """The map (z, c) -> w of a trained denoiser.

    Arguments:
        network: The denoiser.
        solver: Name of the ODE solver.
        steps: Number of solver steps.
    """

    network: DenoiserNetwork
    solver: SolverName = "ab2"
    steps: int = 24

    @torch.no_grad()
    def __call__(self, z: Tensor, c: Tensor) -> Tensor:
        """Map noise z ``(N, dim_theta)`` to residuals of the same shape, given c ``(1 or N, dim_c)``."""
        every = torch.arange(len(z), device=z.device).split(_rows(z))
        with fast_products(z.device):
            return torch.cat([self._carry(z[rows], c if len(c) == 1 else c[rows]) for rows in every])

    @torch.no_grad()
    def for_each(self, z: Tensor, c: Tensor) -> Tensor:
        """Map noise z ``(n, B, dim_theta)`` to residuals of the same shape, given c ``(B, dim_c)``."""
        observations = _rows(z)
        draws = max(1, observations // len(c))
        with fast_products(z.device):
            columns = [
                torch.cat([self._carry(part, some_c) for part in some_z.split(draws)])
                for some_z, some_c in zip(z.split(observations, dim=1), c.split(observations), strict=True)
            ]
        return torch.cat(columns, dim=1)

    @torch.no_grad()
    def back(self, z: Tensor, c: Tensor, angles: Tensor) -> Tensor:
        """Map z ``(n, B, dim_theta)`` at the first angle to residuals at the last, given c ``(B, dim_c)``.

        Between two angles there is one step of the Adams-Bashforth method.
        """
        with fast_products(z.device):
            return adams_bashforth_2(self._denoiser(c), z, Trigonometric(), angles)

    def _carry(self, z: Tensor, c: Tensor) -> Tensor:
        return solve(self._denoiser(c), z, self.solver, self.steps, Trigonometric())

    def _denoiser(self, c: Tensor) -> Denoise:
        def denoise(z: Tensor, alpha: float, beta: float) -> Tensor:
            velocity = self.network(z, z.new_full((1, 1), log_noise_at(math.atan2(beta, alpha))), c)
            return alpha * z - beta * velocity

        return denoise


def _rows(z: Tensor) -> int:
    return CACHED if z.device.type == "cpu" else BATCH
