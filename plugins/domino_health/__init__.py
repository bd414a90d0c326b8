"""domino-health: is the Domino platform healthy, may we upgrade, can we prove it?

The public names, imported when first used: pytest loads this package in every run, also in those
that have nothing to do with it, and must not pay for what it does not use.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Assessment": "vocabulary",
    "Attachment": "vocabulary",
    "Autoscaler": "facts.pools",
    "Bar": "plots",
    "CaBundle": "facts.ca_bundles",
    "CaFile": "profile.base",
    "Candidate": "facts.domino",
    "Certificate": "facts.tls",
    "CollectionError": "collectors.looking",
    "ComputeCluster": "facts.compute_clusters",
    "Condition": "facts.api",
    "Container": "facts.resources",
    "ContainerStatus": "facts.containers",
    "Terminated": "facts.containers",
    "DaemonSet": "facts.workloads",
    "Deadline": "collectors.looking",
    "Deployment": "facts.workloads",
    "DominoNamespace": "facts.domino",
    "DominoService": "facts.domino",
    "Duration": "units",
    "EndpointSlice": "facts.services",
    "Event": "facts.events",
    "Finding": "vocabulary",
    "HardwareTier": "facts.tiers",
    "HelmRelease": "facts.releases",
    "ImageBuild": "facts.builds",
    "KnownFault": "facts.logs",
    "LdapDirectory": "facts.ldap",
    "LimitRange": "facts.quotas",
    "LogCount": "facts.logs",
    "LogTail": "facts.logs",
    "Look": "collectors.looking",
    "Many": "profile.base",
    "Mark": "plots",
    "MOST_IMAGES": "facts.nodes",
    "NODE_POOL": "facts.kubernetes",
    "Name": "profile.base",
    "NetworkPolicy": "facts.network",
    "Node": "facts.nodes",
    "NodePool": "facts.pools",
    "NodeImage": "facts.nodes",
    "NodeMetrics": "facts.metrics",
    "NotInstalledError": "collectors.looking",
    "NothingToLookAtError": "collectors.looking",
    "Outcome": "facts.observed",
    "Patterns": "units",
    "Percentage": "units",
    "Pod": "facts.kubernetes",
    "Broker": "facts.keycloak",
    "BrokerMapper": "facts.keycloak",
    "KeycloakRealm": "facts.keycloak",
    "Clock": "facts.kubernetes",
    "Probe": "facts.workloads",
    "Ref": "vocabulary",
    "ResourceQuota": "facts.quotas",
    "SamlLogin": "facts.login",
    "SamlMetadata": "facts.saml",
    "SamlService": "facts.saml",
    "ScanReport": "facts.scans",
    "Secret": "profile.base",
    "Section": "profile.base",
    "Service": "facts.services",
    "Severity": "vocabulary",
    "Size": "units",
    "StatefulSet": "facts.workloads",
    "StorageClass": "facts.storage",
    "DominoStorage": "facts.domino",
    "Volume": "facts.volumes",
    "VolumeClaim": "facts.storage",
    "on_network": "facts.storage",
    "Taint": "facts.placing",
    "Target": "collectors.looking",
    "TlsEndpoint": "facts.tls",
    "TlsSecret": "facts.secrets",
    "Toleration": "facts.placing",
    "Unseen": "vocabulary",
    "age": "units",
    "amount": "facts.quantities",
    "check": "vocabulary",
    "digest_of": "facts.images",
    "environment_of": "facts.kubernetes",
    "fact": "plugin.facts",
    "image_name": "facts.images",
    "image_subject": "facts.images",
    "is_accelerator": "facts.resources",
    "is_execution_name": "facts.kubernetes",
    "percent": "units",
    "quantity": "facts.quantities",
    "repository_of": "facts.images",
    "size": "units",
    "timeline": "plots",
    "untolerated": "facts.placing",
}

__all__ = [
    "MOST_IMAGES",
    "NODE_POOL",
    "Assessment",
    "Attachment",
    "Autoscaler",
    "Bar",
    "Broker",
    "BrokerMapper",
    "CaBundle",
    "CaFile",
    "Candidate",
    "Certificate",
    "Clock",
    "CollectionError",
    "ComputeCluster",
    "Condition",
    "Container",
    "ContainerStatus",
    "DaemonSet",
    "Deadline",
    "Deployment",
    "DominoNamespace",
    "DominoService",
    "DominoStorage",
    "Duration",
    "EndpointSlice",
    "Event",
    "Finding",
    "HardwareTier",
    "HelmRelease",
    "ImageBuild",
    "KeycloakRealm",
    "KnownFault",
    "LdapDirectory",
    "LimitRange",
    "LogCount",
    "LogTail",
    "Look",
    "Many",
    "Mark",
    "Name",
    "NetworkPolicy",
    "Node",
    "NodeImage",
    "NodeMetrics",
    "NodePool",
    "NotInstalledError",
    "NothingToLookAtError",
    "Outcome",
    "Patterns",
    "Percentage",
    "Pod",
    "Probe",
    "Ref",
    "ResourceQuota",
    "SamlLogin",
    "SamlMetadata",
    "SamlService",
    "ScanReport",
    "Secret",
    "Section",
    "Service",
    "Severity",
    "Size",
    "StatefulSet",
    "StorageClass",
    "Taint",
    "Target",
    "Terminated",
    "TlsEndpoint",
    "TlsSecret",
    "Toleration",
    "Unseen",
    "Volume",
    "VolumeClaim",
    "age",
    "amount",
    "check",
    "digest_of",
    "environment_of",
    "fact",
    "image_name",
    "image_subject",
    "is_accelerator",
    "is_execution_name",
    "on_network",
    "percent",
    "quantity",
    "repository_of",
    "size",
    "timeline",
    "untolerated",
]

if TYPE_CHECKING:
    from domino_health.collectors.looking import (
        CollectionError,
        Deadline,
        Look,
        NothingToLookAtError,
        NotInstalledError,
        Target,
    )
    from domino_health.facts.api import Condition
    from domino_health.facts.builds import ImageBuild
    from domino_health.facts.ca_bundles import CaBundle
    from domino_health.facts.compute_clusters import ComputeCluster
    from domino_health.facts.containers import ContainerStatus, Terminated
    from domino_health.facts.domino import Candidate, DominoNamespace, DominoService, DominoStorage
    from domino_health.facts.events import Event
    from domino_health.facts.images import digest_of, image_name, image_subject, repository_of
    from domino_health.facts.keycloak import Broker, BrokerMapper, KeycloakRealm
    from domino_health.facts.kubernetes import NODE_POOL, Clock, Pod, environment_of, is_execution_name
    from domino_health.facts.ldap import LdapDirectory
    from domino_health.facts.login import SamlLogin
    from domino_health.facts.logs import KnownFault, LogCount, LogTail
    from domino_health.facts.metrics import NodeMetrics
    from domino_health.facts.network import NetworkPolicy
    from domino_health.facts.nodes import MOST_IMAGES, Node, NodeImage
    from domino_health.facts.observed import Outcome
    from domino_health.facts.placing import Taint, Toleration, untolerated
    from domino_health.facts.pools import Autoscaler, NodePool
    from domino_health.facts.quantities import amount, quantity
    from domino_health.facts.quotas import LimitRange, ResourceQuota
    from domino_health.facts.releases import HelmRelease
    from domino_health.facts.resources import Container, is_accelerator
    from domino_health.facts.saml import SamlMetadata as SamlMetadata
    from domino_health.facts.saml import SamlService as SamlService
    from domino_health.facts.scans import ScanReport
    from domino_health.facts.secrets import TlsSecret
    from domino_health.facts.services import EndpointSlice, Service
    from domino_health.facts.storage import StorageClass, VolumeClaim, on_network
    from domino_health.facts.tiers import HardwareTier
    from domino_health.facts.tls import Certificate, TlsEndpoint
    from domino_health.facts.volumes import Volume
    from domino_health.facts.workloads import DaemonSet, Deployment, Probe, StatefulSet
    from domino_health.plots import Bar, Mark, timeline
    from domino_health.plugin.facts import fact
    from domino_health.profile.base import CaFile, Many, Name, Secret, Section
    from domino_health.units import Duration, Patterns, Percentage, Size, age, percent, size
    from domino_health.vocabulary import Assessment, Attachment, Finding, Ref, Severity, Unseen, check


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
