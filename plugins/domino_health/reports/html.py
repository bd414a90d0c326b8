"""The page: our own, in pytest-html's summary; pytest-html's table is its appendix.

What is shown comes from outside, so every text goes through ``_Texts.show`` on its way into the page,
whatever the template does with it, and is escaped after that. The page has no script: what folds is
``<details>``, and what blocks the gate is open from the start.
"""

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jinja2
from markupsafe import Markup, escape

from domino_health.facts.observed import Observed, Outcome, Seen
from domino_health.redact import Redactor
from domino_health.reports.record import Record
from domino_health.results import Result, State
from domino_health.units import age
from domino_health.vocabulary import Finding, Severity, clean, shorten

IN_VIEW = 25
"""Findings of a check that can be read without a click. What to do about them follows right below."""

MOST_FINDINGS = 200
"""Findings of a check that are in the page at all, the rest of them behind a click. 10,000 would make
it too heavy for a phone, and nobody reads them one by one: findings.json has every one."""

MOST_ROWS = 4000
"""Findings in the page in all, where many checks have many; each still shows those in view."""

MOST_TARGETS = 100
"""Targets shown of a fact, and of those that a check could not look at: the unseen ones come first."""

LONGEST_REASON = 300
"""Characters of a reason in the list of what blocks; the check below has all of it."""

LONGEST_TEXT = 2000
"""Characters of any text that is not named here. One without a space costs a browser time, the more so
the longer it is: 100,000 of them in one cell stop it for half a minute."""

LONGEST_PROSE = 5000
"""Characters of a paragraph of a check's documentation."""

LONGEST_DETAILS = 20_000
"""Characters of a traceback: its end, which says what was raised."""

LONGEST_RUNBOOK = 50_000
"""Characters of a runbook: it is ours, or a pack's."""

LONGEST_PROFILE = 200_000
"""Characters of the profile. profile.yaml has all of it."""

SYMBOLS = {
    State.FAILED: "✕",
    State.UNKNOWN: "?",
    State.WARNED: "!",
    State.WAIVED: "~",
    State.PASSED: "✓",
    State.SKIPPED: "-",
}
"""Beside each outcome's word: neither colour nor a symbol stands alone. In the order of their weight."""

MEANINGS = {
    0: "Nothing was found that closes this gate.",
    1: "Something is unhealthy.",
    2: "The run was interrupted.",
    3: "An internal error ended the run, or its reports could not be written.",
    4: "The run was not set up properly.",
    5: "No check was selected.",
    6: "Nothing unhealthy was found, but something could not be looked at or was not assessed.",
}
"""What an exit status means, for whoever does not know them by heart."""

ATTRIBUTE = "domino_health"
"""Of pytest's report: the result of a check, as plain values."""


def render(record: Record) -> str:
    """The page's body: it goes into pytest-html's summary as it is, and stands before all else."""
    texts = _Texts(record.redactor)
    page = texts.environment().get_template("page.html.jinja2")
    body = page.render(
        record=record,
        verdict=record.verdict,
        meaning=MEANINGS.get(record.verdict.exit_status, ""),
        blockers=blockers(record.verdict.reasons, record.results),
        tally=[(state, record.verdict.states.get(state.value, 0)) for state in SYMBOLS],
        areas=areas(record.results),
        groups=groups(record.results),
        facts=sorted(record.observed.values(), key=lambda observed: (not observed.unseen, observed.fact)),
        most=most_findings(record.results),
    )
    # The last resort: one lone surrogate, and pytest-html would write a page of no bytes.
    return body.encode(errors="replace").decode()


def results_table_header(cells: list[str]) -> None:
    """Give the appendix a column for our outcome; pytest's own words do not know all of ours."""
    cells.insert(1, '<th class="sortable" data-column-type="outcome">Outcome</th>')


def results_table_row(report: object, cells: list[str]) -> None:
    """Fill that column, and have the test's name escaped: pytest-html takes both as raw HTML."""
    plain: Mapping[str, Any] = getattr(report, ATTRIBUTE, None) or {}
    outcome = str(plain.get("state", ""))
    if plain.get("closes"):
        outcome += ", closes the gate"
    cells[1:2] = [_cell("outcome", outcome), _cell("testId", str(getattr(report, "nodeid", "")))]


def _cell(column: str, text: str) -> str:
    return f'<td class="col-{column}">{html.escape(clean(text))}</td>'


