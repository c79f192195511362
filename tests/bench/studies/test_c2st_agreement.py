import pytest

import tasks
from bench.studies.c2st_agreement import agreement, speed, study_pairs


@pytest.mark.slow
def test_pairs_go_from_equal_to_far():
    table = agreement([tasks.get("two_moons")], size=100, num_seeds=2)
    assert table["pair"].tolist() == ["same", "blurred", "other observation"]
    assert table["batched"].iloc[2] > 0.8
    error = 4.5 * 0.5 / 200**0.5  # 4.5 standard errors of an accuracy on 200 rows
    assert abs(table["batched"].iloc[0] - 0.5) < error
    assert (table["difference"] - (table["batched"] - table["sklearn"])).abs().max() < 1e-12
    assert table["difference"].abs().max() < error


def test_pairs_of_equals_are_disjoint():
    for _, kind, reference, samples in study_pairs([tasks.get("gaussian_mixture")], 50):
        if kind == "same":
            assert not (reference[:, None] == samples).all(-1).any()


@pytest.mark.slow
def test_speed_is_measured():
    table = speed([tasks.get("two_moons")], observations=[1, 2], sklearn_observations=[1], size=60)
    assert table["task"].tolist() == ["two_moons"]
    assert (table[["batched_s", "sklearn_s", "forest_s"]] > 0).all().all()
    assert (table["times_faster"] - table["sklearn_s"] / table["batched_s"]).abs().max() < 1e-9
    assert (table["forest_to_batched"] - table["forest_s"] / table["batched_s"]).abs().max() < 1e-9
    assert table["mean_c2st_rf"].between(0.4, 1).all()


def test_speed_with_one_parameter_and_fewer_observations_than_usual():
    [row] = speed([tasks.get("bimodal_1d")], [1, 2], [2], 50).to_dict("records")
    assert 0 <= row["mean_c2st"] <= 1
