"""``one_pass``: posterior samples in one forward pass, from a learned denoiser as the teacher.

1. A conditional denoiser is trained on the simulations; its probability-flow ODE is a deterministic map from
   noise to posterior samples, as the kernel posterior's is for ``exact_score_net``, without a kernel in x.
2. Noise labelled by that map trains the student.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution

from methods.denoiser import DenoiserMethod
from methods.registry import register_method
from methods.student import (
    OnePassPosterior,
    between_neighbours,
    fit_student,
    generate_labels,
    student_network,
)

__all__ = ["OnePass"]


@register_method("one_pass")
class OnePass(DenoiserMethod):
    """Denoiser labels, one-pass student.

    Arguments:
        passes: Stages of the teacher's ODE, each with a student of its own.
        num_labels: Labels made by the teacher, one noise draw each.
        student_width: Units of a hidden layer of the student.
        student_depth: Its hidden layers.
        student_branches: Maps that its output is one of.
        student_steps: Optimiser steps of the student.
        student_batch_size: Labels a step.
        student_learning_rate: Peak rate under a cosine decay, see :func:`methods.training.train`.
    """

    passes: int = Field(default=1, ge=1, le=4)
    num_labels: int = Field(default=200_000, ge=1)
    student_width: int = Field(default=96, ge=1)
    student_depth: int = Field(default=4, ge=1)
    student_branches: int = Field(default=6, ge=1)
    student_steps: int = Field(default=5000, ge=1)
    student_batch_size: int = Field(default=512, ge=1)
    student_learning_rate: float = Field(default=6e-3, gt=0)

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> OnePassPosterior:
        """Train the teacher, make labels, train the student."""
        teacher = self.fit_teacher(prior, theta, x, device, seed)
        base = teacher.base
        conditions = between_neighbours(base.encode_x(x.to(device)), self.num_labels, seed)
        stages = generate_labels(
            teacher.flow.stages(self.passes), conditions, dim_theta=theta.shape[1], seed=seed
        )
        students = [
            fit_student(
                labels,
                student_network(self.student_width, self.student_depth, self.student_branches),
                standardize=False,
                steps=self.student_steps,
                batch_size=self.student_batch_size,
                learning_rate=self.student_learning_rate,
                seed=seed,
            )
            for labels in stages
        ]
        return OnePassPosterior(students, theta.shape[1], base.encode_x, base.theta, conditions.device)
