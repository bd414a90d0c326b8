"""What became of looking: a fact's targets, each with its own outcome."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from domino_health.vocabulary import Unseen

FACTS_FORMAT = 1
"""The version of the recorded form. The one before is still read."""


class Outcome(enum.Enum):
    """What became of looking at one target."""

    SEEN = "seen"
    DENIED = "denied"
    TIMED_OUT = "timed out"
    FAILED = "failed"
    TRUNCATED = "truncated"
    BROKEN = "broken"
    """Looking itself broke, on this side: it says nothing of the target."""
    NOT_INSTALLED = "not installed"
    """The target was asked, and has no such thing at all: nothing to judge, which is no failure."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One target of a fact: when, how and with what outcome it was looked at, and what was there."""

    target: str
    outcome: Outcome
    how: str
    """The request, command or handshake: enough to repeat it by hand."""
    at: datetime
    """When looking began, UTC, by this machine's clock."""
    seconds: float
    """How long it took."""
    reason: str = ""
    cure: str = ""
    details: str = ""
    """The traceback of a collector that broke; for the report's details only."""
    objects: Sequence[Any] = ()


@dataclass(frozen=True)
class Observed:
    """A fact as it was gathered: the objects of all targets, and the targets that were not seen."""

    fact: str
    targets: tuple[Seen, ...]
    absent: str = ""
    """Why there is nothing to look at: no such section in the profile, or not installed on any target."""

    @property
    def objects(self) -> list[Any]:
        """Everything that was seen, of all targets."""
        return [thing for target in self.targets for thing in target.objects]

    @property
    def unseen(self) -> list[Unseen]:
        """The targets of which all or something could not be looked at."""
        return [
            Unseen(target.target, target.reason, target.cure, target.outcome.value, self.fact)
            for target in self.targets
            if target.outcome not in (Outcome.SEEN, Outcome.NOT_INSTALLED)
        ]

    @property
    def blind(self) -> bool:
        """True when no target gave anything: there is nothing that a check could judge."""
        return all(target.outcome not in (Outcome.SEEN, Outcome.TRUNCATED) for target in self.targets)
