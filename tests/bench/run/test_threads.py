"""The number of threads of a cell, and the number of cores that cells share."""

import os
import subprocess
import sys

import pytest
import torch

import bench.run.threads as module
from bench.commands.main import main
from bench.errors import UsageError
from bench.run import run_cell as cell_module
from bench.run import scored_rows
from bench.run.grid import read_grid
from bench.run.run_cell import run_cell

pytestmark = pytest.mark.usefixtures("quick_classifiers")
OPTIONS = {"task": ["two_moons"], "method": ["prior"], "observation": [1], "num_simulations": [50]}


def cell(**changes):
    [one] = read_grid(None, OPTIONS | {"num_samples": 50} | changes).cells()
    return one


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(module, "cpu_count", lambda: 8)


def test_one_thread_unless_it_is_told_otherwise():
    assert (cell().threads, cell().scoring_threads) == (1, 8)
    assert (cell(jobs=3).threads, cell(jobs=3).scoring_threads) == (1, 2)
    assert cell(jobs=20).scoring_threads == 1


@pytest.mark.parametrize(("value", "threads"), [("3", 3), ("3,2", 3), (" 1 ", 1)])
def test_the_environment_is_obeyed(monkeypatch, value, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert (cell(jobs=2).threads, cell(jobs=2).scoring_threads) == (threads, threads)


def test_the_option_wins(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "nonsense")
    assert (cell(threads=5).threads, cell(threads=5).scoring_threads) == (5, 5)


def test_a_cluster_has_an_environment_of_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert (cell(backend="dask").threads, cell(backend="dask").scoring_threads) == (1, 1)
    assert (cell(backend="ray", threads=2).threads, cell(backend="ray", threads=2).scoring_threads) == (2, 2)


@pytest.mark.parametrize("value", ["nonsense", "0", "-1", "1.5", ",2"])
def test_an_environment_that_is_no_number_is_named(monkeypatch, value):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    with pytest.raises(UsageError, match=f"OMP_NUM_THREADS = '{value}': must be a positive integer"):
        cell()


@pytest.mark.parametrize("threads", [0, -1, 1.5, "two"])
def test_a_bad_number_is_named(threads):
    with pytest.raises(UsageError, match=f"threads = {threads!r}"):
        cell(threads=threads)


def test_a_cell_trains_and_scores_on_its_threads(monkeypatch):
    seen = []
    for place, name in (
        (cell_module, "fit_cell"),
        (cell_module, "sample_observation"),
        (scored_rows, "score_draws"),
    ):
        work = getattr(place, name)

        def noted(*given, work=work, **named):
            seen.append(torch.get_num_threads())
            return work(*given, **named)

        monkeypatch.setattr(place, name, noted)
    monkeypatch.setattr(module, "cpu_count", lambda: 3)
    [row] = run_cell(cell())
    assert row["status"] == "ok"
    assert seen == [1, 1, 1, 3]  # metrics that depend on the number of threads, and the others
    assert row["threads"] == 1


def test_the_threads_are_no_part_of_the_key():
    assert cell(threads=2).key == cell().key


def test_the_option_reaches_the_rows(monkeypatch, tmp_path, capsys):
    words = ["run", "-t", "two_moons", "-m", "prior", "-n", "50", "-o", "1", "--num-samples", "50"]
    words += ["--threads", "2", "--backend", "sequential", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["scorebench", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0, capsys.readouterr().err
    from bench.results.store import Store

    assert Store(tmp_path).read()["threads"].tolist() == [2]


def test_times_are_taken_on_the_same_number(monkeypatch, tmp_path):
    from bench.run import sampling_times

    asked = []

    def no_times(request, store, say):
        asked.append(request.threads)
        raise UsageError("seen enough")

    monkeypatch.setattr(sampling_times, "sampling_times", no_times)
    for value, words in ((None, []), ("3", []), ("3", ["--threads", "2"])):
        if value:
            monkeypatch.setenv("OMP_NUM_THREADS", value)
        monkeypatch.setattr(sys, "argv", ["scorebench", "time", "--out", str(tmp_path), *words])
        with pytest.raises(SystemExit):
            main()
    assert asked == [1, 3, 2]


@pytest.mark.subprocess
def test_affinity_and_limits_are_respected():
    # LOKY_MAX_CPU_COUNT is used in place of a container's quota, which a test cannot set.
    code = "from bench.run.threads import cpu_count, use_all_cores; import torch; use_all_cores()"
    code += "; print(cpu_count(), torch.get_num_threads())"
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    environment["LOKY_MAX_CPU_COUNT"] = "1"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.split() == ["1", "1"]
