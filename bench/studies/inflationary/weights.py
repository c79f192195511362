"""Calibration of inference in a flow's latents, tested on the weights of a mixture.

Latents are drawn from a mixture of three Gaussians, and the flow maps them to data. Given the data, which the
flow maps back, Hamiltonian Monte Carlo draws the weights from their posterior under a flat prior. The change
of volume in the flow does not depend on the weights, so the likelihood is that of the latents. If the maps
lose no information, the coverage of credible sets of the weights equals their level.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import torch
from scipy.stats import binomtest
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from bench.studies.inflationary.toy_flow import ToyFlow
from tasks.contract.seeding import derive_seed
from tasks.reference.diagnostics import bulk_ess, rank_rhat

__all__ = ["LEVELS", "weights_coverage"]

PUBLISHED = (0.5, 0.25, 0.25)
RADIUS, WIDTH = 1.3, 0.4  # distance of the outer components from the origin, and their standard deviation
LEVELS = (0.5, 0.8, 0.95)
NUM_POINTS = 100  # number of points in a data set
WARM_UP, DRAWS = 300, 1000


def weights_coverage(flow: ToyFlow, num_sets: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Measure the coverage of highest-density credible sets of the weights.

    There are two parts. A correct flow has exact coverage for weights drawn from the prior. For the published
    weights (.5, .25, .25), it has exact coverage only in the limit of much data.

    Arguments:
        flow: Flow of a toy data set with two columns.
        num_sets: Number of data sets in each part, with 100 points each.

    Returns:
        A table with columns ``toy, schedule, weights, level, covered, p_value`` (binomial, two-sided),
        ``rhat`` and ``ess`` (the worst of all weights). Second, for each data set with weights from the
        prior, the posterior mass that is more credible than the truth, ``(num_sets,)``; this mass is uniform
        for a correct flow.
    """
    generator = torch.Generator().manual_seed(derive_seed("inflation study", "weights"))
    drawn = _dirichlet(num_sets, generator)
    fixed = torch.tensor(PUBLISHED).expand(num_sets, 3)
    rows, masses = [], []
    for name, truth in (("from the prior", drawn), ("published", fixed)):
        latent = _draw(truth, flow, generator)
        points = flow.generate(latent.flatten(0, 1))
        found = flow.inflate(points).unflatten(0, (num_sets, NUM_POINTS))
        parts = _components(flow).log_prob(found.double()[:, :, None])
        draws, rhat, ess = _posterior(parts)
        mass = _more_credible(parts, draws, truth.double())
        masses.append(mass)
        for level in LEVELS:
            covered = int((mass <= level).sum())
            rows.append(
                {
                    "toy": flow.name,
                    "schedule": flow.label,
                    "weights": name,
                    "level": level,
                    "covered": covered / num_sets,
                    "p_value": binomtest(covered, num_sets, level).pvalue,
                    "rhat": rhat,
                    "ess": ess,
                }
            )
    return pd.DataFrame(rows), masses[0]


def _dirichlet(num: int, generator: torch.Generator) -> Tensor:
    parts = -torch.rand(num, 3, generator=generator).log()
    return parts / parts.sum(1, keepdim=True)


def _components(flow: ToyFlow) -> Independent:
    """Return three Gaussians: on a circle, or along the kept direction with unit variance across it."""
    if flow.keep is None:
        angles = 2.0 * torch.pi * torch.arange(3, dtype=torch.float64) / 3.0
        centres = RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)
        return Independent(Normal(centres, WIDTH * torch.ones(3, 2, dtype=torch.float64)), 1)
    centres = RADIUS * torch.tensor([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    return Independent(Normal(centres, torch.tensor([WIDTH, 1.0], dtype=torch.float64).expand(3, 2)), 1)


def _draw(weights: Tensor, flow: ToyFlow, generator: torch.Generator) -> Tensor:
    """Return the latents of all data sets, ``(num_sets, NUM_POINTS, 2)``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        components = _components(flow).expand((len(weights), 3))
        mixture = MixtureSameFamily(Categorical(weights.double()), components)
        return mixture.sample((NUM_POINTS,)).transpose(0, 1).float()


def _log_density(parts: Tensor, weights: Tensor) -> Tensor:
    """Return the log posterior density of weights ``(..., num_sets, 3)`` up to a constant.

    The weights are in the simplex, where the prior is flat.
    """
    return (weights.log()[..., None, :] + parts).logsumexp(-1).sum(-1)


def _posterior(parts: Tensor) -> tuple[Tensor, float, float]:
    """Return draws ``(DRAWS, num_sets, 3)`` of all weights, the worst R-hat and the worst bulk ESS.

    The data sets are independent, so one chain over all their weights contains a chain for each.
    """
    import pyro
    from pyro.infer import MCMC, NUTS

    num_sets = len(parts)

    def model() -> None:
        ones = torch.ones(num_sets, 3, dtype=torch.float64)
        weights = pyro.sample("weights", pyro.distributions.Dirichlet(ones).to_event(1))
        pyro.factor("data", _log_density(parts, weights).sum())

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(derive_seed("inflation study", "hmc"))
        chain = MCMC(NUTS(model), DRAWS, WARM_UP, disable_progbar=True)
        chain.run()
    draws = chain.get_samples()["weights"]
    flat = draws.flatten(1)[None]
    return draws, float(rank_rhat(flat).max()), float(bulk_ess(flat).min())


def _more_credible(parts: Tensor, draws: Tensor, truth: Tensor) -> np.ndarray:
    """Return the posterior mass where the density is higher than at the truth, ``(num_sets,)``."""
    at_draws = torch.stack([_log_density(parts, draw) for draw in draws])
    return (at_draws > _log_density(parts, truth)).double().mean(0).numpy()
