"""Signals: a polite kill is an interruption, and one that comes while reports are written is ignored."""

import signal
import threading
from typing import Any

import pytest


def handle(config: pytest.Config, number: signal.Signals, handler: Any) -> None:
    """Have ``handler`` take a signal until the run has ended; outside of the main thread, do nothing."""
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.signal(number, handler)

    def restore() -> None:
        signal.signal(number, before)

    config.add_cleanup(restore)
