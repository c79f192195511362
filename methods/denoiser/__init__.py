"""A learned conditional denoiser on a Gaussian base: its parts, its training, and the sampler that it is."""

from methods.denoiser.conditional import ConditionalGaussian
from methods.denoiser.flow import DenoiserFlow
from methods.denoiser.gaussian_base import GaussianBase
from methods.denoiser.method import Denoiser, DenoiserMethod, DenoiserPosterior
from methods.denoiser.regression import MeanRegression

__all__ = [
    "ConditionalGaussian",
    "Denoiser",
    "DenoiserFlow",
    "DenoiserMethod",
    "DenoiserPosterior",
    "GaussianBase",
    "MeanRegression",
]
