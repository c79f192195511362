"""The conformance suite: what a task or a method must do.

``scorebench check task NAME`` and ``scorebench check method NAME`` run it, and so do the tests of this
project. A test file of one's own runs the same checks, one test for each::

    import pytest
    from bench.checks import method_checks
    import my_methods  # registers "my_method"

    @pytest.mark.parametrize("check", method_checks("my_method[num_steps=20]"), ids=str)
    def test_my_method(check):
        check()

A check that does not apply, such as that of a density if the method has none, is a skipped test.

Example:
    >>> from bench.checks import method_checks
    >>> checks = method_checks("prior")
    >>> [str(check) for check in checks][:3]
    ['class', 'specification', 'fit']
    >>> for check in checks[:3]:
    ...     check()
"""

from bench.checks.finding import Check, Finding
from bench.checks.method import method_checks
from bench.checks.task import task_checks

__all__ = ["Check", "Finding", "method_checks", "task_checks"]
