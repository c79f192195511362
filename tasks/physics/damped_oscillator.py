"""A damped oscillator, observed at evenly spaced times; aliasing makes the posterior bimodal."""

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
LOW, HIGH = (0.2, 0.05, 0.5), (2.3, 1.0, 2.0)  # bounds of f in Hz, g in 1/s and A


@register_task("damped_oscillator")
class DampedOscillator(SignalTask):
    """Infer frequency, damping and amplitude of a damped oscillator from 25 noisy displacements.

    Theta = (f in Hz, g in 1/s, A) gives the displacement s(t) = A exp(-g t) cos(2 pi f t). The data are s at
    25 times, every 0.4 s from 0.4 s to 10 s, plus noise N(0, 0.3²). The prior is uniform: f in [0.2, 2.3] Hz,
    g in [0.05, 1] per second, A in [0.5, 2].

    At these evenly spaced times, the frequencies f and 1 / 0.4 - f = 2.5 - f Hz give the same data. Every
    posterior is therefore symmetric about the Nyquist frequency, 1.25 Hz, and has two modes; if the signal is
    weak or decays fast, they spread over the prior. The reference consists of independent draws by a refined
    grid. The setting is this package's own and matches no published one.
    """

    dim_theta, dim_x = 3, NUM_TIMES
    parameter_names = ("f [Hz]", "g [1/s]", "A")
    noise_sd = 0.3
    reference_by = "grid"
    card = stored_card(
        "damped_oscillator",
        text="Infer frequency, damping and amplitude of an oscillator at 25 times (two modes by aliasing).",
        noise="N(0, 0.3²) at each time, in the unit of the amplitude",
        citation="this package's own; closed-form solution",
    )

    def prior(self) -> Distribution:
        """The uniform prior: f in [0.2, 2.3] Hz, g in [0.05, 1] per second, A in [0.5, 2]."""
        return Independent(Uniform(torch.tensor(LOW), torch.tensor(HIGH)), 1)

    def signal(self, theta: Tensor) -> Tensor:
        """Displacements without noise at the 25 times, ``(N, 25)``, float64."""
        frequency, damping, amplitude = theta.detach().cpu().double()[..., None].unbind(-2)
        times = SPACING * torch.arange(1, NUM_TIMES + 1, dtype=torch.float64)
        return amplitude * torch.exp(-damping * times) * torch.cos(2.0 * math.pi * frequency * times)
