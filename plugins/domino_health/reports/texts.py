"""How values become text of the page: without secrets, without control characters, of bounded length."""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import jinja2
from markupsafe import Markup, escape

from domino_health.facts.observed import Observed, Outcome, Seen
from domino_health.redact import Redactor
from domino_health.reports.waivers import left
from domino_health.results import State
from domino_health.units import age
from domino_health.vocabulary import Finding, Severity, clean, shorten

LONGEST_NAME = 100
"""Characters of the profile's name above the verdict, which must not be pushed out of sight."""

LONGEST_REASON = 300
"""Characters of a reason in the list of what blocks; the check below has all of it."""

LONGEST_CELL = 300
"""Characters of a cell in an attached table; findings.json has all of it."""

LONGEST_TEXT = 2000
"""Characters of any text that is not named here. One without a space costs a browser time, the more so
the longer it is: 100,000 of them in one cell stop it for half a minute."""

LONGEST_PROSE = 5000
"""Characters of a paragraph of a check's documentation."""

LONGEST_DETAILS = 20_000
"""Characters of a traceback: its end, which says what was raised."""

LONGEST_RUNBOOK = 50_000
"""Characters of a runbook: it is ours, a pack's or the site's own."""

LONGEST_PROFILE = 200_000
"""Characters of the profile. profile.yaml has all of it."""

LARGEST_PICTURES = 4 << 20
"""Characters of all pictures in the page. What is beyond is in findings.json alone."""

SYMBOLS = {
    State.FAILED: "✕",
    State.UNKNOWN: "?",
    State.WARNED: "!",
    State.WAIVED: "~",
    State.PASSED: "✓",
    State.SKIPPED: "-",
}
"""Beside each outcome's word: neither colour nor a symbol stands alone. In the order of their weight."""


class Texts:
    """Of one page."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._room = LARGEST_PICTURES

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
            "left": left,
            "number": "{:,}".format,
            "ours": escape,
            "paragraphs": lambda text: [part for part in text.split("\n\n") if part.strip()],
            "picture": self.picture,
            "prose": self.prose,
            "sentence": lambda text: text[:1].upper() + text[1:],
            "severities": severities,
            "tail": self.tail,
            "utc": _utc,
            "unseen_first": _unseen_first,
        }
        environment.globals |= {
            "LONGEST_CELL": LONGEST_CELL,
            "LONGEST_DETAILS": LONGEST_DETAILS,
            "LONGEST_NAME": LONGEST_NAME,
            "LONGEST_PROFILE": LONGEST_PROFILE,
            "LONGEST_REASON": LONGEST_REASON,
            "LONGEST_RUNBOOK": LONGEST_RUNBOOK,
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

    def picture(self, svg: str) -> Markup:
        """An address that holds the whole picture, for an ``<img>``: there no script of it runs, and nothing
        is loaded. Empty where the page has no room for it any more.
        """
        text = clean(self._redactor.scrub(svg))
        if len(text) > self._room:
            return Markup("")
        self._room -= len(text)
        return Markup("data:image/svg+xml;base64,{}").format(base64.b64encode(text.encode()).decode())


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
