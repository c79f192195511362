"""Is inference in a flow's latents calibrated? Weights of a mixture there, from what it generates.

Latents are drawn from a mixture of three Gaussians and carried to data by the flow. Given the data, which the
flow carries back, Hamiltonian Monte Carlo draws the weights from their posterior under a flat prior: the
flow's volume does not depend on the weights, so the likelihood is that of the latents. If the maps lose
nothing, credible sets cover the weights as often as they say.
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
RADIUS, WIDTH = 1.3, 0.4  # where the components are, and their standard deviation
LEVELS = (0.5, 0.8, 0.95)
NUM_POINTS = 100  # in a data set
WARM_UP, DRAWS = 300, 1000


def weights_coverage(flow: ToyFlow, num_sets: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Coverage of highest-density credible sets of the weights.

    Half a study each: weights drawn from the prior, where coverage is exact if all is right, and the
    published weights (.5, .25, .25), where it is so in the limit of much data.

    Arguments:
        flow: Of a toy with two columns.
        num_sets: Data sets for each, 100 points in each set.

    Returns:
        Rows ``toy, schedule, weights, level, covered, p_value`` (binomial, two-sided), ``rhat`` and ``ess``
        (the worst of all weights); and for each set whose weights came from the prior the posterior mass
        more credible than the truth, ``(num_sets,)``: uniform if all is right.
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
    """Three Gaussians: on a circle, or along the kept direction, normal across it."""
    if flow.keep is None:
        angles = 2.0 * torch.pi * torch.arange(3, dtype=torch.float64) / 3.0
        centres = RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)
        return Independent(Normal(centres, WIDTH * torch.ones(3, 2, dtype=torch.float64)), 1)
    centres = RADIUS * torch.tensor([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    return Independent(Normal(centres, torch.tensor([WIDTH, 1.0], dtype=torch.float64).expand(3, 2)), 1)


def _draw(weights: Tensor, flow: ToyFlow, generator: torch.Generator) -> Tensor:
    """Latents of all data sets, ``(num_sets, NUM_POINTS, 2)``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        components = _components(flow).expand((len(weights), 3))
        mixture = MixtureSameFamily(Categorical(weights.double()), components)
        return mixture.sample((NUM_POINTS,)).transpose(0, 1).float()


def _log_density(parts: Tensor, weights: Tensor) -> Tensor:
    """Log posterior density of weights ``(..., num_sets, 3)`` in the simplex, but for a constant.

    The prior is flat there.
    """
    return (weights.log()[..., None, :] + parts).logsumexp(-1).sum(-1)


def _posterior(parts: Tensor) -> tuple[Tensor, float, float]:
    """Draws ``(DRAWS, num_sets, 3)`` of all sets' weights, the worst R-hat and bulk effective sample size.

    The sets are independent, so one chain over all of their weights at once is a chain for each.
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
    """Posterior mass where the density is higher than at the truth, by data set."""
    at_draws = torch.stack([_log_density(parts, draw) for draw in draws])
    return (at_draws > _log_density(parts, truth)).double().mean(0).numpy()
