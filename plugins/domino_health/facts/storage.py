"""What is kept of claims on storage, and of the classes by which their volumes are made."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec

from domino_health.facts.api import Condition, Kubernetes, ListMeta, Moment, condition_of
from domino_health.facts.quantities import quantity
from domino_health.facts.resources import Resources
from domino_health.vocabulary import Ref

# By the words that a driver's name is made of: nfs.csi.k8s.io, efs.csi.aws.com, fsx.csi.aws.com,
# file.csi.azure.com, filestore.csi.storage.gke.io, openshift-storage.cephfs.csi.ceph.com, smb.csi.k8s.io.
_NETWORK = re.compile(
    r"nfs|(?:^|[./_-])(?:efs|fsx|azure-file|file|filestore|cephfs|smb|cifs|lustre|glusterfs|spectrumscale|weka"
    r"|juicefs|vastdata|s3|gcsfuse|blob)(?:[./_-]|$)"
)
_BLOCK = re.compile(
    r"(?:^|[./_-])(?:ebs|aws-ebs|disk|azure-disk|pd|gce-pd|rbd|cinder|vsphere-volume|local-path|local"
    r"|hostpath|topolvm|iscsi)(?:[./_-]|$)"
)
_BY_PROTOCOL = {"file": True, "nfs": True, "smb": True, "block": False, "iscsi": False}
"""Trident's driver makes both kinds, and says of a volume which one it is."""


@lru_cache(maxsize=1024)
def on_network(driver: str, protocol: str = "") -> bool | None:
    """Whether a driver's volumes are a network file system; None where its name does not tell."""
    if protocol.lower() in _BY_PROTOCOL:
        return _BY_PROTOCOL[protocol.lower()]
    if _NETWORK.search(driver):
        return True
    return False if _BLOCK.search(driver) else None


def bytes_of(amounts: Mapping[str, str]) -> int:
    """Bytes of storage among amounts of resources."""
    return quantity(amounts.get("storage", "0")) // 1000


class ClaimLabels(Kubernetes, frozen=True):
    """The labels that checks read, and no others."""

    type: str = msgspec.field(name="dominodatalab.com/type", default="")
    """``Workspace`` of what a workspace keeps while it is stopped."""
    external: str = msgspec.field(name="dominodatalab.com/external-data-volume", default="")
    """Of an External Data Volume: ``NFS``, ``SMB``, ``EFS``, ``Generic``."""


class ClaimAnnotations(Kubernetes, frozen=True):
    """The annotations that checks read: by which Kubernetes says who is to act."""

    provisioner: str = msgspec.field(name="volume.kubernetes.io/storage-provisioner", default="")
    """Who is to make its volume, or has."""
    selected_node: str = msgspec.field(name="volume.kubernetes.io/selected-node", default="")
    """Where its first pod is to run: from then on it is the provisioner's turn."""


class ClaimMeta(Kubernetes, frozen=True):
    """``metadata`` of a claim."""

    name: str
    namespace: str
    creation_timestamp: Moment
    deletion_timestamp: Moment | None = None
    labels: ClaimLabels = ClaimLabels()
    annotations: ClaimAnnotations = ClaimAnnotations()


class ClaimSpec(Kubernetes, frozen=True):
    """``spec`` of a claim."""

    access_modes: tuple[str, ...] = ()
    storage_class_name: str | None = None
    """Empty for a volume that is there already; None where the cluster has no default class."""
    volume_name: str = ""
    resources: Resources = Resources()


class ClaimStatus(Kubernetes, frozen=True):
    """``status`` of a claim."""

    phase: str = ""
    """``Pending``, ``Bound``, or ``Lost``: its volume is gone."""
    capacity: Mapping[str, str] = {}
    conditions: tuple[Condition, ...] = ()
    """While its volume grows."""


class VolumeClaim(Kubernetes, frozen=True):
    """A PersistentVolumeClaim."""

    metadata: ClaimMeta
    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The claim itself."""
        return Ref(self.cluster, "persistentvolumeclaim", self.metadata.namespace, self.metadata.name)

    @property
    def key(self) -> tuple[str, str, str]:
        """Cluster, namespace and name, by which pods mount it and volumes are bound to it."""
        return self.cluster, self.metadata.namespace, self.metadata.name

    @property
    def volume_key(self) -> tuple[str, str]:
        """Cluster and name of the volume that it has, or asks for."""
        return self.cluster, self.spec.volume_name

    @property
    def storage_class(self) -> str:
        """The class by which its volume is made; empty for none."""
        return self.spec.storage_class_name or ""

    @property
    def class_ref(self) -> Ref:
        """Its storage class."""
        return Ref(self.cluster, "storageclass", "", self.storage_class)

    @property
    def bound(self) -> bool:
        """It has its volume."""
        return self.status.phase == "Bound"

    @property
    def requested(self) -> int:
        """Bytes that it asks for."""
        return bytes_of(self.spec.resources.requests)

    @property
    def size(self) -> int:
        """Bytes that it has."""
        return bytes_of(self.status.capacity)

    def condition(self, type: str) -> Condition | None:
        """The condition of that type, where somebody has set one."""
        return condition_of(self.status.conditions, type)

    def age(self, now: datetime) -> timedelta:
        """How long it has been there."""
        return max(now - self.metadata.creation_timestamp, timedelta(0))


class ClassAnnotations(Kubernetes, frozen=True):
    """The annotations that checks read, and no others."""

    default: str = msgspec.field(name="storageclass.kubernetes.io/is-default-class", default="")


class ClassMeta(Kubernetes, frozen=True):
    """``metadata`` of a storage class."""

    name: str
    annotations: ClassAnnotations = ClassAnnotations()


class Parameters(Kubernetes, frozen=True):
    """What a class asks of its driver, as far as it tells what kind its volumes are."""

    type: str = ""
    """``gp3``, ``pd-ssd``."""
    sku_name: str = ""
    """Of Azure: ``Premium_LRS``."""
    provisioning_mode: str = ""
    """Of EFS: ``efs-ap``."""
    backend_type: str = ""
    """Of NetApp's Trident: ``ontap-nas``, ``ontap-san``."""


class StorageClass(Kubernetes, frozen=True):
    """A StorageClass."""

    metadata: ClassMeta
    provisioner: str = ""
    parameters: Parameters | None = None
    reclaim_policy: str = "Delete"
    volume_binding_mode: str = "Immediate"
    allow_volume_expansion: bool = False
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The class itself."""
        return Ref(self.cluster, "storageclass", "", self.metadata.name)

    @property
    def default(self) -> bool:
        """What names no class gets this one."""
        return self.metadata.annotations.default == "true"

    @property
    def waits(self) -> bool:
        """It makes a volume when a pod is to mount it, and not before."""
        return self.volume_binding_mode == "WaitForFirstConsumer"

    @property
    def kind(self) -> str:
        """What its volumes are in the provider's words; empty where it does not say."""
        told = self.parameters or Parameters()
        return told.type or told.sku_name or told.backend_type or told.provisioning_mode

    @property
    def network(self) -> bool | None:
        """Its volumes are a network file system; None where neither driver nor parameters tell."""
        backend = self.parameters.backend_type if self.parameters else ""
        if backend:
            return "-nas" in backend
        return on_network(self.provisioner)


class VolumeClaimList(Kubernetes, frozen=True):
    """A page of claims."""

    metadata: ListMeta
    items: list[VolumeClaim]


class StorageClassList(Kubernetes, frozen=True):
    """A page of storage classes."""

    metadata: ListMeta
    items: list[StorageClass]
