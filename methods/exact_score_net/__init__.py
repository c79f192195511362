"""The method ``exact_score_net``: the exact-score sampler, distilled into a one-pass network."""

from methods.exact_score_net.method import ExactScoreNet

__all__ = ["ExactScoreNet"]
