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
        how = self.target.how
        return Seen(
            target=self.target.name,
            outcome=outcome,
            how=how() if callable(how) else how,
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
        self._done: dict[str, dict[int, Seen]] = {}
        self._expected: dict[str, int] = {}
        self._running: dict[int, _Job] = {}
        self._jobs = 0
        self._finished: queue.SimpleQueue[tuple[int, Seen]] = queue.SimpleQueue()

    def start(self) -> None:
        """Begin to look, in the background."""
        look = Look(self._profile, Shared())
        waiting = deque(job for fact in self._wanted.values() for job in self._targets(fact, look))
        self._jobs = len(waiting)
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

    def _targets(self, fact: Wanted, look: Look) -> list[_Job]:
        """What to look at for a fact; publishes at once a fact that has no targets."""
        if getattr(self._profile, fact.section) is None:
            self._publish(Observed(fact.name, (), f"the profile has no section {fact.section}"))
            return []
        try:
            targets: list[Any] = list(fact.collect(look))
            if strangers := [target for target in targets if not isinstance(target, Target)]:
                raise TypeError(f"no Target: {strangers[0]!r}")
        except (Exception, SystemExit) as error:  # noqa: BLE001 (a pack's that breaks: its fact is unknown)
            broken = Seen(target=fact.name, how="", at=datetime.now(UTC), seconds=0.0, **_broke(error))
            self._publish(Observed(fact.name, (broken,)))
            return []
        if not targets:
            self._publish(Observed(fact.name, (), f"section {fact.section} names nothing to look at"))
        self._expected[fact.name] = len(targets)
        self._done[fact.name] = {}
        return [_Job(fact.name, place, target) for place, target in enumerate(targets)]

    def _run(self, waiting: deque[_Job]) -> None:
        try:
            self._supervise(waiting)
        except BaseException as error:  # noqa: BLE001 (a bug of ours: whoever waits must hear of it)
            self._lost(error)

    def _lost(self, error: BaseException) -> None:
        """No fact that is missing still will come."""
        for name in self._expected:
            if not self.ready(name):
                broken = Seen(target=name, how="", at=datetime.now(UTC), seconds=0.0, **_broke(error))
                self._publish(Observed(name, (broken,)))

    def _supervise(self, waiting: deque[_Job]) -> None:
        for module in sorted({module for job in waiting for module in job.target.needs}):
            with contextlib.suppress(ImportError):  # told by the targets that miss it
                importlib.import_module(module)
        number = 0
        while waiting or self._running:
            while waiting and len(self._running) < MOST_AT_ONCE:
                self._begin(number, waiting.popleft())
                number += 1
            if self._running:
                next_one = min(job.given_up_at for job in self._running.values())
                self._take(max(0.0, next_one - time.monotonic()))
                self._give_up()

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
            self._publish(Observed(job.fact, tuple(done[place] for place in sorted(done))))

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


def _look(job: _Job) -> Seen:
    assert job.deadline is not None, "set before its thread starts"

    def say(progress: str) -> None:
        job.progress = str(progress)

    try:
        return job.seen(Outcome.SEEN, objects=tuple(job.target.look(job.deadline, say)))
    except CollectionError as error:
        return job.seen(error.outcome, reason=error.reason, cure=error.cure, objects=tuple(error.seen))


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
