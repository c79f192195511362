"""Completion of names in a shell, as click's script for bash asks for it."""

import os
import subprocess
import sys

import pytest
from click.shell_completion import BashComplete

import methods
import tasks
from bench.commands.main import cli
from bench.commands.name_types import SOURCES
from bench.metrics import BUILT_IN
from bench.results.figures import figures
from bench.run.presets import presets
from methods.contract.registry import method_class
from registries.declared import declared


def completed(*words):
    """What a shell offers for the last word."""
    shell = BashComplete(cli, {}, "scorebench", "_SCOREBENCH_COMPLETE")
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1]) if item.type == "plain"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["run", "-t", "two"], ["two_moons"]),
        (["run", "--method", "np"], ["npe", "npse"]),
        (["run", "--metrics", "c2st,sl"], ["c2st,sliced_w2"]),
        (["run", "sm"], ["smoke"]),
        (["time", "c2st", "-t", "slcp_"], ["slcp_distractors"]),
        (["check", "method", "fm"], ["fmpe"]),
        (["reference", "ring"], ["ringdown"]),
        (["show", "acc"], ["accuracy_by_time"]),
        (["show", "sliced"], ["sliced_w2"]),
        (["run", "-t", "no_such"], []),
        (["run", "--plugin", "missing.py", "-t", "two"], ["two_moons"]),
    ],
)
def test_names_are_completed(words, offered):
    assert completed(*words) == offered


def test_names_of_a_plugin_are_completed_without_running_it(tmp_path):
    text = 'raise SystemExit("run")\n\n\n@register_task("two_rings")\nclass Rings(Task):\n    """Rings."""\n'
    (tmp_path / "own.py").write_text(text)
    assert completed("run", "--plugin", str(tmp_path / "own.py"), "-t", "two") == ["two_moons", "two_rings"]


def test_names_in_the_source_are_the_registered_ones():
    known = {
        "task": [name for name in tasks.names() if tasks.task_class(name).__module__.startswith("tasks.")],
        "method": [name for name in methods.names() if method_class(name).__module__.startswith("methods.")],
        "metric": list(BUILT_IN),
        "figure": [name for name, cls in figures().items() if cls.__module__.startswith("bench.")],
    }
    for kind, (package, decorator) in SOURCES.items():
        found = declared(package, decorator)
        assert sorted(found) == sorted(known[kind])
        assert all(found.values()), "each has the first line of its docstring"
    assert set(completed("run", "")) == set(presets())


@pytest.mark.subprocess
def test_completion_is_quick_and_imports_no_torch():
    words = {
        "_SCOREBENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": "scorebench run -t two",
        "COMP_CWORD": "3",
    }
    code = "import sys; from bench.commands.main import main; sys.argv = ['scorebench']\ntry: main()\n"
    code += "finally: print(*sys.modules)"
    seconds = []
    for _ in range(3):
        before = os.times()
        done = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | words, capture_output=True, text=True, check=True
        )
        after = os.times()
        spent = (after.children_user, before.children_user, after.children_system, before.children_system)
        seconds.append(spent[0] - spent[1] + spent[2] - spent[3])
    offered, modules = done.stdout.splitlines()
    assert offered == "plain,two_moons"
    assert {"torch", "pandas", "rich"} & set(modules.split()) == set()
    assert min(seconds) < 0.3  # of processor time, which other programs do not lengthen much
