"""By what a check is judged: the gate, the profile's severities, and its waivers. Data, and no clock."""

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase

from domino_health.vocabulary import CheckSpec, Finding, Ref, Severity


@dataclass(frozen=True)
class Gate:
    """May we go on? What closes it."""

    name: str = "default"
    closes_at: Severity = Severity.HIGH
    requires: tuple[str, ...] = ()
    """Areas (``SCHED``) and checks (``UPG-001``) that must have assessed something."""
    counts_waivers: bool = True
    """Whether a waived finding closes it no more."""

    def demands(self, spec: CheckSpec) -> bool:
        """Whether not knowing what this check wants to know closes it, however low its severity."""
        return spec.id in self.requires or spec.area in self.requires


@dataclass(frozen=True)
class Waiver:
    """A finding that someone accepted, for a reason, until a date."""

    check: str
    """Id of the check. One that does not exist is told of in the ledger, and waives nothing."""
    subject: str
    """Which findings: a pattern (``*``, ``?``, ``[…]``) of the subject's name, as reports show it."""
    reason: str
    owner: str
    """Who sees to it that the finding ends."""
    approved_by: str
    expires: date
    """The last day on which it holds, to its end, UTC."""
    ticket: str = ""
    source: str = ""
    """The file that it came from, where that is not the profile."""

    def covers(self, check: str, subject: Ref) -> bool:
        """Whether it is about this finding, expired or not. A name covers itself: ``endpoint/[::1]:443``."""
        if check != self.check:
            return False
        names = (str(subject), subject.text(with_cluster=True))
        return self.subject in names or any(fnmatchcase(name, self.subject) for name in names)

    def expired(self, day: date) -> bool:
        """Whether it holds no more on this day, UTC."""
        return self.expires < day


@dataclass(frozen=True)
class Waived:
    """A finding that a waiver accepts. It was evaluated, and is shown."""

    finding: Finding
    waiver: Waiver


@dataclass(frozen=True)
class Rules:
    """All that decides how a check's findings weigh."""

    day: date
    """UTC, on which gathering began: waivers hold or have expired by it."""
    gate: Gate = Gate()
    severities: Mapping[str, Severity] = field(default_factory=dict)
    """Check id to the severity that the profile gives it, and each of its findings."""
    waivers: tuple[Waiver, ...] = ()

    def weighed(self, spec: CheckSpec) -> CheckSpec:
        """The check as the profile has it."""
        severity = self.severities.get(spec.id)
        return replace(spec, severity=severity) if severity else spec


class Standing(enum.Enum):
    """What became of a waiver in a run."""

    USED = "used"
    UNUSED = "unused"
    EXPIRED = "expired"
    NOT_JUDGED = "not judged"
    """Its check was not selected, or came to no assessment: whether it is needed cannot be said."""
    NO_SUCH_CHECK = "no such check"


WARNED_BEFORE_DAYS = 30
"""Days before its end from which on a waiver is shown as expiring: time enough to renew or to mend (ours)."""


@dataclass(frozen=True)
class Entry:
    """One line of the ledger of waivers."""

    waiver: Waiver
    standing: Standing
    findings: int
    """How many it covers in this run; of an expired one, how many count again."""
    days_left: int
    """Until the end of its last day; negative when it has expired."""
    covered: tuple[str, ...] = ()
    """The subjects of those findings."""

    @property
    def expiring(self) -> bool:
        """It holds still, and ends soon."""
        return 0 <= self.days_left <= WARNED_BEFORE_DAYS


def ledger(
    rules: Rules, found: Mapping[str, Collection[Finding]], known: Collection[str]
) -> tuple[Entry, ...]:
    """What became of each waiver, in the profile's order.

    Args:
        rules: of this run.
        found: for each check that came to an assessment, all its findings, waived or not.
        known: ids of all checks.
    """
    return tuple(_entry(waiver, rules, found, known) for waiver in rules.waivers)


def _entry(
    waiver: Waiver, rules: Rules, found: Mapping[str, Collection[Finding]], known: Collection[str]
) -> Entry:
    day = rules.day
    subjects = [
        each.subject for each in found.get(waiver.check, ()) if waiver.covers(waiver.check, each.subject)
    ]
    if waiver.expired(day):  # what another one accepts by now does not count again
        holding = [other for other in rules.waivers if not other.expired(day)]
        subjects = [each for each in subjects if not any(it.covers(waiver.check, each) for it in holding)]
    if waiver.check not in known:
        standing = Standing.NO_SUCH_CHECK
    elif waiver.expired(day):
        standing = Standing.EXPIRED
    elif waiver.check not in found:
        standing = Standing.NOT_JUDGED
    else:
        standing = Standing.USED if subjects else Standing.UNUSED
    covered = tuple(subject.text(with_cluster=True) for subject in subjects)
    return Entry(waiver, standing, len(subjects), (waiver.expires - day).days, covered)
