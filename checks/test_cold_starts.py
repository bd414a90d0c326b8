"""Workspaces: what would a start cost on a node that has nothing of it yet?"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from checks.images import images_of, stock
from checks.pulls import pulls
from domino_health import (
    Assessment,
    Attachment,
    Duration,
    Event,
    Finding,
    Node,
    Pod,
    Ref,
    Severity,
    Size,
    Unseen,
    age,
    check,
    size,
)

EXAMPLES = 3
MOST_ROWS = 50
SMALLEST = 100 << 20
"""Bytes from which a pull tells how fast the way is: a small one is mostly asking."""


@dataclass(frozen=True)
class ColdStart:
    """What a new node of a pool would pull before an execution of one environment could begin."""

    ref: Ref
    pool: str
    bytes: int
    rate: int
    """Bytes a second."""
    how: str
    """Whose rate that is."""
    warm: int
    """Nodes of the pool that have all of it now."""
    nodes: int
    pods: Sequence[Pod]
    largest: str
    """Its largest image, with the size: by that two revisions of an environment are told apart."""

    @property
    def lasts(self) -> timedelta:
        """How long that takes."""
        return timedelta(seconds=self.bytes / max(self.rate, 1))

    @property
    def by(self) -> str:
        """The rate, and whose it is."""
        return f"{size(self.rate)}/s, {self.how}"


@check("WORK-002", severity=Severity.LOW)
def test_a_cold_start_does_not_take_long(
    pods: list[Pod],
    nodes: list[Node],
    events: list[Event] | None,
    *,
    max_cold_start: Duration = timedelta(minutes=10),
    rate: Size = 50 * 10**6,
) -> Assessment:
    """On a new node, the images of each environment in use would be there within ``max_cold_start``.

    An autoscaled pool gives most users of the morning a new node, and a new node has no image. What it would
    pull are all images of the execution's pod, by the sizes that other nodes tell. How long that takes is
    reckoned with the pool's own median rate of the pulls that events tell of (of 100 MiB and more), else with
    the cluster's, else with ``rate`` per second; which one is said.

    An image that runs on a node and is not among the 50 that its kubelet tells of counts as large as the
    smallest of these. Layers that images share are counted as often as they occur: nodes do not tell of
    layers. Containerd tells compressed sizes, which is what is pulled; CRI-O and Docker tell unpacked ones,
    and the time is then less than is said here.

    Thresholds: ours, both. 50 MB/s is what one pull from a registry in the same region gives or less; Domino
    says that a large image may take several minutes on a new node.

    Remediation: make the environment smaller (IMG-001), cache it on nodes before users come (Domino's image
    cache, a DaemonSet, the machine image), keep a node warm, or pull lazily (SOCI on EKS).
    """
    there = stock(nodes)
    of_node = {(node.cluster, node.metadata.name): node.pool for node in nodes}
    of_pool: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (cluster, name), pool in of_node.items():
        of_pool[cluster, pool].add(name)
    rates = _rates(events or (), of_node)
    starts, unknown = [], []
    for (cluster, environment, pool, images), asked in _asked(pods, of_node).items():
        ref = Ref(cluster, "environment", "", environment)
        on = {pod.spec.node_name for pod in asked if pod.status.phase == "Running"}
        sizes = {image: there.at_most(ref.cluster, image, on) for image in images}
        if unsized := sorted(image for image, known in sizes.items() if known is None):
            unknown.append((ref, unsized[0]))
            continue
        own = of_pool[ref.cluster, pool]
        warm = own.intersection(*(there.on(ref.cluster, image) for image in images))
        total = sum(known or 0 for known in sizes.values())
        speed = rates.get((ref.cluster, pool)) or rates.get((ref.cluster, "")) or (rate, "assumed")
        most, largest = max((known or 0, image) for image, known in sizes.items())
        named = f"{largest} ({size(most)})"
        starts.append(ColdStart(ref, pool, total, *speed, len(warm), len(own), asked, named))
    starts.sort(key=lambda start: start.lasts, reverse=True)
    columns = ("environment", "pool", "to pull", "rate", "cold start", "nodes that have it", "largest image")
    table = Attachment.table("What a cold start would cost", columns, map(_row, starts[:MOST_ROWS]))
    return Assessment(
        starts,
        [_finding(start, max_cold_start) for start in starts if start.lasts > max_cold_start],
        unseen=_unknown(unknown),
        worst=f"the longest {age(starts[0].lasts)} of {age(max_cold_start)}" if starts else "",
        attachments=[table] if starts else [],
    )


def _asked(
    pods: Iterable[Pod], of_node: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str, str, frozenset[str]], list[Pod]]:
    """Executions by cluster, environment, pool, and the images that they need."""
    asked: dict[tuple[str, str, str, frozenset[str]], list[Pod]] = defaultdict(list)
    for pod in pods:
        pool = of_node.get((pod.cluster, pod.spec.node_name)) or pod.pool
        if pod.execution and pool and (environment := pod.environment):
            asked[pod.cluster, environment, pool, images_of(pod)].append(pod)
    return asked


def _row(start: ColdStart) -> tuple[str, ...]:
    name, warm = start.ref.text(with_cluster=True), f"{start.warm} of {start.nodes}"
    return name, start.pool, size(start.bytes), start.by, age(start.lasts), warm, start.largest


def _finding(start: ColdStart, allowed: timedelta) -> Finding:
    message = (
        f"{size(start.bytes)} to pull on a new node of the pool {start.pool}, {age(start.lasts)} at "
        f"{start.by}; allowed {age(allowed)}. The largest is {start.largest}. {start.warm} of its "
        f"{start.nodes} nodes have all of it now"
    )
    examples = tuple(sorted(pod.ref for pod in start.pods)[:EXAMPLES])
    return Finding(start.ref, message, count=len(start.pods), examples=examples)


def _rates(
    events: Iterable[Event], pools: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], tuple[int, str]]:
    """Bytes a second by cluster and pool, and of the cluster as a whole under no pool: the median."""
    seen: dict[tuple[str, str], list[float]] = defaultdict(list)
    for pull in pulls(events):
        if pull.size is not None and pull.size >= SMALLEST:
            cluster = pull.event.cluster
            speed = pull.size / max(pull.own.total_seconds(), 0.001)
            seen[cluster, ""].append(speed)
            if pool := pools.get((cluster, pull.node)):
                seen[cluster, pool].append(speed)
    return {
        (cluster, pool): (
            int(sorted(speeds)[(len(speeds) - 1) // 2]),
            f"of {len(speeds)} pull{'s' if len(speeds) > 1 else ''} {'there' if pool else 'in the cluster'}",
        )
        for (cluster, pool), speeds in seen.items()
    }


def _unknown(those: Sequence[tuple[Ref, str]]) -> list[Unseen]:
    """Environments of which not every image has a known size, a line a cluster."""
    found: dict[str, list[str]] = defaultdict(list)
    for ref, image in those:
        found[ref.cluster].append(f"{ref} ({image})")
    return [
        Unseen(
            f"{cluster}: sizes of images" if cluster else "sizes of images",
            f"no node tells the size of an image of {', '.join(said[:EXAMPLES])}"
            f"{f' and {len(said) - EXAMPLES} more' if len(said) > EXAMPLES else ''}",
            "raise nodeStatusMaxImages of kubelets (50 by default), so that they tell of smaller images too",
        )
        for cluster, said in sorted(found.items())
    ]
