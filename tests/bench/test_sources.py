import subprocess
import sys

import pytest

import methods
import tasks
from bench.plugins import load_plugin
from bench.sources import source_sha256
from methods.registry import method_class

MODULE = """
from helper import scale
from methods import Method, register_method


@register_method("{name}")
class Sourced(Method):
    def fit(self, prior, theta, x, device="cpu", seed=0):
        return scale
"""


@pytest.mark.parametrize("name", methods.names())
def test_every_method_has_a_source(name):
    assert len(source_sha256(method_class(name))) == 64


@pytest.mark.parametrize("name", ["two_moons", "sir", "ringdown"])
def test_tasks_have_a_source(name):
    assert len(source_sha256(type(tasks.get(name)))) == 64


def fingerprint(folder, name):
    """Of the plug-in's class, in a fresh process: a module is imported once."""
    code = (
        "from bench.plugins import load_plugin; load_plugin('plugin.py'); "
        "from bench.sources import source_sha256; "
        f"from methods.registry import method_class; print(source_sha256(method_class('{name}')))"
    )
    environment = {"PYTHONPATH": ":".join([str(folder), *sys.path]), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, env=environment, check=True
    )
    return done.stdout.strip()


def test_code_counts_and_comments_do_not(tmp_path):
    (tmp_path / "plugin.py").write_text(MODULE.format(name="sourced_a"))
    (tmp_path / "helper.py").write_text("scale = 1\n")
    first = fingerprint(tmp_path, "sourced_a")
    assert len(first) == 64
    (tmp_path / "helper.py").write_text('"""What it is."""\n\n# One.\nscale = 1  # unit\n')
    assert fingerprint(tmp_path, "sourced_a") == first
    # A module that the plug-in imports from its own folder is part of it.
    (tmp_path / "helper.py").write_text("scale = 2\n")
    assert fingerprint(tmp_path, "sourced_a") != first


def test_a_plugin_is_its_own_file(plugin):
    load_plugin(plugin)
    assert source_sha256(method_class("same")) != source_sha256(method_class("prior"))


def test_a_class_without_a_file_has_none():
    assert source_sha256(type("Made", (), {"__module__": "nowhere"})) is None
