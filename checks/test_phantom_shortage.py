"""Capacity: does work wait, or is it refused, while there is room for it?"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.fitting import ONE_POD, Place, Shape, places
from checks.seen_events import since, window
from domino_health import (
    Assessment,
    DaemonSet,
    Deployment,
    Duration,
    Event,
    Finding,
    Node,
    Pod,
    Ref,
    Severity,
    StatefulSet,
    Toleration,
    age,
    amount,
    check,
    is_accelerator,
)

EXAMPLES = 3
NAMED = 3
"""Of several taints, pools or resources, those that are named."""
# "… exceeded quota: executions, requested: pods=1, used: pods=200, limited: pods=200": so Kubernetes' quota
# admission says it, of one quota each time.
REFUSED = re.compile(
    r"exceeded quota: (?P<quota>[^,]+), requested: (?P<requested>.+), "
    r"used: (?P<used>.+), limited: (?P<limited>.+)"
)
# Of these a node has few beside its cores and memory: too few of them with enough of the others is what
# somebody did not expect. Too little cpu or memory is a shortage like any other: SCHED-001.
UNEXPECTED = ("pods", "ephemeral-storage")
HASH = re.compile(r"-[0-9a-f]{6,10}$|-[bcdfghjklmnpqrstvwxz2456789]{6,10}$")
"""What a Deployment adds to its name for its ReplicaSet's."""


@dataclass(frozen=True)
class Asked:
    """What a pod asks for, and of which nodes."""

    shape: Shape
    pool: str
    tolerations: tuple[Toleration, ...]

    @property
    def key(self) -> object:
        """By which those that ask for the same are told."""
        return frozenset(self.shape.items()), self.pool, self.tolerations


class Room:
    """What binds, and how many fit, told once for all that ask the same: thousands may wait for thousands."""

    def __init__(self, places: Mapping[str, Sequence[Place]]) -> None:
        self._places = places
        self._bound: dict[object, str] = {}
        self._fits: dict[object, int] = {}

    def binds(self, pod: Pod) -> str:
        """What keeps a pod off nodes that have room for it; nothing where none has."""
        asked = Asked(pod.asked(), pod.pool, pod.spec.tolerations)
        key = (pod.cluster, asked.key)
        if key not in self._bound:
            self._bound[key] = _binds(asked, self._places.get(pod.cluster, ()))
        return self._bound[key]

    def fits(self, workload: Deployment | StatefulSet | DaemonSet) -> int:
        """How many more of a workload's pods would find a node now."""
        spec = workload.spec.template.spec
        asked = Asked(spec.asked(), spec.pool, spec.tolerations)
        key = (workload.cluster, asked.key)
        if key not in self._fits:
            self._fits[key] = sum(
                place.holds(asked.shape)
                for place in self._places.get(workload.cluster, ())
                if place.open
                and asked.pool in ("", place.node.pool)
                and not place.keeps_off(asked.tolerations)
            )
        return self._fits[key]


