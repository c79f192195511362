import math

import numpy as np
import pytest
from scipy import stats

from bench.results.tables.comparison_with_published import (
    SAME_METHOD,
    compare_with_published,
    comparison_table,
)
from bench.results.tables.metric_values import metric_values
from bench.results.tables.published_values import published_rows
from methods.contract.registry import method_class
from methods.contract.spec import parse

PUBLISHED = 0.7251  # NPE of sbibm on two_moons at 1000 simulations, ten observations


@pytest.fixture
def values(written_rows):
    def of(numbers, method="npe", seeds=1, **row):
        rows = [
            {"task": "two_moons", "method": method, "num_observation": k + 1, "seed": seed, "c2st": number}
            | row
            for seed in range(seeds)
            for k, number in enumerate(numbers)
        ]
        return metric_values(written_rows(rows), "c2st")

    return of


def test_a_difference_beyond_the_joint_noise_is_marked(values):
    noise = np.linspace(-0.05, 0.05, 10)
    [near] = compare_with_published(values(PUBLISHED + 0.01 + noise), "sbibm").to_dict("records")
    [far] = compare_with_published(values(PUBLISHED + 0.20 + noise), "sbibm").to_dict("records")
    assert (near["differs"], far["differs"]) == (False, True)
    assert near["difference"] == pytest.approx(0.01, abs=1e-4)
    table = comparison_table(compare_with_published(values(PUBLISHED + 0.20 + noise), "sbibm"))
    assert [entry.text for entry in table.groups[0][1][0]][-1] == "differs"
    assert table.notes[0].startswith("1 of 1 differ")


def test_the_noise_is_that_of_welchs_test(values):
    numbers = PUBLISHED + np.linspace(0, 0.1, 10)
    [found] = compare_with_published(values(numbers), "sbibm").to_dict("records")
    sd = published_rows("c2st", "sbibm").query(
        "task == 'two_moons' and method == 'NPE' and num_simulations == 1000"
    )["c2st_std"]
    interval = stats.ttest_ind_from_stats(
        numbers.mean(), numbers.std(ddof=1), 10, PUBLISHED, float(sd.iloc[0]), 10, equal_var=False
    )
    at_the_edge = found["noise"] / found["difference"]
    freedom_p = interval.pvalue
    assert (at_the_edge < 1) == (freedom_p < 0.05)
    assert found["se"] == pytest.approx(stats.sem(numbers))


def test_seeds_are_averaged_before_the_noise_over_observations(values):
    numbers = PUBLISHED + np.linspace(0, 0.1, 10)
    one = compare_with_published(values(numbers), "sbibm")
    three = compare_with_published(values(numbers, seeds=3), "sbibm")
    assert one["se"].tolist() == pytest.approx(three["se"].tolist())


def test_other_methods_budgets_and_numbers_of_samples_are_not_compared(values):
    said = []
    assert compare_with_published(values([0.7] * 3, method="one_pass"), "all", said.append).empty
    assert said == ["no publication has these methods: one_pass"]
    assert compare_with_published(values([0.7] * 3, num_simulations=1234)).empty
    assert compare_with_published(values([0.7] * 3, num_posterior_samples=100), "sbibm").empty


def test_one_observation_cannot_be_judged(values):
    compared = compare_with_published(values([0.7]), "sbibm")
    assert compared["differs"].tolist() == [None]
    assert math.isnan(compared["noise"].iloc[0])
    assert any("1 cannot be judged" in note for note in comparison_table(compared).notes)


@pytest.mark.parametrize("label", SAME_METHOD)
def test_labels_of_methods_are_those_that_tables_show(label):
    """A changed default would make a label name another method."""
    name, [given] = parse(label)
    default = method_class(name).model_construct().model_dump(mode="json")
    assert all(default[key] != value for key, value in given.items())
    flow = {
        "npe": ("density_estimator", "nsf"),
        "nle": ("density_estimator", "maf"),
        "npse": ("sde_type", "ve"),
    }
    if label in flow:
        key, value = flow[label]
        assert default[key] == value
