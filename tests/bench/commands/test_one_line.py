"""Every command reports bad input in one line with exit status 2 and writes nothing.

Commands and options are taken from the command line itself, so a new one is either covered or fails the test.
"""

import os
import re
import sys
from pathlib import Path

import click
import pytest
import torch

from bench.commands.arguments import referenced_tasks
from bench.commands.listing import listing
from bench.commands.main import cli, main
from bench.errors import UsageError
from bench.printable import printable
from bench.run.plugins import load_plugin
from tasks import Task
from tasks.contract import registry

DEMO = str(Path(__file__).parents[3] / "results" / "demo")
NUMBER = ["many", "-1", "1e3.5", "1e400"]
# Bad values that no command accepts, by the name of the option or argument.
BAD = {
    "array": ["many", "0"],
    "cpus": ["many", "0"],
    "directories": ["missing", "file", "pipe"],
    "output": ["folder", "file/below", "n" * 300],
    "reason": [" "],
    "limit": ["soon", "1:2:3:4"],
    "mem": ["much", "8GB"],
    "own": ["npe", "npe:mem=much", "npe:time=soon"],
    "sbatch": ["partition"],
    "address": ["nowhere:1"],  # the backend has no addresses
    "backend": ["slurm"],
    "batch_size": NUMBER,
    "calibration": NUMBER,
    "cell_timeout": ["soon", "-1", "nan", "inf"],
    "device": ["tpu"] + ([] if torch.cuda.is_available() else ["cuda"]),
    "dim": NUMBER,
    "directory": ["file", "missing", "file/below", "n" * 300, "esc\x1b[31m", "\ud800"],
    "experiment": ["no_such_experiment"],
    "figure": ["no_such_figure"],
    "font_size": ["big", "5", "nan", "inf"],
    "form": ["pdf"],
    "grid": ["folder", "missing.yaml", "file", "pipe", "/dev/zero", "n" * 300, "\ud800"],
    "interval": ["iqr"],
    "jobs": ["many", "-2", "0"],
    "keep": ["weights"],
    "keep_samples": NUMBER,
    "kinds": ["gif"],
    "label": ["two words", "npe", "x" * 61, "esc\x1b[31m"],
    "max_seconds": ["soon", "-1", "nan", "inf", "1e400"],
    "minutes": ["soon", "-1", "nan", "inf"],
    "metric": ["no_such_metric"],
    "metrics": ["no_such_metric"],
    "method": ["no_such_method", "npe[", "npe[no_such_parameter=1]"],
    "name": ["no_such_task"],
    "num_cells": NUMBER,
    "num_labels": NUMBER,
    "num_pairs": NUMBER,
    "num_runs": NUMBER,
    "num_samples": NUMBER,
    "num_seeds": NUMBER,
    "num_sets": NUMBER,
    "num_simulations": NUMBER,
    "observation": ["first", "0", "1000", "3-1"],
    "out": ["file", "file/below", "n" * 300, "\ud800"],
    "part": ["no_such_part"],
    "pivot": ["nothing", "methodxmethod", "task"],
    "plugin": ["missing.py", "broken.py", "folder", "file", "pipe", "n" * 300, "\ud800"],
    "published": ["no_such_source"],
    "published_labels": NUMBER,
    "sample_seconds": ["soon", "-1", "nan", "inf"],
    "samples": ["missing.npz", "file", "folder", "pipe", "n" * 300, "\ud800"],
    "scale": ["full", "2", "nan"],
    "seed": ["first", "99999999999999999999", "3-1", "0-9999999"],
    "sklearn_observation": ["first", "0", "1000"],
    "style": ["missing.yaml", "file", "folder", "pipe", "n" * 300, "\ud800"],
    "task": ["no_such_task", "esc\x1b[31m"],
    "threads": NUMBER,
    "time": ["never"],
    "timing": ["alone"],
    "title": [" "],
    "toy": ["no_such_toy"],
    "train_seconds": ["soon", "-1", "nan", "inf"],
    "what": ["nothing"],
    "width": ["wide", "1", "nan", "inf"],
}
# Arguments that a command needs in addition to the bad value.
NEEDED = {
    "run": {"task": "sir", "method": "prior"},
    "table": {"directory": DEMO, "pivot": "methodxtask"},
    "compare": {"directory": DEMO},
    "plot": {"directory": DEMO},
    "report": {"directory": "folder"},
    "score": {"task": "sir", "samples": "file", "label": "theirs", "observation": "1"},
    "check task": {"name": "sir"},
    "check method": {"method": "prior"},
    "reference": {"name": "lorenz63"},
    "show": {"part": "sir"},
    "status": {"directory": "folder"},
    "errors": {"directory": "folder"},
    "rm": {"directory": "folder"},
    "invalidate": {"directory": "folder", "reason": "wrong"},
    "merge": {"directories": "folder", "out": "folder"},
    "export": {"directory": "folder"},
    "slurm": {"task": "sir", "method": "prior", "array": "2", "limit": "1:00:00", "mem": "1G"},
}


def leaves(command=cli, words=()):
    """Words and command object of every command that is not merely a group."""
    if not isinstance(command, click.Group) or (words and command.invoke_without_command):
        yield words, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from leaves(inner, (*words, name))


def parameters(command):
    return [one for one in command.params if not getattr(one, "is_flag", False)]


CASES = [
    pytest.param(words, one, value, id=f"{' '.join(words)} {one.name}={value}")
    for words, command in leaves()
    for one in parameters(command)
    for value in BAD.get(one.name, [])
]


