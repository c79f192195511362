"""Registries with made-up classes and entry points; test_installed.py installs real packages."""

import sys
import types
from abc import ABC, abstractmethod
from importlib.metadata import EntryPoint

import pytest

from registries import Registry, RegistryError, entry_points


class Tool(ABC):
    name = ""

    @abstractmethod
    def use(self): ...


class Hammer(Tool):
    def use(self): ...


class Saw(Tool):
    def use(self): ...


@pytest.fixture
def module(monkeypatch):
    """A module with the classes above that can be imported by name."""
    made = types.ModuleType("tool_package")
    made.Hammer, made.Saw, made.Tool, made.number = Hammer, Saw, Tool, 5
    monkeypatch.setitem(sys.modules, "tool_package", made)
    monkeypatch.setattr(entry_points, "_said", set())
    return made


@pytest.fixture
def registry(module, monkeypatch):
    """A factory of registries for which installed packages declare the given entry points."""

    def make(**declared):
        points = [EntryPoint(name, value, "scorebench.tools") for name, value in declared.items()]
        monkeypatch.setattr(entry_points, "entry_points", lambda group: points)
        return Registry("tool", Tool, RegistryError)

    return make


def test_a_class_without_decorator_gets_the_entry_points_name(registry):
    tools = registry(hammer="tool_package:Hammer")
    assert tools.find("hammer") is Hammer
    assert Hammer.name == "hammer"


def test_a_decorated_class_keeps_its_name(registry):
    tools = registry(other="tool_package:Hammer")
    tools.register("mallet")(Hammer)
    assert tools.classes() == {"mallet": Hammer}
    assert Hammer.name == "mallet"


def test_registering_loads_no_entry_point(registry, module, caplog):
    """Otherwise a package's module would be loaded while the package that it imports is half imported."""
    tools = registry(broken="no_such_module")
    tools.register("saw")(Saw)
    assert caplog.messages == []
    assert tools.find("saw") is Saw
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("tool_package:Missing", "AttributeError"),
        ("tool_package:number", "5 is neither a module nor derived from Tool"),
        ("tool_package:Tool", "class Tool does not define use"),
        ("tool_package", "module tool_package registers no tool"),
        ("tool_package:Hammer", "'bad' is taken by"),
    ],
)
def test_what_cannot_be_used_is_one_warning_and_the_rest_works(registry, caplog, target, words):
    tools = registry(bad=target, saw="tool_package:Saw")
    if target.endswith("Hammer"):
        tools.register("bad")(type("Other", (Hammer,), {"__module__": "elsewhere"}))
    before = dict(tools._classes)
    assert tools.classes() == before | {"saw": Saw}
    assert tools.classes() == before | {"saw": Saw}
    [message] = caplog.messages
    assert words in message
    assert "entry point 'bad' of scorebench.tools" in message
    if not before:
        with pytest.raises(RegistryError, match="unknown tool 'bad'; an unknown package: entry point"):
            tools.find("bad")


@pytest.mark.parametrize("error", [SystemExit(0), BaseException("b"), RuntimeError("several\nlines")])
def test_a_package_may_raise_anything(registry, caplog, monkeypatch, error):
    def load(point):
        raise error

    monkeypatch.setattr(EntryPoint, "load", load)
    assert registry(hammer="tool_package:Hammer").classes() == {}
    [message] = caplog.messages
    assert type(error).__name__ in message
    assert "\n" not in message


def test_an_interruption_is_none_of_the_packages(registry, monkeypatch):
    def load(point):
        raise KeyboardInterrupt

    monkeypatch.setattr(EntryPoint, "load", load)
    with pytest.raises(KeyboardInterrupt):
        registry(hammer="tool_package:Hammer").classes()


def test_one_reason_is_given_once_for_several_entry_points(registry, caplog):
    registry(a="no_such_module:A", b="no_such_module:B").classes()
    assert len(caplog.messages) == 1


def test_a_package_that_looks_names_up_while_it_is_imported(registry, module, caplog):
    """Classes that the package has not defined yet are loaded at the next look-up."""
    tools = registry(hammer="tool_package:Hammer")
    module.__spec__ = types.SimpleNamespace(_initializing=True)
    assert tools.classes() == {}
    module.__spec__._initializing = False
    assert tools.classes() == {"hammer": Hammer}
    assert caplog.messages == []


def test_an_incomplete_class_is_refused(registry):
    with pytest.raises(TypeError, match="tool 'blunt': class Blunt does not define use"):
        registry().register("blunt")(type("Blunt", (Tool,), {}))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: None, "a function is not a class derived from Tool"),
        (Hammer(), "a Hammer is not a class derived from Tool"),
        (int, "class int is not a class derived from Tool"),
    ],
)
def test_what_is_no_class_of_the_kind_is_refused(registry, given, words):
    """A function that was registered spoilt the listing of all others."""
    tools = registry()
    with pytest.raises(TypeError, match=words):
        tools.register("wrong")(given)
    assert tools.classes() == {}
