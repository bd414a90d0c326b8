"""Claims, volumes and storage classes for unit tests; all is ordinary but what is named."""

from datetime import timedelta
from typing import Any

import msgspec

from builders import NOW
from domino_health import StorageClass, Volume, VolumeClaim
from domino_health.facts.api import Condition
from domino_health.facts.resources import Resources
from domino_health.facts.storage import (
    ClaimAnnotations,
    ClaimLabels,
    ClaimMeta,
    ClaimSpec,
    ClaimStatus,
    ClassMeta,
    Parameters,
)

EBS = "ebs.csi.aws.com"
EFS = "efs.csi.aws.com"


def claim(
    name: str = "workspace-1",
    *,
    namespace: str = "domino-compute",
    cluster: str = "prod",
    age: timedelta = timedelta(hours=1),
    phase: str = "Bound",
    of: str | None = "dominodisk",
    volume: str | None = None,
    modes: tuple[str, ...] = ("ReadWriteOnce",),
    asks: str = "10Gi",
    has: str = "10Gi",
    deleted_for: timedelta | None = None,
    labels: ClaimLabels | None = None,
    provisioner: str = "",
    node: str = "",
    conditions: tuple[Condition, ...] = (),
) -> VolumeClaim:
    """A claim that is bound, unless told otherwise.

    Args:
        name: of the claim.
        namespace: where it is.
        cluster: as the profile calls it.
        age: since it was made.
        phase: ``Pending``, ``Bound``, ``Lost``.
        of: its storage class.
        volume: that it has, or asks for; by default one of its name where it is bound.
        modes: how it is to be mounted.
        asks: for so much.
        has: so much, where it is bound.
        deleted_for: how long it should have been gone.
        labels: those that checks read.
        provisioner: who is to make its volume.
        node: that a scheduler has chosen for its first pod.
        conditions: of its status.
    """
    bound = phase == "Bound"
    meta = ClaimMeta(
        name,
        namespace,
        NOW - age,
        None if deleted_for is None else NOW - deleted_for,
        labels or ClaimLabels(),
        ClaimAnnotations(provisioner, node),
    )
    named = volume if volume is not None else f"pv-{name}" if bound else ""
    spec = ClaimSpec(modes, of, named, Resources({"storage": asks}))
    return VolumeClaim(meta, spec, ClaimStatus(phase, {"storage": has} if bound else {}, conditions), cluster)


def volume(
    of: VolumeClaim | str = "pv-1",
    source: dict[str, Any] | None = None,
    *,
    phase: str = "Bound",
    state: str = "",
    used: str = "",
    policy: str = "Delete",
    message: str = "",
    since: timedelta | None = None,
    age: timedelta = timedelta(hours=1),
    size: str = "10Gi",
    modes: tuple[str, ...] = ("ReadWriteOnce",),
    storage_class: str = "dominodisk",
    cluster: str = "prod",
) -> Volume:
    """A volume, of a claim or by its name alone; by default a disk of EBS.

    Args:
        of: the claim that it is bound to, or its name.
        source: what it rests on, as the API says it.
        phase: of its life.
        state: what Domino has made of it.
        used: when it was used last, as an annotation says it.
        policy: what becomes of it when its claim is gone.
        message: of its status.
        since: how long it has been in its phase.
        age: since it was made.
        size: of it.
        modes: how it may be mounted.
        storage_class: by which it was made.
        cluster: as the profile calls it.
    """
    name = of.spec.volume_name if isinstance(of, VolumeClaim) else of
    spec: dict[str, Any] = {
        "capacity": {"storage": size},
        "accessModes": modes,
        "persistentVolumeReclaimPolicy": policy,
        "storageClassName": of.storage_class if isinstance(of, VolumeClaim) else storage_class,
        **(source or csi(EBS, f"vol-{name}")),
    }
    if isinstance(of, VolumeClaim):
        spec["claimRef"] = {"namespace": of.metadata.namespace, "name": of.metadata.name}
    status = {"phase": phase, "message": message}
    if since is not None:
        status["lastPhaseTransitionTime"] = (NOW - since).isoformat()
    found = {
        "metadata": {
            "name": name,
            "creationTimestamp": (NOW - age).isoformat(),
            "labels": {"dominodatalab.com/volume-state": state},
            "annotations": {"dominodatalab.com/last-used": used},
        },
        "spec": spec,
        "status": status,
        "cluster": of.cluster if isinstance(of, VolumeClaim) else cluster,
    }
    return msgspec.convert(found, Volume)


def csi(driver: str, handle: str = "", **attributes: str) -> dict[str, Any]:
    """A volume of a storage driver, as the API says it."""
    return {"csi": {"driver": driver, "volumeHandle": handle, "volumeAttributes": attributes}}


def nfs(server: str = "nfs.example.com", path: str = "/export") -> dict[str, Any]:
    """A directory of an NFS server, as the API says it."""
    return {"nfs": {"server": server, "path": path}}


def storage_class(
    name: str = "dominodisk",
    provisioner: str = EBS,
    *,
    waits: bool = False,
    cluster: str = "prod",
    **parameters: str,
) -> StorageClass:
    """A storage class, whose volumes are made at once unless it ``waits`` for a pod."""
    mode = "WaitForFirstConsumer" if waits else "Immediate"
    return StorageClass(
        ClassMeta(name), provisioner, Parameters(**parameters), volume_binding_mode=mode, cluster=cluster
    )
