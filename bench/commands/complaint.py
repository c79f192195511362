"""Lines for the user on standard output and standard error."""

from __future__ import annotations

import click

from bench.printable import printable

__all__ = ["complain", "tell"]


def complain(message: str) -> None:
    """Print one line on standard error that begins with the program's name."""
    tell(f"scorebench: {' '.join(message.split())}", err=True)


def tell(text: object, *, err: bool = False, newline: bool = True) -> None:
    """Print text whose lines may hold names, paths and errors of others.

    Arguments:
        text: Text of one or several lines. Control characters in a line are escaped.
        err: Whether to print on standard error.
        newline: Whether to end with a line break.
    """
    click.echo("\n".join(map(printable, str(text).split("\n"))), err=err, nl=newline)
