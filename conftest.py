"""The table of facts: what checks may ask for, who looks, and what they get."""

from domino_health import fact
from domino_health.collectors import (
    bundles,
    discovery,
    keycloak,
    kubernetes,
    ldap,
    logs,
    platform_logs,
    pools,
    previous,
    releases,
    saml,
    saml_login,
    scans,
    secrets,
    tiers,
    tls,
)
from domino_health.collectors import (
    compute_clusters as computing,
)
from domino_health.facts.builds import ImageBuild
from domino_health.facts.ca_bundles import CaBundle
from domino_health.facts.compute_clusters import ComputeCluster
from domino_health.facts.domino import DominoNamespace, DominoService, DominoStorage
from domino_health.facts.events import Event
from domino_health.facts.keycloak import KeycloakRealm
from domino_health.facts.kubernetes import Clock, Pod
from domino_health.facts.ldap import LdapDirectory
from domino_health.facts.login import SamlLogin
from domino_health.facts.logs import LogCount, LogTail
from domino_health.facts.metrics import NodeMetrics
from domino_health.facts.network import NetworkPolicy
from domino_health.facts.nodes import Node
from domino_health.facts.pools import Autoscaler
from domino_health.facts.previous import PreviousRun
from domino_health.facts.quotas import LimitRange, ResourceQuota
from domino_health.facts.releases import HelmRelease
from domino_health.facts.saml import SamlMetadata
from domino_health.facts.scans import ScanReport
from domino_health.facts.secrets import TlsSecret
from domino_health.facts.services import EndpointSlice, Service
from domino_health.facts.storage import StorageClass, VolumeClaim
from domino_health.facts.tiers import HardwareTier
from domino_health.facts.tls import TlsEndpoint
from domino_health.facts.volumes import Volume
from domino_health.facts.workloads import DaemonSet, Deployment, StatefulSet

clock = fact("clock", kubernetes.clock, Clock, section="clusters")
pods = fact("pods", kubernetes.pods, Pod, section="clusters")
nodes = fact("nodes", kubernetes.nodes, Node, section="clusters")
deployments = fact("deployments", kubernetes.deployments, Deployment, section="clusters")
statefulsets = fact("statefulsets", kubernetes.statefulsets, StatefulSet, section="clusters")
daemonsets = fact("daemonsets", kubernetes.daemonsets, DaemonSet, section="clusters")
services = fact("services", kubernetes.services, Service, section="clusters")
endpoint_slices = fact("endpoint_slices", kubernetes.endpoint_slices, EndpointSlice, section="clusters")
events = fact("events", kubernetes.events, Event, section="clusters")
node_metrics = fact("node_metrics", kubernetes.node_metrics, NodeMetrics, section="clusters")
resource_quotas = fact("resource_quotas", kubernetes.resource_quotas, ResourceQuota, section="clusters")
node_pools = fact("node_pools", pools.node_pools, Autoscaler, section="clusters")
limit_ranges = fact("limit_ranges", kubernetes.limit_ranges, LimitRange, section="clusters")
volume_claims = fact("volume_claims", kubernetes.volume_claims, VolumeClaim, section="clusters")
volumes = fact("volumes", kubernetes.volumes, Volume, section="clusters")
storage_classes = fact("storage_classes", kubernetes.storage_classes, StorageClass, section="clusters")
network_policies = fact("network_policies", kubernetes.network_policies, NetworkPolicy, section="clusters")
image_builds = fact("image_builds", kubernetes.image_builds, ImageBuild, section="clusters")
compute_clusters = fact("compute_clusters", computing.compute_clusters, ComputeCluster, section="clusters")
helm_releases = fact("helm_releases", releases.helm_releases, HelmRelease, section="clusters")
container_logs = fact("container_logs", logs.container_logs, LogTail, section="clusters", after=("pods",))

# What of all that is Domino's: the profile's section domino has the first word, and is not needed.
domino_namespaces = fact("domino_namespaces", discovery.namespaces, DominoNamespace, section="clusters")
domino_services = fact(
    "domino_services",
    discovery.services,
    DominoService,
    section="clusters",
    after=("domino_namespaces", "deployments", "statefulsets"),
)
domino_storage = fact(
    "domino_storage",
    discovery.storage,
    DominoStorage,
    section="clusters",
    after=("domino_namespaces",),
)
log_counts = fact(
    "log_counts",
    platform_logs.log_counts,
    LogCount,
    section="clusters",
    after=("pods", "domino_namespaces", "domino_services"),
)
hardware_tiers = fact("hardware_tiers", tiers.hardware_tiers, HardwareTier, section="domino")

scan_reports = fact("scan_reports", scans.scan_reports, ScanReport, section="scans")
tls_endpoints = fact("tls_endpoints", tls.endpoints, TlsEndpoint, section="tls")
saml_metadata = fact("saml_metadata", saml.saml_metadata, SamlMetadata, section="saml")
previous_saml_metadata = fact(
    "previous_saml_metadata",
    previous.earlier("saml_metadata", SamlMetadata),
    SamlMetadata,
    section="saml",
)
keycloak_realms = fact("keycloak_realms", keycloak.keycloak_realms, KeycloakRealm, section="keycloak")
saml_logins = fact(
    "saml_logins", saml_login.saml_logins, SamlLogin, section="keycloak", after=("keycloak_realms",)
)
ldap_directories = fact("ldap_directories", ldap.ldap_directories, LdapDirectory, section="ldap")
ca_bundles = fact("ca_bundles", bundles.ca_bundles, CaBundle, section="clusters")
tls_secrets = fact("tls_secrets", secrets.tls_secrets, TlsSecret, section="clusters")
previous_run = fact("previous", previous.previous, PreviousRun)
