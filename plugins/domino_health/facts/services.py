"""What is kept of Services, and of the endpoints behind them."""

from collections.abc import Mapping

import msgspec

from domino_health.facts.api import Kubernetes, ListMeta, Moment
from domino_health.facts.kubernetes import is_execution_name
from domino_health.vocabulary import Ref

_OF_EXECUTIONS = frozenset(
    f"dominodatalab.com/{name}" for name in ("execution-id", "workload-id", "workload-type")
)


class ServiceMeta(Kubernetes, frozen=True):
    """``metadata`` of a Service."""

    name: str
    namespace: str
    creation_timestamp: Moment | None = None


class ServiceSpec(Kubernetes, frozen=True):
    """``spec`` of a Service."""

    type: str = "ClusterIP"
    selector: Mapping[str, str] | None = None
    """The labels of the pods behind it; without any, somebody else says what is behind it, or nothing is."""


class Service(Kubernetes, frozen=True):
    """A Service."""

    metadata: ServiceMeta
    spec: ServiceSpec = ServiceSpec()
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The Service itself."""
        return Ref(self.cluster, "service", self.metadata.namespace, self.metadata.name)

    @property
    def of_executions(self) -> bool:
        """It stands before executions, by Domino's labels in its selector or by a run's name."""
        return is_execution_name(self.metadata.name) or any(
            key in _OF_EXECUTIONS for key in self.spec.selector or ()
        )


class ServiceList(Kubernetes, frozen=True):
    """A page of Services."""

    metadata: ListMeta
    items: list[Service]


class SliceLabels(Kubernetes, frozen=True):
    """The labels that checks read, and no others."""

    service: str = msgspec.field(name="kubernetes.io/service-name", default="")


class SliceMeta(Kubernetes, frozen=True):
    """``metadata`` of an EndpointSlice."""

    namespace: str
    labels: SliceLabels = SliceLabels()


class EndpointConditions(Kubernetes, frozen=True):
    """What is known of an endpoint. What is not known means ready, by the API's own rule."""

    ready: bool | None = None
    terminating: bool | None = None


class Endpoint(Kubernetes, frozen=True):
    """One pod behind a Service, mostly."""

    conditions: EndpointConditions = EndpointConditions()

    @property
    def is_ready(self) -> bool:
        """Traffic is sent to it."""
        return self.conditions.ready is not False


class EndpointSlice(Kubernetes, frozen=True):
    """Some of the endpoints behind a Service."""

    metadata: SliceMeta
    endpoints: tuple[Endpoint, ...] | None = ()
    """The API server writes null for none."""
    address_type: str = ""
    """``IPv4``, ``IPv6`` or ``FQDN``: of a Service of two families each has its own slices."""
    cluster: str = ""

    @property
    def service(self) -> Ref:
        """The Service that it is of. Its name is empty where somebody made the slice by hand."""
        return Ref(self.cluster, "service", self.metadata.namespace, self.metadata.labels.service)


class EndpointSliceList(Kubernetes, frozen=True):
    """A page of EndpointSlices."""

    metadata: ListMeta
    items: list[EndpointSlice]
