"""All seeds of the suite are derived from their purpose, and no two purposes share a seed."""

import ast
from collections import Counter
from pathlib import Path

import tasks
from tasks.contract.seeding import derive_seed

ROOT = Path(__file__).parents[2]
FILES = [file for package in ("bench", "tasks") for file in sorted((ROOT / package).rglob("*.py"))]
SEEDING = {"manual_seed", "default_rng", "RandomState", "SeedSequence", "Random"}
KEYWORDS = {"seed", "random_state"}
# Files with calls whose seed is a literal or a sum, with the reason.
WRITTEN_DOWN = {
    "tasks/reference/hmc.py": "the run's seed and the chain's number: certificates were made so",
}
# Functions that pass a purpose on, which their callers name.
PASSING = {
    ("bench/run/cell.py", "seed_for"),
    ("bench/run/cell.py", "seed_of_metric"),
    ("tasks/contract/base.py", "_seed"),
}

# Files that override such a function, with the same purposes.
OVERRIDES = {"tasks/tools/stored_task.py", "bench/answers/checked_task.py"}


def calls(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node, getattr(node.func, "attr", getattr(node.func, "id", ""))


def is_written_down(value):
    """Whether a seed is a number, a sum or a list of these. Nobody could tell which such seeds are in use."""
    return isinstance(value, ast.BinOp | ast.List | ast.Tuple) or (
        isinstance(value, ast.Constant) and isinstance(value.value, int)
    )


def written_down():
    """Path and line of every seed that is a literal or a sum."""
    for file in FILES:
        for node, name in calls(file):
            given = [*node.args[:1], *(k.value for k in node.keywords)] if name in SEEDING else []
            given += [k.value for k in node.keywords if k.arg in KEYWORDS]
            if any(map(is_written_down, given)):
                yield file.relative_to(ROOT).as_posix(), node.lineno


def test_no_seed_is_written_down():
    found = list(written_down())
    assert [f"{file}:{line}" for file, line in found if file not in WRITTEN_DOWN] == []
    assert {file for file, _ in found} == set(WRITTEN_DOWN)


def purposes():
    """The leading words of every call of ``derive_seed`` or of a function that passes on a purpose."""
    for file in FILES:
        path = file.relative_to(ROOT).as_posix()
        passing = {name for _, name in PASSING}
        for node, name in calls(file):
            if name == "derive_seed" or (name in passing and path not in OVERRIDES):
                words = []
                for argument in node.args:
                    if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                        break
                    words.append(argument.value)
                yield path, node.lineno, tuple(words)


def test_every_call_of_derive_seed_has_a_purpose_of_its_own():
    found = list(purposes())
    unnamed = [f"{path}:{line}" for path, line, words in found if not words]
    assert len(unnamed) == len(PASSING)
    assert {place.split(":")[0] for place in unnamed} == {path for path, _ in PASSING}
    # Tasks are left out: their override of the scheme uses the same purposes as the scheme.
    named = Counter(words for path, _, words in found if words and not path.startswith("tasks/"))
    assert [words for words, times in named.items() if times > 1] == []
    first = {words[:n] for words in named for n in range(1, len(words))}
    assert first & set(named) == set()  # no purpose is the beginning of another
    tasks_own = {words for path, _, words in found if words and path.startswith("tasks/")}
    assert tasks_own == {("true theta",), ("observation",), ("reference",), ("speed",)}
    assert tasks_own & set(named) == set()


def test_seeds_of_cells_and_of_observations_are_distinct():
    cells = {
        (purpose, name, size, seed, k): derive_seed(purpose, name, size, seed, *k)
        for name in tasks.names()
        for size in (1000, 10_000)
        for seed in range(2)
        for purpose, k in (("theta", ()), ("x", ()), ("fit", ()), ("sample", (1,)), ("ppc", (1,)))
    }
    own = {
        (purpose, name, k): tasks.get(name)._seed(purpose, k)
        for name in tasks.names()
        for purpose in ("true theta", "observation")
        for k in range(1, tasks.get(name).num_observations + 1)
    }
    assert not set(cells.values()) & set(own.values())
    assert len(set(cells.values())) == len(cells)
