"""How many more executions of a hardware tier may start, now and with new nodes, and what binds."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from checks.fitting import ONE_POD, Place, Shape, places
from checks.hosting import Host
from checks.node_groups import group, homes
from domino_health import (
    Autoscaler,
    DominoNamespace,
    HardwareTier,
    Node,
    NodePool,
    Pod,
    ResourceQuota,
    Toleration,
    quantity,
    untolerated,
)

TRANSIENT = "node.kubernetes.io/"
"""Of taints that Kubernetes sets itself while a node is not as it should be."""


@dataclass(frozen=True)
class Bound:
    """So many, and what keeps it from being more."""

    many: int | None
    """None: without bound."""
    why: str


@dataclass
class Cluster:
    """What there is of a cluster that executions depend on."""

    hosts: Mapping[str, Host]
    """By pool."""
    places: Mapping[str, Sequence[Place]]
    """Its nodes as they are now, by pool."""
    seen: bool
    """Some node of it was seen."""
    quotas: Sequence[ResourceQuota]
    """Of the namespaces that executions run in."""
    autoscalers: Sequence[Autoscaler] | None
    """None: none is known."""
    by_tier: Mapping[str, frozenset[Toleration]]
    """What the executions of each tier that were seen tolerate."""
    by_pool: Mapping[str, frozenset[Toleration]]
    running: Counter[str] = field(default_factory=Counter)
    """Executions that have not ended, by tier."""
    fills: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Which pool each node group fills."""

    def growing(self, pool: str) -> list[tuple[Autoscaler, NodePool]]:
        """What may bring nodes to a pool, as far as it says so."""
        return [
            (scaler, each)
            for scaler in self.autoscalers or ()
            for each in scaler.pools
            if pool == (each.pool or self.fills.get((scaler.cluster, group(each.name)), ""))
        ]

    @property
    def unplaced(self) -> bool:
        """An autoscaler has a pool that does not tell which of Domino's it fills: one without nodes, say."""
        return any(
            not (each.pool or self.fills.get((scaler.cluster, group(each.name))))
            for scaler in self.autoscalers or ()
            for each in scaler.pools
        )


def shape_of(tier: HardwareTier, side_cars: int) -> Shape:
    """What an execution of it asks for, with Domino's side-cars."""
    return {**tier.asked, "memory": tier.asked["memory"] + side_cars * 1000}


def clusters(
    names: Iterable[str],
    hosts: Mapping[tuple[str, str], Host],
    nodes: Sequence[Node],
    pods: Sequence[Pod],
    quotas: Sequence[ResourceQuota],
    namespaces: Sequence[DominoNamespace],
    autoscalers: Sequence[Autoscaler] | None,
) -> Mapping[str, Cluster]:
    """Each of these clusters, with what belongs to it."""
    executions = [pod for pod in pods if pod.execution]
    fills = homes(nodes)
    by_place: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for place in places(nodes, pods):
        by_place[place.node.cluster, place.node.pool].append(place)
    found = {}
    for name in sorted(set(names)):
        ours = [pod for pod in executions if pod.cluster == name]
        by_tier: dict[str, set[Toleration]] = defaultdict(set)
        by_pool: dict[str, set[Toleration]] = defaultdict(set)
        running: Counter[str] = Counter()
        for pod in ours:
            tier = pod.metadata.labels.hardware_tier
            by_tier[tier].update(pod.spec.tolerations)
            by_pool[pod.pool].update(pod.spec.tolerations)
            running[tier] += not pod.finished
        compute = {each.name for each in namespaces if (each.cluster, each.part) == (name, "compute")}
        # A namespace of a field add-on may be labelled as one for compute, and no execution runs there.
        used = {pod.metadata.namespace for pod in ours} & compute or compute
        found[name] = Cluster(
            {pool: host for (cluster, pool), host in hosts.items() if cluster == name},
            {pool: those for (cluster, pool), those in by_place.items() if cluster == name},
            any(node.cluster == name for node in nodes),
            [each for each in quotas if each.cluster == name and each.metadata.namespace in used],
            None if autoscalers is None else [each for each in autoscalers if each.cluster == name] or None,
            {tier: frozenset(each) for tier, each in by_tier.items()},
            {pool: frozenset(each) for pool, each in by_pool.items()},
            running,
            fills,
        )
    return found


def room(tier: HardwareTier, shape: Shape, cluster: Cluster) -> tuple[Bound, Bound | None]:
    """How many more start on the nodes that are there, and when the pool has grown as far as it may.

    The latter is None where nobody says how far that is.
    """
    here = on_nodes(tier, shape, cluster)
    grown = _growth(tier, shape, cluster, here)
    left = list(_left(tier, shape, cluster.quotas))
    return _least([here, *left]), grown and _least([grown, *left])


