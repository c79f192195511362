import builtins

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.errors import UsageError
from bench.results.critical_difference import critical_difference
from bench.results.tables.metric_values import metric_values
from bench.results.tables.rank_statistics import (
    holm_tests,
    mean_ranks,
    normalized,
    rank_methods,
)
from bench.results.tables.rank_tables import _too_few, rank_frame, rank_tables

# AUC on 14 data sets of four variants of a decision tree: Demšar, JMLR 7 (2006), table 6. In "voting" the
# table shows .975 for two methods that have ranks 2 and 3.
VARIANTS = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]
AUC = """
0.763 0.768 0.771 0.798
0.599 0.591 0.590 0.569
0.954 0.971 0.968 0.967
0.628 0.661 0.654 0.657
0.882 0.888 0.886 0.898
0.936 0.931 0.916 0.931
0.661 0.668 0.609 0.685
0.583 0.583 0.563 0.625
0.775 0.838 0.866 0.875
1.000 1.000 1.000 1.000
0.940 0.962 0.965 0.962
0.619 0.666 0.614 0.669
0.972 0.981 0.97501 0.975
0.957 0.978 0.946 0.970
"""
DEMSAR = pd.DataFrame([list(map(float, line.split())) for line in AUC.split("\n") if line], columns=VARIANTS)


def test_mean_ranks_of_a_published_example():
    ranks = mean_ranks(-DEMSAR)
    assert ranks["mean_rank"].round(3).tolist() == [3.143, 2.000, 2.893, 1.964]
    assert (ranks["low"] < ranks["mean_rank"]).all()
    assert (ranks["high"] > ranks["mean_rank"]).all()


def test_friedman_of_a_published_example():
    """The published χ² of 9.28 and F of 3.69 do not correct for ties, as scipy does."""
    number, methods = DEMSAR.shape
    corrected = stats.friedmanchisquare(*DEMSAR.T.to_numpy()).statistic
    ties = 3 * (2**3 - 2) + (4**3 - 4)  # three pairs and one data set on which all are equal
    chi2 = corrected * (1 - ties / (number * methods * (methods**2 - 1)))
    assert chi2 == pytest.approx(9.28, abs=0.005)
    assert (number - 1) * chi2 / (number * (methods - 1) - chi2) == pytest.approx(3.69, abs=0.005)


def test_critical_differences_of_a_published_example():
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, 0.10) == pytest.approx(1.12, abs=0.005)


def test_wilcoxon_of_a_published_example():
    """C4.5 and C4.5+m: sums of ranks 12 and 93, table 2 of the same publication."""
    pair = DEMSAR[["C4.5", "C4.5+m"]]
    expected = stats.wilcoxon(pair["C4.5"], pair["C4.5+m"].round(3), zero_method="zsplit")
    assert expected.statistic == 12
    found = holm_tests(pair)
    assert found.loc["C4.5", "C4.5+m"] == pytest.approx(expected.pvalue)  # one pair: nothing to adjust


def test_holm_multiplies_the_smallest_p_by_the_number_of_pairs():
    found = holm_tests(DEMSAR).to_numpy()[np.triu_indices(4, 1)]
    alone = [
        stats.wilcoxon(DEMSAR.iloc[:, i], DEMSAR.iloc[:, j], zero_method="zsplit").pvalue
        for i, j in zip(*np.triu_indices(4, 1), strict=True)
    ]
    ordered = np.sort(alone)
    adjusted = np.minimum(1, np.maximum.accumulate(ordered * np.arange(6, 0, -1)))
    assert np.sort(found) == pytest.approx(adjusted)


@pytest.fixture
def values(written_rows, grid):
    ends = [
        {"task": "sir", "method": method, "num_observation": 1, "c2st": value, "num_simulations": 10}
        for method, value in (("reference", 0.5), ("prior", 0.9))
    ]
    alone = [{"task": "slcp", "method": method, "num_observation": 1, "c2st": 0.9} for method in ("a", "c")]
    return metric_values(written_rows([*grid, *ends, *alone]), "c2st")


