"""Counts the lines of a log that known faults have written.

No regular expression: what is looked for are words in their order, and ``str.find`` takes time that grows
with the log alone (benchmarks/search_logs.py).
"""

import re
from collections.abc import Iterator, Sequence

from domino_health.collectors.logs import LONGEST, last_words, without_escapes
from domino_health.facts.logs import KnownFault
from domino_health.profile.logs import WILD, Signature, place

LONGEST_LINE = 4096
"""Characters of a line that are looked at: what is longer is a dump, not a message."""
_BEFORE = 100
"""Characters before a fault's words that a sample shows, where the line is long."""
# By key in JSON (MongoDB's is s) and logfmt; in brackets; as a word in capitals; or as klog begins its lines.
_LEVEL = re.compile(
    r'"(?:level|severity|lvl|log_?level|levelname|s)"\s*:\s*"?(\w+)|\b(?:level|lvl|severity)="?(\w+)'
    r"|[\[<(] ?(trace|debug|info|notice|warn|warning|error|crit|critical|alert|emerg|fatal)\b"
    r"|\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|SEVERE|CRITICAL)\b|^([DIWEF])\d{4} "
)
_HARMLESS = frozenset({"trace", "debug", "info", "information", "notice", "d", "i", "10", "20", "30"})
"""Levels at which software tells what it does; the numbers are bunyan's and pino's."""


def count(body: bytes, signatures: Sequence[Signature]) -> tuple[KnownFault, ...]:
    """The faults of which a log tells, each with its lines. A line may tell of several.

    Lines that say themselves that they are mere information are not counted.
    """
    text = body.decode(errors="replace")
    if "\x1b" in text:
        text = without_escapes(text)
    return tuple(fault for each in signatures if (fault := _fault(text, each)) is not None)


def _fault(text: str, signature: Signature) -> KnownFault | None:
    found: dict[int, str] = {}
    for pattern in signature.patterns:
        pieces = pattern.split(WILD)
        for start, line in _lines_with(text, max(pieces, key=len)):
            if start not in found and (at := place(line, pieces)) >= 0 and not _harmless(line, at):
                found[start] = max(pieces, key=len)
    if not found:
        return None
    newest = max(found)
    line = text[newest : newest + LONGEST_LINE].partition("\n")[0]
    return KnownFault(
        signature.id,
        len(found),
        signature.severity,
        signature.cause,
        signature.remedy or "",
        _shown(line, found[newest]),
        signature.allowed,
        signature.usual_at_start,
    )


def _lines_with(text: str, words: str) -> Iterator[tuple[int, str]]:
    """Where each line begins in which these words stand, and its head."""
    end, at = 0, text.find(words)
    while at >= 0:
        start = text.rfind("\n", end, at) + 1
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        yield start, text[start : min(end, start + LONGEST_LINE)]
        at = text.find(words, end)


def _harmless(line: str, at: int) -> bool:
    """Whether a line says itself that it is information. But for JSON its level stands before its words."""
    level = _LEVEL.search(line)
    if level is None or (level.start() > at and level.lastindex != 1):
        return False
    return level[level.lastindex or 0].casefold() in _HARMLESS


def _shown(line: str, words: str) -> str:
    """A line as it may be kept: the part that has the words, if it is long."""
    text = " ".join(last_words(line.encode(errors="replace"), longest=LONGEST_LINE)[0])
    at = text.find(words)
    begins = at - _BEFORE if len(text) > LONGEST and at > LONGEST - len(words) else 0
    part = text[begins : begins + LONGEST]
    return f"{'…' if begins else ''}{part}{'…' if begins + LONGEST < len(text) else ''}"
