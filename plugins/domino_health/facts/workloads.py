"""What is kept of Deployments, StatefulSets and DaemonSets: whose they are, their pods' template, and how
many are ready.
"""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from domino_health.facts.api import Condition, Kubernetes, ListMeta, Moment, condition_of
from domino_health.facts.kubernetes import NODE_POOL, Labels
from domino_health.facts.placing import Affinity, Toleration, wanted
from domino_health.facts.resources import Container, Resources, total
from domino_health.vocabulary import Ref


class WorkloadLabels(Kubernetes, frozen=True):
    """The labels by which Domino's services are known, and no others."""

    name: str = msgspec.field(name="app.kubernetes.io/name", default="")
    component: str = msgspec.field(name="app.kubernetes.io/component", default="")
    workload_type: str = msgspec.field(name="dominodatalab.com/workload-type", default="")


class WorkloadAnnotations(Kubernetes, frozen=True):
    """What Helm (since 3.2) writes on all that it installs, and no other annotation."""

    release: str = msgspec.field(name="meta.helm.sh/release-name", default="")
    release_namespace: str = msgspec.field(name="meta.helm.sh/release-namespace", default="")


class WorkloadMeta(Kubernetes, frozen=True):
    """``metadata`` of a workload."""

    name: str
    namespace: str
    labels: WorkloadLabels = WorkloadLabels()
    creation_timestamp: Moment | None = None
    annotations: WorkloadAnnotations = WorkloadAnnotations()

    @property
    def release(self) -> str:
        """``namespace/name`` of the Helm release that installed it; empty where none says so."""
        said = self.annotations
        return f"{said.release_namespace}/{said.release}" if said.release else ""


class Selector(Kubernetes, frozen=True):
    """Which pods are a workload's own. What it says by expressions is left out."""

    match_labels: Mapping[str, str] = {}


class HttpGet(Kubernetes, frozen=True):
    """A probe that asks an address; its headers are left out, which may carry a secret."""

    path: str = ""
    port: int | str = ""
    scheme: str = "HTTP"


class TcpSocket(Kubernetes, frozen=True):
    """A probe that connects."""

    port: int | str = ""


class Grpc(Kubernetes, frozen=True):
    """A probe that asks gRPC's own health service."""

    port: int = 0
    service: str | None = None


class Exec(Kubernetes, frozen=True):
    """A probe that runs a command, which is left out: it may carry a secret."""


class Probe(Kubernetes, frozen=True):
    """A probe of a container; the defaults are the API server's, which writes them out."""

    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    grpc: Grpc | None = None
    exec: Exec | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    failure_threshold: int = 3

    @property
    def gives_up(self) -> timedelta:
        """How long it must fail until Kubernetes acts: its period times its failure threshold."""
        return timedelta(seconds=self.period_seconds * self.failure_threshold)

    def asks_the_same(self, other: "Probe") -> bool:
        """Whether both look at the same thing. Of commands it cannot be told, and counts as no."""
        asked = (self.http_get, self.tcp_socket, self.grpc)
        return any(asked) and asked == (other.http_get, other.tcp_socket, other.grpc)


class ServingContainer(Container, frozen=True):
    """A container of a template, with its probes."""

    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None


