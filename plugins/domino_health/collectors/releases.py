"""HelmReleases of whatever API group serves them: Domino does not publish its own, so the server is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from domino_health.collectors.cluster import Connection, connect, how
from domino_health.collectors.kubernetes import Listing
from domino_health.collectors.looking import CollectionError, Deadline, Look, NotInstalledError, Target
from domino_health.collectors.together import read_together
from domino_health.collectors.way_in import NEEDS
from domino_health.facts.observed import Outcome
from domino_health.facts.releases import Discovery, HelmRelease, HelmReleaseList
from domino_health.facts.rights import ANY_GROUP, Right
from domino_health.profile.clusters import Cluster

RESOURCE = "helmreleases"
ABSENT = "no API group serves helmreleases: neither Domino's Platform Operator (6.0) nor Flux is installed"
ACCEPT = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    for version in ("v2", "v2beta1")
)
"""Asks for all groups with what they serve in one answer: v2 since Kubernetes 1.30, v2beta1 before."""

_DISCOVERED = msgspec.json.Decoder(Discovery)

Say = Callable[[str], None]


@dataclass(frozen=True)
class HelmReleases:
    """A collector: the Helm releases that an operator keeps, one target a cluster or namespace."""

    what: str = "The Helm releases that Domino's Platform Operator keeps, or Flux, and what it says of them."
    rights: tuple[Right, ...] = (Right(RESOURCE, "list", ANY_GROUP),)

    def __call__(self, look: Look) -> list[Target[HelmRelease]]:
        """One target a cluster, or a namespace of it."""
        return [
            self._target(look, cluster, namespace)
            for cluster in look.profile.clusters or ()
            for namespace in cluster.namespaces or ("",)
        ]

    def _target(self, look: Look, cluster: Cluster, namespace: str) -> Target[HelmRelease]:
        within = f"/namespaces/{namespace}" if namespace else ""
        asked = how(look, cluster, f"/apis, then /apis/{{those that serve it}}{within}/{RESOURCE}")
        name = f"{cluster.name}/{namespace}" if namespace else cluster.name
        work = partial(_look, look, cluster, namespace)
        return Target(name, asked, cluster.deadline, work, NEEDS)


helm_releases = HelmReleases()


def _look(
    look: Look, cluster: Cluster, namespace: str, deadline: Deadline, say: Say
) -> Sequence[HelmRelease]:
    served = _serving(connect(look, cluster, deadline, say), deadline)
    if not served:
        raise NotInstalledError(ABSENT)
    by_group = {
        group: Listing(
            f"The HelmReleases of {group}.",
            RESOURCE,
            HelmReleaseList,
            f"/apis/{group}/{version}",
            unless_installed=ABSENT,
        ).target(look, cluster, namespace)
        for group, version in served.items()
    }
    return read_together(by_group, "group", ABSENT, deadline, say)


def _serving(connection: Connection, deadline: Deadline) -> Mapping[str, str]:
    """The API groups that serve HelmReleases, each with the version to read.

    Raises:
        CollectionError: that could not be asked, or the server tells the names of groups alone.
    """
    try:
        found: Discovery | None = connection.find("/apis", _DISCOVERED, deadline, ACCEPT)
    except CollectionError as error:
        if error.outcome is Outcome.DENIED:
            error.cure = "bind the account to the ClusterRole system:discovery, as Kubernetes does itself"
        raise
    if found is None or found.kind != "APIGroupDiscoveryList":
        raise CollectionError(
            "GET /apis: names of groups, and not what they serve",
            "nothing helps but a newer Kubernetes: since 1.26 it tells what each group serves",
        )
    return found.serving(RESOURCE)
