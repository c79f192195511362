"""The study of outsourced diffusion (arXiv 2502.06999) on generated digits, compared with Markov chains."""

from bench.studies.outsourced.chains import CHAINS, BudgetError, CountedReward, hmc, random_walk
from bench.studies.outsourced.scores import Measured, diversity, measured, share_right, shuffled

__all__ = [
    "CHAINS",
    "BudgetError",
    "CountedReward",
    "Measured",
    "diversity",
    "hmc",
    "measured",
    "random_walk",
    "share_right",
    "shuffled",
]
