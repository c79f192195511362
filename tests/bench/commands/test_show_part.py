"""``scorebench show``: the card of a task, method, metric or figure, and BibTeX entries."""

import re
import sys

import pytest

import methods
import tasks
from bench.bibliography import bibtex, entries
from bench.commands.cards import cards
from bench.commands.main import main
from bench.metrics import BUILT_IN
from bench.results.figures import figures
from methods.contract.registry import _registry as method_registry
from methods.contract.registry import method_class
from tasks.contract.registry import _registry as task_registry

PLUGIN = '''
from methods import Method, register_method
from tasks import Card, Task, register_task


@register_task("odd")
class Odd(Task):
    """Raises whatever it is asked for."""

    dim_theta, dim_x, num_observations = 1, 1, 1
    card = Card(summary="Odd \\x1b[31m task", citation="Doe {1999}: a paper")

    def prior(self):
        raise RuntimeError("no prior")

    def simulate(self, theta, seed): ...


@register_method("quoted")
class Quoted(Method):
    """Cites in BibTeX."""

    citation = "@misc{mine, title = {Mine}}"
    size: list[int] = [1, 2]

    def fit(self, prior, theta, x, device="cpu", seed=0): ...
'''


@pytest.fixture
def show(monkeypatch, capfd):
    """A function that runs the command and returns its status, output and errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["scorebench", "show", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capfd.readouterr()
        return end.value.code, printed.out, printed.err

    return call


def own_tasks():
    """Names of the suite's tasks; other tests may have loaded plug-ins."""
    return [name for name in tasks.names() if tasks.task_class(name).__module__.startswith("tasks.")]


def own_methods():
    return [name for name in methods.names() if method_class(name).__module__.startswith("methods.")]


def test_the_card_of_a_task(show):
    status, out, _ = show("two_moons")
    assert status == 0
    for line in (
        r"task two_moons, version 1",
        r"dimensions +theta 2, x 2",
        r"prior +Uniform, low -1, high 1",
        r"observations +10; x of the first: \(-0\.6\d+, 0\.1\d+\)",
        r"reference +10000 draws for each observation; exact draws by inverting the simulator",
        r"certificate +closed form",
        r"citation +Lueckmann, .*",
        r"source +tasks\.sbibm\.two_moons\.TwoMoons",
    ):
        assert re.search(f"^{line}$", out, flags=re.MULTILINE), line
    assert max(map(len, out.splitlines())) <= 100


def test_the_card_of_a_method_with_a_parameter_changed(show):
    status, out, _ = show("npe[density_estimator=maf]")
    assert status == 0
    assert out.startswith("method npe[density_estimator=maf], version ")
    assert re.search(r"density_estimator +maf \(default nsf\)\. Kind of density estimator", out)
    assert re.search(r"learning_rate +0\.0005\. Learning rate of Adam\.", out)
    assert re.search(r"^libraries +sbi [\d.]+, torch [\d.]+", out, flags=re.MULTILINE)


def test_every_part_has_a_card():
    for name in [*own_tasks(), *own_methods(), *BUILT_IN, *figures()]:
        [card] = cards(name)
        assert card.summary, name
        assert not [line for line in card.lines if "not available" in line[1]], name


def test_every_parameter_of_a_method_has_a_meaning():
    for name in own_methods():
        [card] = cards(name)
        for label, text in card.lines:
            assert not label.startswith("  ") or ". " in text, f"{name}: {label.strip()}"


def test_entries_of_all_that_is_cited(show):
    status, out, _ = show("npse", "--bibtex")
    assert status == 0
    keys = re.findall(r"^@\w+\{(\w+),", out, flags=re.MULTILINE)
    assert set(keys) == {"geffner2023compositional", "sharrock2024sequential", "tejerocantero2020sbi"}


def test_each_citation_of_the_suite_has_its_entries():
    cited = {tasks.get(name).card.citation for name in own_tasks()}
    cited |= {method_class(name).citation for name in own_methods()}
    found = {text: bibtex(text, "unknown") for text in cited if text and "Doe" not in text and text[0] != "@"}
    for text, ours in found.items():
        assert ours, text
        assert not [entry for entry in ours if entry.startswith("@misc{unknown")], text
        named = text.replace("package sbi", "sbi").split(";")
        assert len(ours) >= len([part for part in named if re.search(r"\b(19|20)\d\d\b", part)]), text
    used = {entry for ours in found.values() for entry in ours}
    assert set(entries()) <= used, "each entry is cited somewhere"


def test_entries_are_whole():
    keys = [re.match(r"@\w+\{(\w+),\n", entry)[1] for entry in entries()]
    assert len(set(keys)) == len(keys)
    for entry in entries():
        assert entry.count("{") == entry.count("}")
        for field in ("author", "title", "year"):
            assert re.search(rf"^  {field} +=", entry, flags=re.MULTILINE), entry


def test_cards_and_entries_of_a_plugin(show, tmp_path, monkeypatch):
    for registry in (task_registry, method_registry):  # other tests must not find these classes
        monkeypatch.setattr(registry, "_classes", dict(registry._classes))
    file = tmp_path / "odd_plugin.py"
    file.write_text(PLUGIN)
    status, out, _ = show("odd", "--plugin", str(file))
    assert status == 0
    assert r"Odd \x1b[31m task" in out
    assert "prior         not available (RuntimeError: no prior)" in out
    assert (
        show("odd", "--bibtex", "--plugin", str(file))[1] == "@misc{odd,\n  note = {Doe 1999: a paper},\n}\n"
    )
    assert show("quoted", "--bibtex", "--plugin", str(file))[1] == "@misc{mine, title = {Mine}}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["two_mons"], "unknown name 'two_mons'; did you mean 'two_moons'?"),
        (["zzzzzz"], "unknown name 'zzzzzz'; `scorebench list` prints all names"),
        (["npe[x=1]"], "unknown parameter 'x'"),
        (["npe[density_estimator=[maf,nsf]]"], "names 2 methods"),
        (["npe["], "write name or name[param=value,...]"),
        (["a\x1b[31m"], r"unknown name 'a\x1b[31m'"),
    ],
)
def test_a_mistake_is_one_line(show, words, message):
    status, out, err = show(*words)
    assert (status, out) == (2, "")
    assert message in err.replace("\\\\", "\\")
    assert len(err.splitlines()) == 1


def test_a_method_that_cites_nothing(show):
    assert show("prior", "--bibtex") == (0, "", "scorebench: prior cites no publication\n")
