"""Asking a long computation to stop at its next safe point, by SIGINT (Ctrl-C) or SIGTERM."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_requested = threading.Event()
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]] = {}  # of this module, now in force


class Interrupted(Exception):  # noqa: N818 (an event, not an error)
    """The computation stopped at a safe point because it was asked to; what was finished is kept."""


def requested() -> bool:
    """Whether this process has been asked to stop."""
    return _requested.is_set()


def raise_if_requested(what: str) -> None:
    """Raise `Interrupted` if this process has been asked to stop."""
    if requested():
        raise Interrupted(what)


def _request(signum: int, _frame: FrameType | None) -> None:
    if _requested.is_set() and signum == signal.SIGINT:  # asked twice: the user will not wait
        raise KeyboardInterrupt
    _requested.set()


def _request_again_and_again(_signum: int, _frame: FrameType | None) -> None:
    _requested.set()


def install() -> None:
    """Turn SIGINT and SIGTERM into requests for the rest of the process's life (worker processes).

    A worker of a pool ignores the second Ctrl-C, which the terminal sends to every process: its parent
    decides.
    """
    _handlers.update(dict.fromkeys(_SIGNALS, _request_again_and_again))
    reclaim()


def reclaim() -> None:
    """Have the signals back that a library has taken since.

    Lightning's trainer answers SIGTERM by a SystemExit after the step in progress, checkpoint or not.
    """
    if threading.current_thread() is threading.main_thread():
        for signum, handler in _handlers.items():
            signal.signal(signum, handler)


@contextmanager
def deferred() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into requests inside the block; a second Ctrl-C interrupts at once.

    A request that nothing in the block has honoured is honoured at its end, by `Interrupted`.

    Only a signal that would end the process is taken: not one that is ignored (SIGINT, in what a script
    starts in the background), nor one that has a handler already (an outer block, a process that called
    `install`). Outside the main thread, where Python allows no handlers, the block changes nothing.
    """
    deadly = (signal.SIG_DFL, signal.default_int_handler)
    in_main = threading.current_thread() is threading.main_thread()
    taken = [signum for signum in _SIGNALS if in_main and signal.getsignal(signum) in deadly]
    before = {signum: signal.signal(signum, _request) for signum in taken}
    _handlers.update(dict.fromkeys(taken, _request))
    try:
        yield
        if before:
            raise_if_requested("stopped as asked; what was finished is kept")
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
            del _handlers[signum]
        if before:
            _requested.clear()
