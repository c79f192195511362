"""Fingerprints of the source code that defines a task or method, including plug-ins."""

from __future__ import annotations

import ast
import hashlib
import io
import sys
import tokenize
from functools import lru_cache
from pathlib import Path

from bench.run.plugins import SUITE, is_from_plugin

__all__ = ["source_sha256"]


@lru_cache(maxsize=256)
def source_sha256(cls: type) -> str | None:
    """Return the hexadecimal SHA-256 of the code that defines a class; None if it has no file.

    A class from a notebook's cell has no file. The code is that of the modules of the class and its bases,
    and of the modules that these import from the same package (for a plug-in, from the same folder).
    Comments, docstrings and blank lines do not count, so that a better explanation does not look like a
    change of results.
    """
    place = _place(cls)
    if place is None:
        return None
    root, package = place
    texts: dict[str, str] = {}
    left = [file for base in cls.__mro__ if (file := _file(base)) is not None and _place(base) == place]
    while left:
        file = left.pop()
        name = file.relative_to(root).as_posix()
        if name not in texts:
            tree, texts[name] = _code(file)
            left += _imported(tree, file, root, package)
    digest = hashlib.sha256()
    for name, text in sorted(texts.items()):
        digest.update(f"{name}\n{text}\0".encode())
    return digest.hexdigest()


def _file(cls: type) -> Path | None:
    path = getattr(sys.modules.get(cls.__module__), "__file__", None)
    file = Path(path).resolve() if path else None
    return file if file is not None and file.suffix == ".py" and file.is_file() else None


def _place(cls: type) -> tuple[Path, str] | None:
    """Return the folder that a class's modules are imported from, and their package (empty for a plug-in)."""
    file = _file(cls)
    if file is None:
        return None
    if is_from_plugin(cls):
        return file.parent, ""
    package = cls.__module__.partition(".")[0]
    return file.parents[cls.__module__.count(".") + (file.name == "__init__.py")], package


@lru_cache(maxsize=512)
def _code(file: Path) -> tuple[ast.Module, str]:
    """Return a file's syntax tree, and its code without comments, docstrings and blank lines.

    If the file does not parse, the tree is empty and the code is the whole file in hexadecimal.
    """
    try:
        with tokenize.open(file) as opened:  # a file may declare another encoding than UTF-8
            source = opened.read()
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # a file whose import depends on a condition need not be valid here
        return ast.Module([], []), file.read_bytes().hex()
    lines = source.split("\n")  # counted as Python does: splitlines would also split at a form feed
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                for row in range(first.lineno, (first.end_lineno or first.lineno) + 1):
                    lines[row - 1] = ""
    return tree, "\n".join(line.rstrip() for line in lines if line.strip())


def _imported(tree: ast.Module, file: Path, root: Path, package: str) -> list[Path]:
    """Return the files of the package that a module imports, at top level or anywhere else in its code."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parent = node.module or ""
            if node.level:
                folder = file.parents[node.level - 1].relative_to(root)
                parent = ".".join([*folder.parts, *filter(None, [node.module])])
            # An imported name may be a module or an attribute of one.
            names |= {parent} | {f"{parent}.{alias.name}".strip(".") for alias in node.names}
    found = []
    for name in names - {""}:
        top = name.partition(".")[0]
        if top == package or (not package and top not in SUITE):
            place = root.joinpath(*name.split("."))
            found += [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()]
    return found
