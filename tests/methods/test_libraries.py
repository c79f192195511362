"""What a method imports only when it runs is imported before its clock starts."""

import ast
import sys
from pathlib import Path

import pytest

import methods
from methods.contract.registry import method_class

ROOT = Path(methods.__file__).parent
SLOW = ("pandas", "scipy", "sklearn", "torchdiffeq")  # libraries that take tenths of a second to import


def imports(file, inside_functions):
    """Modules that a file imports, at its top or inside functions."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    nodes = [
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    ]
    for node in nodes if inside_functions else tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def files_of(cls):
    """The file of a class and all files of the package that it imports."""
    found, left = (
        set(),
        {
            Path(sys.modules[base.__module__].__file__)
            for base in cls.__mro__
            if base.__module__.startswith("methods.")
        },
    )
    while left:
        file = left.pop()
        found.add(file)
        for name in imports(file, inside_functions=False):
            stem = ROOT.parent.joinpath(*name.split("."))
            left |= {
                path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()
            } - found
    return found


@pytest.mark.parametrize("name", methods.names())
def test_slow_libraries_are_declared(name):
    cls = method_class(name)
    used = {
        module
        for file in files_of(cls)
        if file.parent.name != "sbi"  # their warm-up trains with sbi itself
        for module in imports(file, inside_functions=True)
        if module.partition(".")[0] in SLOW
    }
    if name in ("rejection_abc", "prior", "reference"):  # density of ABC's kernel alone
        used -= {"scipy.stats"}
    assert used <= set(cls.libraries)


def test_no_method_imports_them_at_its_top():
    tops = {
        (file.name, module) for file in ROOT.rglob("*.py") for module in imports(file, inside_functions=False)
    }
    assert {pair for pair in tops if pair[1].partition(".")[0] in (*SLOW, "sbi")} == set()
