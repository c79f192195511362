"""Work in separate processes, so that work that crashes, hangs or changes global state affects nothing else.

Each process has its own pipe to the parent, which one thread at a time uses. What a process sends is plain
data: an exception is sent as text, so that no code of a plug-in runs in the parent. A process leads a process
group. When it ends, for whatever reason, the processes that its work has started end with it.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import itertools
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker, spawn
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, TypeVar

from bench.run.carried import carried, register_carried
from bench.run.plugins import SUITE, is_from_plugin
from bench.run.script import Script, end_second_run, own_script, run_again

__all__ = [
    "DiedError",
    "FailedError",
    "OutOfTimeError",
    "StoppedError",
    "ends_run",
    "isolated",
    "received_by",
    "report",
    "retire",
    "seconds_left",
    "stop",
]

Result = TypeVar("Result")

STARTS = 3  # number of attempts to start a process that dies before it is ready
POLL = 0.5  # seconds after which a silent process is looked at: its children may keep the pipe open
GRACE = 1.0  # seconds that the children of a process have to end after SIGTERM
LIMIT = 20_000  # length of an error's text: a message may hold a whole array

_prepare = spawn.get_preparation_data


class _Process(SpawnProcess):
    """A process in which :func:`bench.run.script.run_again`, not multiprocessing, runs the main module."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802  (its name in multiprocessing)
        spawn.get_preparation_data = lambda name: {
            key: value for key, value in _prepare(name).items() if not key.startswith("init_main")
        }
        try:
            return SpawnProcess._Popen(process_obj)
        finally:
            spawn.get_preparation_data = _prepare


class DiedError(RuntimeError):
    """The process ended without a result: by a segmentation fault, for lack of memory, or by a kill."""


class FailedError(RuntimeError):
    """The work raised an error of a class of neither Python nor the suite; its text is the message."""


class OutOfTimeError(RuntimeError):
    """The process was stopped because it reached its time limit."""


class StoppedError(RuntimeError):
    """:func:`stop` was called before the work was done."""


class _Message(NamedTuple):
    """What a process sends.

    Attributes:
        kind: ``ready``, ``part``, ``result`` or ``raised``.
        value: The part or the result; for an error, the arguments of :func:`_rebuilt`.
        last: Whether the process must not be used again.
    """

    kind: str
    value: Any = None
    last: bool = False


# --- In the parent ---------------------------------------------------------------------------------------


def isolated(
    work: Callable[..., Result],
    *args: Any,
    workers: int,
    seconds: float | None = None,
    receive: Callable[[Any], None] | None = None,
    output: Path | None = None,
) -> Result:
    """Return ``work(*args)``, computed in one of ``workers`` processes, which later calls use again.

    A process is replaced by a new one after it has died, reached the limit, raised anything but an
    :class:`Exception`, or called :func:`retire`.

    Arguments:
        work: Function of a module that can be imported.
        *args: Arguments of the function; they and its result must be picklable.
        workers: Number of processes. It counts only in the call that starts the first.
        seconds: Time limit in seconds, after which the process is killed; None for no limit.
        receive: Function that gets each part that the work passes to :func:`report`, as soon as it comes.
        output: File to which the process appends what it prints from now on; None to change nothing.

    Raises:
        DiedError: if the process ended without a result, or if several ended while they started.
        FailedError: if the work raised an error that the parent cannot rebuild from plain data.
        OutOfTimeError: if the work was not done after ``seconds``.
        StoppedError: if :func:`stop` was called before the work was done.
    """
    pool = _the_pool(workers, work.__module__)
    task = pickle.dumps((work, args, seconds, None if output is None else str(output)))
    worker = pool.take()
    try:
        for _ in range(STARTS):
            if worker.send(task):
                break
            worker = pool.replace(worker)  # it was killed while it had nothing to do
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            try:
                message = worker.receive(until)
            except _TimeIsUp:
                raise OutOfTimeError(f"not done after {seconds:g} s") from None
            if message.kind != "part":
                break
            if receive is not None:
                receive(message.value)
    except DiedError:
        pool.give_back(worker, again=False)
        if pool.stopped:
            raise StoppedError from None
        raise
    except BaseException:
        pool.give_back(worker, again=False)
        raise
    pool.give_back(worker, again=not message.last)
    if message.kind == "raised":
        raise _rebuilt(*message.value) from None
    result: Result = message.value
    return result


