"""``scorebench table`` and ``scorebench compare`` as a user types them."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from bench.commands import compare as compare_module
from bench.commands import show
from bench.commands.main import cli
from bench.errors import UsageError

ROOT = Path(__file__).parents[3]
DEMO = str(ROOT / "results" / "demo")
ONE_PASS = str(ROOT / "results" / "studies" / "one_pass")
TWO_MOONS = ("-t", "two_moons", "-n", "1000")  # the directory grows in others


def called(*words):
    """Standard output and standard error of a command."""
    result = CliRunner().invoke(cli, list(map(str, words)), standalone_mode=False, catch_exceptions=False)
    return result.stdout, result.stderr


@pytest.mark.parametrize("axes", ["method×task", "methodxtask", "method,task", "method x task"])
def test_a_pivot_may_be_typed_in_several_ways(axes):
    printed, _ = called("table", DEMO, "--pivot", axes)
    assert printed.splitlines()[0].split() == ["method", "sir", "two_moons"]
    assert "npse" in printed


@pytest.mark.parametrize("words", [["--pivot", "methodxtask"], ["--ranks"]])
@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_every_format_has_the_numbers(words, form):
    printed, _ = called("table", DEMO, *words, "--format", form)
    assert "0.624" in printed or "1.00" in printed
    assert ("\\toprule" in printed) == (form == "latex")


def test_csv_reads_back_as_numbers():
    printed, _ = called("table", DEMO, "--pivot", "methodxtask", "--format", "csv", "--interval", "se")
    frame = pd.read_csv(io.StringIO(printed)).set_index(["task", "method"])
    assert frame.loc[("two_moons", "npse"), "mean"] == pytest.approx(0.624, abs=5e-4)
    assert frame.loc[("two_moons", "npse"), "best"]
    printed, _ = called("table", DEMO, "--ranks", "--format", "csv")
    assert pd.read_csv(io.StringIO(printed)).set_index("method").loc["npse", "mean_rank"] == 1.0


def test_published_rows_are_marked_with_their_source():
    printed, _ = called("table", ONE_PASS, "--pivot", "methodxtask", "--published", "sbibm", *TWO_MOONS)
    [line] = [line for line in printed.splitlines() if line.startswith("NPE (sbibm 2021)°")]
    assert "0.725" in line
    assert "Lueckmann" in printed.splitlines()[-1]


def test_tasks_methods_and_budgets_are_chosen():
    printed, _ = called("table", ONE_PASS, "--pivot", "methodxtask", "-t", "lotka_volterra", "-n", "1e4")
    assert printed.splitlines()[0].split() == ["method", "lotka_volterra"]
    assert "[1000 simulations]" not in printed
    printed, _ = called("table", DEMO, "-m", "npe")
    assert {line.split()[2] for line in printed.splitlines()[3:]} == {"npe"}


def test_names_and_order_of_a_style_file(tmp_path):
    style = tmp_path / "style.yaml"
    style.write_text("methods: {npe: NPE, npse: NPSE}\ntasks: {two_moons: Moons}\n")
    printed, _ = called("table", DEMO, "--pivot", "methodxtask", "--style", style)
    lines = printed.splitlines()
    assert lines[0].split() == ["method", "Moons", "sir"]
    assert [line.split()[0] for line in lines[3:5]] == ["NPE", "NPSE"]
    printed, _ = called("table", DEMO, "--ranks", "--style", style)
    assert "NPSE" in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metric", "mmd2"], "metric = mmd2: needs --pivot or --ranks"),
        (["--interval", "se"], "interval = se: needs --pivot"),
        (["--ranks", "--pivot", "methodxtask"], "pivot = methodxtask: does not go with --ranks"),
        (["--pivot", "methodxseed"], "two of task, method, budget joined by x"),
        (["--pivot", "methodxtask", "--metric", "gaussian_kl"], "metric = 'gaussian_kl': no row has a value"),
        (["--pivot", "methodxtask", "--metric", "mmd2", "--published"], "of c2st and c2st_rf only"),
        (["--ranks", "-m", "npe"], "two methods"),
    ],
)
def test_what_cannot_be_printed_is_one_line(words, message):
    with pytest.raises(UsageError, match=message) as error:
        called("table", DEMO, *words)
    assert len(str(error.value).splitlines()) == 1


def test_a_narrow_terminal_gets_fewer_columns_and_all_the_rest_on_demand(monkeypatch):
    wide, _ = called("table", DEMO)
    monkeypatch.setattr(show, "terminal_width", lambda: 60)
    narrow, _ = called("table", DEMO)
    assert max(map(len, narrow.splitlines())) <= 60
    assert "0.624" in narrow
    assert "columns do not fit" in narrow
    assert "sliced_w2" in narrow
    assert called("table", DEMO, "--all")[0] == wide
    pivot, _ = called("table", ONE_PASS, "--pivot", "methodxtask")
    assert max(map(len, pivot.splitlines())) <= 60
    assert all(task in pivot for task in ("gaussian_mixture", "lotka_volterra", "sir", "slcp", "two_moons"))


@pytest.mark.slow
@pytest.mark.subprocess
def test_the_width_is_that_of_the_terminal():
    main, terminal = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    command = [sys.executable, "-c", "from bench.commands.main import main; main()", "table", DEMO]
    subprocess.run(command, stdout=terminal, stderr=subprocess.DEVNULL, cwd=ROOT, check=True, timeout=300)
    os.close(terminal)
    text = b""
    while chunk := _read(main):
        text += chunk
    lines = text.decode().splitlines()
    assert "columns do not fit" in text.decode()
    assert max(map(len, lines)) <= 70


def _read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is closed
        return b""


def test_compare_names_rows_that_differ():
    printed, said = called("compare", ONE_PASS, *TWO_MOONS)
    [line] = [line for line in printed.splitlines() if "differs*" in line]
    assert line.split()[:3] == ["two_moons", "npe", "NPE"]
    assert "c2st_rf" in line
    assert "1 of 3 differ" in printed
    assert "no publication has these methods: one_pass" in said


def test_compare_of_one_source_as_csv():
    printed, _ = called("compare", ONE_PASS, "--published", "sbibm", "--format", "csv")
    frame = pd.read_csv(io.StringIO(printed))
    assert set(frame["metric"]) == {"c2st"}
    assert frame["published_mean"].between(0.5, 1).all()


def test_compare_without_a_common_protocol_is_one_line():
    with pytest.raises(UsageError, match="no published result has the method"):
        called("compare", DEMO)  # 2000 posterior samples
    assert compare_module.compare.name == "compare"


def test_names_of_others_are_escaped(written_rows, tmp_path):
    rows = [
        {"task": "a\x1b[2J", "method": method, "num_observation": k, "c2st": 0.6 + k / 100}
        for method in ("x<b>|y", "&_%")
        for k in (1, 2)
    ]
    directory = written_rows.to(tmp_path / "runs", rows)
    for form in ("text", "markdown", "latex", "csv"):
        printed, _ = called("table", directory, "--pivot", "methodxtask", "--format", form)
        assert "\x1b" not in printed
    assert "<b>" not in called("table", directory, "--pivot", "methodxtask", "--format", "markdown")[0]
