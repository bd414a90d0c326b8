"""Recordings: what a real API server answered, as far as our fact types name it.

A recording is gzipped JSON: ``{"digest": "sha256:…", "content": {…}}``, the digest over the content's
bytes. It tells a damaged recording; it does not tell who made it.
"""

import gzip
import hashlib
import importlib.resources
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources.abc import Traversable
from typing import Annotated, Any

import msgspec

from domino_health.facts.builds import ImageBuildList
from domino_health.facts.ca_bundles import ApiServiceList, WebhookConfigurationList
from domino_health.facts.compute_clusters import PAGES
from domino_health.facts.domino import NamespaceList
from domino_health.facts.events import EventList
from domino_health.facts.kubernetes import PodList
from domino_health.facts.network import NetworkPolicyList
from domino_health.facts.nodes import NodeList
from domino_health.facts.pools import NodePoolList
from domino_health.facts.quotas import LimitRangeList, ResourceQuotaList
from domino_health.facts.releases import HelmReleaseList
from domino_health.facts.services import EndpointSliceList, ServiceList
from domino_health.facts.storage import StorageClassList, VolumeClaimList
from domino_health.facts.volumes import VolumeList
from domino_health.facts.workloads import DaemonSetList, DeploymentList, StatefulSetList

FORMAT = 1
"""Version of the form."""

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)((?:\.\d+)?(?:Z|[+-]\d\d:\d\d))")


class RecordingError(Exception):
    """A recording that cannot be played, and why."""


@dataclass(frozen=True)
class Listing:
    """A list that is recorded, and the type that says what of it is kept."""

    api: str
    """``/api/v1`` or ``/apis/GROUP/VERSION``."""
    resource: str
    """``pods``."""
    page: type
    """The fact type of a page, named as the API names it (``PodList``)."""
    in_namespaces: bool = True
    """False for what belongs to the cluster as a whole."""
    everywhere: bool = True
    """False for a kind that a cluster need not have: then nothing of it is recorded, and it is not found."""

    @property
    def path(self) -> str:
        """Of all namespaces."""
        return f"{self.api}/{self.resource}"


LISTINGS = (
    Listing("/api/v1", "pods", PodList),
    Listing("/api/v1", "nodes", NodeList, in_namespaces=False),
    Listing("/api/v1", "namespaces", NamespaceList, in_namespaces=False),
    Listing("/api/v1", "resourcequotas", ResourceQuotaList),
    Listing("/api/v1", "limitranges", LimitRangeList),
    Listing("/apis/apps/v1", "deployments", DeploymentList),
    Listing("/apis/apps/v1", "statefulsets", StatefulSetList),
    Listing("/apis/apps/v1", "daemonsets", DaemonSetList),
    Listing("/api/v1", "services", ServiceList),
    Listing("/apis/discovery.k8s.io/v1", "endpointslices", EndpointSliceList),
    Listing("/apis/networking.k8s.io/v1", "networkpolicies", NetworkPolicyList),
    Listing(
        "/apis/admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
        WebhookConfigurationList,
        in_namespaces=False,
    ),
    Listing(
        "/apis/admissionregistration.k8s.io/v1",
        "mutatingwebhookconfigurations",
        WebhookConfigurationList,
        in_namespaces=False,
    ),
    Listing("/apis/apiregistration.k8s.io/v1", "apiservices", ApiServiceList, in_namespaces=False),
    Listing("/api/v1", "events", EventList),
    Listing("/api/v1", "persistentvolumeclaims", VolumeClaimList),
    Listing("/api/v1", "persistentvolumes", VolumeList, in_namespaces=False),
    Listing("/apis/storage.k8s.io/v1", "storageclasses", StorageClassList, in_namespaces=False),
    Listing("/apis/karpenter.sh/v1", "nodepools", NodePoolList, in_namespaces=False, everywhere=False),
    Listing("/apis/hephaestus.dominodatalab.com/v1", "imagebuilds", ImageBuildList, everywhere=False),
    Listing("/apis/helm.toolkit.fluxcd.io/v2", "helmreleases", HelmReleaseList, everywhere=False),
    *(
        Listing(
            "/apis/distributed-compute.dominodatalab.com/v1alpha1",
            f"{page.__name__.removesuffix('List').lower()}s",
            page,
            everywhere=False,
        )
        for page in PAGES
    ),
)
"""Everything that is recorded beside ``/version``. A fact of another kind joins with a line here."""


