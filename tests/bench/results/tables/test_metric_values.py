import math

import numpy as np
import pytest

from bench.errors import UsageError
from bench.results.tables.metric_values import metric_values


def test_there_is_one_value_for_each_observation_and_seed(written_rows, grid):
    more = [row | {"seed": 1} for row in grid]
    values = metric_values(written_rows([*grid, *more]), "c2st")
    assert len(values.values) == 2 * len(grid)
    assert values.num_samples == 10_000
    assert not values.failed


def test_what_is_measured_once_for_a_cell_counts_once(written_rows, grid):
    rows = written_rows([row | {"train_s": 10.0, "sbc_ks": 0.2} for row in grid])
    for metric in ("train_s", "sbc_ks"):
        values = metric_values(rows, metric).values
        assert len(values) == 6  # two tasks and three methods
        assert set(values["num_observation"]) == {0}


def test_values_are_of_one_number_of_posterior_samples(written_rows, grid):
    few = [
        row | {"num_posterior_samples": 100, "seed": 1, "c2st": 0.5} for row in grid if row["method"] == "a"
    ]
    floor = {"task": "sir", "method": "reference", "num_observation": 1, "c2st": 0.5}
    said = []
    rows = written_rows([*grid, *few, floor | {"num_posterior_samples": 5000}])
    values = metric_values(rows, "c2st", say=said.append)
    assert values.num_samples == 10_000
    assert (values.values["seed"] == 0).all()
    assert "reference" in set(values.values["method"])
    assert said == ["6 rows are left out: their number of samples is not 10000"]


def test_times_are_of_one_kind(written_rows, grid):
    rows = [row | {"train_s": 1.0} for row in grid]
    rows[0] |= {"timing": "shared", "train_s": 100.0}
    values = metric_values(written_rows(rows), "train_s")
    assert values.kind == "cpu, exclusive"
    assert (values.values["value"] == 1.0).all()


def test_failures_of_a_row_and_of_the_metric_are_counted(written_rows, grid):
    grid[0] |= {"status": "error", "c2st": None}
    grid[1] |= {"c2st": None, "metric_errors": '{"c2st": "no samples"}'}
    grid[2] |= {"metric_errors": '{"ppc": "no samples"}'}
    values = metric_values(written_rows(grid), "c2st")
    assert values.failed == {("sir", "a", 1000): 2}
    assert len(values.values) == len(grid) - 2


def test_an_infinite_value_is_a_failure(written_rows, grid):
    grid[0] |= {"mmd2": math.inf}
    grid[1] |= {"mmd2": 0.1}
    values = metric_values(written_rows(grid), "mmd2")
    assert values.failed == {("sir", "a", 1000): 1}
    assert values.values["value"].tolist() == [0.1]


def test_a_column_of_a_plug_in_that_is_not_loaded_is_known(written_rows, grid):
    rows = written_rows(grid).assign(mine=np.arange(len(grid)) * 1.0)
    assert metric_values(rows, "mine").values["value"].max() == len(grid) - 1


@pytest.mark.parametrize("metric", ["no_such_metric", "method", "mmd2"])
def test_a_metric_without_values_is_refused(written_rows, grid, metric):
    with pytest.raises(UsageError, match=f"metric = '{metric}'"):
        metric_values(written_rows(grid), metric)
