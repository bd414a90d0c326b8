"""STOR-001, STOR-002 and STOR-006 to STOR-009 against a real control plane.

Claims and volumes are bound, lost, released and failed by the real controller, and a claim that waits for its
first pod by the real scheduler. No driver runs: what it would say is not said, and what Kubernetes says of
one that is silent is real.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import domino_cluster as domino
import domino_storage as storage
from control_plane import ControlPlane
from drills import execution, look
from kube_client import Object, eventually
from objects import comes_to, made

AT_ONCE = "thresholds: {STOR-001: {max_pending: 0s}}\n"
IDS = ("STOR-001", "STOR-002", "STOR-006", "STOR-007", "STOR-008", "STOR-009")


def says(plane: ControlPlane, claim: Object, reason: str) -> None:
    """Wait for an event of a claim, and not of one that had its name before."""
    uid = plane.get(plane.path(claim))["metadata"]["uid"]
    path = (
        f"/api/v1/namespaces/{claim['metadata']['namespace']}/events?fieldSelector=involvedObject.uid={uid}"
    )
    eventually(
        lambda: any(event["reason"] == reason for event in plane.list(path)), what=f"{reason} of {uid}"
    )


def without_finalizers(plane: ControlPlane, thing: Object) -> None:
    """Let a deleted object go, whoever still holds it."""
    path = plane.path(thing)
    if plane.find(path):
        plane.request("PATCH", path, {"metadata": {"finalizers": None}}, "merge-patch+json")


@contextmanager
def bound(plane: ControlPlane, claim: Object, source: Object, **more: object) -> Iterator[Object]:
    """A claim that is bound to a volume of its own meanwhile; the volume."""
    volume = storage.volume(claim, source, **more)
    with made(plane, volume, claim):
        comes_to(plane, claim, "Bound")
        yield volume


# Healthy


def test_the_storage_of_a_healthy_domino_is_judged_and_nothing_is_found(
    platform: ControlPlane, tmp_path: Path
) -> None:
    run = look(platform, tmp_path, AT_ONCE)

    assert run.exit_status == 0, run.output
    assert run.found() == {}
    assert {id: (run.result(id)["state"], run.result(id)["population"]) for id in IDS} == {
        "STOR-001": ("passed", 13),
        "STOR-002": ("passed", 2),
        "STOR-006": ("passed", 2),
        "STOR-007": ("passed", 8),
        "STOR-008": ("passed", 14),
        "STOR-009": ("passed", 9),
    }


# STOR-001


def test_a_claim_that_no_driver_answers_is_found_with_who_waits_for_whom(
    platform: ControlPlane, tmp_path: Path
) -> None:
    claim = storage.claim("drill", domino.COMPUTE, storage.SHARED)
    with made(platform, claim):
        says(platform, claim, "ExternalProvisioning")
        patient = look(platform, tmp_path)
        strict = look(platform, tmp_path, AT_ONCE)

    assert patient.found() == {}
    assert strict.exit_status == 1, strict.output
    assert strict.found() == {"STOR-001": ["persistentvolumeclaim/domino-compute/drill"]}
    message = strict.only("STOR-001")
    assert message.startswith("high: without a volume for "), message
    assert "allowed 0 s: of the class dominoshared (efs.csi.aws.com). ExternalProvisioning of " in message
    assert "Waiting for a volume to be created" in message


def test_claims_that_wait_for_the_same_are_found_by_their_class(
    platform: ControlPlane, tmp_path: Path
) -> None:
    claims = [storage.claim(f"drill-{at}", domino.COMPUTE, storage.SHARED) for at in range(3)]
    with made(platform, *claims):
        for claim in claims:
            says(platform, claim, "ExternalProvisioning")
        run = look(platform, tmp_path, AT_ONCE)

    assert run.found() == {"STOR-001": ["storageclass/dominoshared"]}
    assert run.only("STOR-001").startswith("high: 3 claims without a volume for up to ")


def test_a_claim_that_waits_for_its_first_pod_is_found_from_the_choice_of_a_node(
    platform: ControlPlane, tmp_path: Path
) -> None:
    claim = storage.claim("drill", domino.COMPUTE)
    pod = execution("drill")
    pod["spec"]["volumes"] = [{"name": "work", "persistentVolumeClaim": {"claimName": "drill"}}]
    with made(platform, claim):
        says(platform, claim, "WaitForFirstConsumer")
        before = look(platform, tmp_path, AT_ONCE)
        with made(platform, pod):
            says(platform, claim, "ExternalProvisioning")
            after = look(platform, tmp_path, AT_ONCE)

    assert before.found() == {}
    assert before.result("STOR-001")["worst"] == "no claim waits; 1 for a first pod"
    assert after.found() == {"STOR-001": ["persistentvolumeclaim/domino-compute/drill"]}


def test_a_pod_that_waits_for_a_claim_is_told_with_the_claims_own_event(
    platform: ControlPlane, tmp_path: Path
) -> None:
    claim = storage.claim("drill", domino.COMPUTE, storage.SHARED)
    pod = execution("drill")
    pod["spec"]["volumes"] = [{"name": "work", "persistentVolumeClaim": {"claimName": "drill"}}]
    with made(platform, claim, pod):
        says(platform, claim, "ExternalProvisioning")
        eventually(lambda: domino.unschedulable(platform.get(platform.path(pod))), what="its word")
        run = look(platform, tmp_path, "thresholds: {SCHED-001: {max_wait: 0s}}\n")

    (subject,) = run.found()["SCHED-001"]
    assert subject.startswith("execution/domino-compute/")
    assert ". Claim drill: ExternalProvisioning of persistentvolume-controller: " in run.only("SCHED-001")


def test_a_class_that_does_not_exist_is_found_beside_the_claim_that_names_it(
    platform: ControlPlane, tmp_path: Path
) -> None:
    claim = storage.claim("drill", domino.COMPUTE, "no-such-class")
    with made(platform, claim):
        says(platform, claim, "ProvisioningFailed")
        run = look(platform, tmp_path, AT_ONCE)

    assert run.found() == {
        "STOR-001": ["persistentvolumeclaim/domino-compute/drill"],
        "STOR-002": ["storageclass/no-such-class"],
    }
    assert ": the storage class no-such-class does not exist. ProvisioningFailed of " in run.only("STOR-001")
    assert run.only("STOR-002") == "high: does not exist, and 1 claim names it: 1 of them without a volume"


def test_a_claim_whose_volume_was_deleted_under_it_is_lost(platform: ControlPlane, tmp_path: Path) -> None:
    claim = storage.claim("drill", domino.COMPUTE, storage.SHARED)
    with bound(platform, claim, storage.efs("drill")) as volume:
        platform.request("DELETE", platform.path(volume))
        without_finalizers(platform, volume)
        comes_to(platform, claim, "Lost")
        run = look(platform, tmp_path)

    assert run.exit_status == 1, run.output
    assert run.found() == {"STOR-001": ["persistentvolumeclaim/domino-compute/drill"]}
    assert run.only("STOR-001") == "high: lost: its volume pv-domino-compute-drill is gone"


# STOR-002


def test_classes_of_the_wrong_kind_are_found_by_the_names_that_the_profile_gives(
    platform: ControlPlane, tmp_path: Path
) -> None:
    files = storage.storage_class("files", "nfs.csi.k8s.io", "Immediate")
    disks = storage.storage_class("disks", storage.EBS, "WaitForFirstConsumer")
    with made(platform, files, disks):
        run = look(platform, tmp_path, "domino: {storage_classes: {block: files, shared: disks}}\n")

    assert run.exit_status == 1, run.output
    assert run.found() == {"STOR-002": ["storageclass/disks", "storageclass/disks", "storageclass/files"]}


def test_a_class_of_another_name_is_unknown_until_the_profile_gives_it(
    platform: ControlPlane, tmp_path: Path
) -> None:
    path = "/apis/storage.k8s.io/v1/storageclasses/dominoshared"
    (usual,) = (each for each in storage.classes() if each["metadata"]["name"] == storage.SHARED)
    other = storage.storage_class("acme-efs", storage.EFS, "Immediate")
    platform.delete(usual)
    try:
        with made(platform, other):
            without = look(platform, tmp_path)
            named = look(platform, tmp_path, "domino: {storage_classes: {shared: acme-efs}}\n")
            wrong = look(platform, tmp_path, "domino: {storage_classes: {shared: acme-nfs}}\n")
    finally:
        platform.create(usual)

    assert platform.find(path)
    assert without.exit_status == 6, without.output
    (unseen,) = without.result("STOR-002")["unseen"]
    assert "which class Domino has for files that all nodes have at once is not known" in unseen["reason"]
    assert named.found() == {}
    assert wrong.found() == {"STOR-002": ["storageclass/acme-nfs"]}


# STOR-006, STOR-007


def test_a_twin_that_was_restored_onto_storage_of_its_own_is_found(
    platform: ControlPlane, tmp_path: Path
) -> None:
    mine = storage.claim("drill-store", domino.PLATFORM, storage.SHARED)
    twin = storage.claim(f"drill-store-{domino.COMPUTE}", domino.COMPUTE, storage.SHARED)
    with bound(platform, mine, storage.efs("one")), bound(platform, twin, storage.efs("two")):
        run = look(platform, tmp_path)

    assert run.exit_status == 1, run.output
    assert run.found() == {"STOR-006": ["persistentvolumeclaim/domino-compute/drill-store-domino-compute"]}
    assert run.only("STOR-006").startswith("high: rests on efs.csi.aws.com fs-0123::fsap-two, and ")


def test_a_database_on_nfs_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    claim = storage.claim("data-drill-postgresql-0", domino.PLATFORM, "")
    with bound(platform, claim, storage.nfs("/drill")):
        run = look(platform, tmp_path)

    assert run.exit_status == 0, run.output
    assert run.found() == {"STOR-007": ["persistentvolumeclaim/domino-platform/data-drill-postgresql-0"]}
    assert run.only("STOR-007") == (
        "medium: postgresql: its claim is on a network file system (nfs nfs.example.com:/drill): "
        "a database may lose data there"
    )


# STOR-008, STOR-009


def test_a_volume_that_nobody_can_delete_is_found_in_kubernetes_words(
    platform: ControlPlane, tmp_path: Path
) -> None:
    """The controller itself deletes what no driver does, and has no way to for NFS."""
    claim = storage.claim("drill", domino.COMPUTE, "")
    with bound(platform, claim, storage.nfs("/drill"), persistentVolumeReclaimPolicy="Delete") as volume:
        platform.delete(claim)
        comes_to(platform, volume, "Failed")
        run = look(platform, tmp_path)

    assert run.exit_status == 0, run.output
    assert run.found() == {"STOR-008": ["persistentvolume/pv-domino-compute-drill"]}
    assert run.only("STOR-008").startswith("low: failed: error getting deleter volume plugin for volume")


@pytest.mark.parametrize(
    ("state", "threshold", "subject"),
    [
        ("salvaged", "max_salvaged: 2", "volumes/salvaged"),
        ("available", "max_idle: 2", "volumes/idle"),
        ("", "max_released: 1", "volumes/released"),
    ],
)
def test_volumes_that_pile_up_are_found_by_what_became_of_them(
    platform: ControlPlane, tmp_path: Path, state: str, threshold: str, subject: str
) -> None:
    claims = [storage.claim(f"drill-{at}", domino.COMPUTE, storage.SHARED) for at in range(2)]
    volumes = [storage.volume(claim) for claim in claims]
    for volume in volumes:
        volume["metadata"]["labels"] = {"dominodatalab.com/volume-state": state} if state else {}
    with made(platform, *volumes):
        with made(platform, *claims):
            for claim in claims:
                comes_to(platform, claim, "Bound")
        for volume in volumes:
            comes_to(platform, volume, "Released")
        run = look(platform, tmp_path, f"thresholds: {{STOR-008: {{{threshold}}}}}\n")

    assert run.found() == {"STOR-008": [subject]}


def test_a_disk_that_was_used_long_ago_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    """No volume here is older than the drill, so that nothing at all may be unused."""
    claim = storage.claim("workspace-drill", domino.COMPUTE)
    volume = storage.volume(claim)
    volume["metadata"]["annotations"] = {"dominodatalab.com/last-used": "2026-01-01T00:00:00Z"}
    with made(platform, volume, claim):
        comes_to(platform, claim, "Bound")
        run = look(platform, tmp_path, "thresholds: {STOR-009: {max_unused: 0s}}\n")

    assert run.exit_status == 0, run.output
    assert run.found() == {"STOR-009": ["persistentvolumeclaim/domino-compute/workspace-drill"]}
    (unseen,) = run.result("STOR-009")["unseen"]
    assert unseen["target"] == "drill: storageclass/dominodisk"
    assert unseen["reason"].startswith("1 volume of 20.0 GiB: older than ")
