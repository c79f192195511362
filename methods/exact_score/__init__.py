"""The method ``exact_score``: the exact score of a kernel posterior (arXiv 2506.18227) and its parts."""

from methods.exact_score.bandwidth import leave_one_out
from methods.exact_score.joint import JointPosterior
from methods.exact_score.kernel_posterior import KernelPosterior
from methods.exact_score.method import ExactScore, FlowMap, KernelMethod
from methods.exact_score.schedule import Schedule
from methods.exact_score.summary import PosteriorMean

__all__ = [
    "ExactScore",
    "FlowMap",
    "JointPosterior",
    "KernelMethod",
    "KernelPosterior",
    "PosteriorMean",
    "Schedule",
    "leave_one_out",
]
