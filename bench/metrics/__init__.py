"""How far samples are from a reference posterior: one metric a file, one column a metric."""

from bench.metrics.c2st import C2ST, c2st, c2st_many
from bench.metrics.c2st_rf import c2st_rf, c2st_rf_many
from bench.metrics.c2st_sklearn import c2st_sklearn
from bench.metrics.gaussian import gaussian_kl, gaussian_w2
from bench.metrics.marginal_kl import marginal_kl
from bench.metrics.metric_input import MetricError
from bench.metrics.mmd2 import mmd2
from bench.metrics.outside_prior import inside_prior, outside_prior
from bench.metrics.ppc import ppc
from bench.metrics.sliced_w2 import sliced_w2

__all__ = [
    "C2ST",
    "METRICS",
    "MetricError",
    "c2st",
    "c2st_many",
    "c2st_rf",
    "c2st_rf_many",
    "c2st_sklearn",
    "gaussian_kl",
    "gaussian_w2",
    "inside_prior",
    "marginal_kl",
    "mmd2",
    "outside_prior",
    "ppc",
    "sliced_w2",
]

METRICS = {
    "c2st": "accuracy of a classifier that tells samples from the reference; 0.5 is perfect, 1 is worst",
    "c2st_es": "the same with early stopping, which does not overfit in many dimensions",
    "c2st_rf": "the same by sbi's random forest; comparable with published figures of a forest alone",
    "mmd2": "unbiased squared maximum mean discrepancy, Gaussian kernel, median heuristic; 0 is perfect",
    "sliced_w2": "sliced 2-Wasserstein distance in units of the reference's standard deviations",
    "marginal_kl": "KL of the binned marginals from exact ones, in nats; 0 is perfect, the floor 0.0025",
    "gaussian_kl": "KL of the normal with the samples' moments from an exact normal posterior, in nats",
    "gaussian_w2": "2-Wasserstein distance between the same two normals, in the units of theta",
    "ppc": "median distance of data simulated at posterior samples to the observation, in the data's units",
    "outside_prior": "fraction of samples outside the prior's support",
    "sbc_ks": "largest distance of a parameter's calibration ranks from uniform; 0 is perfect",
    "coverage_error": "mean distance of central intervals' coverage from nominal; 0 is perfect",
    "tarp_ece": "mean distance of TARP's expected coverage from nominal; 0 is perfect",
}
