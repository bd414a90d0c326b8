"""A run with a profile: what happens in each of pytest's hooks."""

import signal
import threading
import types
import warnings
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domino_health import __version__
from domino_health.collectors.gather import Gathering
from domino_health.facts.kubernetes import Clock
from domino_health.gate import (
    CLOSED,
    INTERNAL_ERROR,
    INTERRUPTED,
    OPEN,
    Gate,
    Result,
    State,
    Verdict,
    close,
    decide,
    describe,
)
from domino_health.plugin import evaluate
from domino_health.plugin.facts import GATHERING, wanted_by
from domino_health.plugin.progress import Progress
from domino_health.plugin.suite import SUITE, known_checks
from domino_health.profile import Loaded, ProfileError, load
from domino_health.reports import evidence, html, junit
from domino_health.reports.folder import Folder
from domino_health.reports.record import Record
from domino_health.reports.text import finding_lines, verdict_lines
from domino_health.vocabulary import clean, shorten

RESULT = pytest.StashKey[Result]()
REASON = "domino_health_reason"
"""Of pytest's report: why it looks as it does, in one line; a teardown's own where the result stands."""


ONLY_ASKS = (
    *("collectonly", "setupplan", "help", "version", "markers"),
    *("showfixtures", "show_fixtures_per_test", "cacheshow"),
)
"""Options with which no check is called: there is nothing to report, and no verdict."""


