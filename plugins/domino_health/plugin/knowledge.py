"""What people at a site know of a check: the pages of the profile's ``knowledge``, as reports keep them."""

from pathlib import Path

from domino_health.plugin.fit import shown
from domino_health.profile import files
from domino_health.redact import Redactor

LONGEST = 100_000
"""Characters of a page that a report keeps. People read none that is longer, and every run keeps its own."""
_CUT = "\n\n(The rest of this page was left out of the report.)\n"


def page_of(id: str, directory: Path | None) -> Path | None:
    """The page of a check, ``SCHED-001.md``; None where nobody has written one."""
    page = directory / f"{id}.md" if directory else None
    return page if page is not None and page.is_file() else None


def kept(page: Path, redactor: Redactor) -> str:
    """A page's text without secrets and control characters, and of bounded length.

    What it gives comes out of it unchanged: a replay reads what a run has kept. A page that cannot be read
    says so itself, for it explains, and decides nothing.
    """
    most = 4 * LONGEST  # bytes, for a character has at most four
    try:
        content = files.read(page, most)
    except ValueError as error:
        return f"(This page could not be read: {error}.)\n"
    text = shown(content.decode("utf-8-sig", errors="replace"), redactor)
    if len(content) > most or len(text) > LONGEST:
        return text[: LONGEST - len(_CUT)] + _CUT
    return text
