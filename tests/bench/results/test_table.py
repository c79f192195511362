import json

import numpy as np
import pandas as pd
import pytest

from bench.results.schema import COLUMNS, SCHEMA
from bench.results.table import FORMATS, render, summarize


@pytest.fixture
def rows():
    """Rows of two methods on one task, with npe in two variants and one failure."""
    import pyarrow as pa

    base = dict.fromkeys(COLUMNS) | {
        "task": "two_moons",
        "num_simulations": 1000,
        "status": "ok",
        "num_posterior_samples": 10_000,
        "device": "cpu",
        "timing": "shared",
        "sample_s": 0.5,
        "train_s": 12.0,
        "params": "{}",
    }
    records = [base | {"method": "prior", "num_observation": k, "c2st": 0.9 + 0.02 * k} for k in (1, 2)]
    for flow, c2st in (("maf", 0.7), ("nsf", 0.6)):
        params = json.dumps({"density_estimator": flow, "learning_rate": 0.1})
        records.append(base | {"method": "npe", "params": params, "num_observation": 1, "c2st": c2st})
    params = json.dumps({"density_estimator": "maf", "learning_rate": 0.1})
    failed = {"method": "npe", "params": params, "num_observation": 2, "status": "error", "error": "x"}
    records.append(base | failed)
    return pa.Table.from_pylist(records, schema=SCHEMA).to_pandas()


def test_means_over_observations(rows):
    table = summarize(rows).set_index("method")
    assert list(table.index) == [
        "npe[learning_rate=0.1]",
        "npe[density_estimator=maf,learning_rate=0.1]",
        "prior",
    ]
    assert table.loc["prior", "c2st"] == pytest.approx(0.93)
    assert table.loc["prior", "c2st_std"] == pytest.approx(np.std([0.92, 0.94], ddof=1))
    assert table["rows"].tolist() == [1, 1, 2]


def test_failures_are_counted_and_left_out(rows):
    table = summarize(rows).set_index("method")
    maf = "npe[density_estimator=maf,learning_rate=0.1]"
    assert table.loc[maf, "failed"] == 1
    assert table.loc[maf, "c2st"] == pytest.approx(0.7)


def test_a_method_that_only_failed_keeps_its_row(rows):
    table = summarize(rows[rows["status"] == "error"])
    assert table["failed"].tolist() == [1]
    assert table["rows"].tolist() == [0]
    assert "-" in render(table, "text")


def test_a_failure_is_counted_once_whatever_numbers_of_samples_there_are(rows):
    few = rows[rows["status"] == "ok"].assign(num_posterior_samples=100)
    both = pd.concat([rows, few], ignore_index=True)
    counts = summarize(both).set_index(["method", "num_posterior_samples"])["failed"]
    assert counts.sum() == 1
    assert counts["npe[density_estimator=maf,learning_rate=0.1]", 10_000] == 1


def test_a_failure_belongs_to_the_largest_number_that_the_method_could_give(rows):
    prior = rows[rows["method"] == "prior"].assign(num_posterior_samples=[5000, 10_000])
    prior.loc[prior["num_posterior_samples"] == 10_000, "status"] = "error"
    [line] = summarize(prior).to_dict("records")
    assert (line["num_posterior_samples"], line["rows"], line["failed"]) == (5000, 1, 1)


def test_different_numbers_of_samples_are_never_averaged(rows):
    fewer = rows.assign(num_posterior_samples=np.where(rows["num_observation"] == 1, 100, 200))
    assert (summarize(fewer)["method"] == "prior").sum() == 2


@pytest.mark.parametrize(
    ("column", "values"), [("timing", ["exclusive", "shared"]), ("device", ["cuda", "cpu"])]
)
def test_accuracy_is_one_mean_whatever_the_clock_said(rows, column, values):
    mixed = rows[rows["method"] == "prior"].assign(**{column: values}, train_s=[1.0, 3.0])
    [line] = summarize(mixed).to_dict("records")
    assert line["c2st"] == pytest.approx(0.93)
    assert line["rows"] == 2


def test_times_are_of_one_kind_which_the_head_names(rows):
    mixed = rows.assign(timing=["shared", "exclusive", "shared", "shared", "shared"], train_s=range(5))
    table = summarize(mixed)
    assert table.set_index("method").loc["prior", "train_s"] == 0.0
    assert set(table["timing"]) == {"shared"}
    for form in ("text", "markdown", "latex"):
        assert "times: cpu, shared" in render(table, form).splitlines()[0]


def test_only_the_newest_version_is_shown_and_the_rest_is_said(rows):
    flaky = rows[rows["method"] == "prior"].assign(
        method="flaky", method_version=["9", "10"], c2st=[0.9, 0.6]
    )
    said = []
    [line] = summarize(flaky, say=said.append).to_dict("records")
    assert (line["method"], line["c2st"]) == ("flaky", 0.6)
    [note] = said
    assert "1 rows of flaky@9 are left out" in note
    apart = summarize(flaky, all_versions=True).set_index("method")["c2st"]
    assert apart.to_dict() == {"flaky@10": 0.6, "flaky@9": 0.9}


def test_an_older_task_is_left_out_or_named(rows):
    two = rows[rows["method"] == "prior"].assign(task_version=["1", "2"])
    [line] = summarize(two).to_dict("records")
    assert line["c2st"] == pytest.approx(0.94)
    # Another method that was run only on the older version is shown, but marked as of another version.
    other = rows[rows["status"] == "ok"].assign(task_version=["2", "2", "1", "1"])
    assert set(summarize(other)["task"]) == {"two_moons@1", "two_moons@2"}


def test_a_mean_over_several_sources_is_marked(rows):
    prior = rows[rows["method"] == "prior"]
    mixed = prior.assign(method_sha256=["a", "b"])
    assert summarize(mixed)["sources"].tolist() == [2]
    assert "prior *" in render(summarize(mixed), "text")
    assert "several sources" in render(summarize(mixed), "text").splitlines()[0]
    for same in (prior, prior.assign(method_sha256="a"), prior.assign(method_sha256=[None, "a"])):
        assert "*" not in render(summarize(same), "text")


def test_a_failed_metric_leaves_the_others_and_is_said(rows):
    prior = rows[rows["method"] == "prior"].assign(ppc=[np.nan, 2.0])
    said = []
    failed = prior.assign(metric_errors=['{"ppc": "no sample lies in the support"}', None])
    [line] = summarize(failed, say=said.append).to_dict("records")
    assert line["c2st"] == pytest.approx(0.93)
    assert (line["ppc"], line["rows"], line["failed"], line["metrics_failed"]) == (2.0, 2, 0, 1)
    [note] = said
    assert "ppc failed in 1 rows" in note
    assert "no sample lies in the support" in note


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_the_numbers(rows, form):
    text = render(summarize(rows), form)
    assert text.endswith("\n")
    assert "0.700" in text or "0.7," in text
    assert "prior" in text


def test_markup_is_escaped(rows):
    wild = rows.assign(method=rows["method"].replace("prior", "<b>|_&"))
    assert "<b>|" not in render(summarize(wild), "markdown")
    latex = render(summarize(wild), "latex")
    assert r"\_" in latex
    assert r"\&" in latex