def test_ranks_are_over_tasks_that_all_methods_ran(values):
    ranks = rank_methods(values, 1000)
    assert ranks.tasks == ["sir", "two_moons"]
    assert ranks.left_out == {"slcp": ["b"]}
    assert ranks.table["mean_rank"].to_dict() == {"a": 1.0, "b": 2.0, "c": 3.0}
    notes = " ".join(rank_tables(values, [ranks])[0].notes)
    assert "slcp is left out: no value of b" in notes


def test_a_test_that_cannot_reach_the_level_says_so(values):
    ranks = rank_methods(values, 1000)
    notes = " ".join(rank_tables(values, [ranks])[1].notes)
    assert "the smallest p value over 2 tasks and 3 pairs is 1.000" in notes
    assert _too_few(10, 6) == []  # 15 pairs
    [note] = _too_few(10, 8)
    assert "28 pairs is 0.055" in note


def test_ranks_say_which_rows_failed(written_rows, grid):
    grid[0] |= {"status": "error", "c2st": None}
    values = metric_values(written_rows(grid), "c2st")
    notes = rank_tables(values, [rank_methods(values, 1000)])[0].notes
    assert "Rows that failed are left out: a on sir at 1000 (1)." in notes


def test_older_versions_of_the_noise_floor_get_no_rank(written_rows, grid):
    floors = [
        {"task": task, "method": "reference", "num_observation": 1, "c2st": 0.5}
        | {"method_version": version, "task_version": of_task}
        for task in ("sir", "two_moons")
        for version, of_task in (("1", "1"), ("2", "1"), ("1", "0"))
    ]
    values = metric_values(written_rows([*grid, *floors]), "c2st", all_versions=True)
    assert list(rank_methods(values, 1000).table.index) == ["a", "b", "c"]


def test_wins_are_differences_beyond_noise(values):
    table = rank_methods(values, 1000).table
    # On both tasks a and b cannot be told apart, and both beat c.
    assert table[["wins", "ties", "losses"]].to_numpy().tolist() == [[2, 2, 0], [2, 2, 0], [0, 0, 4]]


def test_the_scale_ends_at_the_noise_floor_and_the_prior(values):
    ranks = rank_methods(values, 1000)
    assert ranks.table.loc["a", "normalized"] == pytest.approx((0.62 - 0.5) / (0.9 - 0.5))
    assert ranks.table["num_normalized"].tolist() == [1, 1, 1]  # two_moons lacks the ends
    assert not {"reference", "prior"} & set(ranks.table.index)
    means = pd.DataFrame({"a": [0.7]}, index=["sir"])
    assert normalized(values, means).loc["sir", "a"] == pytest.approx(0.5)


def test_one_task_has_ranks_and_no_tests(written_rows, grid):
    values = metric_values(written_rows([row for row in grid if row["task"] == "sir"]), "c2st")
    ranks = rank_methods(values, 1000)
    assert ranks.p_values is None
    [table] = rank_tables(values, [ranks])
    assert "With one task there is no test." in table.notes
    assert "p_holm a" not in rank_frame(values, [ranks])


def test_without_a_common_task_the_method_that_lacks_most_is_named(written_rows, grid):
    rows = [row for row in grid if row["method"] != "c"]
    rows.append({"task": "slcp", "method": "c", "num_observation": 1, "c2st": 0.9})
    with pytest.raises(UsageError, match=r"no task was run by all 3 methods; c lacks 2 of 3"):
        rank_methods(metric_values(written_rows(rows), "c2st"), 1000)


def test_one_method_has_no_rank(written_rows, grid):
    rows = written_rows([row for row in grid if row["method"] == "a"])
    with pytest.raises(UsageError, match="two methods"):
        rank_methods(metric_values(rows, "c2st"), 1000)


def test_a_missing_library_is_one_line(values, monkeypatch):
    real = builtins.__import__

    def absent(name, *arguments, **options):
        if name == "scikit_posthocs":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(UsageError, match=r"pip install 'scorebench\[stats\]'"):
        rank_methods(values, 1000)
