"""A run with a profile: what happens in each of pytest's hooks."""

import signal
import types
from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domino_health import __version__
from domino_health.collectors.gather import Gathering
from domino_health.facts.kubernetes import Clock
from domino_health.gate import INTERNAL_ERROR, Gate, Result, State, Verdict, decide, describe
from domino_health.plugin import evaluate
from domino_health.plugin.facts import GATHERING, wanted_by
from domino_health.plugin.progress import Progress
from domino_health.plugin.suite import SUITE, known_checks
from domino_health.profile import Loaded, ProfileError, load
from domino_health.reports import evidence, html, junit
from domino_health.reports.folder import Folder
from domino_health.reports.record import Record
from domino_health.reports.text import finding_lines, verdict_lines
from domino_health.vocabulary import clean

RESULT = pytest.StashKey[Result]()


class Run:
    """Registered as a plugin only when there is a profile."""

    def __init__(self, config: pytest.Config, loaded: Loaded, known: Mapping[str, Any]) -> None:
        self.config = config
        self.loaded = loaded
        self.known = known
        self.gate = Gate()
        self.selected: dict[str, str] = {}
        """Id of each check of this run, to its node id."""
        self.results: dict[str, Result] = {}
        self.broken: list[str] = []
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
        config.option.showcapture = "no"
        if not config.option.collectonly:
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

        before = signal.signal(signal.SIGTERM, interrupt)

        def restore() -> None:
            signal.signal(signal.SIGTERM, before)

        self.config.add_cleanup(restore)

    def pytest_report_header(self) -> list[str]:
        """Which profile, and how many checks there are."""
        return [f"profile: {self.loaded.name} ({self.loaded.source}), {len(self.known)} checks known"]

    def pytest_pycollect_makemodule(
        self, module_path: Path, parent: pytest.Collector
    ) -> pytest.Module | None:
        """Give a check the same name wherever the suite is installed and wherever pytest was called."""
        if not module_path.is_relative_to(SUITE):
            return None
        nodeid = module_path.relative_to(SUITE).as_posix()
        return pytest.Module.from_parent(parent, path=module_path, nodeid=nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be collected holds checks that nobody hears of."""
        if report.failed:
            self.broken.append(f"{report.nodeid} could not be collected")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Every item must be a check, and every check one item."""
        strangers = [item.nodeid for item in items if evaluate.spec_of_item(item) is None]
        if strangers:
            raise pytest.UsageError(
                "these tests have no @check, so that their outcome could not open or close the gate: "
                f"{', '.join(strangers)}; mark them, or run them without --profile"
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
        if self.config.option.collectonly or not session.items:
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
        pyfuncitem.user_properties.append(("outcome", result.state.value))
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
        result = item.stash.get(RESULT, None) if call.when == "call" else None
        if result is None and report.outcome != "passed":
            result = self._raised(item, call, report)
            item.user_properties.append(("outcome", result.state.value))
        if result is not None:
            self._dress(report, result)
        return report

    def _raised(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> Result:
        """The result of a check that did not come to one: it, or a fixture of its, raised or skipped."""
        spec = evaluate.spec_of_item(item)
        assert spec is not None, "only a check comes here"
        assert call.excinfo is not None, "only one that raised"
        error = call.excinfo.value
        if isinstance(error, pytest.skip.Exception):
            result = describe(spec, State.SKIPPED, f"skipped: {error}", test=item.nodeid)
        else:
            reason = f"raised in {call.when}: {type(error).__name__}: {error}"
            result = describe(spec, State.UNKNOWN, reason, test=item.nodeid, closes=True)
            result = replace(result, details=report.longreprtext)
        return evaluate.scrub(result, self.loaded.redactor)

    def _dress(self, report: pytest.TestReport, result: Result) -> None:
        setattr(report, html.ATTRIBUTE, evaluate.wire(replace(result, seconds=round(report.duration, 3))))
        report.sections = [(title, self.loaded.redactor.scrub(content)) for title, content in report.sections]
        if hasattr(report, "wasxfail"):
            del report.wasxfail
        text = result.details or "\n".join(finding_lines(result, self.many_clusters))
        if result.state is State.FAILED:
            report.outcome, report.longrepr = "failed", text
        elif result.state is State.UNKNOWN and result.closes:
            # pytest knows errors only of set-up and teardown; JUnit's <error> is made of these.
            report.outcome, report.longrepr = "failed", text
            report.when = "setup" if report.when == "call" else report.when
        elif result.state in (State.UNKNOWN, State.SKIPPED):
            report.outcome = "skipped"
            report.longrepr = (str(report.location[0]), (report.location[1] or 0) + 1, result.reason)
        else:
            report.outcome, report.longrepr = "passed", None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, None, None]:
        """Take the result off the report: what was not reported does not count."""
        plain = getattr(report, html.ATTRIBUTE, None)
        if plain is not None:
            result = evaluate.unwire(plain)
            # A teardown that raises after a pass takes the pass back, never a failure.
            if result.id not in self.results or self.results[result.id].state is not State.FAILED:
                self.results[result.id] = result
        yield
        if plain is not None:
            junit.say_why(self.config, report, evaluate.unwire(plain).reason)

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

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None, None, None]:
        """The verdict, then all reports of it, whatever happened before."""
        if self.folder is None:
            return (yield)
        self.verdict = decide(
            list(self.results.values()),
            selected=self.selected,
            known=len(self.known),
            gate=self.gate,
            broken=self.broken,
            pytest_status=int(exitstatus),
        )
        session.exitstatus = self.verdict.exit_status
        self.record = self._record(self.verdict)
        try:
            evidence.write(self.record, self.folder.path)
            yield
            self.folder.point_latest()
        except OSError as error:
            session.exitstatus = INTERNAL_ERROR
            self._say([f"reports could not be written (exit {INTERNAL_ERROR}): {error}"])
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
