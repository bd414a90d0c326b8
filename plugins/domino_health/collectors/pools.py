"""The autoscalers of every cluster: Karpenter's NodePools, and the status that cluster-autoscaler writes.

Either need not be there: that is told apart from a refusal, and from an autoscaler that has no pool.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from domino_health.collectors.cluster import Connection, NotServedError, connect, how
from domino_health.collectors.discovery import USUAL
from domino_health.collectors.looking import (
    CollectionError,
    Deadline,
    Look,
    NotInstalledError,
    Target,
    whole_clusters,
)
from domino_health.collectors.pool_status import status_of
from domino_health.collectors.way_in import NEEDS
from domino_health.facts.api import Condition, condition_of
from domino_health.facts.observed import Outcome
from domino_health.facts.pools import Autoscaler, KarpenterPool, NodePool, NodePoolList
from domino_health.facts.quantities import quantity
from domino_health.facts.rights import Right
from domino_health.profile import Profile
from domino_health.profile.clusters import Cluster

SYSTEM, NAME = "kube-system", "cluster-autoscaler-status"
"""Where cluster-autoscaler writes, unless it is told otherwise. Its chart tells it to write where it runs,
and with Domino that is the platform's namespace (terraform-aws-eks gives its role there)."""
NODE_POOLS = tuple(f"/apis/karpenter.sh/{version}/nodepools" for version in ("v1", "v1beta1"))
"""Karpenter 1 and later, and 0.32 to 0.37; the Provisioners before that are not read."""


class _Data(msgspec.Struct, frozen=True):
    status: str = ""


class _ConfigMap(msgspec.Struct, frozen=True):
    """The one key that is read; of all others nothing is kept."""

    data: _Data = _Data()


_STATUS = msgspec.json.Decoder(_ConfigMap)
_PAGE = msgspec.json.Decoder(NodePoolList)


@dataclass(frozen=True)
class Pools:
    """A collector: what the autoscalers of each cluster say of themselves and of their pools."""

    what: str = "The autoscalers of every cluster, and what they say of their pools."

    @property
    def rights(self) -> tuple[Right, ...]:
        """To list NodePools, and to get that one ConfigMap where it may be."""
        return _rights((SYSTEM, USUAL["platform"]))

    def rights_for(self, profile: Profile) -> tuple[Right, ...]:
        """The same, with the platform's namespace as the profile calls it."""
        clusters = profile.clusters or ()
        return _rights({name: "" for cluster in clusters for name in namespaces_of(profile, cluster)})

    def __call__(self, look: Look) -> list[Target[Autoscaler]]:
        """One target a cluster.

        Raises:
            NothingToLookAtError: the profile looks into namespaces alone.
        """
        return [_target(look, cluster) for cluster in whole_clusters(look.profile, "node pools")]


node_pools = Pools()


def _target(look: Look, cluster: Cluster) -> Target[Autoscaler]:
    paths = (NODE_POOLS[0], *map(_path, namespaces_of(look.profile, cluster)))
    work = partial(_look, look, cluster)
    return Target(
        cluster.name, how(look, cluster, " and ".join(paths)), cluster.deadline, work, (*NEEDS, "yaml")
    )


def _look(
    look: Look, cluster: Cluster, deadline: Deadline, say: Callable[[str], None]
) -> Sequence[Autoscaler]:
    connection = connect(look, cluster, deadline, say)
    namespaces = namespaces_of(look.profile, cluster)
    found: list[Autoscaler] = []
    refused: list[CollectionError] = []
    statuses = [partial(_cluster_autoscaler, namespace) for namespace in namespaces]
    ways: list[Callable[[Connection, str, Deadline], Autoscaler | None]] = [_karpenter, *statuses]
    for read in ways:
        try:
            if autoscaler := read(connection, cluster.name, deadline):
                found.append(autoscaler)
        except CollectionError as error:
            refused.append(error)
    found = _newest(found)
    if refused:
        raise _together(refused, found)
    if not found:
        raise NotInstalledError(
            f"no autoscaler: Karpenter is not installed (GET {NODE_POOLS[-1]}: 404), and cluster-autoscaler "
            f"has written no status (no ConfigMap {NAME} in namespace {' or '.join(namespaces)})"
        )
    return found


