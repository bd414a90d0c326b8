"""What is kept of the clusters that executions compute on: Spark, Ray, Dask and MPI.

Fields, states and names are those of distributed-compute.dominodatalab.com/v1alpha1, whose operator was
public (dominodatalab/distributed-compute-operator, api/v1alpha1 and pkg/cluster). Environment variables,
volumes, the Kerberos keytab and the SSH secret are left out.
"""

import msgspec

from domino_health.facts.api import Kubernetes, ListMeta, Moment
from domino_health.facts.kubernetes import environment_of
from domino_health.vocabulary import Ref

PENDING, STARTING, RUNNING = "Pending", "Starting", "Running"
STOPPING, FAILED = "Stopping", "Failed"
_LONGEST = 300
"""Characters that are kept of why a cluster failed."""


class ComputeLabels(Kubernetes, frozen=True):
    """The labels that checks read, and no others."""

    workload_type: str = msgspec.field(name="dominodatalab.com/workload-type", default="")
    project: str = msgspec.field(name="dominodatalab.com/project-name", default="")
    execution: str = msgspec.field(name="dominodatalab.com/execution-id", default="")


class ComputeMeta(Kubernetes, frozen=True):
    """``metadata`` of a cluster."""

    name: str
    namespace: str
    creation_timestamp: Moment
    deletion_timestamp: Moment | None = None
    labels: ComputeLabels = ComputeLabels()


class Workers(Kubernetes, frozen=True):
    """``spec.worker``: how many there are to be."""

    replicas: int | None = None


class ComputeAutoscaling(Kubernetes, frozen=True):
    """``spec.autoscaling``; where it is, somebody else says how many workers there are to be."""

    max_replicas: int | None = None


class ComputeSpec(Kubernetes, frozen=True):
    """``spec`` of a cluster."""

    worker: Workers = Workers()
    autoscaling: ComputeAutoscaling | None = None


class ComputeStatus(Kubernetes, frozen=True):
    """``status`` of a cluster, as its operator writes it."""

    cluster_status: str = ""
    """Empty as long as the operator has not taken it up. It is Running when its head is ready."""
    reason: str = ""
    """Why it failed; only clusters of MPI say so."""
    image: str = ""
    worker_replicas: int = 0
    """How many workers it is to have now, where it scales itself."""

    def __post_init__(self) -> None:
        if len(self.reason) > _LONGEST:
            msgspec.structs.force_setattr(self, "reason", self.reason[:_LONGEST])


class ComputeCluster(Kubernetes, frozen=True):
    """A cluster that an execution computes on, beside its own pod."""

    metadata: ComputeMeta
    spec: ComputeSpec = ComputeSpec()
    status: ComputeStatus = ComputeStatus()
    kind: str = ""
    """As the API writes it: ``RayCluster``. A list need not say so; the collector does."""
    cluster: str = ""

    @property
    def on(self) -> str:
        """``ray``, as its pods and people call it."""
        return self.kind.removesuffix("Cluster").lower()

    @property
    def ref(self) -> Ref:
        """The cluster itself."""
        return Ref(self.cluster, self.kind.lower(), self.metadata.namespace, self.metadata.name)

    @property
    def subject(self) -> Ref:
        """What stays tomorrow: its execution's type, environment and project, as far as it says."""
        parts = {
            "type": self.metadata.labels.workload_type,
            "environment": environment_of(self.status.image),
            "project": self.metadata.labels.project,
        }
        said = ",".join(f"{key}={value}" for key, value in parts.items() if value)
        return Ref(self.cluster, self.kind.lower(), self.metadata.namespace, said or "unlabelled")

    @property
    def wanted(self) -> int:
        """Workers that it is to have now."""
        asked = self.spec.worker.replicas or 0
        return (self.status.worker_replicas or asked) if self.spec.autoscaling else asked


class ComputeClusterList(Kubernetes, frozen=True):
    """A page of clusters of one kind."""

    metadata: ListMeta
    items: list[ComputeCluster]


class SparkClusterList(ComputeClusterList, frozen=True):
    """A page of Spark's."""


class RayClusterList(ComputeClusterList, frozen=True):
    """A page of Ray's."""


class DaskClusterList(ComputeClusterList, frozen=True):
    """A page of Dask's."""


class MPIClusterList(ComputeClusterList, frozen=True):
    """A page of MPI's."""


PAGES = (SparkClusterList, RayClusterList, DaskClusterList, MPIClusterList)
"""By their names the kinds that the operator knows."""
