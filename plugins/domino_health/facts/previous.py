"""What is kept of the run before this one: enough to tell what has changed since."""

from datetime import datetime

import msgspec


class PreviousFinding(msgspec.Struct, frozen=True, omit_defaults=True):
    """A finding of that run, waived or not."""

    check: str
    subject: str
    """As reports name it, its cluster in front."""
    severity: str
    waived: bool = False


class PreviousRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """The run that ``latest`` named when this one began."""

    folder: str
    """Name of its reports' folder."""
    began: datetime
    gate: str
    exit_status: int
    states: dict[str, str] = {}
    """Check id to what became of it."""
    blind: tuple[str, ...] = ()
    """Checks that could not see all they asked for: what they did not find may have been there."""
    findings: tuple[PreviousFinding, ...] = ()
