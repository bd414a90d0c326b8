"""SCHED-004 to 007 against a real control plane: real taints, and where its scheduler puts pods by them."""

from __future__ import annotations

from pathlib import Path

import domino_cluster as domino
from control_plane import ControlPlane
from drills import execution, look, patch_node, waits
from kube_client import Objects
from objects import made, runs

AREA = ("SCHED-004", "SCHED-005", "SCHED-006", "SCHED-007")
EAGER = "thresholds: {SCHED-004: {joins_within: 0s}}\n"
"""No node here is old."""
EBS = "ebs.csi.aws.com/agent-not-ready"


def taints(plane: ControlPlane, name: str) -> Objects:
    found: Objects = plane.get(f"/api/v1/nodes/{name}")["spec"].get("taints", [])
    return found


def test_a_healthy_domino_gives_no_finding(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path, EAGER)

    assert run.exit_status == 0, run.output
    assert run.found() == {}
    assert {id: run.result(id)["state"] for id in AREA} == dict.fromkeys(AREA, "passed")


def test_an_account_without_rights_gets_no_pass(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path, EAGER, user="nobody")

    assert {id: run.result(id)["state"] for id in AREA} == dict.fromkeys(AREA, "unknown")


def test_a_node_whose_storage_driver_does_not_come_up_is_found(
    platform: ControlPlane, tmp_path: Path
) -> None:
    was = taints(platform, "default-1")
    patch_node(platform, "default-1", {"spec": {"taints": [*was, {"key": EBS, "effect": "NoSchedule"}]}})
    try:
        run = look(platform, tmp_path, EAGER)
    finally:
        patch_node(platform, "default-1", {"spec": {"taints": was or None}})

    assert run.found() == {"SCHED-004": ["node/default-1"]}
    assert run.only("SCHED-004").endswith(f": taint {EBS}, the EBS storage driver is not ready on it")


def test_work_that_the_scheduler_puts_on_a_gpu_node_that_nothing_guards_is_found(
    platform: ControlPlane, tmp_path: Path
) -> None:
    was = taints(platform, "default-gpu-0")
    patch_node(platform, "default-gpu-0", {"spec": {"taints": None}})
    pod = execution("stranger", pool="default-gpu")
    try:
        with made(platform, pod):
            runs(platform, pod)
            run = look(platform, tmp_path, EAGER)
    finally:
        patch_node(platform, "default-gpu-0", {"spec": {"taints": was}})

    assert run.found() == {"SCHED-005": ["node-pool/default-gpu"]}
    assert run.only("SCHED-005").startswith("medium: 1 pod that does not ask for what these nodes are for: ")
    assert run.only("SCHED-005").endswith("(1); no taint keeps others off")


def test_a_platform_on_spot_nodes_alone_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    names = [f"platform-{number}" for number in range(4)]
    label = "karpenter.sh/capacity-type"
    for name in names:
        patch_node(platform, name, {"metadata": {"labels": {label: "spot"}}})
    try:
        run = look(platform, tmp_path, EAGER)
    finally:
        for name in names:
            patch_node(platform, name, {"metadata": {"labels": {label: None}}})

    (found,) = run.found().values()
    assert list(run.found()) == ["SCHED-006"]
    platforms = [each for each in domino.SERVICES if each.namespace == domino.PLATFORM and each.replicas]
    assert found == sorted(f"{each.kind.lower()}/{domino.PLATFORM}/{each.name}" for each in platforms)
    findings = run.result("SCHED-006")["findings"]
    assert {finding["message"].partition("; ")[2] for finding in findings} == {
        "no other node of the pool platform would take it"
    }


def test_executions_that_queue_are_found_by_their_tier(platform: ControlPlane, tmp_path: Path) -> None:
    """They ask for more than any node has, and wait: no time need pass but a moment."""
    pods = [execution(f"queueing {n}", tier="huge-k8s", cpu="500") for n in range(20)]
    with made(platform, *pods):
        for pod in pods:
            waits(platform, pod)
        run = look(platform, tmp_path, "thresholds: {SCHED-007: {p95: 0s}}\n")

    assert run.found() == {"SCHED-007": ["hardware-tier/huge-k8s"]}
    assert " of 20 executions, 20 of them wait still; allowed for p95: 0 s" in run.only("SCHED-007")
