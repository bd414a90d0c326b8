"""Who mounts which claim."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from domino_health import Pod, Ref, StatefulSet, VolumeClaim

Key = tuple[str, str, str]
"""Cluster, namespace and name of a claim."""


def mounted(pods: Iterable[Pod]) -> frozenset[Key]:
    """The claims that pods mount which have not ended."""
    return frozenset(
        (pod.cluster, pod.metadata.namespace, name)
        for pod in pods
        if pod.spec.volumes and not pod.finished
        for name in pod.claims
    )


def owners(
    claims: Iterable[VolumeClaim], pods: Iterable[Pod], statefulsets: Iterable[StatefulSet]
) -> Mapping[Key, Collection[Ref]]:
    """The workloads that mount each of these claims; executions are none.

    A StatefulSet keeps the claims that it has made when it is scaled to nothing: they are told by their name,
    which ends in its own and a number.
    """
    wanted = {claim.key: claim for claim in claims}
    found: dict[Key, set[Ref]] = defaultdict(set)
    for pod in pods if wanted else ():
        for name in pod.claims if pod.spec.volumes else ():
            key = pod.cluster, pod.metadata.namespace, name
            if key in wanted and not pod.execution:
                found[key].add(pod.subject)
    known = {(each.cluster, each.metadata.namespace, each.metadata.name): each.ref for each in statefulsets}
    return {key: found.get(key) or _by_name(claim, known) for key, claim in wanted.items()}


def _by_name(claim: VolumeClaim, known: Mapping[Key, Ref]) -> Collection[Ref]:
    """``data-rabbitmq-ha-39-0`` is of the StatefulSet ``rabbitmq-ha-39``."""
    cluster, namespace, name = claim.key
    head, _, number = name.rpartition("-")
    words = head.split("-") if number.isdecimal() else []
    candidates = ("-".join(words[at:]) for at in range(1, len(words)))
    return [known[cluster, namespace, each] for each in candidates if (cluster, namespace, each) in known][:1]