class ServerVersion(msgspec.Struct, frozen=True, rename="camel"):
    """What is kept of ``/version``."""

    major: str
    minor: str
    git_version: str
    platform: str


class RecordedList(msgspec.Struct, frozen=True, rename="camel"):
    """All objects of a list, in the server's order."""

    kind: str
    """``PodList``."""
    api_version: str
    """``v1`` or ``GROUP/VERSION``."""
    items: list[Any]
    """Of a fact type before they are written, plain mappings after they are read."""


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One cluster at one moment."""

    format: int = FORMAT
    recorder: str
    """What made it, with its version."""
    recorded: Annotated[datetime, msgspec.Meta(tz=True)]
    """When, by the cluster's clock, UTC."""
    version: ServerVersion
    lists: dict[str, RecordedList]
    """By path."""


class _File(msgspec.Struct):
    digest: str
    content: msgspec.Raw


def dump(recording: Recording) -> bytes:
    """The recording as a file's bytes: the same for the same recording, always."""
    content = msgspec.json.encode(recording, order="deterministic")
    file = _File(_digest(content), msgspec.Raw(content))
    return gzip.compress(msgspec.json.encode(file), mtime=0)


def load(source: Traversable) -> Recording:
    """Read a recording.

    Raises:
        RecordingError: there is none, it is damaged, or of another version's form.
    """
    try:
        file = msgspec.json.decode(gzip.decompress(source.read_bytes()), type=_File)
    except (OSError, EOFError, zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _broken(source, f"it cannot be read: {error}") from None
    content = bytes(file.content)
    if file.digest != _digest(content):
        raise _broken(source, "its content does not match its digest")
    try:
        recording = msgspec.json.decode(content, type=Recording)
    except msgspec.DecodeError as error:
        raise _broken(source, f"its content is none: {error}") from None
    if recording.format != FORMAT:
        raise _broken(source, f"it is of format {recording.format}, not {FORMAT}")
    return recording


def shipped(kind: str) -> Recording:
    """The recording that comes with the package, ``faulty`` or ``healthy``.

    Raises:
        RecordingError: as ``load``.
    """
    return load(importlib.resources.files(__package__) / "recordings" / f"{kind}.json.gz")


def shifted(value: Any, by: timedelta) -> Any:
    """``value`` with every RFC 3339 time in it moved by the whole seconds of ``by``, however deep it stands.

    A text is a time when all of it is one. Its fraction and zone stay as they were written; what is
    left of a second is dropped, so that nothing becomes younger than it should be.
    """
    if isinstance(value, Mapping):
        return {key: shifted(item, by) for key, item in value.items()}
    if isinstance(value, list):
        return [shifted(item, by) for item in value]
    if isinstance(value, str) and (time := _TIME.fullmatch(value)):
        return _moved(time, by)
    return value


def _moved(time: re.Match[str], by: timedelta) -> str:
    try:
        moved = datetime.fromisoformat(time[1]) + timedelta(seconds=math.floor(by.total_seconds()))
    except (ValueError, OverflowError):  # no date, or the end of days: it means never, and stays so
        return time[0]
    return moved.isoformat() + time[2]


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _broken(source: Traversable, why: str) -> RecordingError:
    return RecordingError(
        f"the lab's recording {source.name} cannot be played: {why}; install domino-health again, "
        "or record it anew (python -m domino_health.lab.record --help)"
    )
