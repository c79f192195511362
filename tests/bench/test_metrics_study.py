from bench.metrics_study import known_errors


def test_no_error_is_near_perfect_and_every_other_is_seen_by_some_metric():
    table = known_errors([2], 1000).set_index("error")
    none = table.loc["none"]
    assert none["ideal"] == 0.5
    assert 0.45 < none["c2st"] < 0.55
    assert 0.45 < none["c2st_rf"] < 0.55
    assert table.loc["second mode missing", "c2st_rf"] > 0.65
    assert none["sliced_w2"] < 0.1
    assert table.loc["second mode missing", "c2st_es"] > 0.7
    assert abs(table.loc["second mode missing", "ideal"] - 0.74) < 0.01
    assert table.loc["1.5 times as wide", "marginal_kl"] > 3 * none["marginal_kl"]
    near, far = table.loc["far away"], table.loc["twice as far away"]
    assert near["c2st"] == far["c2st"] == near["c2st_rf"] == 1.0
    assert far["sliced_w2"] > 1.8 * near["sliced_w2"]
