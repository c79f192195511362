"""The exact-score sampler, distilled into a network that takes one pass."""

from methods.exact_score_net.method import ExactScoreNet

__all__ = ["ExactScoreNet"]
