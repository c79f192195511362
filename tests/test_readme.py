"""What the README, CONTRIBUTING.md and docs/ show runs as shown."""

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

import methods
import tasks
from bench.checks.task import CHECKS
from bench.commands.cards import cards
from bench.commands.main import cli
from bench.metrics import BUILT_IN
from bench.run.grid import Grid, read_grid
from bench.run.plugins import load_plugins
from bench.run.presets import presets
from bench.run.run_cell import run_cell
from bench.studies.exact_score import EXPERIMENTS
from methods.contract.registry import method_class

ROOT = Path(__file__).parents[1]
README, DOCS = ROOT / "README.md", ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
TEXTS = {str(file.relative_to(ROOT)): file.read_text() for file in (README, ROOT / "CONTRIBUTING.md", *PAGES)}
EVERYTHING = "\n".join(TEXTS.values())
EXTENDING = TEXTS["docs/extending.md"]
BLOCKS = dict(re.findall(r"```python\n# (my_\w+\.py)\n(.*?)```", EXTENDING, flags=re.DOTALL))


def blocks(language):
    """Name of the document and text of each code block in the language."""
    fence = re.compile(rf"^```{language}\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
    return [(name, block) for name, text in TEXTS.items() for block in fence.findall(text)]


def commands():
    """Name of the document and words of each command in its shell blocks, without comments."""
    for name, block in blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for command in line.split("&&"):
                words = shlex.split(command, comments=True)
                while words and "=" in words[0]:  # a variable of the environment
                    del words[0]
                if words:
                    yield name, words


def subcommand(words):
    """The click command that words begin with, and the words that are left for it."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


def options(command):
    """Long options of a command and all its subcommands."""
    own = {option for part in command.params for option in part.opts if option.startswith("--")}
    return own.union(*(options(part) for part in getattr(command, "commands", {}).values()))


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    """Folder with the files that the pages show; one, for the names in them can be registered once."""
    folder = tmp_path_factory.mktemp("templates")
    for name, text in BLOCKS.items():
        (folder / name).write_text(text)
    [grid] = [text for name, text in blocks("yaml") if name == "docs/grids.md"]
    (folder / "grid.yaml").write_text(grid)
    return folder


@pytest.mark.usefixtures("quick_classifiers")
@pytest.mark.parametrize("name", ["my_task.py", "my_method.py"])
def test_templates_run(name, templates):
    file = templates / name
    command = re.search(rf"scorebench run --plugin {name} -t (\w+) -m \"?([^\"\s]+)\"? -n (\d+)", EXTENDING)
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


def test_the_task_template_passes_the_check_that_the_page_shows(templates, monkeypatch):
    [command] = re.findall(r"^scorebench (check task .*?) *#", EXTENDING, flags=re.MULTILINE)
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


def test_the_readme_is_short():
    assert len(TEXTS["README.md"].splitlines()) <= 150


@pytest.mark.parametrize(
    ("name", "words"), [pytest.param(*found, id=f"{found[0]}: {' '.join(found[1])}") for found in commands()]
)
def test_commands_are_accepted(name, words, templates, monkeypatch):
    monkeypatch.chdir(templates)
    program, *words = words
    if program == "make":
        makefile = (ROOT / "Makefile").read_text()
        assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in words)
    elif program == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert words[0] == "install"
        assert set(re.findall(r"\[(\w+)\]", " ".join(words))) <= set(extras)
    elif program == "python":
        assert words[0] == "-m"
        assert importlib.util.find_spec(words[1]) is not None
    else:
        assert program == "scorebench"
        check_arguments(*subcommand(words))


def check_arguments(command, words):
    """Click takes the words, and the names among them are known."""
    given = {key: value for key, value in command.make_context("docs", list(words)).params.items() if value}
    load_plugins(given.get("plugin", ()))
    if command is cli.commands["run"]:
        file = given.pop("grid", None)
        given = {key: value for key, value in given.items() if key not in ("dry_run", "leave_held")}
        assert read_grid(
            file, {key: list(v) if isinstance(v, tuple) else v for key, v in given.items()}
        ).cells()
        return
    if command is cli.commands["show"]:
        assert cards(given["part"])
        return
    named = given.get("task", given.get("name", ()))
    for task in [named] if isinstance(named, str) else named:
        tasks.get(task)
    chosen = given.get("method", ())
    for method in [chosen] if isinstance(chosen, str) else chosen:
        methods.expand(method)
    assert set(given.get("experiment", ())) <= set(EXPERIMENTS)


def test_commands_in_sentences_exist():
    named = re.findall(r"`scorebench ([^`]+)`", EVERYTHING)
    assert len(named) > 10
    for text in named:
        command, rest = subcommand(text.split())
        assert command is not cli, text
        assert not isinstance(command, click.Group) or command.invoke_without_command or not rest, text


def test_options_in_sentences_exist():
    foreign = {"--no-deps", "--requeue", "--signal"}  # pip's, and sbatch's
    named = set(re.findall(r"`(--[a-z-]+)", EVERYTHING))
    assert named - options(cli) - {"--help"} - foreign == set()


@pytest.mark.parametrize(
    ("name", "block"),
    [pytest.param(*found, id=f"{found[0]}-{k}") for k, found in enumerate(blocks("python"))],
)
def test_python_runs(name, block, monkeypatch, tmp_path):
    compile(block, name, "exec")
    if block.startswith("# "):  # a file: a template, which has a test of its own, or a cluster's
        return
    # The same with fewer labels and samples.
    block = block.replace("num_labels=20000", "num_labels=200,training_steps=5").replace("10_000", "200")
    block = block.replace("task.reference_samples(1)", "task.reference_samples(1)[:200]")
    block = block.replace('out="runs/python"', f'out={str(tmp_path)!r}, backend="sequential"')
    monkeypatch.chdir(ROOT)
    exec(block, {})  # noqa: S102


def anchors(text):
    """What headings are linked by."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", TEXTS[name]):
        if target.startswith("https://"):
            continue
        file = (ROOT / name).parent / target if target else ROOT / name
        assert file.is_file(), target
        assert not anchor or anchor in anchors(file.read_text()), f"{target}#{anchor}"


