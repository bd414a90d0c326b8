"""Scheduling: does work land on nodes that were made for it, and does what is critical rest on safe ones?"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from checks.fitting import running
from checks.parts import platform_of
from domino_health import (
    Assessment,
    Attachment,
    DominoNamespace,
    Finding,
    Node,
    Pod,
    Ref,
    Severity,
    Taint,
    check,
    untolerated,
)

EXAMPLES = 3


@check("SCHED-005", severity=Severity.MEDIUM)
def test_special_nodes_have_the_work_that_they_are_for(nodes: list[Node], pods: list[Pod]) -> Assessment:
    """Nodes with GPUs carry a taint, and have only work that asks for a GPU.

    A GPU node costs ten times another one. Where nothing keeps others off, whatever needs a place lands on
    it, fills its cores and memory, and the work that needs the GPU waits; and an autoscaler cannot take the
    node away. The same holds for every pool that somebody has given a taint, for much memory, say: what
    sits there without having asked for the pool or its taint was let in by tolerating everything.

    Normal, and no finding: pods of DaemonSets, and a node's own; a GPU pool without anything on it but
    work with GPUs, whatever its taints.

    Thresholds: none. The taint nvidia.com/gpu on pools with GPUs is that of Domino's own Terraform modules.

    Remediation: give the pool's nodes a taint of effect NoSchedule (nvidia.com/gpu=true: the toleration
    comes with the GPU of a hardware tier), then restart what does not belong there. A tier that names the
    pool without asking for a GPU needs another pool; a workload that tolerates everything needs a
    narrower toleration.
    """
    there: dict[tuple[str, str], list[Pod]] = defaultdict(list)
    for pod in running(pods):
        there[pod.cluster, pod.spec.node_name].append(pod)
    reserved = _reserved(nodes)
    special = [
        node for node in nodes if not node.leaving and (node.has_accelerator or _key(node) in reserved)
    ]
    strangers: dict[Ref, dict[Ref, list[Pod]]] = defaultdict(lambda: defaultdict(list))
    open_pools: dict[Ref, bool] = {}
    for node in special:
        pool = node.pool_ref
        open_pools[pool] = open_pools.get(pool, False) or not list(_taints(node))
        for pod in there[node.cluster, node.metadata.name]:
            if not _belongs(pod, node):
                strangers[pool][pod.subject].append(pod)
    return Assessment(
        special, [_strangers(pool, found, untainted=open_pools[pool]) for pool, found in strangers.items()]
    )


def _key(node: Node) -> tuple[str, str]:
    return node.cluster, node.pool


def _reserved(nodes: Sequence[Node]) -> set[tuple[str, str]]:
    """Pools that are for some work alone: all nodes have one taint. On a single node it may be a repair."""
    common: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for node in nodes:
        if node.pool and not node.leaving:
            taints = {(taint.key, taint.value) for taint in _taints(node)}
            common[_key(node)] = common.get(_key(node), taints) & taints
    return {pool for pool, taints in common.items() if taints}


def _taints(node: Node) -> Iterator[Taint]:
    """Those by which somebody wants only some work there; others are a state of the node."""
    for taint in node.spec.taints:
        state = "kubernetes.io/" in taint.key or taint.key.endswith(("not-ready", "/unregistered"))
        if taint.effect in ("NoSchedule", "NoExecute") and not state:
            yield taint


def _belongs(pod: Pod, node: Node) -> bool:
    if pod.static or pod.subject.kind == "daemonset" or pod.metadata.deletion_timestamp:
        return True
    if node.has_accelerator:
        return pod.has_accelerator
    named = [each for each in pod.spec.tolerations if each.key]
    return bool(pod.pool) or not untolerated(list(_taints(node)), named)


def _strangers(pool: Ref, found: Mapping[Ref, Sequence[Pod]], *, untainted: bool) -> Finding:
    """One of a pool, with those who have most pods there."""
    order = sorted(found.items(), key=lambda each: (-len(each[1]), each[0]))
    count = sum(map(len, found.values()))
    who = "1 pod that does" if count == 1 else f"{count} pods that do"
    more = f" and {len(order) - EXAMPLES} more" if len(order) > EXAMPLES else ""
    owners = ", ".join(f"{owner} ({len(there)})" for owner, there in order[:EXAMPLES])
    why = "no taint keeps others off" if untainted else _let_in(order[0][1][0])
    examples = tuple(sorted(pod.ref for _, there in order for pod in there)[:EXAMPLES])
    message = f"{who} not ask for what these nodes are for: {owners}{more}; {why}"
    return Finding(pool, message, count=count, examples=examples)


def _let_in(pod: Pod) -> str:
    if any(not each.key and each.operator == "Exists" for each in pod.spec.tolerations):
        return "they tolerate every taint"
    return "they tolerate the taint, and do not need to"


@check("SCHED-006", severity=Severity.MEDIUM)
def test_critical_work_does_not_rest_on_preemptible_nodes_alone(
    nodes: list[Node], pods: list[Pod], domino_namespaces: list[DominoNamespace]
) -> Assessment:
    """No service of the platform has all its pods on preemptible nodes, and there are others to fall back to.

    A spot node goes with two minutes' notice, and those of a kind go together, when the cloud's demand is
    high. A service of which every pod sits on such nodes is down until it has started elsewhere; where the
    cluster has no other nodes that take it, until the cloud has some again.

    Assessed are the pods of Deployments and StatefulSets of Domino's platform namespaces. Executions and
    models on spot nodes are a choice that saves money, and no finding. A node is preemptible where a label
    says so: Karpenter's, EKS', GKE's, AKS', or Domino's own blueprint's.

    Thresholds: none.

    Remediation: give the platform's node pool on-demand nodes (Domino's Terraform modules make them so by
    default), and let compute pools alone be spot. Where it must be spot, run two replicas, one of them held
    to an on-demand pool by its affinity.
    """
    by_name = {(node.cluster, node.metadata.name): node for node in nodes}
    platform = platform_of(domino_namespaces)
    services: dict[Ref, list[tuple[Pod, Node]]] = defaultdict(list)
    for pod in running(pods):
        node = by_name.get((pod.cluster, pod.spec.node_name))
        within = (pod.cluster, pod.metadata.namespace) in platform
        if node is not None and within and pod.subject.kind in ("deployment", "statefulset"):
            services[pod.subject].append((pod, node))
    findings = [
        _resting(owner, there, nodes)
        for owner, there in sorted(services.items())
        if all(node.preemptible for _, node in there)
    ]
    spot = sum(node.preemptible for node in nodes)
    rows = [(cluster or "cluster", *counts) for cluster, counts in _capacity(nodes).items()]
    columns = ("cluster", "preemptible nodes", "others")
    table = Attachment.table("Capacity", columns, rows)
    worst = f"{spot} of {len(nodes)} nodes are preemptible"
    return Assessment(services, findings, worst=worst, attachments=[table])


def _resting(owner: Ref, there: Sequence[tuple[Pod, Node]], nodes: Sequence[Node]) -> Finding:
    pod = there[0][0]
    safe = [
        node
        for node in nodes
        if node.cluster == owner.cluster
        and not node.preemptible
        and pod.pool in ("", node.pool)
        and not untolerated(node.spec.taints, pod.spec.tolerations)
    ]
    who = "its pod is" if len(there) == 1 else f"all {len(there)} pods are"
    names = len({node.metadata.name for _, node in there})
    on = "a preemptible node" if names == 1 else f"{names} preemptible nodes"
    pool = f" of the pool {pod.pool}" if pod.pool else ""
    fall = (
        f"{len(safe)} other node{'s' if len(safe) > 1 else ''}{pool} would take it"
        if safe
        else f"no other node{pool} would take it"
    )
    examples = tuple(sorted(each.ref for each, _ in there)[:EXAMPLES])
    return Finding(owner, f"{who} on {on}; {fall}", count=len(there), examples=examples)


def _capacity(nodes: Sequence[Node]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for node in nodes:
        spot, others = found.get(node.cluster, (0, 0))
        found[node.cluster] = (spot + node.preemptible, others + (not node.preemptible))
    return found
