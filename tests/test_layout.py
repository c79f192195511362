"""The house: which packages and folders import which."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "methods", "tasks", "registries")
FILES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for package in PACKAGES
    for file in sorted((ROOT / package).rglob("*.py"))
}


def imported(file):
    """Modules of the house that a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            # What is no module is a name in one.
            module = name if name in FILES else name.rpartition(".")[0]
            if module in FILES:
                yield module


MODULES = {name: set(imported(file)) - {name} for name, file in FILES.items()}


def folder(module):
    """``bench.run`` for ``bench.run.cell``; a module next to the folders stands for itself."""
    return ".".join(module.split(".")[:2])


def folders():
    """The same graph between folders, packages' own ``__init__`` files (which gather names) left out."""
    graph = {}
    for module, others in MODULES.items():
        if module not in PACKAGES:
            graph.setdefault(folder(module), set()).update(
                folder(other) for other in others if other not in PACKAGES and folder(other) != folder(module)
            )
    return graph


def circle(graph):
    """A circle in a graph as a list that ends where it begins; None if there is none."""
    done = set()

    def search(node, path):
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return None
        for other in sorted(graph.get(node, ())):
            if found := search(other, [*path, node]):
                return found
        done.add(node)
        return None

    return next((found for node in sorted(graph) if (found := search(node, []))), None)


@pytest.mark.parametrize("graph", [MODULES, folders()], ids=["modules", "folders"])
def test_imports_go_round_in_no_circle(graph):
    assert circle(graph) is None


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b"}, "b": {"c"}}) is None


@pytest.mark.parametrize(
    ("package", "may"),
    [("methods", {"registries"}), ("tasks", {"registries"}), ("registries", set())],
)
def test_methods_and_tasks_know_neither_each_other_nor_bench(package, may):
    arrows = {
        (module, other)
        for module, others in MODULES.items()
        for other in others
        if module.split(".")[0] == package and other.split(".")[0] not in {package, *may}
    }
    assert arrows == set()


def test_no_two_modules_of_a_package_share_a_name():
    """``method.py`` and ``study.py`` mean their folder; parts of one method or study are named within it."""
    own = {"method", "study", "base", "registry", "seeding"}
    parts = {"denoiser", "exact_score", "inflationary", "outsourced"}
    for package in PACKAGES:
        files = [file for file in FILES.values() if file.name != "__init__.py" and package in file.parts]
        names = [file.stem for file in files if file.parent.name not in parts]
        assert {name for name in names if names.count(name) > 1} <= own
