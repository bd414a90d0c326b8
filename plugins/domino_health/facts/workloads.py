"""What is kept of Deployments and StatefulSets: whose they are, and how many replicas are ready."""

import msgspec

from domino_health.facts.kubernetes import Kubernetes, ListMeta


class WorkloadLabels(Kubernetes, frozen=True):
    """The labels by which Domino's services are known, and no others."""

    name: str = msgspec.field(name="app.kubernetes.io/name", default="")
    component: str = msgspec.field(name="app.kubernetes.io/component", default="")


class WorkloadMeta(Kubernetes, frozen=True):
    """``metadata`` of a workload."""

    name: str
    namespace: str
    labels: WorkloadLabels = WorkloadLabels()


class WorkloadSpec(Kubernetes, frozen=True):
    """``spec`` of a workload. The API server fills in the replicas where nobody has."""

    replicas: int = 1


class WorkloadStatus(Kubernetes, frozen=True):
    """``status`` of a workload. The API leaves out a zero."""

    ready_replicas: int = 0


class Deployment(Kubernetes, frozen=True):
    """A Deployment."""

    metadata: WorkloadMeta
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()
    cluster: str = ""


class StatefulSet(Kubernetes, frozen=True):
    """A StatefulSet."""

    metadata: WorkloadMeta
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()
    cluster: str = ""


class DeploymentList(Kubernetes, frozen=True):
    """A page of Deployments."""

    metadata: ListMeta
    items: list[Deployment]


class StatefulSetList(Kubernetes, frozen=True):
    """A page of StatefulSets."""

    metadata: ListMeta
    items: list[StatefulSet]
