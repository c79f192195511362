"""The spiking neuron of ``bernoulli_glm``, observed through its whole spike train."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Bernoulli

from tasks.contract.base import Card
from tasks.contract.registry import register_task
from tasks.sbibm.bernoulli_glm import BernoulliGLM
from tasks.sbibm.sbibm_task import SBIBM

__all__ = ["BernoulliGLMRaw"]


@register_task("bernoulli_glm_raw")
class BernoulliGLMRaw(BernoulliGLM):
    """Infer offset and filter of a spiking neuron from its spike train of 100 time bins.

    Model, prior and posterior are those of :class:`~tasks.sbibm.bernoulli_glm.BernoulliGLM`; only the data
    differ. They are the 100 spikes (0 or 1) instead of the ten sufficient statistics.

    Prior, simulator, observations and reference are those of sbibm 1.1.0 (Lueckmann et al. 2021).
    """

    observation_file = "observation_raw.csv"
    dim_x = 100
    card = Card(
        summary="Infer offset and nine filter taps of a spiking neuron from its spike train.",
        noise=BernoulliGLM.card.noise,
        reference=BernoulliGLM.card.reference,
        certificate=BernoulliGLM.card.certificate,
        citation=SBIBM,
    )

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Bernoulli log likelihood in nats, ``(N,)``; the logits are ``design_matrix @ theta``."""
        design = torch.load(self.stored_file("design_matrix.pt"), weights_only=True).to(theta)
        return Bernoulli(logits=theta @ design.T, validate_args=False).log_prob(x).sum(-1)
