"""Looks at all targets of all wanted facts at once, each within its deadline.

Threads are daemons: one that hangs in a system call is given up at its deadline and cannot keep the
process alive. (``ThreadPoolExecutor`` waits for its workers at exit, however it is shut down.)
"""

import contextlib
import importlib
import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from domino_health.collectors.looking import (
    CollectionError,
    Collector,
    Deadline,
    Look,
    NothingToLookAtError,
    NotInstalledError,
    Shared,
    Target,
    rights_of,
)
from domino_health.facts.observed import Observed, Outcome, Seen
from domino_health.profile import Profile

MOST_AT_ONCE = 32
"""Targets looked at at the same time; the others wait their turn, and their deadline with them."""

GRACE = 1.0
"""Seconds that a target may overrun, to tell of its time-out in its own words."""


@dataclass(frozen=True)
class Wanted:
    """A fact that some selected check asks for."""

    name: str
    collect: Collector
    section: str
    """The section of the profile that it looks by; absent, the fact is absent too."""
    type: type
    """What its objects decode to."""
    after: tuple[str, ...] = ()
    """Names of the facts that its collector is given: they are gathered before."""


@dataclass
class _Job:
    fact: str
    place: int
    """Of its target among the fact's: names may repeat."""
    target: Target[Any]
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    deadline: Deadline | None = None
    progress: str = ""

    @property
    def given_up_at(self) -> float:
        """The moment, by the monotonic clock."""
        assert self.deadline is not None, "set before its thread starts"
        return self.deadline.ends + GRACE

    def seen(self, outcome: Outcome, **more: Any) -> Seen:
        seconds = time.monotonic() - self.deadline.began if self.deadline else 0.0
        return Seen(
            target=self.target.name,
            outcome=outcome,
            how=self._how(),
            at=self.at,
            seconds=round(seconds, 3),
            **more,
        )

    def _how(self) -> str:
        how = self.target.how
        try:
            return str(how() if callable(how) else how)
        except Exception as error:  # noqa: BLE001 (a pack's: what was seen was seen all the same)
            return f"(its collector cannot tell: {type(error).__name__})"


class Source(Protocol):
    """Where facts come from: a look at the platform (``Gathering``), or what an earlier one has recorded."""

    @property
    def began(self) -> datetime:
        """When the look began, UTC, by the clock of the machine that looked."""
        ...

    def start(self) -> None:
        """Begin."""
        ...

    def wait(self, fact: str, tick: Callable[[], None] = ..., every: float = ...) -> Observed:
        """The fact, as soon as it is complete."""
        ...

    @property
    def observed(self) -> Mapping[str, Observed]:
        """All facts that are complete by now."""
        ...

    @property
    def progress(self) -> tuple[int, int, list[str]]:
        """How many targets have an outcome, of how many, and what is being looked at now."""
        ...


