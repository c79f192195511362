"""Digits from their noisy upper halves, with a generator as the prior (arXiv 2502.06999).

Theta is the noise z ~ N(0, I) of a small generator f, trained on scikit-learn's 8×8 digits. The data are the
upper four rows of the image f(z), pixels in [0, 1], plus N(0, sd²): what the lower half may be, the posterior
of z tells. Halves that several digits share give several modes.
"""

from __future__ import annotations

from torch import Tensor

from tasks.contract.base import Card
from tasks.contract.registry import register_task
from tasks.digits.generator_prior import GeneratorPrior
from tasks.tools.signal_task import SignalTask
from tasks.tools.stored_task import stored_card

__all__ = ["DigitsPrior", "DigitsPrior8", "DigitsPriorFlow8", "HalfTask"]

SEEN = 32  # pixels: the upper half


def _card(name: str, generator: str, noise_sd: float) -> Card:
    return stored_card(
        name,
        text=f"Latents of a digit from the noisy upper half of its image; the prior is {generator}.",
        noise=f"N(0, {noise_sd}²) on each pixel; pixels are between 0 and 1",
        citation="arXiv 2502.06999 (generators as priors); scikit-learn's digits; this package's own",
    )


class HalfTask(GeneratorPrior, SignalTask):
    """The noisy upper half of a digit; a subclass names the generator."""

    dim_x = SEEN
    noise_sd = 0.3

    def signal(self, theta: Tensor) -> Tensor:
        """The upper half without noise, ``(N, 32)``, float64."""
        return self.images(theta)[:, :SEEN]


@register_task("digits_prior")
class DigitsPrior(HalfTask):
    """Two latents of a variational autoencoder."""

    generator = "vae_2"
    dim_theta = 2
    reference_by = "grid"
    card = _card("digits_prior", "a VAE with two latents", HalfTask.noise_sd)


@register_task("digits_prior_8")
class DigitsPrior8(HalfTask):
    """Eight latents of a variational autoencoder."""

    generator = "vae_8"
    dim_theta = 8
    reference_by = "metropolis"
    thin = 200  # states of the tails are held long
    card = _card("digits_prior_8", "a VAE with eight latents", HalfTask.noise_sd)


@register_task("digits_prior_flow_8")
class DigitsPriorFlow8(HalfTask):
    """Eight latents of a normalising flow of an image's leading principal components."""

    generator = "flow_8"
    dim_theta = 8
    reference_by = "metropolis"
    thin = 200
    card = _card("digits_prior_flow_8", "a normalising flow of eight principal components", HalfTask.noise_sd)
