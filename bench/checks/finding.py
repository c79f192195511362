"""A check, and what it found."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Check", "Finding", "NotApplicableError"]


class NotApplicableError(Exception):
    """Raised by a check that has nothing to examine; its text says why."""


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Arguments:
        name: Name of the check.
        problem: One line that says what is wrong; None if nothing is.
        detail: Reason why the check does not apply; empty if it does.

    Example:
        >>> print(Finding("samples", "sample gives (200, 3), not (200, 2)"))
        samples: sample gives (200, 3), not (200, 2)
    """

    name: str
    problem: str | None = None
    detail: str = ""

    def __str__(self) -> str:
        """The finding in one line."""
        outcome = f"not applicable: {self.detail}" if self.detail else self.problem or "ok"
        return f"{self.name}: {outcome}"


@dataclass(frozen=True)
class Check:
    """One part of a contract, bound to the task or method that has to keep it.

    Arguments:
        name: Name of the check; also its text.
        function: Returns the problem, or an empty text. It raises :class:`NotApplicableError` if there is
            nothing to examine. Any other exception is the problem.
    """

    name: str
    function: Callable[[], str]

    def find(self) -> Finding:
        """Run the check. No exception of the examined code gets through, ``KeyboardInterrupt`` excepted."""
        return self._outcome()[0]

    def __call__(self) -> None:
        """Run the check as a test.

        Raises:
            AssertionError: if there is a problem; caused by the exception of the examined code, if any.
            unittest.SkipTest: if the check does not apply; pytest counts the test as skipped.
        """
        finding, error = self._outcome()
        if finding.detail:
            raise unittest.SkipTest(finding.detail)
        if finding.problem:
            raise AssertionError(str(finding)) from error

    def __str__(self) -> str:
        """The name, which pytest shows with ``ids=str``."""
        return self.name

    def _outcome(self) -> tuple[Finding, BaseException | None]:
        try:
            problem = self.function()
        except NotApplicableError as reason:
            return Finding(self.name, detail=_one_line(str(reason))), None
        except (
            Exception,
            SystemExit,
        ) as error:  # a plug-in may raise anything; other checks are still of use
            return Finding(self.name, _one_line(f"{type(error).__name__}: {error}")), error
        return Finding(self.name, _one_line(problem) or None), None


def _one_line(text: str) -> str:
    return " ".join(text.split())
