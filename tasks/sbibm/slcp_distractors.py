"""slcp with 92 uninformative dimensions mixed in."""

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
    """slcp with 92 uninformative dimensions mixed in."""

    observation_file = "observation_distractors.csv"
    dim_x = 100
    card = Card(
        summary="slcp hidden among 92 dimensions of noise, permuted; the posterior is slcp's.",
        noise="as slcp; distractors from a mixture of 20 multivariate Student-t (2 degrees of freedom)",
        reference=SLCP.card.reference,
        certificate=SLCP.card.certificate,
        citation=SBIBM,
    )

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """As sbibm's simulator: slcp's eight numbers, then the distractors, then the permutation."""
        informative = self._slcp.get_simulator()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            data = informative(theta.detach().cpu().float())
            noise = self._draw_distractors(len(theta)).to(data.dtype)
        return torch.cat([data, noise], dim=1)[:, self._permutation].float()

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Slcp's likelihood of the informative columns times the distractors' density, ``(N,)``."""
        data = x[:, torch.argsort(self._permutation)]
        noise = self._distractor_log_prob(data[:, 8:].double())
        return super().log_likelihood(theta, data[:, :8]) + noise.to(theta.dtype)

    def _draw_distractors(self, n: int) -> Tensor:
        """What the stored mixture's ``sample((n,))`` draws, from the same random numbers.

        That one multiplies by all components' matrices, n times each: 1.4 MB for every draw.
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
        # The stored scale factors have negative diagonals, of which the stored object takes the logarithm;
        # flipping the sign of a column leaves the scale matrix as it is.
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
        # sbibm stores this distribution as a pickled object: trusted, and the only file read that way.
        return torch.load(self.stored_file("gmm.torch"), weights_only=False)

    @cached_property
    def _permutation(self) -> Tensor:
        return torch.load(self.stored_file("permutation_idx.torch"), weights_only=True)
