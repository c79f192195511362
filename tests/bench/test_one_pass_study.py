import json

import pandas as pd
import pytest

import methods
from bench.one_pass_study import METHODS, comparison


def rows(c2st, task="two_moons", num_simulations=1000, **changed):
    """A row for each method and each of two observations; figures by method."""
    out = []
    for name in c2st:
        method = methods.get(name)
        for k in (1, 2):
            row = {
                "task": task,
                "num_simulations": num_simulations,
                "method": method.name,
                "method_version": method.version,
                "params": json.dumps(method.model_dump(mode="json"), sort_keys=True),
                "num_observation": k,
                "status": "ok",
                "c2st": c2st[name] + 0.01 * k * (name == "one_pass"),
                "train_s": 10.0,
                "sample_s": 0.1 if name == "one_pass" else 1.0,
            }
            out.append(row | changed)
    return pd.DataFrame(out)


def test_differences_and_the_published_leader():
    figures = {"npe": 0.65, "fmpe": 0.70, "npse": 0.60, "denoiser": 0.55, "one_pass": 0.55}
    [row] = comparison(rows(figures)).accuracy.to_dict("records")
    assert row["one_pass"] == pytest.approx(0.565)
    assert row["to_npe"] == pytest.approx(-0.085)
    assert row["to_best_peer"] == pytest.approx(-0.035)
    assert row["distilled"] == pytest.approx(0.015)
    assert row["distilled_worst"] == pytest.approx(0.02)
    assert row["published"] == pytest.approx(0.57)
    assert row["published_method"] == "NPSE-VE"


def test_a_method_that_is_missing_is_a_gap_and_others_stay_comparable():
    table = comparison(rows({"npe": 0.6, "one_pass": 0.5})).accuracy
    assert list(table.columns[2:8]) == list(METHODS)
    assert table["fmpe"].isna().all()
    assert table["to_best_peer"].iloc[0] == pytest.approx(-0.085)


def test_differences_are_over_observations_that_both_have():
    both = rows({"npe": 0.6, "one_pass": 0.5})
    last = (both["method"] == "npe") & (both["num_observation"] == 2)
    [row] = comparison(both[~last]).accuracy.to_dict("records")
    assert row["to_npe"] == pytest.approx(-0.09)
    assert row["one_pass"] == pytest.approx(0.515)


def test_observations_that_nothing_was_chosen_on_stand_apart():
    seen = rows({"one_pass": 0.5})
    later = seen.assign(num_observation=seen["num_observation"] + 3, c2st=0.7)
    [row] = comparison(pd.concat([seen, later])).accuracy.to_dict("records")
    assert row["unseen"] == pytest.approx(0.7)
    assert row["one_pass"] == pytest.approx((0.51 + 0.52 + 2 * 0.7) / 4)


def test_two_passes_are_a_row_of_their_own():
    [row] = comparison(rows({"one_pass": 0.5, "one_pass[passes=2]": 0.45})).accuracy.to_dict("records")
    assert row["one_pass"] == pytest.approx(0.515)
    assert row["one_pass[passes=2]"] == pytest.approx(0.45)


def test_times_are_multiples_of_one_pass():
    [row] = comparison(rows({"npe": 0.6, "one_pass": 0.5})).seconds.to_dict("records")
    assert row["sample_npe"] == pytest.approx(10)
    assert row["train_npe"] == 10


@pytest.mark.parametrize("changed", [{"method_version": "0"}, {"params": "{}"}, {"status": "error"}])
def test_rows_of_other_settings_do_not_count(changed):
    both = pd.concat([rows({"one_pass": 0.5}), rows({"one_pass": 0.9}, **changed)])
    assert comparison(both).accuracy["one_pass"].iloc[0] == pytest.approx(0.515)
