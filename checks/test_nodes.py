"""Scheduling: are the nodes fit for the work that is to run on them?"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from domino_health import Assessment, Attachment, Condition, Duration, Finding, Node, Severity, age, check

TROUBLES = {
    "MemoryPressure": "memory pressure",
    "DiskPressure": "disk pressure",
    "PIDPressure": "PID pressure",
    "NetworkUnavailable": "network trouble",
}
# What node-problem-detector adds (GKE and AKS have it on their nodes), bad where it is True; and what EKS'
# node monitoring agent adds, bad where it is False. It is Unknown to both where they could not look.
DETECTED = {
    ("KernelDeadlock", "True"): "its kernel hangs",
    ("ReadonlyFilesystem", "True"): "a file system is read-only",
    ("FrequentKubeletRestart", "True"): "its kubelet restarts often",
    ("FrequentContainerdRestart", "True"): "its container runtime restarts often",
    ("KubeletUnhealthy", "True"): "kubelet trouble",
    ("ContainerRuntimeUnhealthy", "True"): "container runtime trouble",
    ("AcceleratedHardwareReady", "False"): "a GPU, or another accelerator, is broken",
    ("ContainerRuntimeReady", "False"): "container runtime trouble",
    ("KernelReady", "False"): "kernel trouble",
    ("NetworkingReady", "False"): "network trouble",
    ("StorageReady", "False"): "storage trouble",
}


@check("SCHED-003", severity=Severity.HIGH)
def test_nodes_are_ready_and_free_of_pressure(
    nodes: list[Node], now: datetime, *, joins_within: Duration = timedelta(minutes=10)
) -> Assessment:
    """Every node is Ready and free of memory, disk and PID pressure and of network trouble.

    A node that is not Ready takes no pods, and after five minutes Kubernetes evicts those that it has;
    one under pressure evicts pods at once, and its taint keeps others away. Each is quoted in the
    kubelet's own words, or in those of Kubernetes where the kubelet has fallen silent. What a detector on
    the node has found counts as well (node-problem-detector, EKS' node monitoring agent): a kernel that
    hangs, a GPU that is broken, a file system that is read-only.

    A node that has just joined, or that is being deleted or that an autoscaler takes away, may be
    not Ready or without a network for ``joins_within``: compute pools grow and shrink all day. So may one
    that is cordoned, for an upgrade takes it down next. A node that is only cordoned is not a finding:
    somebody wants it so, and the table of pools shows it.

    Thresholds: ours, after Domino's field notes on GPU compute, by which a node joins within 10 minutes.

    Remediation: for a kubelet that has stopped posting its status, see whether the machine runs and
    reaches the API server, then the kubelet's log on it; for pressure, find the pod or the images that
    fill memory, disk or the table of processes, and give what grows a limit; for the network, see the
    pods of the network plug-in on that node. A cloud node that does not recover is best replaced.
    """
    findings = []
    moving: list[tuple[timedelta, Node]] = []
    for node in nodes:
        ready = node.condition("Ready")
        lasts = node.since(ready, now)
        young = now - node.metadata.creation_timestamp <= joins_within
        going = node.leaving or node.spec.unschedulable  # an upgrade cordons it, and takes it down
        excused = (young or going) and lasts <= joins_within
        if excused and not node.ready:
            moving.append((lasts, node))
        troubles = list(_troubles(node, now, excused=excused))
        if troubles:
            findings.append(Finding(node.ref, "; ".join(troubles)))
    longest = max((lasts for lasts, _ in moving), default=timedelta(0))
    joining = "1 node joins or leaves" if len(moving) == 1 else f"{len(moving)} nodes join or leave"
    return Assessment(
        nodes,
        findings,
        worst=f"{joining}, not Ready for {age(longest)} of {age(joins_within)}" if moving else "",
        attachments=[_pools(nodes)] if nodes else [],
    )


def _troubles(node: Node, now: datetime, *, excused: bool) -> Iterator[str]:
    """What is wrong with it, the worst first."""
    ready = node.condition("Ready")
    silent = ready is None or ready.status == "Unknown"
    if not excused and not node.ready:
        yield f"not Ready for {age(node.since(ready, now))}: {_words(ready)}"
    for type, trouble in TROUBLES.items():
        condition = node.condition(type)
        if condition is None or condition.status == "False" or (silent and condition.status == "Unknown"):
            continue  # a kubelet that has fallen silent says nothing of anything: that is one trouble
        if type == "NetworkUnavailable" and excused:
            continue
        unsure = "perhaps " if condition.status == "Unknown" else ""
        yield f"{unsure}{trouble} for {age(node.since(condition, now))}: {_words(condition)}"
    for condition in node.status.conditions if not excused else ():
        if trouble := DETECTED.get((condition.type, condition.status), ""):
            yield f"{trouble}, for {age(node.since(condition, now))}: {_words(condition)}"


def _words(condition: Condition | None) -> str:
    if condition is None:
        return "no kubelet has ever posted its status"
    said = " ".join(condition.message.split()).rstrip(".")
    parts = (condition.reason, said if said != condition.reason else "")
    return ", ".join(part for part in parts if part) or "without a reason"


def _pools(nodes: list[Node]) -> Attachment:
    """How many nodes each pool has, and how many of them take pods."""
    several = len({node.cluster for node in nodes}) > 1
    pools: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        pool = node.pool or "none"
        pools[f"{node.cluster}: {pool}" if several else pool].append(node)
    rows = (
        (pool, len(there), sum(node.ready for node in there), sum(node.spec.unschedulable for node in there))
        for pool, there in sorted(pools.items())
    )
    return Attachment.table("Node pools", ("pool", "nodes", "Ready", "cordoned"), rows)
