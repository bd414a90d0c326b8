"""From what checks returned to one verdict. Pure: no pytest, no clock, no files."""

import enum
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from domino_health.vocabulary import Assessment, CheckSpec, Finding, Severity, Unseen

OPEN, CLOSED, INTERRUPTED, INTERNAL_ERROR, USAGE, NOTHING_SELECTED, NOT_KNOWN = range(7)
"""Exit statuses. 0 to 5 are pytest's own and keep their meaning; 6 is closed only for not knowing."""


class State(enum.Enum):
    """The outcome of a check."""

    FAILED = "failed"
    UNKNOWN = "unknown"
    WARNED = "warned"
    WAIVED = "waived"
    PASSED = "passed"
    SKIPPED = "skipped"


ASSESSED = (State.FAILED, State.WARNED, State.WAIVED, State.PASSED)
"""The outcomes of a check that saw all it asked for and judged it."""


@dataclass(frozen=True)
class Gate:
    """May we go on? What closes it."""

    name: str = "default"
    closes_at: Severity = Severity.HIGH


@dataclass(frozen=True)
class Result:
    """What became of one check. Travels on pytest's report, and into every report of ours."""

    id: str
    title: str
    area: str
    severity: Severity
    """The worst that the check can find."""
    state: State
    reason: str
    """One line that says why it is in this state."""
    closes: bool = False
    """Whether the gate is closed because of this."""
    population: int = 0
    findings: tuple[Finding, ...] = ()
    """Worst first, then those with the most objects; each with its severity filled in."""
    unseen: tuple[Unseen, ...] = ()
    window: str = ""
    worst: str = ""
    rationale: str = ""
    remediation: str = ""
    thresholds: Mapping[str, str] = field(default_factory=dict)
    """As the profile would spell them."""
    test: str = ""
    """``checks/test_scheduling.py::test_pods_get_a_node_in_time``."""
    runbook: str = ""
    """Path of its page, where there is one."""
    details: str = ""
    """A traceback, where something raised."""
    seconds: float = 0.0


class CheckError(Exception):
    """A check broke its contract."""


def describe(spec: CheckSpec, state: State, reason: str, *, test: str = "", closes: bool = False) -> Result:
    """A result of a check that judged nothing."""
    return Result(
        id=spec.id,
        title=spec.title,
        area=spec.area,
        severity=spec.severity,
        state=state,
        reason=reason,
        closes=closes,
        rationale=spec.rationale,
        remediation=spec.remediation,
        test=test,
    )


def could_not_look(spec: CheckSpec, unseen: Sequence[Unseen], gate: Gate) -> Result:
    """The result of a check of which no target was seen: there was nothing that it could judge."""
    closes = spec.severity >= gate.closes_at
    result = describe(spec, State.UNKNOWN, _unseen_reason(unseen), closes=closes)
    return replace(result, unseen=tuple(unseen))


def judge(spec: CheckSpec, returned: object, unseen: Sequence[Unseen], gate: Gate) -> Result:
    """The outcome of a check from what it returned and what its facts could not see.

    Raises:
        CheckError: it returned no Assessment, or a finding worse than it declared.
    """
    if not isinstance(returned, Assessment):
        raise CheckError(f"{spec.id} returned {type(returned).__name__}, not an Assessment")
    findings = _with_severity(spec, returned.findings)
    blind = (*unseen, *returned.unseen)
    population = len(returned.population)
    state, reason = _state(population, findings, blind, gate)
    return replace(
        describe(spec, state, reason),
        closes=state is State.FAILED or (state is State.UNKNOWN and spec.severity >= gate.closes_at),
        population=population,
        findings=findings,
        unseen=blind,
        window=returned.window,
        worst=returned.worst,
    )


