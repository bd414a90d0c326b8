"""What is kept of the nodes of a Kubernetes cluster."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from domino_health.facts.api import Condition, Kubernetes, ListMeta, Moment, condition_of, lasts
from domino_health.facts.kubernetes import NODE_POOL
from domino_health.facts.placing import Taint
from domino_health.facts.quantities import quantity
from domino_health.facts.resources import is_accelerator
from domino_health.vocabulary import Ref

# By these it is said that a node is taken away: by Kubernetes' own autoscaler, Karpenter since its version 1
# and before, GKE of a spot node, and AWS' node termination handler, which has a taint for each occasion.
_LEAVING = (
    "ToBeDeletedByClusterAutoscaler",
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
    "cloud.google.com/impending-node-termination",
    "aws-node-termination-handler/",
)


class NodeLabels(Kubernetes, frozen=True):
    """The labels that checks read, and no others."""

    pool: str = msgspec.field(name=NODE_POOL, default="")
    nodepool: str = msgspec.field(name="karpenter.sh/nodepool", default="")
    """Karpenter's, which Domino's pool need not be."""
    instance_type: str = msgspec.field(name="node.kubernetes.io/instance-type", default="")
    zone: str = msgspec.field(name="topology.kubernetes.io/zone", default="")
    domino_capacity: str = msgspec.field(name="dominodatalab.com/capacity-type", default="")
    karpenter_capacity: str = msgspec.field(name="karpenter.sh/capacity-type", default="")
    eks_group: str = msgspec.field(name="eks.amazonaws.com/nodegroup", default="")
    eks_capacity: str = msgspec.field(name="eks.amazonaws.com/capacityType", default="")
    gke_spot: str = msgspec.field(name="cloud.google.com/gke-spot", default="")
    gke_preemptible: str = msgspec.field(name="cloud.google.com/gke-preemptible", default="")
    aks_priority: str = msgspec.field(name="kubernetes.azure.com/scalesetpriority", default="")


class NodeMeta(Kubernetes, frozen=True):
    """``metadata`` of a node."""

    name: str
    creation_timestamp: Moment
    deletion_timestamp: Moment | None = None
    labels: NodeLabels = NodeLabels()


class NodeSpec(Kubernetes, frozen=True):
    """``spec`` of a node."""

    unschedulable: bool = False
    """It is cordoned: somebody, or an autoscaler, wants no more pods on it."""
    taints: tuple[Taint, ...] = ()


MOST_IMAGES = 50
"""Images that a kubelet tells of, the largest first, unless its nodeStatusMaxImages says otherwise."""


class NodeImage(Kubernetes, frozen=True):
    """An image that a node has."""

    names: tuple[str, ...] | None = ()
    """By digest and by tags; none of one that has lost its tag."""
    size_bytes: int = 0
    """As the container runtime says: compressed with containerd, unpacked with CRI-O and Docker."""


class NodeStatus(Kubernetes, frozen=True):
    """``status`` of a node."""

    conditions: tuple[Condition, ...] = ()
    """What the kubelet says, or Kubernetes of a silent kubelet."""
    allocatable: Mapping[str, str] = {}
    """What it has for pods, after what it keeps for itself; quantities as Kubernetes writes them."""
    images: tuple[NodeImage, ...] = ()
    """At most ``MOST_IMAGES``: of what is not among so many, nothing is known."""


class Node(Kubernetes, frozen=True):
    """A node."""

    metadata: NodeMeta
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The node itself."""
        return Ref(self.cluster, "node", "", self.metadata.name)

    @property
    def leaving(self) -> bool:
        """It is being deleted, or its autoscaler or its cloud has said that it takes it away."""
        return self.metadata.deletion_timestamp is not None or any(
            taint.key.startswith(_LEAVING) for taint in self.spec.taints
        )

    @property
    def pool(self) -> str:
        """Domino's node pool, empty for none."""
        return self.metadata.labels.pool

    @property
    def pool_ref(self) -> Ref:
        """The pool, as what is told of all its nodes together."""
        return Ref(self.cluster, "node-pool", "", self.pool or "none")

    @property
    def preemptible(self) -> bool:
        """Its cloud may take it away at any time: spot, or preemptible, as the label of any cloud says."""
        labels = self.metadata.labels
        capacities = (
            labels.domino_capacity,
            labels.karpenter_capacity,
            labels.eks_capacity,
            labels.aks_priority,
        )
        return "true" in (labels.gke_spot, labels.gke_preemptible) or "spot" in map(str.casefold, capacities)

    @property
    def has_accelerator(self) -> bool:
        """It has a GPU or another accelerator that pods may have."""
        return any(is_accelerator(each) and quantity(text) for each, text in self.status.allocatable.items())

    def room(self) -> dict[str, int]:
        """What it has for pods, in thousandths by resource; ``pods`` among them."""
        return {resource: quantity(text) for resource, text in self.status.allocatable.items()}

    @property
    def ready(self) -> bool:
        """Its kubelet says that it is."""
        ready = self.condition("Ready")
        return ready is not None and ready.status == "True"

    def condition(self, type: str) -> Condition | None:
        """The condition of that type, where the kubelet or Kubernetes has set one."""
        return condition_of(self.status.conditions, type)

    def since(self, condition: Condition | None, now: datetime) -> timedelta:
        """How long a condition has been as it is; of one that nobody has set, since the node was made."""
        return lasts(condition, self.metadata.creation_timestamp, now)


class NodeList(Kubernetes, frozen=True):
    """A page of nodes."""

    metadata: ListMeta
    items: list[Node]


class NodePages:
    """Reads pages of nodes, and keeps an image that many nodes have once.

    A node tells of 50, and its neighbours have the same: of 5,000 nodes that is 190 MB less
    (benchmarks/all_checks.py).
    """

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(NodeList)
        self._known: dict[NodeImage, NodeImage] = {}

    def decode(self, body: bytes) -> NodeList:
        """One page.

        Raises:
            msgspec.DecodeError: it is none.
        """
        page = self._decoder.decode(body)
        for node in page.items:
            images = tuple(self._known.setdefault(image, image) for image in node.status.images)
            msgspec.structs.force_setattr(node.status, "images", images)  # nobody else has seen it yet
        return page
