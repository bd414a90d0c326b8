"""Capacity: how full are the node pools, by what was promised and by what is used?"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checks.fitting import running
from checks.parts import platform_of
from domino_health import (
    Assessment,
    Attachment,
    DominoNamespace,
    Duration,
    Finding,
    Node,
    NodeMetrics,
    Percentage,
    Pod,
    Ref,
    Severity,
    Unseen,
    age,
    amount,
    check,
    percent,
    quantity,
)

JUDGED = ("cpu", "memory")
EXAMPLES = 3
LASTING = ("deployment", "statefulset")
"""Owners of the pods that make a pool the platform's."""
NAMED = 5
"""Nodes without metrics that are named; all are counted."""


@dataclass
class Pool:
    """Nodes of one pool, and what their pods ask for together, in thousandths."""

    ref: Ref
    nodes: list[Node] = field(default_factory=list)
    room: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    limits: Counter[str] = field(default_factory=Counter)

    def share(self, asked: Mapping[str, int], resource: str) -> float:
        """Of what the pool's nodes have for pods."""
        return asked[resource] / self.room[resource] if self.room[resource] else 0.0


@check("CAP-004", severity=Severity.HIGH)
def test_node_pools_are_not_overcommitted(
    nodes: list[Node],
    pods: list[Pod],
    domino_namespaces: list[DominoNamespace],
    *,
    requests: Percentage = 0.9,
    limits: Percentage = 2.0,
    limits_high: Percentage = 5.0,
) -> Assessment:
    """The limits of a pool's pods stay under ``limits`` of what its nodes have, and the platform's has room.

    Limits above what there is are a bet that not all pods want theirs at once; where they do, memory runs
    out on the node and the kernel ends processes of those that stayed within theirs. Of CPU alone it is
    low: what comes too short is only slower, and Istio gives each of its side-cars a limit of two cores.
    Requests are judged where Domino's own services run: at ``requests`` of the pool a lost node, or a
    roll-out, leaves pods of the platform without a place. A pool of executions that is full of requests has
    done its work, and another node comes or SCHED-010 says why not: that is in the table, and no finding.

    Counted are pods that have not ended, on nodes that are Ready; what has no limit is in no sum of limits.

    Thresholds: ours. For limits they are those of Domino's toolkit for a hardware tier's limit over its
    request: of memory 2 warns (medium), 5, ``limits_high``, fails (high).

    Remediation: for limits, see which tiers have limits far above their requests, and bring them closer;
    for requests, add a node to the platform's pool, or raise its minimum.
    """
    pools = _pools(nodes, pods)
    platform = _with_platform(nodes, pods, domino_namespaces)
    findings = []
    for pool in pools:
        over = [
            each for each in JUDGED if pool.ref in platform and pool.share(pool.requests, each) >= requests
        ]
        promised = [each for each in JUDGED if pool.share(pool.limits, each) >= limits]
        if over or promised:
            memory = pool.share(pool.limits, "memory")
            parts = [_share("requests", pool, pool.requests, each) for each in over]
            parts += [_share("limits", pool, pool.limits, each) for each in promised]
            if memory >= limits_high:
                severity = Severity.HIGH
            else:
                severity = Severity.MEDIUM if over or memory >= limits else Severity.LOW
            findings.append(Finding(pool.ref, "; ".join(parts), severity))
    rows = [
        (
            pool.ref.text(with_cluster=True),
            len(pool.nodes),
            *(percent(pool.share(asked, each)) for each in JUDGED for asked in (pool.requests, pool.limits)),
        )
        for pool in pools
    ]
    columns = ("pool", "nodes", "cpu requests", "cpu limits", "memory requests", "memory limits")
    table = Attachment.table("Promised, of what nodes have", columns, rows)
    return Assessment(pools, findings, attachments=[table] if rows else [])


