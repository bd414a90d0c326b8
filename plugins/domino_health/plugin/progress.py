"""What is being looked at, while one waits: a live line on a terminal, now and then a line in CI."""

import time
from collections.abc import Callable

import pytest

from domino_health.collectors.gather import Source
from domino_health.vocabulary import shorten

PLAIN_EVERY = 5.0
"""Seconds between lines where there is no terminal."""


class Progress:
    """Draws how far gathering has come. Only from the main thread, outside of pytest's capture."""

    def __init__(self, config: pytest.Config, gathering: Source, shown: Callable[[str], str]) -> None:
        self._reporter = config.pluginmanager.get_plugin("terminalreporter")
        self._gathering = gathering
        self._shown = shown
        self._last = time.monotonic()
        self._live = False

    def tick(self) -> None:
        """Draw, if it is time to."""
        if self._reporter is None or self._reporter.verbosity < 0:
            return
        line = self._line()
        if self._reporter.isatty:
            width = self._reporter._tw.fullwidth - 1
            if not self._live:
                self._reporter.ensure_newline()
            self._live = True
            self._reporter.rewrite(line[:width], erase=True)
        elif time.monotonic() - self._last > PLAIN_EVERY:
            self._last = time.monotonic()
            self._reporter.ensure_newline()
            self._reporter.write_line(line)

    def clear(self) -> None:
        """Take the live line away."""
        if self._live and self._reporter is not None:
            self._reporter.rewrite("", erase=True)
            self._reporter._tw.write("\r")
            self._live = False

    def _line(self) -> str:
        done, total, now = self._gathering.progress
        more = f" and {len(now) - 3} more" if len(now) > 3 else ""
        return shorten(self._shown(f"looking: {done} of {total} targets; {', '.join(now[:3])}{more}"), 400)
