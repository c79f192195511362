"""Job arrays for SLURM: what is written, and jobs that share cells while some are killed."""

import contextlib
import os
import re
import signal
import stat
import subprocess
import sys
import time

import pytest
import yaml

from bench.commands.main import main
from bench.results.store import Store

COMMAND = [sys.executable, "-c", "from bench.commands.main import main; main()"]
SBATCH = """#!{python}
import re, subprocess, sys
script = sys.argv[1]
[size] = re.findall(r"^#SBATCH --array=1-(\\d+)$", open(script).read(), re.MULTILINE)
for k in range(1, int(size) + 1):
    environment = dict(__import__("os").environ, SLURM_ARRAY_JOB_ID="7", SLURM_ARRAY_TASK_ID=str(k))
    job = subprocess.Popen(
        ["bash", script],
        env=environment,
        stdout=open("{folder}/job%d.out" % k, "a"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    open("{folder}/pids", "a").write("%d\\n" % job.pid)
print("Submitted batch job 7")
"""


@pytest.fixture
def scorebench(monkeypatch, capfd):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["scorebench", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, *capfd.readouterr()

    return call


@pytest.fixture
def small(tmp_path):
    words = ["slurm", "-t", "two_moons", "-m", "prior", "-m", "rejection_abc", "-n", 100, "-s", 0, "-s", 1]
    return [*words, "--array", 3, "--time", "12:00:00", "--mem", "8G", "--out", tmp_path / "my runs 100%"]


def scripts(out):
    [folder] = (out / "slurm").iterdir()
    return sorted(folder.glob("*.sh"))


def test_one_array_with_the_grid_it_was_made_for(scorebench, small, tmp_path):
    status, printed, _ = scorebench(*small, "--cpus", 2, "--sbatch=--partition=long")
    [script] = scripts(tmp_path / "my runs 100%")
    assert (status, printed.splitlines()[-1]) == (0, f"to submit it: sbatch {script}")
    assert f"{script}: 3 jobs for 4 cells of prior, rejection_abc" in printed
    assert "core-hours" in printed
    lines = script.read_text().splitlines()
    for wanted in ("array=1-3", "time=12:00:00", "mem=8G", "cpus-per-task=2", "requeue", "partition=long"):
        assert f"#SBATCH --{wanted}" in lines
    assert f"#SBATCH --output='{script.parent}/%A_%a.out'".replace("100%/", "100%%/") in lines
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    grid = yaml.safe_load((script.parent / "grid-1.yaml").read_text())
    assert (grid["method"], grid["seed"], grid["threads"]) == (["prior", "rejection_abc"], [0, 1], 2)
    assert grid["out"] == str(tmp_path / "my runs 100%")


def test_methods_with_needs_of_their_own_have_an_array_of_their_own(scorebench, small, tmp_path):
    status, printed, _ = scorebench(*small, "--for", "rejection_abc:mem=16G,time=1-0,cpus=4")
    first, second = (script.read_text() for script in scripts(tmp_path / "my runs 100%"))
    assert (status, printed.count("2 jobs for 2 cells")) == (0, 2)
    assert "#SBATCH --mem=8G\n" in first
    assert all(f"#SBATCH --{need}\n" in second for need in ("mem=16G", "time=1-0", "cpus-per-task=4"))
    grids = sorted((scripts(tmp_path / "my runs 100%")[0].parent).glob("*.yaml"))
    assert [yaml.safe_load(grid.read_text())["method"] for grid in grids] == [["prior"], ["rejection_abc"]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--time", "soon"], "time = 'soon': give minutes"),
        (["--time", "0"], "time = '0': give minutes"),
        (["--mem", "8GB"], "mem = '8GB': give a number with K, M, G or T"),
        (["--array", "0"], "0 is not in the range"),
        (["--for", "npe:mem=1G"], "for: no cell of npe is to be done; methods: prior, rejection_abc"),
        (["--for", "prior"], "for: 'prior' should be METHOD:mem=…"),
        (["--for", "prior:mem=1G,memory=2G"], "'memory=2G' is not time=…, mem=… or cpus=…"),
        (["--sbatch", "long"], "sbatch: 'long' is not an option"),
        (["--sbatch=--comment=a\nb"], "line break"),
        (["-t", "two_mons"], "did you mean 'two_moons'?"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(scorebench, small, tmp_path, change, message):
    status, printed, errors = scorebench(*small, *change)
    assert (status, printed, len(errors.splitlines())) == (2, "", 1)
    assert message in errors
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_sbatch_keeps_the_script(scorebench, small, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, _, errors = scorebench(*small, "--submit")
    assert status == 2
    assert f"sbatch: not found on this machine; submit {scripts(tmp_path / 'my runs 100%')[0]}" in errors


@pytest.mark.slow
@pytest.mark.subprocess
def test_four_jobs_of_which_three_are_killed_do_every_cell_once(tmp_path, faulty, fits):
    folder, out = tmp_path / "bin", tmp_path / "out"
    folder.mkdir()
    program = folder / "sbatch"
    program.write_text(SBATCH.format(python=sys.executable, folder=folder))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    words = [
        "slurm",
        "-t",
        "unscored",
        "-n",
        "150",
        "-o",
        "1",
        "--num-samples",
        "50",
        "--plugin",
        str(faulty),
    ]
    words += ["-m", "counted[seconds=2.0,number=[0,1,2,3,4,5,6,7,8,9]]", "--out", str(out)]
    words += ["--array", "4", "--time", "10", "--mem", "1G", "--submit"]
    environment = dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}")
    done = subprocess.run(
        [*COMMAND, *words], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert "Submitted batch job 7" in done.stdout
    pids = [int(line) for line in (folder / "pids").read_text().split()]
    [script] = scripts(out)
    started = time.monotonic()
    try:
        # Job 1 is killed, as by a dead machine, and started again; job 2 is told that its time is over.
        for pid, number, wanted in ((pids[0], signal.SIGKILL, 2), (pids[1], signal.SIGTERM, 4)):
            while len(fits()) < wanted:
                assert time.monotonic() - started < 200
                time.sleep(0.05)
            os.killpg(pid, number)
        again = subprocess.Popen(
            ["bash", script],
            env=environment | {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "1"},
            stdout=(folder / "job1.out").open("a"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        os.killpg(pids[2], signal.SIGKILL)
        while len(list(out.glob("cells/*.parquet"))) < 10:
            assert time.monotonic() - started < 300
            time.sleep(0.1)
        assert again.wait(timeout=120) == 0
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
    rows = Store(out).read()
    assert rows["status"].tolist() == ["ok"] * 10
    assert len(set(rows["params"])) == 10
    ran = re.findall(
        r"^\[\d+/\d+\] (.*?): [\d.]+ s",
        "\n".join(file.read_text() for file in folder.glob("job*.out")),
        re.MULTILINE,
    )
    assert len(ran) == len(set(ran))  # no cell is written twice
    assert 10 <= len(fits()) <= 13  # a killed job loses the cell that it was running, and no more
    assert "interrupted" in (folder / "job2.out").read_text()
    assert not list((out / "cells").glob(".*"))
