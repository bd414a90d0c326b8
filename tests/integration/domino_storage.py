"""The storage of a Domino deployment on EKS: classes, the platform's stores and their twins, and disks.

Claims and volumes are bound by the real controller. No driver runs here: volumes are there already, each kept
for its claim, and nobody attaches them to a node. Names of classes and stores have been seen, those of
databases' claims are their charts' (RabbitMQ's has been seen); sizes and handles are made up.
"""

from __future__ import annotations

from typing import Any

from kube_client import Object, Objects

PLATFORM, COMPUTE = "domino-platform", "domino-compute"
EBS, EFS = "ebs.csi.aws.com", "efs.csi.aws.com"
DISK, SHARED = "dominodisk", "dominoshared"
STORES = ("domino-shared-store", "domino-blob-store")
TEMPLATES = {  # a StatefulSet: how its claims are called, and how many it has
    "mongodb-replicaset": ("datadir", 3),
    "rabbitmq-ha-39": ("data", 3),
    "vault": ("data", 1),
    "prometheus-server": ("storage-volume", 1),
}
WORKSPACE = "workspace-5f2b6c0a9d3e4f1b8a7c6d5e"
"""The claim of a workspace that is stopped."""
# Faults: a claim that no driver answers, and a database on a network file system.
UNPROVISIONED = "datasets-import"
ON_NFS = "data-keycloak-postgresql-0"


def _new(api: str, kind: str, name: str, namespace: str = "", **more: Any) -> Object:
    metadata: Object = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **more}


def storage_class(name: str, provisioner: str, mode: str, **parameters: str) -> Object:
    """Build a storage class."""
    more: Object = {"provisioner": provisioner, "volumeBindingMode": mode, "parameters": parameters}
    return _new("storage.k8s.io/v1", "StorageClass", name, **more)


def classes() -> Objects:
    """Build Domino's two classes, as they are on EKS, and their drivers."""
    drivers = [
        _new("storage.k8s.io/v1", "CSIDriver", name, spec={"attachRequired": False}) for name in (EBS, EFS)
    ]
    disk = storage_class(DISK, EBS, "WaitForFirstConsumer", type="gp3", encrypted="true")
    shared = storage_class(SHARED, EFS, "Immediate", provisioningMode="efs-ap", fileSystemId="fs-0123")
    return [*drivers, disk, shared]


def claim(name: str, namespace: str, of: str = DISK, size: str = "20Gi", **more: Any) -> Object:
    """Build a claim; of the shared class, one that many nodes mount."""
    mode = "ReadWriteMany" if of != DISK else "ReadWriteOnce"
    spec = {"accessModes": [mode], "storageClassName": of, "resources": {"requests": {"storage": size}}}
    return _new("v1", "PersistentVolumeClaim", name, namespace, spec={**spec, **more})


def volume(of: Object, source: Object | None = None, **more: Any) -> Object:
    """Build the volume that is kept for a claim; by default a disk, or an access point of EFS."""
    name, namespace = of["metadata"]["name"], of["metadata"]["namespace"]
    asked = of["spec"]
    kept = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": name, "namespace": namespace}
    spec = {
        "capacity": asked["resources"]["requests"],
        "accessModes": asked["accessModes"],
        "storageClassName": asked["storageClassName"],
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": kept,
        **(source or _source(asked["storageClassName"], name)),
    }
    return _new("v1", "PersistentVolume", f"pv-{namespace}-{name}", spec={**spec, **more})


def efs(point: str) -> Object:
    """Build the source of a volume that is an access point of EFS."""
    return {"csi": {"driver": EFS, "volumeHandle": f"fs-0123::fsap-{point}"}}


def nfs(path: str) -> Object:
    """Build the source of a volume that is a directory of an NFS server."""
    return {"nfs": {"server": "nfs.example.com", "path": path}}


def _source(of: str, name: str) -> Object:
    return {"csi": {"driver": EBS, "volumeHandle": f"vol-{name}"}} if of == DISK else efs(name)


def stores() -> Objects:
    """Build the platform's stores and their twins, each with a volume of its own on the same access point."""
    made = []
    for name in STORES:
        mine = claim(name, PLATFORM, SHARED, "100Gi")
        twin = claim(f"{name}-{COMPUTE}", COMPUTE, SHARED, "100Gi")
        made += [volume(mine, efs(name)), mine, volume(twin, efs(name)), twin]
    return made


def template(workload: str) -> Objects:
    """Build the claim templates of a StatefulSet; none for one that keeps nothing."""
    if workload not in TEMPLATES:
        return []
    made = claim(TEMPLATES[workload][0], "")
    return [{"metadata": {"name": made["metadata"]["name"]}, "spec": made["spec"]}]


def disks() -> Objects:
    """Build the volumes of the claims that StatefulSets make by their templates."""
    claims = [
        claim(f"{name}-{workload}-{at}", PLATFORM)
        for workload, (name, number) in TEMPLATES.items()
        for at in range(number)
    ]
    return [volume(each) for each in claims]


def workspace() -> Objects:
    """Build what a stopped workspace keeps, and a volume that Domino keeps for a next run."""
    kept = claim(WORKSPACE, COMPUTE)
    kept["metadata"]["labels"] = {"dominodatalab.com/type": "Workspace"}
    idle = volume(claim("idle", COMPUTE, size="10Gi"))  # too small for any claim here
    del idle["spec"]["claimRef"]
    idle["metadata"]["labels"] = {"dominodatalab.com/volume-state": "available"}
    return [volume(kept), kept, idle]


def storage() -> Objects:
    """Build all of it, what others need first."""
    return [*classes(), *disks(), *stores(), *workspace()]


def faults() -> Objects:
    """Build what the faulty cluster has besides."""
    database = claim(ON_NFS, PLATFORM, "")
    return [claim(UNPROVISIONED, COMPUTE, SHARED), database, volume(database, nfs("/keycloak"))]
