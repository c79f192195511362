"""Scripts that start work without a ``__main__`` guard, and scripts in worker processes."""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.subprocess]

UNGUARDED = """
import os
from bench.run import isolation

print("run", __name__, flush=True)
print(isolation.isolated(os.path.join, "a", "b", workers=1), flush=True)
"""
GUARDED = """
import copy
from bench.run import isolation

class Own:
    pass

if __name__ == "__main__":
    own = Own()
    own.value = 7
    print(isolation.isolated(copy.copy, own, workers=1).value)
"""
RAISES = """
import os
from bench.run import isolation

if __name__ != "__main__":
    raise RuntimeError("not twice")
print(isolation.isolated(os.path.join, "a", "b", workers=1))
"""
GRID = '''
import torch
from bench.run.grid import Grid
from bench.run.progress import Progress
from bench.run.runner import run
from bench.results.store import Store
from methods import Method, Posterior, register_method

class Kept(Posterior):
    def __init__(self, theta):
        self.theta = theta

    def sample(self, sample_shape, x):
        return self.theta[torch.randint(len(self.theta), sample_shape)]

@register_method("own")
class Own(Method):
    """Of the script itself."""

    def fit(self, prior, theta, x, device="cpu", seed=0):
        return Kept(theta)

options = {"task": "bimodal_1d", "method": "own", "num_simulations": 50, "num_samples": 20}
grid = Grid(**options, observation=1, metrics="ppc", out="out")
print(run(grid.cells(), Store(grid.out), grid.options, Progress()))
'''


def python(folder, *arguments, seconds=60):
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
    )


def test_a_script_without_a_guard_runs_again_up_to_the_call(tmp_path):
    (tmp_path / "own.py").write_text(UNGUARDED)
    result = python(tmp_path, "own.py")
    assert result.stdout.split("\n") == ["run __main__", "run __mp_main__", "a/b", ""]
    assert (result.returncode, result.stderr) == (0, "")


def test_classes_of_a_script_go_to_the_process_and_back(tmp_path):
    (tmp_path / "own.py").write_text(GUARDED)
    result = python(tmp_path, "own.py")
    assert (result.returncode, result.stdout) == (0, "7\n"), result.stderr


@pytest.mark.parametrize("name", ["own", "__main__"])
def test_a_module_of_a_package_is_run_again_with_its_relative_imports(tmp_path, name):
    """As in multiprocessing, the ``__main__`` module of a package is not run again."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").touch()
    (tmp_path / "pack" / "beside.py").touch()
    (tmp_path / "pack" / f"{name}.py").write_text("from . import beside\n" + UNGUARDED)
    result = python(tmp_path, "-m", "pack.own" if name == "own" else "pack")
    runs = 2 if name == "own" else 1
    assert (result.stdout.count("run"), result.returncode, result.stderr) == (runs, 0, "")


def test_a_script_that_fails_the_second_time_says_so(tmp_path):
    (tmp_path / "own.py").write_text(RAISES)
    result = python(tmp_path, "own.py")
    assert (result.returncode, result.stdout) == (0, "a/b\n")
    assert result.stderr.count("RuntimeError: not twice") == 1


@pytest.mark.slow
def test_a_grid_with_the_scripts_own_method_runs_without_a_guard(tmp_path):
    (tmp_path / "own.py").write_text(GRID)
    result = python(tmp_path, "own.py", seconds=300)
    assert result.returncode == 0, result.stderr
    assert "Summary(ran=1, failed=0" in result.stdout
