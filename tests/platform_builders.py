"""Facts about nodes, namespaces and Domino's services for unit tests; all is ordinary but what is named."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from builders import NOW
from domino_health import Candidate, DominoNamespace, DominoService, LimitRange, Node, ResourceQuota
from domino_health.facts.nodes import NodeCondition, NodeLabels, NodeMeta, NodeSpec, NodeStatus, Taint
from domino_health.facts.quotas import Limit, LimitRangeSpec, NamespacedMeta, QuotaSpec, QuotaStatus

DAY = timedelta(days=1)


def condition(
    type: str,
    status: str = "True",
    *,
    lasts: timedelta | None = timedelta(hours=1),
    reason: str = "KubeletReady",
    message: str = "kubelet is posting ready status",
) -> NodeCondition:
    """A node's condition, as it has been for ``lasts``."""
    since = None if lasts is None else NOW - lasts
    return NodeCondition(type, status, reason, message, since)


def node(
    name: str = "default-0",
    *conditions: NodeCondition,
    age: timedelta = DAY,
    cluster: str = "",
    pool: str = "default",
    cordoned: bool = False,
    deleted: bool = False,
    taints: Sequence[str] = (),
    ready: bool = True,
) -> Node:
    """A node that is Ready, unless told otherwise; further conditions take the place of its own."""
    own = [condition("Ready"), *(condition(each, "False") for each in ("MemoryPressure", "DiskPressure"))]
    kinds = {each.type for each in conditions}
    kept = [each for each in own if each.type not in kinds] if ready else []
    return Node(
        metadata=NodeMeta(name, NOW - age, NOW if deleted else None, NodeLabels(pool)),
        spec=NodeSpec(cordoned, tuple(Taint(key, "NoSchedule") for key in taints)),
        status=NodeStatus((*kept, *conditions)),
        cluster=cluster,
    )


def silent(lasts: timedelta) -> NodeCondition:
    """What Kubernetes says of a kubelet that has stopped."""
    message = "Kubelet stopped posting node status."
    return condition("Ready", "Unknown", lasts=lasts, reason="NodeStatusUnknown", message=message)


def namespace(
    name: str = "domino-compute", part: Literal["platform", "compute"] = "compute", *, cluster: str = "prod"
) -> DominoNamespace:
    """One of Domino's namespaces."""
    return DominoNamespace(name, part, "label", cluster)


def quota(
    hard: Mapping[str, str], namespace: str = "domino-compute", *, cluster: str = "prod", **used: str
) -> ResourceQuota:
    """A quota."""
    return ResourceQuota(NamespacedMeta("q", namespace), QuotaSpec(hard), QuotaStatus(used), cluster)


def limit_range(
    type: str = "Container", namespace: str = "domino-compute", *, cluster: str = "prod", **bounds: Any
) -> LimitRange:
    """A limit range of one kind."""
    limits = (Limit(type, **bounds),)
    return LimitRange(NamespacedMeta("l", namespace), LimitRangeSpec(limits), cluster)


def service(
    role: str = "front_end",
    *replicas: tuple[int, int],
    kind: Literal["deployment", "statefulset"] = "deployment",
    named: str = "",
    cluster: str = "prod",
) -> DominoService:
    """A role, with a candidate for each pair of ready and wanted replicas: ``role-0``, ``role-1`` …"""
    candidates = tuple(
        Candidate(kind, "domino-platform", f"{role}-{at}", wanted, ready)
        for at, (ready, wanted) in enumerate(replicas)
    )
    return DominoService(role, candidates, "profile" if named else "name", named, cluster)
