"""Scheduling: do nodes come to be of use once they have joined?"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from domino_health import Assessment, Duration, Finding, Node, Ref, Severity, Taint, age, check

# Each is taken away by who put it there, when it is done; while it stays, nothing is put on the node.
MEANT = {
    "node.cloudprovider.kubernetes.io/uninitialized": "the cloud controller has not set it up",
    "node.kubernetes.io/unreachable": "Kubernetes does not reach its kubelet",
    "node.kubernetes.io/not-ready": "its kubelet is not ready",
    "node.kubernetes.io/network-unavailable": "its network is not set up",
    "node.cilium.io/agent-not-ready": "Cilium's agent is not ready on it",
    "karpenter.sh/unregistered": "Karpenter has not taken it in",
    "ebs.csi.aws.com/agent-not-ready": "the EBS storage driver is not ready on it",
    "efs.csi.aws.com/agent-not-ready": "the EFS storage driver is not ready on it",
    "fsx.csi.aws.com/agent-not-ready": "the FSx storage driver is not ready on it",
}
ENDS = ("/agent-not-ready", "/not-ready", "/uninitialized")
"""How the start-up taints of other drivers and agents are called."""
BEGINS = "startup-taint.cluster-autoscaler.kubernetes.io/"
"""So cluster-autoscaler wants the others to be called, whoever puts them there."""
TURNS = ("Ready", "NetworkUnavailable")
"""Conditions that turn when a node starts anew, and its taints with it: those of NoSchedule bear no time."""
BY_CONDITION = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")
"""Set beside a Ready condition that is not True, which SCHED-003 tells of."""
EXAMPLES = 3


@check("SCHED-004", severity=Severity.MEDIUM)
def test_no_node_is_stuck_with_a_start_up_taint(
    nodes: list[Node], now: datetime, *, joins_within: Duration = timedelta(minutes=10)
) -> Assessment:
    """No node keeps a start-up taint for longer than ``joins_within``.

    A node joins with taints that its network, its cloud and its storage drivers take away when they are
    ready. One that stays leaves the node Ready, paid for, and empty: pods wait beside it, and an
    autoscaler buys another. Domino's toolkit looks for the EBS driver's.

    The time is that since when the taint says it was added; most do not say. Then it is the longest that
    it can be: since the node was made, became Ready last, or got its network, whichever was last. A node
    that is being taken away is not found, and neither is one that is not Ready: SCHED-003 says so in the
    kubelet's words.

    Thresholds: ours, after Domino's field notes on GPU compute, by which a node joins within 10 minutes.

    Remediation: see the pod of the driver or agent that is named, on that node (kubectl get pods -A -o
    wide --field-selector spec.nodeName=NODE): it does not start, or is not there because its DaemonSet
    does not tolerate the pool's own taints. Its log says what it waits for. Do not take the taint away by
    hand: pods would start without a volume, or without a network.
    """
    stuck: dict[tuple[Ref, str], list[tuple[timedelta, Node]]] = defaultdict(list)
    youngest = timedelta(0)
    for node in nodes:
        for taint in _starting(node):
            lasts = max(now - (taint.time_added or _started(node)), timedelta(0))
            if lasts > joins_within:
                stuck[node.pool_ref, taint.key].append((lasts, node))
            else:
                youngest = max(youngest, lasts)
    return Assessment(
        nodes,
        [_finding(pool, key, found) for (pool, key), found in sorted(stuck.items())],
        worst=f"one joins, for {age(youngest)} of {age(joins_within)}" if youngest else "",
    )


def _starting(node: Node) -> Iterator[Taint]:
    """The start-up taints of a node that nobody takes away."""
    if node.leaving:
        return
    for taint in node.spec.taints:
        if taint.key in BY_CONDITION and not node.ready:
            continue
        if taint.effect != "PreferNoSchedule" and _is_known(taint):
            yield taint


def _is_known(taint: Taint) -> bool:
    """Whether it is one that is taken away when something has come up, by its name."""
    return taint.key in MEANT or taint.key.endswith(ENDS) or taint.key.startswith(BEGINS)


def _started(node: Node) -> datetime:
    """When it was made, or last came to be Ready or on the network."""
    turned = (node.condition(each) for each in TURNS)
    moments = (each.last_transition_time for each in turned if each is not None)
    return max((node.metadata.creation_timestamp, *(moment for moment in moments if moment is not None)))


def _finding(pool: Ref, key: str, found: list[tuple[timedelta, Node]]) -> Finding:
    """All nodes of a pool that wait for the same; one alone is named itself."""
    order = sorted(found, key=lambda each: (-each[0], each[1].metadata.name))
    nodes = [node.ref for _, node in order]
    longest = age(order[0][0])
    meaning = MEANT.get(key, "what put it there has not taken it away")
    if len(nodes) == 1:
        return Finding(nodes[0], f"takes no pods for {longest}: taint {key}, {meaning}")
    message = f"{len(nodes)} nodes take no pods for up to {longest}: taint {key}, {meaning}"
    return Finding(pool, message, count=len(nodes), examples=tuple(nodes[:EXAMPLES]))
