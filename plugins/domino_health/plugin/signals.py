"""Signals: a polite kill is an interruption, and one that comes while reports are written is ignored."""

import contextlib
import os
import signal
import sys
import threading
import types
from functools import partial
from typing import Any, NoReturn

import pytest

from domino_health.gate import INTERRUPTED

_MEANT = 3
"""Signals that are no impatience any more."""
_POLITE = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def interruptible(config: pytest.Config) -> None:
    """Have a kill, and the end of a terminal, end the run as Ctrl-C does: with its reports."""

    def interrupt(number: int, _frame: types.FrameType | None) -> None:
        raise KeyboardInterrupt(f"signal {number}")

    for number in _POLITE:
        if threading.current_thread() is threading.main_thread():
            # Once, and first of all, so that it comes last: what others clean up must not be cut off either.
            config.add_cleanup(partial(_restore, number, signal.getsignal(number)))
        if number != signal.SIGINT:  # which is Python's own
            _handle(number, interrupt)


def _restore(number: signal.Signals, handler: Any) -> None:
    signal.signal(number, handler)


def deafen() -> None:
    """Ignore them: what is under way is short, and must not be cut off. Until the third, which means it."""
    count = 0

    def ignore(_number: int, _frame: types.FrameType | None) -> None:
        nonlocal count
        count += 1
        if count >= _MEANT:
            _leave(INTERRUPTED)

    for number in _POLITE:
        _handle(number, ignore)


def leave_at_once(status: int) -> None:
    """Have them end the process: nothing is left to do but to print."""
    for number in _POLITE:
        _handle(number, lambda *_: _leave(status))


def mute() -> None:
    """Print to nobody from here on: a reader that has gone breaks the run, one that is stuck holds it up."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, closed before, never there
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave(status: int) -> NoReturn:
    mute()
    raise SystemExit(status)


def _handle(number: signal.Signals, handler: Any) -> None:
    """Have ``handler`` take a signal; outside of the main thread, do nothing."""
    if threading.current_thread() is not threading.main_thread():
        return
    if number != signal.SIGINT and signal.getsignal(number) == signal.SIG_IGN:
        return  # nohup: it was to be ignored all along
    signal.signal(number, handler)
