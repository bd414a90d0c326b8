"""What became of one check, from what it returned. Pure: no pytest, no clock, no files."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from domino_health.rules import Gate, Rules, Waived
from domino_health.vocabulary import Assessment, Attachment, CheckSpec, Finding, Severity, Unseen


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
    """Those that count: worst first, then those with the most objects; each with its severity filled in."""
    waived: tuple[Waived, ...] = ()
    """Those that somebody accepted, in the same order. They decide nothing."""
    unseen: tuple[Unseen, ...] = ()
    window: str = ""
    worst: str = ""
    attachments: tuple[Attachment, ...] = ()
    rationale: str = ""
    remediation: str = ""
    thresholds: Mapping[str, str] = field(default_factory=dict)
    """As the profile would spell them."""
    test: str = ""
    """``checks/test_scheduling.py::test_pods_get_a_node_in_time``."""
    runbook: str = ""
    """Its page, relative to the suite: ``docs/runbooks/SCHED-001.md``. Empty where there is none."""
    notes: str = ""
    """The site's own page of it, in the profile's ``knowledge``: its file name."""
    controls: tuple[str, ...] = ()
    """What it is evidence for: ``SOC 2 A1.1``."""
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


def could_not_look(spec: CheckSpec, unseen: Sequence[Unseen], rules: Rules) -> Result:
    """The result of a check of which no target was seen: there was nothing that it could judge."""
    spec = rules.weighed(spec)
    result = describe(spec, State.UNKNOWN, _unseen_reason(unseen), closes=_ignorance_closes(spec, rules.gate))
    return replace(result, unseen=tuple(unseen))


def judge(spec: CheckSpec, returned: object, unseen: Sequence[Unseen], rules: Rules) -> Result:
    """The outcome of a check from what it returned and what its facts could not see.

    Raises:
        CheckError: it returned no Assessment, or a finding worse than it declared.
    """
    if not isinstance(returned, Assessment):
        raise CheckError(f"{spec.id} returned {type(returned).__name__}, not an Assessment")
    found = _with_severity(spec, returned.findings, rules.severities.get(spec.id))
    spec = rules.weighed(spec)
    findings, waived, notes = _apart(spec.id, found, rules)
    blind = (*unseen, *returned.unseen)
    population = len(returned.population)
    state, reason = _state(population, findings, waived, blind, rules.gate)
    return replace(
        describe(spec, state, "; ".join((reason, *notes))),
        closes=state is State.FAILED or (state is State.UNKNOWN and _ignorance_closes(spec, rules.gate)),
        population=population,
        findings=findings,
        waived=waived,
        unseen=blind,
        window=returned.window,
        worst=returned.worst,
        attachments=tuple(returned.attachments),
    )


def held_to(result: Result, gate: Gate) -> Result:
    """The result, closing where the gate requires this very check and it assessed nothing."""
    idle = result.state is State.SKIPPED or result.population == 0
    return replace(result, closes=True) if idle and result.id in gate.requires else result


def _ignorance_closes(spec: CheckSpec, gate: Gate) -> bool:
    return spec.severity >= gate.closes_at or gate.demands(spec)


def _apart(
    id: str, found: Sequence[Finding], rules: Rules
) -> tuple[tuple[Finding, ...], tuple[Waived, ...], list[str]]:
    """The findings that count, those that are waived, and what is to be said of waivers that do not."""
    findings: list[Finding] = []
    waived: list[Waived] = []
    over: dict[date, int] = {}
    not_counted = 0
    for finding in found:
        covering = [waiver for waiver in rules.waivers if waiver.covers(id, finding.subject)]
        holding = [waiver for waiver in covering if not waiver.expired(rules.day)]
        if holding and rules.gate.counts_waivers:
            # The one that lasts longest: it is what the finding rests on in the end.
            waived.append(Waived(finding, max(holding, key=lambda waiver: waiver.expires)))
            continue
        findings.append(finding)
        not_counted += bool(holding)
        if covering and not holding:
            last = max(waiver.expires for waiver in covering)
            over[last] = over.get(last, 0) + 1
    notes = [f"the waiver of {_findings(number)} expired on {day}" for day, number in sorted(over.items())]
    if not_counted:
        notes.append(f"{_findings(not_counted)} waived, but gate {rules.gate.name} counts no waivers")
    return tuple(findings), tuple(waived), notes


def _with_severity(
    spec: CheckSpec, findings: Iterable[Finding], given: Severity | None
) -> tuple[Finding, ...]:
    """Worst first. The severity that the profile gives replaces the check's and each finding's own."""
    filled = []
    for finding in findings:
        if not isinstance(finding, Finding):
            raise CheckError(f"{spec.id} gave a {type(finding).__name__} for a Finding")
        severity = finding.severity or spec.severity
        if severity > spec.severity:
            raise CheckError(
                f"{spec.id} is {spec.severity} and found something {severity}: {finding.subject}"
            )
        filled.append(replace(finding, severity=given or severity))
    return tuple(
        sorted(
            filled, key=lambda finding: (-_rank(finding), -finding.count, finding.subject, finding.message)
        )
    )


def _rank(finding: Finding) -> int:
    return list(Severity).index(finding.severity) if finding.severity else -1


def _state(
    population: int,
    findings: Sequence[Finding],
    waived: Sequence[Waived],
    unseen: Sequence[Unseen],
    gate: Gate,
) -> tuple[State, str]:
    """The first row of the table of outcomes that matches."""
    closing = [finding for finding in findings if finding.severity and finding.severity >= gate.closes_at]
    besides = f"; {_findings(len(waived))} waived" if waived else ""
    if closing:
        reason = f"{_findings(len(closing))} at or above {gate.closes_at}, of {population} assessed{besides}"
        return State.FAILED, f"{reason}; {_unseen_reason(unseen)}" if unseen else reason
    if unseen:
        return State.UNKNOWN, _unseen_reason(unseen) + besides
    if findings:
        reason = f"{_findings(len(findings))} below {gate.closes_at}, of {population} assessed{besides}"
        return State.WARNED, reason
    if waived:
        return State.WAIVED, f"{_findings(len(waived))} waived, of {population} assessed: {_until(waived)}"
    if population:
        return State.PASSED, f"{population} assessed, none found wanting"
    return State.SKIPPED, "nothing to assess"


def _findings(number: int) -> str:
    return f"{number} finding{'s' if number != 1 else ''}"


def _until(waived: Sequence[Waived]) -> str:
    """Why, on whose word and until when: of the waiver that ends first."""
    first = min((each.waiver for each in waived), key=lambda waiver: waiver.expires)
    ticket = f", {first.ticket}" if first.ticket else ""
    more = len({each.waiver for each in waived}) - 1
    others = f" (and {more} more waiver{'s' if more > 1 else ''}, which end later)" if more else ""
    return f"{first.reason} (approved by {first.approved_by}{ticket}), until {first.expires}{others}"


def _unseen_reason(unseen: Sequence[Unseen]) -> str:
    first, *others = unseen
    more = f" (and {len(others)} more)" if others else ""
    return f"could not look at {first.target}: {first.reason}{more}"
