"""What the account may do, as each API server says itself: what every collector of this run needs."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import msgspec

from domino_health.collectors.cluster import REVIEWS, connect, how
from domino_health.collectors.looking import Deadline, Look, NothingToLookAtError, Target
from domino_health.collectors.way_in import NEEDS
from domino_health.facts.rights import Right
from domino_health.profile.clusters import Cluster

NAMESPACE = Right("namespaces", "get")
"""Of each namespace that the profile names: of one that is not there, every list is empty."""


def rights_in(cluster: Cluster, needed: Iterable[Right]) -> tuple[Right, ...]:
    """What is needed of one cluster: for the whole of it, or for each of its namespaces that matter.

    Args:
        cluster: of the profile.
        needed: what collectors say that they need.
    """
    needed = set(needed)
    reading = [right for right in needed if not right.opt_in]
    found = {right for right in needed if right.opt_in for right in _of_choice(cluster, right)}
    if not cluster.namespaces:
        found.update(reading)
    else:
        # What stands in a namespace of its own is looked at only where the whole cluster is.
        inside = [right for right in reading if right.in_namespaces and not right.namespace]
        for namespace in cluster.namespaces:
            rights = [*inside, NAMESPACE] if inside else []
            found.update(msgspec.structs.replace(right, namespace=namespace) for right in rights)
    return tuple(sorted(msgspec.structs.replace(right, cluster=cluster.name) for right in found))


def _of_choice(cluster: Cluster, right: Right) -> Iterable[Right]:
    """For each object or namespace that the profile names: ``secrets: [a/b]``, ``logs: [a]``."""
    for named in getattr(cluster, right.opt_in, None) or ():
        namespace, _, name = named.partition("/")
        yield msgspec.structs.replace(right, namespace=namespace, name=name)


def rights(look: Look) -> list[Target[Right]]:
    """Whether the account has been granted what this run needs, in each cluster, namespace by namespace."""
    targets = []
    for cluster in look.profile.clusters or ():
        needed = rights_in(cluster, look.rights)
        for namespace in sorted({right.namespace for right in needed}):
            here = [right for right in needed if right.namespace == namespace]
            name = f"{cluster.name}/{namespace}" if namespace else cluster.name
            work = partial(_review, look, cluster, here)
            targets.append(Target(name, how(look, cluster, REVIEWS, "POST"), cluster.deadline, work, NEEDS))
    if not targets:
        raise NothingToLookAtError("nothing that this run looks at needs a right")
    return targets


def _review(
    look: Look, cluster: Cluster, needed: Sequence[Right], deadline: Deadline, say: Callable[[str], None]
) -> list[Right]:
    connection = connect(look, cluster, deadline, say)
    return [
        msgspec.structs.replace(right, allowed=connection.review(_question(right), deadline))
        for right in needed
    ]


def _question(right: Right) -> dict[str, str]:
    resource, _, part = right.resource.partition("/")
    asked = {
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": part,
        "namespace": right.namespace,
        # Of a namespace itself, the API server takes its name for both.
        "name": right.namespace if resource == "namespaces" else right.name,
    }
    return {key: value for key, value in asked.items() if value}
