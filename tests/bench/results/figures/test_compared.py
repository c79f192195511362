"""Figures that compare methods over tasks: ranks, wins, profiles, intervals and metrics."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy.stats import t

from bench.errors import UsageError
from bench.results.critical_difference import critical_difference
from bench.results.figures import draw, drawn
from bench.results.figures.caption import caption
from bench.results.figures.metric_axis import estimates
from bench.results.figures.options import FigureOptions
from bench.results.figures.panels import log_ticks
from bench.results.figures.problems import complete
from bench.results.figures.wins import win_rates
from bench.results.style_file import Style


@pytest.mark.parametrize(
    ("num_methods", "quantile"),
    [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (8, 3.031), (10, 3.164)],
)
def test_the_critical_difference_is_that_of_the_publication(num_methods, quantile):
    # Table 5 (a) of Demšar 2006, for a level of 0.05.
    wanted = quantile * np.sqrt(num_methods * (num_methods + 1) / (6 * 14))
    assert critical_difference(num_methods, 14) == pytest.approx(wanted, abs=1e-3)


def test_ranks_are_over_tasks_that_all_methods_ran(made_up):
    rows = made_up(3, 3, budgets=(1000,), floor=False)
    rows = rows[~((rows["method"] == "npe") & (rows["task"] == "sir"))]
    table, budget, left_out = complete(rows, "c2st")
    assert (sorted(table.index), budget, left_out) == (["lotka_volterra", "two_moons"], 1000, ["sir"])
    made = drawn("ranks", rows, FigureOptions())
    texts = [text.get_text() for text in made.figure.axes[0].texts]
    ranks = table.rank(axis=1).mean()
    assert {f"{method}  {rank:.2f}" for method, rank in ranks.items()} <= set(texts)
    assert "(tasks and methods that are left out: sir)" in caption(made)
    alone = rows[rows["task"] != "two_moons"]
    with pytest.raises(UsageError, match=r"ranks need two tasks .* only lotka_volterra"):
        draw("ranks", alone)


def test_ranks_choose_the_budget_with_most_tasks(made_up):
    rows = made_up(3, 3)
    rows = rows[~((rows["num_simulations"] == 10_000) & (rows["method"] == "npe") & (rows["task"] == "sir"))]
    assert complete(rows, "c2st")[1] == 1000
    npe, fmpe = (rows[rows["method"] == method] for method in ("npe", "fmpe"))
    disjoint = pd.concat([npe[npe["task"] == "sir"], fmpe[fmpe["task"] == "two_moons"]])
    with pytest.raises(UsageError, match="no task was run with all methods"):
        complete(disjoint, "c2st")


def test_ranks_are_of_the_methods_of_a_budget(made_up):
    rows = made_up(3, 3)
    large = rows["num_simulations"] == 10_000
    rows = rows[~((rows["method"] == "npe") & large) & ~((rows["method"] == "fmpe") & ~large)]
    table, budget, left_out = complete(rows, "c2st")
    assert (sorted(table), budget, left_out) == (["fmpe", "npse"], 10_000, ["npe"])


def test_wins_are_paired_by_observation():
    losses = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [2.0, 2.0, 1.0], "c": [0.0, np.nan, np.nan]})
    rates = win_rates(losses)
    assert rates.loc["a", "b"] == pytest.approx(0.5)
    assert rates.loc["c", "a"] == 1.0
    assert rates.loc["a", "c"] == 0.0
    assert np.isnan(rates.loc["a", "a"])


def test_wins_say_over_how_many_pairs(made_up):
    rows = made_up(2, 3, budgets=(1000,))
    npe, fmpe = (rows["method"] == method for method in ("npe", "fmpe"))
    rows = rows[~(npe & (rows["task"] == "sir")) & ~(fmpe & (rows["task"] == "two_moons"))]
    notes = " ".join(drawn("wins", rows, FigureOptions()).entry.notes)
    assert "(0 to 6 for each pair of methods)" in notes
    assert "grey cell" in notes


def test_wins_follow_the_better_direction_and_the_style(made_up):
    rows = made_up(2, 3)
    best = rows.groupby("method")["c2st"].mean().drop("reference").idxmin()

    def names(**options):
        axes = draw("wins", rows, **options).axes[0]
        return [label.get_text() for label in axes.get_yticklabels()]

    assert names()[0] == best
    assert names(style=Style(methods={"npse": "Ours"}))[0] == "Ours"


def test_a_profile_starts_with_the_share_of_wins(made_up):
    rows = made_up(4, 4, budgets=(1000,))
    figure = draw("profile", rows)
    means = rows[rows["method"] != "reference"].groupby(["task", "method"])["c2st"].mean().unstack()
    won = (means.eq(means.min(axis=1), axis=0)).mean()
    curves = {line.get_color(): line for line in figure.axes[0].lines if len(line.get_xdata()) > 4}
    from bench.results.figures.looks import LOOKS

    for method, share in won.items():
        line = curves[LOOKS[method].color]
        at_one = line.get_ydata()[np.asarray(line.get_xdata()) <= 1.0 + 1e-9].max()
        assert at_one == pytest.approx(share)
    with pytest.raises(
        UsageError, match="profile compares ratios, and mmd2 has values that are not positive"
    ):
        draw("profile", rows.assign(mmd2=-rows["mmd2"]), metric="mmd2")


@pytest.mark.parametrize("name", ["ranks", "wins", "profile"])
def test_one_method_is_not_compared(name, made_up):
    needed = "two methods (besides reference and prior )?are needed, there is "
    with pytest.raises(UsageError, match=f"{needed}(only )?npe"):
        draw(name, made_up(3, 1))
    with pytest.raises(UsageError, match=f"{needed}none"):
        draw(name, made_up(3, 0))


def test_the_prior_has_no_rank(made_up):
    rows = made_up(3, 2)
    rows = rows[rows["method"] != "reference"]
    alone = rows.assign(method=rows["method"].where(rows["method"] == "npe", "prior"))
    with pytest.raises(UsageError, match="besides reference and prior are needed, there is npe"):
        draw("ranks", alone)


def test_intervals():
    rows = pd.DataFrame({"method": ["a"] * 4 + ["b"], "c2st": [0.5, 0.6, 0.7, 0.8, 0.9]})
    spread = np.std([0.5, 0.6, 0.7, 0.8], ddof=1)
    halves = {"sd": spread, "se": spread / 2, "ci95": spread / 2 * t.ppf(0.975, 3)}
    for interval, half in halves.items():
        found = estimates(rows, ["method"], "c2st", interval).set_index("method")
        assert found.loc["a", "high"] - found.loc["a", "mean"] == pytest.approx(half)
        assert found.loc["b", "low"] == found.loc["b", "high"] == 0.9


def test_bars_are_the_interval(made_up):
    rows = made_up(1, 1, budgets=(1000,), floor=False)
    wide, narrow = (
        draw("c2st_by_budget", rows, interval=interval).axes[0].collections[0].get_segments()[0]
        for interval in ("sd", "se")
    )
    assert np.ptp(wide[:, 1]) == pytest.approx(2 * rows["c2st"].std())
    assert np.ptp(narrow[:, 1]) == pytest.approx(2 * rows["c2st"].std() / np.sqrt(len(rows)))


def test_any_metric_is_drawn(made_up):
    rows = made_up(2, 3)
    rows.loc[rows["method"] == "npe", "mmd2"] *= 1000
    axes = draw("c2st_by_budget", rows, metric="mmd2").axes[0]
    assert axes.get_yscale() == "log"
    assert draw("c2st_by_budget", rows, metric="mmd2").get_supylabel() == "mmd2, lower is better"
    assert draw("accuracy_by_time", rows, metric="c2st_rf").get_supylabel().startswith("C2ST (random forest)")
    with pytest.raises(UsageError, match="no row has gaussian_kl"):
        draw("ranks", rows, metric="gaussian_kl")


def test_times_of_training_and_in_total(made_up):
    rows = made_up(1, 2, budgets=(1000,))
    medians = rows.groupby("method")[["train_s", "sample_s"]].median().drop("reference")

    def seconds(time):
        axes = draw("accuracy_by_time", rows, time=time).axes[0]
        return sorted(float(line.get_xdata()[0]) for line in axes.lines if len(line.get_xdata()) == 1)

    assert seconds("sampling") == pytest.approx(sorted(medians["sample_s"]))
    assert seconds("training") == pytest.approx(sorted(medians["train_s"]))
    totals = (rows["train_s"] + rows["sample_s"]).groupby(rows["method"]).median().drop("reference")
    assert seconds("total") == pytest.approx(sorted(totals))


def test_the_front_has_no_point_below_it(made_up):
    rows = made_up(1, 8, budgets=(1000,))
    axes = draw("accuracy_by_time", rows).axes[0]
    points = np.concatenate([line.get_xydata() for line in axes.lines if len(line.get_xdata()) == 1])
    [front] = [line.get_xydata() for line in axes.lines if line.get_drawstyle() == "steps-post"]
    for x, y in points:
        height = front[front[:, 0] <= x][-1, 1]
        assert y >= height - 1e-12


@pytest.mark.parametrize(("num_methods", "is_map"), [(3, False), (8, True)])
def test_calibration_of_many_methods_is_a_heat_map(num_methods, is_map, made_up):
    figure = draw("calibration", made_up(2, num_methods))
    assert any(label.get_text() == "SBC ranks" for label in (axes.title for axes in figure.axes))
    maps = [axes for axes in figure.axes if len(axes.collections) == 1 and len(axes.get_yticks()) == 8]
    assert (len(maps) == 3) == is_map


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("ranks", {"reference", "prior"}),
        ("wins", {"reference"}),
        ("profile", {"reference"}),
        ("times", {"reference", "prior"}),
        ("accuracy_by_time", {"prior"}),
        ("c2st_by_budget", set()),
    ],
)
def test_captions_name_the_methods_that_are_seen(name, absent, made_up):
    rows = made_up(2, 12, budgets=(1000,))
    lines = caption(drawn(name, rows, FigureOptions())).splitlines()
    methods = set(lines[1].partition("Methods: ")[2].rstrip(".").split(", "))
    assert methods == set(rows["method"]) - absent
    assert int(lines[2].partition("Rows: ")[2].rstrip(".")) == rows["method"].isin(methods).sum()


def test_one_budget_is_no_axis(made_up):
    figure = draw("c2st_by_budget", made_up(2, 4, budgets=(1000,)))
    assert [len(axes.get_xticks()) for axes in figure.axes] == [0, 0]
    assert figure.get_supxlabel() == "methods side by side, 1k simulations"
    assert draw("c2st_by_budget", made_up(2, 4)).get_supxlabel() == "simulations (methods side by side)"
    assert draw("c2st_by_budget", made_up(2, 1)).get_supxlabel() == "simulations"
    alone = made_up(2, 1, budgets=(1000,))
    assert draw("c2st_by_budget", alone).get_supxlabel() == "1k simulations"


def test_an_axis_of_few_decades_has_numbers_between():
    figure = Figure(figsize=(3.3, 2.0))
    axis = figure.subplots()
    found = {}
    for low, high in ((1.0, 15.0), (1.0, 1e6), (1.0, 4.0), (0.024, 0.033), (2.0, 2.0)):
        log_ticks(axis, "x", low, high, FigureOptions())
        found[high] = [tick.get_text() for tick in axis.get_xticklabels()]
    assert found[15.0] == ["1", "2", "5", "10"]
    assert found[1e6] == ["1", "10", "100", "1k", "10k", "100k", "1M"]
    assert found[4.0] == ["1", "2", "3"]
    assert len(found[0.033]) > 1
    assert len(found[2.0]) > 1


def test_floor_and_bars_are_on_the_axis(made_up):
    rows = made_up(2, 4, budgets=(1000,)).assign(mmd2=lambda rows: 10.0 ** (2 * rows["seed"] - 2))
    rows.loc[rows["method"] == "npe", "mmd2"] = 1e-4
    rows.loc[rows["method"] == "reference", "mmd2"] = 2e-5
    made = drawn("c2st_by_budget", rows, FigureOptions(metric="mmd2"))
    low, high = made.figure.axes[0].get_ylim()
    points = estimates(rows, ["task", "method"], "mmd2", "sd")
    assert low < 2e-5
    assert high > points["high"].max()
    assert (points["low"] <= 0).any()
    assert "cut where they reach below the axis" in caption(made)
    narrow = points.assign(task="sir", num_simulations=1000)
    assert (narrow["low"] < low).any()
    rows.loc[rows["method"] == "reference", "mmd2"] = -1e-5
    made = drawn("c2st_by_budget", rows, FigureOptions(metric="mmd2"))
    assert "The noise floor is not drawn where it is below the axis." in caption(made)
    names = [text.get_text() for text in made.figure.legends[0].get_texts()]
    assert "reference (noise floor)" not in names


def test_a_floor_of_a_task_that_is_not_drawn_is_not_there(made_up):
    rows = made_up(2, 3, budgets=(1000,)).assign(mmd2=lambda rows: 1 + 0.1 * rows["seed"])
    sir, floor = rows["task"] == "sir", rows["method"] == "reference"
    rows.loc[sir & ~floor, "mmd2"] = None
    rows.loc[sir & floor, "mmd2"] = 500.0
    rows = rows[sir | ~floor]
    made = drawn("c2st_by_budget", rows, FigureOptions(metric="mmd2"))
    assert made.figure.axes[0].get_ylim()[1] < 2
    assert "Tasks: two_moons. Methods: fmpe, npe, npse." in caption(made)
    names = [text.get_text() for text in made.figure.legends[0].get_texts()]
    assert "reference (noise floor)" not in names


def test_failed_rows_of_fewer_samples_are_not_counted(made_up):
    rows = made_up(2, 2, budgets=(1000,))
    rows.loc[rows.index[0], ["status", "num_posterior_samples"]] = ["error", 200]
    assert "failed" not in caption(drawn("c2st_by_budget", rows, FigureOptions()))


def test_captions_say_which_rows_failed_by_the_names_of_the_style(made_up):
    rows = made_up(2, 3, budgets=(1000,))
    lost = (rows["method"] == "npe") & (rows["task"] == "sir") & (rows["num_observation"] == 1)
    rows.loc[lost, "status"] = "error"
    rows.loc[(rows["method"] == "npse") & (rows["task"] == "two_moons"), "c2st"] = np.inf
    said = []
    style = Style(methods={"npe": "Flow", "npse": "Score"}, tasks={"sir": "Epidemic"})
    made = drawn("c2st_by_budget", rows, FigureOptions(style=style), say=said.append)
    sentence = "Rows that failed are left out: {} on {} at 1000 (2), {} on two_moons at 1000 (6)."
    assert sentence.format("Flow", "Epidemic", "Score") in caption(made)
    assert "Tasks: Epidemic, two_moons. Methods: Flow, Score, fmpe, reference." in caption(made)
    assert said == [sentence.format("npe", "sir", "npse")]
    assert "failed" not in caption(drawn("ranks", made_up(2, 3), FigureOptions()))


@pytest.mark.parametrize("name", ["wins", "times", "ranks", "c2st_by_budget"])
def test_captions_name_all_that_failed_of_what_they_show(name, made_up):
    """Also an observation at which all methods failed, a task without any good row, and no other method."""
    rows = made_up(3, 12, budgets=(1000,), seeds=1)
    rows = rows[rows["method"].isin(["npe", "fmpe", "prior", "reference"])].copy()
    rows.loc[rows["num_observation"] == 3, "status"] = "error"
    rows.loc[rows["task"] == "sir", "status"] = "error"
    words = caption(drawn(name, rows, FigureOptions()))
    assert "npe on two_moons at 1000 (1)" in words
    assert "npe on sir at 1000 (3)" in words
    shown = set(words.splitlines()[1].partition("Methods: ")[2].rstrip(".").split(", "))
    for method in {"prior", "reference"} - shown:
        assert f"{method} on" not in words
