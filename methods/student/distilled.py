"""Parameters and steps of every method that distils a learned flow into students of one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from methods.contract.base import Method
from methods.contract.seeding import derive_seed
from methods.student.student import Student, fit_student
from methods.student.student_networks import student_network
from methods.student.teacher_labels import FlowFunction, between_neighbours, generate_labels

__all__ = ["StudentMethod"]


class StudentMethod(Method):
    """Labels between near neighbours among the simulations' x, and a student of them for each stage.

    Arguments:
        num_labels: Labels made by the teacher, one noise draw each.
        student_width: Units of a hidden layer of the student.
        student_depth: Its hidden layers.
        student_branches: Maps that its output is one of.
        student_steps: Optimiser steps of the student.
        student_batch_size: Labels a step.
        student_learning_rate: Peak rate under a cosine decay, see :func:`methods.learning.training.train`.
    """

    libraries: ClassVar[tuple[str, ...]] = ("sklearn.neighbors",)
    num_labels: int = Field(default=200_000, ge=1)
    student_width: int = Field(default=96, ge=1)
    student_depth: int = Field(default=4, ge=1)
    student_branches: int = Field(default=6, ge=1)
    student_steps: int = Field(default=5000, ge=1)
    student_batch_size: int = Field(default=512, ge=1)
    student_learning_rate: float = Field(default=6e-3, gt=0)

    def distil(self, stages: Sequence[FlowFunction], c: Tensor, dim_theta: int, seed: int) -> list[Student]:
        """Students, one for each stage of a deterministic teacher.

        Arguments:
            stages: Maps of noise and encoded x, see :func:`methods.student.generate_labels`.
            c: Encoded x of the simulations, ``(K, dim_c)``.
            dim_theta: Width of the noise.
            seed: Of conditions, noise, weights and batches.
        """
        conditions = between_neighbours(c, self.num_labels, seed)
        return [
            fit_student(
                labels,
                student_network(self.student_width, self.student_depth, self.student_branches),
                standardize=False,
                steps=self.student_steps,
                batch_size=self.student_batch_size,
                learning_rate=self.student_learning_rate,
                seed=derive_seed("student", seed, number),
            )
            for number, labels in enumerate(
                generate_labels(stages, conditions, dim_theta=dim_theta, seed=seed)
            )
        ]
