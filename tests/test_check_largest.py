"""CAP-007: what runs in a pool would find a node there again, with Domino's side-cars reserved."""

from collections.abc import Mapping
from typing import Any

import pytest
from checks import test_largest as largest

from builders import deployment_pod, pod
from domino_health import NODE_POOL, Assessment, Finding, Node, Pod, Severity
from domino_health.facts.kubernetes import Labels, Owner
from platform_builders import node

IN_DEFAULT = {NODE_POOL: "default"}
SIDE = {"cpu": "100m", "memory": "1287Mi"}
"""Of nginx and executor each: together the reserve of 2574 MiB."""


def execution(memory: str = "4Gi", name: str = "aa", *, on: str = "default-0", **more: Any) -> Pod:
    """An execution that runs in the pool default, with its side-cars."""
    requests = more.pop("requests", ({"cpu": "1", "memory": memory}, SIDE, SIDE))
    labels = Labels("Workspace", "large-k8s", "genomes")
    more = {"selector": IN_DEFAULT, "labels": labels, **more}
    return pod(f"run-{name * 12}-abcde", node=on, requests=requests, **more)


def daemon(memory: str = "1Gi", *, on: str = "default-0", kind: str = "DaemonSet") -> Pod:
    owner = Owner(kind, "fluent-bit", controller=True)
    return pod(f"d-{on}", node=on, owner=owner, requests=({"cpu": "100m", "memory": memory},))


def assess(pods: list[Pod], *nodes: Node, **thresholds: int) -> Assessment:
    return largest.test_the_largest_workload_of_each_pool_still_fits_one_of_its_nodes(
        pods, list(nodes), **thresholds
    )


def found(assessment: Assessment) -> Finding:
    (finding,) = assessment.findings
    return finding


def small(name: str = "default-1", memory: str = "14Gi", **more: Any) -> Node:
    allocatable: Mapping[str, str] = {"cpu": "3920m", "memory": memory, "pods": "58"}
    return node(name, allocatable=allocatable, **more)


def test_what_fits_a_node_of_its_pool_is_no_finding() -> None:
    assessment = assess([execution("20Gi")], node())

    assert not assessment.findings
    assert list(assessment.population) == [("", "default")]


def test_what_runs_on_a_large_node_that_goes_does_not_fit_the_small_ones() -> None:
    pods = [execution("20Gi"), execution("20Gi", "ab"), execution("2Gi", "cd", on="default-1")]

    finding = found(assess(pods, node(cordoned=True), small()))

    assert str(finding.subject) == "execution/domino-compute/type=Workspace,tier=large-k8s,project=genomes"
    assert finding.message == (
        "2 pods run in the pool default and would find no node there again: 22.5 GiB of memory, where nodes "
        "have at most 14.0 GiB (not counted: default-0, cordoned or about to go)"
    )
    assert finding.severity is None
    assert finding.count == 2
    assert len(finding.examples) == 2


def test_it_is_no_finding_while_the_large_node_stays() -> None:
    assert not assess([execution("20Gi")], node(), small()).findings


@pytest.mark.parametrize("taint", ["ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted"])
def test_a_node_that_an_autoscaler_takes_away_goes_too(taint: str) -> None:
    assert assess([execution("20Gi")], node(taints=[taint]), small()).findings


def test_a_node_that_is_not_ready_may_come_back() -> None:
    assert not assess([execution("20Gi")], node(ready=False), small()).findings


def test_a_pool_of_which_every_node_goes_is_replaced_by_its_like() -> None:
    assert not assess([execution("20Gi")], node(cordoned=True)).findings


def test_daemon_sets_and_static_pods_take_their_part_of_every_node() -> None:
    # 30 GiB, of which the execution asks for 27 GiB and 526 MiB
    pod = execution("25Gi")

    assert not assess([pod], node()).findings
    assert not assess([pod, daemon("2Gi")], node()).findings
    assert assess([pod, daemon("3Gi")], node()).findings
    assert assess([pod, daemon("3Gi", kind="Node")], node()).findings
    assert not assess([pod, daemon("3Gi", kind="ReplicaSet")], node()).findings


