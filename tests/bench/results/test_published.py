import pandas as pd
import pytest

from bench.results import published
from bench.results.published import best_amortized, read_published

FILES = ["c2st.csv", "sequential_and_abc.csv"]
BY_FOREST = ("NPE-PFN", "Simformer 2024")
BY_NETWORK = ("sbibm", "GenSBI", "BayesFlow")


@pytest.mark.parametrize("name", FILES)
def test_every_figure_has_a_source_and_its_classifier(name):
    table = read_published(name)
    assert len(table) > 100
    assert table["source"].str.startswith(BY_FOREST + BY_NETWORK).all()
    assert (table["source"].str.startswith(BY_FOREST) == (table["classifier"] == "rf")).all()
    assert (table["source"].str.startswith(BY_NETWORK) == (table["classifier"] == "mlp")).all()


@pytest.mark.parametrize(
    ("classifier", "task", "num_simulations", "figure", "method"),
    [
        ("mlp", "two_moons", 1000, 0.7251, "NPE"),  # 0.570 by a forest
        ("rf", "two_moons", 1000, 0.57, "NPSE-VE"),
        ("mlp", "slcp", 10_000, 0.655, "GenSBI flow matching Flux1Joint"),  # 0.646 by a forest
        ("rf", "slcp", 10_000, 0.646, "Simformer-VP"),
        ("mlp", "sir", 10_000, 0.6796, "NPE"),
        ("rf", "sir", 10_000, 0.5369, "filtered_tabpfn"),
    ],
)
def test_the_best_figure_is_of_the_same_classifier(classifier, task, num_simulations, figure, method):
    best = best_amortized(classifier).loc[(task, num_simulations)]
    assert best["c2st_mean"] == pytest.approx(figure, abs=5e-5)
    assert best["method"] == method


@pytest.mark.parametrize("classifier", ["mlp", "rf"])
def test_only_figures_of_that_classifier_are_among_the_best(classifier):
    table = read_published("c2st.csv")
    table = table[table["classifier"] == classifier]
    known = set(table[["task", "num_simulations", "c2st_mean", "method"]].itertuples(index=False, name=None))
    best = best_amortized(classifier).reset_index()
    best = best[["task", "num_simulations", "c2st_mean", "method"]]
    assert set(best.itertuples(index=False, name=None)) <= known
    assert len(best) >= 20


def test_unknown_classifiers_and_methods_that_are_not_amortized_are_left_out(monkeypatch):
    row = {"task": "slcp", "num_simulations": 1000, "source": "sbibm 2021 (Lueckmann et al.)"}
    table = pd.DataFrame(
        [
            row | {"method": "NPE", "c2st_mean": 0.9, "classifier": "mlp"},
            row | {"method": "NPE", "c2st_mean": 0.6, "classifier": None},
            row | {"method": "SNLE", "c2st_mean": 0.7, "classifier": "mlp"},
            row | {"method": "SM Flux1", "c2st_mean": 0.8, "classifier": "mlp", "source": "GenSBI 2026 (a)"},
        ]
    )
    monkeypatch.setattr(published, "read_published", lambda name: table)
    [(figure, method)] = best_amortized("mlp").itertuples(index=False, name=None)
    assert (figure, method) == (0.8, "SM Flux1")
    assert best_amortized("rf").empty
