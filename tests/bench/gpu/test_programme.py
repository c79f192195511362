import math
import time

import pytest

from bench.gpu import programme
from bench.gpu.measured import Aim, Measured, Setting
from bench.gpu.programme import PARTS, Part, run_programme
from bench.gpu.row_files import RowFiles, read_rows

SMALL = Setting("cpu", 0.5)


def two(setting):
    yield Measured("thing", "seconds", 1.0, "s", {"n": setting.count(10)}, Aim(2.0), 10, 0.1)
    yield Measured("thing", "ratio", 3.0)


def fails(setting):
    yield Measured("thing", "before", 1.0)
    raise ValueError("on purpose\nwith a second line")


def endless(setting):
    yield Measured("thing", "before", 1.0)
    while True:
        try:
            time.sleep(0.01)
        except Exception:  # noqa: S112 (such code must not outlive the limit)
            continue


def killed(setting):
    yield Measured("thing", "before", 1.0)
    raise KeyboardInterrupt


def part(function, needs_s=0.0, most_s=60.0, module=__name__):
    return Part(function, f"{module}:{function}", needs_s, most_s)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that runs parts of this file and returns the stored rows and the log."""

    def imported(name):
        if name != __name__:
            raise ModuleNotFoundError(f"No module named '{name}'")
        return type("Module", (), globals())

    monkeypatch.setattr(programme.importlib, "import_module", imported)

    def call(*parts, minutes=1.0):
        log = []
        rows = run_programme(SMALL, minutes, parts, RowFiles(tmp_path, SMALL), log.append)
        stored = read_rows(tmp_path)
        assert len(stored) == len(rows)
        return stored.set_index(["part", "quantity"]), log

    return call


def test_rows_have_all_that_is_known(run, tmp_path):
    rows, log = run(part("two"))
    row = rows.loc[("two", "seconds")]
    assert (row["value"], row["unit"], row["num_calls"], row["iqr"]) == (1.0, "s", 10, 0.1)
    assert (row["sizes"], row["aim"], row["error"]) == ('{"n": 5}', "<= 2", "")
    assert row["meets_aim"] is None  # an aim is for a GPU and full sizes
    assert row[["device_name", "torch_version", "started_at"]].all()
    assert math.isnan(rows.loc[("two", "ratio"), "iqr"])
    assert any("thing seconds" in line for line in log)
    [file] = tmp_path.rglob("*.log")
    assert file.read_text().splitlines() == log


@pytest.mark.parametrize(
    ("part_of_it", "message"),
    [
        (part("fails"), "ValueError: on purpose"),
        (part("absent", module="no_such_package"), "ModuleNotFoundError: No module named 'no_such_package'"),
    ],
)
def test_a_part_that_fails_is_a_row_and_leaves_the_others_alone(run, part_of_it, message):
    rows, _ = run(part_of_it, part("two"))
    [of_the_part] = rows[rows["error"] != ""].to_dict("records")
    assert (of_the_part["what"], of_the_part["error"]) == (part_of_it.name, message)
    assert list(rows.loc["two"]["value"]) == [1.0, 3.0]


def test_a_part_that_does_not_fit_is_a_row(run):
    rows, _ = run(part("two", needs_s=1000.0), part("fails"), minutes=0.5)
    message = rows.loc[("two", "part"), "error"]
    assert message == "TimeoutError: not run: 30 s are left, and it needs about 500 s"
    assert rows.loc[("fails", "before"), "value"] == 1.0


def test_a_part_that_takes_too_long_is_stopped(run):
    rows, _ = run(part("endless", most_s=0.2), part("two"))
    assert rows.loc[("endless", "part"), "error"].startswith("OutOfTimeError: stopped")
    assert rows.loc[("endless", "before"), "value"] == 1.0
    assert rows.loc[("two", "ratio"), "value"] == 3.0


def test_rows_are_written_as_they_come(run, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(part("two"), part("killed"))
    rows = read_rows(tmp_path)
    assert list(rows["quantity"]) == ["before", "seconds", "ratio"]
    assert not list(tmp_path.rglob("*.tmp"))


def test_the_functions_of_all_parts_exist():
    for one in PARTS:
        module, _, name = one.function.partition(":")
        assert callable(getattr(pytest.importorskip(module), name))
    assert sum(one.needs_s for one in PARTS) <= 6 * 60
