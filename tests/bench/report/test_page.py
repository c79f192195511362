import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import matplotlib as mpl
import pytest
from click.testing import CliRunner

from bench.commands.main import cli
from bench.errors import UsageError
from bench.report.dataset import read_back

mpl.use("Agg")
EVIL = "</script><script>alert(1)</script>"
PLUGIN = '''
"""A figure that draws numbers of the rows it gets, and one that raises."""

from bench.results.figures import ResultFigure, register_figure


@register_figure("sum_of_c2st")
class SumOfC2ST(ResultFigure):
    """The sum of all C2STs <i>and</i> a link."""

    needs = ("c2st",)

    def draw(self, rows):
        from matplotlib.figure import Figure

        figure = Figure()
        figure.subplots().set_title(f"sum {float(rows['c2st'].sum())!r}", url="javascript:alert(4)")
        return figure


@register_figure("broken_figure")
class BrokenFigure(ResultFigure):
    """Raises."""

    def draw(self, rows):
        raise KeyError("<script>alert(5)</script>")
'''


class Page(HTMLParser):
    """Elements of a page: tags with attributes, and the texts of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.inside, self.kind = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.kind = dict(attrs).get("type", tag)
            self.inside[self.kind] = ""

    def handle_endtag(self, tag):
        self.kind = None

    def handle_data(self, data):
        if self.kind:
            self.inside[self.kind] += data


@pytest.fixture
def report():
    def call(*arguments):
        return CliRunner().invoke(cli, ["report", *map(str, arguments)], standalone_mode=False)

    return call


def test_the_page_has_every_part(report, small_directory, tmp_path):
    out = tmp_path / "new" / "page.html"
    result = report(small_directory, "--out", out, "--title", "My <b>results</b>")
    assert result.exception is None
    assert result.output.splitlines()[-1] == str(out)
    assert [path.name for path in out.parent.iterdir()] == ["page.html"]
    text = out.read_text()
    assert "<title>My &lt;b&gt;results&lt;/b&gt;</title>" in text
    for heading in (
        "Is it right?",
        "Is it calibrated?",
        "What does it cost?",
        "All rows",
        "slcp",
        "npe",
        "reference",
    ):
        assert re.search(rf"<h[1-3][^>]*>{re.escape(heading)}", text), heading
    assert text.count("<svg ") >= 3
    assert "Infer two parameters from a point on a noisy crescent" in text  # a card
    assert "Automatic posterior transformation" in text  # a citation


def test_nothing_is_loaded_and_only_the_own_script_may_run(report, small_directory, tmp_path):
    report(small_directory, "--out", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    page = Page(text)
    assert not {"link", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.elements}
    addresses = [
        value
        for _, attributes in page.elements
        for key, value in attributes.items()
        if key in ("src", "href")
    ]
    # Pictures in figures, such as heat maps, are part of the page.
    inside = ("#", "data:image/png;base64,", "data:image/webp;base64,")
    assert all(address.startswith(inside) for address in addresses)
    assert not any(
        key == "style" or key.startswith("on") for _, attributes in page.elements for key in attributes
    )
    [policy] = [attributes["content"] for tag, attributes in page.elements if "http-equiv" in attributes]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.inside[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_figures_are_drawn_from_the_embedded_rows(report, small_directory, tmp_path):
    (tmp_path / "figures.py").write_text(PLUGIN)
    result = report(small_directory, "--out", tmp_path / "page.html", "--plugin", tmp_path / "figures.py")
    assert result.exception is None
    text = (tmp_path / "page.html").read_text()
    rows = read_back(json.loads(Page(text).inside["application/json"])["data"])
    assert f">sum {float(rows['c2st'].sum())!r}<" in text
    assert "The sum of all C2STs &lt;i&gt;and&lt;/i&gt; a link." in text
    assert "javascript:" not in text
    assert "could not be drawn: KeyError: &#39;&lt;script&gt;" in text


def test_names_and_errors_of_others_are_text(report, made_up, tmp_path):
    failed = {"status": "error", "error": f"Traceback\n{EVIL}\x1b[31m\nValueError: {EVIL}"}
    made_up.rows(tmp_path, [f"task{EVIL}"], [f"method{EVIL}"], params=json.dumps({EVIL: EVIL}), **failed)
    report(tmp_path, "--title", EVIL)
    text = (tmp_path / "report.html").read_text()
    assert len([tag for tag, _ in Page(text).elements if tag == "script"]) == 2
    assert "\x1b" not in text
    assert "This task is not registered here" in text
    assert "This method is not registered here" in text
    assert f"ValueError: {EVIL}".replace("<", "&lt;").replace(">", "&gt;") in text


def test_failures_are_grouped_with_the_cells_they_are_of(report, made_up, tmp_path):
    failed = {"status": "error", "error": "Traceback\n  deep inside\nValueError: too far out"}
    made_up.rows(tmp_path, made_up.tasks[:1], ("npe",), seeds=(3, 4), **failed)
    report(tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert re.search(r'class="count">4 rows</span> ValueError: too far out', text)
    assert (
        "<li>two_moons npe[seed_of_fit=3,width=64], 1 000 simulations, seed 3, observation 1, 2</li>" in text
    )
    assert "deep inside" in text


def test_older_versions_are_in_the_table_and_a_line_names_them(report, made_up, tmp_path):
    store = made_up.rows(tmp_path / "r", made_up.tasks[:1], ("npe",), method_version="1")
    rows = [row | {"method_version": "2", "cell": "e" * 20, "c2st": 0.5} for row in store.rows("0" * 20)]
    store.write_cell("e" * 20, rows)
    result = report(tmp_path / "r")
    assert "are left out, the newest is" in result.output
    text = (tmp_path / "r" / "report.html").read_text()
    data = read_back(json.loads(Page(text).inside["application/json"])["data"])
    assert sorted(data["newest version"]) == [0, 0, 1, 1]
    assert "<b>2</b> rows of older versions" in text


def test_bad_input_is_named_in_a_line(report, small_directory, tmp_path):
    result = report(tmp_path / "none")
    assert isinstance(result.exception, UsageError)
    assert "no results there" in str(result.exception)
    assert not (tmp_path / "none").exists()
    result = report(small_directory, "--out", tmp_path)
    assert (
        str(result.exception)
        == f"out: {tmp_path} is a directory; name a file in it, such as {tmp_path}/report.html"
    )
    (tmp_path / "file").write_text("kept")
    result = report(small_directory, "--out", tmp_path / "file")
    assert str(result.exception) == f"out: {tmp_path}/file exists and is no HTML page; name another file"
    assert (tmp_path / "file").read_text() == "kept"
    result = report(small_directory, "--out", tmp_path / "file" / "page.html")
    assert "is a file, not a directory" in str(result.exception)
