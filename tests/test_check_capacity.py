"""CAP-001: what users start is bounded."""

import json
from collections.abc import Sequence

import msgspec
import pytest
from checks import test_capacity as capacity

from domino_health import Assessment, DominoNamespace, LimitRange, ResourceQuota, Unseen
from domino_health.facts.quotas import (
    LimitRangeList,
    NamespacedMeta,
    QuotaSpec,
    ScopeExpression,
    ScopeSelector,
)
from platform_builders import limit_range, namespace, quota

COMPUTE = namespace()
DENIED = Unseen("prod", "403", "grant it", "denied", "resource_quotas")


def assess(
    namespaces: Sequence[DominoNamespace] = (COMPUTE,),
    quotas: Sequence[ResourceQuota] = (),
    ranges: Sequence[LimitRange] = (),
    unseen: Sequence[Unseen] = (),
) -> Assessment:
    return capacity.test_work_in_compute_namespaces_is_bounded(
        list(namespaces), list(quotas), list(ranges), list(unseen)
    )


def test_either_kind_of_bound_is_enough() -> None:
    for bounded in (
        assess(quotas=[quota({"pods": "200"})]),
        assess(ranges=[limit_range(max={"cpu": "64"})]),
    ):
        assert len(bounded.population) == 1
        assert bounded.findings == ()


def test_a_limit_range_without_limits_is_read_as_the_api_server_writes_it_and_bounds_nothing() -> None:
    metadata = {"name": "empty", "namespace": "domino-compute"}
    items = [{"metadata": metadata, "spec": {"limits": None}}, {"metadata": metadata}]
    written = json.dumps({"metadata": {}, "items": items})

    read = msgspec.json.decode(written, type=LimitRangeList).items

    assert [each.bounds for each in read] == [{}, {}]


def test_what_bounds_is_shown_with_its_use() -> None:
    bounds = quota({"pods": "200", "secrets": "9"}, pods="17")

    (table,) = assess(quotas=[bounds], ranges=[limit_range(max={"cpu": "64"})]).attachments

    assert table.rows == (
        ("prod: resourcequota/domino-compute/q", "pods", "200", "17"),
        ("prod: limitrange/domino-compute/l", "cpu", "64", ""),
    )


def test_the_quota_that_gke_puts_everywhere_is_shown_and_bounds_nothing() -> None:
    metadata = NamespacedMeta("gke-resource-quotas", COMPUTE.name)
    own = msgspec.structs.replace(quota({"pods": "1500"}), metadata=metadata)

    assessment = assess(quotas=[own])
    (finding,) = assessment.findings
    assert finding.message.endswith("bounds what users start here, but for GKE's own quota of its objects")
    assert list(assessment.attachments)
    assert assess(quotas=[own, quota({"pods": "200"})]).findings == ()


def test_a_namespace_without_any_bound_is_found() -> None:
    assessment = assess()

    (finding,) = assessment.findings
    assert finding.subject == COMPUTE.ref
    assert str(finding.subject) == "namespace/domino-compute"
    assert finding.message == "neither a ResourceQuota nor a LimitRange bounds what users start here"
    assert assessment.attachments == ()


def test_each_compute_namespace_needs_a_bound_of_its_own() -> None:
    field = namespace("domino-field")

    assessment = assess([COMPUTE, field], [quota({"pods": "200"})])

    assert len(assessment.population) == 2
    assert [finding.subject for finding in assessment.findings] == [field.ref]


def test_a_bound_of_another_namespace_or_cluster_is_none() -> None:
    elsewhere = [
        quota({"pods": "9"}, "domino-platform"),
        quota({"pods": "9"}, "domino-compute", cluster="other"),
    ]

    assert len(list(assess(quotas=elsewhere).findings)) == 1


def test_the_platforms_own_namespace_needs_none() -> None:
    assessment = assess([namespace("domino-platform", "platform")])

    assert len(assessment.population) == 0
    assert assessment.findings == ()


def test_without_a_compute_namespace_there_is_nothing_to_assess() -> None:
    assert len(assess([]).population) == 0


@pytest.mark.parametrize(
    ("resource", "bounds"),
    [
        ("pods", True),
        ("count/pods", True),
        ("cpu", True),
        ("requests.memory", True),
        ("limits.cpu", True),
        ("requests.nvidia.com/gpu", True),
        ("requests.ephemeral-storage", True),
        ("hugepages-2Mi", True),
        ("requests.storage", False),
        ("gold.storageclass.storage.k8s.io/requests.storage", False),
        ("persistentvolumeclaims", False),
        ("secrets", False),
        ("count/jobs.batch", False),
        ("services.loadbalancers", False),
    ],
)
def test_a_quota_bounds_work_where_it_is_of_what_pods_ask_for(resource: str, bounds: bool) -> None:
    assert bool(assess(quotas=[quota({resource: "1"})]).findings) is not bounds


@pytest.mark.parametrize(
    ("range", "bounds"),
    [
        (limit_range("Container", max={"cpu": "64"}), True),
        (limit_range("Container", default={"cpu": "1"}), True),
        (limit_range("Pod", max={"memory": "1Ti"}), True),
        (limit_range("PersistentVolumeClaim", max={"storage": "1Ti"}), False),
        (limit_range("Container"), False),
    ],
)
def test_a_limit_range_bounds_work_where_it_has_a_maximum(range: LimitRange, bounds: bool) -> None:
    assert bool(assess(ranges=[range]).findings) is not bounds


@pytest.mark.parametrize(
    ("scopes", "bounds"),
    [
        ((), True),
        (("NotTerminating",), True),
        (("NotBestEffort",), True),
        (("NotTerminating", "NotBestEffort"), True),
        (("Terminating",), False),
        (("BestEffort",), False),
        (("NotBestEffort", "Terminating"), False),
        (("PriorityClass",), False),
        (("CrossNamespacePodAffinity",), False),
    ],
)
def test_a_quota_bounds_work_where_it_counts_what_domino_starts(
    scopes: tuple[str, ...], bounds: bool
) -> None:
    selector = ScopeSelector(tuple(map(ScopeExpression, scopes)))
    plain = quota({"pods": "200"})
    for spec in (QuotaSpec({"pods": "200"}, scopes), QuotaSpec({"pods": "200"}, (), selector)):
        assessment = assess(quotas=[msgspec.structs.replace(plain, spec=spec)])

        assert (assessment.findings == ()) is bounds


def test_a_quota_of_nothing_is_a_bound() -> None:
    assert assess(quotas=[quota({"pods": "0"})]).findings == ()


# What could not be looked at


@pytest.mark.parametrize("target", ["prod", "prod/domino-compute"])
def test_that_there_is_no_bound_is_not_said_where_one_may_stand_unseen(target: str) -> None:
    unseen = Unseen(target, "403", "grant it", "denied", "limit_ranges")

    assessment = assess(unseen=[unseen])

    assert len(assessment.population) == 0
    assert assessment.findings == ()
    assert assessment.unseen == (unseen,)


def test_a_bound_that_was_seen_is_enough_whatever_was_not() -> None:
    assessment = assess(ranges=[limit_range(max={"cpu": "1"})], unseen=[DENIED])

    assert len(assessment.population) == 1
    assert assessment.findings == ()
    assert assessment.unseen == (DENIED,), "the engine is told all the same"


@pytest.mark.parametrize("target", ["other", "prod/domino-platform", "prod/domino-comput"])
def test_what_could_not_be_seen_elsewhere_hides_no_bound(target: str) -> None:
    unseen = Unseen(target, "403", "grant it", "denied", "resource_quotas")

    assert len(list(assess(unseen=[unseen]).findings)) == 1
