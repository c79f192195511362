"""``bench.run`` and ``bench.load`` as a user calls them."""

import inspect
import os
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bench
import methods
import tasks
from bench.errors import UsageError
from methods import Method
from tasks import Task

ROOT = Path(bench.__file__).parents[1]
FEW = {"num_simulations": 50, "num_samples": 20, "metrics": "mmd2", "backend": "sequential"}


def python(folder, *arguments, text=None, seconds=300):
    return subprocess.run(
        [sys.executable, *arguments],
        input=text,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def test_rows_are_those_of_the_grid_in_its_order(tmp_path):
    first = bench.run(
        task="two_moons", method=("prior", "reference"), observation=range(2, 4), out=tmp_path, **FEW
    )
    assert first[["method", "num_observation"]].to_numpy().tolist() == [
        ["prior", 2],
        ["prior", 3],
        ["reference", 2],
        ["reference", 3],
    ]
    assert set(first["status"]) == {"ok"}
    files = sorted(tmp_path.rglob("*.parquet"))
    times = [file.stat().st_mtime_ns for file in files]
    second = bench.run(
        task=["two_moons"], method="reference", observation=np.array([3]), out=str(tmp_path), **FEW
    )
    pd.testing.assert_frame_equal(second, first[3:].reset_index(drop=True))
    assert [file.stat().st_mtime_ns for file in files] == times
    everything = bench.load(tmp_path)
    assert len(everything) == 4
    assert everything.columns.tolist() == first.columns.tolist()
    assert everything.dtypes.tolist() == first.dtypes.tolist()


def test_a_grid_file_and_options_that_override_it(tmp_path):
    (tmp_path / "grid.yaml").write_text("task: bimodal_1d\nmethod: prior\nseed: 0-4\nobservation: 1\n")
    rows = bench.run(tmp_path / "grid.yaml", seed=(1, 2), out=tmp_path / "out", **FEW)
    assert rows["seed"].tolist() == [1, 2]


def test_tasks_and_methods_may_be_objects_and_classes(tmp_path):
    method = methods.get("rejection_abc")
    rows = bench.run(
        task=tasks.get("bimodal_1d"), method=[method, type(method)], observation=1, out=tmp_path, **FEW
    )
    assert rows["method"].tolist() == ["rejection_abc"]


class Unregistered(Method):
    def fit(self, prior, theta, x, device="cpu", seed=0): ...


class Sized(Task):
    dim_x, num_observations = 1, 1

    def __init__(self, size=1):
        self.dim_theta = size

    def prior(self): ...

    def simulate(self, theta, seed): ...


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"task": "two_mons"}, "unknown task 'two_mons'; did you mean 'two_moons'?"),
        ({"observation": 11}, "observation = 11: task two_moons has observations 1 to 10"),
        ({"num_simulations": 1.5}, "num-simulations = 1.5: input should be a valid integer"),
        ({"num_simulations": []}, "num-simulations = []"),
        ({"seed": {"a": 1}}, "seed = {'a': 1}: input should be a valid integer"),
        ({"jobs": 0}, "jobs = 0: input should be at least 1, or -1 for all cores"),
        ({"threads": "most"}, "threads = 'most': input should be a valid integer, or all"),
        ({"backend": "slurm"}, "backend = 'slurm'"),
        ({"method": Unregistered()}, "class Unregistered: not registered; write @register_method"),
        ({"task": Sized(2)}, "object of class Sized, whose constructor takes arguments"),
        ({"task": methods.get("prior")}, "task = class Prior: not derived from Task"),
        ({"task": int}, "task = class int: not derived from Task"),
        ({"grid": "missing.yaml"}, "missing.yaml: no such file, and no preset"),
        ({"plugin": "missing.py"}, "plugin: no file"),
    ],
)
def test_a_bad_value_is_one_line_and_nothing_is_written(tmp_path, options, words):
    with pytest.raises(UsageError) as error:
        bench.run(**{"task": "two_moons", "method": "prior", "out": tmp_path / "out"} | options)
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_arguments_are_the_options_of_the_command():
    from bench.commands.main import cli
    from bench.run.grid import Grid

    parameters = list(inspect.signature(bench.run).parameters)
    assert parameters[0] == "grid"
    assert parameters[1:] == list(Grid.model_fields)
    assert set(parameters) <= {option.name for option in cli.commands["run"].params}


