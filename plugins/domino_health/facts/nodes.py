"""What is kept of the nodes of a Kubernetes cluster."""

from datetime import datetime, timedelta

import msgspec

from domino_health.facts.kubernetes import Condition, Kubernetes, ListMeta, Moment
from domino_health.vocabulary import Ref

# By these the two autoscalers say that they are taking a node away: Kubernetes' own, and Karpenter since
# its version 1 and before.
_LEAVING = frozenset({"ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted", "karpenter.sh/disruption"})


class NodeLabels(Kubernetes, frozen=True):
    """The labels that checks read, and no others."""

    pool: str = msgspec.field(name="dominodatalab.com/node-pool", default="")


class NodeMeta(Kubernetes, frozen=True):
    """``metadata`` of a node."""

    name: str
    creation_timestamp: Moment
    deletion_timestamp: Moment | None = None
    labels: NodeLabels = NodeLabels()


class Taint(Kubernetes, frozen=True):
    """What keeps pods off a node that do not tolerate it."""

    key: str
    effect: str = ""


class NodeSpec(Kubernetes, frozen=True):
    """``spec`` of a node."""

    unschedulable: bool = False
    """It is cordoned: somebody, or an autoscaler, wants no more pods on it."""
    taints: tuple[Taint, ...] = ()


class NodeCondition(Condition, frozen=True):
    """One of a node's ``status.conditions``: what the kubelet says, or Kubernetes of a silent kubelet."""

    last_transition_time: Moment | None = None


class NodeStatus(Kubernetes, frozen=True):
    """``status`` of a node."""

    conditions: tuple[NodeCondition, ...] = ()


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
        """It is being deleted, or an autoscaler has said that it takes it away."""
        return self.metadata.deletion_timestamp is not None or any(
            taint.key in _LEAVING for taint in self.spec.taints
        )

    def condition(self, type: str) -> NodeCondition | None:
        """The condition of that type, where the kubelet or Kubernetes has set one."""
        return next((each for each in self.status.conditions if each.type == type), None)

    def since(self, condition: NodeCondition | None, now: datetime) -> timedelta:
        """How long a condition has been as it is; of one that nobody has set, since the node was made."""
        moment = (condition and condition.last_transition_time) or self.metadata.creation_timestamp
        return max(now - moment, timedelta(0))


class NodeList(Kubernetes, frozen=True):
    """A page of nodes."""

    metadata: ListMeta
    items: list[Node]
