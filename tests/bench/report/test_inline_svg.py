import re
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from bench.report.inline_svg import inline_svg


def parsed(text):
    return ElementTree.fromstring(text)  # noqa: S314  (matplotlib wrote it)


@pytest.fixture
def figure():
    made = Figure(figsize=(4, 3))
    axis = made.subplots()
    axis.scatter(
        [0, 1], [0.12345678, 1], label="<script>alert(1)</script>", urls=["javascript:alert(1)", None]
    )
    axis.text(
        0.5, 0.5, "linked", url="javascript:alert(2)", gid='"><img src=x onerror=alert(3)>', style="italic"
    )
    axis.plot([0, 2], [0, 2])
    axis.legend()
    return made


def test_nothing_that_runs_or_loads_is_left(figure):
    text = inline_svg(figure, "some_figure", 'a "title" <b>')
    tree = parsed(text)
    assert {one.tag for one in tree.iter()} <= {"svg", "g", "defs", "path", "use", "text", "clipPath", "rect"}
    names = {key for one in tree.iter() for key in one.attrib}
    assert not {"style", "id-", "xlink:href"} & names
    assert not any(name.startswith("on") for name in names)
    references = {one.get("href") for one in tree.iter() if one.get("href")}
    assert references
    assert all(reference.startswith("#some_figure-") for reference in references)
    assert "javascript" not in text
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert tree.get("aria-label") == 'a "title" <b>'


def test_references_lead_to_ids_of_the_same_figure(figure):
    text = inline_svg(figure, "one", "title")
    ids = re.findall(r'id="([^"]*)"', text)
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'href="#([^"]*)"', text)) | set(re.findall(r"url\(#([^)]*)\)", text)) <= set(ids)
    assert not set(ids) & set(re.findall(r'id="([^"]*)"', inline_svg(figure, "two", "title")))


def test_text_keeps_its_font_and_numbers_are_short(figure):
    tree = parsed(inline_svg(figure, "one", "title"))
    [linked] = [one for one in tree.iter("text") if one.text == "linked"]
    assert linked.get("font-style") == "italic"
    assert linked.get("font-size") == "10px"
    assert not re.search(r"\d\.\d{3}", " ".join(one.get("d", "") for one in tree.iter("path")))


def test_a_figure_that_is_too_large_becomes_a_picture(figure):
    tree = parsed(inline_svg(figure, "one", "title", largest=1000))
    [image] = tree
    assert image.get("href").startswith("data:image/webp;base64,")
    assert tree.get("aria-label") == "title"