def namespaces_of(profile: Profile, cluster: Cluster) -> tuple[str, ...]:
    """Where cluster-autoscaler may write in a cluster. The section domino speaks of the first one."""
    first = cluster == (profile.clusters or (cluster,))[0]
    said = profile.domino.platform_namespace if profile.domino and first else None
    return tuple(dict.fromkeys((SYSTEM, said or USUAL["platform"])))


def _rights(namespaces: Iterable[str]) -> tuple[Right, ...]:
    return (
        Right("nodepools", "list", "karpenter.sh", in_namespaces=False),
        *(Right("configmaps", "get", namespace=namespace, name=NAME) for namespace in namespaces),
    )


def _path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/{NAME}"


def _newest(found: Sequence[Autoscaler]) -> list[Autoscaler]:
    """One of each: who has moved to another namespace leaves an old status behind."""
    newest: dict[str, Autoscaler] = {}
    for each in found:
        before = newest.get(each.name)
        if not (before and before.written and each.written and before.written >= each.written):
            newest[each.name] = each
    return list(newest.values())


def _together(errors: Sequence[CollectionError], found: Sequence[Autoscaler]) -> CollectionError:
    """One error of both ways; what the other one has shown goes with it."""
    reason = "; ".join(error.reason for error in errors)
    cure = "; ".join(dict.fromkeys(error.cure for error in errors))
    if found:
        return CollectionError(reason, cure, Outcome.TRUNCATED, found)
    outcome = errors[0].outcome
    return CollectionError(reason, cure, Outcome.FAILED if outcome is Outcome.TRUNCATED else outcome)


def _karpenter(connection: Connection, cluster: str, deadline: Deadline) -> Autoscaler | None:
    """Its NodePools, by the newest version that the API server has; None where it has none."""
    for path in NODE_POOLS:
        try:
            pools: list[KarpenterPool] = connection.list(path, _PAGE, deadline)
        except NotServedError:
            continue
        return Autoscaler("karpenter", pools=tuple(map(_pool, pools)), cluster=cluster)
    return None


def _pool(each: KarpenterPool) -> NodePool:
    ready = condition_of(each.status.conditions, "Ready")
    used = _quantities(each, "status.resources", each.status.resources)
    return NodePool(
        name=each.metadata.name,
        pool=each.spec.template.metadata.labels.pool,
        nodes=quantity(used["nodes"]) // 1000 if "nodes" in used else None,
        limits=_quantities(each, "spec.limits", each.spec.limits),
        used=used,
        health=_unlabelled(ready),
    )


def _unlabelled(ready: Condition | None) -> Condition | None:
    """Karpenter repeats the status where it has no reason: ``Ready`` because of ``Ready``."""
    if ready and ready.reason == ready.type:
        return msgspec.structs.replace(ready, reason="")
    return ready


def _quantities(each: KarpenterPool, where: str, amounts: Any) -> dict[str, str]:
    """As texts. The schema of Karpenter takes numbers too, and what was stored before it was strict."""
    texts = {resource: str(amount) for resource, amount in amounts.items()}
    for resource, text in texts.items():
        try:
            quantity(text)
        except ValueError as error:
            raise CollectionError(
                f"nodepool/{each.metadata.name}: {resource} of its {where} is {error}",
                "mend the NodePool: kubectl edit nodepool",
            ) from None
    return texts


def _cluster_autoscaler(
    namespace: str, connection: Connection, cluster: str, deadline: Deadline
) -> Autoscaler | None:
    """What its ConfigMap in that namespace says; None where there is none."""
    found: _ConfigMap | None = connection.find(_path(namespace), _STATUS, deadline)
    if found is None:
        return None
    try:
        status = status_of(found.data.status)
    except ValueError as error:
        raise CollectionError(
            f"ConfigMap {namespace}/{NAME}: its key status is {error}",
            f"see what writes it: kubectl -n {namespace} get configmap {NAME} -o yaml; "
            "cluster-autoscaler writes text up to its version 1.29, and YAML from 1.30 on",
        ) from None
    return msgspec.structs.replace(status, namespace=namespace, cluster=cluster)
