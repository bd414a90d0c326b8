"""Workspaces: how long do they take to start, and what takes the time?"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from checks.pulls import Pull
from checks.quantiles import quantile
from checks.seen_events import key_of, of_pods, window
from checks.starts import PHASES, Start, start_of
from domino_health import (
    Assessment,
    Attachment,
    Bar,
    Duration,
    Event,
    Finding,
    Mark,
    Node,
    Pod,
    Ref,
    Severity,
    age,
    check,
    image_subject,
    size,
    timeline,
)

EXAMPLES = 3
DRAWN = 5
"""Starts of the waterfall: five bars each."""
WORKSPACE = "Workspace"
USER = "run"
"""The container of user code (Domino's compute grid, 4.4): its image is the environment."""
BLAME = {
    "node": "waiting for a node (SCHED-007, CAP-003)",
    "volumes": "its volumes being attached and mounted (STOR-001, SCHED-008)",
    "images": "pulling images (IMG-001, IMG-002)",
    "containers": "its containers starting",
    "ready": "the first answer that it is ready",
}


@check("WORK-001", severity=Severity.MEDIUM)
def test_workspaces_start_in_time(
    pods: list[Pod],
    nodes: list[Node] | None,
    events: list[Event] | None,
    now: datetime,
    *,
    p95: Duration = timedelta(minutes=5),
    since: Duration = timedelta(days=7),
) -> Assessment:
    """Of the workspaces begun within ``since``, 95 % of each environment and pool started within ``p95``.

    From the creation of a workspace's pod until it is ready, in phases: a node, volumes (with the pod's
    network), images, containers (those that run before it among them), and ready. The finding names the phase
    that took most of the time of those that were too slow, the environment, and the image whose pull took
    longest: it may be another container's. One that starts still counts with its time so far.

    The start is read off pods that are there: conditions and containers keep their times, events are gone
    after an hour by default, and without them pulling is not told apart from starting. Before Kubernetes 1.29
    a pod does not say when its volumes were there: its first pull tells it, as long as events do. What cannot
    be told apart is named together. A workspace that has ended, or of which a container was started again,
    does not tell its start any more; how many these are is said. What Domino did before it made the pod
    (queue, building the environment) is not in it.

    Percentiles are of the values themselves (nearest rank): of fewer than 20 starts, p95 is the slowest.

    Thresholds: ours. Domino publishes no objective for the start of a workspace; it says that a large image
    may take several minutes on a new node, and that heavy environments slow the start. 5 minutes are a new
    node (the wait that SCHED-007 allows for it is the same) or an image that IMG-002 allows, not all of both.

    Remediation: by phase. Node: keep nodes warm (the pool's minimum, or room kept by the autoscaler).
    Volumes: see the CSI driver's log, and whether the volume is in another zone. Images: a smaller
    environment (IMG-001), a faster way to the registry (IMG-002), or images cached on the nodes. Containers
    and ready: see the log of the workspace's run and executor containers, and pre-run scripts of the
    environment.
    """
    asked = [
        pod
        for pod in pods
        if pod.metadata.labels.workload_type == WORKSPACE and now - pod.metadata.creation_timestamp <= since
    ]
    told = of_pods(asked, events or ())
    starts = [start for pod in asked if (start := start_of(pod, told[key_of(pod)], now)) is not None]
    pools = {(node.cluster, node.metadata.name): node.pool for node in nodes or ()}
    groups: dict[tuple[Ref, str], list[Start]] = defaultdict(list)
    for start in sorted(starts, key=lambda each: each.lasts):
        if start.ended or start.lasts > p95:
            pool = pools.get((start.pod.cluster, start.pod.spec.node_name)) or start.pod.pool
            groups[_environment(start.pod), pool].append(start)
    judged = [start for there in groups.values() for start in there]
    judged.sort(key=lambda start: start.lasts)
    slow = {of: there for of, there in groups.items() if _p(95, there) > p95}
    seen = (
        f"{len(judged)} of {len(asked)} workspaces of the last {age(since)} tell their start; "
        f"{window(events, now)}"
    )
    return Assessment(
        judged,
        [_finding(ref, pool, there, p95) for (ref, pool), there in slow.items()],
        window=seen if asked else "",
        worst=f"p95 {age(max(_p(95, there) for there in groups.values()))} of {age(p95)}" if groups else "",
        attachments=[*_pictures(judged, p95), _table(groups)] if judged else [],
    )


def _environment(pod: Pod) -> Ref:
    images = {each.name: each.image for each in reversed(pod.spec.containers)}
    return image_subject(pod.cluster, images.get(USER) or next(iter(images.values()), ""))


def _p(percent: int, starts: Sequence[Start]) -> timedelta:
    """A percentile of starts that come in order, the quickest first."""
    return quantile([start.lasts for start in starts], percent)


def _finding(ref: Ref, pool: str, there: Sequence[Start], allowed: timedelta) -> Finding:
    late = [start for start in reversed(there) if start.lasts > allowed]
    blamed, times = Counter(start.slowest for start in late).most_common(1)[0]
    longest = max(start.phases.get(blamed, timedelta(0)) for start in late)
    still = sum(not start.ended for start in late)
    going = f", {still} of them not ready yet" if still else ""
    n = f"{len(there)} start{'s' if len(there) > 1 else ''}"
    on = f" on the pool {pool}" if pool else ""
    what = " or ".join(BLAME[phase] for phase in blamed.split(", "))
    untold = ", which cannot be told apart" if "," in blamed else ""
    of_late = f", in {times} of {len(late)}" if len(late) > 1 else ""
    message = (
        f"p50 {age(_p(50, there))}, p95 {age(_p(95, there))} of {n}{on}{going}; allowed for p95: "
        f"{age(allowed)}. Most of it: {what}{untold}, up to {age(longest)}{of_late}"
        f"{_slowest_pull(late) if 'images' in blamed else ''}"
    )
    return Finding(ref, message, count=len(late), examples=tuple(each.pod.ref for each in late[:EXAMPLES]))


def _slowest_pull(late: Iterable[Start]) -> str:
    """The image that took longest, which need not be the environment's: its size, and how fast it came."""
    told = [pull for start in late if (pull := start.longest_pull) is not None]
    if not told:
        return ""
    worst = max(told, key=lambda pull: pull.whole)
    if not isinstance(worst, Pull):
        return f". Being pulled for {age(worst.whole)}: {worst.image}"
    large = f", {size(worst.size)} at {worst.rate}" if worst.size is not None else ""
    return f". The longest pull took {age(worst.whole)}: {worst.image}{large}"


def _phases(starts: Sequence[Start]) -> list[str]:
    """Those that were told, in their order."""
    found = {phase for start in starts for phase in start.phases}
    return sorted(found, key=lambda phase: (PHASES.index(phase.partition(", ")[0]), phase))


def _times(starts: Sequence[Start], phase: str) -> list[timedelta]:
    return sorted(start.phases[phase] for start in starts if phase in start.phases)


def _pictures(starts: Sequence[Start], allowed: timedelta) -> Iterator[Attachment]:
    """The slowest step by step, also in words, and each phase of all of them: half within, and 95 %."""
    slowest = list(reversed(starts))[:DRAWN]
    marks = [Mark(f"allowed {age(allowed)}", allowed)]
    title = "The slowest starts" if len(slowest) > 1 else "The slowest start"
    yield Attachment.plot(
        title, timeline(title, [bar for start in slowest for bar in _waterfall(start)], marks=marks)
    )
    phases = _phases(slowest)
    rows = (
        (
            start.pod.ref.text(with_cluster=True),
            start.pod.spec.node_name,
            age(start.lasts),
            *(age(start.phases[phase]) if phase in start.phases else "" for phase in phases),
            "" if start.ended else "not yet",
        )
        for start in slowest
    )
    yield Attachment.table(title, ("workspace", "on", "whole", *phases, "is ready"), rows)
    bars = []
    for phase in _phases(starts):
        times = _times(starts, phase)
        said = f"p95 {age(quantile(times, 95))}, n {len(times)}"
        bars.append(Bar(f"{phase}: p50 {age(quantile(times, 50))}", timedelta(0), quantile(times, 95), said))
    yield Attachment.plot("Phases, up to p95", timeline("Phases of all starts, up to p95", bars))


def _waterfall(start: Start) -> Iterator[Bar]:
    begins = timedelta(0)
    who = start.pod.metadata.name
    for phase in _phases([start]):
        lasts = start.phases[phase]
        # On a phone a long label is cut off at its end, and the phase matters more than the pod.
        yield Bar(f"{phase}: {who}", begins, begins + lasts, age(lasts), wanting=phase == start.slowest)
        begins += lasts


def _table(groups: dict[tuple[Ref, str], list[Start]]) -> Attachment:
    every = [start for there in groups.values() for start in there]
    phases = _phases(every)
    rows = []
    for (ref, pool), there in sorted(groups.items(), key=lambda each: -_p(95, each[1])):
        cells = []
        for phase in phases:
            times = _times(there, phase)
            cells.append(f"{age(quantile(times, 50))} / {age(quantile(times, 95))}" if times else "")
        whole = f"{age(_p(50, there))} / {age(_p(95, there))}"
        rows.append((ref.text(with_cluster=True), pool or "none", len(there), whole, *cells))
    columns = ("environment", "pool", "n", "whole", *phases)
    return Attachment.table("Starts by environment and pool: p50 / p95", columns, rows)
