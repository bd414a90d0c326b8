"""Which of Domino's pools a node group of the cloud fills, as far as its nodes tell."""

import re
from collections.abc import Iterable, Mapping

from domino_health import Node

# Which node group a node is of: GKE and AKS name nodes after it, and EKS names it after its nodes' label.
NODE_NAME = re.compile(r"(gke-.+)-[0-9a-z]{4}|(aks-.+-vmss)[0-9a-z]{6}")
EKS_GROUP = re.compile(r"eks-(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def group(name: str) -> str:
    """A node group by what its nodes tell of it: EKS' label, or the beginning of their names."""
    last = name.rpartition("/")[2]
    eks = EKS_GROUP.fullmatch(last)
    return eks[1] if eks else last.removesuffix("-grp")


def homes(nodes: Iterable[Node]) -> Mapping[tuple[str, str], str]:
    """Domino's pool of each node group that has nodes, by cluster and group; none where they do not agree."""
    pools: dict[tuple[str, str], set[str]] = {}
    for node in nodes:
        named = NODE_NAME.fullmatch(node.metadata.name)
        group = node.metadata.labels.eks_group or (named and (named[1] or named[2])) or ""
        if group and node.pool:
            pools.setdefault((node.cluster, group), set()).add(node.pool)
    return {group: next(iter(there)) for group, there in pools.items() if len(there) == 1}
