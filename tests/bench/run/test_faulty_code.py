"""Faulty code of plug-ins between good cells: each fault is an error row of its own cell, and no more."""

import os
import subprocess
import sys
import time

import psutil
import pytest
import torch

from bench.errors import UsageError
from bench.results.store import Store
from bench.run.grid import read_grid
from bench.run.plugins import load_plugin
from bench.run.progress import Progress
from bench.run.runner import run

PLUGIN = '''
"""A method with faults to choose from, and a good one whose samples show whether it ran undisturbed."""

import os
import signal
import subprocess
import sys
import time

import torch
from torch.distributions import Independent, Normal

from bench.metrics import metric_class
from methods import Method, Posterior, register_method
from tasks import Task, register_task

MARK = os.environ.get("FAULTY_MARK", "3600")  # seconds, and a word by which the test finds a process


@register_task("between")
class Between(Task):
    """Without a reference."""

    dim_theta, dim_x, num_observations = 2, 2, 2

    def prior(self):
        return Independent(Normal(torch.zeros(2), torch.ones(2)), 1)

    def simulate(self, theta, seed):
        return theta + torch.randn(theta.shape, generator=torch.Generator().manual_seed(seed))


class OwnBase(BaseException):
    """Neither an Exception nor one of Python's."""


class Unpicklable(Exception):
    def __init__(self, one, two):
        super().__init__(one)
        self.two = lambda: two


class Exits(Exception):
    """Ends whoever unpickles it."""

    def __reduce__(self):
        return os._exit, (7,)


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


class Odd:
    def __reduce__(self):
        return os._exit, (7,)


class Kept(Posterior):
    def __init__(self, theta, kind=""):
        self.theta, self.kind = theta, kind

    def sample(self, sample_shape, x):
        if self.kind == "exit_late":
            sys.exit()
        if self.kind == "odd_nfe":
            self.nfe = Odd()
        return self.theta[torch.randint(len(self.theta), sample_shape)] + torch.zeros(1)


@register_method("good")
class Good(Method):
    number: int = 0

    def warm_up(self, device="cpu"):
        pass

    def fit(self, prior, theta, x, device="cpu", seed=0):
        torch.ones(1, requires_grad=True).sum().backward()
        assert torch.get_default_dtype() == torch.float32
        print(os.getcwd(), file=sys.stdout)
        return Kept(theta)


def replaced(*args):
    raise RuntimeError("patched")


@register_method("bad")
class Bad(Good):
    kind: str = ""

    def fit(self, prior, theta, x, device="cpu", seed=0):
        kind = self.kind
        if kind == "os_exit":
            os._exit(0)
        if kind == "os_exit_with_child":
            if os.fork() == 0:
                time.sleep(float(MARK))
            os._exit(0)
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "child":
            subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({MARK})"])
            raise ValueError("with a child")
        if kind == "sys_exit":
            sys.exit()
        if kind == "interrupt":
            raise KeyboardInterrupt
        if kind == "own_base":
            raise OwnBase("own")
        if kind == "generator_exit":
            raise GeneratorExit
        if kind == "unpicklable":
            raise Unpicklable(1, 2)
        if kind == "exits":
            raise Exits("gone")
        if kind == "mute":
            raise Mute
        if kind == "closed_output":
            os.close(1)
            os.close(2)
        if kind == "closed_all":
            os.closerange(0, 256)
        if kind == "directory":
            os.chdir("/")
        if kind == "dtype":
            torch.set_default_dtype(torch.float64)
        if kind == "threads":
            torch.set_num_threads(7)
        if kind == "no_grad":
            torch.set_grad_enabled(False)
        if kind == "patched":
            metric_class("outside_prior").score = replaced
            sys.modules["bench.metrics.outside_prior"].inside_prior = replaced
            torch.randint = replaced
        return Kept(theta, kind)
'''
# What the error of each fault says. ``APART`` has the faults that end their process.
RAISED = {
    "sys_exit": "SystemExit",
    "exit_late": "SystemExit",
    "own_base": "OwnBase: own",
    "generator_exit": "GeneratorExit",
    "unpicklable": "Unpicklable: 1",
    "exits": "Exits: gone",
    "mute": "Mute",
    "odd_nfe": "AnswerError: method bad: nfe of its posterior is",
}
STATE = {
    "directory": "working directory from",
    "dtype": "torch's default dtype from torch.float32 to torch.float64",
    "threads": "torch's number of threads from 1 to 7",
    "no_grad": "torch's gradient mode from True to False",
    "patched": "replaced bench.metrics.outside_prior.inside_prior",
}
IN_PROCESS = RAISED | STATE
APART = {
    "os_exit": "DiedError: its process died (exit status 0)",
    "os_exit_with_child": "DiedError: its process died (exit status 0)",
    "kill": "SIGKILL",
    "child": "ValueError: with a child",
    "interrupt": "KeyboardInterrupt",
    "closed_output": "file descriptor 1",
    "closed_all": "DiedError: its process died",
}
EVERYWHERE = IN_PROCESS | APART


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    path = tmp_path_factory.mktemp("faults") / "faults.py"
    path.write_text(PLUGIN)
    return str(path)


