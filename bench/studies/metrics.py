"""Values of each metric on samples with known errors, by kind of error and dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily, Normal

from bench.metrics import c2st_many, c2st_rf_many, marginal_kl, mmd2, sliced_w2
from bench.metrics.marginal_kl import levels
from tasks.contract.seeding import derive_seed

__all__ = ["known_errors"]

MODES = 2.0  # the truth has modes at ±2 in its first coordinate, standard deviation 1
DUPLICATES = 10
FAR = 40.0


class _Case(NamedTuple):
    name: str
    samples: Distribution
    copies: int = 1


def known_errors(dims: Sequence[int], size: int) -> pd.DataFrame:
    """Compute every metric on samples with known errors.

    The true distribution is an equal mixture of two unit Gaussians at ±2 in the first coordinate.

    Arguments:
        dims: Dimensions of the distribution; the table has rows for each.
        size: Number of reference draws and of samples.

    Returns:
        A row for each dimension and error, with a column for each metric. ``ideal`` is the accuracy of the
        best possible classifier, which knows the densities of the truth and of the samples.
    """
    rows = []
    for dim in dims:
        truth = _mixture(dim)
        cases = [
            _Case("none", truth),
            _Case("shifted by 0.5", _mixture(dim, shift=0.5)),
            _Case("1.5 times as wide", _mixture(dim, widen=1.5)),
            _Case("second mode missing", _mixture(dim, weights=(1.0, 0.0))),
            _Case(f"each draw {DUPLICATES} times", truth, copies=DUPLICATES),
            _Case("far away", _mixture(dim, shift=FAR)),
            _Case("twice as far away", _mixture(dim, shift=2 * FAR)),
        ]
        quantiles = _quantiles(dim)
        reference = _draw(truth, size, f"reference {dim}")
        drawn = [_draw(case.samples, size // case.copies, case.name) for case in cases]
        samples = [part.repeat(case.copies, 1) for part, case in zip(drawn, cases, strict=True)]
        pairs = [(reference[: len(part)], part) for part in samples]
        plain, stopped = c2st_many(pairs), c2st_many(pairs, early_stopping=True)
        forests = c2st_rf_many(pairs)
        for case, pair, one, other, forest in zip(cases, pairs, plain, stopped, forests, strict=True):
            rows.append(
                {
                    "dim": dim,
                    "error": case.name,
                    "ideal": _ideal(truth, case.samples),
                    "c2st": one.mean,
                    "c2st_se": one.se,
                    "c2st_es": other.mean,
                    "c2st_rf": forest.mean,
                    "mmd2": mmd2(*pair),
                    "sliced_w2": sliced_w2(*pair),
                    "marginal_kl": marginal_kl(quantiles, pair[1]),
                }
            )
    return pd.DataFrame(rows)


def _mixture(
    dim: int, shift: float = 0.0, widen: float = 1.0, weights: tuple[float, float] = (0.5, 0.5)
) -> Distribution:
    loc = torch.zeros(2, dim)
    loc[:, 0] = torch.tensor([-MODES, MODES]) + shift
    parts = Independent(Normal(loc, widen * torch.ones(2, dim)), 1)
    return MixtureSameFamily(Categorical(torch.tensor(weights)), parts)


def _quantiles(dim: int) -> Tensor:
    grid = torch.linspace(-MODES - 8, MODES + 8, 20_001, dtype=torch.float64)
    below = 0.5 * (Normal(-MODES, 1.0).cdf(grid) + Normal(MODES, 1.0).cdf(grid))
    first = grid[torch.searchsorted(below, levels())]
    others = Normal(0.0, 1.0).icdf(levels())[:, None].expand(-1, dim - 1)
    return torch.cat([first[:, None], others], dim=1)


def _draw(distribution: Distribution, size: int, what: str) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("metrics study", what))
        return distribution.sample((size,))


def _ideal(truth: Distribution, samples: Distribution, size: int = 200_000) -> float:
    """Return the accuracy of the classifier that knows both densities, estimated by simulation."""
    right = []
    for own, other in ((truth, samples), (samples, truth)):
        x = _draw(own, size, "ideal")
        ratio = own.log_prob(x) - other.log_prob(x)
        right.append((ratio > 0).double() + 0.5 * (ratio == 0).double())
    return float(torch.stack(right).mean())
