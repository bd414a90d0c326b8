"""Which namespaces are which part of Domino's."""

from collections.abc import Iterable

from domino_health import DominoNamespace


def platform_of(namespaces: Iterable[DominoNamespace]) -> frozenset[tuple[str, str]]:
    """Cluster and name of those whose services are always on."""
    return frozenset((each.cluster, each.name) for each in namespaces if each.part == "platform")
