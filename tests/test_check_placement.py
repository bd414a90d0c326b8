"""SCHED-005 and SCHED-006: work lands on the nodes made for it, and what is critical rests on safe ones."""

import pytest
from checks import test_placement as placement

from builders import deployment_pod, pod
from domino_health import NODE_POOL, Assessment, Node, Pod, Severity, Taint, Toleration
from domino_health.facts.kubernetes import Owner
from platform_builders import namespace, node

GPU = "nvidia.com/gpu"
TAINT = Taint(GPU, "NoSchedule", "true")
ROOM = {"cpu": "8", "memory": "32Gi", "pods": "50", GPU: "1"}
MEMORY = Taint("dedicated", "NoSchedule", "high-memory")
NAMESPACES = [namespace("domino-platform", "platform", cluster="")]


def gpu_node(name: str = "g", *, tainted: bool = True) -> Node:
    return node(name, pool="default-gpu", tainted=[TAINT] if tainted else [], allocatable=ROOM)


def special(nodes: list[Node], *pods: Pod) -> Assessment:
    return placement.test_special_nodes_have_the_work_that_they_are_for(nodes, list(pods))


def safe(nodes: list[Node], *pods: Pod) -> Assessment:
    return placement.test_critical_work_does_not_rest_on_preemptible_nodes_alone(
        nodes, list(pods), NAMESPACES
    )


# SCHED-005


def test_work_with_a_gpu_on_a_tainted_gpu_node_is_healthy() -> None:
    assessment = special([gpu_node(), node()], pod(node="g", requests=[{GPU: "1"}]), pod(node="default-0"))

    assert (len(assessment.population), assessment.findings) == (1, ())


def test_without_special_nodes_there_is_nothing_to_assess() -> None:
    assert len(special([node()], pod(node="default-0")).population) == 0


def test_work_without_a_gpu_on_a_gpu_node_that_nothing_guards_is_found() -> None:
    (finding,) = special([gpu_node(tainted=False)], deployment_pod("web", "a", node="g")).findings

    assert str(finding.subject) == "node-pool/default-gpu"
    assert finding.message == (
        "1 pod that does not ask for what these nodes are for: deployment/domino-platform/web (1); "
        "no taint keeps others off"
    )


def test_an_untainted_gpu_pool_with_nothing_else_on_it_is_no_finding() -> None:
    assert special([gpu_node(tainted=False)], pod(node="g", requests=[{GPU: "1"}])).findings == ()


def test_what_tolerates_everything_is_told_as_such() -> None:
    everything = deployment_pod("web", "a", node="g", tolerations=[Toleration(operator="Exists")])
    needless = deployment_pod("web", "b", node="g", tolerations=[Toleration(GPU, "Exists")])

    assert special([gpu_node()], everything).findings[0].message.endswith("they tolerate every taint")  # type: ignore[index]
    assert special([gpu_node()], needless).findings[0].message.endswith("and do not need to")  # type: ignore[index]


@pytest.mark.parametrize(
    "normal",
    [
        pod("shipper-x", node="g", owner=Owner("DaemonSet", "shipper", controller=True)),
        pod("proxy-g", node="g", owner=Owner("Node", "g", controller=True)),
        pod(node="g", deleted=True),
        pod(node="g", phase="Succeeded"),
    ],
    ids=["of a DaemonSet", "a node's own", "deleted", "ended"],
)
def test_what_is_on_every_node_or_goes_is_normal(normal: Pod) -> None:
    assert special([gpu_node()], normal).findings == ()


def test_a_pool_that_somebody_has_given_a_taint_is_for_who_asks_for_it() -> None:
    large = node("m", pool="high-memory", tainted=[MEMORY])
    by_pool = pod(node="m", selector={NODE_POOL: "high-memory"})
    by_taint = pod(node="m", tolerations=[Toleration("dedicated", "Equal", "high-memory")])
    stranger = deployment_pod("web", "a", node="m", tolerations=[Toleration(operator="Exists")])

    assert special([large], by_pool, by_taint).findings == ()
    assert len(list(special([large], stranger).findings)) == 1


