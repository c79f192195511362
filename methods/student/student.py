"""The one-pass student: a network fitted to the teacher's map (z, x) -> theta."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from methods.contract.base import Posterior
from methods.contract.counting import Evaluations
from methods.learning.networks import seeded
from methods.learning.precision import fast_products
from methods.learning.training import train
from methods.student.replay import Replayed
from methods.student.student_networks import StudentNetwork
from methods.student.teacher_labels import Labels
from methods.transforms.standardizer import Standardizer

__all__ = ["OnePassPosterior", "Student", "fit_student"]

CACHED = 2500  # Rows per pass on a CPU.

Kept = Callable[[Tensor, Tensor, Callable[[int, Tensor], Tensor]], Tensor]


class Student(nn.Module):
    """A network in the labels' units: it standardises x before the network and scales theta back after it.

    Labels may have physical units, in which an x of small variance would have no effect on a network.

    Arguments:
        network: Network of standardised values.
        scale_x: Standardizer of x.
        scale_theta: Standardizer of theta.
    """

    def __init__(self, network: StudentNetwork, scale_x: Standardizer, scale_theta: Standardizer) -> None:
        super().__init__()
        self.network, self._scale_x, self._scale_theta = network, scale_x, scale_theta

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        """Return theta ``(..., dim_theta)`` for z ``(..., dim_theta)`` and x ``(..., dim_x)``.

        The inputs broadcast.
        """
        return self._scale_theta.inverse(self.network(z, self._scale_x(x)))


class OnePassPosterior(Posterior):
    """A posterior that samples by one forward pass of each student on noise z ~ N(0, I) and encoded x.

    Arguments:
        students: Maps of values ``(..., dim_theta)`` and encoded x that are applied in sequence, usually only
            one. The first maps noise, and the last returns samples in the units of the teacher.
        dim_theta: Width of the noise.
        encode_x: Function of x ``(B, dim_x)`` that returns the student's input ``(B, dim_c)``.
        decode: Function of the student's samples ``(n, B, dim_theta)`` and encoded x ``(B, dim_c)`` that
            returns theta ``(n, B, dim_theta)``.
        device: Device of the students.
        others: Networks that ``encode_x`` and ``decode`` run.
        kept: Function that returns draws with those outside the prior replaced; None to keep all draws. Its
            arguments are the draws ``(n, B, dim_theta)``, encoded x ``(B, dim_c)`` and a function that makes
            new draws ``(m, R, dim_theta)`` from a number m and encoded x ``(R, dim_c)``.
    """

    def __init__(
        self,
        students: Sequence[nn.Module],
        dim_theta: int,
        encode_x: Callable[[Tensor], Tensor],
        decode: Callable[[Tensor, Tensor], Tensor],
        device: torch.device,
        others: Sequence[nn.Module] = (),
        kept: Kept | None = None,
    ) -> None:
        self.students, self._dim = students, dim_theta
        self._encode_x, self._decode, self._device = encode_x, decode, device
        self._kept = kept
        self._evaluations = Evaluations()
        self._replayed = Replayed(self._carry, self._evaluations)
        networks = [*students, *others]
        for network in networks:
            self._evaluations.watch(network)
        self.num_parameters = sum(p.numel() for network in networks for p in network.parameters())
        self.nfe = float("nan")

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, dim_theta)`` samples for one observation x ``(1, dim_x)`` in one pass."""
        (n,) = sample_shape
        return self.sample_batched((n,), x)[:, 0]

    @torch.no_grad()
    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, B, dim_theta)`` samples for all observations x ``(B, dim_x)`` in one pass."""
        (n,) = sample_shape
        theta, self.nfe = self._evaluations.per_sample(lambda: self._drawn(n, x))
        return theta

    def without_rejection(self) -> OnePassPosterior:
        """Return a copy that keeps draws outside the prior, or ``self`` if none are replaced."""
        if self._kept is None:
            return self
        raw = copy.copy(self)  # The copy shares the students and the counter of their evaluations.
        raw._kept = None
        return raw

    def _drawn(self, n: int, x: Tensor) -> Tensor:
        c = self._encode_x(x.to(self._device))
        theta = self._passed(n, c, self._replayed)
        if self._kept is None:
            return theta
        # The sizes of later passes vary, and a recording of each would cost more than it saves.
        return self._kept(theta, c, lambda m, rows: self._passed(m, rows, self._carry))

    def _passed(self, n: int, c: Tensor, carry: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Return draws ``(n, B, dim_theta)`` of one pass for encoded x ``(B, dim_c)``."""
        z = torch.randn(n, len(c), self._dim, device=self._device)
        # On a CPU, activations that fit in its cache save half of the time.
        rows = max(1, CACHED // len(c)) if self._device.type == "cpu" else n
        with fast_products(self._device):
            theta = torch.cat([carry(part, c) for part in z.split(rows)])
        return self._decode(theta, c)

    def _carry(self, z: Tensor, c: Tensor) -> Tensor:
        for student in self.students:
            z = student(z, c)
        return z


def fit_student(
    labels: Labels,
    network: Callable[[int, int], StudentNetwork],
    *,
    standardize: bool,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> Student:
    """Train a new network on labels and return it as a student on the labels' device.

    Arguments:
        labels: Noise, conditions and the teacher's samples.
        network: Function of dim_theta and the width of the conditions that builds the network.
        standardize: Whether to standardise the labels; needed for labels in physical units.
        steps: Number of optimiser steps.
        batch_size: Number of labels per step.
        learning_rate: Peak learning rate of a cosine decay, see :func:`methods.learning.training.train`.
        seed: Seed for weights and batches.
    """
    untrained = seeded(lambda: network(labels.theta.shape[1], labels.x.shape[1]), seed).to(labels.z)
    scaler = Standardizer.fit if standardize else Standardizer.identity
    scale_x, scale_theta = scaler(labels.x), scaler(labels.theta)
    # The identity would copy the conditions, which are large if x has many columns.
    scaled = (scale_x(labels.x), scale_theta(labels.theta)) if standardize else (labels.x, labels.theta)
    train(
        untrained,
        untrained.loss,
        (labels.z, *scaled),
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
    )
    return Student(untrained, scale_x, scale_theta)
