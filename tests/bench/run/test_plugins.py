"""Plug-in files: their imports, and how every process finds them."""

import json
import multiprocessing
import os
import subprocess
import sys

import pytest
import torch

from bench.errors import UsageError
from bench.results.store import Store
from bench.run import plugins
from bench.run.grid import Grid
from bench.run.plugins import load_plugin, load_plugins


@pytest.fixture(autouse=True)
def _path_restored(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(plugins, "_folders", [])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith((plugins.PLUGIN, "neighbour_")):
            del sys.modules[name]


def write(folder, name, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return str(folder / name)


def loaded(path):
    load_plugin(path)
    return next(module for module in sys.modules.values() if getattr(module, "__file__", None) == path)


def test_a_plugin_imports_the_module_beside_it(tmp_path):
    folder = tmp_path / "my prüject"
    write(folder, "neighbour_a.py", "value = 7")
    assert loaded(write(folder, "own.py", "import neighbour_a")).neighbour_a.value == 7


def test_a_module_beside_a_plugin_takes_no_installed_ones_place(tmp_path):
    write(tmp_path, "click.py", "raise RuntimeError")
    sys.modules.pop("wave", None)
    write(tmp_path, "wave.py", "raise RuntimeError")
    own = loaded(write(tmp_path, "own.py", "import click, wave"))
    assert str(tmp_path) not in own.wave.__file__
    assert sys.path[-1] == str(tmp_path)


@pytest.mark.parametrize(
    "text", ["import neighbour_b", "def f():\n    from neighbour_b import g", "import neighbour_c"]
)
def test_two_folders_with_modules_of_one_name_are_refused(tmp_path, text):
    """Otherwise the second plug-in would silently run the first one's simulator."""
    for folder in ("one", "two"):
        write(tmp_path / folder, "neighbour_b.py", "")
    write(tmp_path / "two", "neighbour_c.py", "import neighbour_b")
    load_plugin(write(tmp_path / "one", "own.py", "import neighbour_b"))
    with pytest.raises(UsageError, match=r"imports neighbour_b, which is a module in .*two and in another"):
        load_plugin(write(tmp_path / "two", "own.py", text))


def test_files_of_one_name_that_are_not_imported_are_no_matter(tmp_path):
    for folder in ("one", "two"):
        write(tmp_path / folder, "neighbour_d.py", "")
        write(tmp_path / folder, "data", "no module")
    load_plugin(write(tmp_path / "one", "own.py", "import neighbour_d"))
    load_plugin(write(tmp_path / "two", "own.py", "import torch"))


def test_a_relative_import_is_told_what_to_write(tmp_path):
    path = write(tmp_path, "own.py", "from .sim import simulate")
    message = r"relative import.*write `import module` for a module in its folder"
    with pytest.raises(UsageError, match=message):
        load_plugin(path)


@pytest.mark.parametrize(
    "raised", ["SystemExit(0)", "BaseException('b')", "GeneratorExit", "ValueError('v')"]
)
def test_a_plugin_may_raise_anything(tmp_path, raised):
    with pytest.raises(UsageError, match=f"own.py: {raised.split('(')[0]}"):
        load_plugin(write(tmp_path, "own.py", f"raise {raised}"))


def test_an_import_that_exits_is_a_line(tmp_path):
    before = os._exit
    with pytest.raises(UsageError, match=r"own.py: SystemExit: os._exit\(3\) during the import"):
        load_plugin(write(tmp_path, "own.py", "import os\nos._exit(3)"))
    assert os._exit is before


def test_an_interruption_stops_the_command(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        load_plugin(write(tmp_path, "own.py", "raise KeyboardInterrupt"))


def test_relative_paths_are_those_of_the_beginning(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = "import os\nos.chdir(os.path.dirname(__file__))\n"
    write(tmp_path / "one", "own.py", here)
    write(tmp_path / "two", "own.py", here)
    load_plugins(["one/own.py", "two/own.py"])
    grid = Grid(task="two_moons", method="prior", plugin="one/own.py")
    monkeypatch.chdir(tmp_path)
    assert Grid(task="sir", method="prior", plugin="one/own.py", out="r").out == tmp_path / "r"
    assert Grid(task="sir", method="prior").out == tmp_path / "runs" / "default"
    assert grid.plugin == [str(tmp_path / "two" / "one" / "own.py")]


def test_what_an_import_sets_for_all_is_changed_back_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(plugins, "_notes", {})
    text = "import os, torch\ntorch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\n"
    monkeypatch.chdir(tmp_path)
    own = write(tmp_path / "sub", "own.py", text + "os.chdir(os.path.dirname(__file__))")
    load_plugin(own)
    assert (torch.get_default_dtype(), torch.is_grad_enabled()) == (torch.float32, True)
    assert os.getcwd() == str(tmp_path / "sub")  # its data may be there
    [line] = plugins.notes()
    assert line.startswith(f"plugin {own}: its import changed torch's default dtype from torch.float32 to")
    assert line.endswith("gradient mode from True to False; changed back")


RESULTS = """
from pathlib import Path
import torch
import neighbour_e
from torch.distributions import Independent, Uniform
from tasks import Task, register_task

import os
os.chdir(os.path.dirname(__file__))

@register_task("own_folder")
class OwnFolder(Task):
    dim_theta, dim_x, num_observations = 2, 2, 1

    def prior(self):
        return Independent(Uniform(-torch.ones(2), torch.ones(2)), 1)

    def simulate(self, theta, seed):
        noise = float(Path("noise.txt").read_text())
        return neighbour_e.blurred(theta, noise, torch.Generator().manual_seed(seed))
"""
BLURRED = "import torch\n\ndef blurred(theta, noise, generator):\n"
BLURRED += "    return theta + noise * torch.randn(theta.shape, generator=generator)\n"


@pytest.mark.slow
@pytest.mark.subprocess
def test_a_plugin_that_works_in_its_own_folder(tmp_path):
    """Simulator and data lie next to the plug-in (relative path); results are written to the given folder."""
    write(tmp_path / "sub", "own.py", RESULTS)
    write(tmp_path / "sub", "neighbour_e.py", BLURRED)
    write(tmp_path / "sub", "noise.txt", "0.1")
    command = "import sys; from bench.commands.main import main; main()"
    options = [
        "run",
        "--plugin",
        "sub/own.py",
        "-t",
        "own_folder",
        "-m",
        "prior",
        "-n",
        "50",
        "--out",
        "here",
    ]
    options += ["--num-samples", "20"]
    result = subprocess.run(
        [sys.executable, "-c", command, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert len(list((tmp_path / "here" / "cells").glob("*.parquet"))) == 1
    assert sorted(os.listdir(tmp_path)) == ["here", "sub"]
    assert json.dumps(sorted(os.listdir(tmp_path / "sub"))).count("here") == 0


@pytest.mark.subprocess
def test_a_process_that_a_plugin_starts_finds_it_and_its_neighbour(tmp_path):
    text = "import neighbour_f\n\ndef twice(value):\n    return neighbour_f.factor * value\n"
    write(tmp_path / "my prüject", "neighbour_f.py", "factor = 2")
    own = loaded(write(tmp_path / "my prüject", "own-file.py", text))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(own.twice, [1, 2]) == [2, 4]


PARALLEL = """
import functools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import torch
from torch.distributions import Independent, Uniform

import neighbour_g
from tasks import Card, Task, register_task


def one(row):
    return neighbour_g.blurred(row)


class Parallel(Task):
    dim_theta, dim_x, num_observations = 2, 2, 1
    card = Card(summary="simulates in other processes", noise="normal, sd .1", citation="own")

    def prior(self):
        return Independent(Uniform(-torch.ones(2), torch.ones(2)), 1)

    def simulate(self, theta, seed):
        rows = [(*row, seed + number) for number, row in enumerate(theta.tolist())]
        return torch.tensor(np.array(self.mapped(rows)), dtype=torch.float32)


@register_task("spawned")
class Spawned(Parallel):
    def mapped(self, rows):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.map(one, rows)


@register_task("forked")
class Forked(Parallel):
    def mapped(self, rows):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return pool.map(one, rows)


@register_task("executed")
class Executed(Parallel):
    @functools.cache  # its process is kept, and ends with the one that started it
    def pool(self):
        return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    def mapped(self, rows):
        return list(self.pool().map(one, rows))


@register_task("joblib")
class Joblib(Parallel):
    def mapped(self, rows):
        return joblib.Parallel(n_jobs=2)(joblib.delayed(one)(row) for row in rows)
"""
BLURRED_ROW = "import random\n\ndef blurred(row):\n    *theta, seed = row\n"
BLURRED_ROW += "    noise = random.Random(int(seed))\n    return [t + noise.gauss(0, 0.1) for t in theta]\n"


def command(folder, *words):
    line = [sys.executable, "-c", "from bench.commands.main import main; main()", *words]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
@pytest.mark.subprocess
def test_simulators_that_start_processes_give_the_same_numbers(tmp_path):
    """Workers used to be daemons, which may have no children, and no child knew the plug-in's module."""
    write(tmp_path / "my prüject", "parallel sim.py", PARALLEL)
    write(tmp_path / "my prüject", "neighbour_g.py", BLURRED_ROW)
    words = ["-m", "prior", "-n", "20", "--num-samples", "20", "--metrics", "ppc", "--out", "out"]
    for name in ("spawned", "forked", "executed", "joblib"):
        words += ["-t", name]
    result = command(tmp_path, "run", "--plugin", "my prüject/parallel sim.py", *words)
    assert result.returncode == 0, result.stderr
    rows = Store(tmp_path / "out").read()
    assert rows["status"].tolist() == ["ok"] * 4
    assert rows["num_predictive"].tolist() == [20] * 4
    folder = tmp_path / "my prüject"
    checked = command(folder, "check", "task", "forked", "--plugin", "parallel sim.py")
    assert checked.returncode == 0, checked.stdout