@pytest.fixture
def scorebench(tmp_path, monkeypatch, capfd):
    """A function that runs a command in a folder with bad files and returns its one line of error.

    The folder contains a file, a folder and a plug-in that raises.
    """
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken.py").write_text("raise BaseException('several\\nlines')")
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        before = sorted(tmp_path.rglob("*"))
        monkeypatch.setattr(sys, "argv", ["scorebench", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capfd.readouterr()
        assert (end.value.code, printed.out) == (2, ""), printed.err
        [line] = printed.err.splitlines()
        assert line.startswith("scorebench: ")
        assert line.isprintable()
        assert [path for path in sorted(tmp_path.rglob("*")) if "__pycache__" not in path.parts] == before
        return line

    return call


def test_every_parameter_has_a_bad_value():
    names = {one.name for _, command in leaves() for one in parameters(command)}
    assert names <= set(BAD), "add a value of the new option that cannot be taken"


@pytest.mark.parametrize(("words", "one", "value"), CASES)
def test_a_bad_value_is_one_line(scorebench, words, one, value):
    given = NEEDED.get(" ".join(words), {}) | {one.name: value}
    command = dict(leaves())[words]
    options, arguments = [], []
    for each in parameters(command):
        if each.name in given:
            is_option = isinstance(each, click.Option)
            (options if is_option else arguments).extend([each.opts[0]] * is_option + [given[each.name]])
    line = scorebench(*words, *options, "--", *arguments)
    shown = printable(re.split(r"[\[/]", value)[0])
    # What selects rows is looked for among the rows, of which there are none.
    selects = words[0] in ("rm", "invalidate") and "folder" in line
    assert selects or shown in line or one.name in ("directory", "address", "grid", "max_seconds")


@pytest.mark.parametrize("words", [words for words, _ in leaves()])
def test_an_unknown_option_is_one_line(scorebench, words):
    assert "No such option" in scorebench(*words, "--no-such-option")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["time", "c2st", "-t", "shaky"], "task shaky has no reference posterior"),
        (["study", "c2st", "-t", "shaky"], "task shaky has no reference posterior"),
        (
            ["time", "c2st", "-t", "bimodal_1d", "-o", 4],
            "task bimodal_1d has observations 1 to 3",
        ),
        (
            ["time", "c2st", "-t", "few_draws", "--num-samples", 101],
            "few_draws has 100 reference draws",
        ),
        (
            ["study", "c2st", "-t", "few_draws", "--num-samples", 51],
            "reference draws, 102 are needed",
        ),
        (
            ["time", "labels", "-t", "broken_simulator", "-n", 10],
            "10 of 10 simulations",
        ),
        (["study", "reference", "-t", "sir"], "the suite does not make the reference of sir"),
        (["study", "outsourced", "-t", "sir"], "the prior of sir is not a generator of digits"),
        (["study", "nothing"], "No such command 'nothing'"),
        (["reference", "sir"], "the suite does not make the reference of sir"),
        (["table", "folder"], "no results there"),
        (["run", "-t", "no_init", "-m", "prior"], "task 'no_init' cannot be made: ValueError: on purpose"),
        (["check", "task", "no_init"], "task 'no_init' cannot be made: ValueError: on purpose"),
        (
            ["time", "labels", "-t", "no_number"],
            "num_observations = '3', a positive integer",
        ),
    ],
)
def test_what_a_task_lacks_is_one_line(scorebench, own_tasks, arguments, words):
    assert words in scorebench(*arguments)


@pytest.fixture
def own_tasks(monkeypatch, plugin):
    """Faulty tasks, registered for one test only because they would disturb other tests."""
    load_plugin(plugin)

    class Own(Task):
        dim_theta, dim_x, num_observations = 2, 2, 2

        def prior(self): ...

        def simulate(self, theta, seed): ...

    class FewDraws(Own):
        def reference_samples(self, num_observation):
            return torch.zeros(100, 2)

    class NoInit(Own):
        def __init__(self):
            raise ValueError("on purpose")

    class NoNumber(Own):
        num_observations = "3"

    own = {"few_draws": FewDraws, "no_init": NoInit, "no_number": NoNumber}
    for name, cls in own.items():
        monkeypatch.setattr(cls, "name", name)
    monkeypatch.setattr(registry._registry, "_classes", registry._registry._classes | own)


def test_without_names_the_tasks_that_serve_are_taken(own_tasks):
    with pytest.raises(UsageError):
        referenced_tasks(["few_draws"], [1], 200)
    chosen = [task.name for task in referenced_tasks([], [1, 2], 200)]
    assert "few_draws" not in chosen
    assert {"sir", "two_moons"} <= set(chosen)


def test_a_directory_that_may_not_be_written_to(scorebench, monkeypatch):
    monkeypatch.setattr(
        "bench.commands.arguments.os.access", lambda path, mode: False
    )  # root may write everywhere
    for words in (["study", "outsourced"], ["time"], ["run", "-t", "sir", "-m", "prior"]):
        assert "no permission to write to" in scorebench(*words, "--out", "folder/new")
    assert "reference: " in scorebench("reference", "lorenz63")


def test_an_error_of_the_file_system_is_one_line(scorebench, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device", "some/file")

    monkeypatch.setattr("bench.studies.metrics.known_errors", full)
    assert scorebench("study", "metrics") == "scorebench: some/file: No space left on device"


def test_a_listing_goes_on_where_a_task_cannot_be_made(own_tasks):
    text = listing(["tasks"])
    assert "task 'no_init' cannot be made: ValueError: on purpose" in text
    assert "two_moons" in text
