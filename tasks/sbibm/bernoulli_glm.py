"""A spiking neuron (Bernoulli GLM) observed through its sufficient statistics."""

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
    """Infer offset and filter of a spiking neuron from ten sufficient statistics of its spikes.

    Theta = (b, f) is an offset b and a filter f of nine taps. In each of 100 time bins t the neuron spikes
    with probability sigmoid(b + v_t · f), where v_t is the recent past of a fixed white-noise stimulus. The
    data are the number of spikes and the nine spike-triggered sums of the stimulus, which are sufficient.

    The prior is normal: b ~ N(0, 2) (a variance), and f has a precision matrix F'F that penalises second
    differences. The reference posterior was drawn by Pólya-Gamma Gibbs sampling.

    Prior, simulator, observations and reference are those of sbibm 1.1.0 (Lueckmann et al. 2021).
    """

    folder = "bernoulli_glm"
    dim_theta, dim_x = 10, 10
    parameter_names = ("b", *(f"f_{k}" for k in range(1, 10)))
    card = Card(
        summary="Infer offset and nine filter taps of a spiking neuron from ten sufficient statistics.",
        noise="Bernoulli spikes in 100 time bins",
        reference="Pólya-Gamma Gibbs sampling, warm-up 25 000, thinned by 25",
        certificate="exact Gibbs sampler (sbibm)",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """The normal prior: the offset has variance 2, the filter's second differences are penalised."""
        m = 9
        difference = torch.eye(m) - torch.diag(torch.ones(m - 1), -1)
        smooth = difference @ difference + torch.diag(torch.arange(m) / m).sqrt()
        precision = torch.zeros(m + 1, m + 1)
        precision[0, 0] = 0.5
        precision[1:, 1:] = smooth.T @ smooth
        return MultivariateNormal(torch.zeros(m + 1), precision_matrix=precision)
