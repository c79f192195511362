"""The method ``outsourced``: a diffusion sampler in noise space that is trained on a reward."""

from methods.outsourced.method import Outsourced
from methods.outsourced.policy import Policy, Trajectories
from methods.outsourced.posterior import OutsourcedPosterior
from methods.outsourced.process import NoiseProcess
from methods.outsourced.resampling import resampled
from methods.outsourced.trajectory_balance import Balance, log_partition, trajectory_balance

__all__ = [
    "Balance",
    "NoiseProcess",
    "Outsourced",
    "OutsourcedPosterior",
    "Policy",
    "Trajectories",
    "log_partition",
    "resampled",
    "trajectory_balance",
]