def grid(faults, out, kinds, **options):
    """Good cells with a bad one of each kind between two of them."""
    methods = ["good[number=0]"]
    for index, kind in enumerate(kinds, start=1):
        methods += [f"bad[kind={kind}]", f"good[number={index}]"]
    return {
        "task": ["between"],
        "method": methods,
        "num_simulations": [60],
        "num_samples": 30,
        "plugin": [faults],
        "out": str(out),
    } | options


def check(out, expected):
    """Each bad cell has two error rows with its reason, and each good cell two good ones, all the same."""
    rows = Store(out).read()
    good = rows[rows["method"] == "good"]
    assert good["status"].tolist() == ["ok"] * 2 * (len(expected) + 1), good["error"].tolist()
    assert good["metric_errors"].isna().all()
    assert good.groupby("num_observation")["samples_sha256"].nunique().tolist() == [1, 1]
    assert good["outside_prior"].eq(0).all()
    for kind, reason in expected.items():
        own = rows[rows["params"].str.contains(f'"{kind}"')]
        assert own["status"].tolist() == ["error"] * 2, kind
        for error in own["error"]:
            assert reason in error, (kind, error)


@pytest.mark.slow
def test_faults_in_the_same_process_are_rows_of_their_own_cells(tmp_path, faults):
    """The backend ``sequential`` has no other process: what was changed is changed back."""
    settings = read_grid(None, grid(faults, tmp_path / "out", IN_PROCESS, backend="sequential"))
    before, directory = torch.randint, os.getcwd()
    summary = run(settings.cells(), Store(settings.out), settings.options, Progress())
    assert (summary.ran, summary.failed) == (2 * len(IN_PROCESS) + 1, len(IN_PROCESS))
    check(settings.out, IN_PROCESS)
    assert torch.randint is before
    assert os.getcwd() == directory


def test_ctrl_c_still_ends_a_run_in_this_process(tmp_path, faults):
    settings = read_grid(None, grid(faults, tmp_path / "out", ["interrupt"], backend="sequential"))
    with pytest.raises(KeyboardInterrupt):
        run(settings.cells(), Store(settings.out), settings.options, Progress())


def matrix(tmp_path, faults, kinds, *more, seconds):
    """Run the command, and check its rows, its exit status, its time, and that no process is left."""
    mark = f"3600.{os.getpid()}{time.monotonic_ns() % 10**6}"
    words = []
    for name, value in grid(faults, tmp_path / "out", kinds).items():
        for one in value if isinstance(value, list) else [value]:
            words += [f"--{name.replace('_', '-')}", str(one)]
    command = [sys.executable, "-c", "from bench.commands.main import main; main()", "run", *words, *more]
    result = subprocess.run(
        command,
        env=os.environ | {"FAULTY_MARK": mark},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert result.returncode == 1, result.stderr
    assert f"ran {2 * len(kinds) + 1} cells, {len(kinds)} failed" in result.stdout
    check(tmp_path / "out", kinds)
    end = time.monotonic() + 10
    while left := processes(mark):
        assert time.monotonic() < end, left
        time.sleep(0.2)


def processes(mark):
    """Processes, but zombies, that were started by the command with this mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("FAULTY_MARK") == mark:
                found.append(process.cmdline())
        except psutil.Error:
            continue
    return found


@pytest.mark.slow
@pytest.mark.subprocess
@pytest.mark.parametrize("options", [[], ["--jobs", "2"]], ids=["one_job", "two_jobs"])
def test_every_fault_on_this_machine(tmp_path, faults, options):
    matrix(tmp_path, faults, EVERYWHERE, *options, seconds=900)


@pytest.mark.slow
@pytest.mark.cluster
def test_every_fault_on_a_worker_of_dask(tmp_path, faults):
    pytest.importorskip("distributed")
    matrix(tmp_path, faults, EVERYWHERE, "--backend", "dask", seconds=900)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("sys.modules['bench.metrics.ppc'].inside_prior = len", "replaced bench.metrics.ppc.inside_prior"),
        ("import methods; methods.get = len", "replaced methods.get"),
    ],
)
def test_a_plugin_that_replaces_the_suites_functions_is_refused(tmp_path, line, reason):
    path = tmp_path / "own.py"
    path.write_text(f"import sys\n{line}\n")
    with pytest.raises(UsageError, match=reason):
        load_plugin(str(path))