def test_the_package_is_a_package_too():
    from bench.run.cell import Cell
    from bench.run.from_python import run

    assert Cell.__module__ == "bench.run.cell"
    assert inspect.signature(bench.run) == inspect.signature(run)
    assert typing.get_type_hints(run)["return"] is pd.DataFrame
    assert {"run", "load"} <= set(dir(bench))
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        _ = bench.walk


def test_types_are_packed_with_every_package():
    for package in ("bench", "methods", "registries", "tasks"):
        assert (ROOT / package / "py.typed").is_file()


@pytest.mark.subprocess
def test_the_import_is_quick_and_the_module_is_the_command(tmp_path):
    code = (
        "import os, sys, bench; print('torch' in sys.modules, sum(os.times()[:2]) < 0.3, callable(bench.run))"
    )
    assert python(tmp_path, "-c", code).stdout == "False True True\n"
    result = python(tmp_path, "-m", "bench", "run", "missing.yaml")
    assert result.returncode == 2
    *loading, line = result.stderr.splitlines()
    assert line.startswith("scorebench: grid missing.yaml: no such file")
    assert loading in ([], ["loading torch, tasks and methods ..."])


OWN = '''
import torch, bench
from methods import Method, Posterior, register_method
{imports}

class Kept(Posterior):
    def __init__(self, theta):
        self.theta = theta

    def sample(self, sample_shape, x):
        return self.theta[torch.randint(len(self.theta), sample_shape)]

@register_method("own")
class Own(Method):
    """Of the session itself."""

    factor: float = 1.0
    {body}

    def fit(self, prior, theta, x, device="cpu", seed=0):
        return Kept(theta)

print("before", flush=True)
few = dict(num_simulations=50, num_samples=20, metrics="ppc", observation="1-2")
rows = bench.run(task="bimodal_1d", method=Own(factor=2), out="out", **few)
print(rows[["method", "params", "num_observation", "status"]].values.tolist())
'''
ROWS = "[['own', '{\"factor\": 2.0}', 1, 'ok'], ['own', '{\"factor\": 2.0}', 2, 'ok']]\n"


@pytest.mark.slow
@pytest.mark.subprocess
def test_a_script_without_a_guard(tmp_path):
    (tmp_path / "own.py").write_text(OWN.format(imports="", body=""))
    result = python(tmp_path, "own.py")
    assert result.stdout == f"before\nbefore\n{ROWS}", (
        result.stderr
    )  # the worker runs the script up to the call


@pytest.mark.slow
@pytest.mark.subprocess
def test_a_class_below_the_first_call_is_named(tmp_path):
    first = "import bench\nbench.run(task='bimodal_1d', method='prior', num_simulations=50, num_samples=20, "
    first += "metrics='ppc', observation=1, out='out')\n"
    (tmp_path / "own.py").write_text(first + OWN.format(imports="", body=""))
    result = python(tmp_path, "own.py")
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("bench.errors.UsageError: unknown method 'own' in a worker process")
    assert last.endswith("define the class above that call")


@pytest.mark.slow
@pytest.mark.subprocess
def test_a_session_without_a_file_sends_its_classes(tmp_path):
    """What is typed at a prompt or into a notebook has no file; of imported modules the name is sent."""
    neighbour = OWN.replace("own", "neighbour").partition("print(")[0].format(imports="", body="")
    (tmp_path / "beside.py").write_text(neighbour)
    text = OWN.format(imports="import beside", body="").replace(
        "method=Own(factor=2)", 'method=["own[factor=2]", "neighbour"]'
    )
    result = python(tmp_path, "-", text=text)
    assert result.stdout.startswith("before\n[['own', "), result.stderr
    assert result.stdout.count("'ok'") == 4
    assert result.stdout.count("neighbour") == 2


@pytest.mark.slow
@pytest.mark.subprocess
def test_a_class_that_cannot_be_sent_is_named(tmp_path):
    text = OWN.format(imports="import threading\nlock = threading.Lock()", body="held: object = lock")
    text = text.replace(
        "    held: object = lock", "    def warm_up(self, device='cpu'):\n        lock.acquire()"
    )
    result = python(tmp_path, "-", text=text)
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(
        "bench.errors.UsageError: method 'own' of this session cannot be sent to other processes"
    )
    assert 'backend="sequential"' in last
    assert not (tmp_path / "out" / "cells").exists()
