"""The command line, called through its entry point; one test runs the installed command itself."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bench.commands.main import main


@pytest.fixture
def scorebench(monkeypatch, capfd):
    """A function that calls the entry point in this process and returns exit status, output and errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["scorebench", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capfd.readouterr()
        return SimpleNamespace(returncode=end.value.code, stdout=captured.out, stderr=captured.err)

    return call


@pytest.fixture
def small(tmp_path):
    return [
        "-t",
        "two_moons",
        "--backend",
        "sequential",
        "-m",
        "rejection_abc",
        "-n",
        "150",
        "-o",
        1,
        "--num-samples",
        80,
        "--out",
        tmp_path / "r",
    ]


@pytest.mark.usefixtures("quick_classifiers")
def test_run_table_plot(scorebench, small, tmp_path):
    out = tmp_path / "r"
    first = scorebench("run", *small)
    assert first.returncode == 0, first.stderr
    assert "ran 1 cells, 0 failed" in first.stdout
    second = scorebench("run", *small)
    assert second.returncode == 0
    assert "nothing to do: all 1 cells are done" in second.stdout
    table = scorebench("table", out, "--format", "csv")
    assert table.stdout.splitlines()[0].startswith("task,num_simulations,method")
    assert "two_moons,150,rejection_abc" in table.stdout
    plots = scorebench("plot", out)
    assert plots.returncode == 0, plots.stderr
    assert (out / "figures" / "c2st_by_budget.png").exists()


@pytest.mark.usefixtures("quick_classifiers")
def test_a_failed_cell_ends_with_one(scorebench, small, plugin):
    result = scorebench("run", *small, "-m", "same[raises=true]", "--plugin", plugin)
    assert result.returncode == 1
    assert "ran 2 cells, 1 failed" in result.stdout
    assert "cannot fit" in result.stderr


@pytest.mark.parametrize("words", [[], ["time", "--help"], ["study"], ["run", "--help"]])
def test_help(scorebench, words):
    result = scorebench(*words)
    assert result.returncode == 0
    assert result.stdout.startswith("Usage: ")
    assert result.stderr == ""


def test_list_names_what_there_is(scorebench, plugin):
    everything = scorebench("list").stdout
    assert all(
        word in everything for word in ("two_moons", "exact_score_net", "sliced_w2", "density_estimator")
    )
    assert "shaky" in scorebench("list", "tasks", "--plugin", plugin).stdout
    assert "two_moons" not in scorebench("list", "methods").stdout


BAD = [
    (["-t", "two_mons"], "did you mean 'two_moons'?"),
    (["-m", "nppe"], "did you mean 'npe'?"),
    (["-m", "npe[x=1]"], "unknown parameter 'x'"),
    (["-n", "0"], "num-simulations = 0"),
    (["-n", "ten"], "'ten' is not a valid integer"),
    (["-n", "1.5"], "'1.5' is not a valid integer"),
    (["-o", "11"], "observations 1 to 10"),
    (["--jobs", "0"], "jobs = 0"),
    (["--tsk", "sir"], "No such option"),
    (["extra.yaml"], "extra.yaml: no such file"),
    pytest.param(
        ["--device", "cuda"],
        "no CUDA device",
        marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU"),
    ),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input_is_one_line_and_status_two(scorebench, change, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = scorebench("run", "-t", "sir", "-m", "prior", "--out", "r", *change)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.startswith("scorebench: ")
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_out_is_a_file(scorebench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r").write_text("mine")
    result = scorebench("run", "-t", "sir", "-m", "prior", "--out", "r")
    assert result.returncode == 2
    assert "r is a file" in result.stderr
    assert (tmp_path / "r").read_text() == "mine"


@pytest.mark.parametrize("command", ["table", "plot"])
def test_no_results(scorebench, command, tmp_path):
    result = scorebench(command, tmp_path / "none")
    assert result.returncode == 2
    assert "no results there" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.slow
def test_time_and_study_of_c2st(scorebench):
    timed = scorebench("time", "c2st", "-t", "two_moons", "-o", 1, "--num-samples", 50)
    assert timed.returncode == 0, timed.stderr
    assert "times_faster" in timed.stdout
    assert "forest_to_batched" in timed.stdout
    studied = scorebench("study", "c2st", "-t", "two_moons", "--num-samples", 50, "--num-seeds", 2)
    assert studied.returncode == 0, studied.stderr
    assert "3 pairs: mean difference" in studied.stdout
    unknown = scorebench("time", "c2st", "-t", "two_mons")
    assert unknown.returncode == 2
    assert "did you mean 'two_moons'" in unknown.stderr


@pytest.mark.slow
def test_the_study_of_metrics_and_the_timing_of_labels_print_their_tables(scorebench):
    result = scorebench("study", "metrics", "-d", 1, "--num-samples", 200)
    assert result.returncode == 0
    assert "second mode missing" in result.stdout
    result = scorebench(
        "time", "labels", "-t", "two_moons", "-n", 50, "--published-labels", 40, "--num-labels", 40
    )
    assert result.returncode == 0
    assert "times_faster" in result.stdout


@pytest.mark.parametrize("group", ["study", "reproduce"])  # the second is the older name
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["-e", "bimodal"],
            "unknown experiment 'bimodal'; known: bimodal_1d, student_t_mixture_15_5, "
            "student_t_mixture_10_10, elliptic_pde",
        ),
        (["-e", "bimodal_1d", "--num-sets", 0], "num-sets = 0: must be at least 1"),
    ],
)
def test_the_study_of_a_paper_names_what_is_wrong(scorebench, group, arguments, message):
    result = scorebench(group, "exact_score", *arguments)
    assert result.returncode == 2
    assert result.stderr == f"scorebench: {message}\n"


@pytest.mark.slow
@pytest.mark.subprocess
def test_the_installed_command():
    command = Path(sys.executable).with_name("scorebench")
    if not command.exists():
        command = Path(shutil.which("scorebench") or pytest.skip("the package is not installed"))
    listed = subprocess.run(
        [command, "list", "metrics"], capture_output=True, text=True, check=True, timeout=120
    )
    assert "c2st" in listed.stdout
    missing = subprocess.run(
        [command, "run", "no.yaml"], capture_output=True, text=True, check=False, timeout=120
    )
    assert missing.returncode == 2
    *loading, line = missing.stderr.splitlines()
    assert loading in ([], ["loading torch, tasks and methods ..."])
    assert line.startswith("scorebench: grid no.yaml: no such file, and no preset (demo, ")
