"""What is free on nodes, and what fits there: sums, and no judgement."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from domino_health import Node, Pod, Taint, Toleration, untolerated

ONE_POD = 1000
"""Of the resource ``pods``, in thousandths as all others: every pod takes one."""
Shape = Mapping[str, int]
"""What a pod asks for, in thousandths by resource."""


@dataclass(frozen=True)
class Place:
    """A node, and what of it nobody has asked for."""

    node: Node
    free: Shape

    @property
    def open(self) -> bool:
        """New pods may come: it is Ready, and stays."""
        return self.node.ready and self.stays

    @property
    def stays(self) -> bool:
        """Nobody takes it away or has cordoned it. A kubelet that is silent may come back."""
        return not (self.node.spec.unschedulable or self.node.leaving)

    def holds(self, shape: Shape) -> int:
        """How many pods of a shape still fit. Taints are not minded."""
        asked = {**shape, "pods": ONE_POD}
        return min(max(0, self.free.get(name, 0)) // amount for name, amount in asked.items() if amount > 0)

    def lacks(self, shape: Shape) -> frozenset[str]:
        """The resources of which too little is free for one of a shape."""
        asked = {**shape, "pods": ONE_POD}
        return frozenset(name for name, amount in asked.items() if amount > self.free.get(name, 0))

    def keeps_off(self, tolerations: Iterable[Toleration]) -> list[Taint]:
        """The taints that keep a pod off it."""
        return untolerated(self.node.spec.taints, tolerations)


def places(nodes: Sequence[Node], pods: Iterable[Pod]) -> list[Place]:
    """Every node, with what is free on it: its room without what its pods ask for that have not ended."""
    taken: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for pod in running(pods):
        there = taken[pod.cluster, pod.spec.node_name]
        for name, amount in pod.asked().items():
            there[name] = there.get(name, 0) + amount
        there["pods"] = there.get("pods", 0) + ONE_POD
    return [
        Place(
            node,
            {
                name: amount - taken[node.cluster, node.metadata.name].get(name, 0)
                for name, amount in node.room().items()
            },
        )
        for node in nodes
    ]


def running(pods: Iterable[Pod]) -> Iterator[Pod]:
    """The pods that hold a place on a node."""
    return (pod for pod in pods if pod.spec.node_name and not pod.finished)
