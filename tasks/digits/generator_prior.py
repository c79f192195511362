"""Base class of tasks whose parameters are the latent vector of a stored generator of digits."""

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
    """A task whose parameters theta are the latent vector z ~ N(0, I) of a stored generator.

    A subclass defines which data are observed of the generated image.

    Attributes:
        generator: Name of the generator, one of :data:`tasks.digits.generators.GENERATORS`.

    Example:
        >>> import tasks
        >>> task = tasks.get("digits_prior")
        >>> images = task.images(task.prior().sample((4,)))
        >>> images.shape, task.classify(images).shape
        (torch.Size([4, 64]), torch.Size([4, 10]))
    """

    generator: ClassVar[str]

    def prior(self) -> Distribution:
        """The standard normal prior, with event_shape ``(dim_theta,)``."""
        return Independent(Normal(torch.zeros(self.dim_theta), torch.ones(self.dim_theta)), 1)

    def images(self, theta: Tensor) -> Tensor:
        """Generated images ``(N, 64)``, float64; pixels are in [0, 1], row by row from the top left."""
        return generate(self.generator, theta)

    def classify(self, images: Tensor) -> Tensor:
        """Probabilities ``(N, 10)``, float64, that images ``(N, 64)`` show the digits 0 … 9."""
        return classify(images)
