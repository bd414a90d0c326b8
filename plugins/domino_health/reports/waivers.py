"""Waivers in words: the ledger's lines, and how long each still holds."""

from collections.abc import Iterable, Sequence

from domino_health.rules import WARNED_BEFORE_DAYS, Entry, Standing, Waiver
from domino_health.vocabulary import shorten

_LONGEST_SUBJECT = 80
"""Characters of a pattern in the terminal's one line."""


def left(days: int) -> str:
    """How long a waiver still holds, from the days until its last one: ``21 days left``, ``ends today``."""
    if days == 0:
        return "ends today"
    number = f"{abs(days):,} day{'' if abs(days) == 1 else 's'}"
    return f"{number} left" if days > 0 else f"expired {number} ago"


def on_whose_word(waiver: Waiver) -> str:
    """Who accepted it, under which number, and until when."""
    ticket = f", {waiver.ticket}" if waiver.ticket else ""
    return f"approved by {waiver.approved_by}{ticket}, until {waiver.expires}"


def counts_again(entry: Entry) -> bool:
    """Whether it has expired and is missed: findings that it covered count again."""
    return entry.standing is Standing.EXPIRED and entry.findings > 0


def by_weight(ledger: Iterable[Entry]) -> list[Entry]:
    """What somebody must see to first: expired and missed, then a slip of the pen, then what ends soon."""
    order = [Standing.EXPIRED, Standing.USED, Standing.NOT_JUDGED, Standing.UNUSED]

    def weight(entry: Entry) -> tuple[int, int]:
        if counts_again(entry):
            return 0, 0
        if entry.standing is Standing.NO_SUCH_CHECK:
            return 1, 0
        if entry.expiring:
            return 2, entry.days_left
        return 3, order.index(entry.standing)

    return sorted(ledger, key=weight)


def summary(ledger: Sequence[Entry]) -> str:
    """The ledger in one line: how many of each standing, and of what matters the first; or nothing."""
    parts = []
    for standing in Standing:
        entries = [entry for entry in ledger if entry.standing is standing]
        if not entries:
            continue
        missed = [entry for entry in entries if counts_again(entry)]
        told = ""
        if missed:
            told = _named(missed, f"{_findings(missed[0].findings)} again")
        elif standing is Standing.NO_SUCH_CHECK:
            told = _named(entries)
        parts.append(f"{len(entries):,} {standing.value}{told}")
    ending = sorted((entry for entry in ledger if entry.expiring), key=lambda entry: entry.days_left)
    if ending:
        named = _named(ending, left(ending[0].days_left))
        verb = "ends" if len(ending) == 1 else "end"
        parts.append(f"{len(ending):,} {verb} within {WARNED_BEFORE_DAYS} days{named}")
    return ", ".join(parts)


def _findings(number: int) -> str:
    return f"{number:,} finding{' counts' if number == 1 else 's count'}"


def _named(entries: Sequence[Entry], said: str = "") -> str:
    """The first of them by its name, what is to be said of it, and how many others there are."""
    waiver = entries[0].waiver
    name = f"{waiver.check} {shorten(waiver.subject, _LONGEST_SUBJECT)}"
    more = f"; and {len(entries) - 1:,} more" if len(entries) > 1 else ""
    return f" ({name}{said and f': {said}'}{more})"
