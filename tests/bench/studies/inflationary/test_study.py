import pytest

from bench.commands.arguments import known_toys
from bench.errors import UsageError
from bench.studies.inflationary import ToyFlow, maps
from bench.studies.inflationary import study as inflation_study
from methods.learning.sizes import Sizes


@pytest.mark.slow
def test_tables_and_figures_are_written(tmp_path, monkeypatch):
    class Quick(ToyFlow):
        @classmethod
        def fit(cls, name, keep):
            return super().fit(name, keep, Sizes(8, 1, 5, 64, 0), 200)

    monkeypatch.setattr(inflation_study, "ToyFlow", Quick)
    monkeypatch.setattr(maps, "OUTLINE", 300)
    monkeypatch.setattr(inflation_study, "SOLVERS", (("heun", 10),))
    said = []
    tables = inflation_study.inflation_study(["moons", "s_curve"], 20, tmp_path, said.append)
    assert tables["maps"]["schedule"].tolist() == ["PRP", "PRR 2→1", "PRP", "PRR 3→2"]
    assert "weights" not in tables
    assert len(said) == 4
    written = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"maps.csv"} | {
        f"inflation_{what}.{suffix}" for what in ("preserving", "reducing") for suffix in ("png", "pdf")
    }


def test_an_unknown_toy_is_named():
    with pytest.raises(UsageError, match="unknown toy 'donut'; known: circles"):
        known_toys(["donut"])
