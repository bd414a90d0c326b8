"""CAP-002: quotas have room."""

import pytest
from checks import test_quotas as quotas

from domino_health import Assessment, Finding, ResourceQuota, Severity
from platform_builders import namespace, quota


def assess(*given: ResourceQuota) -> Assessment:
    return quotas.test_quotas_have_room(list(given), [namespace()])


def found(hard: str, used: str, resource: str = "pods") -> list[Finding]:
    return list(assess(quota({resource: hard}, **{resource: used})).findings)


def test_a_quota_with_room_is_healthy_and_says_how_full_it_is() -> None:
    assessment = assess(quota({"pods": "200", "requests.cpu": "100"}, **{"pods": "17", "requests.cpu": "40"}))

    assert (len(assessment.population), assessment.findings) == (1, ())
    assert assessment.worst == "fullest 40 % of 80 %"
    (table,) = assessment.attachments
    assert ("prod: resourcequota/domino-compute/q", "requests.cpu", "40 of 100", "40 %") in table.rows


@pytest.mark.parametrize(
    ("used", "severity"),
    [
        ("159", None),
        ("160", Severity.MEDIUM),
        ("179", Severity.MEDIUM),
        ("180", Severity.HIGH),
        ("260", Severity.HIGH),
    ],
)
def test_from_80_per_cent_it_is_medium_and_from_90_high(used: str, severity: Severity | None) -> None:
    assert [each.severity for each in found("200", used)] == ([severity] if severity else [])


def test_it_names_what_is_full_the_fullest_first_and_what_is_left() -> None:
    bounds = {"pods": "200", "limits.memory": "100Gi", "services": "10"}
    used = {"pods": "170", "limits.memory": "95Gi", "services": "1"}

    (finding,) = assess(quota(bounds, **used)).findings
    assert finding.message == (
        "limits.memory 95.0 GiB of 100.0 GiB (95 %), 5.0 GiB left; pods 170 of 200 (85 %), 30 left"
    )


def test_what_is_more_than_full_has_nothing_left() -> None:
    assert found("10", "12")[0].message == "pods 12 of 10 (120 %), 0 left"


def test_a_bound_of_zero_forbids_and_is_not_full() -> None:
    assert len(assess(quota({"services.loadbalancers": "0"})).population) == 0
    assert assess(quota({"services.loadbalancers": "0"})).unseen == ()


def test_what_is_not_counted_yet_is_unknown() -> None:
    assessment = assess(quota({"pods": "10"}))

    (unseen,) = assessment.unseen
    assert (len(assessment.population), unseen.target) == (0, "prod: resourcequota/domino-compute/q")


def test_a_bound_that_is_not_counted_yet_beside_one_that_is_is_unknown_and_named() -> None:
    assessment = assess(quota({"pods": "10", "requests.cpu": "4", "secrets": "0"}, pods="1"))

    (unseen,) = assessment.unseen
    assert (len(assessment.population), assessment.worst) == (1, "fullest 10 % of 80 %")
    assert unseen.reason == (
        "Kubernetes has not counted yet what is used of requests.cpu (nothing in status.used)"
    )


def test_a_quota_of_another_team_s_namespace_is_theirs() -> None:
    theirs = quota({"pods": "1"}, "billing", pods="1")
    of_another_cluster = quota({"pods": "1"}, cluster="other", pods="1")

    assert len(assess(theirs, of_another_cluster).population) == 0


def test_without_quotas_there_is_nothing_to_assess() -> None:
    assert len(assess().population) == 0
    assert assess().worst == ""
