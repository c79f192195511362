"""Style files: what they set, and one line for each mistake."""

import re
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.results.figures.by_task import task_titles
from bench.results.figures.looks import looks
from bench.results.figures.options import FigureOptions
from bench.results.style_file import Style, read_style

GOOD = """
methods:
  one_pass: {name: Ours, color: black, marker: "*", line: "--"}
  npe: NPE
tasks:
  two_moons: Two moons
  sir:
"""


def written(folder, text):
    (folder / "style.yaml").write_text(text)
    return folder / "style.yaml"


def test_names_and_order(tmp_path):
    style = read_style(written(tmp_path, GOOD))
    assert style.method_order(["fmpe", "npe", "prior", "one_pass"]) == ["one_pass", "npe", "fmpe", "prior"]
    assert style.task_order(["gaussian_mixture", "sir", "two_moons"]) == [
        "two_moons",
        "sir",
        "gaussian_mixture",
    ]
    assert [style.method_name(name) for name in ("npe", "fmpe")] == ["NPE", "fmpe"]
    assert [style.task_name(name) for name in ("two_moons", "sir")] == ["Two moons", "sir"]
    assert style.methods["one_pass"].color == "black"


def test_the_example_of_the_page(tmp_path):
    page = (Path(__file__).parents[3] / "docs" / "figures.md").read_text()
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    style = read_style(written(tmp_path, example))
    assert [style.method_name("npe"), style.methods["one_pass"].marker] == ["NPE", "*"]
    assert style.task_order(["sir", "two_moons", "slcp"]) == ["two_moons", "sir", "slcp"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "should hold methods or tasks, e.g. methods: {npe: NPE}"),
        ("- npe", "should hold methods or tasks"),
        ("method: {npe: NPE}", "unknown key 'method'; did you mean 'methods'?"),
        ("methods: {npe: {colour: red}}", "unknown key 'methods.npe.colour'; did you mean 'color'?"),
        ("tasks: {sir: {color: red}}", "unknown key 'tasks.sir.color'"),
        ("methods: {npe: {color: reddish}}", "methods.npe.color = 'reddish': not a colour"),
        ("methods: {npe: {color: none}}", "methods.npe.color = 'none': not a colour"),
        ("methods: {npe: {marker: circle}}", "methods.npe.marker = 'circle': not a marker; markers are . ,"),
        ("methods: {npe: {line: wavy}}", "methods.npe.line = 'wavy': not a line; lines are - -- -. :"),
        ("methods: {npe: {name: 3}}", "methods.npe.name = '3': input should be a valid string"),
        ("methods: {npe: ''}", "a name is not empty"),
        ("methods: [npe]", "methods: should be a mapping, e.g. methods: {npe: NPE}"),
        (
            "methods: {npe: [a]}",
            "methods.npe = \"['a']\": a name, or a mapping with name, color, marker, line",
        ),
        ("tasks: [sir]", "tasks: should be a mapping, e.g. tasks: {sir: SIR}"),
        ("tasks: {sir: 5}", "tasks.sir = '5': a name, or a mapping with name"),
        ("methods: {npe: Ours, nre: Ours}", "methods: npe and nre are both named 'Ours'"),
        ("methods: {npe: A\n  npe: B}", "line"),
        ("methods: {npe: A, npe: B}", "line 1: 'npe' is given twice"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, text, line):
    file = written(tmp_path, text)
    with pytest.raises(UsageError) as raised:
        read_style(file)
    assert str(raised.value).startswith(f"style {file}")
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        read_style(tmp_path / "none.yaml")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not a text file"):
        read_style(tmp_path / "bytes")
    with pytest.raises(UsageError, match="is a directory"):
        read_style(tmp_path)


def test_a_name_of_something_else_is_refused():
    style = Style(methods={"npe": "one_pass"}, tasks={"sir": "slcp"})
    with pytest.raises(UsageError, match="npe and one_pass would both be named 'one_pass'"):
        style.method_order(["one_pass", "npe"])
    with pytest.raises(UsageError, match="sir and slcp would both be named 'slcp'"):
        style.task_order(["slcp", "sir"])
    with pytest.raises(UsageError, match="npe and one_pass would both be named"):
        looks(["one_pass", "npe"], style)
    with pytest.raises(UsageError, match="sir and slcp would both be named"):
        task_titles(["slcp", "sir"], FigureOptions(style=style))
    assert style.method_order(["npe"]) == ["npe"]
