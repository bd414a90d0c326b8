"""Facts about nodes, namespaces and Domino's services for unit tests; all is ordinary but what is named."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from builders import NOW
from domino_health import (
    Candidate,
    Deployment,
    DominoNamespace,
    DominoService,
    Event,
    HelmRelease,
    LimitRange,
    Node,
    NodeImage,
    Pod,
    Ref,
    ResourceQuota,
    StatefulSet,
    Toleration,
)
from domino_health.facts.api import Condition
from domino_health.facts.events import EventMeta, Involved, Source
from domino_health.facts.kubernetes import Labels
from domino_health.facts.nodes import NodeLabels, NodeMeta, NodeSpec, NodeStatus
from domino_health.facts.placing import Taint
from domino_health.facts.quotas import Limit, LimitRangeSpec, NamespacedMeta, QuotaSpec, QuotaStatus
from domino_health.facts.releases import ReleaseMeta, ReleaseSpec, ReleaseStatus
from domino_health.facts.resources import Resources
from domino_health.facts.workloads import (
    Selector,
    ServingContainer,
    Template,
    TemplateMeta,
    TemplateSpec,
    WorkloadLabels,
    WorkloadMeta,
    WorkloadSpec,
    WorkloadStatus,
)

DAY = timedelta(days=1)
ALLOCATABLE = {"cpu": "7910m", "memory": "30Gi", "pods": "58", "ephemeral-storage": "400Gi"}
"""Of a node that is not told otherwise."""


def condition(
    type: str,
    status: str = "True",
    *,
    lasts: timedelta | None = timedelta(hours=1),
    reason: str = "KubeletReady",
    message: str = "kubelet is posting ready status",
) -> Condition:
    """A node's condition, as it has been for ``lasts``."""
    since = None if lasts is None else NOW - lasts
    return Condition(type, status, reason, message, since)


def node(
    name: str = "default-0",
    *conditions: Condition,
    age: timedelta = DAY,
    cluster: str = "",
    pool: str = "default",
    cordoned: bool = False,
    deleted: bool = False,
    taints: Sequence[str] = (),
    ready: bool = True,
    allocatable: Mapping[str, str] | None = None,
    tainted: Sequence[Taint] = (),
    images: Sequence[NodeImage] = (),
    **labels: str,
) -> Node:
    """A node that is Ready, unless told otherwise; further conditions take the place of its own.

    ``taints`` are keys alone, ``tainted`` whole taints; ``labels`` are by the names of their fields.
    """
    own = [condition("Ready"), *(condition(each, "False") for each in ("MemoryPressure", "DiskPressure"))]
    kinds = {each.type for each in conditions}
    kept = [each for each in own if each.type not in kinds] if ready else []
    return Node(
        metadata=NodeMeta(name, NOW - age, NOW if deleted else None, NodeLabels(pool, **labels)),
        spec=NodeSpec(cordoned, (*(Taint(key, "NoSchedule") for key in taints), *tainted)),
        status=NodeStatus(
            (*kept, *conditions), ALLOCATABLE if allocatable is None else allocatable, tuple(images)
        ),
        cluster=cluster,
    )


def silent(lasts: timedelta) -> Condition:
    """What Kubernetes says of a kubelet that has stopped."""
    message = "Kubelet stopped posting node status."
    return condition("Ready", "Unknown", lasts=lasts, reason="NodeStatusUnknown", message=message)


def event(
    reason: str,
    message: str = "",
    *,
    of: Pod | Node | Ref,
    ago: timedelta = timedelta(minutes=5),
    times: int = 1,
    type: str = "Warning",
    reporter: str = "kubelet",
    container: str = "",
) -> Event:
    """An event about an object, last seen ``ago``."""
    about = of if isinstance(of, Ref) else of.ref
    path = f"spec.containers{{{container}}}" if container else ""
    kinds = {
        "statefulset": "StatefulSet",
        "replicaset": "ReplicaSet",
        "persistentvolumeclaim": "PersistentVolumeClaim",
        "persistentvolume": "PersistentVolume",
    }
    kind = kinds.get(about.kind) or about.kind.title()
    return Event(
        metadata=EventMeta(about.namespace or "default", NOW - ago),
        involved_object=Involved(kind, about.namespace, about.name, path),
        reason=reason,
        message=message,
        type=type,
        count=times,
        first_timestamp=NOW - ago,
        last_timestamp=NOW - ago,
        source=Source(reporter),
        cluster=about.cluster,
    )


def template(
    *containers: ServingContainer,
    workload_type: str = "",
    selector: Mapping[str, str] | None = None,
    tolerations: Sequence[Toleration] = (),
) -> Template:
    """What a workload makes its pods by: one container that asks for little, unless told otherwise."""
    little = ServingContainer(
        "main", "quay.io/domino/main:6.2.0", Resources({"cpu": "250m", "memory": "1Gi"})
    )
    spec = TemplateSpec(containers or (little,), (), selector or {}, tuple(tolerations))
    return Template(TemplateMeta(Labels(workload_type)), spec)


def deployment(
    name: str = "nucleus-frontend",
    ready: int = 1,
    wanted: int = 1,
    *,
    namespace: str = "domino-platform",
    made_by: Template | None = None,
    labels: WorkloadLabels | None = None,
    conditions: Sequence[Condition] = (),
    age: timedelta = DAY,
    cluster: str = "prod",
) -> Deployment:
    """A Deployment, by default with all its replicas ready."""
    meta = WorkloadMeta(name, namespace, labels or WorkloadLabels(name), NOW - age)
    selector = Selector({"app.kubernetes.io/instance": name})
    spec = WorkloadSpec(wanted, selector, made_by or template())
    return Deployment(meta, spec, WorkloadStatus(ready, tuple(conditions)), cluster)


def statefulset(
    name: str = "mongodb-replicaset",
    ready: int = 1,
    wanted: int = 1,
    *,
    namespace: str = "domino-platform",
    made_by: Template | None = None,
    age: timedelta = DAY,
    cluster: str = "prod",
) -> StatefulSet:
    """A StatefulSet, by default with all its replicas ready."""
    like = deployment(name, ready, wanted, namespace=namespace, made_by=made_by, age=age)
    return StatefulSet(like.metadata, like.spec, like.status, cluster)


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
    release: str = "",
) -> DominoService:
    """A role, with a candidate for each pair of ready and wanted replicas: ``role-0``, ``role-1`` …"""
    candidates = tuple(
        Candidate(kind, "domino-platform", f"{role}-{at}", wanted, ready, release)
        for at, (ready, wanted) in enumerate(replicas)
    )
    return DominoService(role, candidates, "profile" if named else "name", named, cluster)


def release(
    name: str,
    *conditions: Condition,
    namespace: str = "domino-platform",
    cluster: str = "prod",
    release_name: str = "",
    target_namespace: str = "",
) -> HelmRelease:
    """A Helm release of which these conditions are said; without any, nobody has said a word."""
    return HelmRelease(
        ReleaseMeta(name, namespace),
        ReleaseSpec(release_name, target_namespace),
        ReleaseStatus(list(conditions)),
        "helm.toolkit.fluxcd.io",
        cluster,
    )
