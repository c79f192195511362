"""Tasks and methods from a user's own file."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from bench.errors import UsageError
from tasks.seeding import derive_seed

__all__ = ["PLUGIN", "load_plugin"]

PLUGIN = "scorebench_plugin_"  # begins the name of the module that a plug-in file becomes


def load_plugin(path: str) -> None:
    """Run a Python file whose classes register themselves; a second time does nothing.

    Raises:
        UsageError: if the file is missing or raises.
    """
    file = Path(path).resolve()
    number = derive_seed("plug-in", str(file))
    name = f"{PLUGIN}{file.stem}_{number}"
    if name in sys.modules:
        return
    if not file.is_file():
        raise UsageError(f"plugin: no file {path}")
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"plugin {path}: not a Python file (name it *.py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UsageError(f"plugin {path}: {type(error).__name__}: {error}") from error