def test_the_reserve_is_for_whoever_has_side_cars_that_ask_for_less() -> None:
    alone = execution(requests=({"cpu": "1", "memory": "28Gi"},))

    finding = found(assess([alone], node()))

    assert finding.message == (
        "1 pod runs in the pool default and leaves less than the 2.5 GiB that Domino reserves for side-cars: "
        "with them, 30.5 GiB of memory, where nodes have at most 30.0 GiB"
    )
    assert finding.severity is Severity.LOW
    assert not assess([alone], node(), side_cars=2 << 30).findings, "to the byte"
    assert assess([alone], node(), side_cars=(2 << 30) + 1).findings


def test_side_cars_that_are_seen_are_not_counted_twice() -> None:
    # with its side-cars it asks for 29 GiB and 782 MiB
    fits = execution(requests=({"memory": "27898Mi"}, SIDE, SIDE))
    one_more = execution(requests=({"memory": "28147Mi"}, SIDE, SIDE))

    assert not assess([fits], node()).findings
    assert found(assess([one_more], node())).severity is None


def test_the_reserve_is_for_executions_alone() -> None:
    web = deployment_pod("nucleus-frontend", "aaaaa", node="platform-0", selector={NODE_POOL: "platform"},
                         requests=({"memory": "29Gi"},))  # fmt: skip

    assert not assess([web], node("platform-0", pool="platform")).findings


def test_a_gpu_that_no_node_that_stays_has_is_told() -> None:
    gpus = {"cpu": "8", "memory": "30Gi", "pods": "58", "nvidia.com/gpu": "1"}
    pods = [execution(requests=({"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "1"},))]

    finding = found(assess(pods, node(cordoned=True, allocatable=gpus), small()))

    assert "1 of nvidia.com/gpu, where nodes have none" in finding.message


def test_what_waits_has_ended_or_insists_on_no_pool_is_not_judged() -> None:
    pods = [
        pod(selector=IN_DEFAULT, requests=({"memory": "500Gi"},)),
        execution("500Gi", phase="Succeeded"),
        execution("500Gi", "ef", selector={}),
    ]

    assert not assess(pods, node()).findings
    assert not list(assess(pods, node()).population)


def test_a_pool_that_karpenter_fills_may_get_a_larger_node() -> None:
    assessment = assess([execution("20Gi")], node(cordoned=True, nodepool="k"), small(nodepool="k"))

    assert not assessment.findings
    assert not list(assessment.population)
    (table,) = assessment.attachments
    assert table.rows[0][-1] == "3.92 cpu, 14.0 GiB memory; Karpenter chooses"


def test_a_pool_without_nodes_has_no_size() -> None:
    pods = [execution("20Gi", selector={NODE_POOL: "gone"})]

    assert not list(assess(pods, node()).population)


def test_pools_of_two_clusters_are_two() -> None:
    pods = [execution("20Gi", cluster="edge")]

    assert assess(pods, node(cordoned=True, cluster="edge"), small(cluster="edge"), node()).findings
    assert not assess(pods, node(cluster="edge"), small()).findings


def test_of_several_shapes_of_one_owner_that_which_does_not_fit_is_told() -> None:
    pods = [execution("8Gi"), execution("3Gi", "ab", requests=({"cpu": "7", "memory": "3Gi"},))]

    finding = found(assess(pods, node(cordoned=True), small()))

    assert "7 of cpu, where nodes have at most 3.92" in finding.message
    assert finding.count == 1


def test_the_table_has_the_largest_of_each_pool_on_a_pass_too() -> None:
    (table,) = assess([execution("8Gi"), execution("2Gi", "ab"), daemon()], node()).attachments

    assert table.rows == (
        (
            "", "default", "execution/domino-compute/type=Workspace,tier=large-k8s,project=genomes",
            "1.2 cpu, 10.5 GiB memory", "default-0", "7.81 cpu, 29.0 GiB memory",
        ),
    )  # fmt: skip


def test_nothing_at_all_is_nothing_to_assess() -> None:
    assessment = assess([])

    assert not list(assessment.population)
    assert not assessment.attachments


def test_ten_thousand_pods_are_one_finding() -> None:
    pods = [execution("20Gi", f"{n:02x}"[-2:]) for n in range(10_000)]

    finding = found(assess(pods, node(cordoned=True), *(small(f"n-{n}") for n in range(1000))))

    assert finding.count == 10_000
    assert len(finding.examples) == 3
