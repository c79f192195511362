"""Outsourced diffusion sampling: a diffusion in noise space that is trained on a reward."""

from methods.outsourced.noise_map import NoiseMap, noise_map
from methods.outsourced.policy import Policy, Trajectories
from methods.outsourced.posterior import OutsourcedPosterior
from methods.outsourced.process import NoiseProcess
from methods.outsourced.resampling import resampled
from methods.outsourced.sampler import Outsourced
from methods.outsourced.trajectory_balance import Balance, log_partition, trajectory_balance

__all__ = [
    "Balance",
    "NoiseMap",
    "NoiseProcess",
    "Outsourced",
    "OutsourcedPosterior",
    "Policy",
    "Trajectories",
    "log_partition",
    "noise_map",
    "resampled",
    "trajectory_balance",
]
