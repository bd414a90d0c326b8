"""Images: are they pulled in time?"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from checks.pulls import Ongoing, Pull, ongoing, pulls, waits
from checks.quantiles import quantile
from checks.seen_events import key_of, of_pods, window
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
    age,
    check,
    image_subject,
    size,
)

EXAMPLES = 3
MOST_ROWS = 50


@check("IMG-002", severity=Severity.MEDIUM)
def test_images_are_pulled_in_time(
    events: list[Event],
    pods: list[Pod] | None,
    nodes: list[Node] | None,
    now: datetime,
    *,
    max_pull: Duration = timedelta(minutes=2),
) -> Assessment:
    """No image takes a node longer than ``max_pull`` to pull, waiting for other pulls included.

    Pulling is most of what a user waits for on a new node. The finding tells how large the image is and how
    fast it came, where kubelets say so (Kubernetes 1.30 and later), so that a large image is told from a slow
    registry, and from a node that pulls one image after the other.

    A pull that goes on counts with its time so far, where its pod still waits to start. One that failed is
    SCHED-008's. Events live an hour by default: older pulls are not seen, and none is seen where every image
    was there already.

    Thresholds: ours. Domino says that a large image may take several minutes on a new node, and publishes no
    number. 2 minutes are 6 GB, which an ordinary environment has, at the 50 MB/s of WORK-002. On EKS its
    Terraform pulls lazily (SOCI, 10 downloads at once).

    Remediation: for a large image, IMG-001. For a slow rate, see the way to the registry (a NAT gateway
    where an endpoint in the network should be, throttling by the registry: 429), and the node's disk. For
    waiting, let kubelets pull side by side (serializeImagePulls: false). Keep nodes warm, or cache images.
    """
    ended = list(pulls(events))
    going_on = list(_ongoing(pods or (), events, now))
    slow: dict[Ref, list[Pull]] = defaultdict(list)
    still: dict[Ref, list[Ongoing]] = defaultdict(list)
    by_image: dict[Ref, list[Pull]] = defaultdict(list)
    for pull in ended:
        ref = image_subject(pull.event.cluster, pull.image)
        by_image[ref].append(pull)
        if pull.whole > max_pull:
            slow[ref].append(pull)
    for each in going_on:
        if each.whole > max_pull:
            still[image_subject(each.pod.cluster, each.image)].append(each)
    pools = {(node.cluster, node.metadata.name): node.pool for node in nodes or ()}
    seen: list[Pull | Ongoing] = [*ended, *going_on]
    longest = max((each.whole for each in seen), default=None)
    rows = sorted(((_longest(those), _row(ref, those)) for ref, those in by_image.items()), reverse=True)
    columns = ("image", "pulls", "median", "slowest", "of it waiting", "size", "rate")
    table = Attachment.table("Pulls", columns, (row for _, row in rows[:MOST_ROWS]))
    return Assessment(
        seen,
        [
            _finding(ref, slow[ref], still[ref], len(by_image[ref]), pools, max_pull)
            for ref in dict.fromkeys((*slow, *still))
        ],
        window=window(events, now),
        worst=f"slowest {age(longest)} of {age(max_pull)}" if longest is not None else "",
        attachments=[table] if rows else [],
    )


def _ongoing(pods: Sequence[Pod], events: Sequence[Event], now: datetime) -> Iterator[Ongoing]:
    waiting = [pod for pod in pods if waits(pod)]
    told = of_pods(waiting, events)
    for pod in waiting:
        yield from ongoing(pod, told[key_of(pod)], now)


def _longest(those: Sequence[Pull]) -> timedelta:
    return max(pull.whole for pull in those)


def _finding(
    ref: Ref,
    slow: Sequence[Pull],
    still: Sequence[Ongoing],
    seen: int,
    pools: Mapping[tuple[str, str], str],
    allowed: timedelta,
) -> Finding:
    said = []
    if slow:
        worst = max(slow, key=lambda pull: pull.whole)
        queued = worst.whole - worst.own
        waited = f", {age(queued)} of it waiting for other pulls" if queued > worst.own / 2 else ""
        large = f" for {size(worst.size)} ({worst.rate})" if worst.size else ""
        pool = pools.get((worst.event.cluster, worst.node), "")
        where = f", on node {worst.node}{f' of the pool {pool}' if pool else ''}" if worst.node else ""
        said.append(f"{len(slow)} of {seen} pulls took up to {age(worst.whole)}{large}{waited}{where}")
    if still:
        longest = max(still, key=lambda each: each.whole)
        ongoing = "1 goes" if len(still) == 1 else f"{len(still)} go"
        said.append(f"{ongoing} on for {age(longest.whole)}, for pod {longest.pod.metadata.name}")
    message = f"{'; '.join(said)}. Allowed {age(allowed)}"
    examples = {*(pull.event.about for pull in slow), *(each.pod.ref for each in still)}
    return Finding(ref, message, count=len(slow) + len(still), examples=tuple(sorted(examples)[:EXAMPLES]))


def _row(ref: Ref, those: Sequence[Pull]) -> tuple[str, ...]:
    times = sorted(pull.whole for pull in those)
    worst = max(those, key=lambda pull: pull.whole)
    return (
        ref.text(with_cluster=True),
        str(len(those)),
        age(quantile(times, 50)),
        age(times[-1]),
        age(worst.whole - worst.own),
        size(worst.size) if worst.size else "not told",
        worst.rate,
    )
