import pytest

import methods
import tasks
from bench.run import sources
from bench.run.plugins import load_plugin
from bench.run.sources import source_sha256
from methods.contract.registry import method_class

MODULE = """
from sourced_neighbour import scale
from methods import Method, register_method


@register_method("sourced")
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


def fingerprint(name):
    """The fingerprint of the files' current content, which a new process would load."""
    source_sha256.cache_clear()
    sources._code.cache_clear()
    return source_sha256(method_class(name))


def test_code_counts_and_comments_do_not(tmp_path):
    neighbour = tmp_path / "sourced_neighbour.py"
    (tmp_path / "plugin.py").write_text(MODULE)
    neighbour.write_text("scale = 1\n")
    load_plugin(str(tmp_path / "plugin.py"))
    first = fingerprint("sourced")
    assert len(first) == 64
    neighbour.write_text('"""What it is."""\n\n# One.\nscale = 1  # unit\n')
    assert fingerprint("sourced") == first
    # A module that the plug-in imports from its own folder is part of the plug-in's source.
    neighbour.write_text("scale = 2\n")
    assert fingerprint("sourced") != first


def test_a_plugin_is_its_own_file(plugin):
    load_plugin(plugin)
    assert source_sha256(method_class("same")) != source_sha256(method_class("prior"))


def test_a_class_without_a_file_has_none():
    assert source_sha256(type("Made", (), {"__module__": "nowhere"})) is None


def test_any_file_beside_a_plugin_has_a_fingerprint(tmp_path):
    (tmp_path / "plugin.py").write_text(
        MODULE.replace('"sourced"', '"sourced_odd"').replace("sourced_neighbour", "odd")
    )
    (tmp_path / "odd.py").write_bytes(
        "# -*- coding: latin-1 -*-\nscale = 'é'\nif scale == 1:\n    import broken\n".encode("latin-1")
    )
    (tmp_path / "broken.py").write_bytes(b"\xff this is no Python")
    load_plugin(str(tmp_path / "plugin.py"))
    first = fingerprint("sourced_odd")
    (tmp_path / "broken.py").write_bytes(b"\xfe this is no Python")
    assert fingerprint("sourced_odd") != first
