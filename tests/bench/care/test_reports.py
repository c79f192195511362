"""What ``status``, ``errors`` and ``export`` say about a directory."""

import io

import pandas as pd
import pytest

from bench.care import stale
from bench.results.store import Store
from bench.run.run_record import read_records

RUN = ["-t", "two_moons", "-m", "rejection_abc", "-n", 150, "--num-samples", 80, "--backend", "sequential"]
TRACEBACK = "Traceback\n  File x\nValueError: took \x1b[31m{} s"


@pytest.fixture
def mixed(fill, tmp_path):
    """A directory with a row in every state."""
    task, method = stale._task("two_moons"), stale._method("npe")
    today = {"task_version": task[0], "task_sha256": task[1]}
    today |= {"method_version": method[0], "method_sha256": method[1]}
    fill(tmp_path, ["good"], observations=(1, 2, 3), **today)
    fill(tmp_path, ["old"], **today | {"task_version": "0"})
    fill(tmp_path, ["bad1"], status="error", error=TRACEBACK.format(1), seed=1, **today)
    fill(tmp_path, ["bad2"], status="error", error=TRACEBACK.format(2.5), seed=2, cell_s=None, **today)
    fill(tmp_path, ["late"], observations=(1,), status="timeout", error="OutOfTimeError: late", **today)
    fill(
        tmp_path,
        ["wrong"],
        observations=(1,),
        invalid="wrong prior",
        task="sir",
        **today | {"task_version": "1"},
    )
    return tmp_path


def test_status_counts_rows_by_state(scorebench, mixed):
    result = scorebench("status", mixed)
    header, *lines = [line.split() for line in result.out.splitlines()]
    assert header == ["task", "method", "done", "stale", "failed", "timed", "out", "invalid", "core_hours"]
    # A cell takes half an hour on two threads, whatever its number of rows.
    assert lines == [
        ["sir", "npe", "0", "0", "0", "0", "1", "1.00"],
        ["two_moons", "npe", "3", "2", "4", "1", "0", "4.00"],
        ["all", "3", "2", "4", "1", "1", "5.00"],
    ]


def test_status_of_a_grid_names_what_is_missing(scorebench, tmp_path, monkeypatch, quick_classifiers):
    out = tmp_path / "out"
    grid = tmp_path / "grid.yaml"
    grid.write_text(
        "task: [two_moons, slcp]\nmethod: rejection_abc\nnum-simulations: 150\nobservation: [1, 2]\n"
        "num-samples: 80\n"
    )
    empty = scorebench("status", out, grid)
    assert empty.out.splitlines()[-2:] == [
        "missing: two_moons rejection_abc n=150 seed=0, observations 1, 2",
        "missing: slcp rejection_abc n=150 seed=0, observations 1, 2",
    ]
    assert scorebench("run", *RUN, "-o", 1, "--out", out).status == 0
    lines = scorebench("status", out, grid).out.splitlines()
    assert lines[0].split()[-2:] == ["missing", "core_hours"]
    assert [line.split()[-2] for line in lines[1:4]] == ["2", "1", "3"]
    assert lines[4] == "missing: two_moons rejection_abc n=150 seed=0, observations 2"
    assert "scorebench run -t two_moons -m rejection_abc" in lines[6]
    assert "task:" in lines


def test_a_record_is_a_grid_that_runs_again(scorebench, tmp_path, quick_classifiers):
    out = tmp_path / "out"
    assert scorebench("run", *RUN, "-o", 1, "--out", out, "--dry-run").status == 0
    assert not (out / "runs").exists()
    scorebench("run", *RUN, "-o", 1, "--out", out)
    [record] = read_records(out)
    assert record.comments["command"].startswith("scorebench run -t two_moons")
    assert record.comments["torch_version"]
    again = scorebench("run", record.path)
    assert "nothing to do: all 1 cells are done" in again.out
    assert len(read_records(out)) == 1
    (out / "runs" / "other.yaml").write_text("task: [sir]\n")
    (out / "runs" / "binary.yaml").write_bytes(b"\xff\xfe")
    assert len(read_records(out)) == 1


def test_status_of_nothing_is_one_line(scorebench, tmp_path):
    result = scorebench("status", tmp_path / "nowhere")
    assert result.status == 2
    assert "no results there" in result.err


def test_errors_are_grouped_by_message(scorebench, mixed):
    result = scorebench("errors", mixed)
    assert result.out.splitlines() == [
        "4 rows of 2 cells: error: ValueError: took \\x1b[31m1 s",
        "  two_moons npe n=100 seed=1, observations 1, 2",
        "  two_moons npe n=100 seed=2, observations 1, 2",
        "1 rows of 1 cells: timeout: OutOfTimeError: late",
        "  two_moons npe n=100 seed=0, observations 1",
    ]
    full = scorebench("errors", mixed, "--full").out
    assert "    Traceback\n      File x\n    ValueError: took \\x1b[31m2.5 s" in full


def test_metrics_that_failed_are_errors_too(scorebench, fill, tmp_path):
    fill(tmp_path, ["c1"], metric_errors='{"c2st": "ValueError: constant"}')
    assert "2 rows of 1 cells: metric c2st: ValueError: constant" in scorebench("errors", tmp_path).out


def test_no_errors(scorebench, fill, tmp_path):
    fill(tmp_path, ["c1"])
    assert scorebench("errors", tmp_path).out == f"no failures in {tmp_path}\n"


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_export_has_all_rows_and_columns(scorebench, fill, tmp_path, form):
    curve = [0.05 * (k + 1) for k in range(19)]
    fill(tmp_path / "a", ["c1"], tarp_curve=curve)
    scorebench("merge", tmp_path / "a", "--out", tmp_path / "a")
    fill(tmp_path / "a", ["c2"], status="error", error='two\nlines, "quoted"')
    file = tmp_path / f"rows.{form}"
    result = scorebench("export", tmp_path / "a", "--format", form, "-o", file)
    assert result.out == f"4 rows in {file}\n"
    rows = pd.read_csv(file) if form == "csv" else pd.read_parquet(file)
    rows = rows.sort_values(["cell", "num_observation"], ignore_index=True)
    expected = Store(tmp_path / "a").read().sort_values(["cell", "num_observation"], ignore_index=True)
    assert list(rows.columns) == list(expected.columns)
    for name in ("cell", "num_observation", "c2st", "error"):
        assert rows[name].fillna("").tolist() == expected[name].fillna("").tolist()
    assert list(pd.eval(rows["tarp_curve"][0]) if form == "csv" else rows["tarp_curve"][0]) == curve
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_export_to_standard_output(scorebench, fill, tmp_path):
    fill(tmp_path, ["c1"], error="\x1b[31m")
    result = scorebench("export", tmp_path)
    assert "\x1b" not in result.out
    assert len(pd.read_csv(io.StringIO(result.out))) == 2


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--format", "parquet"], "name a file with --output"),
        (["-o", "."], "is a directory"),
        (["-o", "file/inside.csv"], "is a file, not a directory"),
        (["--format", "xml"], "xml"),
    ],
)
def test_bad_exports_are_one_line(scorebench, fill, tmp_path, monkeypatch, words, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    fill(tmp_path / "a", ["c1"])
    result = scorebench("export", tmp_path / "a", *words)
    assert result.status == 2
    assert reason in result.err
    assert len(result.err.splitlines()) == 1
