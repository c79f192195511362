"""The method ``denoiser``: a learned conditional denoiser on a Gaussian base, with its parts and training."""

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
