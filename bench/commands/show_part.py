"""The command ``scorebench show``: what there is to know about one task, method, metric or figure."""

from __future__ import annotations

import textwrap

import click

from bench.commands.arguments import FilePath
from bench.commands.complaint import complain, tell
from bench.commands.name_types import PART
from bench.run.plugins import load_plugins

__all__ = ["show"]

WIDTH = 100  # characters of a line


@click.command("show")
@click.argument("part", metavar="NAME", type=PART)
@click.option("--bibtex", is_flag=True, help="Print BibTeX entries for what the task or method cites.")
@click.option(
    "--plugin",
    multiple=True,
    type=FilePath(),
    help="Python file with own tasks, methods, metrics or figures.",
)
def show(part: str, bibtex: bool, plugin: tuple[str, ...]) -> int:
    """Show the card of a task, method (NAME or NAME[param=value,...]), metric or figure."""
    from bench.commands.cards import cards

    load_plugins(plugin)
    found = cards(part)
    if bibtex:
        entries = list(dict.fromkeys(entry for card in found for entry in card.bibtex()))
        if not entries:
            complain(f"{part} cites no publication")
        tell("\n\n".join(entries), newline=bool(entries))
        return 0
    tell("\n\n".join(_shown(card.title, card.summary, card.lines) for card in found))
    return 0


def _shown(title: str, summary: str, lines: list[tuple[str, str]]) -> str:
    width = max((len(label) for label, _ in lines), default=0) + 2
    shown = [title, *textwrap.wrap(summary, WIDTH), ""]
    for label, text in lines:
        shown += textwrap.wrap(
            text,
            WIDTH,
            initial_indent=label.ljust(width),
            subsequent_indent=" " * width,
            break_on_hyphens=False,
        ) or [label]
    return "\n".join(line.rstrip() for line in shown)
