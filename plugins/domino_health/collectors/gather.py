"""Looks at all targets of all wanted facts at once, each within its deadline.

Threads are daemons: one that hangs in a system call is given up at its deadline and cannot keep the
process alive. (``ThreadPoolExecutor`` waits for its workers at exit, however it is shut down.)
"""

import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from domino_health.collectors.looking import CollectionError, Collector, Deadline, Look, Shared, Target
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


@dataclass
class _Job:
    fact: str
    target: Target[Any]
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    deadline: Deadline | None = None
    progress: str = ""

    def seen(self, outcome: Outcome, **more: Any) -> Seen:
        seconds = time.monotonic() - self.deadline.began if self.deadline else 0.0
        return Seen(
            target=self.target.name,
            outcome=outcome,
            how=self.target.how,
            at=self.at,
            seconds=round(seconds, 3),
            **more,
        )


class Gathering:
    """A running look at the platform. ``start`` it, then ``wait`` for the facts that are needed."""

    def __init__(self, wanted: Sequence[Wanted], profile: Profile) -> None:
        self.began = datetime.now(UTC)
        self._wanted = {fact.name: fact for fact in wanted}
        self._profile = profile
        self._changed = threading.Condition()
        self._observed: dict[str, Observed] = {}
        self._done: dict[str, dict[str, Seen]] = {}
        self._expected: dict[str, list[str]] = {}
        self._running: dict[int, _Job] = {}
        self._jobs = 0
        self._finished: queue.SimpleQueue[tuple[int, Seen]] = queue.SimpleQueue()

    def start(self) -> None:
        """Begin to look, in the background."""
        look = Look(self._profile, Shared())
        waiting = deque(job for fact in self._wanted.values() for job in self._targets(fact, look))
        self._jobs = len(waiting)
        threading.Thread(target=self._run, args=(waiting,), daemon=True, name="gathering").start()

    def wait(self, fact: str, tick: Callable[[], None] = lambda: None, every: float = 0.2) -> Observed:
        """The fact, as soon as all its targets have an outcome; ``tick`` is called while waiting."""
        with self._changed:
            while fact not in self._observed:
                self._changed.wait(every)
                tick()
            return self._observed[fact]

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

    def _targets(self, fact: Wanted, look: Look) -> list[_Job]:
        """What to look at for a fact; publishes at once a fact that has no targets."""
        if getattr(self._profile, fact.section) is None:
            self._publish(Observed(fact.name, (), f"the profile has no section {fact.section}"))
            return []
        try:
            jobs = [_Job(fact.name, target) for target in fact.collect(look)]
        except Exception as error:  # noqa: BLE001 (a pack's collector that breaks: its fact is unknown)
            broken = Seen(target=fact.name, how="", at=datetime.now(UTC), seconds=0.0, **_broke(error))
            self._publish(Observed(fact.name, (broken,)))
            return []
        if not jobs:
            self._publish(Observed(fact.name, (), f"section {fact.section} names nothing to look at"))
        self._expected[fact.name] = [job.target.name for job in jobs]
        self._done[fact.name] = {}
        return jobs

    def _run(self, waiting: deque[_Job]) -> None:
        try:
            self._supervise(waiting)
        except BaseException as error:  # noqa: BLE001 (a bug of ours: whoever waits must hear of it)
            for name in self._expected:
                if not self.ready(name):
                    broken = Seen(target=name, how="", at=datetime.now(UTC), seconds=0.0, **_broke(error))
                    self._publish(Observed(name, (broken,)))

    def _supervise(self, waiting: deque[_Job]) -> None:
        number = 0
        while waiting or self._running:
            while waiting and len(self._running) < MOST_AT_ONCE:
                job = waiting.popleft()
                job.deadline, job.at = Deadline(job.target.allowed), datetime.now(UTC)
                with self._changed:
                    self._running[number] = job
                worker = threading.Thread(
                    target=self._work,
                    args=(number, job),
                    daemon=True,
                    name=f"{job.fact} of {job.target.name}",
                )
                worker.start()
                number += 1
            self._take(self._next_deadline())
            self._give_up()

    def _next_deadline(self) -> float:
        left = [job.deadline.seconds_left for job in self._running.values() if job.deadline]
        return min(left, default=0.0) + GRACE

    def _take(self, timeout: float) -> None:
        try:
            number, seen = self._finished.get(timeout=timeout)
        except queue.Empty:
            return
        self._settle(number, seen)

    def _give_up(self) -> None:
        for number, job in list(self._running.items()):
            if (
                job.deadline
                and time.monotonic() > job.deadline.began + job.target.allowed.total_seconds() + GRACE
            ):
                error = job.deadline.passed("(given up)")
                self._settle(number, job.seen(error.outcome, reason=error.reason, cure=error.cure))

    def _settle(self, number: int, seen: Seen) -> None:
        with self._changed:
            job = self._running.pop(number, None)
            if job is None:
                return  # it was given up before; an answer after its deadline is no answer
            self._done[job.fact][seen.target] = seen
        if len(self._done[job.fact]) == len(self._expected[job.fact]):
            ordered = tuple(self._done[job.fact][name] for name in self._expected[job.fact])
            self._publish(Observed(job.fact, ordered))

    def _publish(self, observed: Observed) -> None:
        with self._changed:
            self._observed[observed.fact] = observed
            self._changed.notify_all()

    def _work(self, number: int, job: _Job) -> None:
        assert job.deadline is not None, "set before its thread starts"

        def say(progress: str) -> None:
            job.progress = progress

        try:
            seen = job.seen(Outcome.SEEN, objects=tuple(job.target.look(job.deadline, say)))
        except CollectionError as error:
            seen = job.seen(error.outcome, reason=error.reason, cure=error.cure, objects=tuple(error.seen))
        except BaseException as error:  # noqa: BLE001 (the unforeseen is "could not look", never silence)
            seen = job.seen(**_broke(error))
        self._finished.put((number, seen))


def _broke(error: BaseException) -> dict[str, Any]:
    return {
        "outcome": Outcome.FAILED,
        "reason": f"its collector broke: {type(error).__name__}: {error}",
        "cure": "report this as a bug, with the details",
        "details": "".join(traceback.format_exception(error)),
    }
