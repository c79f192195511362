import pandas as pd
import pytest

from bench.report.questions import accuracy, calibration, costs
from bench.report.ranking import ranks_by_budget
from bench.results.figures.problems import complete
from bench.results.schema import COLUMNS
from bench.results.tables.metric_values import metric_values
from bench.results.tables.rank_statistics import rank_methods
from bench.results.tables.rank_tables import rank_tables

# Means of c2st and seconds of 10 000 samples by task and method.
VALUES = {
    ("a", "npe"): (0.6, 1.0),
    ("a", "nre"): (0.7, 0.5),
    ("a", "fmpe"): (0.8, 2.0),
    ("b", "npe"): (0.9, 1.0),
    ("b", "nre"): (0.7, 2.0),
    ("b", "fmpe"): (0.8, 0.1),
    ("c", "npe"): (0.9, 1.0),
}


def lines(table, budget="1 000 simulations"):
    return {line[0].text: [cell.text for cell in line[1:]] for line in table.groups[budget]}


@pytest.fixture
def good():
    base = dict.fromkeys(COLUMNS) | {"num_simulations": 1000, "num_posterior_samples": 10_000, "status": "ok"}
    base |= {"device": "cpu", "timing": "exclusive", "batch_size": 1, "seed": 0, "train_s": 60.0}
    rows = [
        base
        | {"task": task, "method": method, "num_observation": k, "c2st": c2st + step, "sample_s": seconds}
        for (task, method), (c2st, seconds) in VALUES.items()
        for k, step in ((1, -0.01), (2, 0.01))
    ]
    floor = {"task": "a", "method": "reference", "num_posterior_samples": 5000, "c2st": 0.5}
    rows.append(base | floor | {"num_observation": 1})
    rows = [row | {"cell": f"{row['task']}-{row['method']}"} for row in rows]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    numbers = [name for name in frame if frame[name].isna().all() and name not in ("error", "metric_errors")]
    return frame.astype(dict.fromkeys(numbers, float))


def test_accuracy_has_means_with_the_best_bold(good):
    answer = accuracy(good)
    table = lines(answer.table)
    assert table["npe"] == ["0.600", "0.900", "0.900"]
    assert table["reference"] == ["0.500", "–", "–"]
    bold = {
        (line[0].text, column)
        for line in answer.table.groups["1 000 simulations"]
        for column, cell in zip(answer.table.columns, line, strict=True)
        if cell.best
    }
    assert bold == {("npe", "a"), ("nre", "b"), ("npe", "c")}
    assert answer.sentence == "At 1 000 simulations, npe has the best mean c2st on 2 of 3 tasks, nre on 1."
    assert answer.table.groups["1 000 simulations"][1][1].note == "± 0.014"


def test_ranks_are_over_the_tasks_that_all_methods_ran(good):
    (table,), others = ranks_by_budget(good)
    found = lines(table, "")
    assert not others
    assert "2 tasks" in table.caption
    assert [(name, found[name][0], found[name][-1]) for name in found] == [
        ("nre", "1.50", "2 of 2"),
        ("npe", "2.00", "2 of 3"),
        ("fmpe", "2.50", "1 of 2"),
    ]
    assert any(note.startswith("c is left out: no value of") for note in table.notes)


def test_ranks_are_those_of_the_table_and_the_figure(good):
    prior = good[good["method"] == "npe"].assign(method="prior", c2st=0.99, cell="prior")
    rows = pd.concat([good, prior], ignore_index=True)
    (table,), _ = ranks_by_budget(rows)
    values = metric_values(rows, "c2st")
    printed = rank_tables(values, [rank_methods(values, 1000, tests=False)])[0]
    assert [line[1].text for line in table.groups[""]] == [line[1].text for line in printed.groups[0][1]]
    losses, _, left_out = complete(rows, "c2st")
    assert {name: f"{rank:.2f}" for name, rank in losses.rank(axis=1).mean().items()} == {
        line[0].text: line[1].text for line in table.groups[""]
    }
    assert left_out == ["c"]


def test_a_budget_without_ranks_is_a_line(good):
    alone = good[good["method"] == "npe"].assign(num_simulations=10, cell="alone")
    tables, others = ranks_by_budget(pd.concat([good, alone], ignore_index=True))
    assert len(tables) == 1
    assert others == [
        "ranks at 10 simulations need two methods besides reference and prior with a c2st; there are: npe"
    ]


def test_costs_are_of_one_kind_of_times(good):
    slow = good[good["method"] == "npe"].assign(method="shared", timing="shared", train_s=1.0)
    answer = costs(pd.concat([good, slow], ignore_index=True))
    assert "shared" not in lines(answer.table)
    assert lines(answer.table)["npe"] == ["60", "1"]
    assert "times: cpu, exclusive" in answer.table.caption


def test_calibration_counts_a_cell_once(good):
    assert "--calibration" in calibration(good).sentence
    answer = calibration(good.assign(sbc_ks=0.1, coverage_error=0.02, tarp_ece=0.03, num_calibration=200.0))
    assert lines(answer.table)["npe"] == ["0.100", "0.020", "0.030", "3"]


def test_rows_that_all_failed_get_answers():
    none = pd.DataFrame(columns=COLUMNS)
    assert accuracy(none).table is None
    assert calibration(none).table is None
    assert costs(none).table is None
    assert ranks_by_budget(none)[0] == []
