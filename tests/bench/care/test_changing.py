import pytest

from bench.care import stale
from bench.results.claims import claim
from bench.results.store import Store


@pytest.fixture(params=["own files", "merged"])
def runs(request, scorebench, fill, tmp_path):
    """A directory with three methods on two tasks, in cells' own files or merged."""
    out = tmp_path / "runs"
    fill(out, ["c1"])
    fill(out, ["c2"], params='{"density_estimator": "maf"}', changed_params='{"density_estimator": "maf"}')
    fill(out, ["c3"], task="sir", method="mine", num_simulations=1000, seed=1)
    if request.param == "merged":
        scorebench("merge", out, "--out", out)
    return out


def cells(directory):
    return set(Store(directory).states(rename_broken=False))


def test_rm_says_what_it_would_remove_and_removes_with_yes(scorebench, runs):
    (runs / "samples").mkdir()
    (runs / "samples" / "c2.npz").write_bytes(b"")
    words = ["rm", runs, "-m", "npe[density_estimator=maf]"]
    first = scorebench(*words)
    assert "npe[density_estimator=maf]" in first.out
    assert first.out.endswith("would remove 2 rows of 1 cells; --yes removes them\n")
    assert cells(runs) == {"c1", "c2", "c3"}
    assert f"removed 2 rows of 1 cells from {runs}" in scorebench(*words, "--yes").out
    assert cells(runs) == {"c1", "c3"}
    assert not (runs / "samples" / "c2.npz").exists()


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["-m", "npe"], {"c3"}),
        (["-m", "npe[density_estimator=[maf,nsf]]"], {"c3"}),
        (["-m", "mine", "-t", "sir"], {"c1", "c2"}),
        (["-n", 1000], {"c1", "c2"}),
        (["-s", 0], {"c3"}),
        (["--observation", 1], {"c1", "c2", "c3"}),
        (["--observation", 1, "--observation", 2], set()),
        (["-m", "mine", "-t", "two_moons"], {"c1", "c2", "c3"}),
    ],
)
def test_rm_removes_what_is_selected(scorebench, runs, words, left):
    assert scorebench("rm", runs, *words, "--yes").status == 0
    assert cells(runs) == left


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "nothing is selected"),
        (["-t", "slcp"], "task = slcp: no rows here; there are sir, two_moons"),
        (["-m", "nope"], "method = nope: no rows here; there are mine, npe, npe[density_estimator=maf]"),
        (["-m", "npe[density_estimator=rings]"], "density_estimator"),
        (["-m", "npe["], "write name or name[param=value,...]"),
        (["-n", 7], "simulations = 7: no rows here; there are 100, 1000"),
    ],
)
@pytest.mark.parametrize("command", [["rm", "--yes"], ["invalidate", "--reason", "x"]])
def test_a_wrong_selection_is_one_line(scorebench, runs, words, reason, command):
    result = scorebench(command[0], runs, *command[1:], *words)
    assert result.status == 2
    assert reason in result.err
    assert len(result.err.splitlines()) == 1
    assert len(Store(runs).read()) == 6


def test_rm_older(scorebench, fill, tmp_path):
    task, method = stale._task("two_moons"), stale._method("npe")
    today = {"task_version": task[0], "task_sha256": task[1]}
    today |= {"method_version": method[0], "method_sha256": method[1]}
    fill(tmp_path, ["now"], **today)
    fill(tmp_path, ["newer"], **today | {"method_version": "999"})
    fill(tmp_path, ["version"], **today | {"task_version": "0"})
    fill(tmp_path, ["source"], **today | {"method_sha256": "0" * 64})
    fill(tmp_path, ["unknown"], **today | {"method": "theirs", "method_version": "0"})
    result = scorebench("rm", tmp_path, "--older", "--yes")
    assert cells(tmp_path) == {"now", "newer", "unknown"}
    assert "method 'theirs' is not registered here" in result.err


def test_cells_that_a_run_holds_are_left(scorebench, fill, tmp_path):
    fill(tmp_path, ["c1", "c2"])
    with claim(tmp_path, "c1"):
        removed = scorebench("rm", tmp_path, "-t", "two_moons", "--yes")
        marked = scorebench("invalidate", tmp_path, "-t", "two_moons", "--reason", "x")
    for result in (removed, marked):
        assert result.status == 1
        assert "1 cells are" in result.err
    assert cells(tmp_path) == {"c1"}
    assert Store(tmp_path).read()["invalid"].isna().all()


def test_invalid_rows_stay_marked_and_tables_leave_them_out(scorebench, runs):
    result = scorebench("invalidate", runs, "-m", "mine", "--reason", "wrong prior\x1b[31m")
    assert result.out.endswith("2 rows are invalid: wrong prior\\x1b[31m\n")
    assert len(Store(runs).read()) == 6
    table = scorebench("table", runs, "--format", "csv")
    assert "mine" not in table.out
    assert "2 rows are left out, which were invalidated: wrong prior\\x1b[31m" in table.err
    assert scorebench("invalidate", runs, "-m", "mine", "--undo").out.endswith("2 rows are valid again\n")
    assert "mine" in scorebench("table", runs, "--format", "csv").out


def test_a_table_of_invalid_rows_only(scorebench, runs):
    scorebench("invalidate", runs, "-t", "sir", "-t", "two_moons", "--reason", "all wrong")
    result = scorebench("table", runs)
    assert result.status == 0
    assert "6 rows are left out" in result.err


@pytest.mark.parametrize("words", [[], ["--reason", " "], ["--reason", "x", "--undo"]])
def test_a_reason_is_needed(scorebench, runs, words):
    result = scorebench("invalidate", runs, "-t", "sir", *words)
    assert result.status == 2
    assert "reason" in result.err
