"""Types of click for numbers: ``1e3``, ranges such as ``1-3``, and numbers of jobs and threads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from bench.written_numbers import number_range, whole_number

__all__ = ["JOBS", "THREADS", "Number", "Numbers", "flat"]


class Number(click.IntRange):
    """A whole number, which may be written as ``1e3``.

    Arguments:
        min: Smallest number; None for no limit.
        max: Largest number; None for no limit.
    """

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; click prints one line if there is none, or if it is out of range."""
        return super().convert(whole_number(value), param, ctx)

    def _describe_range(self) -> str:
        return "" if self.min is None and self.max is None else super()._describe_range()


class Numbers(Number):
    """A whole number or a range such as ``1-3``; the value is a tuple. Its options use :func:`flat`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a tuple of numbers; click prints one line if one is out of range."""
        try:
            several = number_range(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
        if several is None:
            return (super().convert(value, param, ctx),)
        for end in (several[0], several[-1]):
            super().convert(end, param, ctx)
        return tuple(several)


def flat(
    context: click.Context, option: click.Parameter, value: Iterable[tuple[int, ...]]
) -> tuple[int, ...]:
    """Return the numbers of an option that takes several :class:`Numbers`; a callback of click."""
    return tuple(number for several in value for number in several)


class _Jobs(Number):
    """A number of jobs; -1 means all cores that this process may use."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number of jobs."""
        number = whole_number(value)
        if number == -1:
            from bench.run.threads import cpu_count  # imports torch

            return cpu_count()
        if isinstance(number, int) and number < 1:
            self.fail(f"{number} is not a number of jobs: 1 or more, or -1 for all cores.", param, ctx)
        return super().convert(number, param, ctx)


class _Threads(Number):
    """A number of threads, or ``all``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number of threads, or ``all``."""
        if value == "all":
            return "all"
        number = whole_number(value)
        if not isinstance(number, int) or number < 1:
            self.fail(f"{value!r} is not a number of threads: 1 or more, or all.", param, ctx)
        return number


JOBS, THREADS = _Jobs(), _Threads()
