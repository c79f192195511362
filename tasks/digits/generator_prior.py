"""Tasks whose parameters are the noise that a stored generator turns into a digit."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from tasks.contract.base import Task
from tasks.digits.classifier import classify
from tasks.digits.generators import generate

__all__ = ["GeneratorPrior"]


class GeneratorPrior(Task):
    """Theta is the latent z of ``generator``; a subclass says what is seen of the image.

    Example:
        >>> import tasks
        >>> task = tasks.get("digits_prior")
        >>> images = task.images(task.prior().sample((4,)))
        >>> images.shape, task.classify(images).shape
        (torch.Size([4, 64]), torch.Size([4, 10]))
    """

    generator: ClassVar[str]

    def prior(self) -> Distribution:
        """Standard normal."""
        return Independent(Normal(torch.zeros(self.dim_theta), torch.ones(self.dim_theta)), 1)

    def images(self, theta: Tensor) -> Tensor:
        """Generated images ``(N, 64)``, float64, pixels in [0, 1], row by row from the top left."""
        return generate(self.generator, theta)

    def classify(self, images: Tensor) -> Tensor:
        """Probabilities ``(N, 10)``, float64, that images ``(N, 64)`` show the digits 0 … 9."""
        return classify(images)
