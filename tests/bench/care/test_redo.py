import os
import random
import shutil
import signal
import time

import pytest

from bench.results.store import Store

KILLS = 8  # Twenty passed, but take a minute and a half.
OPTIONS = ["-t", "unscored", "-n", "150", "--num-samples", "50", "--backend", "sequential"]


@pytest.fixture
def grid(faulty, fits, tmp_path):
    """Options of a grid of four quick cells in one directory."""
    words = [*OPTIONS, "-m", "counted[seconds=0,number=[0,1,2,3]]", "--plugin", str(faulty)]
    return [*words, "--out", str(tmp_path / "out")]


def started(out):
    rows = Store(out).read(["cell", "started_at", "samples_sha256", "status"]).set_index("cell").sort_index()
    assert (rows["status"] == "ok").all()
    return rows["started_at"].to_dict(), rows["samples_sha256"].to_dict()


def test_redo_runs_the_cells_of_the_grid_again(scorebench, grid, fits, tmp_path):
    assert scorebench("run", *grid).status == 0
    before, samples = started(tmp_path / "out")
    some = ["counted[seconds=0,number=0]" if "number=" in word else word for word in grid]
    plan = scorebench("run", *some, "--redo", "--dry-run")
    assert "1 cells: 0 done, 1 to do" in plan.out
    assert "ran 1 cells, 0 failed" in scorebench("run", *some, "--redo").out
    after, again = started(tmp_path / "out")
    assert [after[cell] != before[cell] for cell in before].count(True) == 1
    assert again == samples
    assert fits() == ["0", "1", "2", "3", "0"]


def test_a_row_that_fails_does_not_replace_a_good_one(scorebench, plugin, tmp_path, monkeypatch):
    words = ["-t", "shaky", "-m", "same", "-n", "150", "--num-samples", "50", "-o", "1", "--plugin", plugin]
    words += ["--backend", "sequential", "--out", tmp_path, "--metrics", "outside_prior"]
    assert scorebench("run", *words).status == 0
    before = started(tmp_path)
    monkeypatch.setattr("bench.run.run_cell.fit_cell", lambda *_: 1 / 0)
    result = scorebench("run", *words, "--redo")
    assert result.status == 1
    assert "rows that failed did not replace the good ones" in result.err
    assert started(tmp_path) == before


def test_an_invalidated_cell_runs_again(scorebench, grid, fits, tmp_path):
    scorebench("run", *grid)
    plugin = grid[grid.index("--plugin") : grid.index("--plugin") + 2]
    words = ["-m", "counted[number=2]", *plugin]
    scorebench("invalidate", tmp_path / "out", *words, "--reason", "wrong")
    assert "ran 1 cells, 0 failed, 3 were done before" in scorebench("run", *grid).out
    assert fits()[-1] == "2"
    assert Store(tmp_path / "out").read()["invalid"].isna().all()


def killed(after, call):
    """Run a call in a copy of this process, and kill it after a time; return whether it was still running."""
    child = os.fork()
    if child == 0:
        try:
            call()
        finally:
            os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a copy of the process is killed")
@pytest.mark.parametrize("command", ["merge", "rm", "redo"])
def test_kills_lose_nothing(scorebench, fill, made_up, content, grid, tmp_path, command):
    """Each kill is at a random moment; then everything is there, and the command is run to its end."""
    moments = random.Random(0)  # noqa: S311  (no secret)
    a, b, out = tmp_path / "a", tmp_path / "b", tmp_path / "out"
    if command == "redo":
        scorebench("run", *grid)
        words = ["run", *grid, "--redo"]
    else:
        fill(a, [f"a{k}" for k in range(60)])
        fill(b, [f"b{k}" for k in range(60)], task="sir")
        fill(out, ["c", "a1"])
        words = ["merge", str(a), str(b), "--out", str(out)]
        words = words if command == "merge" else ["rm", str(out), "-t", "sir", "--yes"]

    def restored():
        """Bring the directory to its state before the command."""
        if command == "merge":
            shutil.rmtree(out)
            fill(out, ["c", "a1"])
        elif command == "rm":
            shutil.rmtree(out)
            scorebench("merge", a, b, "--out", out)
            fill(out, ["b1", "b2", "b3", "own"], observations=(3,), task="sir")

    def kept():
        """What must be there after a kill."""
        if command == "redo":
            return started(out)[1]
        cells = Store(out).read().groupby("cell")["num_observation"].agg(lambda numbers: sorted(numbers))
        return {cell: numbers for cell, numbers in cells.items() if cell == "c" or cell[0] == "a"}

    restored()
    before = kept()
    start = time.monotonic()
    assert scorebench(*words).status == 0
    seconds = time.monotonic() - start
    expected = None if command == "redo" else content(out)
    interrupted = 0
    for _ in range(KILLS):
        restored()
        interrupted += killed(moments.uniform(0.0, seconds), lambda: scorebench(*words))
        found = kept()
        assert {cell: found.get(cell) for cell in before} == before
        sources = [] if command == "redo" else [len(Store(name).read()) for name in (a, b)]
        assert sources in ([], [120, 120])
        again = scorebench(*words)
        # A kill after the last change leaves nothing to remove.
        assert again.status == 0 or (command == "rm" and "task = sir: no rows here" in again.err)
        assert expected is None or content(out) == expected
        assert not [path for path in out.rglob("*.tmp") if ".locks" not in path.parts]
    assert interrupted >= KILLS // 4
