"""The latent vector of a generated digit, inferred from a class label only."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from tasks.contract.base import Card
from tasks.contract.registry import register_task
from tasks.digits.classifier import NUM_CLASSES, log_class_probabilities
from tasks.digits.generator_prior import GeneratorPrior
from tasks.tools.certified_task import CertifiedTask
from tasks.tools.stored_task import stored_card

__all__ = ["DigitsLabel", "DigitsLabel8", "LabelTask"]

TRIED = 1000  # prior draws, among which every label occurs


def _card(name: str, generator: str) -> Card:
    return stored_card(
        name,
        text=f"Infer the latents of a digit from its class; the prior is {generator}.",
        noise="the label is drawn from a classifier's class probabilities of the image",
        citation="arXiv 2502.06999 (generators as priors); scikit-learn's digits; this package's own",
    )


class LabelTask(GeneratorPrior, CertifiedTask):
    """Infer the latent vector of a generated digit from its class label.

    Theta is the latent vector z ~ N(0, I) of a small generator f, which was trained on scikit-learn's 8×8
    digits. A stored classifier gives class probabilities p(c | f(z)) for the image, and a label is drawn from
    them. The data are this label, one-hot in ten columns. The posterior, N(z; 0, I) p(c | f(z)) up to a
    constant, covers all digits that the classifier takes for the class.

    Observation k is the label k - 1, so each class is observed once. The reference is made by this package:
    its certificate names the sampler and gives diagnostics.

    Generators as priors are the idea of arXiv 2502.06999. Generators, classifier and sizes are this package's
    own, so the task matches no published setup.

    A subclass names the generator.
    """

    dim_x = NUM_CLASSES
    num_observations = NUM_CLASSES

    def signal(self, theta: Tensor) -> Tensor:
        """Log probabilities of the ten classes, ``(N, 10)``, float64."""
        return log_class_probabilities(self.images(theta))

    def log_likelihood_of(self, signal: Tensor, x: Tensor) -> Tensor:
        """Log probability of the label in nats, ``(N,)``, for one-hot labels x ``(N or 1, 10)``."""
        log_p = (x.detach().cpu().double() * signal).sum(-1)
        return log_p.masked_fill(log_p.isnan(), -torch.inf)

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """One-hot labels, ``(N, 10)``, float32; a row is NaN if its theta is."""
        signal = self.signal(theta)
        generator = torch.Generator().manual_seed(seed)
        # The index of the largest log probability plus Gumbel noise is a draw from the probabilities.
        gumbel = -torch.empty_like(signal).exponential_(generator=generator).log()
        labels = one_hot((signal + gumbel).argmax(1), NUM_CLASSES).float()
        return labels.masked_fill(signal.isnan().any(1, keepdim=True), torch.nan)

    def simulated_truth(self, num_observation: int) -> tuple[Tensor, Tensor]:
        """A true theta ``(1, dim_theta)`` and its label ``(1, 10)``, which is given by ``num_observation``.

        Theta is the first draw in a seeded sequence of prior draws whose simulated label is the wanted one.
        By rejection sampling, it is a draw from the posterior, as the true parameters of other tasks are.

        Raises:
            RuntimeError: if none of the ``TRIED`` prior draws has the label.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed("true theta", num_observation))
            theta = self.prior().sample((TRIED,))
        x = self.simulate(theta, self._seed("observation", num_observation))
        found = (x.argmax(1) == num_observation - 1).nonzero()
        if not len(found):
            raise RuntimeError(
                f"task {self.name}: none of {TRIED} prior draws has the label {num_observation - 1}, "
                f"so that observation {num_observation} has no true theta"
            )
        first = int(found[0])
        return theta[first : first + 1], x[first : first + 1]


@register_task("digits_label")
class DigitsLabel(LabelTask):
    """The problem of :class:`LabelTask` for a variational autoencoder with two latents."""

    generator = "vae_2"
    dim_theta = 2
    reference_by = "grid"
    card = _card("digits_label", "a VAE with two latents")


@register_task("digits_label_8")
class DigitsLabel8(LabelTask):
    """The problem of :class:`LabelTask` for a variational autoencoder with eight latents."""

    generator = "vae_8"
    dim_theta = 8
    reference_by = "metropolis"
    thin = 100  # chains stay long in states of the tails
    card = _card("digits_label_8", "a VAE with eight latents")
