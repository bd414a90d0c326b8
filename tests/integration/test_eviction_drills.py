"""SCHED-002 and SCHED-009 against a real control plane: its taint manager, its scheduler's preemption."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import domino_cluster as domino
from control_plane import ControlPlane
from health_account import granted, rights, rules
from health_run import HealthRun, run_health
from kube_client import Object, eventually

STRICT = "thresholds: {SCHED-002: {others: 0}}\n"


@pytest.fixture(scope="module")
def platform(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """A healthy Domino-shaped cluster, and an account with the rights that the facts ask for."""
    domino.install(control_plane)
    with granted(control_plane, "health-reader", rules(rights())):
        yield control_plane
    for event in control_plane.list(f"/api/v1/namespaces/{domino.COMPUTE}/events"):
        if event["reason"] in ("Preempted", "TaintManagerEviction"):  # no later drill is to hear of them
            name = event["metadata"]["name"]
            control_plane.request("DELETE", f"/api/v1/namespaces/{domino.COMPUTE}/events/{name}")


def look(plane: ControlPlane, directory: Path, *, user: str = "health-reader", more: str = "") -> HealthRun:
    cluster = f"  - {{name: drill, kubeconfig: {plane.kubeconfig(user)}}}\n"
    return run_health(Path(tempfile.mkdtemp(dir=directory)), f"version: 1\nclusters:\n{cluster}{more}")


def only(run: HealthRun, check: str) -> str:
    """Severity and message of a check's only finding."""
    (finding,) = run.result(check)["findings"]
    return f"{finding['severity']}: {finding['message']}"


def execution(seed: str, **more: object) -> Object:
    """The pod of one more execution, of a project of its own."""
    _, pod = domino.execution(replace(domino.Execution(seed, "Batch", project="drill"), **more))  # type: ignore[arg-type]
    del pod["spec"]["serviceAccountName"]
    return pod


def runs(plane: ControlPlane, pod: Object) -> None:
    path = plane.path(pod)
    eventually(lambda: plane.get(path)["status"].get("phase") == "Running", what=f"{path} runs")


def joined(plane: ControlPlane, node: Object) -> None:
    path = plane.path(node)
    eventually(lambda: "not-ready" not in str(plane.get(path)["spec"].get("taints")), what="a Ready node")


def gone(plane: ControlPlane, pod: Object) -> None:
    path = plane.path(pod)
    eventually(lambda: plane.find(path) is None, what=f"{path} is gone")


def test_a_healthy_domino_gives_no_finding(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path)

    assert run.exit_status == 0, run.output
    assert run.found() == {}
    assert {id: run.result(id)["state"] for id in ("SCHED-002", "SCHED-009")} == {
        "SCHED-002": "passed",
        "SCHED-009": "passed",
    }
    assert run.result("SCHED-009")["worst"] == "1 of 1 by the user's code"


def test_an_account_without_rights_gets_no_pass(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path, user="nobody")

    assert {run.result(id)["state"] for id in ("SCHED-002", "SCHED-009")} == {"unknown"}


def test_an_execution_that_failed_by_its_memory_is_told_from_user_code(
    platform: ControlPlane, tmp_path: Path
) -> None:
    """The container's end is written as a kubelet would report it: no container runs here."""
    pod = execution("out of memory")
    platform.create(pod)
    try:
        runs(platform, pod)
        there = platform.get(platform.path(pod))
        statuses = there["status"]["containerStatuses"]
        for status in statuses:
            killed = status["name"] == "run"
            ended = {"exitCode": 137 if killed else 0, "reason": "OOMKilled" if killed else "Completed"}
            status |= {"ready": False, "state": {"terminated": ended}}
        platform.patch_status(there, {"phase": "Failed", "containerStatuses": statuses})
        run = look(platform, tmp_path)
    finally:
        platform.delete(pod)

    assert list(run.found()) == ["SCHED-009"]
    assert only(run, "SCHED-009") == (
        "medium: 1 execution failed, out of memory: container run reached its limit of memory of the "
        "hardware tier small-k8s"
    )


def test_a_pod_that_a_taint_puts_out_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    extra = {**domino.node("drill", 0, "10.0.9.9", platform.get("/version")["gitVersion"])}
    platform.create(extra)
    pod = execution("put out", pool="drill")
    path = platform.path(extra)
    try:
        joined(platform, extra)
        platform.create(pod)
        runs(platform, pod)
        taints = [{"key": "example.com/broken", "effect": "NoExecute"}]
        platform.request("PATCH", path, {"spec": {"taints": taints}}, "merge-patch+json")
        gone(platform, pod)
        run = look(platform, tmp_path, more=STRICT)
    finally:
        platform.delete(pod)
        platform.delete(extra)

    assert run.found() == {"SCHED-002": [f"pod/{domino.COMPUTE}/{pod['metadata']['name']}"]}
    assert ": a taint of its node. Last: " in only(run, "SCHED-002")


def test_a_pod_that_gives_way_to_another_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    for event in platform.list(f"/api/v1/namespaces/{domino.COMPUTE}/events"):
        if event["reason"] == "TaintManagerEviction":  # of the drill before this one
            platform.request(
                "DELETE", f"/api/v1/namespaces/{domino.COMPUTE}/events/{event['metadata']['name']}"
            )
    extra = domino.node("drill", 0, "10.0.9.9", platform.get("/version")["gitVersion"])
    priority = {**domino.new("scheduling.k8s.io/v1", "PriorityClass", "drill-first"), "value": 1000}
    weak, strong = execution("weak", pool="drill", cpu="5"), execution("strong", pool="drill", cpu="5")
    strong["spec"]["priorityClassName"] = "drill-first"
    platform.create(extra)
    platform.create(priority)
    try:
        joined(platform, extra)
        platform.create(weak)
        runs(platform, weak)
        platform.create(strong)
        gone(platform, weak)
        runs(platform, strong)
        run = look(platform, tmp_path, more=STRICT)
    finally:
        for each in (weak, strong, priority, extra):
            platform.delete(each)

    assert run.found() == {"SCHED-002": [f"pod/{domino.COMPUTE}/{weak['metadata']['name']}"]}
    assert ": preemption by a pod of higher priority. Last: Preempted by " in only(run, "SCHED-002")
