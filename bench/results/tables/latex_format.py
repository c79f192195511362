"""Tables for print as LaTeX, which need no package but booktabs."""

from __future__ import annotations

import re
import unicodedata

from bench.printable import printable
from bench.results.tables.printed import PUBLISHED, Entry, Printed

__all__ = ["as_latex", "latex_escaped"]

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",  # the command of a double quote needs another font encoding
    # After the end of a line, LaTeX would take these two for arguments.
    "[": "{[}",
    "*": "{*}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
    "–": "--",
    "…": r"\dots{}",
    "√": r"$\surd$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "²": "$^2$",
    "°": r"$^\circ$",
    "†": r"$^\dagger$",
}
GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau"
GREEK += " upsilon phi chi psi omega"
for _name in GREEK.split():
    _letter = unicodedata.lookup("GREEK SMALL LETTER " + _name.upper().replace("LAMBDA", "LAMDA"))
    SPECIAL[_letter] = f"$\\{_name}$"
ACCENTS = "\N{COMBINING GRAVE ACCENT}\N{COMBINING ACUTE ACCENT}\N{COMBINING CIRCUMFLEX ACCENT}"
ACCENTS += "\N{COMBINING TILDE}\N{COMBINING DIAERESIS}\N{COMBINING CEDILLA}"
NEGATIVE = re.compile(r"(?<![\w.])-(?=\d)")


def latex_escaped(text: str) -> str:
    r"""Return a text as LaTeX that shows it, in any font encoding.

    Letters with an accent stay, Greek ones become formulas. What no font of LaTeX has is its code point.

    Example:
        >>> latex_escaped("two_moons é θ 50% 中")
        'two\\_moons é $\\theta$ 50\\% \\texttt{U+4E2D}'
    """
    return "".join(map(_character, printable(text)))


def as_latex(table: Printed) -> str:
    r"""Return the table as a ``tabular`` with its notes below, ending in a newline.

    Best entries are bold and those that cannot be told from them underlined. Lines of published results are
    in italics. It compiles in a document that loads booktabs.
    """
    number = len(table.head)
    align = "".join("l" if k < table.labels else "r" for k in range(number))
    lines = [
        r"% needs \usepackage{booktabs}",
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        _line([latex_escaped(name) for name in table.head]),
    ]
    for title, group in table.groups:
        lines.append(r"\midrule")
        if title:
            lines += [rf"\multicolumn{{{number}}}{{l}}{{\emph{{{latex_escaped(title)}}}}} \\", r"\midrule"]
        lines += [_line([_shown(entry, _is_published(line)) for entry in line]) for line in group]
    lines += [r"\bottomrule", r"\end{tabular}"]
    notes = [latex_escaped(note) for note in table.notes_with("Bold", "underlined")]
    if notes:
        lines += [r"\par\smallskip\noindent", "{\\footnotesize " + "\n".join(notes) + r"\par}"]
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _is_published(line: object) -> bool:
    return any(isinstance(entry, Entry) and entry.mark == PUBLISHED for entry in line)  # type: ignore[attr-defined]


def _shown(entry: Entry, published: bool) -> str:
    text = NEGATIVE.sub("$-$", latex_escaped(entry.text))
    command = "textbf" if entry.best else "underline" if entry.close else "textit" if published else ""
    shown = rf"\{command}{{{text}}}" if command and text else text
    return shown + (latex_escaped(entry.mark) if entry.mark else "")


def _character(one: str) -> str:
    if one in SPECIAL:
        return SPECIAL[one]
    if one.isascii():
        return one
    parts = unicodedata.normalize("NFD", one)
    is_accented = len(parts) == 2 and parts[0].isascii() and parts[0].isalpha() and parts[1] in ACCENTS
    return one if is_accented and ord(one) < 256 else rf"\texttt{{U+{ord(one):04X}}}"
