"""SCHED-003: nodes are Ready and free of pressure."""

from datetime import timedelta

import pytest
from checks import test_nodes as nodes

from builders import NOW
from domino_health import Assessment, Finding, Node, Ref
from platform_builders import DAY, condition, node, silent

MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)
JOINS = 10 * MINUTE


def assess(*given: Node, **thresholds: timedelta) -> Assessment:
    return nodes.test_nodes_are_ready_and_free_of_pressure(list(given), NOW, **thresholds)


def found(*given: Node, **thresholds: timedelta) -> list[Finding]:
    return list(assess(*given, **thresholds).findings)


# What is healthy


def test_nodes_that_are_ready_are_assessed_and_none_is_found_wanting() -> None:
    assessment = assess(node("a"), node("b"))

    assert len(assessment.population) == 2
    assert assessment.findings == ()
    assert assessment.worst == ""


def test_without_any_node_there_is_nothing_to_assess() -> None:
    assessment = assess()

    assert len(assessment.population) == 0
    assert assessment.findings == ()
    assert assessment.attachments == ()


def test_a_cordoned_node_is_not_a_finding_and_the_table_shows_it() -> None:
    assessment = assess(node("a", cordoned=True), node("b"), node("c", pool=""))

    assert assessment.findings == ()
    (table,) = assessment.attachments
    assert table.columns == ("pool", "nodes", "Ready", "cordoned")
    assert table.rows == (("default", "2", "2", "1"), ("none", "1", "1", "0"))


@pytest.mark.parametrize(
    "moving",
    [
        {"age": JOINS},
        {"deleted": True},
        {"cordoned": True},
        {"taints": ["ToBeDeletedByClusterAutoscaler"]},
        {"taints": ["karpenter.sh/disrupted"]},
        {"taints": ["karpenter.sh/disruption"]},
    ],
)
def test_a_node_that_joins_or_leaves_may_be_not_ready_for_a_while(moving: dict[str, object]) -> None:
    lately = condition("Ready", "False", lasts=9 * MINUTE)

    assessment = assess(node("a", lately, **moving), node("b"))  # type: ignore[arg-type]

    assert len(assessment.population) == 2
    assert assessment.findings == ()
    assert assessment.worst == "1 node joins or leaves, not Ready for 9 m of 10 m"


def test_a_cordoned_node_that_does_not_come_back_from_its_upgrade_is_found() -> None:
    assert found(node("a", silent(JOINS), cordoned=True)) == []
    assert len(found(node("a", silent(JOINS + MOMENT), cordoned=True))) == 1


def test_a_node_that_joins_may_be_without_a_network_for_a_while() -> None:
    network = condition("NetworkUnavailable", reason="NoRouteCreated", lasts=MINUTE)

    assert found(node("a", condition("Ready", "False", lasts=MINUTE), network, age=MINUTE)) == []


def test_a_node_that_nobody_has_heard_of_yet_joins() -> None:
    assert found(node(ready=False, age=JOINS)) == []


# What is not


def test_a_kubelet_that_has_stopped_is_told_in_kubernetes_words() -> None:
    unknown = [condition(each, "Unknown") for each in ("MemoryPressure", "DiskPressure", "PIDPressure")]

    (finding,) = found(node("gpu-0", silent(3 * MINUTE), *unknown), node("b"))

    assert finding.subject == Ref("", "node", "", "gpu-0")
    assert finding.message == ("not Ready for 3 m: NodeStatusUnknown, Kubelet stopped posting node status"), (
        "one trouble and not four"
    )
    assert finding.severity is None, "the check's own"


def test_a_node_that_is_not_ready_is_told_with_its_reason() -> None:
    (finding,) = found(node("a", condition("Ready", "False", reason="KubeletNotReady", message="PLEG")))

    assert finding.message == "not Ready for 1 h: KubeletNotReady, PLEG"


@pytest.mark.parametrize(
    ("type", "trouble"),
    [
        ("MemoryPressure", "memory pressure"),
        ("DiskPressure", "disk pressure"),
        ("PIDPressure", "PID pressure"),
        ("NetworkUnavailable", "network trouble"),
    ],
)
def test_each_trouble_of_a_node_that_is_ready_is_told(type: str, trouble: str) -> None:
    (finding,) = found(node("a", condition(type, reason="Why", message="So it is.")))

    assert finding.message == f"{trouble} for 1 h: Why, So it is"


