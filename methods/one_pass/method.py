"""``one_pass``: posterior samples in one forward pass, from a learned denoiser as the teacher.

1. A conditional denoiser is trained on the simulations; its probability-flow ODE is a deterministic map from
   noise to posterior samples, as the kernel posterior's is for ``exact_score_net``, without a kernel in x.
2. Noise labelled by that map trains the student.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution

from methods.contract.registry import register_method
from methods.denoiser import DenoiserMethod
from methods.student import OnePassPosterior, StudentMethod

__all__ = ["OnePass"]


@register_method("one_pass")
class OnePass(DenoiserMethod, StudentMethod):
    """Denoiser labels, one-pass student.

    Arguments:
        passes: Stages of the teacher's ODE, each with a student of its own.
    """

    libraries: ClassVar[tuple[str, ...]] = (*DenoiserMethod.libraries, *StudentMethod.libraries)
    passes: int = Field(default=1, ge=1, le=4)

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> OnePassPosterior:
        """Train the teacher, make labels, train the student."""
        teacher = self.fit_teacher(prior, theta, x, device, seed)
        base = teacher.base
        c = base.encode_x(x.to(device))
        students = self.distil(teacher.flow.stages(self.passes), c, theta.shape[1], seed)
        return OnePassPosterior(students, theta.shape[1], base.encode_x, base.theta, c.device, base.networks)
