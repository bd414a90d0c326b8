"""What is kept of volumes: what each rests on, and what becomes of it.

What each driver keeps in a volume's attributes is told by its own documentation: csi-driver-nfs
(``docs/driver-parameters.md``), azurefile-csi-driver, csi-driver-smb, ceph-csi (``docs/static-pvc.md``) and
NetApp's Trident. Names of Secrets, which stand there too, are left out.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from domino_health.facts.api import Kubernetes, ListMeta, Moment
from domino_health.facts.storage import bytes_of, on_network
from domino_health.vocabulary import Ref

_MILLISECONDS = 10**11
"""An epoch above it counts in milliseconds: in seconds it would be the year 5138."""


class VolumeLabels(Kubernetes, frozen=True):
    """The labels that checks read, and no others."""

    state: str = msgspec.field(name="dominodatalab.com/volume-state", default="")
    """What Domino makes of a volume whose run has ended: ``available`` for the next one, or ``salvaged``."""


class VolumeAnnotations(Kubernetes, frozen=True):
    """The annotations that checks read, and no others."""

    last_used: str = msgspec.field(name="dominodatalab.com/last-used", default="")


class VolumeMeta(Kubernetes, frozen=True):
    """``metadata`` of a volume."""

    name: str
    creation_timestamp: Moment
    deletion_timestamp: Moment | None = None
    labels: VolumeLabels = VolumeLabels()
    annotations: VolumeAnnotations = VolumeAnnotations()


class BoundTo(Kubernetes, frozen=True):
    """The claim that a volume is bound to, or was."""

    namespace: str = ""
    name: str = ""


class Nfs(Kubernetes, frozen=True):
    """An NFS server's directory."""

    server: str = ""
    path: str = ""


class Attributes(Kubernetes, frozen=True):
    """What a driver keeps of a volume, as far as it tells what the volume is."""

    server: str = ""
    share: str = ""
    subdir: str = ""
    sub_dir: str = ""
    """Of NFS; its driver reads both spellings."""
    source: str = ""
    """Of SMB: ``//server/share``."""
    share_name: str = ""
    storage_account: str = ""
    """Of Azure Files."""
    fs_name: str = ""
    root_path: str = ""
    """Of CephFS, for a volume that was there already."""
    internal_name: str = ""
    protocol: str = ""
    """Of NetApp's Trident: the volume's own name, and ``file`` or ``block``."""


class Csi(Kubernetes, frozen=True):
    """A volume of a storage driver."""

    driver: str
    volume_handle: str = ""
    volume_attributes: Attributes = Attributes()

    @property
    def backing(self) -> str:
        """By what the driver finds it. Of a static volume the handle is any text, so attributes go first."""
        told = self.volume_attributes
        if told.server and told.share and "nfs" in self.driver:
            return _nfs(told.server, f"{told.share}/{told.subdir or told.sub_dir}")
        if told.source:
            what = told.source
        elif told.share_name:
            what = f"{told.storage_account}/{told.share_name}"
        elif told.root_path:
            what = f"{told.fs_name}:{told.root_path}"
        else:
            what = told.internal_name or self.volume_handle
        return f"{self.driver} {what}"


class Disk(Kubernetes, frozen=True):
    """A disk of a cloud, as Kubernetes' own drivers once had it."""

    volume_id: str = msgspec.field(name="volumeID", default="")
    pd_name: str = ""
    disk_name: str = ""

    @property
    def name(self) -> str:
        """Its name in that cloud."""
        return self.volume_id or self.pd_name or self.disk_name


class Share(Kubernetes, frozen=True):
    """A share of Azure Files, a directory of CephFS or GlusterFS, as Kubernetes' own drivers once had it."""

    share_name: str = ""
    path: str = ""


class Directory(Kubernetes, frozen=True):
    """A directory of a node."""

    path: str = ""


class VolumeSpec(Kubernetes, frozen=True):
    """``spec`` of a volume."""

    capacity: Mapping[str, str] = {}
    access_modes: tuple[str, ...] = ()
    volume_mode: str = "Filesystem"
    reclaim_policy: str = msgspec.field(name="persistentVolumeReclaimPolicy", default="")
    storage_class_name: str = ""
    claim_ref: BoundTo | None = None
    csi: Csi | None = None
    nfs: Nfs | None = None
    aws_elastic_block_store: Disk | None = None
    gce_persistent_disk: Disk | None = None
    azure_disk: Disk | None = None
    azure_file: Share | None = None
    cephfs: Share | None = None
    glusterfs: Share | None = None
    host_path: Directory | None = None
    local: Directory | None = None


