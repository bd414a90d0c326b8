"""After the checks: the verdict, and every report of it, however the run ended."""

import signal
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from domino_health import __version__
from domino_health.facts.kubernetes import Clock
from domino_health.gate import CLOSED, INTERNAL_ERROR, INTERRUPTED, OPEN, Verdict, close, decide
from domino_health.plugin.fit import one_line
from domino_health.plugin.signals import handle
from domino_health.reports import evidence, html, junit
from domino_health.reports.folder import Folder
from domino_health.reports.record import Record
from domino_health.reports.text import verdict_lines
from domino_health.vocabulary import clean

if TYPE_CHECKING:
    from domino_health.plugin.run import Run


class Ending:
    """Registered beside ``Run``, where something is to be reported."""

    def __init__(self, run: "Run", folder: Folder) -> None:
        self.run = run
        self.folder = folder
        self.record: Record | None = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None, None, None]:
        """The verdict, then all reports of it, whatever happened before."""
        config, ended = session.config, int(exitstatus)
        # A second signal, from one who is impatient, must not cost the reports of the first.
        handle(config, signal.SIGINT, signal.SIG_IGN)
        handle(config, signal.SIGTERM, signal.SIG_IGN)
        verdict = decide(
            list(self.run.results.values()),
            selected=self.run.selected,
            known=len(self.run.known_ids),
            gate=self.run.gate,
            broken=self.run.broken,
            # ``pytest.exit`` may ask for any status, but the run was interrupted all the same.
            pytest_status=INTERRUPTED if self.run.interrupted and ended in (OPEN, CLOSED) else ended,
        )
        session.exitstatus = verdict.exit_status
        self.record = record = self._record(verdict)
        junit.drop_unfinished(config)
        # What goes wrong with one report must not cost another one.
        failed = _attempt(lambda: evidence.write(record, self.folder.path))
        try:
            yield
        except Exception as error:  # noqa: BLE001 (another plugin's report; ours are still to come)
            failed += [error, *_attempt(lambda: junit.write(config))]
        if not failed:
            failed = _attempt(self.folder.point_latest)
        if failed:
            verdict = close(verdict, INTERNAL_ERROR, [self._unwritten(error) for error in failed])
        elif verdict.open and session.exitstatus != OPEN:  # --max-warnings, or a plugin that counts
            ended = int(session.exitstatus)
            verdict = close(verdict, ended, [f"pytest ended with status {ended}"])
        if verdict is not record.verdict:
            closed = replace(record, verdict=verdict)
            _attempt(lambda: evidence.write(closed, self.folder.path))
        session.exitstatus = verdict.exit_status
        # After pytest's own last line, so that the verdict is the last thing one reads.
        *reasons, last = verdict_lines(verdict, record.results, self._page(config))
        _say(config, reasons)
        _say(config, [last], bold=True, green=verdict.open, red=not verdict.open)
        return None

    def _unwritten(self, error: Exception) -> str:
        text = f"reports could not be written: {type(error).__name__}: {error}"
        return one_line(text, self.run.loaded.redactor)

    def _page(self, config: pytest.Config) -> Path | None:
        """The page, or what there is of a report where pytest-html is switched off."""
        page = Path(getattr(config.option, "htmlpath", None) or "")
        if page.is_file():
            return page
        return self.folder.path if self.folder.path.is_dir() else None

    def _record(self, verdict: Verdict) -> Record:
        clock = self._clock()
        observed = self.run.gathering.observed if self.run.gathering else {}
        closes_first = sorted(self.run.results.values(), key=lambda result: (not result.closes, result.id))
        return Record(
            profile=self.run.loaded.name,
            description=self.run.loaded.profile.description,
            source=clean(str(self.run.loaded.source)),
            resolved=self.run.loaded.resolved,
            began=self.run.gathering.began if self.run.gathering else datetime.now(UTC),
            finished=datetime.now(UTC),
            skew=clock.skew,
            clock=clock.source,
            verdict=verdict,
            results=tuple(closes_first),
            observed=dict(sorted(observed.items())),
            many_clusters=self.run.many_clusters,
            redactor=self.run.loaded.redactor,
            version=__version__,
        )

    def _clock(self) -> Clock:
        observed = self.run.gathering.observed.get("clock") if self.run.gathering else None
        return next(iter(observed.objects), Clock()) if observed else Clock()

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Our page."""
        if self.record is not None:
            prefix.append(html.render(self.record))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """A column for our outcome."""
        html.results_table_header(cells)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        """What is in it."""
        html.results_table_row(report, cells)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Title of the page."""
        report.title = f"domino-health: {self.run.loaded.name}"


def _attempt(write: Callable[[], object]) -> list[Exception]:
    try:
        write()
    except Exception as error:  # noqa: BLE001 (whatever it is, the other reports are still to come)
        return [error]
    return []


def _say(config: pytest.Config, lines: list[str], **markup: bool) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    for line in lines:
        if reporter is not None:
            reporter.write_line(line, **markup)
        else:
            print(line)
