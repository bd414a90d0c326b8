"""After the checks: the verdict, and every report of it, however the run ended."""

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from domino_health import __version__
from domino_health.facts.kubernetes import Clock
from domino_health.gate import CLOSED, INTERNAL_ERROR, INTERRUPTED, OPEN, Verdict, close, decide
from domino_health.plugin.fit import one_line
from domino_health.plugin.signals import deafen, leave_at_once
from domino_health.plugin.suite import runbook
from domino_health.plugin.whole import written_whole
from domino_health.reports import evidence, html, junit
from domino_health.reports.folder import Folder
from domino_health.reports.record import Record, Replay
from domino_health.reports.text import verdict_lines
from domino_health.results import ASSESSED, State
from domino_health.rules import Entry, ledger
from domino_health.vocabulary import clean

if TYPE_CHECKING:
    from domino_health.plugin.run import Run


class Ending:
    """Registered beside ``Run``, where something is to be reported."""

    def __init__(self, run: "Run", folder: Folder) -> None:
        self.run = run
        self.folder = folder
        self.record: Record | None = None
        self.verdict: Verdict | None = None
        """The last word; None until every report of it is written."""
        self._page: Page | None = None
        self._writing = contextlib.ExitStack()
        """Open while pytest and pytest-html write their reports."""
        self._late: list[BaseException] = []
        """What went wrong when these got their names."""
        self._prefix = ""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None, None, None]:
        """The verdict, and all reports of it, whatever happened before."""
        config = session.config
        deafen()
        verdict = self._decide(int(exitstatus))
        session.exitstatus = verdict.exit_status
        self.record = self._record(verdict)
        self._page = Page(config, session)
        # What goes wrong with one report must not cost another one.
        failed = _attempt(lambda: junit.complete(config, self._missing(), self.run.shown))
        failed += _attempt(lambda: evidence.write(self._known(), self.folder.path))
        failed += _attempt(lambda: self._writing.enter_context(written_whole(config)))
        try:
            yield
        except BaseException as error:  # noqa: BLE001 (another plugin's, SystemExit too; ours are still to come)
            failed += [error, *_attempt(self._writing.close), *_attempt(lambda: self._write_junit(config))]
        failed += [*self._late, *_attempt(self._writing.close)]
        failed += self._point_latest()
        if failed:
            verdict = close(verdict, INTERNAL_ERROR, [self._unwritten(error) for error in failed])
        elif verdict.open and session.exitstatus != OPEN:  # --max-warnings, or a plugin that counts
            ended = int(session.exitstatus)
            verdict = close(verdict, ended, [f"pytest ended with status {ended}"])
        verdict = self._conclude(verdict)
        session.exitstatus = verdict.exit_status
        if not self.run.interrupted:
            leave_at_once(verdict.exit_status)
        # After pytest's own last line, so that the verdict is the last thing one reads.
        *reasons, last = verdict_lines(self._known(), self._shown_page())
        _say(config, reasons)
        _say(config, [last], bold=True, green=verdict.open, red=not verdict.open)
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self) -> None:
        """They are written by now, and are about to be told by name."""
        self._late += _attempt(self._writing.close)

    def salvage(self, config: pytest.Config, status: int, reason: str) -> Verdict:
        """The verdict of a run that broke before it came to one, or after it: closed, with what there is."""
        self.record = self.record or self._record(self._decide(status))
        reason = one_line(reason, self.run.loaded.redactor)
        verdict = close(self.verdict or self.record.verdict, status, [reason])
        self._page = self._page or Page(config, None)
        _attempt(lambda: evidence.write(self._known(), self.folder.path))
        self._point_latest()
        return self._conclude(verdict)

    def _point_latest(self) -> list[BaseException]:
        """A replay is not the latest run: the platform was not looked at."""
        return _attempt(self.folder.point_latest) if self.run.recorded is None else []

    def _decide(self, ended: int) -> Verdict:
        return decide(
            list(self.run.results.values()),
            selected=self.run.selected,
            known=self.run.known_ids,
            gate=self.run.rules.gate,
            broken=self.run.broken,
            # ``pytest.exit`` may ask for any status, but the run was interrupted all the same.
            pytest_status=INTERRUPTED if self.run.interrupted and ended in (OPEN, CLOSED) else ended,
        )

    def _conclude(self, verdict: Verdict) -> Verdict:
        """Write verdict.json, the last of all: no file must speak of a verdict that was not the last word."""
        assert self._page is not None, "made before"
        if verdict is not self._known().verdict:
            self.record = replace(self._known(), verdict=verdict)
            if _attempt(self._page.write_again):
                self._page.remove()
        if failed := _attempt(self._write_last):
            self._page.remove()  # it may say that the gate is open; and on a full disk it makes room
            verdict = close(verdict, INTERNAL_ERROR, [self._unwritten(error) for error in failed])
            self.record = replace(self._known(), verdict=verdict)
            _attempt(self._write_last)
        self.verdict = verdict
        return verdict

    def _write_junit(self, config: pytest.Config) -> None:
        with written_whole(config):
            junit.write(config)

    def _write_last(self) -> None:
        """The verdict, and then the digests of all files, the verdict among them."""
        evidence.write_verdict(self._known(), self.folder.path)
        evidence.write_sums(self.folder.path)

    def _missing(self) -> dict[str, str]:
        """Id and node id of each check that left no result."""
        return {id: at for id, at in self.run.selected.items() if id not in self.run.results}

    def _known(self) -> Record:
        assert self.record is not None, "made as soon as there is a verdict"
        return self.record

    def _unwritten(self, error: BaseException) -> str:
        text = f"reports could not be written: {type(error).__name__}: {error}"
        return one_line(text, self.run.loaded.redactor)

    def _shown_page(self) -> Path | None:
        """The page, or what there is of a report where pytest-html is switched off."""
        if self._page is not None and self._page.written:
            return self._page.path
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
            runbooks=dict(self._runbooks()),
            redactor=self.run.loaded.redactor,
            version=__version__,
            ledger=self._ledger(),
            notes={id: text for id in self.run.results if (text := self.run.notes(id))},
            replay=self._replay(),
        )

    def _ledger(self) -> tuple[Entry, ...]:
        found = {
            result.id: [*result.findings, *(waived.finding for waived in result.waived)]
            for result in self.run.results.values()
            if result.state in ASSESSED or result.findings or result.waived
        }
        return ledger(self.run.rules, found, self.run.known_ids)

    def _replay(self) -> Replay | None:
        recorded, loaded = self.run.recorded, self.run.loaded
        if recorded is None:
            return None
        same = loaded.source == recorded.profile
        profile = "as recorded" if same else clean(str(loaded.source))
        return Replay(clean(str(recorded.folder)), recorded.verified, profile, recorded.exit_status)

    def _runbooks(self) -> Iterator[tuple[str, str]]:
        """The runbooks of the checks that somebody must look after, by id."""
        for result in self.run.results.values():
            look_after = result.state not in (State.PASSED, State.SKIPPED)
            page = runbook(result.id, self.run.loaded.packs) if look_after else None
            if page is not None:
                with contextlib.suppress(OSError):  # it explains, and decides nothing
                    text = page.read_text(encoding="utf-8", errors="replace")
                    yield result.id, self.run.shown(text)

    def _clock(self) -> Clock:
        observed = self.run.gathering.observed.get("clock") if self.run.gathering else None
        seen = observed.objects if observed else ()
        return next((each for each in seen if isinstance(each, Clock)), Clock())

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Our page. A second time, where the verdict has changed since, in the place of the first."""
        if self.record is not None:
            prefix[:] = [part for part in prefix if part != self._prefix]
            self._prefix = html.render(self.record)
            prefix.append(self._prefix)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """A column for our outcome."""
        html.results_table_header(cells)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        """What is in it."""
        html.results_table_row(report, cells)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_html(self, report: Any, data: list[str]) -> None:
        """What its log has room for."""
        html.results_table_log(report, data)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Title of the page."""
        report.title = f"domino-health: {self.run.loaded.name}"


