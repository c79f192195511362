"""The probability-flow ODE of an inflationary diffusion, from data to latent coordinates and back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from methods.contract.seeding import derive_seed
from methods.diffusion import divergence
from methods.inflationary.schedule import InflationSchedule

__all__ = ["BATCH", "CleanMean", "FlowSolver", "InflationaryFlow"]

BATCH = 8192  # Rows integrated at once.
MAX_EXACT = 10  # Largest dimension for which the divergence is exact.
PROBES = 10  # Number of probes of Hutchinson's estimator in larger dimensions.
TOLERANCE = 1e-6  # Relative and absolute tolerance of the adaptive solver.

FlowSolver = Literal["euler", "heun", "dopri5"]
# Names in torchdiffeq. The last solver chooses its own steps.
METHODS: dict[str, str] = {"euler": "euler", "heun": "heun2", "dopri5": "dopri5"}


class CleanMean(Protocol):
    """A function that returns the mean of whitened data given noisy data y, a time t and a condition c."""

    def __call__(self, y: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Return means ``(N, dim)`` for y ``(N, dim)``, t ``(1, 1)`` and c ``(1 or N, dim_c)``."""


@dataclass(frozen=True)
class InflationaryFlow:
    """The flow between data at t = 0 and latent coordinates at the end of the schedule.

    With noise variances gamma(t), their growth rates r and the denoiser D(y, t, c), the ODE is

        dv/dt = r (v / (1 + gamma) - D / (1 + gamma)^(1/2)) / 2.

    Here v = y / (1 + gamma)^(1/2) is the noisy data y in units of its own standard deviations. So latents of
    Gaussian data are standard normal, and Gaussian data do not move.

    Not as published: the published flow is of z = s y and differs by a known factor,
    :meth:`InflationSchedule.spread`. In its form, errors in a direction that shrinks by a factor of 1000 grow
    by the same factor when the flow is inverted.

    Arguments:
        denoise: Denoiser D, such as an :class:`InflationNetwork`.
        schedule: Schedule of the noise and scale.
        solver: Name of the ODE solver: Euler's or Heun's method with uniform steps, or the adaptive method of
            Dormand and Prince.
        steps: Number of steps of Euler's or Heun's method.
    """

    denoise: CleanMean
    schedule: InflationSchedule
    solver: FlowSolver = "heun"
    steps: int = 40

    @property
    def networks(self) -> list[nn.Module]:
        """The networks that the flow runs: the denoiser, if it is a network."""
        return [self.denoise] if isinstance(self.denoise, nn.Module) else []

    def inflate(self, w: Tensor, c: Tensor, until: float | None = None) -> Tensor:
        """Map whitened data w ``(N, dim)`` to latent coordinates ``(N, dim)``.

        Arguments:
            w: Whitened data, ``(N, dim)``.
            c: Conditions, ``(1 or N, dim_c)``.
            until: Time at which to stop; by default the end of the schedule.
        """
        end = self.schedule.end if until is None else until
        (v,) = self._carry((w / self._growth(0.0, w),), c, 0.0, end)
        return v

    def generate(self, latent: Tensor, c: Tensor, since: float | None = None) -> Tensor:
        """Map latent coordinates ``(N, dim)`` to whitened data ``(N, dim)``.

        Arguments:
            latent: Latent coordinates, ``(N, dim)``.
            c: Conditions, ``(1 or N, dim_c)``.
            since: Time to which the latent coordinates belong; by default the end of the schedule.
        """
        end = self.schedule.end if since is None else since
        (v,) = self._carry((latent,), c, end, 0.0)
        return v * self._growth(0.0, v)

    def log_prob(self, w: Tensor, c: Tensor, seed: int = 0) -> Tensor:
        """Return the log density ``(N,)``, in nats, of whitened data w ``(N, dim)`` given c.

        It follows from the change of volume along the flow. The divergence is exact up to ten dimensions.
        Above, it is Hutchinson's estimate, whose probes are drawn once for the whole integration.

        Arguments:
            w: Whitened data, ``(N, dim)``.
            c: Conditions, ``(1 or N, dim_c)``.
            seed: Seed for the probes.
        """
        growth = self._growth(0.0, w)
        generator = torch.Generator(device=w.device).manual_seed(derive_seed("divergence probes", seed))
        start = (w / growth, torch.zeros_like(w[:, 0]))
        v, grown = self._carry(start, c, 0.0, self.schedule.end, generator)
        normal = -0.5 * v.square().sum(1) - 0.5 * w.shape[1] * math.log(2.0 * math.pi)
        return normal + grown - growth.log().sum()

    def _growth(self, t: float, like: Tensor) -> Tensor:
        """Return the standard deviations of the noisy data, ``(1, dim)``."""
        return (1.0 + self.schedule.noise(like.new_full((1, 1), t))).sqrt()

    def _slope(self, v: Tensor, t: Tensor, c: Tensor) -> Tensor:
        t = t.reshape(1, 1).to(v)
        variance = 1.0 + self.schedule.noise(t)
        clean = self.denoise(v * variance.sqrt(), t, c)
        return 0.5 * self.schedule.rates.to(v) * (v / variance - clean / variance.sqrt())

    def _carry(
        self,
        state: tuple[Tensor, ...],
        c: Tensor,
        start: float,
        end: float,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, ...]:
        """Integrate a state in batches of rows and return it at the end.

        The first tensor is v. A second tensor, if given, collects the integral of the divergence.
        """
        num = len(state[0])
        parts = []
        for rows in torch.arange(num, device=state[0].device).split(BATCH):
            condition = c if len(c) == 1 else c[rows]
            batch = tuple(part[rows] for part in state)
            slopes = self._slopes(batch, condition, generator)
            parts.append(self._integrate(slopes, batch, start, end))
        return tuple(torch.cat(part) for part in zip(*parts, strict=True))

    def _slopes(
        self, state: tuple[Tensor, ...], c: Tensor, generator: torch.Generator | None
    ) -> Callable[[Tensor, Any], Any]:
        if len(state) == 1:
            return lambda t, state: (self._slope(state[0], t, c),)
        probes = None
        if state[0].shape[1] > MAX_EXACT:
            size = (PROBES, *state[0].shape)
            signs = torch.randint(0, 2, size, generator=generator, device=state[0].device)
            probes = 2.0 * signs.to(state[0]) - 1.0
        return lambda t, state: divergence(lambda z: self._slope(z, t, c), state[0], probes)

    @torch.no_grad()
    def _integrate(
        self, slopes: Callable[[Tensor, Any], Any], state: tuple[Tensor, ...], start: float, end: float
    ) -> tuple[Tensor, ...]:
        from torchdiffeq import odeint

        steps = 1 if self.solver == "dopri5" else self.steps
        times = torch.linspace(start, end, steps + 1, dtype=torch.float64).to(state[0].device)
        method = METHODS[self.solver]
        path = odeint(slopes, state, times.to(state[0]), method=method, rtol=TOLERANCE, atol=TOLERANCE)
        return tuple(part[-1] for part in path)
