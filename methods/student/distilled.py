"""The base class of methods that distil a learned flow into one-pass students."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from methods.contract.base import Method
from methods.contract.seeding import derive_seed
from methods.student.student import Student, fit_student
from methods.student.student_networks import student_network
from methods.student.teacher_labels import FlowFunction, Labels, between_neighbours, generate_labels

__all__ = ["StudentMethod"]


class StudentMethod(Method):
    """The base class of methods that distil a teacher's flow into a one-pass student.

    The teacher makes labels at values of x between near neighbours among the simulations.

    Arguments:
        num_labels: Number of labels that the teacher makes, with one noise draw each.
        student_width: Number of units in a hidden layer of the student.
        student_depth: Number of hidden layers of the student.
        student_branches: Number of smooth maps, of which the student's output is one.
        student_steps: Number of optimiser steps of the student.
        student_batch_size: Number of labels per step.
        student_learning_rate: Peak learning rate of a cosine decay, see
            :func:`methods.learning.training.train`.
    """

    libraries: ClassVar[tuple[str, ...]] = ("sklearn.neighbors",)
    num_labels: int = Field(default=200_000, ge=1)
    student_width: int = Field(default=96, ge=1)
    student_depth: int = Field(default=4, ge=1)
    student_branches: int = Field(default=6, ge=1)
    student_steps: int = Field(default=5000, ge=1)
    student_batch_size: int = Field(default=512, ge=1)
    student_learning_rate: float = Field(default=6e-3, gt=0)

    def distil(self, flow: FlowFunction, c: Tensor, dim_theta: int, seed: int) -> Student:
        """Train and return the student of a deterministic teacher.

        Arguments:
            flow: Map of noise and encoded x, see :func:`methods.student.generate_labels`.
            c: Encoded x of the simulations, ``(K, dim_c)``.
            dim_theta: Width of the noise.
            seed: Seed for conditions, noise, weights and batches.
        """
        conditions = between_neighbours(c, self.num_labels, seed)
        labels = generate_labels(flow, conditions, dim_theta=dim_theta, seed=seed)
        return self.student(labels, derive_seed("student", seed, 0))

    def student(self, labels: Labels, seed: int) -> Student:
        """Train and return a student on labels; the seed is for weights and batches."""
        return fit_student(
            labels,
            student_network(self.student_width, self.student_depth, self.student_branches),
            standardize=False,
            steps=self.student_steps,
            batch_size=self.student_batch_size,
            learning_rate=self.student_learning_rate,
            seed=seed,
        )
