"""What a collector is made of: targets, deadlines, and one exception for "could not look"."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from domino_health.facts.observed import Observed, Outcome
from domino_health.facts.rights import Right
from domino_health.profile import Profile
from domino_health.profile.clusters import Cluster

Thing = TypeVar("Thing")

WAY_IN = "finding the way in"
"""The progress of a target whose cluster's connection is being made: an exec plugin may hang."""
WAY_IN_HANGS = (
    "see whether the kubeconfig's exec plugin hangs or waits for somebody to log in; "
    "if it is only slow, raise the deadline"
)


_REFUSALS = tuple(each for each in Outcome if each not in (Outcome.SEEN, Outcome.NOT_INSTALLED))


class CollectionError(Exception):
    """Could not look: what was tried, what came back, what would help. Never an empty list instead."""

    def __init__(
        self, reason: object, cure: object, outcome: Outcome = Outcome.FAILED, seen: Sequence[Any] = ()
    ) -> None:
        super().__init__(reason)
        if outcome not in _REFUSALS:  # SEEN would pass for an empty answer
            raise TypeError(f"{outcome!r} is no outcome of a refusal: {reason}")
        # Of a pack it may be an exception, or nothing; a report has room for text alone.
        self.reason = "" if reason is None else str(reason)
        self.cure = "" if cure is None else str(cure)
        self.outcome = outcome
        self.seen = seen
        """What was seen before looking was cut short; only with TRUNCATED."""


class NothingToLookAtError(Exception):
    """There is nothing to look at, and that is as it should be: a check of it is skipped with these words."""


class NotInstalledError(Exception):
    """A target was asked, and does not have the thing at all: told apart from an empty list and a refusal.

    Where no target has it, the checks of the fact are skipped with these words.
    """


class Deadline:
    """The moment by which one target must have been looked at."""

    def __init__(self, allowed: timedelta) -> None:
        self.allowed = allowed
        self.began = time.monotonic()
        self.ends = self.began + allowed.total_seconds()

    @property
    def seconds_left(self) -> float:
        """Seconds until then, never negative."""
        return max(0.0, self.ends - time.monotonic())

    def remaining(self, at_most: float = 86400.0) -> float:
        """Seconds for the next step, a positive number; never more than a day, which sockets refuse.

        Raises:
            CollectionError: the time is up.
        """
        left = self.seconds_left
        if not left:
            raise self.passed()
        return min(left, at_most)

    def passed(self, doing: str = "", cure: str = "") -> CollectionError:
        """The error of a target that took too long."""
        return CollectionError(
            f"no complete answer within {self.allowed.total_seconds():g} s{doing and ' ' + doing}",
            cure
            or "see whether the target is slow or unreachable from here; if it is only slow, "
            "raise its deadline",
            Outcome.TIMED_OUT,
        )

    def given_up(self, progress: str) -> CollectionError:
        """The error of a target that does not even say that it took too long, by the last that it said."""
        if not progress:
            return self.passed("(given up)")
        at = "at" if progress[0].isdecimal() else "while"
        return self.passed(f"(given up {at} {progress})", WAY_IN_HANGS if progress == WAY_IN else "")


@dataclass(frozen=True)
class Target(Generic[Thing]):
    """One thing to look at, and how."""

    name: str
    how: str | Callable[[], str]
    """The request or handshake, as one would repeat it by hand. Called when looking has ended, where it is
    known only then."""
    allowed: timedelta
    look: Callable[[Deadline, Callable[[str], None]], Sequence[Thing]]
    """Looks, saying how far it has come; raises CollectionError when it cannot."""
    needs: tuple[str, ...] = ()
    """Modules that take long to import: they are, before any deadline begins."""


def whole_clusters(profile: Profile, what: str) -> list[Cluster]:
    """The clusters that a profile looks at as a whole: where else would one look for what is in no namespace?

    Args:
        profile: of the run.
        what: is looked for: ``node pools``.

    Raises:
        NothingToLookAtError: it looks into namespaces alone.
    """
    clusters = profile.clusters or ()
    whole = [cluster for cluster in clusters if not cluster.namespaces]
    if clusters and not whole:
        raise NothingToLookAtError(
            f"{what} belong to no namespace, and the profile looks into namespaces alone"
        )
    return whole


@dataclass
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    made: list[Any] = field(default_factory=list)


class Shared:
    """What the collectors of one run share, each made once: a cluster's connection, say."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: dict[object, _Slot] = {}

    def get(self, key: object, make: Callable[[], Thing], deadline: Deadline) -> Thing:
        """What ``make`` made for ``key``. The first caller makes it; others wait, within their deadline."""
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
        if not slot.lock.acquire(timeout=deadline.remaining()):
            raise deadline.passed("while the way in was still being found", WAY_IN_HANGS)
        try:
            if not slot.made:
                slot.made.append(make())
            thing: Thing = slot.made[0]
            return thing
        finally:
            slot.lock.release()

    def made(self, key: object) -> object:
        """What was made for ``key``, or None as long as nothing was."""
        with self._lock:
            slot = self._slots.get(key)
        return next(iter(slot.made), None) if slot else None


@dataclass(frozen=True)
class Look:
    """What a collector is given."""

    profile: Profile
    shared: Shared
    facts: Mapping[str, Observed] = field(default_factory=dict)
    """Those that it asked for, complete: ``fact(…, after=("domino",))``."""
    reports: Path | None = None
    """The folder of this profile's reports, this run's and those before it."""
    rights: tuple[Right, ...] = ()
    """What all collectors of this run need to be allowed."""


def rights_of(collect: object, profile: Profile | None = None) -> tuple[Right, ...]:
    """What a collector says that it needs: its attribute ``rights``."""
    rights = getattr(collect, "rights", ())
    if profile is not None and (fewer := getattr(collect, "rights_for", None)):
        rights = fewer(profile)
    return tuple(right for right in rights if isinstance(right, Right))


Collector = Callable[[Look], Sequence[Target[Any]]]
"""Names its targets. Must not look yet: each target is looked at concurrently, with its own deadline."""