def stop() -> None:
    """Kill the processes at once, whatever they are doing."""
    global _pool
    with _lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.stop()


class _TimeIsUp(Exception):  # noqa: N818  (it is no error, and never leaves this module)
    """A process was silent until the given time."""


class _Worker:
    """A process that waits for work, as the parent sees it."""

    def __init__(self, module: str) -> None:
        context = _Context()
        self._pipe, there = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(there, module, own_script(), carried()), name="scorebench worker"
        )
        self._ending = threading.Lock()
        _start_tracker()
        with contextlib.suppress(BrokenPipeError):  # it was killed before it had read what it is to do
            self._process.start()
        there.close()

    def send(self, task: bytes) -> bool:
        """Send work; return False if the process is dead."""
        try:
            self._pipe.send_bytes(task)
        except OSError:
            return False
        return True

    def receive(self, until: float | None) -> _Message:
        """Return the next message.

        Arguments:
            until: Time, as of :func:`time.monotonic`, at which to stop waiting; None for never.

        Raises:
            DiedError: if the process has ended.
            _TimeIsUp: if nothing came in time.
        """
        while True:
            left = POLL if until is None else min(POLL, until - time.monotonic())
            try:
                if self._pipe.poll(max(left, 0.0)):
                    return _Message(*pickle.loads(self._pipe.recv_bytes()))  # noqa: S301  (of our child)
                if not self._process.is_alive() and not self._pipe.poll(0):
                    raise EOFError
            except (EOFError, OSError):
                if self._process.pid is not None:  # the pipe may be closed a moment before the process ends
                    self._process.join(GRACE)
                raise DiedError(f"its process died ({self._cause()})") from None
            if left <= 0:
                raise _TimeIsUp

    def end(self) -> None:
        """Kill the process, and the processes that it has started. A second call does nothing."""
        with self._ending:
            pid = self._process.pid
            if pid is None or self._pipe.closed:  # it did not start, or was ended before
                self._pipe.close()
                return
            if not hasattr(os, "killpg"):
                _kill_tree(pid)
                self._process.join()
            else:
                # Its children get SIGTERM first: joblib's resource tracker then removes shared memory.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                    os.killpg(pid, signal.SIGTERM)
                self._process.join()
                _end_group(pid)
            self._pipe.close()

    def _cause(self) -> str:
        status = self._process.exitcode
        if status is None:
            return "it did not start" if self._process.pid is None else "it closed its connection"
        if status >= 0:
            return f"exit status {status}"
        name = signal.Signals(-status).name
        return f"{name}, perhaps no memory left" if name == "SIGKILL" else name


def _start_tracker() -> None:
    """Start the process that removes the semaphores of processes that were killed, if there is none.

    It is started so that it does not warn about them: processes are killed on purpose here.
    """
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.pop()


