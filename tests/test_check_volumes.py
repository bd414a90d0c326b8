"""STOR-008 and STOR-009: volumes that are left over, and what lies on fast disks though nobody uses it."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from checks import test_volumes as volumes

from builders import NOW, pod
from domino_health import Assessment, Event, Finding, Pod, Ref, StatefulSet, Volume, VolumeClaim
from platform_builders import DAY, event, namespace, statefulset
from storage_builders import EFS, claim, csi, volume

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
SPACES = [namespace(), namespace("domino-platform", "platform")]


def left(
    *those: Volume, pods: Sequence[Pod] = (), events: Sequence[Event] | None = (), **thresholds: Any
) -> Assessment:
    told = None if events is None else list(events)
    return volumes.test_no_volumes_are_left_over(list(those), list(pods), NOW, told, **thresholds)


def many(number: int, **more: Any) -> list[Volume]:
    return [volume(f"pv-{at:03}", **more) for at in range(number)]


# STOR-008


def test_volumes_in_use_are_assessed_and_none_is_found() -> None:
    assessment = left(volume("a"), volume("b", phase="Available"))

    assert (len(assessment.population), assessment.findings) == (2, ())
    assert assessment.worst == "0 salvaged of 64, 0 idle of 32"


def test_without_any_volume_there_is_nothing_to_assess() -> None:
    assert len(left().population) == 0


@pytest.mark.parametrize(
    ("state", "phase", "number", "findings"),
    [
        ("salvaged", "Released", 63, 0),
        ("salvaged", "Released", 64, 1),
        ("salvaged", "Bound", 64, 1),
        ("available", "Available", 32, 0),
        ("available", "Available", 33, 1),
        ("available", "Bound", 33, 1),
        ("unheard-of", "Available", 99, 0),
    ],
)
def test_dominos_own_may_be_so_many(state: str, phase: str, number: int, findings: int) -> None:
    assert len([*left(*many(number, state=state, phase=phase)).findings]) == findings


def test_a_volume_that_a_pod_mounts_is_not_idle() -> None:
    of = claim("work")
    there = [volume(of, state="available"), *many(32, state="available", phase="Available")]

    assert not left(*there, pods=[pod(cluster="prod", claims=["work"], node="n")]).findings
    assert left(*there).findings


def test_what_piles_up_is_told_with_its_size_and_the_oldest() -> None:
    there = [*many(63, state="salvaged", phase="Available"), volume("old", state="salvaged", age=9 * DAY)]

    (finding,) = left(*there).findings

    assert str(finding.subject) == "volumes/salvaged"
    assert (finding.count, finding.examples[0].name) == (64, "old")
    assert finding.message == (
        "64 volumes of 640.0 GiB: salvaged of runs that failed, and Domino deletes the oldest; the oldest "
        "was made 9 d ago"
    )


@pytest.mark.parametrize(("number", "findings"), [(32, 0), (33, 1)])
def test_released_volumes_may_be_so_many(number: int, findings: int) -> None:
    found = left(*many(number, phase="Released", policy="Retain")).findings

    assert [str(each.subject) for each in found] == ["volumes/released"] * findings


def test_each_threshold_is_the_profiles() -> None:
    there = [
        volume("a", state="salvaged", phase="Available"),
        volume("b", state="available", phase="Available"),
        volume("c", phase="Released", policy="Retain"),
    ]

    assert len([*left(*there, max_salvaged=1, max_idle=0, max_released=0).findings]) == 3


def test_volumes_of_two_clusters_do_not_pile_up_together() -> None:
    there = many(20, state="available", phase="Available")
    assert not left(*there, *many(20, state="available", phase="Available", cluster="other")).findings


def test_a_failed_volume_is_found_in_the_words_of_who_failed() -> None:
    (finding,) = left(volume("pv-1", phase="Failed", message="error deleting:\n VolumeInUse")).findings

    assert (str(finding.subject), finding.message) == (
        "persistentvolume/pv-1",
        "failed: error deleting: VolumeInUse",
    )


def test_several_that_have_failed_are_one_finding_of_their_class() -> None:
    (finding,) = left(*many(4, phase="Failed")).findings

    assert (str(finding.subject), finding.count, len(finding.examples)) == ("storageclass/dominodisk", 4, 3)
    assert finding.message == "4 volumes of 40.0 GiB have failed: nobody says why"


@pytest.mark.parametrize(("since", "findings"), [(HOUR, 0), (HOUR + MOMENT, 1), (None, 0)])
def test_a_volume_that_is_to_be_deleted_may_take_an_hour(since: timedelta | None, findings: int) -> None:
    assert len([*left(volume("a", phase="Released", since=since)).findings]) == findings


def test_why_it_is_still_there_is_quoted() -> None:
    stuck = volume("pv-1", phase="Released", since=2 * DAY)
    reason = event(
        "VolumeFailedDelete", "VolumeInUse", of=stuck.ref, reporter="ebs.csi.aws.com_controller-0_8a0b"
    )
    other = event("VolumeFailedDelete", "no right", of=Ref("prod", "persistentvolume", "", "pv-2"))

    (finding,) = left(stuck, events=[reason, other]).findings
    (silent,) = left(stuck, events=None).findings

    assert finding.message == (
        "to be deleted for 2 d, allowed 1 h, and still there. VolumeFailedDelete of ebs.csi.aws.com: "
        "VolumeInUse"
    )
    assert silent.message.endswith("Cause not observed: events could not be seen")
    (none,) = left(stuck).findings
    assert none.message.endswith("Cause not observed: no event of it is kept")


def test_several_that_stay_are_one_finding_of_their_class() -> None:
    (finding,) = left(*many(2, phase="Released", since=DAY)).findings

    assert str(finding.subject) == "storageclass/dominodisk"
    assert finding.message.startswith("2 volumes to be deleted for up to 1 d, allowed 1 h, and still there.")


# STOR-009


def unused(
    *those: Volume,
    claims: Sequence[VolumeClaim] = (),
    pods: Sequence[Pod] = (),
    sets: Sequence[StatefulSet] = (),
    **thresholds: Any,
) -> Assessment:
    return volumes.test_what_lies_on_fast_disks_is_used(
        list(those), list(claims), list(pods), list(sets), SPACES, NOW, **thresholds
    )


def used(ago: timedelta) -> str:
    return (NOW - ago).isoformat()


def messages(findings: Iterable[Finding]) -> list[str]:
    return [each.message for each in findings]


WORK = claim("workspace-1", age=90 * DAY)


@pytest.mark.parametrize(("ago", "findings"), [(60 * DAY, 0), (60 * DAY + MOMENT, 1)])
def test_sixty_days_are_allowed_and_no_more(ago: timedelta, findings: int) -> None:
    assessment = unused(volume(WORK, used=used(ago), age=90 * DAY), claims=[WORK])

    assert (len(assessment.population), len([*assessment.findings])) == (1, findings)
    assert assessment.worst == "longest unused 60 d of 60 d"


def test_one_is_named_by_its_claim_with_its_size() -> None:
    (finding,) = unused(volume(WORK, used=used(61 * DAY), age=90 * DAY), claims=[WORK]).findings

    assert str(finding.subject) == "persistentvolumeclaim/domino-compute/workspace-1"
    assert finding.message == "10.0 GiB unused for 61 d, allowed 60 d"


def test_a_volume_that_no_claim_has_is_named_itself() -> None:
    (finding,) = unused(volume("pv-1", used=used(61 * DAY), phase="Available", age=90 * DAY)).findings

    assert str(finding.subject) == "persistentvolume/pv-1"


def test_several_are_one_finding_of_their_class_and_a_table_names_them() -> None:
    there = [
        volume(f"pv-{at}", used=used((61 + at) * DAY), phase="Available", age=90 * DAY) for at in range(4)
    ]

    assessment = unused(*there)

    (finding,) = assessment.findings
    assert (str(finding.subject), finding.count) == ("storageclass/dominodisk", 4)
    assert finding.message == "4 volumes of 40.0 GiB unused for up to 64 d, allowed 60 d"
    (table,) = assessment.attachments
    assert table.rows[0] == (
        "prod: persistentvolume/pv-3",
        "",
        "dominodisk",
        "10.0 GiB",
        "64 d",
    )


def test_what_a_pod_mounts_now_is_used_whatever_was_written() -> None:
    there = volume(WORK, used=used(61 * DAY), age=90 * DAY)

    assert not unused(there, claims=[WORK], pods=[pod(cluster="prod", claims=["workspace-1"])]).findings
    ended = pod(cluster="prod", claims=["workspace-1"], phase="Succeeded")
    assert unused(there, claims=[WORK], pods=[ended]).findings


def test_a_volume_cannot_be_unused_for_longer_than_it_is_there() -> None:
    young = volume(claim("workspace-1", age=3 * DAY), age=3 * DAY)

    assessment = unused(young, claims=[claim("workspace-1", age=3 * DAY)])

    assert (len(assessment.population), assessment.findings, assessment.unseen) == (1, (), ())


@pytest.mark.parametrize("said", ["", "yesterday"])
def test_where_nothing_tells_it_is_unknown_by_class(said: str) -> None:
    old = [claim(f"workspace-{at}") for at in range(2)]

    assessment = unused(*(volume(each, used=said, age=61 * DAY) for each in old), claims=old)

    (unseen,) = assessment.unseen
    assert (len(assessment.population), assessment.findings) == (0, ())
    assert unseen.target == "prod: storageclass/dominodisk"
    assert unseen.reason.startswith("2 volumes of 20.0 GiB: older than 60 d, mounted by no pod now")


def test_what_is_none_of_dominos_disks_is_left_out() -> None:
    stranger = claim("data", namespace="other")
    kept = claim("cache-hephaestus-buildkit-0")
    shared = claim("shared")
    there = [
        volume(stranger, age=90 * DAY),
        volume(kept, age=90 * DAY),
        volume(shared, csi(EFS, "fs-1"), age=90 * DAY, used=used(80 * DAY)),
        volume("pv-1", phase="Released", age=90 * DAY),
    ]
    sets = [statefulset("hephaestus-buildkit", 0, 0, namespace="domino-compute")]

    assessment = unused(*there, claims=[stranger, kept, shared], sets=sets)

    assert (len(assessment.population), assessment.findings, assessment.unseen) == (0, (), ())


def test_the_threshold_is_the_profiles() -> None:
    there = volume(WORK, used=used(10 * DAY), age=90 * DAY)

    assert messages(unused(there, claims=[WORK], max_unused=9 * DAY).findings) == [
        "10.0 GiB unused for 10 d, allowed 9 d"
    ]