@check("CAP-003", severity=Severity.HIGH)
def test_no_work_waits_or_is_refused_where_there_is_room(
    pods: list[Pod],
    nodes: list[Node],
    events: list[Event] | None,
    deployments: list[Deployment] | None,
    statefulsets: list[StatefulSet] | None,
    daemonsets: list[DaemonSet] | None,
    now: datetime,
    *,
    max_wait: Duration = timedelta(minutes=10),
    max_wait_gpu: Duration = timedelta(minutes=30),
    recent: Duration = timedelta(minutes=10),
) -> Assessment:
    """No work waits for a node, or is refused by a quota, while nodes have the cores and memory for it.

    Such a shortage costs nothing to end, and more nodes do not end it. The finding names what binds: the
    quota; the taint; a pool that no node is of; cordoned nodes; a GPU too few, or too many pods, on nodes
    that have cores and memory; or room that is there in sum and on no single node. What waits because
    there is no room is SCHED-001's.

    What a quota refuses is told by the events of who was to make the pod (a ReplicaSet, a StatefulSet),
    not older than ``recent``. An execution that a quota refuses is not made at all, and no event tells of
    it: see how full the quotas are (CAP-002), and the execution's own page in Domino.

    Thresholds: ours, and those of SCHED-001: ``max_wait`` for a node, ``max_wait_gpu`` for one with a GPU.

    Remediation: raise the quota that binds, or end what is idle; give the hardware tier the toleration that
    its pool's taint asks for, or a pool that exists; uncordon nodes whose maintenance is over. For a GPU or
    for pods too few, see what sits on these nodes (SCHED-005). For room in pieces, a larger node, or fewer
    small pods on the large ones.
    """
    by_cluster = defaultdict(list)
    for place in places(nodes, pods):
        by_cluster[place.node.cluster].append(place)
    room = Room(by_cluster)
    held: dict[Ref, dict[str, list[Pod]]] = defaultdict(lambda: defaultdict(list))
    for pod in pods:
        if not (waited := pod.waiting(now)) or pod.status.nominated_node_name:
            continue
        if pod.gated or pod.placeholder:
            continue
        if waited > (max_wait_gpu if pod.has_accelerator else max_wait) and (why := room.binds(pod)):
            held[pod.subject][why].append(pod)
    everything = (*(deployments or ()), *(statefulsets or ()), *(daemonsets or ()))
    workloads = {each.ref: each for each in everything}
    kinds = {"deployment": deployments, "replicaset": deployments, "statefulset": statefulsets}
    seen = {kind for kind, those in {**kinds, "daemonset": daemonsets}.items() if those is not None}
    refused = _refused(events or (), workloads, seen, room, now, recent)
    unfinished = [pod for pod in pods if not pod.finished]
    return Assessment(
        [*unfinished, *refused],
        [*(_held(owner, reasons, now) for owner, reasons in held.items()), *refused],
        window=window(events, now),
    )


def _held(owner: Ref, reasons: Mapping[str, Sequence[Pod]], now: datetime) -> Finding:
    """One of an owner; what binds most of its pods is said first."""
    order = sorted(reasons.items(), key=lambda each: -len(each[1]))
    pods = [pod for _, there in order for pod in there]
    longest = age(max(pod.waiting(now) for pod in pods))
    who = f"1 pod waits for {longest}" if len(pods) == 1 else f"{len(pods)} pods wait for up to {longest}"
    more = f"; and {len(order) - NAMED} more reasons" if len(order) > NAMED else ""
    why = "; ".join(why for why, _ in order[:NAMED])
    examples = tuple(sorted(pod.ref for pod in pods)[:EXAMPLES])
    return Finding(owner, f"{who} where nodes have room: {why}{more}", count=len(pods), examples=examples)


def _binds(asked: Asked, room: Sequence[Place]) -> str:
    plain_work = not any(map(is_accelerator, asked.shape))
    # A taint keeps off who did not ask for such a node: that is what it is for.
    meant = [place for place in room if not (plain_work and place.keeps_off(asked.tolerations))]
    if asked.pool and not any(place.node.pool == asked.pool for place in room):
        return _no_such_pool(asked, [place for place in meant if place.open and not place.lacks(asked.shape)])
    there = [place for place in room if place.node.pool == asked.pool] if asked.pool else meant
    plain = {name: asked.shape[name] for name in ("cpu", "memory") if name in asked.shape}
    wide = [place for place in there if place.lacks(plain) <= {"pods"}]
    if not wide:
        return _in_pieces(plain, [place for place in there if place.open], asked)
    best = [place for place in wide if not place.lacks(asked.shape)]
    return _shut(asked, best) if best else _short(asked, wide)


def _no_such_pool(asked: Asked, elsewhere: Sequence[Place]) -> str:
    if not elsewhere:
        return ""
    names = ", ".join(sorted({place.node.pool or "none" for place in elsewhere})[:NAMED])
    none = (
        f"no node is of the pool {asked.pool} (there is none of that name, or it is at 0 and does not grow)"
    )
    return f"{none}; {_nodes(elsewhere)} of {names} would do"


