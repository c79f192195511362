"""The latent vector of a generated digit, inferred from the noisy upper half of its image."""

from __future__ import annotations

from torch import Tensor

from tasks.contract.base import Card
from tasks.contract.registry import register_task
from tasks.digits.generator_prior import GeneratorPrior
from tasks.tools.signal_task import SignalTask
from tasks.tools.stored_task import stored_card

__all__ = ["DigitsPrior", "DigitsPrior8", "DigitsPriorFlow8", "HalfTask"]

SEEN = 32  # pixels of the upper half


def _card(name: str, generator: str, noise_sd: float) -> Card:
    return stored_card(
        name,
        text=f"Infer the latents of a digit from its noisy upper half; the prior is {generator}.",
        noise=f"N(0, {noise_sd}²) on each pixel; pixels are between 0 and 1",
        citation="arXiv 2502.06999 (generators as priors); scikit-learn's digits; this package's own",
    )


class HalfTask(GeneratorPrior, SignalTask):
    """Infer the latent vector of a generated digit from the noisy upper half of its image.

    Theta is the latent vector z ~ N(0, I) of a small generator f, which was trained on scikit-learn's 8×8
    digits. The data are the upper four rows of the image f(z), with pixels in [0, 1], plus noise N(0, 0.3²)
    on each pixel. The posterior of z says what the lower half may be. If several digits share an upper half,
    it has several modes.

    The reference is made by this package: its certificate names the sampler and gives diagnostics.

    Generators as priors are the idea of arXiv 2502.06999. Generators, data and sizes are this package's own,
    so the task matches no published setup.

    A subclass names the generator.
    """

    dim_x = SEEN
    noise_sd = 0.3

    def signal(self, theta: Tensor) -> Tensor:
        """The upper half of the image without noise, ``(N, 32)``, float64."""
        return self.images(theta)[:, :SEEN]


@register_task("digits_prior")
class DigitsPrior(HalfTask):
    """The problem of :class:`HalfTask` for a variational autoencoder with two latents."""

    generator = "vae_2"
    dim_theta = 2
    reference_by = "grid"
    card = _card("digits_prior", "a VAE with two latents", HalfTask.noise_sd)


@register_task("digits_prior_8")
class DigitsPrior8(HalfTask):
    """The problem of :class:`HalfTask` for a variational autoencoder with eight latents."""

    generator = "vae_8"
    dim_theta = 8
    reference_by = "metropolis"
    thin = 200  # chains stay long in states of the tails
    card = _card("digits_prior_8", "a VAE with eight latents", HalfTask.noise_sd)


@register_task("digits_prior_flow_8")
class DigitsPriorFlow8(HalfTask):
    """The problem of :class:`HalfTask` for a normalising flow of eight leading principal components."""

    generator = "flow_8"
    dim_theta = 8
    reference_by = "metropolis"
    thin = 200
    card = _card("digits_prior_flow_8", "a normalising flow of eight principal components", HalfTask.noise_sd)
