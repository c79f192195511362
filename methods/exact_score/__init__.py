"""The exact score of a kernel posterior (arXiv 2506.18227): schedule, score, solvers, bandwidths, sampler."""

from methods.exact_score.bandwidth import leave_one_out
from methods.exact_score.kernel_posterior import KernelPosterior
from methods.exact_score.sampler import ExactScore, KernelMethod
from methods.exact_score.schedule import Schedule
from methods.exact_score.solvers import SOLVERS, solve

__all__ = ["SOLVERS", "ExactScore", "KernelMethod", "KernelPosterior", "Schedule", "leave_one_out", "solve"]
