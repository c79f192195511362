"""Draws outside the prior, which some methods make where the posterior reaches the prior's bounds.

Their estimates have tails on both sides of a bound. Draws outside are replaced by new ones, which amounts to
sampling the estimate restricted to the set S where the prior has mass, with the density

    q_S(theta | x) = q(theta | x) 1[theta in S] / P,    P = the probability of S under q(· | x).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints

from methods.contract.priors import usable_prior
from methods.contract.seeding import derive_seed

__all__ = ["InsidePrior"]

ROUNDS = 10  # Number of times that draws outside are replaced by new ones.
HOPELESS = 1000  # Number of draws after which an observation without any draw inside gets no new ones.
FEWEST = 6  # Binary logarithm of the bound on new draws per round, if fewer draws were asked for.
ESTIMATED = 10_000  # Number of draws that estimate the share inside.


class InsidePrior:
    """The set where a prior has mass, and the replacement of draws outside it.

    Arguments:
        prior: Prior of theta.
        dim_theta: Number of parameters.

    Attributes:
        everywhere: Whether the set is known to be the whole space, so that no draw has to be checked.

    Example:
        >>> from torch.distributions import Independent, Uniform
        >>> inside = InsidePrior(Independent(Uniform(torch.zeros(2), torch.ones(2)), 1), 2)
        >>> inside(torch.tensor([[0.5, 0.5], [0.5, 1.5]]))
        tensor([ True, False])
    """

    def __init__(self, prior: Any, dim_theta: int) -> None:
        self._support = usable_prior(prior, dim_theta).support
        self.everywhere = _is_whole_space(self._support)

    def __call__(self, theta: Tensor) -> Tensor:
        """Return whether theta ``(..., dim_theta)`` is finite and inside, ``(...,)``, on its device."""
        # Priors stay on the CPU, whatever the device of a fit is.
        values = theta.detach().cpu()
        finite = values.isfinite().all(-1)
        if self._support is None:
            return finite.to(theta.device)
        found = self._support.check(values.nan_to_num(0.0))
        if found.dim() == values.dim():  # sbi's joint prior checks each parameter
            found = found.all(-1)
        return (found & finite).to(theta.device)

    def check_centres(self, theta: Tensor) -> Tensor:
        """Return which parameters of the simulations ``(K, dim_theta)`` are inside, ``(K,)``.

        Raises:
            ValueError: If none is. The simulations then cannot be draws of the prior.
        """
        if self.everywhere:
            return torch.ones(len(theta), dtype=torch.bool, device=theta.device)
        found = self(theta)
        if not bool(found.any()):
            raise ValueError(f"theta: none of {len(theta)} simulations lies inside the prior")
        return found

    def kept(
        self, theta: Tensor, draw: Callable[[int, Tensor], Tensor], centres: Callable[[int, int], Tensor]
    ) -> Tensor:
        """Return theta with the draws outside replaced. If the prior has no bounds, nothing is done.

        New draws are made in at most ten rounds, and none of these makes more than twice as many draws for an
        observation as were asked for, or 64 if that is more.
        An observation with no draw inside among a thousand gets no more. What is left then is replaced by
        simulated parameters.

        Arguments:
            theta: Draws for B observations, ``(n, B, dim_theta)``. They are overwritten.
            draw: Function of a number m and indices of observations ``(R,)`` that returns new draws
                ``(m, R, dim_theta)``.
            centres: Function of a number m and the index of an observation that returns m simulated
                parameters, ``(m, dim_theta)``, which lie inside.
        """
        if self.everywhere or not theta.numel():
            return theta
        # Observations come first, so that values picked by a mask are ordered by observation.
        by_x = theta.transpose(0, 1)
        outside = ~self(by_x)
        tried = torch.full((len(by_x),), len(theta), device=theta.device)
        accepted = (~outside).sum(1)
        for number in range(ROUNDS):
            count = outside.sum(1)
            count[(accepted == 0) & (tried >= HOPELESS)] = 0
            if not bool(count.any()):
                break
            for rows, size in _groups(count, number, len(theta)):
                new = draw(size, rows).transpose(0, 1)
                good = self(new)
                # The first draws inside take the first places that are left, as many as there are of both.
                some = outside[rows]
                fill = some & (some.cumsum(1) <= good.sum(1, keepdim=True))
                take = good & (good.cumsum(1) <= some.sum(1, keepdim=True))
                index = fill.nonzero()
                by_x[rows[index[:, 0]], index[:, 1]] = new[take]
                outside[rows] = some & ~fill
                tried[rows] += size
                accepted[rows] += good.sum(1)
        for row in outside.any(1).nonzero().flatten().tolist():
            by_x[row, outside[row]] = centres(int(outside[row].sum()), row)
        return theta

    def log_share(self, draw: Callable[[int], Tensor]) -> float:
        """Return log P, the logarithm of the estimate's probability inside, from 10 000 draws of it.

        The draws have a seed of their own, and torch's global random state is left unchanged. If no draw is
        inside, one is assumed to be.

        Arguments:
            draw: Function of a number m that returns draws ``(m, dim_theta)`` of the estimate.
        """
        if self.everywhere:
            return 0.0
        with torch.random.fork_rng():
            torch.manual_seed(derive_seed("share of draws inside the prior"))
            share = self(draw(ESTIMATED)).double().mean()
        return float(share.clamp_min(1.0 / ESTIMATED).log())


def _groups(count: Tensor, number: int, most: int) -> Iterator[tuple[Tensor, int]]:
    """Yield groups of observations that get equally many new draws in a round, with this number.

    The number is that of missing draws, doubled for each round before, so that the last few are found soon.
    It is a power of two, so that there are few groups, and bounded.

    Arguments:
        count: Number of missing draws for each observation, ``(B,)``.
        number: Number of rounds before.
        most: Number of draws asked for.
    """
    limit = max((most - 1).bit_length(), FEWEST)
    exponent = (count.double().log2().ceil() + number).clamp_max(limit)
    for each in exponent[count > 0].unique().tolist():
        yield ((count > 0) & (exponent == each)).nonzero().flatten(), 2 ** int(each)


def _is_whole_space(support: Any) -> bool:
    """Return whether a support is known to be all of R^n, without evaluating a density."""
    if support is None:
        return True
    if isinstance(support, constraints.independent | constraints.MixtureSameFamilyConstraint):
        return _is_whole_space(support.base_constraint)
    if isinstance(support, constraints.cat):
        return all(_is_whole_space(piece) for piece in support.cseq)
    return isinstance(support, type(constraints.real))
