"""The page: our own, in pytest-html's summary; pytest-html's table is its appendix.

What is shown comes from outside, so every text goes through ``Texts.show`` on its way into the page,
whatever the template does with it, and is escaped after that. The page has no script: what folds is
``<details>``, and what blocks the gate is open from the start.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domino_health.facts.observed import Observed
from domino_health.reports.changes import Changes, since_previous, subject
from domino_health.reports.record import Record
from domino_health.reports.text import differs
from domino_health.reports.texts import SYMBOLS, Texts
from domino_health.reports.waivers import by_weight, counts_again, summary
from domino_health.results import Result, State
from domino_health.rules import Entry, Waived, Waiver
from domino_health.vocabulary import Finding, Severity, clean

IN_VIEW = 25
"""Findings of a check that can be read without a click. What to do about them follows right below."""

MOST_FINDINGS = 200
"""Findings of a check that are in the page at all, the rest of them behind a click. 10,000 would make
it too heavy for a phone, and nobody reads them one by one: findings.json has every one."""

MOST_ROWS = 4000
"""Findings in the page in all, where many checks have many; each still shows those in view. So for the
rows of attached tables."""

SHORT_TABLE = 10
"""Rows of an attached table that stands open; a longer one is folded."""

IN_ONE_LINE = 20
"""Characters of a cell that is not broken: a time, a number."""

MANY = 20
"""Open checks beyond which a browser lays out what is near the screen alone."""

MOST_TARGETS = 100
"""Targets shown of a fact, and of those that a check could not look at: the unseen ones come first."""

MOST_CHANGES = 10
"""Shown of each kind of change since the run before."""

MOST_WAIVERS = 200
"""Of the ledger. verdict.json has every one."""

LONGEST_LOG = 2000
"""Characters of each output of a check in pytest-html's table."""

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
    changes, not_compared = since_previous(record)
    grouped = groups(record.results)
    page = Texts(record.redactor).environment().get_template("page.html.jinja2")
    body = page.render(
        record=record,
        verdict=record.verdict,
        meaning=MEANINGS.get(record.verdict.exit_status, ""),
        blockers=blockers(record.verdict.reasons, record.results),
        tally=[(state, record.verdict.states.get(state.value, 0)) for state in SYMBOLS],
        areas=areas(record.results),
        groups=grouped,
        many=sum(len(group.results) for group in grouped if group.expanded) > MANY,
        facts=facts(record.observed),
        most=most_findings(record.results),
        most_rows=most_rows(record.results),
        changes=changes,
        not_compared=not_compared,
        differs=differs(record.replay, record.verdict) if record.replay else "",
        ids={result.id for result in record.results},
        ledger=by_weight(record.ledger),
        waivers=summary(record.ledger),
        counts_again=counts_again,
        by_waiver=by_waiver,
        days_left=lambda waiver: (waiver.expires - record.began.date()).days,
        marks=Marks.of(changes, record.ledger),
        IN_ONE_LINE=IN_ONE_LINE,
        IN_VIEW=IN_VIEW,
        MOST_CHANGES=MOST_CHANGES,
        MOST_TARGETS=MOST_TARGETS,
        MOST_WAIVERS=MOST_WAIVERS,
        SHORT_TABLE=SHORT_TABLE,
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


def results_table_log(report: object, logs: list[str]) -> None:
    """Keep the beginnings of a check's output alone: what it found stands above, and the table is in the
    page twice, as text and as what pytest-html's script makes of it.
    """
    if getattr(report, ATTRIBUTE, None) is None:
        return  # of something else, which stands nowhere above
    for number, log in enumerate(logs):
        if (more := len(log) - LONGEST_LOG) > 0:
            logs[number] = f"{log[:LONGEST_LOG]}… ({more:,} characters more: junit.xml has all of it)\n"


def _cell(column: str, text: str) -> str:
    return f'<td class="col-{column}">{html.escape(clean(text))}</td>'


def most_findings(results: Iterable[Result]) -> int:
    """How many findings of each check are in the page, and as many of its waived ones."""
    numbers = [number for result in results for number in (len(result.findings), len(result.waived))]
    return _share(numbers)


def most_rows(results: Iterable[Result]) -> int:
    """How many rows of each attached table are in the page."""
    return _share([len(table.rows) for result in results for table in result.attachments])


def _share(numbers: Sequence[int]) -> int:
    sharing = sum(number > IN_VIEW for number in numbers)
    return max(IN_VIEW, min(MOST_FINDINGS, MOST_ROWS // max(sharing, 1)))


def facts(observed: Mapping[str, Observed]) -> list[Observed]:
    """What was looked at, those first of which something was not seen."""
    return sorted(observed.values(), key=lambda fact: (not fact.unseen, fact.fact))


def by_waiver(waived: Iterable[Waived]) -> dict[Waiver, list[Finding]]:
    """Waived findings under what waives them."""
    found: dict[Waiver, list[Finding]] = {}
    for each in waived:
        found.setdefault(each.waiver, []).append(each.finding)
    return found


@dataclass(frozen=True)
class Marks:
    """What is to be said of a finding beside what was found."""

    new: frozenset[tuple[str, str]]
    """Check and subject of those that were not there in the run before."""
    expired: Mapping[tuple[str, str], Entry]
    """Check and subject of those whose waiver has expired."""

    @classmethod
    def of(cls, changes: Changes | None, ledger: Iterable[Entry]) -> "Marks":
        """The marks of a run."""
        new = frozenset((id, subject(finding)) for id, finding in changes.new) if changes else frozenset()
        missed = [entry for entry in ledger if counts_again(entry)]
        return cls(new, {(entry.waiver.check, name): entry for entry in missed for name in entry.covered})

    def is_new(self, id: str, finding: Finding) -> bool:
        """Whether a finding was not there in the run before."""
        return (id, subject(finding)) in self.new

    def waiver_over(self, id: str, finding: Finding) -> Entry | None:
        """The waiver that covered a finding and has expired."""
        return self.expired.get((id, subject(finding)))


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
