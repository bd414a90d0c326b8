"""STOR-001: every claim has its volume, in time."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from checks import test_claims as claims

from builders import NOW, pod
from domino_health import Assessment, Event, Pod, StorageClass, Volume, VolumeClaim
from domino_health.facts.api import Condition
from domino_health.facts.storage import ClaimLabels
from platform_builders import event
from storage_builders import EBS, claim, storage_class, volume

MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)
SIGNED = "ebs.csi.aws.com_ebs-csi-controller-6d5f9c7b8d-x7k2p_8a0b6c1e-6f3f-4a7e"
"""As external-provisioner signs its events: the driver, its pod and an id."""
CLASSES = (
    storage_class(),
    storage_class("waits", waits=True),
    storage_class("dominoshared", "efs.csi.aws.com"),
)


def assess(
    *those: VolumeClaim,
    pods: Sequence[Pod] = (),
    classes: Sequence[StorageClass] | None = CLASSES,
    volumes: Sequence[Volume] | None = (),
    events: Sequence[Event] | None = (),
    **thresholds: timedelta,
) -> Assessment:
    return claims.test_every_claim_is_bound_in_time(
        list(those),
        list(pods),
        NOW,
        None if classes is None else list(classes),
        None if volumes is None else list(volumes),
        None if events is None else list(events),
        **thresholds,
    )


def found(assessment: Assessment) -> list[tuple[str, str]]:
    return [(str(each.subject), each.message) for each in assessment.findings]


def pending(
    name: str = "work", age: timedelta = 10 * MINUTE, of: str | None = "dominodisk", **more: str
) -> VolumeClaim:
    return claim(name, age=age, phase="Pending", of=of, **more)  # type: ignore[arg-type]


def said(
    of: VolumeClaim, reason: str, message: str = "", ago: timedelta = MINUTE, reporter: str = SIGNED
) -> Event:
    return event(reason, message, of=of.ref, ago=ago, reporter=reporter)


# What is healthy


def test_bound_claims_are_assessed_and_none_is_found() -> None:
    assessment = assess(claim("a"), claim("b"))

    assert (len(assessment.population), assessment.findings) == (2, ())
    assert assessment.worst == "no claim waits"


def test_without_any_claim_there_is_nothing_to_assess() -> None:
    assert len(assess().population) == 0


@pytest.mark.parametrize(("age", "findings"), [(5 * MINUTE, 0), (5 * MINUTE + MOMENT, 1)])
def test_five_minutes_are_allowed_and_no_more(age: timedelta, findings: int) -> None:
    assessment = assess(pending(age=age))

    assert len([*assessment.findings]) == findings
    assert assessment.worst.startswith("longest wait 5 m")


def test_the_threshold_is_the_profiles() -> None:
    assert not assess(pending(), max_pending=10 * MINUTE).findings
    assert "allowed 9 m" in found(assess(pending(), max_pending=9 * MINUTE))[0][1]


# Whose turn it is


def test_a_claim_that_no_pod_mounts_waits_for_its_first() -> None:
    assessment = assess(pending(of="waits"))

    assert assessment.findings == ()
    assert assessment.worst == "no claim waits; 1 for a first pod"


def test_a_claim_whose_pod_has_no_node_waits_for_the_pod() -> None:
    assert not assess(pending(of="waits"), pods=[pod(cluster="prod", claims=["work"])]).findings


def test_from_the_choice_of_a_node_it_is_the_drivers_turn() -> None:
    mine = pod(cluster="prod", claims=["work"], age=6 * MINUTE)
    waits = pending(of="waits", age=timedelta(days=3), node="default-0")

    ((subject, message),) = found(assess(waits, pods=[mine]))

    assert subject == "persistentvolumeclaim/domino-compute/work"
    assert message == (
        "without a volume for 6 m, allowed 5 m: of the class waits (ebs.csi.aws.com). "
        "Cause not observed: no event of it is kept"
    )


def test_the_drivers_first_word_tells_since_when_it_tries() -> None:
    waits = pending(of="waits", age=timedelta(days=3), node="default-0")

    assert not assess(waits, events=[said(waits, "ExternalProvisioning", ago=4 * MINUTE)]).findings
    assert found(assess(waits, events=[said(waits, "ExternalProvisioning", ago=6 * MINUTE)]))


def test_a_driver_that_has_failed_is_found_though_the_scheduler_chooses_again() -> None:
    waits = pending(of="waits")
    words = 'failed to provision volume with StorageClass "waits": rpc error: code = ResourceExhausted'

    assert found(assess(waits, events=[said(waits, "ProvisioningFailed", words, ago=7 * MINUTE)])) == [
        (
            "persistentvolumeclaim/domino-compute/work",
            "without a volume for 7 m, allowed 5 m: of the class waits (ebs.csi.aws.com). "
            f"ProvisioningFailed of ebs.csi.aws.com: {words}",
        )
    ]


def test_what_was_said_of_an_earlier_claim_of_that_name_is_not_said_of_this_one() -> None:
    waits = pending(of="waits")

    assert not assess(waits, events=[said(waits, "ProvisioningFailed", ago=11 * MINUTE)]).findings


def test_without_the_classes_events_and_the_scheduler_tell_whose_turn_it_is() -> None:
    waits = pending()
    first = said(waits, "WaitForFirstConsumer", reporter="persistentvolume-controller")
    tried = said(waits, "ExternalProvisioning", ago=6 * MINUTE)
    unbound = pod(
        cluster="prod",
        claims=["work"],
        said="0/7 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
    )

    assert not assess(waits, classes=None, events=[first]).findings
    assert found(assess(waits, classes=None, events=[tried]))
    assert found(assess(waits, classes=None, pods=[unbound]))
    assert found(assess(pending(provisioner=EBS), classes=None))[0][1].endswith(
        "of the class dominodisk (ebs.csi.aws.com). Cause not observed: no event of it is kept"
    )


def test_where_nothing_tells_it_is_unknown_once_a_cluster() -> None:
    assessment = assess(pending("a"), pending("b"), pending("c", age=MINUTE), classes=None, events=None)

    (unseen,) = assessment.unseen
    assert assessment.findings == ()
    assert unseen.target == "prod: persistentvolumeclaim/domino-compute/a and 1 more"
    assert unseen.reason.startswith(
        "without a volume, and whether its class waits for a first pod is not known"
    )


# What the finding says


def test_the_most_telling_event_is_quoted_and_not_the_last() -> None:
    waits = pending()
    events = [
        said(waits, "ProvisioningFailed", "no room", ago=3 * MINUTE),
        said(waits, "ProvisioningFailed", "no room at all", ago=2 * MINUTE),
        said(waits, "ExternalProvisioning", "waiting for a volume to be created"),
    ]

    assert found(assess(waits, events=events, max_pending=MINUTE))[0][1].endswith(
        ". ProvisioningFailed of ebs.csi.aws.com: no room at all"
    )


@pytest.mark.parametrize(
    ("waits", "words"),
    [
        (pending(of="gone"), ": the storage class gone does not exist."),
        (pending(of=None), ": it names no storage class, and the cluster has no default one."),
        (pending(of=""), ": it asks for a volume that is there already, of no storage class."),
        (pending(of="", volume="pv-9"), ", and wants the volume pv-9, which does not exist."),
        (
            pending(of="", volume="pv-taken"),
            ", and wants the volume pv-taken, which belongs to the claim domino-platform/other.",
        ),
    ],
)
def test_why_there_is_none_is_told_without_an_event(waits: VolumeClaim, words: str) -> None:
    taken = volume(claim("other", namespace="domino-platform", volume="pv-taken"))

    assert words in found(assess(waits, volumes=[taken]))[0][1]


def test_where_volumes_may_not_be_seen_nothing_is_said_of_them() -> None:
    assert (
        ", and wants the volume pv-9. Cause"
        in found(assess(pending(of="", volume="pv-9"), volumes=None))[0][1]
    )


def test_where_events_may_not_be_seen_the_finding_stands_without_a_cause() -> None:
    assert found(assess(pending(), events=None))[0][1].endswith(
        "Cause not observed: events could not be seen"
    )


def test_an_external_data_volume_is_told_as_such() -> None:
    waits = claim("data", phase="Pending", of="", labels=ClaimLabels(external="NFS"))

    assert found(assess(waits))[0][1].startswith("External Data Volume (NFS): without a volume for 1 h")


def test_several_external_data_volumes_are_told_as_such_too() -> None:
    many = [claim(at, phase="Pending", of="efs", labels=ClaimLabels(external="EFS")) for at in ("a", "b")]

    (finding,) = assess(*many).findings

    assert finding.message.startswith("External Data Volume (EFS): 2 claims without a volume for up to 1 h")


def test_claims_that_wait_for_the_same_are_one_finding_of_their_class() -> None:
    many = [pending(f"workspace-{at}", age=(at + 6) * MINUTE) for at in range(5)]
    words = 'failed to provision volume for claim "domino-compute/{}": quota of 20 TiB'
    events = [
        said(each, "ProvisioningFailed", words.format(each.metadata.name), ago=5 * MINUTE + MOMENT)
        for each in many
    ]

    (finding,) = assess(*many, events=events).findings

    assert str(finding.subject) == "storageclass/dominodisk"
    assert (finding.count, len(finding.examples)) == (5, 3)
    assert finding.message.startswith("5 claims without a volume for up to 5 m, allowed 5 m: of the class")


def test_other_causes_and_other_clusters_are_other_findings() -> None:
    one, other = pending("a"), pending("b")
    events = [said(one, "ProvisioningFailed", "no room"), said(other, "FailedBinding", "no volume")]
    there = claim("a", phase="Pending", cluster="other")

    assert len([*assess(one, other, there, events=events, max_pending=timedelta(0)).findings]) == 3


# Lost, going, growing


def test_a_claim_that_has_lost_its_volume_is_found_at_once() -> None:
    assert found(assess(claim("data", phase="Lost", volume="pv-1", age=MINUTE))) == [
        ("persistentvolumeclaim/domino-compute/data", "lost: its volume pv-1 is gone")
    ]


@pytest.mark.parametrize(("lasts", "findings"), [(timedelta(days=1), 0), (timedelta(days=1) + MOMENT, 1)])
def test_a_claim_that_a_pod_holds_may_take_a_day_to_end(lasts: timedelta, findings: int) -> None:
    assert len([*assess(claim("data", deleted_for=lasts)).findings]) == findings


def test_who_holds_a_claim_is_named() -> None:
    gone = claim("data", deleted_for=timedelta(days=3))
    holds = pod("web", cluster="prod", claims=["data"], node="n")
    ended = pod("old", cluster="prod", claims=["data"], node="n", phase="Succeeded")

    (held,) = assess(gone, pods=[holds, ended]).findings
    (left,) = assess(gone, pods=[ended]).findings

    assert held.message == "being deleted for 3 d, allowed 1 d: pod/domino-compute/web still mounts it"
    assert str(held.severity) == "low"
    assert left.message.endswith("no pod mounts it, and a finalizer holds it")


def test_a_pending_claim_that_is_being_deleted_waits_for_nothing() -> None:
    assert not assess(claim("a", phase="Pending", deleted_for=timedelta(0))).findings


def test_a_volume_that_does_not_grow_is_found_by_its_event_or_its_condition() -> None:
    full = claim("data", asks="20Gi")
    error = Condition("ControllerResizeError", "True", "", "rpc error: code = ResourceExhausted", NOW)
    waits = Condition("FileSystemResizePending", "True", "", "Waiting for user to (re-)start a pod", NOW)

    (by_event,) = assess(full, events=[said(full, "VolumeResizeFailed", "no room")]).findings
    (by_condition,) = assess(claim("data", asks="20Gi", conditions=(error,))).findings

    assert by_event.message == (
        "does not grow from 10.0 GiB to 20.0 GiB. VolumeResizeFailed of ebs.csi.aws.com: no room"
    )
    assert by_condition.message.endswith("ControllerResizeError: rpc error: code = ResourceExhausted")
    assert str(by_event.severity) == "medium"
    assert not assess(claim("data", asks="20Gi", conditions=(waits,))).findings
    assert not assess(claim("data"), events=[said(claim("data"), "VolumeResizeFailed", "before")]).findings
