"""What a node of each of Domino's pools has for pods when nothing but its DaemonSets runs on it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from checks.fitting import ONE_POD, Place, Shape, places
from domino_health import Node, Pod, amount

SIDE_CARS = 2574 << 20
"""Bytes that istio-proxy, executor and nginx take of a node's memory beside a hardware tier's own, by the
formula of Domino's Admin Toolkit (``test_karpenter_nodepool_memory``): the largest tier has
``EC2_mem * 0.925 - (255 + 11 * MAX_PODS) - 2574`` MiB.
"""
_OF_THE_NODE = frozenset({"DaemonSet", "Node"})
"""Owners of pods that come with every node: DaemonSets, and the node itself (static pods)."""


@dataclass
class Host:
    """The nodes of one of Domino's pools in a cluster."""

    sizes: list[Place] = field(default_factory=list)
    """As they are when they are empty."""

    @cached_property
    def elastic(self) -> bool:
        """Karpenter makes its nodes, and may make a larger one than there is."""
        return any(size.node.metadata.labels.nodepool for size in self.sizes)

    @cached_property
    def lasting(self) -> Sequence[Place]:
        """The nodes that stay; all of them where none does: such a pool is being replaced by its like."""
        return [size for size in self.sizes if size.stays] or self.sizes

    def fits(self, shape: Shape) -> bool:
        """Whether one of its nodes takes a pod of a shape, when it is empty."""
        return any(size.holds(shape) for size in self.lasting)


def hosts(nodes: Sequence[Node], pods: Sequence[Pod]) -> Mapping[tuple[str, str], Host]:
    """Domino's pools that have nodes, by cluster and pool."""
    own = (pod for pod in pods if any(owner.kind in _OF_THE_NODE for owner in pod.metadata.owner_references))
    found: dict[tuple[str, str], Host] = defaultdict(Host)
    for place in places([node for node in nodes if node.pool], own):
        found[place.node.cluster, place.node.pool].sizes.append(place)
    return dict(found)


def short_of(shape: Shape, sizes: Iterable[Place], *, now: bool = False) -> str:
    """Why none of these takes a pod: ``31.0 GiB of memory, where nodes have at most 29.9 GiB``.

    By the node that lacks least: what it lacks, and the most of it that any node has; has free, where they
    are as they are ``now``.
    """
    free = " free" if now else ""
    sizes = tuple(sizes)
    lacking = min((size.lacks(shape) for size in sizes), key=len)
    parts = []
    for name in sorted(lacking):
        most = max(size.free.get(name, 0) for size in sizes)
        wanted = shape.get(name, ONE_POD)
        asked, there = amount(name, wanted), amount(name, max(0, most))
        less = f", {amount(name, wanted - most)} less" if asked == there else ""
        some = "none" if most <= 0 else f"at most {there}{less}"
        parts.append(f"{asked} of {name}, where nodes have {some}{free}")
    return " and ".join(parts)
