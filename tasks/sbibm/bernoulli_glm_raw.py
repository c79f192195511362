"""As bernoulli_glm, with the 100 spikes themselves as data."""

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
    """As bernoulli_glm, with the 100 spikes themselves as data."""

    observation_file = "observation_raw.csv"
    dim_x = 100
    card = Card(
        summary="Offset and nine filter taps of a spiking neuron from its spike train.",
        noise=BernoulliGLM.card.noise,
        reference=BernoulliGLM.card.reference,
        certificate=BernoulliGLM.card.certificate,
        citation=SBIBM,
    )

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Bernoulli log likelihood with logits ``design_matrix @ theta``, ``(N,)``."""
        design = torch.load(self.stored_file("design_matrix.pt"), weights_only=True).to(theta)
        return Bernoulli(logits=theta @ design.T, validate_args=False).log_prob(x).sum(-1)
