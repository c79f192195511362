from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.commands.main import cli
from bench.commands.timings import GPU_PARTS
from bench.gpu import row_files
from bench.gpu.measured import Aim, Measured, Setting
from bench.gpu.programme import PARTS
from bench.gpu.row_files import COMMIT, RowFiles, read_rows
from bench.gpu.rows_table import NOT_MEASURED, gpu_table

ROOT = Path(__file__).parents[3]
FULL = Setting("cuda", 1.0)
FAST = Measured("one_pass", "call", 1e-4, "s", {"samples": 10_000}, Aim(2e-4), 12, 1e-6)


@pytest.fixture
def _card(monkeypatch):
    monkeypatch.setattr(row_files, "device_name", lambda device: "Some GPU")
    monkeypatch.setattr(row_files, "driver_version", lambda device: "1.2, CUDA 13.0")


def add(directory, run, *values, setting=FULL, part="samples"):
    files = RowFiles(directory, setting, run)
    return [files.add(part, one, datetime.now(UTC)) for one in values]


@pytest.mark.usefixtures("_card")
def test_aims_are_compared_at_full_size(tmp_path):
    failed = Measured("x", "y", float("nan"), aim=Aim(1.0), error="ValueError: no")
    [met, missed, error] = add(tmp_path, "1", FAST, replace(FAST, value=1.0), failed)
    assert (met["meets_aim"], missed["meets_aim"], error["meets_aim"]) == (True, False, None)


@pytest.mark.usefixtures("_card")
def test_the_table_has_the_newest_run_with_values(tmp_path):
    add(tmp_path, "1", FAST)
    add(tmp_path, "2", replace(FAST, value=1.5e-4), replace(FAST, value=3e-4))
    add(tmp_path, "3", Measured("samples", "part", float("nan"), error="ValueError: no | bar"))
    add(tmp_path, "3", Measured("check", "part", float("nan"), error="ValueError: a | b"), part="check")
    text = gpu_table(read_rows(tmp_path))
    assert "## Some GPU, driver 1.2, CUDA 13.0, PyTorch" in text
    lines = [line.split("|")[5:-1] for line in text.splitlines() if "samples" in line]
    assert [[cell.strip() for cell in line] for line in lines] == [
        ["0.00015 s", "1e-06", "12", "<= 0.0002", "yes"],
        ["0.0003 s", "1e-06", "12", "<= 0.0002", "no"],
    ]
    assert "ValueError: a / b" in text


@pytest.mark.usefixtures("_card")
def test_rows_of_a_dry_run_are_not_in_the_table(tmp_path):
    add(tmp_path, "1", FAST, setting=Setting("cuda", 0.1))
    add(tmp_path, "2", FAST, setting=Setting("cpu", 1.0))
    assert gpu_table(read_rows(tmp_path)).strip() == NOT_MEASURED


def test_the_commit_of_a_checkout_without_git(tmp_path, monkeypatch):
    monkeypatch.setattr(row_files, "versions", lambda: {"torch_version": "2", "git_commit": ""})
    monkeypatch.setenv(COMMIT, "abc")
    [row] = add(tmp_path, "1", FAST, setting=Setting("cpu", 1.0))
    assert row["git_commit"] == "abc"


def test_the_page_shows_the_stored_rows():
    shown = CliRunner().invoke(cli, ["time", "gpu", "--show", "--out", str(ROOT / "results" / "gpu")])
    assert shown.output.strip() in (ROOT / "results" / "gpu" / "README.md").read_text()


def test_the_command_runs_one_part(tmp_path):
    assert [part.name for part in PARTS] == GPU_PARTS
    options = ["--device", "cpu", "--scale", "0.001", "--part", "labels", "--out", str(tmp_path)]
    result = CliRunner().invoke(cli, ["time", "gpu", *options], standalone_mode=False)
    assert result.return_value == 0, result.output
    rows = read_rows(tmp_path)
    assert set(rows["part"]) == {"labels"}
    assert (rows["error"] == "").all()
