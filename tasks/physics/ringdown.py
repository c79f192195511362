"""Amplitude, frequency, decay time and phase of a ringdown in noise.

x(t) = A e^(-t / tau) cos(2 pi f t + phi), the form of a black hole's ringdown after a merger, at 64 times
from 0 to 31.5 ms every .5 ms, with white noise of unit variance (data are in units of the detector's noise).
Amplitudes from 1 to 10 take it from barely seen to loud; the phase is on a circle, which the prior cuts open
at plus and minus pi, so that a posterior there is in two pieces.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Uniform

from tasks.contract.registry import register_task
from tasks.tools.signal_task import SignalTask
from tasks.tools.stored_task import stored_card

__all__ = ["Ringdown"]

SPACING, NUM_TIMES = 0.5, 64  # milliseconds
LOW, HIGH = (1.0, 0.1, 2.0, -math.pi), (10.0, 0.4, 12.0, math.pi)  # of A, f in kHz, tau in ms, phi in radians


@register_task("ringdown")
class Ringdown(SignalTask):
    """Theta = (amplitude in noise units, frequency in kHz, decay time in ms, phase in radians)."""

    dim_theta, dim_x = 4, NUM_TIMES
    noise_sd = 1.0
    reference_by = "grid"
    card = stored_card(
        "ringdown",
        text="Amplitude, frequency, decay time and phase of a damped sinusoid in white noise at 64 times.",
        noise="N(0, 1) at each time; amplitudes are in its unit",
        citation="this package's own; the signal is that of a single quasi-normal mode, "
        "Berti, Cardoso, Starinets, Classical and Quantum Gravity 26 (2009)",
    )

    def prior(self) -> Distribution:
        """Uniform: A in [1, 10], f in [0.1, 0.4] kHz, tau in [2, 12] ms, phi in [-pi, pi]."""
        return Independent(Uniform(torch.tensor(LOW), torch.tensor(HIGH)), 1)

    def signal(self, theta: Tensor) -> Tensor:
        """Strain at the 64 times in units of the noise, ``(N, 64)``, float64."""
        amplitude, frequency, decay, phase = theta.detach().cpu().double()[..., None].unbind(-2)
        times = SPACING * torch.arange(NUM_TIMES, dtype=torch.float64)
        angle = 2.0 * math.pi * frequency * times + phase
        return amplitude * torch.exp(-times / decay) * torch.cos(angle)