class _Pool:
    """The processes of this program: those at work, and those that wait for work."""

    def __init__(self, workers: int, module: str) -> None:
        self._module, self._free = module, workers
        self._idle: list[_Worker] = []
        self._all: list[_Worker] = []
        self._change = threading.Condition()
        self.stopped = False

    def take(self) -> _Worker:
        """Return a process that is ready, when one of the pool's places is free."""
        with self._change:
            self._change.wait_for(lambda: self._free > 0 or self.stopped)
            if self.stopped:
                raise StoppedError
            self._free -= 1
            if self._idle:
                return self._idle.pop()
        try:
            return self._started()
        except BaseException:
            self._release()
            raise

    def replace(self, worker: _Worker) -> _Worker:
        """End a process and return a new one, which takes its place."""
        self._end(worker)
        return self._started()

    def give_back(self, worker: _Worker, *, again: bool) -> None:
        """Free the place of a process, and end it unless it can be used again."""
        if not again:
            self._end(worker)
        self._release(worker if again else None)

    def stop(self) -> None:
        """End all processes; threads that wait for one get a StoppedError."""
        with self._change:
            self.stopped = True
            everyone = list(self._all)
            self._change.notify_all()
        for worker in everyone:
            worker.end()

    def _started(self) -> _Worker:
        for attempt in itertools.count(1):
            with _starting:  # one at a time: a global function is replaced meanwhile
                worker = _Worker(self._module)
            with self._change:
                self._all.append(worker)
            try:
                if not self.stopped:
                    worker.receive(None)
                    return worker
            except DiedError as error:
                if attempt == STARTS and not self.stopped:
                    raise DiedError(f"{error} while it started, {STARTS} times") from None
            self._end(worker)
            if self.stopped:
                raise StoppedError
        raise AssertionError  # for mypy, which does not know that the count has no end

    def _end(self, worker: _Worker) -> None:
        worker.end()
        with self._change, contextlib.suppress(ValueError):
            self._all.remove(worker)

    def _release(self, idle: _Worker | None = None) -> None:
        with self._change:
            self._free += 1
            if idle is not None:
                self._idle.append(idle)
            self._change.notify()


class _Context(SpawnContext):
    Process = _Process


_pool: _Pool | None = None
_lock, _starting = threading.Lock(), threading.Lock()


def _the_pool(workers: int, module: str) -> _Pool:
    global _pool
    end_second_run()
    with _lock:
        if _pool is None:
            # A worker of dask is a daemon, and Python forbids daemons to have children. Ours are safe,
            # because they end with their parent.
            multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
            _pool = _Pool(workers, module)
            atexit.register(stop)
        return _pool


def _kill_tree(pid: int) -> None:
    """Kill a process and its descendants, on a system without process groups."""
    import psutil  # it cannot be imported everywhere

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.Error):
                one.kill()


def _end_group(leader: int) -> None:
    """Kill what is left of a process group after ``GRACE``."""
    end = time.monotonic() + GRACE
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < end:
            os.killpg(leader, 0)  # raises an error once the group is empty
            time.sleep(0.01)
        os.killpg(leader, signal.SIGKILL)


def _rebuilt(module: str, name: str, args: tuple[Any, ...], text: str) -> Exception:
    """Return the error of a process, as far as plain data tell.

    Arguments:
        module: Module of the error's class; empty for a class of a plug-in or another package.
        name: Name of the class.
        args: Its arguments, which are numbers and strings.
        text: Type and message, of which a :class:`FailedError` is made for want of the class.
    """
    with contextlib.suppress(Exception):
        error = getattr(importlib.import_module(module), name)(*args) if module else None
        if isinstance(error, Exception):
            return error
    return FailedError(text)


# --- In the process --------------------------------------------------------------------------------------

_deadline: float | None = None  # of the present work, as of time.monotonic
_retired = False
_receiver: Callable[[Any], None] | None = None  # gets what the work reports
_inside = False  # whether this process is one of :func:`isolated`


def ends_run(error: BaseException) -> bool:
    """Whether an error is the user's Ctrl-C, and not raised by the work.

    Ctrl-C does not reach a process of :func:`isolated`; a ``KeyboardInterrupt`` there is one that the work
    raised.
    """
    return isinstance(error, KeyboardInterrupt) and not _inside


def report(part: Any) -> None:
    """Pass a part of the result, made of plain data, to the ``receive`` of :func:`isolated`.

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


def _serve(pipe: Connection, module: str, script: Script | None, classes: list[bytes]) -> None:
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
