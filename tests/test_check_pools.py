"""CAP-004 and CAP-005: what node pools have promised, and what they use."""

from datetime import timedelta

import pytest
from checks import test_pools as pools

from builders import NOW, deployment_pod, pod
from domino_health import Assessment, Finding, Node, NodeMetrics, Pod, Severity
from domino_health.facts.kubernetes import Owner
from domino_health.facts.metrics import MetricsMeta
from platform_builders import condition, namespace, node

MINUTE = timedelta(minutes=1)
LATE = timedelta(minutes=5, seconds=1)
ROOM = {"cpu": "10", "memory": "10Gi", "pods": "50"}
NAMESPACES = [namespace("domino-platform", "platform", cluster=""), namespace(cluster="")]


def sized(name: str = "n", pool: str = "platform", *, ready: bool = True) -> Node:
    """A node of ten cores and 10 GiB."""
    conditions = () if ready else (condition("Ready", "False"),)
    return node(name, *conditions, pool=pool, allocatable=ROOM)


def service_pod(cpu: str = "1", memory: str = "1Gi", *, on: str = "n", limit: str = "") -> Pod:
    """A pod of the platform's own."""
    limits = [{"memory": limit}] if limit else ()
    asked = [{"cpu": cpu, "memory": memory}]
    return deployment_pod("web", f"{cpu}-{memory}-{limit}", node=on, requests=asked, limits=limits)


def run(
    cpu: str = "1", memory: str = "1Gi", *, on: str = "n", limit: str = "", phase: str = "Running"
) -> Pod:
    """An execution's pod."""
    limits = [{"memory": limit}] if limit else ()
    return pod(node=on, phase=phase, requests=[{"cpu": cpu, "memory": memory}], limits=limits)


def promised(nodes: list[Node], *there: Pod) -> Assessment:
    return pools.test_node_pools_are_not_overcommitted(nodes, list(there), NAMESPACES)


def metrics(name: str = "n", cpu: str = "1", memory: str = "1Gi", *, ago: timedelta = MINUTE) -> NodeMetrics:
    return NodeMetrics(MetricsMeta(name), NOW - ago, "20s", {"cpu": cpu, "memory": memory})


def used(nodes: list[Node], *given: NodeMetrics, pods: tuple[Pod, ...] = ()) -> Assessment:
    return pools.test_nodes_are_not_used_to_the_edge(nodes, list(given), list(pods), NAMESPACES, NOW)


def only(assessment: Assessment) -> Finding:
    (finding,) = assessment.findings
    return finding


# CAP-004


def test_a_pool_that_has_promised_little_is_healthy_and_stands_in_the_table() -> None:
    assessment = promised([sized()], service_pod("5", "1Gi", limit="2Gi"))

    assert (len(assessment.population), assessment.findings) == (1, ())
    (table,) = assessment.attachments
    assert table.rows == (("node-pool/platform", "1", "50 %", "0 %", "10 %", "20 %"),)


def test_nine_tenths_of_requests_on_the_platform_s_pool_are_too_much_and_less_is_not() -> None:
    assert promised([sized()], service_pod("8990m")).findings == ()
    finding = only(promised([sized()], service_pod("9")))
    assert (str(finding.subject), finding.severity) == ("node-pool/platform", Severity.MEDIUM)
    assert finding.message == "requests of cpu: 9, 90 % of the 10 that 1 node has"


def test_a_compute_pool_that_is_full_has_done_its_work() -> None:
    assert promised([sized(pool="default")], run("10", "10Gi")).findings == ()


def test_pods_of_a_daemon_set_do_not_make_a_pool_the_platform_s() -> None:
    owner = Owner("DaemonSet", "fluent-bit", controller=True)
    asked = [{"cpu": "100m"}]
    shipper = pod("fluent-bit-x", namespace="domino-platform", owner=owner, node="n", requests=asked)

    assert promised([sized(pool="default")], shipper, run("9900m")).findings == ()


def test_limits_of_cpu_only_slow_and_are_low_however_many_they_are() -> None:
    asked = [{"cpu": "1", "memory": "1Gi"}]
    many = pod(node="n", requests=asked, limits=[{"cpu": "100", "memory": "1Gi"}])
    both = pod("run-b", node="n", requests=asked, limits=[{"cpu": "100", "memory": "20Gi"}])

    assert only(promised([sized(pool="default")], many)).severity is Severity.LOW
    assert only(promised([sized(pool="default")], both)).severity is Severity.MEDIUM


@pytest.mark.parametrize("kind", ["Job", "PersistentVolumeClaim", ""])
def test_what_ends_by_itself_does_not_make_a_pool_the_platform_s(kind: str) -> None:
    owner = Owner(kind, "backup", controller=True) if kind else None
    asked = [{"cpu": "100m"}]
    job = pod("backup-x", namespace="domino-platform", owner=owner, node="n", requests=asked)

    assert promised([sized(pool="default")], job, run("9900m")).findings == ()


