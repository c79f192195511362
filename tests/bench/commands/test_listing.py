"""``scorebench list`` is quick, because it imports no library that it does not need."""

import subprocess
import sys

import pytest

SLOW = {"matplotlib", "pandas", "sbi", "scipy", "seaborn", "sklearn", "pyro"}
SCRIPT = """
import sys
from bench.commands.main import cli
cli.main(sys.argv[1:], standalone_mode=False)
print(*sys.modules)
"""


def imported(*arguments):
    """Names of the packages that a command imports."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.subprocess
def test_lists_import_no_slow_library():
    assert imported("list") & SLOW == set()


@pytest.mark.subprocess
def test_help_does_not_import_torch():
    assert imported("run", "--help") & {*SLOW, "torch"} == set()
