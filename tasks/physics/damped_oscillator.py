"""Frequency, damping and amplitude of a damped oscillator from 25 noisy times, with aliases.

x(t) = A e^(-g t) cos(2 pi f t), observed every .4 s from .4 s to 10 s with normal noise of .3. At evenly
spaced times f and 1 / .4 - f = 2.5 - f Hz give the same data, so that every posterior is its own mirror image
about the Nyquist frequency, 1.25 Hz: two modes, which weak or fast decaying signals spread over the prior.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Uniform

from tasks.contract.registry import register_task
from tasks.tools.signal_task import SignalTask
from tasks.tools.stored_task import stored_card

__all__ = ["DampedOscillator"]

SPACING, NUM_TIMES = 0.4, 25  # seconds
LOW, HIGH = (0.2, 0.05, 0.5), (2.3, 1.0, 2.0)  # of f in Hz, g in 1/s, A


@register_task("damped_oscillator")
class DampedOscillator(SignalTask):
    """Theta = (frequency in Hz, damping in 1/s, amplitude)."""

    dim_theta, dim_x = 3, NUM_TIMES
    noise_sd = 0.3
    reference_by = "grid"
    card = stored_card(
        "damped_oscillator",
        text="Frequency, damping and amplitude of an oscillator from 25 noisy times; two modes by aliasing.",
        noise="N(0, 0.3²) at each time, in the unit of the amplitude",
        citation="this package's own; closed-form solution",
    )

    def prior(self) -> Distribution:
        """Uniform: f in [0.2, 2.3] Hz, g in [0.05, 1] per second, A in [0.5, 2]."""
        return Independent(Uniform(torch.tensor(LOW), torch.tensor(HIGH)), 1)

    def signal(self, theta: Tensor) -> Tensor:
        """Displacements at the 25 times, ``(N, 25)``, float64."""
        frequency, damping, amplitude = theta.detach().cpu().double()[..., None].unbind(-2)
        times = SPACING * torch.arange(1, NUM_TIMES + 1, dtype=torch.float64)
        return amplitude * torch.exp(-damping * times) * torch.cos(2.0 * math.pi * frequency * times)
