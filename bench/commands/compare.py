"""The command ``scorebench compare``: results next to published ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.commands.arguments import FilePath
from bench.commands.complaint import complain, tell
from bench.commands.print_tables import rendered, selecting, terminal_width, text_options, values_of
from bench.errors import UsageError

__all__ = ["compare"]


@click.command()
@click.argument("directory", type=FilePath(path_type=Path))
@selecting
@click.option(
    "--published",
    metavar="SOURCE",
    default="all",
    show_default=True,
    help="Part of the name of a source of published results.",
)
@text_options
def compare(directory: Path, published: str, form: str, style: Path | None, **options: Any) -> int:
    """Compare the C2STs in DIRECTORY with published ones of the same method, task, budget and classifier."""
    import pandas as pd

    from bench.results.style_file import read_style
    from bench.results.tables.comparison_with_published import compare_with_published, comparison_table
    from bench.results.tables.published_values import CLASSIFIERS, check_source

    check_source(published)
    names = None if style is None else read_style(style)
    said: dict[str, None] = {}
    found, reasons = [], []
    for metric in CLASSIFIERS:
        try:
            values = values_of(directory, metric, options | {"all_versions": False})
            found.append(compare_with_published(values, published, said.setdefault))
        except UsageError as error:  # there may be values by the other classifier
            reasons.append(str(error))
    if not found:
        raise UsageError(reasons[0])
    for line in said:  # the same of both classifiers
        complain(line)
    compared = pd.concat([one for one in found if len(one)] or found[:1], ignore_index=True)
    if compared.empty:
        raise UsageError(
            f"{directory}: no published result has the method, task, budget, classifier and number of "
            "posterior samples of a row"
        )
    if form == "csv":
        tell(compared.to_csv(index=False), newline=False)
    else:
        width = None if options["everything"] else terminal_width()
        tell(rendered([comparison_table(compared, names)], form, width), newline=False)
    return 0
