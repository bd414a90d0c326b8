"""SCHED-004: no node is stuck with a start-up taint."""

from datetime import timedelta

import pytest
from checks import test_startup_taints as startup

from builders import NOW
from domino_health import Assessment, Node, Taint
from platform_builders import condition, node

MINUTE = timedelta(minutes=1)
EBS = "ebs.csi.aws.com/agent-not-ready"


def assess(*nodes: Node) -> Assessment:
    return startup.test_no_node_is_stuck_with_a_start_up_taint(list(nodes), NOW)


def said(*nodes: Node) -> list[str]:
    return [finding.message for finding in assess(*nodes).findings]


def tainted(
    key: str = EBS, name: str = "n", *, age: timedelta = timedelta(hours=1), effect: str = "NoExecute"
) -> Node:
    return node(name, age=age, tainted=[Taint(key, effect)])


def test_nodes_without_start_up_taints_are_healthy() -> None:
    gpu = node("g", tainted=[Taint("nvidia.com/gpu", "NoSchedule", "true")])

    assessment = assess(node(), gpu)
    assert (len(assessment.population), assessment.findings, assessment.worst) == (2, (), "")


def test_without_nodes_there_is_nothing_to_assess() -> None:
    assert len(assess().population) == 0


def test_a_start_up_taint_may_last_ten_minutes_and_no_more() -> None:
    young = assess(tainted(age=10 * MINUTE))
    assert (young.findings, young.worst) == ((), "one joins, for 10 m of 10 m")

    (finding,) = assess(tainted(age=10 * MINUTE + timedelta(seconds=1))).findings
    assert str(finding.subject) == "node/n"
    assert finding.message == (
        f"takes no pods for 10 m 1 s: taint {EBS}, the EBS storage driver is not ready on it"
    )


def test_the_time_is_the_taint_s_own_where_it_says_one() -> None:
    lately = node(tainted=[Taint("node.kubernetes.io/unreachable", "NoExecute", "", NOW - MINUTE)])

    assert said(lately) == []


@pytest.mark.parametrize("turned", ["Ready", "NetworkUnavailable"])
def test_a_node_that_started_anew_has_its_time_again(turned: str) -> None:
    status = "True" if turned == "Ready" else "False"
    taint = Taint(EBS, "NoSchedule")

    assert said(node("n", condition(turned, status, lasts=10 * MINUTE), tainted=[taint])) == []
    lasts = 10 * MINUTE + timedelta(seconds=1)
    assert len(said(node("n", condition(turned, status, lasts=lasts), tainted=[taint]))) == 1


def test_a_node_whose_conditions_have_no_time_is_as_old_as_it_is() -> None:
    assert len(said(node("n", condition("Ready", lasts=None), tainted=[Taint(EBS, "NoSchedule")]))) == 1


@pytest.mark.parametrize(
    "key",
    [
        "node.cloudprovider.kubernetes.io/uninitialized",
        "karpenter.sh/unregistered",
        "node.cilium.io/agent-not-ready",
        "disk.csi.azure.com/agent-not-ready",
        "startup-taint.cluster-autoscaler.kubernetes.io/gpu-driver",
    ],
)
def test_the_taints_of_clouds_networks_and_other_drivers_are_known(key: str) -> None:
    assert len(said(tainted(key))) == 1


def test_a_taint_that_only_prefers_keeps_nobody_away() -> None:
    assert said(tainted(effect="PreferNoSchedule")) == []


def test_what_a_node_that_is_not_ready_carries_is_told_by_its_own_check() -> None:
    unreachable = Taint("node.kubernetes.io/unreachable", "NoExecute")
    down = node("n", condition("Ready", "Unknown"), tainted=[unreachable])
    with_driver = node("n", condition("Ready", "False"), tainted=[Taint(EBS, "NoExecute")])

    assert said(down) == []
    assert len(said(with_driver)) == 1


@pytest.mark.parametrize(
    "key",
    [
        "karpenter.sh/disrupted",
        "ToBeDeletedByClusterAutoscaler",
        "aws-node-termination-handler/spot-itn",
        "cloud.google.com/impending-node-termination",
    ],
)
def test_a_node_that_goes_need_not_come_up(key: str) -> None:
    gone = node("n", tainted=[Taint(EBS, "NoExecute"), Taint(key, "NoSchedule")])

    assert said(gone) == []


def test_a_thousand_nodes_of_a_pool_that_wait_for_the_same_are_one_finding() -> None:
    (finding,) = assess(*(tainted(name=f"n{number:04}") for number in range(1000))).findings

    assert (str(finding.subject), finding.count, len(finding.examples)) == ("node-pool/default", 1000, 3)
    assert finding.message.startswith("1000 nodes take no pods for up to 1 h: taint ")
