"""The page: our own, in pytest-html's summary; pytest-html's table is its appendix."""

from domino_health.reports.record import Record


def render(record: Record) -> str:
    """The page's body."""
    return f"<p>{record.verdict.word}</p>"
