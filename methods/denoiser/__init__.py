"""A learned conditional denoiser on a Gaussian base: its parts, its training, and the sampler that it is."""

from methods.denoiser.base import GaussianBase
from methods.denoiser.conditional import ConditionalGaussian
from methods.denoiser.flow import DenoiserFlow
from methods.denoiser.network import DenoiserNetwork
from methods.denoiser.regression import MeanRegression
from methods.denoiser.sampler import Denoiser, DenoiserMethod, DenoiserPosterior
from methods.denoiser.unbounded import Unbounded

__all__ = [
    "ConditionalGaussian",
    "Denoiser",
    "DenoiserFlow",
    "DenoiserMethod",
    "DenoiserNetwork",
    "DenoiserPosterior",
    "GaussianBase",
    "MeanRegression",
    "Unbounded",
]