class VolumeStatus(Kubernetes, frozen=True):
    """``status`` of a volume."""

    phase: str = ""
    """``Available``, ``Bound``, ``Released`` (its claim is gone) or ``Failed``."""
    reason: str = ""
    message: str = ""
    last_phase_transition_time: Moment | None = None
    """Since Kubernetes 1.29."""


class Volume(Kubernetes, frozen=True):
    """A PersistentVolume."""

    metadata: VolumeMeta
    spec: VolumeSpec = VolumeSpec()
    status: VolumeStatus = VolumeStatus()
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The volume itself."""
        return Ref(self.cluster, "persistentvolume", "", self.metadata.name)

    @property
    def key(self) -> tuple[str, str]:
        """Cluster and name, by which claims tell it: a Ref is what reports show, and takes longer to make."""
        return self.cluster, self.metadata.name

    @property
    def class_ref(self) -> Ref:
        """Its storage class."""
        return Ref(self.cluster, "storageclass", "", self.spec.storage_class_name)

    @property
    def claim(self) -> tuple[str, str, str] | None:
        """The key of the claim that it is bound to, or was."""
        of = self.spec.claim_ref
        return (self.cluster, of.namespace, of.name) if of else None

    @property
    def size(self) -> int:
        """Bytes that it has."""
        return bytes_of(self.spec.capacity)

    @property
    def backing(self) -> str:
        """What it rests on: ``nfs server:/path``, ``efs.csi.aws.com fs-12::fsap-34``; empty: not known."""
        spec = self.spec
        if spec.csi:
            return spec.csi.backing
        if spec.nfs:
            return _nfs(spec.nfs.server, spec.nfs.path)
        others: dict[str, Disk | Share | Directory | None] = {
            "ebs": spec.aws_elastic_block_store,
            "gce-pd": spec.gce_persistent_disk,
            "azure-disk": spec.azure_disk,
            "azure-file": spec.azure_file,
            "cephfs": spec.cephfs,
            "glusterfs": spec.glusterfs,
            "host path": spec.host_path,
            "local": spec.local,
        }
        return next((f"{kind} {_name(source)}" for kind, source in others.items() if source is not None), "")

    def rests_with(self, other: "Volume") -> bool:
        """Whether both are the same storage, by what it is called."""
        mine, theirs = self.spec.csi, other.spec.csi
        if mine and theirs and mine.volume_handle:
            known = (mine.driver, mine.volume_handle) == (theirs.driver, theirs.volume_handle)
            return known or mine.backing == theirs.backing
        return self.backing == other.backing

    @property
    def network(self) -> bool:
        """It is a network file system.

        By its driver; of one that is not known, by whether many nodes may write its files at once, which no
        disk allows.
        """
        spec = self.spec
        if spec.csi is None:
            return any((spec.nfs, spec.azure_file, spec.cephfs, spec.glusterfs))
        told = on_network(spec.csi.driver, spec.csi.volume_attributes.protocol)
        if told is None:
            return "ReadWriteMany" in spec.access_modes and spec.volume_mode == "Filesystem"
        return told

    @property
    def last_used(self) -> datetime | None:
        """When a run of Domino's had it last; None where nothing tells, or not in a form that is known.

        Domino sorts by it (manage persistent volumes) and shows no value. RFC 3339 is read, and a number of
        seconds or milliseconds since 1970.
        """
        said = self.metadata.annotations.last_used.strip()
        try:
            if said.isdecimal():
                number = int(said)
                return datetime.fromtimestamp(number / (1000 if number > _MILLISECONDS else 1), UTC)
            moment = datetime.fromisoformat(said)
        except (ValueError, OverflowError, OSError):
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _nfs(server: str, path: str) -> str:
    return f"nfs {server.lower()}:{re.sub('/+', '/', f'/{path}/').rstrip('/') or '/'}"


def _name(source: Disk | Share | Directory) -> str:
    if isinstance(source, Share):
        return source.share_name or source.path
    return source.path if isinstance(source, Directory) else source.name


class VolumeList(Kubernetes, frozen=True):
    """A page of volumes."""

    metadata: ListMeta
    items: list[Volume]
