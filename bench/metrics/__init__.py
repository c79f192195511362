"""How far samples are from a reference posterior: one metric a file, one column a metric."""

from bench.metrics.c2st import C2ST, c2st, c2st_many
from bench.metrics.c2st_sklearn import c2st_sklearn
from bench.metrics.checks import MetricError
from bench.metrics.mmd2 import mmd2
from bench.metrics.outside_prior import outside_prior
from bench.metrics.sliced_w2 import sliced_w2

__all__ = [
    "C2ST",
    "METRICS",
    "MetricError",
    "c2st",
    "c2st_many",
    "c2st_sklearn",
    "mmd2",
    "outside_prior",
    "sliced_w2",
]

METRICS = {
    "c2st": "accuracy of a classifier that tells samples from the reference; 0.5 is perfect, 1 is worst",
    "mmd2": "unbiased squared maximum mean discrepancy, Gaussian kernel, median heuristic; 0 is perfect",
    "sliced_w2": "sliced 2-Wasserstein distance in units of the reference's standard deviations",
    "outside_prior": "fraction of samples outside the prior's support",
}
