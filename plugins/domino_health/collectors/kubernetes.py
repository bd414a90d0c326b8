"""Facts from Kubernetes API servers: one target a cluster, or a namespace of it where it must be so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import msgspec

from domino_health.collectors.cluster import PAGE, Decoder, NotServedError, connect, how
from domino_health.collectors.looking import (
    CollectionError,
    Deadline,
    Look,
    NotInstalledError,
    Target,
    whole_clusters,
)
from domino_health.collectors.way_in import NEEDS
from domino_health.facts.builds import ImageBuildList
from domino_health.facts.events import EventList
from domino_health.facts.kubernetes import Clock, PodList
from domino_health.facts.metrics import NodeMetricsList
from domino_health.facts.network import NetworkPolicyList
from domino_health.facts.nodes import NodeList, NodePages
from domino_health.facts.quotas import LimitRangeList, ResourceQuotaList
from domino_health.facts.rights import Right
from domino_health.facts.services import EndpointSliceList, ServiceList
from domino_health.facts.storage import StorageClassList, VolumeClaimList
from domino_health.facts.volumes import VolumeList
from domino_health.facts.workloads import DaemonSetList, DeploymentList, StatefulSetList
from domino_health.profile.clusters import Cluster


@dataclass(frozen=True)
class Listing:
    """A collector: every object of one kind, of every cluster or of those of its namespaces that matter."""

    what: str
    """A sentence for those who ask what the fact is."""
    resource: str
    """As RBAC writes it: plural, lower case."""
    page: type[Any]
    """What a page of the list decodes to: ``PodList``."""
    api: str = "/api/v1"
    """``/api/v1``, or ``/apis/GROUP/VERSION``."""
    in_namespaces: bool = True
    """False for what belongs to the cluster as a whole: nodes."""
    reads: Callable[[], Decoder] | None = None
    """What decodes the pages of a listing, where that is more than their type."""
    unless_installed: str = ""
    """For a kind that a cluster need not have: what its absence means, "metrics-server is not installed"."""
    at_once: int = PAGE
    """Objects a page: fewer of what is large."""

    @property
    def rights(self) -> tuple[Right, ...]:
        """What the account must be allowed to. By namespace it must also see whether that exists."""
        group = self.api.removeprefix("/apis/").rpartition("/")[0] if self.api.startswith("/apis/") else ""
        return (Right(self.resource, "list", group, in_namespaces=self.in_namespaces),)

    def __call__(self, look: Look) -> list[Target[Any]]:
        """One target a cluster, or a namespace of it.

        Raises:
            NothingToLookAtError: it belongs to no namespace, and the profile looks into namespaces alone.
        """
        profile = look.profile
        clusters = profile.clusters or () if self.in_namespaces else whole_clusters(profile, self.resource)
        return [
            self.target(look, cluster, namespace)
            for cluster in clusters
            for namespace in cluster.namespaces or ("",)
        ]

    def target(self, look: Look, cluster: Cluster, namespace: str = "") -> Target[Any]:
        """One cluster, or one of its namespaces."""
        within = f"/namespaces/{namespace}" if namespace else ""
        path = f"{self.api}{within}/{self.resource}"
        work = partial(self._read, look, cluster, namespace, path)
        name = f"{cluster.name}/{namespace}" if namespace else cluster.name
        return Target(name, how(look, cluster, f"{path}?limit={self.at_once}"), cluster.deadline, work, NEEDS)

    def _read(
        self,
        look: Look,
        cluster: Cluster,
        namespace: str,
        path: str,
        deadline: Deadline,
        say: Callable[[str], None],
    ) -> Sequence[Any]:
        connection = connect(look, cluster, deadline, say)
        try:
            decoder = self.reads() if self.reads else msgspec.json.Decoder(self.page)
            things = _of(cluster, connection.list(path, decoder, deadline, say, self.at_once))
        except CollectionError as error:
            if self.unless_installed and isinstance(error, NotServedError):
                raise NotInstalledError(f"{self.unless_installed} (GET {path}: 404)") from None
            _of(cluster, error.seen)
            raise
        if namespace and not things:
            connection.require_namespace(namespace, self.resource, deadline)
        return things


APPS = "/apis/apps/v1"
pods = Listing("Every pod of every cluster.", "pods", PodList)
nodes = Listing("Every node of every cluster.", "nodes", NodeList, in_namespaces=False, reads=NodePages)
deployments = Listing("Every Deployment of every cluster.", "deployments", DeploymentList, APPS)
statefulsets = Listing("Every StatefulSet of every cluster.", "statefulsets", StatefulSetList, APPS)
resource_quotas = Listing("Every quota of every cluster.", "resourcequotas", ResourceQuotaList)
daemonsets = Listing("Every DaemonSet of every cluster.", "daemonsets", DaemonSetList, APPS)
services = Listing("Every Service of every cluster.", "services", ServiceList)
endpoint_slices = Listing(
    "What is behind every Service of every cluster.",
    "endpointslices",
    EndpointSliceList,
    "/apis/discovery.k8s.io/v1",
)
events = Listing(
    "The events of every cluster that it still keeps: an hour's, by default.", "events", EventList
)
node_metrics = Listing(
    "What every node uses now, as `kubectl top nodes` shows it.",
    "nodes",
    NodeMetricsList,
    "/apis/metrics.k8s.io/v1beta1",
    in_namespaces=False,
    unless_installed="no metrics API: metrics-server is not installed",
)
network_policies = Listing(
    "Every network policy of every cluster.",
    "networkpolicies",
    NetworkPolicyList,
    "/apis/networking.k8s.io/v1",
)
limit_ranges = Listing("Every limit range of every cluster.", "limitranges", LimitRangeList)
volume_claims = Listing("Every claim on storage of every cluster.", "persistentvolumeclaims", VolumeClaimList)
volumes = Listing("Every volume of every cluster.", "persistentvolumes", VolumeList, in_namespaces=False)
storage_classes = Listing(
    "Every storage class of every cluster.",
    "storageclasses",
    StorageClassList,
    "/apis/storage.k8s.io/v1",
    in_namespaces=False,
)
image_builds = Listing(
    "The images that Domino's builder builds, and has built, as far as it keeps them.",
    "imagebuilds",
    ImageBuildList,
    "/apis/hephaestus.dominodatalab.com/v1",
    unless_installed="Hephaestus is not installed: images are built in another way, or elsewhere",
)


def clock(look: Look) -> list[Target[Clock]]:
    """How far the first cluster's clock is from ours: what is old is told by its clock."""
    cluster = (look.profile.clusters or ())[0]
    work = partial(_clock, look, cluster)
    return [Target(cluster.name, how(look, cluster, "/version"), cluster.deadline, work, NEEDS)]


def _of(cluster: Cluster, things: Sequence[Any]) -> Sequence[Any]:
    """Say whose they are: the API does not know what the profile calls it."""
    for thing in things:
        msgspec.structs.force_setattr(thing, "cluster", cluster.name)  # nobody else has seen it yet
    return things


def _clock(look: Look, cluster: Cluster, deadline: Deadline, say: Callable[[str], None]) -> list[Clock]:
    connection = connect(look, cluster, deadline, say)
    before = datetime.now(UTC)
    answer = connection.get("/version", deadline)  # a refusal carries a date as well
    after = datetime.now(UTC)
    try:
        server = parsedate_to_datetime(answer.headers.get("Date", ""))
        skew = (server - (before + (after - before) / 2)).total_seconds()
    except (ValueError, TypeError, OverflowError):  # no date, one without a zone, one beyond all years
        raise CollectionError(
            f"GET /version: {answer.status} without a date", "see what answers at this address"
        ) from None
    # Date is in whole seconds, cut off: up to a second of difference says nothing.
    return [Clock(skew=0 if -1.5 <= skew <= 1.0 else round(skew), source=f"cluster {cluster.name}")]
