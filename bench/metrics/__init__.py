"""How good posterior samples are: one metric a file, with a card that says what it is.

>>> import bench.metrics
>>> bench.metrics.metric_class("c2st").needs
('reference',)
"""

from bench.metrics.metric import CalibrationMetric, Draws, Metric, Score
from bench.metrics.metric_input import MetricError
from bench.metrics.registry import (
    UnknownMetricError,
    columns,
    metric_class,
    metrics,
    metrics_so_far,
    register_metric,
)

# Importing a module of metrics registers them; this is the order of their columns.
from bench.metrics.c2st import C2ST, c2st, c2st_many  # isort: skip
from bench.metrics.c2st_rf import c2st_rf, c2st_rf_many  # isort: skip
from bench.metrics.mmd2 import mmd2  # isort: skip
from bench.metrics.sliced_w2 import sliced_w2  # isort: skip
from bench.metrics.marginal_kl import marginal_kl  # isort: skip
from bench.metrics.gaussian import gaussian_kl, gaussian_w2  # isort: skip
from bench.metrics.ppc import ppc  # isort: skip
from bench.metrics.outside_prior import outside_prior  # isort: skip
from bench.metrics.inside_prior import inside_prior  # isort: skip
from bench.metrics import calibration  # noqa: F401  # isort: skip
from bench.metrics.c2st_sklearn import c2st_sklearn  # isort: skip

BUILT_IN = metrics_so_far()

__all__ = [
    "BUILT_IN",
    "C2ST",
    "CalibrationMetric",
    "Draws",
    "Metric",
    "MetricError",
    "Score",
    "UnknownMetricError",
    "c2st",
    "c2st_many",
    "c2st_rf",
    "c2st_rf_many",
    "c2st_sklearn",
    "columns",
    "gaussian_kl",
    "gaussian_w2",
    "inside_prior",
    "marginal_kl",
    "metric_class",
    "metrics",
    "mmd2",
    "outside_prior",
    "ppc",
    "register_metric",
    "sliced_w2",
]
