"""What changed since the run before this one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from domino_health.facts.previous import PreviousFinding, PreviousRun
from domino_health.reports.record import Record
from domino_health.results import ASSESSED, Result, State
from domino_health.vocabulary import Finding

_ASSESSED = {state.value for state in ASSESSED}


@dataclass(frozen=True)
class Changed:
    """A check that ended otherwise than before."""

    id: str
    before: str
    now: State


@dataclass(frozen=True)
class Changes:
    """Between two runs of one profile. A finding is the same as long as its check and its subject are."""

    before: PreviousRun
    states: tuple[Changed, ...]
    new: tuple[tuple[str, Finding], ...]
    """Findings that count now and were not there, waived or not; each with the id of its check."""
    gone: tuple[PreviousFinding, ...]
    """Findings that were there, waived or not, and are there no more."""
    compared: int = 0
    """How many checks have a result in both."""
    of: int = 0
    """How many have one in this run."""
    partly: tuple[str, ...] = ()
    """Checks that did not see all they asked for, now or then: what is new or gone of them is not told."""

    @property
    def none(self) -> bool:
        """Whether nothing is known to have changed."""
        return not (self.states or self.new or self.gone)


def changes(before: PreviousRun, results: Sequence[Result]) -> Changes:
    """Compare a run with the one before it, check by check.

    A finding is new only where its check saw all it asked for before, and gone only where it sees all now:
    what was not looked at may have been there all along. A check that came to no assessment in one of the
    two runs has neither; that its state changed is told.

    Args:
        before: the run before.
        results: of this run, in the order in which they are to be told.
    """
    there: dict[str, set[str]] = {}
    for old in before.findings:
        there.setdefault(old.check, set()).add(old.subject)
    here = {result.id: _subjects(result) for result in results}
    judged = [
        result for result in results if result.state in ASSESSED and before.states.get(result.id) in _ASSESSED
    ]
    then_blind = set(before.blind)
    whole = {result.id for result in judged if not result.unseen}
    return Changes(
        before=before,
        states=tuple(
            Changed(result.id, before.states[result.id], result.state)
            for result in results
            if before.states.get(result.id, result.state.value) != result.state.value
        ),
        new=tuple(
            (result.id, finding)
            for result in judged
            if result.id not in then_blind
            for finding in result.findings
            if subject(finding) not in there.get(result.id, ())
        ),
        gone=tuple(
            old for old in before.findings if old.check in whole and old.subject not in here[old.check]
        ),
        compared=sum(result.id in before.states for result in results),
        of=len(results),
        partly=tuple(result.id for result in judged if result.unseen or result.id in then_blind),
    )


def subject(finding: Finding) -> str:
    """What a finding is known by, beside its check."""
    return finding.subject.text(with_cluster=True)


def _subjects(result: Result) -> Collection[str]:
    return {subject(each) for each in (*result.findings, *(waived.finding for waived in result.waived))}


def since_previous(record: Record) -> tuple[Changes | None, str]:
    """The changes, or why they cannot be told; neither where there was no run before.

    Args:
        record: of this run; the one before it is among its facts.
    """
    observed = record.observed.get("previous")
    if observed is None or observed.absent:
        return None, ""
    before = next((each for each in observed.objects if isinstance(each, PreviousRun)), None)
    if before is None:
        reasons = [unseen.reason for unseen in observed.unseen]
        return None, next(iter(reasons), "it left nothing")
    if not any(result.id in before.states for result in record.results):
        return None, "it had none of these checks"
    return changes(before, record.results), ""
