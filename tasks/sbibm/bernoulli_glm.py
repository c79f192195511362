"""Spikes of a Bernoulli GLM under white noise, reduced to their sufficient statistics."""

from __future__ import annotations

import torch
from torch.distributions import Distribution, MultivariateNormal

from tasks.contract.base import Card
from tasks.contract.registry import register_task
from tasks.sbibm.sbibm_task import SBIBM
from tasks.sbibm.simulated import SimulatedBySbibm

__all__ = ["BernoulliGLM"]


@register_task("bernoulli_glm")
class BernoulliGLM(SimulatedBySbibm):
    """Spikes of a Bernoulli GLM under white noise, reduced to their sufficient statistics."""

    folder = "bernoulli_glm"
    dim_theta, dim_x = 10, 10
    card = Card(
        summary="Offset and nine filter taps of a spiking neuron from ten sufficient statistics.",
        noise="Bernoulli spikes in 100 bins",
        reference="Pólya-Gamma Gibbs sampling, warm-up 25 000, thinned by 25",
        certificate="exact Gibbs sampler (sbibm)",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """Gaussian: offset of variance 2, filter with penalised second differences."""
        m = 9
        difference = torch.eye(m) - torch.diag(torch.ones(m - 1), -1)
        smooth = difference @ difference + torch.diag(torch.arange(m) / m).sqrt()
        precision = torch.zeros(m + 1, m + 1)
        precision[0, 0] = 0.5
        precision[1:, 1:] = smooth.T @ smooth
        return MultivariateNormal(torch.zeros(m + 1), precision_matrix=precision)
