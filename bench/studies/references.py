"""Simulation-based calibration (Talts et al., 2018) of the samplers that make reference posteriors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from scipy.stats import kstwo
from torch import Tensor

from bench.metrics.calibration import scores
from bench.metrics.calibration_pairs import NUM_SAMPLES, CalibrationPairs
from tasks.contract.seeding import derive_seed
from tasks.reference.runs import SAMPLERS, PriorDraws
from tasks.tools.certified_task import CertifiedTask

__all__ = ["CHEAP", "sampler_calibration"]

CHEAP = ("damped_oscillator", "ringdown")  # closed-form simulators, which take seconds per observation
PRIOR_DRAWS = 20_000


def sampler_calibration(tasks: Sequence[CertifiedTask], num_pairs: int, seed: int, jobs: int) -> pd.DataFrame:
    """Test whether true parameters have uniform ranks among the draws of their posteriors.

    Arguments:
        tasks: Tasks whose reference posterior the suite makes itself.
        num_pairs: Number of pairs (theta, x) drawn from prior and simulator; the sampler runs once for each.
        seed: Seed for all randomness.
        jobs: Number of observations at a time.

    Returns:
        A row for each task and each of its samplers: the distances of
        :func:`bench.metrics.calibration.scores`, and the ``p_value`` of the largest rank distance, with
        Bonferroni's correction for the number of parameters.
    """
    rows = []
    for task in tasks:
        torch.manual_seed(derive_seed("reference study", task.name, seed))
        theta = task.prior().sample((num_pairs,)).float()
        x = task.simulate(theta, seed=derive_seed("reference study x", task.name, seed))
        for sampler in dict.fromkeys((task.reference_by, "metropolis")):
            found = Parallel(jobs)(
                delayed(_draws)(task, sampler, row[None], number, seed) for number, row in enumerate(x)
            )
            figures = scores(CalibrationPairs(theta, x, torch.stack(found, dim=1)))
            p_value = task.dim_theta * float(kstwo.sf(figures["sbc_ks"], num_pairs))
            kept = {key: figures[key] for key in ("sbc_ks", "coverage_error", "tarp_ece")}
            rows.append(
                {
                    "task": task.name,
                    "sampler": sampler,
                    "pairs": num_pairs,
                    **kept,
                    "p_value": min(p_value, 1.0),
                }
            )
    return pd.DataFrame(rows)


def _draws(task: CertifiedTask, sampler: str, x_o: Tensor, number: int, seed: int) -> Tensor:
    """Return L = ``NUM_SAMPLES`` evenly spaced draws ``(L, D)`` of the sampler for pair ``number``."""
    torch.set_num_threads(1)
    prior = PriorDraws(
        task, PRIOR_DRAWS, derive_seed("reference study pool", sampler, task.name, seed, number)
    )
    run_seed = derive_seed("reference study run", sampler, task.name, seed, number)
    run = SAMPLERS[sampler](task, prior.coordinates, x_o, prior.at(x_o), run_seed)
    chosen = np.linspace(0, len(run.draws) - 1, NUM_SAMPLES).astype(int)
    return run.draws[chosen].float()
