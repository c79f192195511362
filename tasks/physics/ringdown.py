"""A black hole's ringdown in white noise."""

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
LOW, HIGH = (1.0, 0.1, 2.0, -math.pi), (10.0, 0.4, 12.0, math.pi)  # bounds of A, f in kHz, tau in ms, phi


@register_task("ringdown")
class Ringdown(SignalTask):
    """Infer amplitude, frequency, decay time and phase of a damped sinusoid in white noise.

    Theta = (A in units of the noise, f in kHz, tau in ms, phi in radians) gives the strain

        s(t) = A exp(-t / tau) cos(2 pi f t + phi),

    which is the form of a black hole's ringdown after a merger: a single quasi-normal mode (Berti, Cardoso,
    Starinets, Classical and Quantum Gravity 26, 2009). The data are s at 64 times, every 0.5 ms from 0 to
    31.5 ms, plus white noise N(0, 1), since the data are in units of the detector's noise. The prior is
    uniform: A in [1, 10], which covers barely detectable and loud signals, f in [0.1, 0.4] kHz, tau in
    [2, 12] ms and phi in [-pi, pi].

    The phase lies on a circle, which the prior cuts at plus and minus pi, so a posterior near the cut has two
    separate pieces. The reference consists of independent draws by a refined grid. The setting is this
    package's own and matches no published one.
    """

    dim_theta, dim_x = 4, NUM_TIMES
    parameter_names = ("A", "f [kHz]", "tau [ms]", "phi")
    noise_sd = 1.0
    reference_by = "grid"
    card = stored_card(
        "ringdown",
        text="Infer amplitude, frequency, decay time and phase of a damped sinusoid in white noise.",
        noise="N(0, 1) at each of 64 times; amplitudes are in units of the noise",
        citation="this package's own; the signal is that of a single quasi-normal mode, "
        "Berti, Cardoso, Starinets, Classical and Quantum Gravity 26 (2009)",
    )

    def prior(self) -> Distribution:
        """The uniform prior: A in [1, 10], f in [0.1, 0.4] kHz, tau in [2, 12] ms, phi in [-pi, pi]."""
        return Independent(Uniform(torch.tensor(LOW), torch.tensor(HIGH)), 1)

    def signal(self, theta: Tensor) -> Tensor:
        """Strain without noise at the 64 times, in units of the noise, ``(N, 64)``, float64."""
        amplitude, frequency, decay, phase = theta.detach().cpu().double()[..., None].unbind(-2)
        times = SPACING * torch.arange(NUM_TIMES, dtype=torch.float64)
        angle = 2.0 * math.pi * frequency * times + phase
        return amplitude * torch.exp(-times / decay) * torch.cos(angle)