def test_the_index_has_every_page():
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", TEXTS["docs/index.md"]))
    assert linked == {page.name for page in PAGES} - {"index.md"}


def test_the_grid_is_valid():
    [block] = [text for name, text in blocks("yaml") if name == "docs/grids.md"]
    grid = Grid(**yaml.safe_load(block))
    assert len(grid.cells()) == 3 * 4 * 2 * 3


def test_every_preset_grid_is_counted_and_named():
    [(number, named)] = re.findall(
        r"(\w+) grids come with the suite and are run by name: (.*?)\(", EVERYTHING, flags=re.DOTALL
    )
    numbers = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    assert numbers.index(number.lower()) == len(presets())
    assert set(re.findall(r"`(?:scorebench run )?(\w+)`", named)) == set(presets())


def test_options_are_all_documented():
    documented = set(re.findall(r"`--([a-z-]+)`", TEXTS["docs/grids.md"]))
    assert {name.replace("_", "-") for name in Grid.model_fields} <= documented


@pytest.mark.parametrize(
    ("name", "page"), [("run", "grids"), ("time", "times"), ("plot", "figures"), ("report", "report")]
)
def test_options_of_a_command_are_on_its_page(name, page):
    own = {option for part in cli.commands[name].params for option in part.opts if option.startswith("--")}
    assert {option for option in own if option not in TEXTS[f"docs/{page}.md"]} == set()


def test_methods_are_named():
    # Other tests may have loaded plug-ins into this process.
    own = [name for name in methods.names() if method_class(name).__module__.startswith("methods.")]
    assert len(own) >= 8
    for text in (TEXTS["README.md"], TEXTS["docs/methods.md"]):
        assert [name for name in own if f"`{name}`" not in text] == []


def test_cards_of_metrics_are_the_cards():
    table = [
        (
            f"`{name}`",
            cls.better,
            ", ".join(cls.needs),
            ", ".join(f"`{column}`" for column in cls.columns() if column != name),
            cls.source,
        )
        for name, cls in BUILT_IN.items()
    ]
    [section] = re.findall(r"^## Cards\n(.*?)^## ", TEXTS["docs/metrics.md"], re.DOTALL | re.MULTILINE)
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    assert [tuple(cell.strip() for cell in line) for line in lines] == table


def test_tasks_are_named():
    own = [name for name in tasks.names() if tasks.task_class(name).__module__.startswith("tasks.")]
    assert len(own) >= 20
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) \|", TEXTS["docs/tasks.md"], flags=re.MULTILINE)
    assert {name: (int(theta), int(x)) for name, theta, x in rows} == {
        name: (tasks.get(name).dim_theta, tasks.get(name).dim_x) for name in own
    }


def test_folders_are_named():
    for package in ("bench", "methods", "tasks"):
        [section] = re.findall(
            rf"^## {package}\n(.*?)^## ", TEXTS["docs/layout.md"], re.DOTALL | re.MULTILINE
        )
        named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]*)\|", section, re.MULTILINE))))
        folders = {path.name for path in (ROOT / package).iterdir() if path.is_dir()}
        assert named == folders - {"__pycache__"}


def test_the_demo_table_is_the_stored_one():
    table = (ROOT / "results" / "demo" / "table.md").read_text()
    assert table.strip() in TEXTS["docs/demo.md"]
    assert table.count("| npe ") == 2