def _with_severity(spec: CheckSpec, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    filled = []
    for finding in findings:
        if not isinstance(finding, Finding):
            raise CheckError(f"{spec.id} gave a {type(finding).__name__} for a Finding")
        severity = finding.severity or spec.severity
        if severity > spec.severity:
            raise CheckError(
                f"{spec.id} is {spec.severity} and found something {severity}: {finding.subject}"
            )
        filled.append(replace(finding, severity=severity))
    return tuple(
        sorted(
            filled, key=lambda finding: (-_rank(finding), -finding.count, finding.subject, finding.message)
        )
    )


def _rank(finding: Finding) -> int:
    return list(Severity).index(finding.severity) if finding.severity else -1


def _state(
    population: int, findings: Sequence[Finding], unseen: Sequence[Unseen], gate: Gate
) -> tuple[State, str]:
    """The first row of the table of outcomes that matches."""
    closing = [finding for finding in findings if finding.severity and finding.severity >= gate.closes_at]
    if closing:
        reason = f"{_findings(closing)} at or above {gate.closes_at}, of {population} assessed"
        return State.FAILED, f"{reason}; {_unseen_reason(unseen)}" if unseen else reason
    if unseen:
        return State.UNKNOWN, _unseen_reason(unseen)
    if findings:
        return State.WARNED, f"{_findings(findings)} below {gate.closes_at}, of {population} assessed"
    if population:
        return State.PASSED, f"{population} assessed, none found wanting"
    return State.SKIPPED, "nothing to assess"


def _findings(findings: Sequence[Finding]) -> str:
    return f"{len(findings)} finding{'s' if len(findings) != 1 else ''}"


def _unseen_reason(unseen: Sequence[Unseen]) -> str:
    first, *others = unseen
    more = f" (and {len(others)} more)" if others else ""
    return f"could not look at {first.target}: {first.reason}{more}"


@dataclass(frozen=True)
class Verdict:
    """May we go on, and why not."""

    gate: str
    closes_at: Severity
    open: bool
    exit_status: int
    reasons: tuple[str, ...]
    """Why it is closed; empty when it is open."""
    known: int
    """How many checks there are."""
    selected: int
    """How many of them this run was asked for."""
    assessed: int
    """How many saw all they asked for and judged it: what the verdict rests on."""
    states: Mapping[str, int]
    """How many checks ended in each state."""

    @property
    def word(self) -> str:
        """``open`` or ``closed``."""
        return "open" if self.open else "closed"

    @property
    def rests_on(self) -> str:
        """What the verdict speaks for."""
        return f"rests on {self.assessed} of {self.known} checks"


def decide(
    results: Sequence[Result],
    *,
    selected: Collection[str],
    known: int,
    gate: Gate,
    broken: Sequence[str] = (),
    pytest_status: int = OPEN,
) -> Verdict:
    """One verdict. A gate never opens by accident: what left no result closes it.

    Args:
        results: one for each check that ran.
        selected: ids of the checks that should have run.
        known: how many checks there are in all.
        gate: what closes it.
        broken: what else went wrong (modules that could not be collected), a line each.
        pytest_status: the exit status that pytest came to. 2, 3, 4 and 5 stand.
    """
    unhealthy = [_reason(result) for result in results if result.state is State.FAILED]
    blind = [_reason(result) for result in results if result.closes and result.state is not State.FAILED]
    missing = sorted(set(selected) - {result.id for result in results})
    blind += [f"{id} left no result" for id in missing]
    blind += broken
    assessed = sum(result.state in ASSESSED and result.population > 0 for result in results)
    if not assessed and not unhealthy:
        blind.append("no check assessed anything")

    if pytest_status in (INTERRUPTED, INTERNAL_ERROR, USAGE, NOTHING_SELECTED):
        status = pytest_status
        stopped = {
            INTERRUPTED: "the run was interrupted",
            INTERNAL_ERROR: "an internal error ended the run",
            USAGE: "the run was not set up properly",
            NOTHING_SELECTED: "no check was selected",
        }
        blind.insert(0, stopped[status])
    else:
        if pytest_status == CLOSED and not unhealthy and not blind:
            blind.append("pytest counted a failure that no check accounts for")
        elif pytest_status not in (OPEN, CLOSED):
            blind.append(f"pytest ended with status {pytest_status}")
        status = CLOSED if unhealthy else NOT_KNOWN if blind else OPEN
    return Verdict(
        gate=gate.name,
        closes_at=gate.closes_at,
        open=status == OPEN,
        exit_status=status,
        reasons=(*unhealthy, *blind),
        known=known,
        selected=len(selected),
        assessed=assessed,
        states=Counter(result.state.value for result in results),
    )


def close(verdict: Verdict, status: int, reasons: Sequence[str]) -> Verdict:
    """The verdict after what went wrong when it stood already: a report that could not be written, say."""
    return replace(verdict, open=False, exit_status=status, reasons=(*verdict.reasons, *reasons))


def _reason(result: Result) -> str:
    return f"{result.id} {result.state.value}: {result.reason}"
