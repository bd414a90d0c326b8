"""STOR-002, STOR-006 and STOR-007: what Domino keeps rests on the storage that it needs."""

from collections.abc import Sequence
from typing import Any, Literal

import pytest
from checks import test_storage as storage

from builders import pod
from domino_health import (
    Assessment,
    DominoNamespace,
    DominoService,
    DominoStorage,
    Pod,
    StatefulSet,
    StorageClass,
    Volume,
    VolumeClaim,
)
from domino_health.facts.domino import Candidate
from domino_health.facts.kubernetes import Owner
from domino_health.facts.storage import ClaimLabels
from platform_builders import namespace, statefulset
from storage_builders import EBS, EFS, claim, csi, nfs, storage_class, volume

SPACES = [namespace(), namespace("domino-platform", "platform")]
DISK, SHARED = storage_class(), storage_class("dominoshared", EFS)
EVERY = ("ReadWriteMany",)


def needs(role: Literal["block", "shared"], name: str = "", *, said: bool = False) -> DominoStorage:
    usual = {"block": "dominodisk", "shared": "dominoshared"}[role]
    return DominoStorage(role, name or usual, "profile" if said else "name", "prod")


def classes(
    *there: StorageClass, claims: Sequence[VolumeClaim] = (), wanted: Sequence[DominoStorage] | None = None
) -> Assessment:
    both = [needs("block"), needs("shared")] if wanted is None else list(wanted)
    return storage.test_the_storage_classes_that_domino_needs_are_there(
        both, list(there), list(claims), SPACES
    )


def found(assessment: Assessment) -> list[tuple[str, str, str]]:
    return [
        (str(each.subject), str(each.severity or "check's"), each.message) for each in assessment.findings
    ]


# STOR-002


def test_both_classes_are_there_as_domino_needs_them() -> None:
    assessment = classes(DISK, SHARED, storage_class("other"))

    assert len(assessment.population) == 2
    assert (assessment.findings, assessment.unseen) == ((), ())
    (table,) = assessment.attachments
    assert table.rows[0] == (
        "disks of one node each",
        "prod: storageclass/dominodisk",
        EBS,
        "",
        "Immediate",
        "no",
    )


def test_disks_may_wait_for_their_first_pod() -> None:
    assert not classes(storage_class(waits=True), SHARED).findings


def test_without_domino_there_is_nothing_to_assess() -> None:
    assert len(classes(DISK, wanted=[]).population) == 0


def test_a_class_that_the_profile_names_must_be_there() -> None:
    assessment = classes(SHARED, wanted=[needs("block", "fast", said=True), needs("shared")])

    assert found(assessment) == [
        (
            "storageclass/fast",
            "check's",
            "does not exist; the profile names it for disks of one node each",
        )
    ]


def test_where_no_usual_name_tells_it_cannot_tell() -> None:
    assessment = classes(DISK)

    (unseen,) = assessment.unseen
    assert assessment.findings == ()
    assert unseen.target == "prod: storageclass/dominoshared"
    assert "name it in the profile (domino.storage_classes.shared)" in unseen.cure


def test_a_class_that_waiting_claims_name_and_that_is_not_there_is_found() -> None:
    waits = [claim("a", phase="Pending"), claim("b", provisioner=EBS)]

    assessment = classes(SHARED, claims=waits)

    assert found(assessment) == [
        (
            "storageclass/dominodisk",
            "high",
            "does not exist, and 2 claims name it: 1 of them without a volume",
        )
    ]
    assert assessment.unseen == ()


def test_a_class_that_is_gone_beside_its_volumes_is_medium() -> None:
    (finding,) = classes(DISK, SHARED, claims=[claim("a", of="old", provisioner=EBS)]).findings

    assert str(finding.severity) == "medium"
    assert finding.message == "does not exist, and 1 claim names it: they cannot grow, and no others come"


def test_a_class_of_volumes_that_somebody_has_made_by_hand_need_not_exist() -> None:
    assert not classes(
        DISK, SHARED, claims=[claim("edv", of="manual", labels=ClaimLabels(external="NFS"))]
    ).findings


def test_claims_outside_of_domino_are_not_dominos() -> None:
    assert not classes(
        DISK, SHARED, claims=[claim("a", namespace="other", of="gone", phase="Pending")]
    ).findings


def test_a_network_file_system_for_disks_is_found() -> None:
    (finding,) = classes(storage_class(provisioner="nfs.csi.k8s.io"), SHARED).findings

    assert finding.message == (
        "a network file system (nfs.csi.k8s.io), where Domino needs disks of one node each: "
        "databases may lose data on it"
    )


