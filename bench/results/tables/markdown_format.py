"""Tables for print as Markdown."""

from __future__ import annotations

import re

from bench.printable import printable
from bench.results.tables.printed import Entry, Printed

__all__ = ["as_markdown", "markdown_escaped"]

# Cells of tables, HTML, emphasis, code and struck text; "_" within a word is no emphasis.
SPECIAL = {
    "\\": "\\\\",
    "|": "\\|",
    "&": "&amp;",
    "<": "&lt;",
    "*": "\\*",
    "`": "\\`",
    "~": "\\~",
    "$": "\\$",
}
EMPHASIS = re.compile(r"(?<!\w)_|_(?!\w)")


def markdown_escaped(text: str) -> str:
    r"""Return a text as Markdown that shows it, in a cell of a table or in a paragraph.

    Example:
        >>> markdown_escaped("<b>|two_moons _x_ [a](b)")
        '&lt;b>\\|two_moons \\_x\\_ [a]\\(b)'
    """
    escaped = "".join(SPECIAL.get(one, one) for one in printable(text))
    return EMPHASIS.sub(r"\\_", escaped).replace("](", "]\\(").replace("]:", "]\\:")


def as_markdown(table: Printed) -> str:
    """Return the table as Markdown, ending in a newline: best entries bold, those near them italic.

    The title of a group is a line of its own with empty cells.
    """
    rules = [":---" if k < table.labels else "---:" for k in range(len(table.head))]
    lines = [[markdown_escaped(name) for name in table.head], rules]
    for title, group in table.groups:
        if title:
            lines.append([f"*{markdown_escaped(title)}*", *[""] * (len(table.head) - 1)])
        lines += [[_shown(entry) for entry in line] for line in group]
    notes = [markdown_escaped(note) for note in table.notes_with("Bold", "italic")]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([text, *notes]) + "\n"


def _shown(entry: Entry) -> str:
    text = markdown_escaped(entry.text)
    marks = "**" if entry.best else "*" if entry.close else ""
    return f"{marks}{text}{marks}{entry.mark}"
