"""Packages with entry points, some of them broken, that pip installs into a fresh environment."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import bench

pytestmark = [pytest.mark.slow, pytest.mark.subprocess]

TASK = '''
import torch
from torch.distributions import Independent, Uniform
from tasks import Card, Task, register_task


class Noisy(Task):
    """Theta in noise."""

    dim_theta, dim_x, num_observations = 2, 2, 1
    card = Card(summary="theta in noise")

    def prior(self):
        return Independent(Uniform(-torch.ones(2), torch.ones(2)), 1)

    def simulate(self, theta, seed):
        return theta + 0.1 * torch.randn(theta.shape, generator=torch.Generator().manual_seed(seed))
'''
METHOD = '''
import torch
from methods import Method, Posterior, register_method


class Kept(Posterior):
    def __init__(self, theta):
        self.theta = theta

    def sample(self, sample_shape, x):
        return self.theta[torch.randint(len(self.theta), sample_shape)]


class Resampled(Method):
    """Draws the simulations' parameters."""

    def fit(self, prior, theta, x, device="cpu", seed=0):
        return Kept(theta)
'''


def decorated(source, decorator):
    return source.replace("class Noisy", f"{decorator}\nclass Noisy").replace(
        "class Resampled", f"{decorator}\nclass Resampled"
    )


# For each package: its name, the source of its module, its entry points.
PACKAGES = {
    "sb-decorated": (
        decorated(TASK, "@register_task('decorated_task')")
        + decorated(METHOD, "@register_method('decorated_method')"),
        {"tasks": "other_task = sb_decorated:Noisy", "methods": "other_method = sb_decorated:Resampled"},
    ),
    "sb-undecorated": (
        TASK + METHOD,
        {"tasks": "plain_task = sb_undecorated:Noisy", "methods": "plain_method = sb_undecorated:Resampled"},
    ),
    "sb-module": (
        decorated(TASK, "@register_task('module_task')")
        + decorated(METHOD, "@register_method('module_method')"),
        {"tasks": "whatever = sb_module", "methods": "whatever = sb_module"},
    ),
    "sb-broken": (
        "import no_such_package\n",
        {"tasks": "broken_task = sb_broken:Noisy", "methods": "broken_method = sb_broken:Resampled"},
    ),
    "sb-exits": ("import sys\nsys.exit(0)\n", {"tasks": "exits = sb_exits"}),
    "sb-clash": (TASK, {"tasks": "sir = sb_clash:Noisy"}),
}
BROKEN = {
    "sb-broken": "ModuleNotFoundError: No module named 'no_such_package'",
    "sb-exits": "SystemExit: 0",
    "sb-clash": "task name 'sir' is taken by tasks.sbibm.sir.SIR",
}


def wheel(folder, name, source, declared):
    module = name.replace("-", "_")
    path = folder / f"{module}-1.0-py3-none-any.whl"
    info = f"{module}-1.0.dist-info"
    points = "".join(f"[scorebench.{group}]\n{line}\n" for group, line in declared.items())
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{module}.py", source)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", points)
        files = [*archive.namelist(), f"{info}/RECORD"]
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in files))
    return path


@pytest.fixture(scope="module")
def scorebench(tmp_path_factory):
    """The command line in a fresh environment with these packages, which also sees the suite's own."""
    folder = tmp_path_factory.mktemp("fresh")
    python = folder / "venv" / "bin" / "python"
    # The fresh environment sees this one through a .pth file, like an editable installation.
    seen = [str(Path(bench.__file__).parents[1]), sysconfig.get_path("purelib")]
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP"))}

    def run(*command):
        return subprocess.run(
            [python, *command], env=env, cwd=folder, capture_output=True, text=True, timeout=300, check=False
        )

    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=300)
    wheels = [wheel(folder, name, *parts) for name, parts in PACKAGES.items()]
    installed = run("-m", "pip", "install", "--no-index", "--no-deps", "--disable-pip-version-check", *wheels)
    assert installed.returncode == 0, installed.stderr
    site = run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    Path(site, "suite.pth").write_text("\n".join(seen), encoding="utf-8")
    return lambda *arguments: run("-c", "from bench.commands.main import main; main()", *arguments)


def assert_one_warning_each(stderr):
    warnings = [line for line in stderr.splitlines() if "was not loaded" in line]
    assert len(warnings) == len(BROKEN)
    for name, reason in BROKEN.items():
        [line] = [line for line in warnings if line.startswith(f"scorebench: package {name}: entry point ")]
        assert reason in line


def test_what_is_installed_is_listed_and_what_is_broken_is_named(scorebench):
    result = scorebench("list")
    assert result.returncode == 0, result.stderr
    first = [line.split(" ")[0] for line in result.stdout.splitlines()]
    for kind in ("task", "method"):
        assert {f"decorated_{kind}", f"plain_{kind}", f"module_{kind}"} <= set(first)
        assert not {f"other_{kind}", f"broken_{kind}", "whatever"} & set(first)
    assert first.count("sir") == 1
    assert "epidemic" in next(line for line in result.stdout.splitlines() if line.startswith("sir ")).lower()
    assert_one_warning_each(result.stderr)
    assert len(result.stderr.splitlines()) == len(BROKEN)


def test_what_is_installed_runs_in_worker_processes(scorebench):
    names = ("decorated", "plain", "module")
    chosen = [word for name in names for word in ("-t", f"{name}_task", "-m", f"{name}_method")]
    result = scorebench("run", *chosen, "-n", "20", "--num-samples", "10", "--out", "out")
    assert result.returncode == 0, result.stderr
    assert "ran 9 cells, 0 failed" in result.stdout
    assert_one_warning_each(result.stderr)
