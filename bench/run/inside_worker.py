"""What happens in a process of :func:`bench.run.isolation.isolated`: it does what comes through its pipe.

What the work reports, how long it may take, and that its process must not be used again pass through here.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from bench.run.carried import register_carried
from bench.run.plugins import SUITE, is_from_plugin
from bench.run.script import Script, run_again

__all__ = ["ends_run", "received_by", "report", "retire", "seconds_left", "serve"]

LIMIT = 20_000  # length of an error's text: a message may hold a whole array

_deadline: float | None = None  # of the present work, as of time.monotonic
_retired = False
_receiver: Callable[[Any], None] | None = None  # gets what the work reports
_inside = False  # whether this process is one of an isolated worker


def ends_run(error: BaseException) -> bool:
    """Whether an error is the user's Ctrl-C, and not raised by the work.

    Ctrl-C does not reach a process of an isolated worker; a ``KeyboardInterrupt`` there is one that the work
    raised.
    """
    return isinstance(error, KeyboardInterrupt) and not _inside


def report(part: Any) -> None:
    """Pass a part of the result, made of plain data, to the ``receive`` of an isolated worker.

    Elsewhere, the receiver of :func:`received_by` gets it, if there is one.
    """
    if _receiver is not None:
        _receiver(part)


@contextlib.contextmanager
def received_by(receive: Callable[[Any], None]) -> Iterator[None]:
    """Return a context in which ``receive`` gets what this very process reports."""
    global _receiver
    before, _receiver = _receiver, receive
    try:
        yield
    finally:
        _receiver = before


def retire() -> None:
    """Ask for a new process for the next work, because this one's global state has changed."""
    global _retired
    _retired = True


def seconds_left() -> float | None:
    """Return the seconds until the process is killed; None if the work has no time limit."""
    return None if _deadline is None else _deadline - time.monotonic()


def serve(pipe: Connection, module: str, script: Script | None, classes: list[bytes]) -> None:
    """Do what comes through the pipe, until the process is killed or the parent is gone."""
    global _deadline, _receiver
    _begin(module, script, classes)

    def send(*message: Any) -> None:
        pipe.send_bytes(pickle.dumps(message))

    _receiver = lambda part: send("part", part)  # noqa: E731
    send("ready")
    while True:
        try:
            received = pipe.recv_bytes()
        except (EOFError, OSError):
            os._exit(1)
        try:
            work, args, seconds, output = pickle.loads(received)  # noqa: S301  (of the parent)
            if output is not None:
                _print_to(output)
            _deadline = None if seconds is None else time.monotonic() + seconds
            answer = pickle.dumps(("result", work(*args), _retired))
        except BaseException as error:
            if not isinstance(error, Exception) or isinstance(error, MemoryError):
                retire()
            answer = pickle.dumps(("raised", _described(error), _retired))
        try:
            pipe.send_bytes(answer)
        except OSError:  # the work has closed the pipe
            os._exit(1)


def _print_to(path: str) -> None:
    """Append what this process and its children print to a file, from Python and from compiled code.

    If the file cannot be opened, as on a full disk, nothing is changed.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    with contextlib.suppress(OSError):
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.close(file)


def _described(error: BaseException) -> tuple[str, str, tuple[Any, ...], str]:
    cls = type(error)
    text = "".join(traceback.format_exception_only(error)).strip()[:LIMIT]
    own = cls.__module__ == "builtins" or cls.__module__.partition(".")[0] in SUITE
    plain = own and not is_from_plugin(cls) and all(type(arg) in (str, int, float) for arg in error.args)
    return cls.__module__ if plain else "", cls.__qualname__, error.args if plain else (), text


def _begin(module: str, script: Script | None, classes: list[bytes]) -> None:
    """Prepare a child process: ignore Ctrl-C and SIGTERM, end with the parent, import the slow modules.

    The parent reacts to Ctrl-C and SIGTERM for all its children.
    """
    global _inside
    _inside = True
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    _ignore_signals()
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            if hasattr(os, "killpg"):
                os.killpg(os.getpid(), signal.SIGKILL)
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    importlib.import_module(module)
    if script is not None:
        run_again(script)
    register_carried(classes)


def _ignore_signals() -> None:
    """Ignore the signals that terminals and batch systems send to all processes.

    The processes that the work starts must not ignore them: a pool of processes ends its own by SIGTERM. So
    the handler is a function, which a new program does not inherit, and a fork of this process removes it.
    """
    numbers = [signal.SIGINT, signal.SIGTERM]

    def ignore(number: int, frame: FrameType | None) -> None:
        pass

    def default() -> None:
        for number in numbers:
            if signal.getsignal(number) is ignore:
                signal.signal(
                    number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
                )

    for number in numbers:
        signal.signal(number, ignore)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=default)
