"""Style files: names, colours, markers and order of methods and tasks in figures and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from bench.errors import UsageError
from bench.printable import printable
from bench.results.directories import read_regular, sound
from registries import PlainYAMLError, nearest, read_plain_yaml

__all__ = ["MethodStyle", "Style", "TaskStyle", "check_names", "read_style"]

MOST_BYTES = 1_000_000
LONGEST = 60  # characters of a name
LINES = ("-", "--", "-.", ":")
EXAMPLE = "methods: {npe: NPE}"
EXAMPLES = {"methods": EXAMPLE, "tasks": "tasks: {sir: SIR}"}
EXPECTED = {
    "methods": "a name, or a mapping with name, color, marker, line",
    "tasks": "a name, or a mapping with name",
}


def _named(value: Any) -> Any:
    """Return a mapping for a name alone, and for nothing."""
    if value is None:
        return {}
    return {"name": value} if isinstance(value, str) else value


def _short(value: str) -> str:
    if not value.strip():
        raise ValueError("a name is not empty")
    if len(value) > LONGEST:
        raise ValueError(f"a name has at most {LONGEST} characters")
    return printable(value)


class TaskStyle(BaseModel):
    """How a task is shown; ``name`` None stands for its name in tables."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str | None = None

    _check_name = field_validator("name")(_short)


class MethodStyle(TaskStyle):
    """How a method is shown; what is None has the value that the suite gives it.

    Attributes:
        color: Colour as matplotlib knows it, such as ``"#0072b2"`` or ``black``.
        marker: Marker as matplotlib knows it, such as ``o`` or ``^``.
        line: Style of lines: ``-``, ``--``, ``-.`` or ``:``.
    """

    color: str | None = None
    marker: str | None = None
    line: str | None = None

    @field_validator("color")
    @classmethod
    def _check_color(cls, value: str) -> str:
        from matplotlib.colors import is_color_like

        if not is_color_like(value) or value.lower() == "none":
            raise ValueError('not a colour; write a name such as black, or "#0072b2" in quotes')
        return value

    @field_validator("marker")
    @classmethod
    def _check_marker(cls, value: str) -> str:
        from matplotlib.lines import Line2D

        known = [key for key in Line2D.markers if isinstance(key, str) and key.strip() and key != "None"]
        if value not in known:
            raise ValueError(f"not a marker; markers are {' '.join(known)}")
        return value

    @field_validator("line")
    @classmethod
    def _check_line(cls, value: str) -> str:
        if value not in LINES:
            raise ValueError(f"not a line; lines are {' '.join(LINES)}")
        return value


class Style(BaseModel):
    """The contents of a style file. What it names comes first, in its order; the rest is alphabetical.

    Keys are names as tables show them: of a method with its parameters (``npe``,
    ``npe[density_estimator=maf]``), or of a task. A value is a name, or a mapping.

    Example:
        >>> style = Style(methods={"prior": {"color": "grey"}, "npe": "NPE"})
        >>> style.method_order(["fmpe", "npe", "prior"])
        ['prior', 'npe', 'fmpe']
        >>> style.method_name("npe"), style.method_name("fmpe")
        ('NPE', 'fmpe')
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    methods: dict[str, Annotated[MethodStyle, BeforeValidator(_named)]] = Field(default_factory=dict)
    tasks: dict[str, Annotated[TaskStyle, BeforeValidator(_named)]] = Field(default_factory=dict)

    @field_validator("methods", "tasks")
    @classmethod
    def _check_names(cls, values: dict[str, Any]) -> dict[str, Any]:
        owners: dict[str, str] = {}
        for key, value in values.items():
            name = value.name or key
            if name in owners:
                raise ValueError(f"{owners[name]} and {key} are both named {name!r}")
            owners[name] = key
        return values

    def method_name(self, method: str) -> str:
        """Return the name of a method as it is shown."""
        return _name(self.methods, method)

    def task_name(self, task: str) -> str:
        """Return the name of a task as it is shown."""
        return _name(self.tasks, task)

    def method_order(self, methods: Iterable[str]) -> list[str]:
        """Return methods in the order in which they are shown, without duplicates.

        Raises:
            UsageError: if two of them have one name.
        """
        return _order(self.methods, methods)

    def task_order(self, tasks: Iterable[str]) -> list[str]:
        """Return tasks in the order in which they are shown, without duplicates.

        Raises:
            UsageError: if two of them have one name.
        """
        return _order(self.tasks, tasks)


def check_names(names: Mapping[str, str]) -> None:
    """Check that no two things that are shown have one name.

    Arguments:
        names: Shown name of each method or task.

    Raises:
        UsageError: if two have.
    """
    owners: dict[str, str] = {}
    for key, name in names.items():
        if name in owners:
            raise UsageError(f"style: {owners[name]} and {key} would both be named {printable(name)!r}")
        owners[name] = key


def read_style(file: Path) -> Style:
    """Read a style file.

    Raises:
        UsageError: if the file cannot be read, is not YAML, or has an unknown key or value; the message is
            one line with the key, its value and what is allowed.
    """
    sound(file, "style")
    what = f"style {file}"
    try:
        values = read_plain_yaml(read_regular(file, MOST_BYTES).decode("utf-8"), keys_are_words=True)
    except OSError as error:
        raise UsageError(f"{what}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{what}: not a text file") from None
    except PlainYAMLError as error:
        raise UsageError(f"{what}{f', line {error.line}' if error.line else ''}: {error.reason}") from None
    if not isinstance(values, dict):
        raise UsageError(f"{what}: should hold methods or tasks, e.g. {EXAMPLE}")
    try:
        return Style(**values)
    except ValidationError as error:
        raise UsageError(f"{what}: {_explained(error)}") from None


def _explained(error: ValidationError) -> str:
    """Return one line for the first error: where it is, the value, and what is allowed."""
    first = error.errors()[0]
    path = [str(key) for key in first["loc"]]
    message = " ".join(first["msg"].removeprefix("Value error, ").split())
    if first["type"] == "extra_forbidden":
        inner = MethodStyle if path[0] == "methods" else TaskStyle
        known = Style.model_fields if len(path) == 1 else inner.model_fields
        return f"unknown key {'.'.join(path)!r}; {nearest(path[-1], known)}"
    if first["type"] in ("model_type", "dict_type"):
        message = EXPECTED[path[0]] if len(path) > 1 else f"should be a mapping, e.g. {EXAMPLES[path[0]]}"
    if len(path) == 1:
        return f"{path[0]}: {message[:1].lower()}{message[1:]}"
    value = str(first["input"])
    value = value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
    return f"{'.'.join(path)} = {value!r}: {message[:1].lower()}{message[1:]}"


def _name(styles: dict[str, Any], key: str) -> str:
    return (styles[key].name if key in styles else None) or key


def _order(styles: dict[str, Any], keys: Iterable[str]) -> list[str]:
    rank = {key: number for number, key in enumerate(styles)}
    ordered = sorted(set(keys), key=lambda key: (rank.get(key, len(rank)), key))
    check_names({key: _name(styles, key) for key in ordered})
    return ordered
