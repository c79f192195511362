"""The touch-up: samples are noised to a small angle of the diffusion and brought back by a few evaluations.

It sharpens what a student has blurred: at a small angle the teacher's map is close to the identity, and a few
steps of its ODE follow it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from methods.denoiser.fit import Base
from methods.denoiser.flow import DenoiserFlow
from methods.diffusion.trigonometric import Trigonometric

__all__ = ["brought_back", "noised", "touched_up"]

ANGLE = 0.1  # Angle of the noise. Larger ones need more than a few steps.
POWER = 1.5  # Angles are proportional to this power of the step number.
CALLED = 10_000  # Rows at once.


def noised(w: Tensor, angle: float) -> Tensor:
    """Return residuals w of any shape at an angle of the diffusion: cos(angle) w plus noise."""
    at, schedule = torch.tensor(angle, dtype=torch.float64), Trigonometric()
    return schedule.alpha(at) * w + schedule.beta(at) * torch.randn_like(w)


def brought_back(flow: DenoiserFlow, z: Tensor, c: Tensor, steps: int, angle: float) -> Tensor:
    """Return residuals for noised ones z ``(n, B, dim_theta)`` at an angle, given c ``(B, dim_c)``."""
    angles = angle * torch.linspace(1.0, 0.0, steps + 1, dtype=torch.float64) ** POWER
    return flow.back(z, c, angles)


@torch.no_grad()
def touched_up(base: Base, flow: DenoiserFlow, theta: Tensor, x: Tensor, steps: int) -> Tensor:
    """Return theta ``(n, B, dim_theta)`` after a touch-up by the denoiser, given data x ``(B, dim_x)``."""
    c = base.encode_x(x)
    parts = []
    for part in theta.split(max(1, CALLED // len(c))):
        w = base.whiten(part.flatten(0, 1), c.repeat(len(part), 1)).unflatten(0, part.shape[:2])
        parts.append(base.theta(brought_back(flow, noised(w, ANGLE).float(), c, steps, ANGLE), c))
    return torch.cat(parts)
