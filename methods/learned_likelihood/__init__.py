"""The method ``learned_likelihood``."""

from methods.learned_likelihood.method import LearnedLikelihoodMethod

__all__ = ["LearnedLikelihoodMethod"]
