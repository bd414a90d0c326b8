"""CAP-002 to 006 against a real control plane: its quota controller, its admission, its scheduler.

Each drill breaks one thing in a healthy cluster with Domino's shape, and holds that the right check names the
right object and that no check finds anything else, but for what follows from the same fault and is named.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import domino_cluster as domino
from control_plane import ControlPlane
from drills import execution, look, refused, waits
from kube_client import eventually
from objects import made, runs

AREA = [f"CAP-00{number}" for number in range(1, 7)]
EAGER = (
    "thresholds: {CAP-003: {max_wait: 0s, max_wait_gpu: 0s}, CAP-004: {requests: 80%}, "
    "PROBE-005: {starts_within: 0s, unready_for: 0s}}\n"
)
"""No pod here has waited for long; to fill the last tenth of four nodes, whatever is on them, is no drill."""


def test_a_healthy_domino_gives_no_finding(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path, EAGER)

    assert run.exit_status == 0, run.output
    assert run.found() == {}
    assert {id: run.result(id)["state"] for id in AREA} == {
        **dict.fromkeys(AREA, "passed"),
        "CAP-005": "skipped",
    }
    assert "metrics-server is not installed" in run.result("CAP-005")["reason"]


def test_an_account_without_rights_gets_no_pass(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path, EAGER, user="nobody")

    assert {id: run.result(id)["state"] for id in AREA} == dict.fromkeys(AREA, "unknown")


def test_a_quota_that_is_nearly_full_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    pods = len(platform.list(f"/api/v1/namespaces/{domino.COMPUTE}/pods"))
    ended = sum(bool(each.ends) for each in domino.EXECUTIONS)
    quota = domino.new("v1", "ResourceQuota", "tight", domino.COMPUTE)
    counted = pods - ended
    path = platform.path(quota)
    with made(platform, {**quota, "spec": {"hard": {"pods": str(counted)}}}):
        eventually(lambda: platform.get(path)["status"].get("used"), what="the quota controller's count")
        run = look(platform, tmp_path, EAGER)

    assert run.found() == {"CAP-002": ["resourcequota/domino-compute/tight"]}
    assert run.only("CAP-002") == f"high: pods {counted} of {counted} (100 %), 0 left"


def test_a_workload_that_a_quota_refuses_while_nodes_have_room_is_found(
    platform: ControlPlane, tmp_path: Path
) -> None:
    quota = domino.new("v1", "ResourceQuota", "none-of-these", domino.COMPUTE)
    quota["spec"] = {
        "hard": {"pods": "0"},
        "scopeSelector": {
            "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["drill"]}]
        },
    }
    priority = {**domino.new("scheduling.k8s.io/v1", "PriorityClass", "drill"), "value": 10}
    model = domino.model("model-of-the-drill", "default")
    model["spec"]["template"]["spec"]["priorityClassName"] = "drill"
    with made(platform, priority, quota, model):
        refused(platform, model, "exceeded quota")
        run = look(platform, tmp_path, EAGER)

    owner = ["deployment/domino-compute/model-of-the-drill"]
    assert run.found() == {"CAP-003": owner, "PROBE-005": owner}
    assert run.only("CAP-003").startswith("high: the quota none-of-these refuses its pods, last ")
    assert "; nodes have room for " in run.only("CAP-003")
    assert "exceeded quota: none-of-these" in run.only("PROBE-005")


@pytest.mark.parametrize(
    ("seed", "asked", "why"),
    [
        (
            "of a pool that is none",
            {"pool": "defualt"},
            "no node is of the pool defualt (there is none of that name, or it is at 0 and does not grow); "
            "6 nodes of default, platform would do",
        ),
        (
            "without a toleration",
            {"pool": "default-gpu"},
            "the taint nvidia.com/gpu=true:NoSchedule is not tolerated, on 1 node of the pool default-gpu",
        ),
        (
            "one GPU too many",
            {"pool": "default-gpu", "gpus": 1},
            "nvidia.com/gpu binds of the pool default-gpu: 1 asked, at most 0 free on a node, of 1 on 1 node "
            "with cores and memory for it",
        ),
    ],
    ids=["no such pool", "taint", "GPU"],
)
def test_what_waits_though_nodes_have_room_is_found_with_what_binds(
    platform: ControlPlane, tmp_path: Path, seed: str, asked: dict[str, object], why: str
) -> None:
    pod = execution(seed, **asked)
    with made(platform, pod):
        waits(platform, pod)
        run = look(platform, tmp_path, EAGER)

    assert list(run.found()) == ["CAP-003"]
    assert run.only("CAP-003").endswith(f" where nodes have room: {why}")


def test_a_platform_s_pool_without_room_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    pods = [execution(f"filling {n}", pool="platform", memory="1Gi") for n in range(16)]
    with made(platform, *pods):
        runs(platform, *pods)
        run = look(platform, tmp_path, EAGER)

    assert run.found() == {"CAP-004": ["node-pool/platform"]}
    assert run.only("CAP-004").startswith("medium: requests of memory: ")


def test_limits_of_more_than_five_times_the_pool_are_found(platform: ControlPlane, tmp_path: Path) -> None:
    pod = execution("unlimited", cpu="1")
    for resources in (container["resources"] for container in pod["spec"]["containers"]):
        resources["limits"] = {"cpu": "30", "memory": "128Gi"}
    with made(platform, pod):
        runs(platform, pod)
        run = look(platform, tmp_path, EAGER)

    assert run.found() == {"CAP-004": ["node-pool/default"]}
    assert run.only("CAP-004").startswith("high: limits of cpu: ")


def test_an_execution_that_says_nothing_of_its_needs_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    pod = execution("silent")
    del pod["spec"]["containers"][0]["resources"]
    with made(platform, pod):
        runs(platform, pod)
        run = look(platform, tmp_path, EAGER)

    assert list(run.found()) == ["CAP-006"]
    assert run.only("CAP-006").startswith("low: 1 pod: container run: no limit of memory, ")
