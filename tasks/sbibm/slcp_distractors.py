"""The task ``slcp`` with 92 uninformative columns added to the data."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from tasks.contract.base import Card
from tasks.contract.registry import register_task
from tasks.sbibm.sbibm_task import SBIBM
from tasks.sbibm.slcp import SLCP

__all__ = ["SLCPDistractors"]


@register_task("slcp_distractors")
class SLCPDistractors(SLCP):
    """Infer mean and covariance of a 2-D Gaussian from four draws hidden among 92 columns of noise.

    Prior and posterior are those of :class:`~tasks.sbibm.slcp.SLCP`. The data are its eight numbers and 92
    distractors, all in a fixed permutation. The distractors are drawn from an equal mixture of 20
    multivariate Student-t distributions with 2 degrees of freedom and do not depend on theta.

    Prior, simulator, observations and reference are those of sbibm 1.1.0 (Lueckmann et al. 2021).
    """

    observation_file = "observation_distractors.csv"
    dim_x = 100
    card = Card(
        summary="Infer the parameters of slcp from its data hidden among 92 columns of noise.",
        noise="that of slcp; distractors from a mixture of 20 multivariate Student-t (2 degrees of freedom)",
        reference=SLCP.card.reference,
        certificate=SLCP.card.certificate,
        citation=SBIBM,
    )

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Data ``(N, 100)``, float32: the eight numbers of slcp, then the distractors, all permuted.

        The same seed gives the same data as sbibm's own simulator.
        """
        informative = self._slcp.get_simulator()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            data = informative(theta.detach().cpu().float())
            noise = self._draw_distractors(len(theta)).to(data.dtype)
        return torch.cat([data, noise], dim=1)[:, self._permutation].float()

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log likelihood of slcp's eight columns plus log density of the distractors, in nats, ``(N,)``."""
        data = x[:, torch.argsort(self._permutation)]
        noise = self._distractor_log_prob(data[:, 8:].double())
        return super().log_likelihood(theta, data[:, :8]) + noise.to(theta.dtype)

    def _draw_distractors(self, n: int) -> Tensor:
        """Draws ``(n, 92)`` from the stored mixture, equal to its ``sample((n,))`` in the same random state.

        The stored mixture multiplies every draw by the matrices of all components: 1.4 MB for each draw.
        """
        components = self._distractors.component_distribution.base_dist
        which = self._distractors.mixture_distribution.sample((n,))
        normal = torch.randn(n, *components.loc.shape, dtype=components.loc.dtype)
        chi2 = components._chi2.rsample((n,))
        every = torch.arange(n)
        scaled = normal[every, which] * torch.rsqrt(chi2[every, which] / components.df[which])[:, None]
        drawn = components.loc[which]
        for k, factor in enumerate(components.scale_tril):
            rows = which == k
            drawn[rows] += scaled[rows] @ factor.T
        return drawn

    def _distractor_log_prob(self, noise: Tensor) -> Tensor:
        # The stored scale factors have negative diagonals, and the stored object takes the logarithm of
        # these. Changing the sign of a column leaves the scale matrix unchanged.
        stored = self._distractors.component_distribution.base_dist
        factor = stored.scale_tril * stored.scale_tril.diagonal(dim1=-2, dim2=-1).sign()[:, None, :]
        components = type(stored)(stored.df, stored.loc, factor)
        return torch.logsumexp(components.log_prob(noise[:, None]), dim=1) - math.log(len(stored.df))

    @cached_property
    def _slcp(self) -> Any:
        import sbibm

        return sbibm.get_task("slcp")

    @cached_property
    def _distractors(self) -> Any:
        # sbibm stores this distribution as a pickled object. The file is trusted; no other is read this way.
        return torch.load(self.stored_file("gmm.torch"), weights_only=False)

    @cached_property
    def _permutation(self) -> Tensor:
        return torch.load(self.stored_file("permutation_idx.torch"), weights_only=True)
