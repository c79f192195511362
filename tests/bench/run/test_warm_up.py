"""The first fit of a process takes no longer than others, since a warm-up precedes its timing."""

import subprocess
import sys
from typing import ClassVar

import pytest

from bench.run import warm_up as module
from bench.run.cell import Cell
from bench.run.run_cell import run_cell
from methods import Method

# Processor time is measured, because a busy machine lengthens it less than wall-clock time.
SCRIPT = """
import sys, time
from bench.clock import timing
from bench.run.cell import Cell
from bench.run.run_cell import run_cell

class Processor(timing.Host):
    def mark(self):
        return time.process_time()

timing.DEVICES["cpu"] = Processor
for method in sys.argv[1:]:
    for seed in (0, 1):
        cell = Cell("two_moons", method, 100, seed, 20, "cpu", (1,), metrics=("outside_prior",))
        [row] = run_cell(cell)
        assert row["status"] == "ok", row["error"]
        print(row["train_s"])
"""
# The first method makes the first optimiser of the process, the second is also the first to use sbi.
METHODS = ["exact_score_net[training_steps=20,num_labels=200]", "npe[max_num_epochs=5]"]


@pytest.mark.slow
@pytest.mark.subprocess
def test_the_first_fit_of_a_process_costs_what_the_second_costs():
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, *METHODS]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    seconds = [float(word) for word in printed]
    for first, second in (seconds[:2], seconds[2:]):
        # Both fits do the same number of steps. The ratio was 1.0, and 55 and 7 without a warm-up.
        assert first < 3 * second


class Counted(Method):
    """A method that counts its warm-ups."""

    calls: ClassVar[list[str]] = []

    def fit(self, prior, theta, x, device="cpu", seed=0):
        raise NotImplementedError

    def warm_up(self, device="cpu"):
        self.calls.append(device)


def test_once_in_a_process_for_a_method_and_a_device(monkeypatch):
    monkeypatch.setattr(module, "_warm", set())
    method = Counted()
    for device in ("cpu", "cpu", "cuda"):
        module.warm_up(method, device)
    assert method.calls == ["cpu", "cuda"]


def test_a_warm_up_that_fails_is_an_error_row(monkeypatch):
    from methods.baselines.method import Prior

    def fails(self, device="cpu"):
        raise ImportError("no such library")

    monkeypatch.setattr(module, "_warm", set())
    monkeypatch.setattr(Prior, "warm_up", fails)
    [row] = run_cell(Cell("two_moons", "prior", 50, 0, 50, "cpu", (1,)))
    assert row["status"] == "error"
    assert "no such library" in row["error"]


@pytest.mark.usefixtures("quick_classifiers")
def test_results_do_not_depend_on_it(monkeypatch):
    cell = Cell("two_moons", "npe[max_num_epochs=1]", 50, 0, 50, "cpu", (1,))
    monkeypatch.setattr(module, "_warm", set())
    [warmed] = run_cell(cell)
    [again] = run_cell(cell)
    assert warmed["status"] == "ok"
    assert warmed["samples_sha256"] == again["samples_sha256"]