def _shut(asked: Asked, best: Sequence[Place]) -> str:
    """Why nodes that have all that it asks for do not take it. Where one would, something else binds."""
    taken = [place for place in best if place.open and place.keeps_off(asked.tolerations)]
    closed = [place for place in best if not place.open]
    if len(closed) + len(taken) < len(best):
        return ""
    if taken:
        taints = Counter(str(taint) for place in taken for taint in place.keeps_off(asked.tolerations))
        named = ", ".join(taint for taint, _ in taints.most_common(NAMED))
        return f"the taint {named} is not tolerated, on {_nodes(taken)}{_of(asked.pool)}"
    return f"{_nodes(closed)}{_of(asked.pool)} with room: cordoned, not Ready, or about to go"


def _short(asked: Asked, wide: Sequence[Place]) -> str:
    """The one resource that is short where cores and memory are not."""
    lacking = frozenset.intersection(*(place.lacks(asked.shape) for place in wide))
    short = sorted(name for name in lacking if is_accelerator(name) or name in UNEXPECTED)
    if not short:
        return ""
    name = short[0]
    most = max(place.free.get(name, 0) for place in wide)
    total = sum(place.node.room().get(name, 0) for place in wide)
    wanted = asked.shape.get(name, ONE_POD)
    has = f"{amount(name, max(0, most))} free on a node, of {amount(name, total)}"
    return (
        f"{name} binds{_of(asked.pool)}: {amount(name, wanted)} asked, at most {has} on {_nodes(wide)} "
        "with cores and memory for it"
    )


def _in_pieces(plain: Shape, there: Sequence[Place], asked: Asked) -> str:
    """Where the free pieces add up to more than twice of what is asked, and no node has as much."""
    there = [place for place in there if not place.keeps_off(asked.tolerations)]
    for name, wanted in plain.items():
        largest = max((place.node.room().get(name, 0) for place in there), default=0)
        most = max((place.free.get(name, 0) for place in there), default=0)
        together = sum(max(0, place.free.get(name, 0)) for place in there)
        if largest >= wanted > most and together >= 2 * wanted:
            free = f"{amount(name, together)} free on {_nodes(there)}, at most {amount(name, most)} on one"
            return f"{name} is free in pieces{_of(asked.pool)}: {amount(name, wanted)} asked, {free}"
    return ""


def _refused(
    events: Sequence[Event],
    workloads: Mapping[Ref, Deployment | StatefulSet | DaemonSet],
    seen: Collection[str],
    room: Room,
    now: datetime,
    recent: timedelta,
) -> list[Finding]:
    """What a quota refuses that nodes have room for: one finding of an owner and a quota."""
    found: dict[tuple[Ref, str], tuple[Event, re.Match[str]]] = {}
    for event in events:
        said = REFUSED.search(event.message) if event.reason == "FailedCreate" else None
        if said is None or since(event, now) > recent:
            continue
        owner = _owner(event.about, workloads)
        before = found.get((owner, said["quota"]))
        if before is None or since(event, now) < since(before[0], now):
            found[owner, said["quota"]] = (event, said)
    findings = []
    for (owner, quota), (event, said) in found.items():
        workload = workloads.get(owner)
        if workload is None and owner.kind in seen:
            continue  # it was deleted since
        if workload is not None and workload.ready >= workload.wanted and not _refuses(workload):
            continue  # it has got its pods since
        free = room.fits(workload) if workload else None
        if free == 0:
            continue
        enough = "" if free is None else f"; nodes have room for {free} more"
        when = f"last {age(since(event, now))} ago"
        full = f"asked {said['requested']}, used {said['used']} of {said['limited']}"
        findings.append(Finding(owner, f"the quota {quota} refuses its pods, {when}: {full}{enough}"))
    return findings


def _refuses(workload: Deployment | StatefulSet | DaemonSet) -> bool:
    """Whether a Deployment says itself that pods are refused: the next version's, beside those of before."""
    return isinstance(workload, Deployment) and workload.refusal is not None


def _owner(about: Ref, workloads: Mapping[Ref, object]) -> Ref:
    """The Deployment of a ReplicaSet, where it is known."""
    if about.kind == "replicaset":
        deployment = Ref(about.cluster, "deployment", about.namespace, HASH.sub("", about.name))
        return deployment if deployment in workloads else about
    return about


def _nodes(there: Sequence[Place]) -> str:
    return "1 node" if len(there) == 1 else f"{len(there)} nodes"


def _of(pool: str) -> str:
    return f" of the pool {pool}" if pool else ""
