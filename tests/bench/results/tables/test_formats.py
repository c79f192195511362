import re
import shutil
import subprocess

import pytest

from bench.results.tables.latex_format import as_latex, latex_escaped
from bench.results.tables.markdown_format import as_markdown
from bench.results.tables.printed import Entry, Printed
from bench.results.tables.text_format import as_text

WILD = r"""[*] <b>|_&%$#{}~^\ "x" é θ 中 \input{/etc/passwd} `c` [a](b)"""

TABLE = Printed(
    head=["method", "sir", "two_moons"],
    groups=[
        ("1000 simulations", [[Entry("npe"), Entry("0.6 ± 0.1", best=True), Entry("-0.7", close=True)]]),
        (WILD, [[Entry(WILD), Entry("failed", mark="†"), Entry("–")]]),
        ("published", [[Entry("NPE", mark="°"), Entry("0.5"), Entry("0.4")]]),
    ],
    notes=["A note with 50 % and " + WILD],
    best="best",
    close="near the best",
)


def test_text_is_in_columns_with_marks():
    text = as_text(TABLE)
    lines = text.splitlines()
    [npe] = [line for line in lines if line.startswith("npe ")]
    assert "0.6 ± 0.1*" in npe
    assert npe.endswith("-0.7~")
    assert "*: best; ~: near the best." in lines
    head = lines[0]
    assert head.index("two_moons") + len("two_moons") == len(npe)


def test_a_star_does_not_shift_the_digits_of_a_column():
    one = Printed(
        head=["m", "x"], groups=[("", [[Entry("a"), Entry("0.1", best=True)], [Entry("b"), Entry("0.2")]])]
    )
    first, second = as_text(one).splitlines()[2:4]
    assert first.index("0.1") == second.index("0.2")


@pytest.mark.parametrize("width", [20, 30, 40, 80])
def test_text_fits_the_terminal_and_loses_nothing(width):
    names = [f"task_{k}" for k in range(12)]
    table = Printed(
        head=["method", *names],
        groups=[("", [[Entry("npe"), *(Entry(f"0.{k:03d}") for k in range(12))]])],
        notes=["one of many words " * 10],
    )
    text = as_text(table, width)
    assert max(map(len, text.splitlines())) <= width
    assert all(f"0.{k:03d}" in text and names[k] in text for k in range(12))
    assert text.count("method") >= 12 * 8 // width


def test_control_characters_are_escaped_in_every_format():
    table = Printed(head=["a\x1b[31m"], groups=[("b\x9b", [[Entry("c\x07\nd")]])], notes=["e\x1b"])
    for form in (as_text, as_markdown, as_latex):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", form(table))
        assert len(form(table).splitlines()) == len(
            form(Printed(["a"], [("b", [[Entry("c")]])], notes=["e"])).splitlines()
        )


def test_markdown_cells_hold_no_markup():
    lines = as_markdown(TABLE).splitlines()
    cells = [line for line in lines if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in cells)
    assert "<b>" not in as_markdown(TABLE)
    assert "| npe | **0.6 ± 0.1** | *-0.7* |" in lines
    assert "](b)" not in as_markdown(TABLE)


def test_latex_has_one_entry_for_each_column_and_balanced_braces():
    text = as_latex(TABLE)
    unescaped = re.sub(r"\\[{}&%]", "", text)
    assert unescaped.count("{") == unescaped.count("}")
    for line in unescaped.splitlines():
        if line.endswith(r"\\") and "multicolumn" not in line:
            assert line.count("&") == 2
    assert r"\textbf{0.6 $\pm$ 0.1}" in text
    assert r"\underline{$-$0.7}" in text
    assert r"\textit{NPE}$^\circ$ & \textit{0.5}" in text
    assert r"\input" not in text


def test_latex_uses_no_command_of_another_package():
    known = (
        "begin end toprule midrule bottomrule multicolumn emph textbf underline textit texttt par smallskip"
    )
    known += " noindent footnotesize pm circ dagger theta dots usepackage"
    known += " textbackslash textasciitilde textasciicircum textless textgreater textbar"
    assert set(re.findall(r"\\([A-Za-z]+)", as_latex(TABLE))) <= set(known.split())


def test_a_line_of_latex_does_not_begin_with_an_argument():
    assert latex_escaped("[1]*") == "{[}1]{*}"


@pytest.mark.subprocess
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles_with_booktabs_alone(tmp_path):
    document = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n%s\\end{document}\n"
    (tmp_path / "table.tex").write_text(document % as_latex(TABLE), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout[-2000:]
    assert (tmp_path / "table.pdf").stat().st_size > 1000