class TemplateSpec(Kubernetes, frozen=True):
    """``spec`` of a pod that a workload makes."""

    containers: tuple[ServingContainer, ...] = ()
    init_containers: tuple[ServingContainer, ...] = ()
    """A side-car among them may have probes as well."""
    node_selector: Mapping[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()
    affinity: Affinity | None = None
    overhead: Mapping[str, str] = {}
    resources: Resources = Resources()
    priority_class_name: str = ""

    @property
    def lasting(self) -> tuple[ServingContainer, ...]:
        """Its containers and side-cars: what runs as long as the pod does, and may have probes."""
        return (*self.containers, *(one for one in self.init_containers if one.side_car))

    @property
    def pool(self) -> str:
        """The node pool that its pods insist on; empty for none, or for several."""
        pools = wanted(self.node_selector, self.affinity, NODE_POOL)
        return next(iter(pools)) if len(pools) == 1 else ""

    def asked(self) -> dict[str, int]:
        """What each of its pods asks for, in thousandths by resource."""
        whole = self.resources.requests
        return total("requests", self.containers, self.init_containers, self.overhead, whole)


class TemplateMeta(Kubernetes, frozen=True):
    """``metadata`` of a template."""

    labels: Labels = Labels()


class Template(Kubernetes, frozen=True):
    """What a workload makes its pods by."""

    metadata: TemplateMeta = TemplateMeta()
    spec: TemplateSpec = TemplateSpec()


class Strategy(Kubernetes, frozen=True):
    """How a Deployment comes to its next version."""

    type: str = "RollingUpdate"
    """Or ``Recreate``: the pods of before go first."""


class WorkloadSpec(Kubernetes, frozen=True):
    """``spec`` of a workload. The API server fills in the replicas where nobody has."""

    replicas: int = 1
    selector: Selector = Selector()
    template: Template = Template()
    strategy: Strategy = Strategy()
    """Of a Deployment."""
    pod_management_policy: str = "OrderedReady"
    """Of a StatefulSet: the next pod is made when those before it are ready; or ``Parallel``."""


class WorkloadStatus(Kubernetes, frozen=True):
    """``status`` of a workload. The API leaves out a zero."""

    ready_replicas: int = 0
    conditions: tuple[Condition, ...] = ()
    """Of a Deployment: Available, Progressing, ReplicaFailure."""


class Deployment(Kubernetes, frozen=True):
    """A Deployment."""

    metadata: WorkloadMeta
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The Deployment itself."""
        return Ref(self.cluster, "deployment", self.metadata.namespace, self.metadata.name)

    @property
    def wanted(self) -> int:
        """Pods that it is to have."""
        return self.spec.replicas

    @property
    def ready(self) -> int:
        """Pods of it that are ready."""
        return self.status.ready_replicas

    def condition(self, type: str) -> Condition | None:
        """The condition of that type, where the controller has set one."""
        return condition_of(self.status.conditions, type)

    @property
    def refusal(self) -> Condition | None:
        """What a quota, a policy or a missing account says that refuses its pods, where one does."""
        failure = self.condition("ReplicaFailure")
        return failure if failure is not None and failure.status == "True" else None


class StatefulSet(Kubernetes, frozen=True):
    """A StatefulSet."""

    metadata: WorkloadMeta
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The StatefulSet itself."""
        return Ref(self.cluster, "statefulset", self.metadata.namespace, self.metadata.name)

    @property
    def wanted(self) -> int:
        """Pods that it is to have."""
        return self.spec.replicas

    @property
    def ready(self) -> int:
        """Pods of it that are ready."""
        return self.status.ready_replicas


class DaemonSetSpec(Kubernetes, frozen=True):
    """``spec`` of a DaemonSet."""

    selector: Selector = Selector()
    template: Template = Template()


class DaemonSetStatus(Kubernetes, frozen=True):
    """``status`` of a DaemonSet."""

    desired_number_scheduled: int = 0
    """On how many nodes it should be, by its selector and tolerations."""
    number_ready: int = 0


class DaemonSet(Kubernetes, frozen=True):
    """A DaemonSet."""

    metadata: WorkloadMeta
    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The DaemonSet itself."""
        return Ref(self.cluster, "daemonset", self.metadata.namespace, self.metadata.name)

    @property
    def wanted(self) -> int:
        """Pods that it is to have."""
        return self.status.desired_number_scheduled

    @property
    def ready(self) -> int:
        """Pods of it that are ready."""
        return self.status.number_ready


class DeploymentList(Kubernetes, frozen=True):
    """A page of Deployments."""

    metadata: ListMeta
    items: list[Deployment]


class StatefulSetList(Kubernetes, frozen=True):
    """A page of StatefulSets."""

    metadata: ListMeta
    items: list[StatefulSet]


class DaemonSetList(Kubernetes, frozen=True):
    """A page of DaemonSets."""

    metadata: ListMeta
    items: list[DaemonSet]
