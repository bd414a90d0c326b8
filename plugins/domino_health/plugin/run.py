"""A run with a profile: what happens in each of pytest's hooks."""

import warnings
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprTracebackNative  # no public name

from domino_health.collectors.gather import Gathering, Source
from domino_health.plugin import evaluate, fixtures, knowledge, outcome
from domino_health.plugin.facts import (
    CLOCK,
    GATHERING,
    PREVIOUS,
    RIGHTS,
    all_wanted,
    prefer_facts,
    wanted_by,
)
from domino_health.plugin.fit import scrub, shown
from domino_health.plugin.progress import Progress
from domino_health.plugin.replay import Replayed
from domino_health.plugin.signals import deafen
from domino_health.plugin.suite import SUITE, runbook
from domino_health.profile import Loaded
from domino_health.profile.packs import Pack
from domino_health.reports import html, junit
from domino_health.reports.folder import Folder
from domino_health.reports.recorded import Recorded
from domino_health.reports.text import finding_lines
from domino_health.results import Result, State, held_to
from domino_health.rules import Rules
from domino_health.vocabulary import Severity, area_of

RESULT = pytest.StashKey[Result]()

_MOST_REMARKS = 10
"""On a profile, in a run's header."""


class Run:
    """Registered as a plugin only when there is a profile."""

    def __init__(
        self, config: pytest.Config, loaded: Loaded, rules: Rules, recorded: Recorded | None = None
    ) -> None:
        self.config = config
        self.loaded = loaded
        self.recorded = recorded
        """The run that is judged again; None where the platform is looked at."""
        self.known_ids = set(loaded.checks)
        self.rules = rules
        self.controls: Mapping[str, Sequence[str]] = {}
        """Check id to the frameworks' controls that it is evidence for."""
        self.selected: dict[str, str] = {}
        """Id of each check of this run, to its node id."""
        self.results: dict[str, Result] = {}
        self._notes: dict[str, str] = {}
        """Check id to the site's own page of it: read once, so that all reports have the same."""
        self.broken: list[str] = []
        self.interrupted = False
        self.gathering: Source | None = None
        self.for_reports: tuple[str, ...] = ()
        """Facts that the reports need, whether a check asks for them or not."""
        self.progress: Progress | None = None
        self.folder: Folder | None = None
        """Where this run reports; None when it reports nothing."""
        for area in sorted({area_of(id) for id in self.known_ids}):
            self._mark(area, f"checks of area {area}")
        for severity in Severity:
            self._mark(str(severity), f"checks that are {severity} by this profile")

    def _mark(self, name: str, what: str) -> None:
        """Let ``-m`` know a word, once."""
        if not any(line.partition(":")[0] == name for line in self.config.getini("markers")):
            self.config.addinivalue_line("markers", f"{name}: {what}")

    # Before the checks run

    def pytest_sessionstart(self) -> None:
        """Settle what other plugins were given by now."""
        filters = warnings.catch_warnings()
        filters.__enter__()
        self.config.add_cleanup(lambda: filters.__exit__(None, None, None))
        warnings.simplefilter("default")
        junit.log_to_system_out(self.config)
        # pytest-html writes CI's variables (a branch's name, an e-mail address) into the page, as raw HTML.
        from pytest_metadata.plugin import metadata_key

        self.config.stash.get(metadata_key, {}).clear()

    def pytest_report_header(self) -> list[str]:
        """Which profile, and how many checks there are."""
        gate = f"gate {self.rules.gate.name}, " if self.folder else ""
        known = f"{len(self.known_ids)} checks known"
        lines = [f"profile: {self.loaded.name} ({self.loaded.source}), {gate}{known}"]
        if self.recorded is not None:
            lines.append(
                f"replay: {self.recorded.folder}, of {self.recorded.began:%Y-%m-%d %H:%M} UTC; {self._proof}"
            )
        more = len(self.loaded.remarks) - _MOST_REMARKS
        lines += [f"remark: {remark}" for remark in self.loaded.remarks[:_MOST_REMARKS]]
        return [*lines, f"… and {more} more remarks, see --show-profile"] if more > 0 else lines

    @property
    def _proof(self) -> str:
        assert self.recorded is not None, "only of a replay"
        return (
            "its SHA256SUMS hold"
            if self.recorded.verified
            else "it has no SHA256SUMS: nobody can tell whether it was changed"
        )

    def pytest_pycollect_makemodule(
        self, module_path: Path, parent: pytest.Collector
    ) -> pytest.Module | None:
        """Give a check the same name wherever the suite is installed and wherever pytest was called."""
        pack = self._pack_of(module_path)
        root = pack.directory.parent if pack else SUITE
        if not module_path.is_relative_to(root):
            return None
        nodeid = module_path.relative_to(root).as_posix()
        return pytest.Module.from_parent(parent, path=module_path, nodeid=nodeid)

    def _pack_of(self, path: Path) -> Pack | None:
        packs = [pack for pack in self.loaded.packs if path.is_relative_to(pack.directory)]
        return next(iter(packs), None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be collected, or skips itself, holds checks that nobody hears of."""
        if report.failed:
            self.broken.append(f"{report.nodeid} could not be collected")
            report.longrepr = self.shown(report.longreprtext)
        elif report.skipped:
            self.broken.append(f"{report.nodeid} was skipped as a whole")
            if isinstance(report.longrepr, tuple):
                path, line, why = report.longrepr
                report.longrepr = (path, line, self.shown(why))

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Checks that are not among the installed ones are known from here on, selected or not.

        ``-k`` knows them by their ids, ``-m`` by their areas and severities.
        """
        if self._pack_of(item.path):
            prefer_facts(item)
        if spec := evaluate.spec_of_item(item):
            spec = self.rules.weighed(spec)
            self.known_ids.add(spec.id)
            item.extra_keyword_matches.add(spec.id)
            self._mark(spec.area, f"checks of area {spec.area}")
            item.add_marker(spec.area)
            item.add_marker(str(spec.severity))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Every item must be a check, and every check one item."""
        strangers = [item.nodeid for item in items if evaluate.spec_of_item(item) is None]
        if strangers:
            raise pytest.UsageError(
                "these tests have no @check, so that their outcome could not open or close the gate: "
                f"{_some(strangers)}; mark them, or run them without --profile"
            )
        if made := [item.nodeid for item in items if hasattr(item, "callspec")]:
            raise pytest.UsageError(
                f"a check is one item and judges facts, so it cannot be parametrized: {_some(made)}"
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
                ("severity", str(self.rules.weighed(spec).severity)),
                ("area", spec.area),
                *(("control", control) for control in self.controls.get(spec.id, ())),
            ]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin to look at all that the selected checks ask for."""
        for item in session.items:
            if spec := evaluate.spec_of_item(item):
                self.selected[spec.id] = item.nodeid
        if self.folder is None or not session.items:
            return
        wanted = all_wanted(session.items)
        self.for_reports = tuple(fact.name for fact in wanted if fact in (PREVIOUS, RIGHTS))
        if self.recorded is not None:
            self.gathering = Replayed(wanted, self.recorded)
        else:
            self.gathering = Gathering(wanted, self.loaded.profile, self.folder.path.parent)
        self.rules = replace(self.rules, day=self.gathering.began.date())
        self.config.stash[GATHERING] = self.gathering
        self.progress = Progress(self.config, self.gathering, self.shown)
        self.gathering.start()

    # Each check

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Wait for the check's own facts, here, where progress can be seen: outside of capture.

        With the last check for those too that the reports need.
        """
        if self.gathering and self.progress:
            for name in (*wanted_by(item), *(() if nextitem else self.for_reports)):
                self.gathering.wait(name, self.progress.tick)
            self.progress.clear()
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Call the check and judge it."""
        spec = evaluate.spec_of_item(pyfuncitem)
        assert spec is not None, "strangers were refused at collection"
        given = self.loaded.thresholds.get(spec.id, {})
        result = evaluate.evaluate(pyfuncitem, self._gathered(pyfuncitem), given, self.rules)
        result = self._completed(result, pyfuncitem)
        before = pyfuncitem.stash.get(RESULT, None)  # of a subtest that failed
        if before is not None and before.closes and result.state is not State.FAILED:
            result = before
        pyfuncitem.stash[RESULT] = result
        pyfuncitem.add_report_section("call", "stdout", "\n".join(finding_lines(result, self.many_clusters)))
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """What an earlier attempt came to is no result of this one."""
        if RESULT in item.stash:
            del item.stash[RESULT]

    def _gathered(self, item: pytest.Function) -> evaluate.Gathered:
        """What the check may rest on: it was waited for before."""
        spec = evaluate.spec_of_item(item)
        assert spec is not None, "only checks rest on facts"
        assert self.gathering is not None, "without it no check is called"
        facts = {name: self.gathering.wait(name) for name in wanted_by(item)}
        now = fixtures.moment(self.gathering, facts.get(CLOCK))
        facts = {name: fact for name, fact in facts.items() if name != CLOCK or name in spec.facts}
        return evaluate.Gathered(facts, now)

    def _completed(self, result: Result, item: pytest.Item) -> Result:
        """The result with all that the engine knows of its check, fit to be shown."""
        page = runbook(result.id, self.loaded.packs)
        result = replace(
            result,
            test=item.nodeid,
            runbook=self._named(page) if page else "",
            notes=f"{result.id}.md" if self.notes(result.id) else "",
            controls=tuple(self.controls.get(result.id, ())),
        )
        return scrub(held_to(result, self.rules.gate), self.loaded.redactor)

    def notes(self, id: str) -> str:
        """What people here know of a check, fit to be shown; empty where they have written nothing."""
        if id not in self._notes:
            directory = (
                self.loaded.profile.knowledge if self.recorded is None else self.recorded.folder / "knowledge"
            )
            page = knowledge.page_of(id, directory)
            self._notes[id] = knowledge.kept(page, self.loaded.redactor) if page else ""
        return self._notes[id]

    def _named(self, path: Path) -> str:
        """A path as one would type it where pytest was called."""
        here = self.config.invocation_params.dir
        return str(path.relative_to(here) if path.is_relative_to(here) else path)

    def shown(self, text: str) -> str:
        """A text without secrets and control characters."""
        return shown(text, self.loaded.redactor)

    @property
    def many_clusters(self) -> bool:
        """Whether names must say which cluster they are of."""
        clusters = self.loaded.profile.clusters
        # A replay holds this section against nothing, so that it may be anything.
        return isinstance(clusters, list | tuple) and len(clusters) > 1

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the check's outcome, in pytest's words, and its result on pytest's report."""
        report = yield
        spec = evaluate.spec_of_item(item)
        if spec is None:
            return report
        report.sections = [(title, self.shown(content)) for title, content in report.sections]
        result = item.stash.get(RESULT, None)
        looks_like = result if call.when == "call" else None
        if call.excinfo is not None:
            raised = self._blinded(item, call) or outcome.raised(
                item, call, report, self.loaded.redactor, self.rules
            )
            raised = self._completed(raised, item)
            # The first thing that closes the gate stands; what comes after it is shown as well.
            if result is None or (raised.closes and not result.closes):
                item.stash[RESULT] = result = raised
            looks_like = raised if raised.closes or result is raised else looks_like
        if result is not None:
            others = [
                (name, self.shown(str(value))) for name, value in item.user_properties if name != "outcome"
            ]
            item.user_properties[:] = report.user_properties = [*others, ("outcome", result.state.value)]
            outcome.dress(report, result, looks_like, many_clusters=self.many_clusters)
        return report

    def _blinded(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Result | None:
        """What a skip comes to where not all was seen; one that a mark asks for rests on nothing."""
        assert call.excinfo is not None, "something was raised"
        skips = isinstance(call.excinfo.value, pytest.skip.Exception) and call.when != "teardown"
        marked = item.get_closest_marker("skip") or item.get_closest_marker("skipif")
        if not skips or marked or not isinstance(item, pytest.Function) or self.gathering is None:
            return None
        return evaluate.blinded(item, self._gathered(item), self.rules)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, None, None]:
        """Take the result off the report: what was not reported does not count."""
        plain = getattr(report, html.ATTRIBUTE, None)
        if plain is not None:
            result = evaluate.unwire(plain)
            self.results[result.id] = result
        say_why = junit.prepare(self.config, report, getattr(report, outcome.REASON, ""))
        yield
        say_why()

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """What a warning says is shown by others: it must be fit for that."""
        said = str(warning_message.message)
        if (fit := self.shown(said)) != said:
            warning_message.message = UserWarning(fit)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, Any] | None:
        """Our words for our outcomes on the terminal."""
        plain = getattr(report, html.ATTRIBUTE, None)
        if plain is None:
            return None
        state = State(plain["state"])
        if state is State.WAIVED:
            return "waived", "w", ("WAIVED", {"yellow": True})
        if state is State.WARNED:
            return "warned", "W", ("WARNED", {"yellow": True})
        if state is State.UNKNOWN:
            return ("error" if plain["closes"] else "unknown"), "U", ("UNKNOWN", {"red": True})
        return None

    # After the checks

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: Any) -> None:
        """What a plugin raised is shown by others: without secrets."""
        said = str(excrepr)
        if (fit := self.shown(said)) != said:
            excrepr.reprtraceback = ReprTracebackNative(fit.splitlines(keepends=True))
            excrepr.reprcrash = None
            if isinstance(excrepr, ExceptionChainRepr):
                excrepr.chain = [(excrepr.reprtraceback, None, None)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """A signal, or ``pytest.exit`` somewhere: not all that was selected has run to its end."""
        self.interrupted = True
        deafen()  # a second signal, of one who is impatient, must not cost the reports of the first
        if isinstance(excinfo.value, pytest.exit.Exception):
            excinfo.value.msg = self.shown(str(excinfo.value.msg))
            excinfo.value.args = (excinfo.value.msg,)


def _some(names: list[str]) -> str:
    """A few of them: a whole test suite may stand behind."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