class Page:
    """The file that pytest-html writes."""

    def __init__(self, config: pytest.Config, session: pytest.Session | None) -> None:
        self.path = Path(getattr(config.option, "htmlpath", None) or "")
        self._config = config
        self._session = session
        self._before = self._stamp()

    @property
    def written(self) -> bool:
        """Whether this run has: where the user names the file, an earlier run's may stand there."""
        return self._stamp() not in (None, self._before)

    def write_again(self) -> None:
        """Have pytest-html write it anew.

        Raises:
            Exception: whatever keeps it from that; ValueError where it has been switched off, or has ended.
        """
        (report,) = (
            plugin
            for plugin in self._config.pluginmanager.get_plugins()
            if type(plugin).__module__.startswith("pytest_html.")
        )
        with written_whole(self._config):
            report.pytest_sessionfinish(self._session)

    def remove(self) -> None:
        """Take it away, if this run has written it. Not a link to it, which would leave what it says."""
        if self.written:
            _attempt(Path(os.path.realpath(self.path)).unlink)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _attempt(write: Callable[[], object]) -> list[BaseException]:
    try:
        write()
    except BaseException as error:  # noqa: BLE001 (whatever it is, the other reports are still to come)
        return [error]
    return []


def _say(config: pytest.Config, lines: list[str], **markup: bool) -> None:
    """Print. A terminal that is gone, or knows few letters, changes nothing of a verdict."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    for line in lines:
        try:
            if reporter is not None:
                reporter.write_line(line, **markup)
            else:
                encoding = sys.stdout.encoding or "utf-8"
                print(line.encode(encoding, "backslashreplace").decode(encoding))
        except (OSError, ValueError, AttributeError):  # closed, closed before, never there
            return
