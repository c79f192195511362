import math

import pytest

from bench.metrics.marginal_kl import NUM_BINS
from bench.studies.metrics import known_errors


@pytest.mark.slow
def test_no_error_is_near_perfect_and_every_other_is_seen_by_some_metric():
    table = known_errors([2], 1000).set_index("error")
    none = table.loc["none"]
    assert none["ideal"] == 0.5
    error = 4.5 * 0.5 / math.sqrt(2000)  # 4.5 standard errors of an accuracy on 2000 rows
    assert abs(none["c2st"] - 0.5) < error
    assert abs(none["c2st_rf"] - 0.5) < error
    assert table.loc["second mode missing", "c2st_rf"] > 0.6
    assert none["sliced_w2"] < 0.13  # eight seeds gave 0.061 to 0.095, with sd 0.012
    assert table.loc["second mode missing", "c2st_es"] > 0.74 - error
    assert abs(table.loc["second mode missing", "ideal"] - 0.74) < 0.01
    # The floor is a chi-square divided by twice the number of samples, averaged over two columns.
    floor = (NUM_BINS - 1) / 2000 * (1 + 4.5 * math.sqrt(2 / NUM_BINS / 2))
    assert none["marginal_kl"] < floor < table.loc["1.5 times as wide", "marginal_kl"]
    near, far = table.loc["far away"], table.loc["twice as far away"]
    assert near["c2st"] == far["c2st"] == near["c2st_rf"] == 1.0
    assert far["sliced_w2"] > 1.8 * near["sliced_w2"]
