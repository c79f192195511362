import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import methods
from bench.commands.studies import study
from bench.errors import UsageError
from bench.results.schema import COLUMNS
from bench.results.store import Store
from bench.studies.one_pass import METHODS, comparison


def rows(c2st, task="two_moons", num_simulations=1000, **changed):
    """Rows for each method and each of two observations, with C2ST values by method and none by a forest."""
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
                "seed": 0,
                "status": "ok",
                "c2st": c2st[name] + 0.01 * k * (name == "one_pass"),
                "c2st_rf": float("nan"),
                "train_s": 10.0,
                "sample_s": 0.1 if name == "one_pass" else 1.0,
            }
            out.append(row | changed)
    return pd.DataFrame(out)


def test_differences():
    figures = {"npe": 0.65, "fmpe": 0.70, "npse": 0.60, "denoiser": 0.55, "one_pass": 0.55}
    [row] = comparison(rows(figures)).accuracy.to_dict("records")
    assert row["one_pass"] == pytest.approx(0.565)
    assert row["to_npe"] == pytest.approx(-0.085)
    assert row["to_best_peer"] == pytest.approx(-0.035)
    assert row["distilled"] == pytest.approx(0.015)
    assert row["distilled_worst"] == pytest.approx(0.02)


def test_a_seed_without_rows_is_one_line():
    other = 7
    with pytest.raises(UsageError, match="no rows of seed 7; there are rows of seed 0"):
        comparison(rows({"npe": 0.65, "one_pass": 0.55}), seed=other)


def test_each_published_figure_stands_by_ours_of_the_same_classifier():
    [row] = comparison(rows({"one_pass": 0.55}, c2st_rf=0.6)).published.to_dict("records")
    ours, best = ["one_pass", "two_passes", "refined"], ["published_mlp", "published_mlp_method"]
    assert list(row)[2:8] == [*ours, *best, "to_published_mlp"]
    assert list(row)[8:11] == [f"{name}_rf" for name in ours]
    assert list(row)[11:] == ["published_rf", "published_rf_method", "to_published_rf"]
    assert (row["one_pass"], row["one_pass_rf"]) == pytest.approx((0.565, 0.6))
    assert (row["published_mlp"], row["published_mlp_method"]) == (pytest.approx(0.7251, abs=5e-5), "NPE")
    assert row["to_published_mlp"] == pytest.approx(0.565 - row["published_mlp"])
    assert (row["published_rf"], row["published_rf_method"]) == (0.57, "NPSE-VE")
    assert row["to_published_rf"] == pytest.approx(0.03)


def test_the_best_variant_is_compared_with_the_published_figure():
    c2st = {"one_pass": 0.6, "one_pass[refinement_steps=99]": 0.55}
    [row] = comparison(rows(c2st, c2st_rf=0.6)).published.to_dict("records")
    assert (row["one_pass"], row["refined"]) == pytest.approx((0.615, 0.55))
    assert row["to_published_mlp"] == pytest.approx(0.55 - row["published_mlp"])


def test_what_the_forest_has_not_scored_is_not_compared_with_its_figures():
    [row] = comparison(rows({"npe": 0.6, "one_pass": 0.5})).published.to_dict("records")
    assert row["to_published_mlp"] < 0
    assert pd.isna(row["one_pass_rf"])
    assert pd.isna(row["to_published_rf"])
    [row] = comparison(rows({"npe": 0.6}, c2st_rf=0.6)).published.to_dict("records")
    assert pd.isna(row["one_pass"])
    assert pd.isna(row["one_pass_rf"])


def test_a_budget_that_nobody_published_has_no_figure():
    [row] = comparison(rows({"one_pass": 0.5}, num_simulations=1234, c2st_rf=0.6)).published.to_dict(
        "records"
    )
    for classifier in ("mlp", "rf"):
        assert pd.isna(row[f"published_{classifier}"])
        assert pd.isna(row[f"to_published_{classifier}"])


@pytest.mark.parametrize("forest", [None, 0.6])
def test_the_command_shows_both_classifiers(forest, tmp_path):
    stored = Store(tmp_path)
    measured = rows({"one_pass": 0.5}, c2st_rf=forest).to_dict("records")
    stored.write_cell("abc", [dict.fromkeys(COLUMNS) | row for row in measured])
    shown = CliRunner().invoke(study, ["one_pass", "--show", "--out", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    lines = shown.output.split("\n\n")[1].splitlines()
    table = dict(zip(lines[0].split(), lines[1].split(), strict=True))
    assert (table["one_pass"], table["published_mlp"], table["published_mlp_method"]) == (
        "0.515",
        "0.725",
        "NPE",
    )
    assert (table["published_rf"], table["published_rf_method"]) == ("0.570", "NPSE-VE")
    ours = ("-", "-") if forest is None else ("0.600", "0.030")
    assert (table["one_pass_rf"], table["to_published_rf"]) == ours


def test_a_method_that_is_missing_is_a_gap_and_others_stay_comparable():
    table = comparison(rows({"npe": 0.6, "one_pass": 0.5})).accuracy
    assert list(table.columns[2 : 2 + len(METHODS)]) == list(METHODS)
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


@pytest.mark.parametrize(
    "changed", [{"method_version": "0"}, {"params": '{"passes": 3}'}, {"status": "error"}]
)
def test_rows_of_other_settings_do_not_count(changed):
    both = pd.concat([rows({"one_pass": 0.5}), rows({"one_pass": 0.9}, **changed)])
    assert comparison(both).accuracy["one_pass"].iloc[0] == pytest.approx(0.515)


def test_seeds_are_compared_apart():
    both = pd.concat([rows({"one_pass": 0.5}), rows({"one_pass": 0.9}, seed=1)])
    assert comparison(both).accuracy["one_pass"].iloc[0] == pytest.approx(0.515)
    assert comparison(both, seed=1).accuracy["one_pass"].iloc[0] == pytest.approx(0.915)


def test_the_table_of_the_notebook_is_that_of_the_committed_rows():
    """The first line of this test's failure says what to run: study one_pass --show --markdown."""
    results = Path(__file__).parents[3] / "results" / "studies"
    shown = CliRunner().invoke(
        study, ["one_pass", "--show", "--markdown", "--out", str(results / "one_pass")]
    )
    assert shown.exit_code == 0, shown.output
    table = shown.output[shown.output.index("| task, simulations") :].strip()
    text = (results / "one_pass.md").read_text(encoding="utf-8")
    _, _, after = text.partition("<!-- table of the committed rows -->")
    assert after.partition("<!-- end of the table -->")[0].strip() == table
