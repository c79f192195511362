"""Any words on the command line end with status 0, or with status 2 and one line; never with a traceback."""

import random
import sys
from pathlib import Path

import pytest

from bench.commands import main as module

DEMO = str(Path(__file__).parents[3] / "results" / "demo")
NAMES = [
    "--task",
    "-t",
    "--method",
    "-m",
    "--num-simulations",
    "-n",
    "--observation",
    "-o",
    "--seed",
    "-s",
    "--jobs",
]
NAMES += ["--num-samples", "--calibration", "--out", "--threads", "--cell-timeout", "--backend", "--address"]
NAMES += [
    "--device",
    "--plugin",
    "--format",
    "--metric",
    "--interval",
    "--published",
    "--style",
    "--all-versions",
    "--dry-run",
    "--keep",
    "--keep-samples",
    "--name",
    "--no-such",
    "-",
    "--",
    "-h",
    "--version",
]
VALUES = [
    "sir",
    "two_moons",
    "prior",
    "npe",
    "npe[density_estimator=[maf,nsf]]",
    "npe[",
    "m[a=1,a=2]",
    "1",
    "0",
    "-1",
]
VALUES += [
    "1e4",
    "010",
    "10:00",
    "nan",
    "inf",
    "1e400",
    "99999999999999999999",
    "",
    " ",
    "=",
    "x=y",
    "*",
    "~",
    "é",
]
VALUES += ["local", "slurm", "cpu", "tpu", "csv", "latex", "a\x1b[31m", "a\nb", "\udcff", "\ud800", "x" * 300]
VALUES += [
    "file",
    "folder",
    "missing",
    "file/below",
    "/dev/zero",
    "%s",
    "{0}",
    "$x$",
    "<b>",
    "[red]",
    "smoke",
    "grid.yaml",
]
STARTS = [
    ["run", "--dry-run"],
    ["run", "--dry-run", "-t", "sir", "-m", "prior"],
    ["run", "--dry-run", "grid.yaml"],
]
STARTS += [
    ["table"],
    ["table", "folder"],
    ["table", "folder", "--pivot", "methodxtask"],
    ["table", DEMO, "--pivot"],
    ["compare", "folder"],
    ["list", "grids"],
    ["list"],
    ["plot"],
    ["check"],
    ["study"],
    ["score"],
    ["score", "sir", "file", "--name", "theirs"],
    ["nothing"],
    [],
]


@pytest.mark.parametrize("seed", range(4))
def test_any_words_give_a_result_or_one_line(tmp_path, monkeypatch, capfd, seed):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "grid.yaml").write_text("task: sir\nmethod: prior\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "bench.commands.listing.listing", lambda what: "listed"
    )  # the same each time, and slow
    before = sorted(tmp_path.rglob("*"))
    rng, statuses = random.Random(seed), set()  # noqa: S311
    for _ in range(400):
        words = list(rng.choice(STARTS))
        for _ in range(rng.randrange(5)):
            words += [rng.choice(NAMES), rng.choice(VALUES)] if rng.random() < 0.8 else [rng.choice(VALUES)]
        if "--dry-run" not in words and words[:1] == ["run"]:
            continue
        monkeypatch.setattr(sys, "argv", ["scorebench", *words])
        with pytest.raises(SystemExit) as end:
            module.main()
        printed = capfd.readouterr()
        statuses.add(end.value.code)
        assert end.value.code in (0, 2), words
        assert all(line.isprintable() for line in (printed.out + printed.err).split("\n")), words
        if end.value.code == 2:
            assert (printed.out, len(printed.err.splitlines())) == ("", 1), (words, printed)
            assert printed.err.startswith("scorebench: "), words
    assert statuses == {0, 2}
    assert sorted(tmp_path.rglob("*")) == before
