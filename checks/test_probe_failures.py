"""Probes: do they fail now, and do they start again what they watch?"""

from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checks.seen_events import of_namesake, since, window
from domino_health import (
    Assessment,
    ContainerStatus,
    Duration,
    Event,
    Finding,
    Pod,
    Ref,
    Severity,
    age,
    check,
)

EXAMPLES = 3
HOUR = timedelta(hours=1)
QUOTED = 200
"""Characters of what a probe has said: some answer with a page."""
COMBINED = "(combined from similar events): "
"""A kubelet puts it before the words of the eleventh that differs in them alone, and of all after that."""
RESTARTS = "failed liveness probe"
"""Stands in the kubelet's event Killing where a probe is why (pkg/kubelet/kuberuntime)."""


@dataclass
class Failing:
    """The probes of an owner's pods that fail, of one kind."""

    kind: str
    """``readiness``, ``liveness`` or ``startup``."""
    pods: dict[Ref, Pod] = field(default_factory=dict)
    last: Event | None = None
    times: int = 0

    def add(self, pod: Pod, event: Event) -> None:
        """One more event."""
        self.pods[pod.ref] = pod
        self.times += event.times
        if self.last is None or (event.when and self.last.when and event.when > self.last.when):
            self.last = event


@check("PROBE-004", severity=Severity.HIGH)
def test_no_probe_fails(
    pods: list[Pod],
    events: list[Event],
    now: datetime,
    *,
    recent: Duration = timedelta(minutes=10),
    starts_within: Duration = timedelta(minutes=10),
    flaps: int = 20,
) -> Assessment:
    """No probe of a running pod has failed within ``recent``, and none restarts what it watches.

    A pod whose readiness probe fails gets no requests; with all of them failing, the service is down
    while its pods run. One whose liveness probe fails is started again, and again; a liveness probe that
    has failed and has restarted nothing yet is medium. The kubelet's own words are quoted, as its events
    tell them.

    Normal, and no finding: failures within ``starts_within`` of the container's start, for that is what
    probes are for, unless the start before was as short; a readiness probe that has failed and whose pod
    is ready again, unless it failed ``flaps`` times an hour or more: then it comes and goes, which is
    medium. So is what fails in an execution, which is a user's. Of pods that have ended, or are being
    deleted, nothing is assessed.

    Thresholds: ours. Events live an hour by default, so that ``recent`` is well within; 10 minutes to
    start is what Domino allows a front-end pod before it alarms, doubled.

    Remediation: ask the probe's address yourself from inside of the pod. What answers too late needs more
    CPU or a longer timeoutSeconds; what refuses is not listening yet or has hung: see the container's
    log, that of the last end too (--previous) where it was restarted. A start that takes long needs a
    startupProbe.
    """
    running = {pod.ref: pod for pod in pods if _runs(pod)}
    failing: dict[Ref, dict[str, Failing]] = defaultdict(dict)
    killed: set[Ref] = set()
    for event in events:
        pod = running.get(event.about)
        if pod is None or since(event, now) > recent or of_namesake(event, pod):
            continue
        if event.reason == "Killing" and RESTARTS in event.message:
            killed.add(pod.ref)
        elif event.reason == "Unhealthy" and _counts(pod, event, starts_within, flaps):
            kind = _message(event).partition(" ")[0].casefold()
            failing[pod.subject].setdefault(kind, Failing(kind)).add(pod, event)
    return Assessment(
        running.values(),
        [_finding(owner, kinds.values(), killed, now) for owner, kinds in failing.items()],
        window=window(events, now),
    )


def _runs(pod: Pod) -> bool:
    return bool(pod.spec.node_name) and not pod.finished and not pod.metadata.deletion_timestamp


def _counts(pod: Pod, event: Event, starts_within: timedelta, flaps: int) -> bool:
    """Whether a failure is more than the noise of a start, or of a moment."""
    if _young(_container(pod, event), event, starts_within):
        return False
    return _message(event).startswith("Liveness") or not pod.ready or _often(event, flaps)


def _message(event: Event) -> str:
    """``Readiness probe failed: …``, whether it is one of many or not."""
    return event.message.removeprefix(COMBINED)


def _often(event: Event, flaps: int) -> bool:
    """Whether it failed that often in an hour, by the average since it failed first.

    A kubelet counts on for as long as it runs: a failure a day makes many in a month.
    """
    first = event.first_timestamp or event.event_time
    lasts = event.when - first if event.when and first else HOUR
    return event.times * HOUR >= flaps * max(lasts, HOUR)


def _container(pod: Pod, event: Event) -> ContainerStatus | None:
    """The container that an event is about: ``spec.containers{run}``."""
    name = event.involved_object.field_path.partition("{")[2].rstrip("}")
    return next((status for status in pod.statuses if status.name == name), None)


def _young(container: ContainerStatus | None, event: Event, starts_within: timedelta) -> bool:
    """Whether it had only begun when its probe failed. One that is started over and over is not excused."""
    running = container.state.running if container else None
    if container is None or running is None or running.started_at is None or event.when is None:
        return False
    return event.when - running.started_at <= starts_within and not _again(container, starts_within)


def _again(container: ContainerStatus, starts_within: timedelta) -> bool:
    """Whether the run before this one had not come further than a start; of one that is unknown, yes."""
    if not container.restart_count:
        return False
    before = container.last_state.terminated
    if before is None or before.started_at is None or before.finished_at is None:
        return True
    return before.finished_at - before.started_at <= starts_within


def _finding(owner: Ref, kinds: Iterable[Failing], killed: Set[Ref], now: datetime) -> Finding:
    """One of an owner, whatever fails there: the worst first."""
    order = sorted(kinds, key=lambda each: (each.kind != "liveness", each.kind))
    pods = {ref: pod for each in order for ref, pod in each.pods.items()}
    alive = any(each.kind == "liveness" for each in order)
    down = any(not pod.ready for pod in pods.values()) or (alive and not killed.isdisjoint(pods))
    execution = owner.kind == "execution"
    return Finding(
        owner,
        "; ".join(_said(each, killed, now) for each in order),
        Severity.HIGH if down and not execution else Severity.MEDIUM,
        count=len(pods),
        examples=tuple(sorted(pods)[:EXAMPLES]),
    )


def _said(each: Failing, killed: Set[Ref], now: datetime) -> str:
    """``3 pods fail their readiness probe, 57 times, last 2 m ago: HTTP probe failed with …: 503``."""
    assert each.last is not None, "made with its first event"
    several = len(each.pods) > 1
    who = f"{len(each.pods)} pods fail their" if several else "1 pod fails its"
    ready = [pod for pod in each.pods.values() if pod.ready]
    comes = " (it comes and goes)" if each.kind == "readiness" and len(ready) == len(each.pods) else ""
    again = len(each.pods.keys() & killed) if each.kind == "liveness" else 0
    ends = f", which has {'1 pod' if again == 1 else f'{again} pods'} started again" if again else ""
    said = _message(each.last)
    words = " ".join(said.partition(": ")[2].split())[:QUOTED]
    times = f"{each.times} time{'s' if each.times > 1 else ''}"
    when = f"last {age(since(each.last, now))} ago"
    return f"{who} {each.kind} probe{comes}{ends}, {times}, {when}: {words or said[:QUOTED]}"