def test_disks_for_what_is_shared_are_found_unless_a_claim_shows_that_they_can() -> None:
    disks = storage_class("dominoshared")

    (finding,) = classes(DISK, disks).findings

    assert finding.message == f"makes disks ({EBS}), where Domino needs files that all nodes have at once"
    assert not classes(DISK, disks, claims=[claim("a", of="dominoshared", modes=EVERY)]).findings


def test_shared_volumes_are_made_at_once() -> None:
    (finding,) = classes(DISK, storage_class("dominoshared", EFS, waits=True)).findings

    assert str(finding.severity) == "medium"
    assert finding.message.startswith("waits for a first pod (WaitForFirstConsumer), where Domino needs")


def test_of_a_driver_that_nobody_knows_a_claim_tells_whether_it_can_share() -> None:
    unknown = storage_class("dominoshared", "csi.example.com")
    waits = claim("a", of="dominoshared", modes=EVERY, phase="Pending")

    (unseen,) = classes(DISK, unknown, claims=[waits]).unseen

    assert (
        "its driver, csi.example.com, gives files that all nodes have at once is not known" in unseen.reason
    )
    assert not classes(DISK, unknown, claims=[claim("a", of="dominoshared", modes=EVERY)]).unseen


# STOR-006


def twins(mine: dict[str, Any], its: dict[str, Any], *, name: str = "domino-shared-store") -> Assessment:
    one = claim(name, namespace="domino-platform", of="dominoshared", modes=EVERY)
    other = claim(f"{name}-domino-compute", of="dominoshared", modes=EVERY)
    return pairs([one, other], [volume(one, mine), volume(other, its)])


def pairs(
    claims: list[VolumeClaim], volumes: list[Volume], spaces: Sequence[DominoNamespace] = SPACES
) -> Assessment:
    return storage.test_shared_claims_and_their_twins_rest_on_the_same_storage(claims, volumes, list(spaces))


def test_twins_on_the_same_storage_are_as_they_should_be() -> None:
    assessment = twins(csi(EFS, "fs-12::fsap-34"), csi(EFS, "fs-12::fsap-34"))

    assert (len(assessment.population), assessment.findings) == (1, ())
    (table,) = assessment.attachments
    assert table.rows[0][1] == "efs.csi.aws.com fs-12::fsap-34"


def test_twins_that_were_restored_apart_are_found() -> None:
    (finding,) = twins(csi(EFS, "fs-12::fsap-34"), csi(EFS, "fs-12::fsap-56")).findings

    assert str(finding.subject) == "persistentvolumeclaim/domino-compute/domino-shared-store-domino-compute"
    assert finding.message == (
        "rests on efs.csi.aws.com fs-12::fsap-56, and persistentvolumeclaim/domino-platform/domino-shared"
        "-store, whose twin it is, on efs.csi.aws.com fs-12::fsap-34"
    )
    assert finding.severity is None


def test_a_static_volume_is_known_by_server_and_path_and_not_by_its_handle() -> None:
    assert not twins(
        csi("nfs.csi.k8s.io", "one", server="s", share="/x"),
        csi("nfs.csi.k8s.io", "two", server="s", share="/x"),
    ).findings


def test_twins_of_which_one_is_not_bound_are_no_pair() -> None:
    one = claim("blob", namespace="domino-platform")
    waits = claim("blob-domino-compute", phase="Pending")

    assert len(pairs([one, waits], [volume(one)]).population) == 0


def test_a_claim_without_a_twin_is_none_and_so_is_one_of_another_cluster() -> None:
    one = claim("blob", namespace="domino-platform")
    far = claim("blob-domino-compute", cluster="far")
    spaces = [*SPACES, namespace(cluster="far")]

    assert len(pairs([one, far], [volume(one), volume(far)], spaces).population) == 0


def test_each_compute_namespace_may_have_its_twin() -> None:
    one = claim("blob", namespace="domino-platform")
    others = [claim("blob-domino-compute"), claim("blob-field", namespace="field")]
    volumes = [volume(each, csi(EFS, "fs-1")) for each in (one, *others)]

    assert len(pairs([one, *others], volumes, [*SPACES, namespace("field")]).population) == 2


def test_a_source_that_is_not_known_leaves_it_unknown() -> None:
    assessment = twins({"csi": None}, {"csi": None})

    assert assessment.findings == ()
    assert "the source of a volume of theirs is none that is known" in next(iter(assessment.unseen)).reason


# STOR-007


def service(role: str, *names: str) -> DominoService:
    candidates = tuple(Candidate("statefulset", "domino-platform", name) for name in names)
    return DominoService(role, candidates, "name", cluster="prod")


SERVICES = [
    service("metadata_database", "mongodb-replicaset"),
    service("message_queue", "rabbitmq-ha-39"),
    service("git", "acme-files"),
    service("image_registry", "docker-registry"),
]