class Gathering:
    """A running look at the platform. ``start`` it, then ``wait`` for the facts that are needed."""

    def __init__(self, wanted: Sequence[Wanted], profile: Profile, reports: Path | None = None) -> None:
        self._began = datetime.now(UTC)
        self._wanted = {fact.name: fact for fact in wanted}
        self._profile = profile
        self._reports = reports
        self._rights = tuple(sorted({right for fact in wanted for right in rights_of(fact.collect, profile)}))
        self._changed = threading.Condition()
        self._observed: dict[str, Observed] = {}
        self._done: dict[str, dict[int, Seen]] = {}
        self._expected: dict[str, int] = {}
        self._later: dict[str, Wanted] = {}
        """Facts whose targets are not known yet, for they are gathered after others."""
        self._shared = Shared()
        self._running: dict[int, _Job] = {}
        self._jobs = 0
        self._finished: queue.SimpleQueue[tuple[int, Seen]] = queue.SimpleQueue()

    @property
    def began(self) -> datetime:
        """When it was made, UTC, by this machine's clock."""
        return self._began

    def start(self) -> None:
        """Begin to look, in the background."""
        self._later = dict(self._wanted)
        waiting = deque(self._due())
        try:
            threading.Thread(target=self._run, args=(waiting,), daemon=True, name="gathering").start()
        except RuntimeError as error:  # no thread to spare, not even one
            self._lost(error)

    def wait(self, fact: str, tick: Callable[[], None] = lambda: None, every: float = 0.2) -> Observed:
        """The fact, as soon as all its targets have an outcome; ``tick`` is called while waiting.

        Raises:
            KeyError: a fact that is not gathered, which one would wait for without end.
        """
        if fact not in self._wanted:
            raise KeyError(fact)
        while True:
            with self._changed:
                if fact in self._observed or self._changed.wait_for(lambda: fact in self._observed, every):
                    return self._observed[fact]
            tick()  # without the lock: a terminal that is slow must not hold up what is taken in

    def ready(self, fact: str) -> bool:
        """Whether ``wait`` would return at once."""
        with self._changed:
            return fact in self._observed

    @property
    def observed(self) -> Mapping[str, Observed]:
        """All facts that are complete by now."""
        with self._changed:
            return dict(self._observed)

    @property
    def progress(self) -> tuple[int, int, list[str]]:
        """How many targets have an outcome, of how many, and what is being looked at now."""
        with self._changed:
            done = sum(map(len, self._done.values()))
            now = [
                f"{job.fact} of {job.target.name}{job.progress and f' ({job.progress})'}"
                for job in self._running.values()
            ]
            return done, self._jobs, now

    def _due(self) -> list[_Job]:
        """What to look at for the facts that nothing more must be known for, as of now."""
        jobs: list[_Job] = []
        before = -1
        while len(self._later) != before:  # a fact without targets is complete at once, and others follow
            before = len(self._later)
            for name, fact in list(self._later.items()):
                if all(map(self.ready, fact.after)):
                    del self._later[name]
                    jobs += self._targets(fact)
        with self._changed:
            self._jobs += len(jobs)
        return jobs

    def _targets(self, fact: Wanted) -> list[_Job]:
        """What to look at for a fact; publishes at once a fact that has no targets."""
        given = {name: self._observed[name] for name in fact.after}
        absent = self._absent(fact, given)
        if absent:
            self._publish(Observed(fact.name, (), absent))
            return []
        try:
            targets: list[Any] = list(
                fact.collect(Look(self._profile, self._shared, given, self._reports, self._rights))
            )
            if strangers := [target for target in targets if not _is_target(target)]:
                raise TypeError(f"no Target: {strangers[0]!r}")
        except NothingToLookAtError as why:
            self._publish(Observed(fact.name, (), str(why) or _nothing(fact)))
            return []
        except (Exception, SystemExit) as error:  # noqa: BLE001 (a pack's that breaks: its fact is unknown)
            broken = Seen(target=fact.name, how="", at=datetime.now(UTC), seconds=0.0, **_broke(error))
            self._publish(Observed(fact.name, (broken,)))
            return []
        blind = _blinded_by(given, {target.name for target in targets})
        self._expected[fact.name] = len(targets) + len(blind)
        self._done[fact.name] = dict(enumerate(blind, len(targets)))
        if not targets:
            self._publish(Observed(fact.name, tuple(blind), "" if blind else _nothing(fact)))
        return [_Job(fact.name, place, target) for place, target in enumerate(targets)]

    def _absent(self, fact: Wanted, given: Mapping[str, Observed]) -> str:
        """Why there is nothing to look at, or nothing."""
        if fact.section and getattr(self._profile, fact.section, None) is None:
            return f"the profile has no section {fact.section}"
        return next((observed.absent for observed in given.values() if observed.absent), "")

    def _run(self, waiting: deque[_Job]) -> None:
        try:
            self._supervise(waiting)
        except BaseException as error:  # noqa: BLE001 (a bug of ours: whoever waits must hear of it)
            self._lost(error)

    def _lost(self, error: BaseException) -> None:
        """No fact that is missing still will come."""
        for name in self._wanted:
            if not self.ready(name):
                broken = Seen(target=name, how="", at=datetime.now(UTC), seconds=0.0, **_broke(error))
                self._publish(Observed(name, (broken,)))

    def _supervise(self, waiting: deque[_Job]) -> None:
        _import(waiting)
        number = 0
        while waiting or self._running:
            while waiting and len(self._running) < MOST_AT_ONCE:
                self._begin(number, waiting.popleft())
                number += 1
            if self._running:
                next_one = min(job.given_up_at for job in self._running.values())
                self._take(max(0.0, next_one - time.monotonic()))
                self._give_up()
            if due := self._due() if self._later else []:
                _import(due)
                waiting.extend(due)
        if self._later:
            raise RuntimeError(f"facts wait for what nobody gathers: {', '.join(sorted(self._later))}")

    def _begin(self, number: int, job: _Job) -> None:
        job.at = datetime.now(UTC)
        with self._changed:
            self._running[number] = job
        try:
            job.deadline = Deadline(job.target.allowed)
            name = f"{job.fact} of {job.target.name}"
            threading.Thread(target=self._work, args=(number, job), daemon=True, name=name).start()
        except Exception as error:  # noqa: BLE001 (no thread to spare, or a pack's target that makes no sense)
            self._settle(number, job.seen(**_broke(error)))

    def _take(self, timeout: float) -> None:
        """Settle all that has come in, waiting for the first: what came in time counts, seen late or not."""
        with contextlib.suppress(queue.Empty):
            self._settle(*self._finished.get(timeout=timeout))
            while True:
                self._settle(*self._finished.get_nowait())

    def _give_up(self) -> None:
        for number, job in list(self._running.items()):
            if job.deadline and time.monotonic() >= job.given_up_at:
                error = job.deadline.given_up(job.progress)
                self._settle(number, job.seen(error.outcome, reason=error.reason, cure=error.cure))

    def _settle(self, number: int, seen: Seen) -> None:
        with self._changed:
            job = self._running.pop(number, None)
            if job is None:
                return  # it was given up before; an answer after its deadline is no answer
            done = self._done[job.fact]
            done[job.place] = seen
        if len(done) == self._expected[job.fact]:
            self._publish(_observed(job.fact, [done[place] for place in sorted(done)]))

    def _publish(self, observed: Observed) -> None:
        with self._changed:
            self._observed[observed.fact] = observed
            self._changed.notify_all()

    def _work(self, number: int, job: _Job) -> None:
        try:
            seen = _look(job)
        except BaseException as error:  # noqa: BLE001 (the unforeseen is "could not look", never silence)
            seen = job.seen(**_broke(error))
        self._finished.put((number, seen))