def largest(tier: HardwareTier, shape: Shape, cluster: Cluster) -> Bound | None:
    """How many would run if the pool were grown, and empty; None where nobody says how far it may grow."""
    pools = cluster.growing(tier.node_pool)
    host = cluster.hosts.get(tier.node_pool)
    held = _each_holds(host, shape) if pools and host else 0
    if not held:
        return None  # of what fits no node that is there, that is said by itself
    total, names = 0, []
    for _, each in pools:
        if each.most is not None:
            total += each.most * held
        elif each.limits:
            bounds = [quantity(limit) // asked for limit, asked in _limits(each, shape).values()]
            if not bounds:
                return None
            total += min(bounds)
        else:
            return None
        names.append(each.name)
    return Bound(total, f"the most that {', '.join(names)} may have")


def on_nodes(tier: HardwareTier, shape: Shape, cluster: Cluster) -> Bound:
    """How many more start on the nodes that are there, whatever quotas say."""
    nodes = cluster.places.get(tier.node_pool)
    if not nodes:
        return Bound(0, f"the pool {tier.node_pool} has no node")
    opened = [place for place in nodes if place.open]
    if not opened:
        return Bound(0, f"no node of the pool {tier.node_pool} takes pods (cordoned, or not Ready)")
    kept_off: Counter[str] = Counter()
    there, assumed = [], ""
    tolerations, known = _tolerations(tier, cluster)
    for place in opened:
        taints = untolerated(place.node.spec.taints, tolerations)
        if not known and taints and not any(taint.key.startswith(TRANSIENT) for taint in taints):
            assumed = f" (if it tolerates {taints[0]}: none of it was seen)"
            taints = []
        kept_off.update(map(str, taints))
        if not taints:
            there.append(place)
    if not there:
        return Bound(0, f"the taint {kept_off.most_common(1)[0][0]}, on all nodes that take pods")
    many = sum(place.holds(shape) for place in there)
    return Bound(many, f"{_binds(there, shape)} on nodes of {tier.node_pool}{assumed}")


def _tolerations(tier: HardwareTier, cluster: Cluster) -> tuple[frozenset[Toleration], bool]:
    """What its executions tolerate, and whether that was seen of any: Domino's API does not tell."""
    if seen := cluster.by_tier.get(tier.id):
        return seen, True
    gpu = frozenset({Toleration(tier.gpu_resource, "Exists")} if tier.gpus else ())
    alike = cluster.by_pool.get(tier.node_pool)
    return (alike or frozenset()) | gpu, alike is not None


def _binds(there: Sequence[Place], shape: Shape) -> str:
    """The resource of which most nodes have too little for one more than they take."""
    asked = {**shape, "pods": ONE_POD}
    short: Counter[str] = Counter()
    for place in there:
        fits = {name: place.free.get(name, 0) // amount for name, amount in asked.items() if amount > 0}
        short[min(fits, key=lambda name: (fits[name], name))] += 1
    return short.most_common(1)[0][0]


def _growth(tier: HardwareTier, shape: Shape, cluster: Cluster, here: Bound) -> Bound | None:
    """How many more the nodes take when the pool has grown as far as it may."""
    pools = cluster.growing(tier.node_pool)
    if not pools:
        fixed = not cluster.autoscalers
        return Bound(here.many, f"{here.why}; no autoscaler is known") if fixed else None
    host = cluster.hosts.get(tier.node_pool)
    total, names = here.many or 0, []
    for _, each in pools:
        if each.most is not None:
            if host is None:
                return None
            have = each.target if each.target is not None else each.nodes or 0
            total += max(0, each.most - have) * _each_holds(host, shape)
        elif each.limits:
            left = [
                max(0, quantity(limit) - quantity(each.used.get(name, "0"))) // asked
                for name, (limit, asked) in _limits(each, shape).items()
            ]
            if not left:
                return Bound(None, f"the NodePool {each.name} has no limit of what it asks for")
            total += min(left)
        else:
            return Bound(None, f"the NodePool {each.name} has no limits")
        names.append(each.name)
    # What limits leave may be more than nodes of one size make of it, and of no node the size is known.
    unknown = "" if host else ", or fewer: the size of its nodes is not known"
    return Bound(total, f"the most that {', '.join(names)} may have{unknown}")


def _limits(pool: NodePool, shape: Shape) -> Mapping[str, tuple[str, int]]:
    return {name: (limit, shape[name]) for name, limit in pool.limits.items() if shape.get(name)}


def _each_holds(host: Host, shape: Shape) -> int:
    """How many a new node of the pool takes, if it is as the smallest of those that stay and take any.

    An autoscaler brings none for a pod that would not fit it; and a new node has its GPUs a little later.
    """
    return min((held for size in host.lasting if (held := size.holds(shape))), default=0)


def _left(tier: HardwareTier, shape: Shape, quotas: Iterable[ResourceQuota]) -> Iterable[Bound]:
    """What each quota leaves, resource by resource."""
    for quota in quotas:
        for name, asked in counted(tier, shape, quota).items():
            used = quantity(quota.status.used.get(name, "0"))
            left = max(0, quantity(quota.bounds[name]) - used) // asked
            yield Bound(left, f"the quota {quota.metadata.name} ({name})")


def counted(tier: HardwareTier, shape: Shape, quota: ResourceQuota) -> Mapping[str, int]:
    """What one execution takes of each bound of a quota, in thousandths; nothing of what it does not ask."""
    own: dict[str, int] = {"pods": ONE_POD, "count/pods": ONE_POD}
    for name, asked in shape.items():
        own |= {name: asked, f"requests.{name}": asked}
    own |= {f"limits.{name}": limit for name, limit in tier.limits.items()}
    return {name: own[name] for name in quota.bounds if own.get(name)}


def _least(bounds: Iterable[Bound]) -> Bound:
    """The one that binds; the first of several."""
    return min(bounds, key=lambda each: float("inf") if each.many is None else each.many)