def databases(
    claims: Sequence[VolumeClaim],
    source: dict[str, Any] | None = None,
    pods: Sequence[Pod] = (),
    sets: Sequence[StatefulSet] = (),
) -> Assessment:
    return storage.test_databases_are_not_on_a_network_file_system(
        list(claims),
        [volume(each, source) for each in claims if each.bound],
        list(pods),
        list(sets),
        SERVICES,
        SPACES,
    )


def data(name: str, **more: Any) -> VolumeClaim:
    return claim(name, namespace="domino-platform", **more)


def of(owner: str, *claims: str, kind: str = "StatefulSet", name: str = "") -> Pod:
    return pod(
        name or f"{owner}-0",
        cluster="prod",
        namespace="domino-platform",
        node="n",
        claims=claims,
        owner=Owner(kind, owner, controller=True),
    )


def test_databases_on_disks_are_assessed_and_none_is_found() -> None:
    claims = [data("datadir-mongodb-replicaset-0"), data("keycloak-postgres"), data("unrelated")]

    assessment = databases(claims, pods=[of("mongodb-replicaset", "datadir-mongodb-replicaset-0")])

    assert (len(assessment.population), assessment.findings) == (2, ())


def test_a_database_on_nfs_is_found_by_its_workload() -> None:
    claims = [data(f"datadir-mongodb-replicaset-{at}") for at in range(2)]
    pods = [
        of("mongodb-replicaset", each.metadata.name, name=f"mongodb-replicaset-{at}")
        for at, each in enumerate(claims)
    ]

    (finding,) = databases(claims, nfs(), pods).findings

    assert str(finding.subject) == "statefulset/domino-platform/mongodb-replicaset"
    assert (str(finding.severity), finding.count) == ("medium", 2)
    assert finding.message == (
        "metadata database: 2 of its claims are on a network file system (nfs nfs.example.com:/export, class "
        "dominodisk): a database may lose data there"
    )


def test_of_a_claim_without_a_class_none_is_told() -> None:
    (finding,) = databases([data("keycloak-postgresql", of="")], nfs()).findings

    assert "(nfs nfs.example.com:/export): a database" in finding.message


def test_a_role_makes_a_database_of_what_has_a_name_of_its_own() -> None:
    assert len([*databases([data("x")], nfs(), [of("acme-files", "x")]).findings]) == 1
    assert not databases([data("x")], nfs(), [of("docker-registry", "x")]).findings


def test_a_database_that_is_scaled_to_nothing_is_known_by_its_claims() -> None:
    sets = [statefulset("rabbitmq-ha-39", namespace="domino-platform")]

    (finding,) = databases([data("data-rabbitmq-ha-39-0")], nfs(), sets=sets).findings

    assert str(finding.subject) == "statefulset/domino-platform/rabbitmq-ha-39"


def test_a_claim_whose_workload_is_not_known_is_named_itself() -> None:
    (finding,) = databases([data("keycloak-postgresql")], csi(EFS, "fs-1")).findings

    assert str(finding.subject) == "persistentvolumeclaim/domino-platform/keycloak-postgresql"
    assert finding.message.startswith(
        "postgresql: its claim is on a network file system (efs.csi.aws.com fs-1"
    )


@pytest.mark.parametrize("name", ["mongodb-backup", "domino-shared-store", "git-blob-store"])
def test_backups_and_shared_stores_belong_on_a_network_file_system(name: str) -> None:
    assert not databases([data(name)], nfs(), [of("mongodb-replicaset", name)]).findings


def test_a_job_that_backs_a_database_up_hides_nothing() -> None:
    name = "datadir-mongodb-replicaset-0"
    pods = [of("mongodb-backup", name, kind="Job", name="backup"), of("mongodb-replicaset", name)]

    (finding,) = databases([data(name)], nfs(), pods).findings

    assert str(finding.subject) == "statefulset/domino-platform/mongodb-replicaset"


@pytest.mark.parametrize("name", ["storage-prometheus-server-0", "elasticsearch-data"])
def test_what_writes_much_is_low(name: str) -> None:
    (finding,) = databases([data(name)], nfs()).findings

    assert str(finding.severity) == "low"
    assert finding.message.endswith("it reads and writes much, and is slow there")


def test_builders_in_the_compute_namespace_count_and_users_databases_do_not() -> None:
    builder, users = claim("cache-hephaestus-buildkit-0"), claim("my-postgresql")

    (finding,) = databases([builder, users], nfs()).findings

    assert finding.message.startswith("buildkit: ")


def test_an_external_data_volume_is_the_users_own() -> None:
    assert not databases([data("git", labels=ClaimLabels(external="NFS"))], nfs()).population


def test_what_is_not_bound_is_not_assessed() -> None:
    assert not databases([data("keycloak-postgresql", phase="Pending")], nfs()).population
