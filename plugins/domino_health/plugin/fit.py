"""Texts fit to be shown: without secrets, without control characters, of bounded length. In that order:
half a secret goes unnoticed.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import msgspec

from domino_health.redact import Redactor
from domino_health.results import Result
from domino_health.rules import Waived, Waiver
from domino_health.vocabulary import Attachment, Finding, Ref, Unseen, clean, shorten

LONGEST = 2000
"""Characters of a text in a report. A scheduler's message on 5,000 nodes has a few hundred."""
LONGEST_DETAILS = 20_000
"""Characters of a traceback."""


def shown(text: str, redactor: Redactor) -> str:
    """A text of any length, without secrets and control characters."""
    return clean(redactor.scrub(text))


def one_line(text: str, redactor: Redactor) -> str:
    """The same in one line, and no longer than people read."""
    return shorten(" ".join(shown(text, redactor).split()), LONGEST)


def scrub(result: Result, redactor: Redactor) -> Result:
    """The result without any secret in what came from outside, and then with texts of bounded length.

    What is ours stays as it is, whatever the secret is: ``high``, say.

    Raises:
        msgspec.ValidationError: a check put something else where a text or a Ref should be.
    """
    result = replace(result, attachments=_some(result.attachments))
    outside = {
        each.name: _fit(getattr(result, each.name), redactor)
        for each in fields(result)
        if each.name not in _OURS
    }
    # A traceback's end says what was raised.
    outside["details"] = shown(result.details, redactor)[-LONGEST_DETAILS:]
    return msgspec.convert(msgspec.to_builtins(replace(result, **outside)), Result)


LARGEST_PLOT = 256 << 10
"""Characters of a picture: 80 checks with one each are 20 MB of a page."""
MOST_ROWS = 10_000
"""Of an attached table."""
MOST_ATTACHMENTS = 20
"""Of a check: a page of more is read by nobody."""


def _some(attachments: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
    """The first of them; where there are more, a title says so in the place of the others."""
    more = len(attachments) - MOST_ATTACHMENTS
    left_out = (Attachment(f"{more} more tables and pictures left out"),) if more > 0 else ()
    return (*attachments[:MOST_ATTACHMENTS], *left_out)


def _fit_attachment(attachment: Attachment, redactor: Redactor) -> Attachment:
    title, columns, rows = (
        _fit(part, redactor) for part in (attachment.title, attachment.columns, attachment.rows[:MOST_ROWS])
    )
    if (more := len(attachment.rows) - MOST_ROWS) > 0:
        title = f"{title} ({more} rows more left out)"
    svg = shown(attachment.svg, redactor)
    if len(svg) > LARGEST_PLOT:
        title, svg = f"{title} (a picture of {len(svg) >> 10} KiB left out)", ""
    return Attachment(title, columns, rows, svg)


_OURS = frozenset({"id", "title", "area", "rationale", "remediation", "test", "details"})


def _fit(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return shorten(shown(value, redactor), LONGEST)
    if isinstance(value, Attachment):
        return _fit_attachment(value, redactor)
    if isinstance(value, Unseen | Finding | Ref | Waived | Waiver):
        parts = {each.name: _fit(getattr(value, each.name), redactor) for each in fields(value)}
        return replace(value, **parts)
    if isinstance(value, tuple):
        return tuple(_fit(item, redactor) for item in value)
    if isinstance(value, Mapping):
        return {key: _fit(item, redactor) for key, item in value.items()}
    return value
