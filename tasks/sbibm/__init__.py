"""The ten tasks of sbibm, with the observations and reference posteriors that sbibm ships."""

from tasks.sbibm.bernoulli_glm import BernoulliGLM
from tasks.sbibm.bernoulli_glm_raw import BernoulliGLMRaw
from tasks.sbibm.gaussian_linear import GaussianLinear
from tasks.sbibm.gaussian_linear_uniform import GaussianLinearUniform
from tasks.sbibm.gaussian_mixture import GaussianMixture
from tasks.sbibm.lotka_volterra import LotkaVolterra
from tasks.sbibm.sir import SIR
from tasks.sbibm.slcp import SLCP
from tasks.sbibm.slcp_distractors import SLCPDistractors
from tasks.sbibm.two_moons import TwoMoons

__all__ = [
    "SIR",
    "SLCP",
    "BernoulliGLM",
    "BernoulliGLMRaw",
    "GaussianLinear",
    "GaussianLinearUniform",
    "GaussianMixture",
    "LotkaVolterra",
    "SLCPDistractors",
    "TwoMoons",
]