def _observed(fact: str, targets: Sequence[Seen]) -> Observed:
    """A fact of which all targets were looked at; absent where none of them has such a thing."""
    missing = [target.reason for target in targets if target.outcome is Outcome.NOT_INSTALLED]
    absent = "; ".join(dict.fromkeys(missing)) if len(missing) == len(targets) else ""
    return Observed(fact, tuple(targets), absent)


def _is_target(thing: object) -> bool:
    """Its name stands in every report: it must be a text."""
    return isinstance(thing, Target) and isinstance(thing.name, str)


def _nothing(fact: Wanted) -> str:
    """Why a fact is absent of which nothing more is known."""
    return f"section {fact.section} names nothing to look at" if fact.section else "nothing to look at"


def _import(jobs: Iterable[_Job]) -> None:
    """What takes long to import, before any deadline begins."""
    for module in sorted({module for job in jobs for module in job.target.needs}):
        with contextlib.suppress(ImportError):  # told by the targets that miss it
            importlib.import_module(module)


def _blinded_by(given: Mapping[str, Observed], looked_at: Set[str]) -> list[Seen]:
    """What cannot be looked at for want of another fact: its dead targets, if not looked at anyway.

    Who looks at a cluster (``prod``) knows which of its namespaces (``prod/domino-compute``) matter to it.
    """
    return [
        Seen(
            target=dead.target,
            outcome=Outcome.FAILED if dead.outcome is Outcome.TRUNCATED else dead.outcome,
            how=dead.how,
            at=dead.at,
            seconds=0.0,
            reason=f"needs {name}: {dead.reason}",
            cure=dead.cure,
        )
        for name, observed in given.items()
        for dead in observed.targets
        if dead.outcome not in (Outcome.SEEN, Outcome.NOT_INSTALLED)
        and looked_at.isdisjoint((dead.target, dead.target.partition("/")[0]))
    ]


def _look(job: _Job) -> Seen:
    assert job.deadline is not None, "set before its thread starts"

    def say(progress: str) -> None:
        job.progress = str(progress)

    try:
        return job.seen(Outcome.SEEN, objects=tuple(job.target.look(job.deadline, say)))
    except CollectionError as error:
        return job.seen(error.outcome, reason=error.reason, cure=error.cure, objects=tuple(error.seen))
    except NotInstalledError as why:
        return job.seen(Outcome.NOT_INSTALLED, reason=str(why))


def _broke(error: BaseException) -> dict[str, Any]:
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 (a pack's exception, which may break once more)
        said = "which cannot be printed"
    return {
        "outcome": Outcome.BROKEN,
        "reason": f"its collector broke: {type(error).__name__}: {said}",
        "cure": "report this as a bug, with the details",
        "details": "".join(traceback.format_exception(error)),
    }
