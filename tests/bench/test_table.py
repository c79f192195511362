import json

import numpy as np
import pytest

from bench.store import COLUMNS, SCHEMA
from bench.table import FORMATS, render, summarize


@pytest.fixture
def rows():
    """Two methods on one task: npe in two variants, and one failure."""
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
    assert list(table.index) == ["npe[density_estimator=nsf]", "npe[density_estimator=maf]", "prior"]
    assert table.loc["prior", "c2st"] == pytest.approx(0.93)
    assert table.loc["prior", "c2st_std"] == pytest.approx(np.std([0.92, 0.94], ddof=1))
    assert table["rows"].tolist() == [1, 1, 2]


def test_failures_are_counted_and_left_out(rows):
    table = summarize(rows).set_index("method")
    assert table["failed"].to_dict()["npe[density_estimator=maf]"] == 1
    assert table.loc["npe[density_estimator=maf]", "c2st"] == pytest.approx(0.7)


def test_a_method_that_only_failed_keeps_its_row(rows):
    table = summarize(rows[rows["status"] == "error"])
    assert table["failed"].tolist() == [1]
    assert table["rows"].tolist() == [0]
    assert "-" in render(table, "text")


def test_what_differs_is_never_averaged(rows):
    exclusive = rows.assign(timing=np.where(rows["num_observation"] == 1, "exclusive", "shared"))
    assert (summarize(exclusive)["method"] == "prior").sum() == 2
    fewer = rows.assign(num_posterior_samples=np.where(rows["num_observation"] == 1, 100, 200))
    assert (summarize(fewer)["method"] == "prior").sum() == 2


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
