"""Published experiments, repeated at their settings with the suite's own tasks, methods and metrics."""

from bench.studies.exact_score.study import EXPERIMENTS, exact_score

__all__ = ["EXPERIMENTS", "exact_score"]
