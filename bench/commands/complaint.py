"""Lines for the user on standard error."""

from __future__ import annotations

import click

__all__ = ["complain"]


def complain(message: str) -> None:
    """Print one line that begins with the program's name."""
    click.echo(f"scorebench: {' '.join(message.split())}", err=True)
