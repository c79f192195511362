"""What the README shows runs as shown."""

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import methods
from bench.checks.task import CHECKS
from bench.commands.main import cli
from bench.run.cell import run_cell
from bench.run.grid import Grid, presets, read_grid
from methods.contract.registry import method_class

README = Path(__file__).parents[1] / "README.md"
BLOCKS = dict(re.findall(r"```python\n# (my_\w+\.py)\n(.*?)```", README.read_text(), flags=re.DOTALL))


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    """Folder with the files that the README shows; one, for the names in them can be registered once."""
    folder = tmp_path_factory.mktemp("templates")
    for name, text in BLOCKS.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.usefixtures("quick_classifiers")
@pytest.mark.parametrize("name", ["my_task.py", "my_method.py"])
def test_templates_run(name, templates):
    file = templates / name
    command = re.search(
        rf"scorebench run --plugin {name} -t (\w+) -m \"?([^\"\s]+)\"? -n (\d+)", README.read_text()
    )
    task, method, _ = command.groups()
    quick = method.replace("npe", "npe[max_num_epochs=1]")
    options = {
        "task": task,
        "method": quick,
        "num_simulations": 100,
        "observation": [1, 2],
        "num_samples": 50,
    }
    for cell in read_grid(None, options | {"plugin": [str(file)]}).cells():
        rows = run_cell(cell)
        assert [row["status"] for row in rows] == ["ok", "ok"], rows[0]["error"]


def test_the_task_template_passes_the_check_that_the_readme_shows(templates, monkeypatch):
    [command] = re.findall(r"^    scorebench (check task .*?) *#", README.read_text(), flags=re.MULTILINE)
    monkeypatch.chdir(templates)
    result = CliRunner().invoke(cli, command.split(), standalone_mode=False)
    outcomes = dict(line.split(": ", 1) for line in result.output.splitlines())
    none = "not applicable: the task has no reference posterior"
    assert outcomes == {f"ring {name}": "ok" for name in CHECKS} | {
        "ring reference": none,
        "ring certificate": none,
    }
    assert result.return_value == 0


def test_the_task_template_is_short():
    assert len(BLOCKS["my_task.py"].strip().splitlines()) <= 30


def test_the_grid_is_valid():
    [block] = re.findall(r"```yaml\n(.*?)```", README.read_text(), flags=re.DOTALL)
    grid = Grid(**yaml.safe_load(block))
    assert len(grid.cells()) == 3 * 4 * 2 * 3


def test_every_preset_grid_is_counted_and_named():
    [(number, named)] = re.findall(
        r"(\w+) grids come with the suite and are run by name: (.*?)\(", README.read_text(), flags=re.DOTALL
    )
    numbers = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    assert numbers.index(number.lower()) == len(presets())
    assert set(re.findall(r"`(?:scorebench run )?(\w+)`", named)) == set(presets())


def test_options_are_all_documented():
    documented = set(re.findall(r"`--([a-z-]+)`", README.read_text()))
    assert {name.replace("_", "-") for name in Grid.model_fields} <= documented


def test_methods_are_named():
    text = README.read_text()
    # Other tests may have loaded plug-ins into this process.
    own = [name for name in methods.names() if method_class(name).__module__.startswith("methods.")]
    assert len(own) >= 8
    assert [name for name in own if f"`{name}`" not in text] == []


def test_the_demo_table_is_the_stored_one():
    table = (README.parent / "results" / "demo" / "table.md").read_text()
    assert table.strip() in README.read_text()
    assert table.count("| npe ") == 2