@pytest.mark.parametrize("state", ["unschedulable", "memory-pressure"])
def test_a_state_of_a_special_node_makes_nobody_there_a_stranger(state: str) -> None:
    large = node(
        "m", pool="high-memory", tainted=[MEMORY, Taint(f"node.kubernetes.io/{state}", "NoSchedule")]
    )
    by_taint = pod(node="m", tolerations=[Toleration("dedicated", "Equal", "high-memory")])

    assert special([large], by_taint).findings == ()


def test_a_node_that_is_cordoned_or_starts_is_not_special() -> None:
    cordoned = node("c", tainted=[Taint("node.kubernetes.io/unschedulable", "NoSchedule")])
    starting = node("s", tainted=[Taint("ebs.csi.aws.com/agent-not-ready", "NoExecute")])

    assert len(special([cordoned, starting], pod(node="c"), pod(node="s")).population) == 0


def test_a_node_that_an_autoscaler_takes_away_and_one_in_repair_are_not_special() -> None:
    leaving = node("l", tainted=[Taint("ToBeDeletedByClusterAutoscaler", "NoSchedule", "1764123")])
    repaired = node("r", tainted=[Taint("example.com/repair", "NoSchedule")])
    nowhere = node("w", pool="", tainted=[Taint("example.com/repair", "NoSchedule")])
    pods = [deployment_pod("web", name, node=name) for name in ("l", "r", "w")]

    assert len(special([leaving, repaired, nowhere, node("other")], *pods).population) == 0


def test_a_thousand_strangers_are_one_finding_with_the_owners_of_most() -> None:
    many = [deployment_pod("web", f"{n}", node="g") for n in range(990)]
    few = [deployment_pod(f"api-{n}", "a", node="g") for n in range(10)]

    (finding,) = special([gpu_node()], *few, *many).findings
    assert (finding.count, len(finding.examples)) == (1000, 3)
    assert "deployment/domino-platform/web (990), " in finding.message
    assert " and 8 more; " in finding.message


# SCHED-006


def spot(name: str = "s", pool: str = "platform") -> Node:
    return node(name, pool=pool, karpenter_capacity="spot")


def web(suffix: str, on: str) -> Pod:
    return deployment_pod("web", suffix, node=on, selector={NODE_POOL: "platform"})


@pytest.mark.parametrize(
    "label",
    [
        {"domino_capacity": "spot"},
        {"karpenter_capacity": "spot"},
        {"eks_capacity": "SPOT"},
        {"aks_priority": "spot"},
        {"gke_spot": "true"},
        {"gke_preemptible": "true"},
    ],
)
def test_each_cloud_s_label_makes_a_node_preemptible(label: dict[str, str]) -> None:
    assert node(**label).preemptible  # type: ignore[arg-type]


def test_a_node_without_such_a_label_is_not_preemptible() -> None:
    assert not node(karpenter_capacity="on-demand", eks_capacity="ON_DEMAND").preemptible


def test_services_on_other_nodes_are_healthy() -> None:
    assessment = safe([node("a", pool="platform"), spot()], web("a", "a"))

    assert (len(assessment.population), assessment.findings) == (1, ())
    assert assessment.worst == "1 of 2 nodes are preemptible"


def test_one_pod_elsewhere_is_enough() -> None:
    assert safe([node("a", pool="platform"), spot()], web("a", "a"), web("b", "s")).findings == ()


def test_a_service_on_preemptible_nodes_alone_is_found_with_what_it_could_fall_back_to() -> None:
    (finding,) = safe([spot("s"), spot("t")], web("a", "s"), web("b", "t")).findings

    assert str(finding.subject) == "deployment/domino-platform/web"
    assert finding.message == (
        "all 2 pods are on 2 preemptible nodes; no other node of the pool platform would take it"
    )
    (finding,) = safe([spot("s"), node("a", pool="platform")], web("a", "s")).findings
    assert finding.message == (
        "its pod is on a preemptible node; 1 other node of the pool platform would take it"
    )


def test_executions_and_what_is_on_every_node_may_rest_where_they_like() -> None:
    shipper = pod(
        "x", namespace="domino-platform", node="s", owner=Owner("DaemonSet", "shipper", controller=True)
    )

    assert len(safe([spot()], pod(node="s"), shipper).population) == 0


def test_findings_are_medium() -> None:
    (finding,) = safe([spot()], web("a", "s")).findings

    assert finding.severity in (None, Severity.MEDIUM)
