"""What the autoscalers say of themselves and of their pools: cluster-autoscaler's and Karpenter's."""

from collections.abc import Mapping
from typing import Literal

from msgspec import field

from domino_health.facts.api import Condition, Kubernetes, ListMeta, Moment
from domino_health.facts.kubernetes import NODE_POOL
from domino_health.vocabulary import Ref


class TemplateLabels(Kubernetes, frozen=True):
    """The labels of a Karpenter template that checks read, and no others."""

    pool: str = field(name=NODE_POOL, default="")


class TemplateMeta(Kubernetes, frozen=True):
    """``spec.template.metadata`` of a Karpenter NodePool."""

    labels: TemplateLabels = TemplateLabels()


class NodeTemplate(Kubernetes, frozen=True):
    """``spec.template`` of a Karpenter NodePool."""

    metadata: TemplateMeta = TemplateMeta()


class KarpenterSpec(Kubernetes, frozen=True):
    """``spec`` of a Karpenter NodePool."""

    template: NodeTemplate = NodeTemplate()
    limits: Mapping[str, str | int | float] = {}
    """How much it may have. Karpenter reads it here alone: what stands under ``template.spec``, as in
    Domino's own examples, is dropped by the API server."""


class KarpenterStatus(Kubernetes, frozen=True):
    """``status`` of a Karpenter NodePool."""

    resources: Mapping[str, str | int | float] = {}
    """What its nodes have together, those on their way too; ``nodes`` among them, since Karpenter 1."""
    conditions: tuple[Condition, ...] = ()


class KarpenterMeta(Kubernetes, frozen=True):
    """``metadata`` of a Karpenter NodePool."""

    name: str


class KarpenterPool(Kubernetes, frozen=True):
    """A Karpenter NodePool, as the API server sends it."""

    metadata: KarpenterMeta
    spec: KarpenterSpec = KarpenterSpec()
    status: KarpenterStatus = KarpenterStatus()


class NodePoolList(Kubernetes, frozen=True):
    """A page of Karpenter NodePools."""

    metadata: ListMeta
    items: list[KarpenterPool]


class NodePool(Kubernetes, frozen=True):
    """A pool that an autoscaler fills: a Karpenter NodePool, or a node group of the cloud's."""

    name: str
    """As the autoscaler calls it; a node group's is the cloud's own, and tells nothing of Domino's pool."""
    pool: str = ""
    """Domino's node pool, where a Karpenter template names it."""
    nodes: int | None = None
    """How many have joined; None where the autoscaler does not say."""
    target: int | None = None
    """How many a node group is to have, as the cloud was told."""
    least: int | None = None
    most: int | None = None
    """A node group's bounds, in nodes."""
    limits: Mapping[str, str] = {}
    """A NodePool's bounds by resource; without any it may grow without end."""
    used: Mapping[str, str] = {}
    """What its nodes have, by resource."""
    health: Condition | None = None
    """``Ready`` of a NodePool, ``Health`` of a node group: ``Healthy`` or ``Unhealthy``."""
    scale_up: Condition | None = None
    """``ScaleUp`` of a node group: ``NoActivity``, ``InProgress``, ``Backoff`` …, with its error."""


class Autoscaler(Kubernetes, frozen=True):
    """One that is installed in a cluster, and all that it says."""

    name: Literal["cluster-autoscaler", "karpenter"]
    state: str = ""
    """Of cluster-autoscaler: ``Running``, or ``Initializing``."""
    written: Moment | None = None
    """When it last wrote its status; None for Karpenter, which writes none."""
    health: Condition | None = None
    """Of cluster-autoscaler, for the cluster as a whole."""
    pools: tuple[NodePool, ...] = ()
    namespace: str = ""
    """Where cluster-autoscaler writes its status."""
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The autoscaler, wherever it runs: a managed cluster shows no Deployment of it."""
        return Ref(self.cluster, "autoscaler", "", self.name)

    def ref_of(self, pool: NodePool) -> Ref:
        """One of its pools."""
        return Ref(self.cluster, "nodepool" if self.name == "karpenter" else "nodegroup", "", pool.name)
