"""Bad input gives an error of one line and exit status 2, and nothing is written."""

import sys
from types import SimpleNamespace

import pytest

from bench.commands.main import main
from bench.results.schema import COLUMNS
from bench.results.store import Store

GRID = "task: sir\nmethod: prior\n"
PLUGIN = "from tasks import Task, register_task\n\n\n@register_task({name!r})\nclass Own(Task):\n    pass\n"

# Content of the grid file, content of the plug-in, options, and words of the message.
CASES = [
    ("task: [", None, [], "not YAML"),
    ("", None, [], "empty"),
    ("[1, 2]", None, [], "should map"),
    ("task: sir", None, [], "no method given"),
    ("method: prior", None, [], "no task given"),
    ("task: !!python/name:os.system\nmethod: prior", None, [], "not YAML"),
    ("task: []\nmethod: prior", None, [], "task = []"),
    ("task: 5\nmethod: prior", None, [], "task = 5"),
    ("task: {sir: 1}\nmethod: prior", None, [], "task"),
    ("task: ../x\nmethod: prior", None, [], "unknown task '../x'"),
    ("task: <script>\nmethod: prior", None, [], "unknown task '<script>'"),
    (GRID + "budgets: 3", None, [], "unknown key 'budgets'"),
    (GRID + "num-simulation: 3", None, [], "did you mean 'num-simulations'?"),
    (GRID + "num-simulations: 1e3x", None, [], "num-simulations = '1e3x'"),
    (GRID + "num-simulations: 1-3", None, [], "num-simulations = '1-3'"),
    (GRID + "seed: 3-1", None, [], "seed = '3-1': the range 3-1 is empty"),
    (GRID + "threads: most", None, [], "threads = 'most'"),
    (GRID + "threads: all\nbackend: dask", None, [], "threads = 'all': backend dask needs a number"),
    (GRID + "jobs: -1\nbackend: dask\naddress: tcp://x:1", None, [], "jobs = -1 counts this machine"),
    (GRID + "num-simulations: -5", None, [], "num-simulations = -5"),
    (GRID + "num-simulations: [1000, null]", None, [], "num-simulations = None"),
    (GRID + "seed: 0.5", None, [], "seed = 0.5"),
    (GRID + "seed: -1", None, [], "seed = -1"),
    (GRID + "observation: first", None, [], "observation = 'first'"),
    (GRID + "observation: 0", None, [], "observation = 0"),
    (GRID + "jobs: many", None, [], "jobs = 'many'"),
    (GRID + "jobs: 0", None, [], "jobs = 0: input should be at least 1, or -1 for all cores"),
    (GRID + "device: tpu", None, [], "device = 'tpu'"),
    (GRID + "cell-timeout: -1", None, [], "cell-timeout = -1"),
    (GRID + "cell-timeout: .nan", None, [], "cell-timeout = nan"),
    (GRID + "backend: slurm", None, [], "backend = 'slurm'"),
    (GRID + "address: tcp://x:1", None, [], "address is for backend dask or ray"),
    (GRID + "calibration: 10", None, [], "calibration = 10"),
    (GRID, None, ["--cell-timeout", "5", "--backend", "sequential"], "no process to stop"),
    (GRID, None, ["--cell-timeout", "soon"], "'soon' is not a valid float"),
    (GRID, None, ["--dry-runs"], "No such option"),
    (GRID, None, ["--num-samples", "0"], "num-samples = 0"),
    (GRID, None, ["-m", "npe[density_estimator=]"], "npe"),
    (GRID, None, ["-m", "npe["], "npe["),
    (GRID, None, ["-m", "npe[density_estimator=glow]"], "density_estimator"),
    (GRID, None, ["-m", "one_pass[passes=0]"], "passes"),
    (GRID, None, ["-m", "prior; rm -rf x"], "prior; rm -rf x"),
    (GRID, None, ["-m", "<b>npe</b>"], "<b>npe</b>"),
    (GRID, "raise RuntimeError('on purpose')", [], "RuntimeError: on purpose"),
    (GRID, "def broken(:", [], "SyntaxError"),
    (GRID, "import no_such_package", [], "no_such_package"),
    (GRID, PLUGIN.format(name="<script>"), [], "lower-case letters"),
    (GRID, PLUGIN.format(name="../x"), [], "lower-case letters"),
    (GRID, PLUGIN.format(name="sir"), [], "is taken"),
    (GRID, "raise SystemExit(0)", [], "SystemExit"),
    (GRID, "raise BaseException('on purpose')", [], "BaseException: on purpose"),
    (GRID, PLUGIN.format(name="own"), [], "class Own does not define prior, simulate"),
    (GRID, "from .beside import x", [], "write `import module` for a module in its folder"),
]


def call(monkeypatch, capfd, *arguments):
    monkeypatch.setattr(sys, "argv", ["scorebench", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    captured = capfd.readouterr()
    return SimpleNamespace(status=end.value.code, out=captured.out, err=captured.err)


@pytest.mark.parametrize(("grid", "plugin", "options", "words"), CASES)
def test_one_line_and_status_two(tmp_path, monkeypatch, capfd, grid, plugin, options, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grid.yaml").write_text(grid)
    given = ["grid.yaml", "--out", "out", *options]
    if plugin is not None:
        (tmp_path / "own.py").write_text(plugin)
        given += ["--plugin", "own.py"]
    before = sorted(path.name for path in tmp_path.iterdir())
    result = call(monkeypatch, capfd, "run", *given)
    assert (result.status, result.out) == (2, "")
    assert words in result.err
    assert result.err.startswith("scorebench: ")
    assert len(result.err.splitlines()) == 1
    assert [
        name for name in sorted(path.name for path in tmp_path.iterdir()) if name != "__pycache__"
    ] == before


@pytest.mark.parametrize("command", ["table", "plot"])
@pytest.mark.parametrize("content", [b"", b"rubbish", b"PAR1\x00\x00PAR1"])
def test_cell_files_of_garbage(tmp_path, monkeypatch, capfd, command, content):
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / "bad.parquet").write_bytes(content)
    result = call(monkeypatch, capfd, command, tmp_path)
    assert result.status == 2
    left_out, nothing = result.err.splitlines()
    assert "bad.parquet: left out" in left_out
    assert "no results there" in nothing
    assert (tmp_path / "cells" / "bad.parquet").read_bytes() == content


def test_markup_in_foreign_rows_is_escaped(tmp_path, monkeypatch, capfd):
    row = dict.fromkeys(COLUMNS) | {"num_observation": 1, "status": "ok", "c2st": 0.7, "params": "{}"}
    row |= {"task": "<script>alert(1)</script>", "method": "a_b|c&d", "num_simulations": 10}
    row |= {"num_posterior_samples": 10, "device": "cpu", "timing": "shared"}
    Store(tmp_path).write_cell("abc", [row])
    markdown = call(monkeypatch, capfd, "table", tmp_path, "--format", "markdown").out
    assert "<script>" not in markdown
    assert r"a_b\|c&d" in markdown
    latex = call(monkeypatch, capfd, "table", tmp_path, "--format", "latex").out
    assert r"a\_b|c\&d" in latex
    figures = call(monkeypatch, capfd, "plot", tmp_path)
    assert figures.status == 0
    assert all("<" not in path.name for path in (tmp_path / "figures").iterdir())