@check("CAP-005", severity=Severity.HIGH)
def test_nodes_are_not_used_to_the_edge(
    nodes: list[Node],
    node_metrics: list[NodeMetrics],
    pods: list[Pod],
    domino_namespaces: list[DominoNamespace],
    now: datetime,
    *,
    use: Percentage = 0.8,
    use_high: Percentage = 0.9,
    fresh: Duration = timedelta(minutes=5),
) -> Assessment:
    """Every node uses less than ``use`` of its memory, and of its CPU where Domino's services run.

    A node out of memory evicts pods, whoever they are; one without CPU to spare answers late, probes too.
    That executions use all the CPU of a node is what it is for: it is in the table, and no finding. Use
    is what `kubectl top nodes` shows: a short mean, of what the node has for pods.

    A Ready node without metrics, or with none since ``fresh``, is unknown, unless it has just joined. A
    cluster without metrics-server is left out: it is not installed.

    Thresholds: ours; from ``use`` it is medium, from ``use_high`` high.

    Remediation: see who uses it (kubectl top pods -A --sort-by=memory), and give what grows a limit. A
    pool that is always near the edge needs more nodes, or larger ones; pods that use far more than they
    ask for need larger requests, so that the scheduler knows.
    """
    measured = {(each.cluster, each.metadata.name): each for each in node_metrics}
    clusters = {cluster for cluster, _ in measured} or {node.cluster for node in nodes}
    known: list[Node] = []
    missing: list[Node] = []
    for node in nodes:
        if node.cluster not in clusters or not node.ready:
            continue
        metrics = measured.get((node.cluster, node.metadata.name))
        lately = metrics is not None and (metrics.timestamp is None or now - metrics.timestamp <= fresh)
        if lately:
            known.append(node)
        elif now - node.metadata.creation_timestamp > fresh:
            missing.append(node)
    platform = _with_platform(nodes, pods, domino_namespaces)
    tight: dict[Ref, dict[str, list[tuple[float, Node]]]] = defaultdict(lambda: defaultdict(list))
    highest: dict[Ref, Counter[str]] = defaultdict(Counter)
    count: Counter[Ref] = Counter()
    for node in known:
        ref, room = node.pool_ref, node.room()
        used = measured[node.cluster, node.metadata.name].usage
        count[ref] += 1
        for each in JUDGED:
            share = quantity(used[each]) / room[each] if each in used and room.get(each) else 0.0
            highest[ref][each] = max(highest[ref][each], round(share * 1000))
            if share >= use and (each == "memory" or ref in platform):
                tight[ref][each].append((share, node))
    rows = [
        (ref.text(with_cluster=True), count[ref], *(percent(highest[ref][each] / 1000) for each in JUDGED))
        for ref in sorted(count)
    ]
    table = Attachment.table("Used, the highest of a pool", ("pool", "nodes", *JUDGED), rows)
    return Assessment(
        known,
        [_edge(ref, found, count[ref], use, use_high) for ref, found in sorted(tight.items())],
        unseen=_unmeasured(missing, fresh),
        attachments=[table] if rows else [],
    )


def _edge(
    ref: Ref, found: Mapping[str, Sequence[tuple[float, Node]]], of: int, use: float, use_high: float
) -> Finding:
    """A pool with nodes near the edge: how many, how near, and which."""
    parts, highest = [], 0.0
    nodes: dict[Ref, None] = {}
    for resource, there in found.items():
        share, node = max(there, key=lambda each: each[0])
        highest = max(highest, share)
        nodes |= {node.ref: None for _, node in sorted(there, key=lambda each: -each[0])}
        who = "1 node uses" if len(there) == 1 else f"{len(there)} nodes use"
        parts.append(
            f"{who} {percent(use)} or more of its {resource}, of {of}: at most {percent(share)} of "
            f"{amount(resource, node.room()[resource])} on {node.metadata.name}"
        )
    severity = Severity.HIGH if highest >= use_high else Severity.MEDIUM
    return Finding(ref, "; ".join(parts), severity, count=len(nodes), examples=tuple(nodes)[:EXAMPLES])


def _unmeasured(nodes: Sequence[Node], fresh: timedelta) -> Iterator[Unseen]:
    """One of a cluster, however many of its nodes have no metrics."""
    clusters: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        clusters[node.cluster].append(node.metadata.name)
    for cluster, names in sorted(clusters.items()):
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        who = "1 Ready node" if len(names) == 1 else f"{len(names)} Ready nodes"
        yield Unseen(
            cluster,
            f"no metrics of {who} within {age(fresh)}: {', '.join(sorted(names)[:NAMED])}{more}",
            "see metrics-server's log: it must reach the kubelet of each node (port 10250)",
        )


def _pools(nodes: Sequence[Node], pods: Sequence[Pod]) -> list[Pool]:
    """The pools that have a Ready node, with what runs there. Nodes of no pool are one of their own."""
    found: dict[Ref, Pool] = {}
    by_node: dict[tuple[str, str], Pool] = {}
    for node in nodes:
        if node.ready:
            pool = found.setdefault(node.pool_ref, Pool(node.pool_ref))
            pool.nodes.append(node)
            pool.room.update(node.room())
            by_node[node.cluster, node.metadata.name] = pool
    for pod in running(pods):
        if there := by_node.get((pod.cluster, pod.spec.node_name)):
            there.requests.update(pod.asked())
            there.limits.update(pod.limited())
    return [found[ref] for ref in sorted(found)]


def _with_platform(
    nodes: Sequence[Node], pods: Sequence[Pod], namespaces: Sequence[DominoNamespace]
) -> set[Ref]:
    """The pools on whose Ready nodes pods of the platform run, which are not to wait for a new node."""
    platform = platform_of(namespaces)
    pools = {(node.cluster, node.metadata.name): node.pool_ref for node in nodes if node.ready}
    homes = (
        pools.get((pod.cluster, pod.spec.node_name))
        for pod in running(pods)
        # A DaemonSet's pods are on every node, and those of a Job or an execution end by themselves.
        if (pod.cluster, pod.metadata.namespace) in platform and pod.subject.kind in LASTING
    )
    return {home for home in homes if home is not None}


def _share(what: str, pool: Pool, asked: Mapping[str, int], resource: str) -> str:
    room, share = amount(resource, pool.room[resource]), percent(pool.share(asked, resource))
    who = "1 node has" if len(pool.nodes) == 1 else f"{len(pool.nodes)} nodes have"
    return f"{what} of {resource}: {amount(resource, asked[resource])}, {share} of the {room} that {who}"