@pytest.mark.parametrize(
    ("limit", "severity"),
    [("19Gi", None), ("20Gi", Severity.MEDIUM), ("49Gi", Severity.MEDIUM), ("50Gi", Severity.HIGH)],
)
def test_limits_of_twice_what_there_is_are_medium_and_of_five_times_high(
    limit: str, severity: Severity | None
) -> None:
    findings = promised([sized(pool="default")], run(limit=limit)).findings

    assert [each.severity for each in findings] == ([severity] if severity else [])


def test_what_has_ended_or_waits_or_is_on_a_node_that_is_not_ready_counts_nowhere() -> None:
    nodes = [sized(), sized("down", ready=False)]

    assessment = promised(
        nodes, service_pod(), run("9", phase="Succeeded"), run("9", on=""), run("9", on="down")
    )
    assert assessment.findings == ()
    assert [row[:3] for table in assessment.attachments for row in table.rows] == [
        ("node-pool/platform", "1", "10 %")
    ]


def test_a_node_of_no_pool_is_told_as_such() -> None:
    assert str(only(promised([sized(pool="")], service_pod("9"))).subject) == "node-pool/none"


def test_without_nodes_there_is_nothing_to_assess() -> None:
    assert len(promised([]).population) == 0
    assert promised([]).attachments == ()


# CAP-005


def test_nodes_that_use_little_are_healthy() -> None:
    assessment = used([sized()], metrics())

    assert (len(assessment.population), assessment.findings, assessment.unseen) == (1, (), ())
    assert [row for table in assessment.attachments for row in table.rows] == [
        ("node-pool/platform", "1", "10 %", "10 %")
    ]


@pytest.mark.parametrize(
    ("memory", "severity"),
    [("8191Mi", None), ("8Gi", Severity.MEDIUM), ("9215Mi", Severity.MEDIUM), ("9Gi", Severity.HIGH)],
)
def test_from_80_per_cent_of_its_memory_it_is_medium_and_from_90_high(
    memory: str, severity: Severity | None
) -> None:
    findings = used([sized(pool="default")], metrics(memory=memory)).findings

    assert [each.severity for each in findings] == ([severity] if severity else [])


def test_a_cpu_is_judged_where_the_platform_s_own_run_and_nowhere_else() -> None:
    busy = metrics(cpu="9500m")

    assert used([sized(pool="default")], busy, pods=(run(),)).findings == ()
    finding = only(used([sized()], busy, pods=(service_pod(),)))
    assert finding.message == "1 node uses 80 % or more of its cpu, of 1: at most 95 % of 10 on n"


def test_nodes_of_a_pool_are_one_finding_that_names_the_fullest() -> None:
    nodes = [sized(f"n{at}", "default") for at in range(5)]
    given = [metrics(f"n{at}", memory=f"{at + 6}Gi") for at in range(4)]

    finding = only(used(nodes, *given, metrics("n4")))
    assert finding.count == 2
    assert [example.name for example in finding.examples] == ["n3", "n2"]
    assert finding.message == "2 nodes use 80 % or more of its memory, of 5: at most 90 % of 10.0 GiB on n3"


def test_a_ready_node_without_fresh_metrics_is_unknown() -> None:
    nodes = [sized("a"), sized("b"), sized("c"), sized("down", ready=False)]

    assessment = used(nodes, metrics("a", ago=5 * MINUTE), metrics("b", ago=LATE))
    (unseen,) = assessment.unseen
    assert len(assessment.population) == 1
    assert unseen.reason == "no metrics of 2 Ready nodes within 5 m: b, c"


def test_a_node_that_has_just_joined_need_not_have_metrics_yet() -> None:
    joined = node("new", allocatable=ROOM, age=5 * MINUTE)
    late = node("late", allocatable=ROOM, age=LATE)

    assessment = used([sized(), joined, late], metrics())
    assert [each.reason for each in assessment.unseen] == ["no metrics of 1 Ready node within 5 m: late"]


def test_a_cluster_of_which_no_node_has_metrics_is_unknown_where_it_is_the_only_one() -> None:
    assessment = used([sized()])

    assert (len(assessment.population), len(list(assessment.unseen))) == (0, 1)


def test_a_cluster_without_metrics_beside_one_that_has_them_is_left_out() -> None:
    other = node("m", cluster="other", allocatable=ROOM)

    assessment = used([sized(), other], metrics())
    assert (len(assessment.population), assessment.unseen) == (1, ())


def test_a_node_without_room_by_its_own_word_uses_none_of_it() -> None:
    assert used([node("n", allocatable={})], metrics()).findings == ()
