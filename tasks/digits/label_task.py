"""Digits from their class alone: a label that a classifier gives (arXiv 2502.06999).

Theta is the noise z ~ N(0, I) of a small generator f, trained on scikit-learn's 8×8 digits. A classifier sees
the image f(z) and draws a label from its class probabilities; the data are that label, one-hot in ten
columns. The posterior, prior times probability of the class, is that of all digits that pass for the class.

Observation k is the label k - 1, so that each class is seen once.
"""

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

TRIED = 1000  # draws of the prior, among which every label is found


def _card(name: str, generator: str) -> Card:
    return stored_card(
        name,
        text=f"Latents of a digit from its class; the prior is {generator}.",
        noise="the label is drawn from a classifier's probabilities of the image",
        citation="arXiv 2502.06999 (generators as priors); scikit-learn's digits; this package's own",
    )


class LabelTask(GeneratorPrior, CertifiedTask):
    """The class of a digit, drawn from a classifier's probabilities; a subclass names the generator."""

    dim_x = NUM_CLASSES
    num_observations = NUM_CLASSES

    def signal(self, theta: Tensor) -> Tensor:
        """Log probabilities of the classes, ``(N, 10)``, float64."""
        return log_class_probabilities(self.images(theta))

    def log_likelihood_of(self, signal: Tensor, x: Tensor) -> Tensor:
        """Log probability of the label, ``(N,)``, x being one-hot."""
        log_p = (x.detach().cpu().double() * signal).sum(-1)
        return log_p.masked_fill(log_p.isnan(), -torch.inf)

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Labels, one-hot, ``(N, 10)``, float32; NaN rows where theta is."""
        signal = self.signal(theta)
        generator = torch.Generator().manual_seed(seed)
        # The largest of logarithms with Gumbel noise is a draw of the probabilities.
        gumbel = -torch.empty_like(signal).exponential_(generator=generator).log()
        labels = one_hot((signal + gumbel).argmax(1), NUM_CLASSES).float()
        return labels.masked_fill(signal.isnan().any(1, keepdim=True), torch.nan)

    def simulated_truth(self, num_observation: int) -> tuple[Tensor, Tensor]:
        """The first of a seeded sequence of prior draws with this label, ``(1, dim_theta)``, and the label.

        By rejection that is a draw of the posterior, as the truths of other tasks are.

        Raises:
            RuntimeError: if none of the ``TRIED`` draws has the label.
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
    """Two latents of a variational autoencoder."""

    generator = "vae_2"
    dim_theta = 2
    reference_by = "grid"
    card = _card("digits_label", "a VAE with two latents")


@register_task("digits_label_8")
class DigitsLabel8(LabelTask):
    """Eight latents of a variational autoencoder."""

    generator = "vae_8"
    dim_theta = 8
    reference_by = "metropolis"
    thin = 100  # states of the tails are held long
    card = _card("digits_label_8", "a VAE with eight latents")