class Run:
    """Registered as a plugin only when there is a profile."""

    def __init__(self, config: pytest.Config, loaded: Loaded, known: Mapping[str, Any]) -> None:
        self.config = config
        self.loaded = loaded
        self.known_ids = set(known)
        self.gate = Gate()
        self.selected: dict[str, str] = {}
        """Id of each check of this run, to its node id."""
        self.results: dict[str, Result] = {}
        self.broken: list[str] = []
        self.interrupted = False
        self.verdict: Verdict | None = None
        self.gathering: Gathering | None = None
        self.progress: Progress | None = None
        self.record: Record | None = None
        self.folder: Folder | None = None

    @classmethod
    def prepare(cls, config: pytest.Config) -> "Run":
        """Read the profile, and say where the reports go, before their plugins ask.

        Raises:
            pytest.UsageError: the profile's mistakes, all of them.
        """
        known = known_checks()
        here = config.invocation_params.dir

        def start_lab(kind: str) -> Mapping[str, str]:
            from domino_health import lab

            try:
                platform = lab.start(kind)
            except (OSError, lab.RecordingError) as error:
                pytest.exit(f"domino-health: the demo's platform did not start: {error}", INTERNAL_ERROR)
            config.add_cleanup(platform.stop)
            return platform.variables

        try:
            loaded = load(
                config.option.health_profile,
                directories=[here / "profiles", SUITE / "profiles"],
                checks=known,
                start_lab=start_lab,
            )
        except ProfileError as error:
            raise pytest.UsageError(*str(error).splitlines()) from None
        run = cls(config, loaded, known)
        # A warning in a collector's thread must not become an error that looks like an outage.
        config.addinivalue_line("filterwarnings", "default")
        # A project that names its own tests otherwise must not hide the checks.
        config.addinivalue_line("python_files", "test_*.py")
        config.addinivalue_line("python_functions", "test_*")
        config.option.showcapture = "no"
        if not any(getattr(config.option, name, False) for name in ONLY_ASKS):
            run._choose_folder(here / "reports" / loaded.name)
        return run

    def _choose_folder(self, parent: Path) -> None:
        try:
            self.folder = Folder.make(parent)
        except OSError as error:
            pytest.exit(f"domino-health: reports cannot be written: {error}", returncode=INTERNAL_ERROR)
        option = self.config.option
        if hasattr(option, "xmlpath") and not option.xmlpath:
            option.xmlpath = str(self.folder.path / "junit.xml")
        if hasattr(option, "htmlpath") and not option.htmlpath:
            option.htmlpath = str(self.folder.path / "report.html")
            option.self_contained_html = True

    # Before the checks run

    def pytest_sessionstart(self) -> None:
        """A polite kill is an interruption: reports are written."""
        junit.log_to_system_out(self.config)
        # pytest-html writes CI's variables (a branch's name, an e-mail address) into the page, as raw HTML.
        from pytest_metadata.plugin import metadata_key

        self.config.stash.get(metadata_key, {}).clear()

        def interrupt(number: int, _frame: types.FrameType | None) -> None:
            raise KeyboardInterrupt(f"signal {number}")

        self._handle(signal.SIGTERM, interrupt)

    def _handle(self, number: signal.Signals, handler: Any) -> None:
        """Until the run has ended. Python takes signals in the main thread alone."""
        if threading.current_thread() is not threading.main_thread():
            return
        before = signal.signal(number, handler)

        def restore() -> None:
            signal.signal(number, before)

        self.config.add_cleanup(restore)

    def pytest_report_header(self) -> list[str]:
        """Which profile, and how many checks there are."""
        return [f"profile: {self.loaded.name} ({self.loaded.source}), {len(self.known_ids)} checks known"]

    def pytest_pycollect_makemodule(
        self, module_path: Path, parent: pytest.Collector
    ) -> pytest.Module | None:
        """Give a check the same name wherever the suite is installed and wherever pytest was called."""
        if not module_path.is_relative_to(SUITE):
            return None
        nodeid = module_path.relative_to(SUITE).as_posix()
        return pytest.Module.from_parent(parent, path=module_path, nodeid=nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be collected, or skips itself, holds checks that nobody hears of."""
        if report.failed:
            self.broken.append(f"{report.nodeid} could not be collected")
            report.longrepr = self._shown(report.longreprtext)
        elif report.skipped:
            self.broken.append(f"{report.nodeid} was skipped as a whole")

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Checks that are not among the installed ones are known from here on, selected or not."""
        if spec := evaluate.spec_of_item(item):
            self.known_ids.add(spec.id)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Every item must be a check, and every check one item."""
        strangers = [item.nodeid for item in items if evaluate.spec_of_item(item) is None]
        if strangers:
            raise pytest.UsageError(
                "these tests have no @check, so that their outcome could not open or close the gate: "
                f"{', '.join(strangers)}; mark them, or run them without --profile"
            )
        if made := [item.nodeid for item in items if hasattr(item, "callspec")]:
            raise pytest.UsageError(
                f"a check is one item and judges facts, so it cannot be parametrized: {', '.join(made)}"
            )
        seen: dict[str, str] = {}
        for item in items:
            spec = evaluate.spec_of_item(item)
            assert spec is not None, "strangers were refused above"
            if spec.id in seen:
                raise pytest.UsageError(f"{spec.id} is used twice: by {seen[spec.id]} and {item.nodeid}")
            seen[spec.id] = item.nodeid
            item.user_properties += [
                ("check", spec.id),
                ("severity", str(spec.severity)),
                ("area", spec.area),
            ]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin to look at all that the selected checks ask for."""
        for item in session.items:
            if spec := evaluate.spec_of_item(item):
                self.selected[spec.id] = item.nodeid
        if self.folder is None or not session.items:
            return
        wanted = {name: fact for item in session.items for name, fact in wanted_by(item).items()}
        self.gathering = Gathering(list(wanted.values()), self.loaded.profile)
        self.config.stash[GATHERING] = self.gathering
        self.progress = Progress(self.config, self.gathering)
        self.gathering.start()

    # Each check

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Wait for the check's own facts, here, where progress can be seen: outside of capture."""
        if self.gathering and self.progress:
            for name in wanted_by(item):
                self.gathering.wait(name, self.progress.tick)
            self.progress.clear()
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Call the check and judge it."""
        spec = evaluate.spec_of_item(pyfuncitem)
        assert spec is not None, "strangers were refused at collection"
        result = evaluate.evaluate(pyfuncitem, self.loaded.thresholds.get(spec.id, {}), self.gate)
        result = evaluate.scrub(replace(result, test=pyfuncitem.nodeid), self.loaded.redactor)
        pyfuncitem.stash[RESULT] = result
        pyfuncitem.add_report_section("call", "stdout", "\n".join(finding_lines(result, self.many_clusters)))
        return True

    @property
    def many_clusters(self) -> bool:
        """Whether names must say which cluster they are of."""
        return len(self.loaded.profile.clusters or ()) > 1

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the check's outcome, in pytest's words, and its result on pytest's report."""
        report = yield
        spec = evaluate.spec_of_item(item)
        if spec is None:
            return report
        report.sections = [(title, self._shown(content)) for title, content in report.sections]
        result = item.stash.get(RESULT, None)
        shown = result if call.when == "call" else None
        if call.excinfo is not None:
            raised = self._raised(item, call, report)
            # The first thing that closes the gate stands; what comes after it is shown as well.
            if result is None or (raised.closes and not result.closes):
                item.stash[RESULT] = result = raised
            shown = raised if raised.closes or result is raised else shown
        if result is not None:
            others = [(name, value) for name, value in item.user_properties if name != "outcome"]
            item.user_properties[:] = report.user_properties = [*others, ("outcome", result.state.value)]
            self._dress(report, result, shown)
        return report

    def _raised(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> Result:
        """The result of a check that did not come to one: it, or a fixture of its, raised or skipped."""
        spec = evaluate.spec_of_item(item)
        assert spec is not None, "only a check comes here"
        assert call.excinfo is not None, "only one that raised"
        error = call.excinfo.value
        try:
            text = str(error)
        except Exception:  # noqa: BLE001 (a text that raises itself must not end the run)
            text = "its text raises as well"
        if isinstance(error, pytest.skip.Exception):
            return describe(spec, State.SKIPPED, self._line(f"skipped: {text}"), test=item.nodeid)
        reason = self._line(f"raised in {call.when}: {type(error).__name__}: {text}")
        result = describe(spec, State.UNKNOWN, reason, test=item.nodeid, closes=True)
        return evaluate.scrub(replace(result, details=report.longreprtext), self.loaded.redactor)

    def _shown(self, text: str) -> str:
        """A text of any length, without secrets and control characters."""
        return clean(self.loaded.redactor.scrub(text))

    def _line(self, text: str) -> str:
        """The same in one line, and no longer than people read. Secrets first: half of one goes unnoticed."""
        return shorten(" ".join(self._shown(text).split()), evaluate.LONGEST)

    def _dress(self, report: pytest.TestReport, result: Result, shown: Result | None) -> None:
        """Have the report carry ``result`` and look like ``shown``, what this very phase came to."""
        if hasattr(report, "wasxfail"):
            del report.wasxfail
        if shown is None:
            report.outcome, report.longrepr = "passed", None
            return
        setattr(report, html.ATTRIBUTE, evaluate.wire(replace(result, seconds=round(report.duration, 3))))
        setattr(report, REASON, shown.reason)
        text = shown.details or "\n".join(finding_lines(shown, self.many_clusters))
        if shown.state is State.FAILED:
            report.outcome, report.longrepr = "failed", text
        elif shown.state is State.UNKNOWN and shown.closes:
            # pytest knows errors only of set-up and teardown; JUnit's <error> is made of these.
            report.outcome, report.longrepr = "failed", text
            report.when = "setup" if report.when == "call" else report.when
        elif shown.state in (State.UNKNOWN, State.SKIPPED):
            report.outcome = "skipped"
            report.longrepr = (str(report.location[0]), (report.location[1] or 0) + 1, shown.reason)
        else:
            report.outcome, report.longrepr = "passed", None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, None, None]:
        """Take the result off the report: what was not reported does not count."""
        plain = getattr(report, html.ATTRIBUTE, None)
        if plain is not None:
            result = evaluate.unwire(plain)
            self.results[result.id] = result
        say_why = junit.prepare(self.config, report, getattr(report, REASON, ""))
        yield
        say_why()

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """What a warning says is shown by others: it must be fit for that."""
        said = str(warning_message.message)
        if (shown := self._shown(said)) != said:
            warning_message.message = UserWarning(shown)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, Any] | None:
        """Our words for our outcomes on the terminal."""
        plain = getattr(report, html.ATTRIBUTE, None)
        if plain is None:
            return None
        state = State(plain["state"])
        if state is State.WARNED:
            return "warned", "W", ("WARNED", {"yellow": True})
        if state is State.UNKNOWN:
            return ("error" if plain["closes"] else "unknown"), "U", ("UNKNOWN", {"red": True})
        return None

    # After the checks

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """A signal, or ``pytest.exit`` somewhere: not all that was selected has run to its end."""
        self.interrupted = True
        if isinstance(excinfo.value, pytest.exit.Exception):
            excinfo.value.msg = self._shown(str(excinfo.value.msg))
            excinfo.value.args = (excinfo.value.msg,)

    @staticmethod
    def _attempt(write: Callable[[], object]) -> list[Exception]:
        try:
            write()
        except Exception as error:  # noqa: BLE001 (whatever it is, the other reports are still to come)
            return [error]
        return []

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None, None, None]:
        """The verdict, then all reports of it, whatever happened before."""
        if self.folder is None:
            return (yield)
        # A second signal, from one who is impatient, must not cost the reports of the first.
        self._handle(signal.SIGINT, signal.SIG_IGN)
        self._handle(signal.SIGTERM, signal.SIG_IGN)
        folder, ended = self.folder, int(exitstatus)
        self.verdict = decide(
            list(self.results.values()),
            selected=self.selected,
            known=len(self.known_ids),
            gate=self.gate,
            broken=self.broken,
            # ``pytest.exit`` may ask for any status, but the run was interrupted all the same.
            pytest_status=INTERRUPTED if self.interrupted and ended in (OPEN, CLOSED) else ended,
        )
        session.exitstatus = self.verdict.exit_status
        self.record = record = self._record(self.verdict)
        junit.drop_unfinished(self.config)
        # What goes wrong with one report must not cost another one.
        failed = self._attempt(lambda: evidence.write(record, folder.path))
        try:
            yield
        except Exception as error:  # noqa: BLE001 (another plugin's report; ours are still to come)
            failed += [error, *self._attempt(lambda: junit.write(self.config))]
        if not failed:
            failed = self._attempt(folder.point_latest)
        said = [self._line(f"reports could not be written: {type(e).__name__}: {e}") for e in failed]
        if failed:
            self.verdict = close(self.verdict, INTERNAL_ERROR, said)
        elif self.verdict.open and session.exitstatus != OPEN:  # --max-warnings, or a plugin that counts
            ended = int(session.exitstatus)
            self.verdict = close(self.verdict, ended, [f"pytest ended with status {ended}"])
        if self.verdict is not record.verdict:
            closed = replace(record, verdict=self.verdict)
            self._attempt(lambda: evidence.write(closed, folder.path))
        session.exitstatus = self.verdict.exit_status
        # After pytest's own last line, so that the verdict is the last thing one reads.
        *reasons, last = verdict_lines(self.verdict, self.record.results, self._page())
        self._say(reasons)
        self._say([last], bold=True, green=self.verdict.open, red=not self.verdict.open)
        return None

    def _page(self) -> Path | None:
        """The page, or what there is of a report where pytest-html is switched off."""
        page = Path(getattr(self.config.option, "htmlpath", None) or "")
        if page.is_file():
            return page
        return self.folder.path if self.folder and self.folder.path.is_dir() else None

    def _say(self, lines: list[str], **markup: bool) -> None:
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        for line in lines:
            if reporter is not None:
                reporter.write_line(line, **markup)
            else:
                print(line)

    def _record(self, verdict: Verdict) -> Record:
        clock = self._clock()
        observed = self.gathering.observed if self.gathering else {}
        closes_first = sorted(self.results.values(), key=lambda result: (not result.closes, result.id))
        return Record(
            profile=self.loaded.name,
            description=self.loaded.profile.description,
            source=clean(str(self.loaded.source)),
            resolved=self.loaded.resolved,
            began=self.gathering.began if self.gathering else datetime.now(UTC),
            finished=datetime.now(UTC),
            skew=clock.skew,
            clock=clock.source,
            verdict=verdict,
            results=tuple(closes_first),
            observed=dict(sorted(observed.items())),
            many_clusters=self.many_clusters,
            redactor=self.loaded.redactor,
            version=__version__,
        )

    def _clock(self) -> Clock:
        observed = self.gathering.observed.get("clock") if self.gathering else None
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
        report.title = f"domino-health: {self.loaded.name}"
