import itertools
import shutil

import numpy as np
import pytest

from bench.results.claims import claim
from bench.results.merged_files import MergedFiles
from bench.results.store import Store, done

LATER = "2026-02-01T00:00:00.000+00:00"
RUN = ["-t", "two_moons", "-t", "gaussian_linear", "-m", "rejection_abc", "-n", 150, "--num-samples", 80]


def test_directories_are_merged_into_few_files(scorebench, fill, content, tmp_path):
    fill(tmp_path / "a", ["c1", "c2"])
    fill(tmp_path / "a", ["c3"], task="sir")
    fill(tmp_path / "b", ["c4"])
    result = scorebench("merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "c")
    assert result.out == f"merged 8 rows of 4 cells into {tmp_path / 'c'}\n"
    assert len(MergedFiles(tmp_path / "c").paths()) == 2  # one for each task
    assert not (tmp_path / "c" / "cells").exists()
    assert content(tmp_path / "c") == content(tmp_path / "a") + content(tmp_path / "b")
    assert "two_moons" in scorebench("table", tmp_path / "c").out
    again = scorebench("merge", tmp_path / "b", tmp_path / "a", "--out", tmp_path / "c")
    assert again.out == f"nothing to do: {tmp_path / 'c'} has all 8 rows of 4 cells\n"


def test_the_later_good_row_wins_in_any_order(scorebench, fill, content, tmp_path):
    fill(tmp_path / "a", ["c1", "c2"], c2st=0.6)
    fill(tmp_path / "b", ["c1"], c2st=0.7, started_at=LATER, samples_sha256="other")
    fill(tmp_path / "d", ["c1", "c2", "c3"], status="error", error="late", started_at="2027", c2st=None)
    found = []
    for order in itertools.permutations("abd"):
        out = tmp_path / "".join(order)
        result = scorebench("merge", *(tmp_path / name for name in order), "--out", out)
        assert "npe: 2 rows were run more than once, the later started are kept; 2 of" in result.err
        found.append(content(out))
    assert all(rows == found[0] for rows in found)
    kept = {(row["cell"], row["num_observation"]): (row["status"], row["c2st"]) for row in found[0]}
    assert kept["c1", "1"] == ("ok", "0.7")
    assert kept["c2", "1"] == ("ok", "0.6")
    assert kept["c3", "1"] == ("error", "nan")


def test_a_row_without_scores_does_not_replace_a_scored_one(scorebench, fill, content, tmp_path):
    fill(tmp_path / "a", ["c1"], sliced_w2=0.2)
    fill(tmp_path / "times", ["c1"], c2st=float("nan"), started_at=LATER)
    for order in (("a", "times"), ("times", "a")):
        out = tmp_path / "-".join(order)
        result = scorebench("merge", *(tmp_path / name for name in order), "--out", out)
        assert "of 2 an earlier one with more metrics is kept, of 0 the later" in result.err
        assert content(out) == content(tmp_path / "a")


def test_observations_of_a_cell_come_from_several_directories(scorebench, fill, tmp_path):
    fill(tmp_path / "a", ["c1"], observations=(1, 2))
    fill(tmp_path / "b", ["c1"], observations=(2, 3))
    result = scorebench("merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "c")
    assert result.err == ""  # copies of one row do not differ
    assert done(Store(tmp_path / "c").state("c1")) == {1, 2, 3}


def test_new_rows_lie_next_to_merged_ones_and_win(scorebench, fill, made_up, content, tmp_path):
    fill(tmp_path / "a", ["c1", "c2"])
    scorebench("merge", tmp_path / "a", "--out", tmp_path / "c")
    store = Store(tmp_path / "c")
    store.write_cell("c1", [made_up("c1", 2, c2st=0.9, started_at=LATER), made_up("c1", 3)])
    assert [path.name for path in store.cell_files()] == ["c1.parquet"]
    rows = store.read()
    assert rows.groupby("cell")["num_observation"].agg(list).to_dict() == {"c1": [1, 2, 3], "c2": [1, 2]}
    assert rows.set_index(["cell", "num_observation"]).loc[("c1", 2), "c2st"] == 0.9
    assert set(store.states()["c1"]) == {1, 2, 3}
    assert set(store.states(cells=["c2"])) == {"c1", "c2"}
    before = content(tmp_path / "c")
    scorebench("merge", tmp_path / "c", "--out", tmp_path / "c")
    assert content(tmp_path / "c") == before
    assert store.cell_files() == []


def test_a_file_that_a_run_holds_or_nobody_can_read_stays(scorebench, fill, tmp_path):
    store = fill(tmp_path / "c", ["c1", "c2"])
    (store.cells / "bad.parquet").write_bytes(b"PAR1 rubbish")
    with claim(tmp_path / "c", "c1"):
        result = scorebench("merge", tmp_path / "c", "--out", tmp_path / "c")
    assert "bad.parquet: left out" in result.err
    assert [path.name for path in store.cell_files()] == ["bad.parquet", "c1.parquet"]
    assert len(store.read()) == 4


def test_a_corrupt_merged_file_is_kept_and_its_cells_run_again(scorebench, fill, tmp_path):
    fill(tmp_path / "a", ["c1"])
    fill(tmp_path / "a", ["c2"], task="sir")
    scorebench("merge", tmp_path / "a", "--out", tmp_path / "c")
    store = Store(tmp_path / "c", warn=[].append)
    [path] = [path for path in store.merged.paths() if path.name.startswith("sir")]
    path.write_bytes(b"PAR1 rubbish")
    assert set(store.states()) == {"c1"}
    fill(tmp_path / "c", ["c3"])
    scorebench("merge", tmp_path / "c", "--out", tmp_path / "c")
    assert set(store.states()) == {"c1", "c3"}
    assert [kept.read_bytes() for kept in store.merged.folder.glob("*/*.broken")] == [b"PAR1 rubbish"]


def test_a_mark_of_invalidation_stays(scorebench, fill, tmp_path):
    fill(tmp_path / "a", ["c1"])
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    scorebench("invalidate", tmp_path / "b", "-t", "two_moons", "--reason", "wrong prior")
    scorebench("merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "c")
    assert Store(tmp_path / "c").read()["invalid"].tolist() == ["wrong prior"] * 2


def test_kept_samples_and_records_of_runs_come_along(scorebench, fill, tmp_path):
    def keep(directory, cell, **samples):
        (tmp_path / directory / "samples").mkdir(exist_ok=True)
        numbers = [int(name.removeprefix("samples_")) for name in samples]
        index = {
            "num_observation": np.array(numbers),
            "samples_sha256": np.array([f"{cell}-{number}" for number in numbers]),
            "num_samples": np.array([len(one) for one in samples.values()]),
        }
        np.savez(tmp_path / directory / "samples" / f"{cell}.npz", **index, **samples)

    for name in "ab":
        fill(tmp_path / name, ["c1", name])
        (tmp_path / name / "runs").mkdir()
        (tmp_path / name / "runs" / f"{name}.yaml").write_text("# started_at: 1\n# command: x\ntask: [sir]\n")
    keep("a", "a", samples_1=np.ones((5, 2), np.float32))
    keep("a", "c1", samples_1=np.ones((5, 2), np.float32))
    keep("b", "c1", samples_2=np.full((5, 2), 2.0, np.float32))
    scorebench("merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "c")
    assert {path.name for path in (tmp_path / "c" / "runs").iterdir()} == {"a.yaml", "b.yaml"}
    assert {path.name for path in (tmp_path / "c" / "samples").iterdir()} == {"a.npz", "c1.npz"}
    with np.load(tmp_path / "c" / "samples" / "c1.npz") as file:
        assert file["num_observation"].tolist() == [1, 2]
        assert file["samples_2"].mean() == 2.0


@pytest.mark.parametrize(
    "words", [["nowhere", "--out", "c"], ["a", "nowhere", "--out", "c"], ["a"], ["--out", "c"]]
)
def test_bad_input_is_one_line_and_writes_nothing(scorebench, fill, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    fill("a", ["c1"])
    result = scorebench("merge", *words)
    assert result.status == 2
    assert len(result.err.splitlines()) == 1
    assert not (tmp_path / "c").exists()


@pytest.mark.usefixtures("quick_classifiers")
def test_two_halves_of_a_grid_equal_the_whole(scorebench, tmp_path):
    """Observations 1 and 2 on one machine, 2 and 3 on another, the whole in one directory."""
    halves = {"a": ["-o", 1, "-o", 2], "b": ["-o", 2, "-o", 3], "whole": ["-o", 1, "-o", 2, "-o", 3]}
    for name, observations in halves.items():
        words = [*RUN, *observations, "--backend", "sequential", "--out", tmp_path / name]
        assert scorebench("run", *words).status == 0
    scorebench("merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "c")
    columns = ["cell", "num_observation", "status", "samples_sha256", "c2st", "mmd2", "sliced_w2", "ppc"]
    tables = [Store(tmp_path / name).read(columns) for name in ("c", "whole")]
    found = [table.sort_values(columns[:2], ignore_index=True) for table in tables]
    assert len(found[0]) == 6
    assert found[0].equals(found[1])
    done_before = scorebench(
        "run", *RUN, *halves["whole"], "--backend", "sequential", "--out", tmp_path / "c"
    )
    assert "nothing to do: all 2 cells are done" in done_before.out
    more = scorebench("run", *RUN, "-o", 4, "--backend", "sequential", "--out", tmp_path / "c")
    assert "ran 2 cells, 0 failed" in more.out
    assert len(Store(tmp_path / "c").read()) == 8
