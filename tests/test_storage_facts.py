"""Claims, volumes and storage classes: what rests on what, and which of it is a network file system."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domino_health import on_network
from storage_builders import EBS, EFS, csi, nfs, storage_class, volume


@pytest.mark.parametrize(
    ("driver", "network"),
    [
        ("efs.csi.aws.com", True),
        ("fsx.openzfs.csi.aws.com", True),
        ("nfs.csi.k8s.io", True),
        ("k8s-sigs.io/nfs-subdir-external-provisioner", True),
        ("file.csi.azure.com", True),
        ("kubernetes.io/azure-file", True),
        ("filestore.csi.storage.gke.io", True),
        ("openshift-storage.cephfs.csi.ceph.com", True),
        ("smb.csi.k8s.io", True),
        ("ebs.csi.aws.com", False),
        ("kubernetes.io/aws-ebs", False),
        ("disk.csi.azure.com", False),
        ("pd.csi.storage.gke.io", False),
        ("rook-ceph.rbd.csi.ceph.com", False),
        ("csi.vsphere.vmware.com", None),
        ("rancher.io/local-path", False),
        ("driver.longhorn.io", None),
        ("profile.example.com", None),
        ("csi.trident.netapp.io", None),
    ],
)
def test_a_driver_is_told_by_the_words_of_its_name(driver: str, network: bool | None) -> None:
    assert on_network(driver) is network


@pytest.mark.parametrize(
    ("source", "backing", "network"),
    [
        (csi(EBS, "vol-1"), "ebs.csi.aws.com vol-1", False),
        (csi(EFS, "fs-12::fsap-34"), "efs.csi.aws.com fs-12::fsap-34", True),
        (csi("nfs.csi.k8s.io", "any", server="A", share="/x/", subdir="y"), "nfs a:/x/y", True),
        (csi("nfs.csi.k8s.io", "any", server="a", share="/x", subDir="y"), "nfs a:/x/y", True),
        (csi("smb.csi.k8s.io", "any", source="//a/x"), "smb.csi.k8s.io //a/x", True),
        (
            csi("file.csi.azure.com", "any", shareName="x", storageAccount="a"),
            "file.csi.azure.com a/x",
            True,
        ),
        (csi("cephfs.csi.ceph.com", "any", fsName="fs", rootPath="/x"), "cephfs.csi.ceph.com fs:/x", True),
        (
            csi("csi.trident.netapp.io", "pvc-1", internalName="t_1", protocol="file"),
            "csi.trident.netapp.io t_1",
            True,
        ),
        (
            csi("csi.trident.netapp.io", "pvc-1", internalName="t_1", protocol="block"),
            "csi.trident.netapp.io t_1",
            False,
        ),
        (nfs("A.example.com", "/x/"), "nfs a.example.com:/x", True),
        (nfs("a", "/"), "nfs a:/", True),
        ({"awsElasticBlockStore": {"volumeID": "vol-1"}}, "ebs vol-1", False),
        ({"gcePersistentDisk": {"pdName": "d"}}, "gce-pd d", False),
        ({"azureDisk": {"diskName": "d"}}, "azure-disk d", False),
        ({"azureFile": {"shareName": "x"}}, "azure-file x", True),
        ({"cephfs": {"path": "/x"}}, "cephfs /x", True),
        ({"glusterfs": {"path": "x"}}, "glusterfs x", True),
        ({"hostPath": {"path": "/x"}}, "host path /x", False),
        ({"local": {"path": "/x"}}, "local /x", False),
        ({"csi": None}, "", False),
    ],
)
def test_a_volume_says_what_it_rests_on(source: dict[str, Any], backing: str, network: bool) -> None:
    found = volume("a", source)

    assert (found.backing, found.network) == (backing, network)


def test_files_that_many_nodes_write_at_once_are_on_a_network_whatever_the_driver() -> None:
    source = csi("pxd.example.com", "1")

    assert volume("a", source, modes=("ReadWriteMany",)).network
    assert not volume("a", source).network


def test_the_same_handle_or_the_same_place_is_the_same_storage() -> None:
    by_csi = volume("a", csi("nfs.csi.k8s.io", "one", server="s", share="/x"))
    again = volume("b", csi("nfs.csi.k8s.io", "two", server="s", share="/x/"))
    plain = volume("c", nfs("s", "/x"))
    handle = volume("d", csi("file.csi.azure.com", "h", shareName="x"))

    assert by_csi.rests_with(again)
    assert by_csi.rests_with(plain)
    assert handle.rests_with(volume("e", csi("file.csi.azure.com", "h")))
    assert not by_csi.rests_with(volume("f", csi("nfs.csi.k8s.io", "three", server="s", share="/y")))
    assert not volume("g", csi(EFS, "fs-1::fsap-1")).rests_with(volume("h", csi(EFS, "fs-1::fsap-2")))


@pytest.mark.parametrize(
    "said",
    [
        "2026-01-13T12:00:00Z",
        "2026-01-13T13:00:00+01:00",
        "2026-01-13T12:00:00",
        "2026-01-13T12:00:00.000Z",
        "1768305600",
        "1768305600000",
    ],
)
def test_when_it_was_used_is_read_in_each_form(said: str) -> None:
    assert volume("a", used=said).last_used == datetime(2026, 1, 13, 12, tzinfo=UTC)


@pytest.mark.parametrize("said", ["", "yesterday", "9" * 40, "-5", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_none(said: str) -> None:
    assert volume("a", used=said).last_used is None


def test_a_class_is_told_by_its_driver_and_its_parameters() -> None:
    assert storage_class(type="gp3").kind == "gp3"
    assert storage_class().network is False
    assert storage_class("a", "csi.trident.netapp.io", backend_type="ontap-nas").network is True
    assert storage_class("a", "csi.trident.netapp.io", backend_type="ontap-san").network is False
    assert storage_class("a", "csi.trident.netapp.io").network is None
