import pytest

from bench.errors import UsageError
from bench.results.tables.metric_values import metric_values
from bench.results.tables.published_values import check_source, published_estimates, published_rows


@pytest.fixture
def values(written_rows):
    """Both C2STs of npe on two_moons at 1000 simulations."""

    def of(metric, num_samples=10_000):
        rows = [
            {"task": "two_moons", "method": "npe", "num_observation": k, "c2st": 0.7 + 0.01 * k}
            | {"c2st_rf": 0.7, "num_posterior_samples": num_samples, "mmd2": 0.1}
            for k in (1, 2, 3)
        ]
        return metric_values(written_rows(rows), metric)

    return of


def test_only_results_of_the_same_classifier_task_and_budget_are_shown(values):
    network = published_estimates(values("c2st"), "sd", "all")
    forest = published_estimates(values("c2st_rf"), "sd", "all")
    assert {key[::2] for key in [*network, *forest]} == {("two_moons", 1000)}
    assert network["two_moons", "NPE (sbibm 2021)", 1000].mean == pytest.approx(0.7251, abs=5e-5)
    assert forest["two_moons", "NPE (NPE-PFN 2025)", 1000].mean == pytest.approx(0.698)
    assert not any("NPE-PFN" in one.source for one in network.values())
    assert not any("sbibm" in one.source for one in forest.values())


def test_the_interval_is_computed_from_the_published_deviation(values):
    found = {
        interval: published_estimates(values("c2st_rf"), interval, "NPE-PFN")[
            "two_moons", "NPE (NPE-PFN 2025)", 1000
        ]
        for interval in ("sd", "se")
    }
    assert found["sd"].num == 50
    assert found["se"].spread == pytest.approx(found["sd"].spread / 10**0.5)  # observations


def test_another_number_of_posterior_samples_is_left_out(values):
    said = []
    found = published_estimates(values("c2st", num_samples=1000), "sd", "sbibm", said.append)
    assert found == {}
    assert "10000 posterior samples, these rows of 1000" in said[0]


def test_an_unknown_number_of_posterior_samples_is_said(values):
    sources = {one.source for one in published_estimates(values("c2st_rf"), "sd", "Simformer").values()}
    assert all("not stated" in source for source in sources)
    assert sources


def test_a_source_is_found_by_a_part_of_its_name():
    rows = published_rows("c2st", "SBIBM")
    assert set(rows["classifier"]) == {"mlp"}
    assert rows["source"].str.startswith("sbibm").all()
    with pytest.raises(UsageError, match=r"known: .*sbibm 2021"):
        check_source("no_such_source")


def test_other_metrics_have_no_published_results(values):
    with pytest.raises(UsageError, match="of c2st and c2st_rf only"):
        published_estimates(values("mmd2"), "sd", "all")
