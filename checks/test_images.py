"""Images: are they small enough to start from, and do nodes hold many that nobody runs?"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from checks.images import Key, images_of, in_use, names_of, stock
from checks.pulls import pulls
from domino_health import (
    MOST_IMAGES,
    Assessment,
    Attachment,
    Event,
    Finding,
    Node,
    NodeImage,
    Pod,
    Ref,
    Severity,
    Size,
    Unseen,
    check,
    image_subject,
    size,
)

EXAMPLES = 3
MOST_ROWS = 50


@dataclass
class Known:
    """An image that nodes tell of, or a pull."""

    name: str
    bytes: int = 0
    nodes: set[str] = field(default_factory=set)
    used: bool = False


@dataclass(frozen=True)
class Idle:
    """A node that holds much that nobody runs."""

    bytes: int
    node: Node
    images: Sequence[NodeImage]


@check("IMG-001", severity=Severity.MEDIUM)
def test_images_are_small_enough_to_start_from(
    nodes: list[Node], pods: list[Pod], events: list[Event] | None, *, max_size: Size = 10 << 30
) -> Assessment:
    """No image on a node, and none that was pulled, is larger than ``max_size``.

    The first workspace on a new node waits until every byte of its environment is there; a large image
    takes minutes, and fills the disk on which the node keeps all of them. An image that nobody runs now is
    low: it was started from, and may be again.

    Sizes are those of nodes, and of pull events where these tell them (Kubernetes 1.30 and later). They mean
    different things: containerd tells the compressed size, what a registry sends; CRI-O and Docker tell what
    it takes on the disk, two to three times as much. A kubelet tells of its 50 largest images: one that runs
    there and is not among these is no larger than the smallest of them. Where a node tells of fewer, or of
    none, what runs there and is not among them has no known size, and the check says so.

    Thresholds: ours. Domino publishes no largest size; environments of 2 to 7 GB are what its registry
    cleaner's sample reports show, and GPU frameworks add several.

    Remediation: build the environment on a smaller base, remove caches in the same Dockerfile instruction
    that fills them (pip, conda, apt), and leave data and models out: they belong in datasets. For GPU
    images, keep CUDA's runtime and drop its development files.
    """
    used = in_use(pods)
    known: dict[Key, Known] = {}
    for node in nodes:
        for image in node.status.images:
            if not (names := names_of(image)):  # it has lost its tag: nobody starts from it
                continue
            one = _held(known, node, image)
            one.used = one.used or any((node.cluster, each) in used for each in names)
    for pull in pulls(events or ()):
        if pull.size is not None:
            key = pull.event.cluster, pull.image
            one = known.setdefault(key, Known(pull.image))
            one.bytes = max(one.bytes, pull.size)
            one.used = one.used or key in used
    large: dict[Ref, list[Known]] = defaultdict(list)
    for (cluster, name), one in known.items():
        if one.bytes > max_size:
            large[image_subject(cluster, name)].append(one)
    largest = sorted(known.items(), key=lambda each: -each[1].bytes)
    rows = [
        (cluster, one.name, size(one.bytes), len(one.nodes), "yes" if one.used else "no")
        for (cluster, _), one in largest[:MOST_ROWS]
    ]
    columns = ("cluster", "image", "size", "nodes that tell of it", "runs now")
    return Assessment(
        known,
        [_too_large(ref, there, max_size) for ref, there in large.items()],
        unseen=_unknown_sizes(nodes, pods, known, max_size),
        worst=f"the largest {size(largest[0][1].bytes)} of {size(max_size)}" if largest else "",
        attachments=[Attachment.table("The largest images", columns, rows)] if rows else [],
    )


def _too_large(ref: Ref, there: Sequence[Known], allowed: int) -> Finding:
    most = max(there, key=lambda one: (one.used, one.bytes))
    used = any(one.used for one in there)
    more = f"; {len(there) - 1} more of its revisions are too large" if len(there) > 1 else ""
    where = f" on {len(most.nodes)} node{'s' if len(most.nodes) != 1 else ''}" if most.nodes else ""
    runs = "" if used else ". No pod runs it now"
    message = f"{most.name} is {size(most.bytes)}, at most {size(allowed)}{where}{more}{runs}"
    return Finding(ref, message, Severity.MEDIUM if used else Severity.LOW, count=len(there))


def _unknown_sizes(
    nodes: Sequence[Node], pods: Iterable[Pod], known: Iterable[Key], allowed: int
) -> list[Unseen]:
    """Images that run, and of which neither a node nor a pull tells the size."""
    there, told = stock(nodes), frozenset(known)
    seen = {(node.cluster, node.metadata.name) for node in nodes}
    lost: dict[str, set[str]] = defaultdict(set)
    for pod in pods:
        on = pod.cluster, pod.spec.node_name
        if pod.finished or on not in seen or there.least.get(on, allowed + 1) <= allowed:
            continue
        for image in images_of(pod):
            key = pod.cluster, image
            if key not in there.images and key not in told and pod.status.phase == "Running":
                lost[pod.cluster].add(image)
    return [
        Unseen(
            f"{cluster}: images that run" if cluster else "images that run",
            f"{len(images)} run on nodes that do not tell their size: {', '.join(sorted(images)[:EXAMPLES])}"
            f"{' …' if len(images) > EXAMPLES else ''}",
            "raise nodeStatusMaxImages of those kubelets, or run it within an hour of their pull",
        )
        for cluster, images in sorted(lost.items())
    ]


@check("IMG-004", severity=Severity.LOW)
def test_nodes_do_not_hold_many_images_that_nobody_runs(
    nodes: list[Node], pods: list[Pod], *, max_idle: Size = 50 * 10**9
) -> Assessment:
    """No node holds more than ``max_idle`` of images that no pod of its cluster runs.

    A cache is good: the next workspace of that environment starts at once. But old revisions of
    environments stay until the disk is 85 % full and the kubelet removes images, the oldest first, with
    disk pressure and evictions (SCHED-002) not far from there. What some pod of the cluster runs counts as
    wanted on every node.

    A kubelet tells of its 50 largest images alone, so that a node holds at least what is said here. Sizes are
    compressed with containerd: on the disk it is two to three times as much.

    Thresholds: ours: as much as Domino's registry cleaner calls a backlog (50 GB in a registry). 85 % is
    the kubelet's imageGCHighThresholdPercent.

    Remediation: lower imageGCHighThresholdPercent, or set imageMaximumGCAge (Kubernetes 1.30) to the days
    after which an image that nobody used goes; or replace the node. Environments of which every revision is
    large: see IMG-001.
    """
    used = in_use(pods)
    telling = [node for node in nodes if node.status.images]
    idle: dict[Ref, list[Idle]] = defaultdict(list)
    known: dict[Key, Known] = {}
    rows, most = [], 0
    for node in telling:
        unused = [
            image
            for image in node.status.images
            if not any((node.cluster, name) in used for name in names_of(image))
        ]
        for image in unused:
            _held(known, node, image)
        total = sum(image.size_bytes for image in unused)
        most = max(most, total)
        held = sum(image.size_bytes for image in node.status.images)
        rows.append((total, (node.ref.text(with_cluster=True), node.pool, size(held), size(total))))
        if total > max_idle:
            idle[node.pool_ref].append(Idle(total, node, unused))
    rows.sort(key=lambda row: -row[0])
    columns = ("node", "pool", "images", "of these nobody runs")
    table = Attachment.table("What nodes hold", columns, (row for _, row in rows[:MOST_ROWS]))
    largest = sorted(known.items(), key=lambda each: -each[1].bytes * len(each[1].nodes))
    unused_table = Attachment.table(
        "The largest that nobody runs, over all nodes",
        ("cluster", "image", "size", "nodes that hold it"),
        ((cluster, one.name, size(one.bytes), len(one.nodes)) for (cluster, _), one in largest[:MOST_ROWS]),
    )
    silent = Counter(node.cluster for node in nodes if not node.status.images)
    return Assessment(
        telling,
        [_idle(pool, there, max_idle) for pool, there in idle.items()],
        unseen=[
            Unseen(
                f"{cluster}: what nodes hold" if cluster else "what nodes hold",
                f"{count} of its nodes tell of no image",
                "set nodeStatusMaxImages of their kubelets to something else than 0",
            )
            for cluster, count in sorted(silent.items())
        ],
        worst=f"the most on one node {size(most)} of {size(max_idle)}" if telling else "",
        attachments=[*([table] if rows else []), *([unused_table] if known else [])],
    )


def _held(known: dict[Key, Known], node: Node, image: NodeImage) -> Known:
    """What is known of an image, with what a node tells of it."""
    name = _name(image)
    one = known.setdefault((node.cluster, name), Known(name))
    one.bytes = max(one.bytes, image.size_bytes)
    one.nodes.add(node.metadata.name)
    return one


def _name(image: NodeImage) -> str:
    """By its tag, where it has one."""
    names = names_of(image)
    return next((name for name in names if "@" not in name), names[0] if names else "without a name")


def _idle(pool: Ref, there: Sequence[Idle], allowed: int) -> Finding:
    worst = max(there, key=lambda each: each.bytes)
    node = worst.node
    who = "1 node holds" if len(there) == 1 else f"{len(there)} nodes hold"
    capped = len(node.status.images) >= MOST_IMAGES
    least = "at least " if capped else ""
    most = f"{node.metadata.name} {least}{size(worst.bytes)}"
    largest = sorted(worst.images, key=lambda image: -image.size_bytes)[:EXAMPLES]
    named = ", ".join(f"{_name(image)} ({size(image.size_bytes)})" for image in largest)
    message = f"{who} more than {size(allowed)} of images that no pod runs, {most}: {named}"
    examples = tuple(sorted(each.node.ref for each in there)[:EXAMPLES])
    return Finding(pool, message, count=len(there), examples=examples)