def most_findings(results: Iterable[Result]) -> int:
    """How many findings of each check are in the page."""
    sharing = sum(len(result.findings) > IN_VIEW for result in results)
    return max(IN_VIEW, min(MOST_FINDINGS, MOST_ROWS // max(sharing, 1)))


@dataclass(frozen=True)
class Blocker:
    """One reason why the gate is closed."""

    results: tuple[Result, ...]
    """The checks that it is about: several, where one dead target blinds them all."""
    text: str


def blockers(reasons: Iterable[str], results: Iterable[Result]) -> list[Blocker]:
    """The verdict's reasons, with the checks that they speak of; one cause of many unknowns once."""
    known = {result.id: result for result in results}
    found: list[Blocker] = []
    shared: dict[str, int] = {}
    for reason in reasons:
        id, _, text = reason.partition(" ")
        result = known.get(id)
        if result is None:
            found.append(Blocker((), reason))
        elif result.state is State.UNKNOWN and text in shared:
            same = found[shared[text]]
            found[shared[text]] = Blocker((*same.results, result), same.text)
        else:
            shared.setdefault(text, len(found))
            found.append(Blocker((result,), text.removeprefix(f"{result.state.value}: ")))
    return found


def areas(results: Iterable[Result]) -> dict[str, dict[State, int]]:
    """How many checks of each area ended in each state; the areas that close the gate first."""
    counts: dict[str, dict[State, int]] = {}
    for result in sorted(results, key=lambda result: (not result.closes, result.area)):
        counts.setdefault(result.area, dict.fromkeys(SYMBOLS, 0))[result.state] += 1
    return counts


@dataclass(frozen=True)
class Group:
    """Checks that are read together."""

    key: str
    title: str
    results: list[Result]
    expanded: bool
    """Whether they are open from the start."""

    @property
    def folded(self) -> set[str]:
        """Ids of those that have nothing to tell that one above them does not: blind for the same reason."""
        told: set[str] = set()
        again = set()
        for result in self.results:
            if result.state is State.UNKNOWN and not result.findings and not result.details:
                again |= {result.id} if result.reason in told else set()
                told.add(result.reason)
        return again


def groups(results: Iterable[Result]) -> list[Group]:
    """The checks in the order in which they matter; those without a check are left out."""
    all_groups = {
        "closing": Group("closing", "Closing the gate", [], expanded=True),
        "warned": Group("warned", "Warned, below the gate", [], expanded=True),
        "unknown": Group("unknown", "Could not look, below the gate", [], expanded=True),
        "waived": Group("waived", "Waived", [], expanded=False),
        "passed": Group("passed", "Passed", [], expanded=False),
        "skipped": Group("skipped", "Skipped", [], expanded=False),
    }
    for result in sorted(results, key=_weight):
        closing = result.closes or result.state is State.FAILED
        all_groups["closing" if closing else result.state.value].results.append(result)
    return [group for group in all_groups.values() if group.results]


def _weight(result: Result) -> tuple[int, int, str]:
    """What is known to be unhealthy before what is not known; of what closes the gate the worst first."""
    severity = list(Severity).index(result.severity) if result.closes else 0
    return list(SYMBOLS).index(result.state), -severity, result.id


class _Texts:
    """How values become text: without secrets, without control characters, of bounded length."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def environment(self) -> jinja2.Environment:
        """One that escapes everything, and shows nothing that did not go through ``show``."""
        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("domino_health.reports"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=self.show,
        )
        environment.filters |= {
            "age": lambda seconds: age(timedelta(seconds=seconds)),
            "counted": counted,
            "cut": self.cut,
            "number": "{:,}".format,
            "ours": escape,
            "paragraphs": lambda text: [part for part in text.split("\n\n") if part.strip()],
            "prose": self.prose,
            "sentence": lambda text: text[:1].upper() + text[1:],
            "severities": severities,
            "tail": self.tail,
            "utc": _utc,
            "unseen_first": _unseen_first,
        }
        environment.globals |= {
            "IN_VIEW": IN_VIEW,
            "LONGEST_DETAILS": LONGEST_DETAILS,
            "LONGEST_PROFILE": LONGEST_PROFILE,
            "LONGEST_REASON": LONGEST_REASON,
            "LONGEST_RUNBOOK": LONGEST_RUNBOOK,
            "MOST_TARGETS": MOST_TARGETS,
            "SYMBOLS": SYMBOLS,
        }
        return environment

    def show(self, value: Any) -> Any:
        """What is put into the page for a value; Jinja escapes it after that."""
        if isinstance(value, Markup) or not isinstance(value, str):
            return value
        return self.cut(value)

    def plain(self, text: str, longest: int) -> str:
        """A text without what could harm. Secrets go first: half of one would not be known for what it is."""
        return shorten(clean(self._redactor.scrub(text)), longest)

    def cut(self, text: str, longest: int = LONGEST_TEXT) -> Markup:
        """The beginning of a text."""
        return escape(self.plain(text, longest))

    def tail(self, text: str, longest: int) -> Markup:
        """The end of a text."""
        text = self._redactor.scrub(text)
        missing = len(text) - longest
        shown = f"({missing:,} characters before) …{text[missing:]}" if missing > 0 else text
        return escape(self.plain(shown, len(shown)))

    def prose(self, text: str) -> Markup:
        """A docstring's text: what stands in double backticks is code."""
        parts = self.plain(text, LONGEST_PROSE).split("``")
        if len(parts) % 2 == 0:  # one that opens and never closes is no code
            parts[-2:] = ["``".join(parts[-2:])]
        return Markup("").join(
            Markup("<code>{}</code>").format(part) if number % 2 else part
            for number, part in enumerate(parts)
        )


def counted(number: int, thing: str) -> str:
    """``1 finding``, ``12,000 findings``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def severities(findings: Iterable[Finding]) -> str:
    """How many there are of each severity, the worst first: ``1 critical, 3 high``."""
    found = [finding.severity for finding in findings]
    counts = {severity: found.count(severity) for severity in reversed(Severity)}
    return ", ".join(f"{count:,} {severity}" for severity, count in counts.items() if count)


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _unseen_first(observed: Observed) -> list[Seen]:
    return sorted(observed.targets, key=lambda target: target.outcome is Outcome.SEEN)