def test_all_troubles_of_a_node_are_one_finding() -> None:
    troubles = [condition(each, reason=each, message="") for each in ("MemoryPressure", "DiskPressure")]

    (finding,) = found(node("a", condition("Ready", "False", reason="R", message=""), *troubles))

    assert finding.message == (
        "not Ready for 1 h: R; memory pressure for 1 h: MemoryPressure; disk pressure for 1 h: DiskPressure"
    )


def test_each_node_is_its_own_subject() -> None:
    broken = condition("Ready", "False")

    subjects = [each.subject for each in found(*(node(f"n{at}", broken, cluster="prod") for at in range(3)))]

    assert [subject.text(with_cluster=True) for subject in subjects] == [
        "prod: node/n0",
        "prod: node/n1",
        "prod: node/n2",
    ]


@pytest.mark.parametrize("trouble", ["MemoryPressure", "DiskPressure", "PIDPressure"])
def test_pressure_on_a_node_that_joins_is_found_at_once(trouble: str) -> None:
    assert len(found(node("a", condition(trouble, lasts=MINUTE), age=MINUTE))) == 1


def test_a_pressure_that_is_not_known_while_the_kubelet_speaks_is_not_health() -> None:
    (finding,) = found(node("a", condition("DiskPressure", "Unknown", reason="Odd", message="")))

    assert finding.message == "perhaps disk pressure for 1 h: Odd"


# Boundaries


def test_a_node_may_join_for_exactly_as_long_as_it_is_allowed() -> None:
    def joining(age: timedelta) -> list[Finding]:
        return found(node("a", condition("Ready", "False", lasts=age), age=age))

    assert joining(JOINS) == []
    (finding,) = joining(JOINS + MOMENT)
    assert finding.message.startswith("not Ready for 10 m: ")


def test_a_node_may_leave_for_exactly_as_long_as_it_is_allowed() -> None:
    def leaving(lasts: timedelta) -> list[Finding]:
        return found(node("a", condition("Ready", "Unknown", lasts=lasts), deleted=True, age=30 * DAY))

    assert leaving(JOINS) == []
    assert len(leaving(JOINS + MOMENT)) == 1


def test_a_node_that_stays_is_found_the_moment_that_it_is_not_ready() -> None:
    assert len(found(node("a", condition("Ready", "False", lasts=timedelta(0)), age=JOINS + MOMENT))) == 1


def test_the_profile_says_how_long_joining_takes() -> None:
    joining = node("a", condition("Ready", "False", lasts=5 * MINUTE), age=5 * MINUTE)

    assert found(joining, joins_within=5 * MINUTE) == []
    assert len(found(joining, joins_within=5 * MINUTE - MOMENT)) == 1


def test_what_nobody_has_ever_said_counts_since_the_node_was_made() -> None:
    (finding,) = found(node(ready=False, age=11 * MINUTE))

    assert finding.message == "not Ready for 11 m: no kubelet has ever posted its status"


def test_a_condition_without_a_time_counts_since_the_node_was_made() -> None:
    (finding,) = found(node("a", condition("DiskPressure", lasts=None, reason="", message=""), age=2 * DAY))

    assert finding.message == "disk pressure for 2 d: without a reason"


def test_a_condition_of_the_future_has_just_begun() -> None:
    (finding,) = found(node("a", condition("DiskPressure", lasts=-MINUTE)))

    assert finding.message.startswith("disk pressure for 0 s: ")


def test_pools_of_several_clusters_are_kept_apart() -> None:
    (table,) = assess(node("a", cluster="one"), node("b", cluster="two")).attachments

    assert [row[0] for row in table.rows] == ["one: default", "two: default"]


@pytest.mark.parametrize(
    ("type", "bad", "good"),
    [("KernelDeadlock", "True", "False"), ("AcceleratedHardwareReady", "False", "True")],
)
def test_what_a_detector_on_the_node_has_found_is_told_and_what_it_does_not_know_is_not(
    type: str, bad: str, good: str
) -> None:
    def told(status: str) -> int:
        found = condition(type, status, reason="NvidiaXID79Error", message="GPU has fallen off the bus.")
        return len(list(assess(node("n", found)).findings))

    assert (told(bad), told(good), told("Unknown")) == (1, 0, 0)
    (finding,) = assess(node("n", condition(type, bad, reason="Xid79", message="off the bus."))).findings
    assert finding.message.endswith(" for 1 h: Xid79, off the bus")
