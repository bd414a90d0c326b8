"""SCHED-002 and SCHED-009 against a real control plane: its taint manager, its scheduler's preemption."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import domino_cluster as domino
from control_plane import ControlPlane
from drills import execution, joined, look, patch_node
from kube_client import Object
from objects import gone, made, out_of_memory, runs

STRICT = "thresholds: {SCHED-002: {others: 0}}\n"


@pytest.fixture(autouse=True)
def forgotten(platform: ControlPlane) -> Iterator[None]:
    """No later drill is to hear of what was put out in this one."""
    yield
    path = f"/api/v1/namespaces/{domino.COMPUTE}/events"
    for event in platform.list(path):
        if event["reason"] in ("Preempted", "TaintManagerEviction"):
            platform.request("DELETE", f"{path}/{event['metadata']['name']}")


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
    """The container's end is *patched*."""
    pod = execution("out of memory")
    with made(platform, pod):
        runs(platform, pod)
        out_of_memory(platform, pod)
        run = look(platform, tmp_path)

    assert list(run.found()) == ["SCHED-009"]
    assert run.only("SCHED-009") == (
        "medium: 1 execution failed, out of memory: container run reached its limit of memory of the "
        "hardware tier small-k8s"
    )


def ended(plane: ControlPlane, pod: Object, said: Object) -> None:
    """Write how a pod ended, as a kubelet does for one that it has put out or could not make."""
    runs(plane, pod)
    there = plane.get(plane.path(pod))
    statuses = there["status"]["containerStatuses"]
    for status in statuses:
        state = said.get("state") or {"terminated": {"exitCode": 137, "reason": "Error"}}
        status |= {"ready": False, "state": state}
    target = {"type": "DisruptionTarget", "status": "True", "reason": said.get("target")}
    conditions = [*there["status"]["conditions"], *([target] if said.get("target") else [])]
    words = {key: said[key] for key in ("reason", "message") if key in said}
    status = {"phase": "Failed", "containerStatuses": statuses, "conditions": conditions, **words}
    plane.patch_status(there, status)


def test_each_cause_of_which_an_execution_fails_is_told_from_the_others(
    platform: ControlPlane, tmp_path: Path
) -> None:
    """How each ended is written as a kubelet or the scheduler would: no container runs here."""
    low = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 40Mi."
    denied = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    said: dict[str, Object] = {
        "evicted": {"reason": "Evicted", "message": low, "target": "TerminationByKubelet"},
        "preempted": {"target": "PreemptionByScheduler"},
        "refused": {"reason": "OutOfcpu", "message": "Node didn't have enough resource: cpu"},
        "image": {"state": {"waiting": denied}},
    }
    pods = {name: execution(name, project=name) for name in said}
    with made(platform, *pods.values()):
        for name, pod in pods.items():
            ended(platform, pod, said[name])
        run = look(platform, tmp_path)

    assert list(run.found()) == ["SCHED-009"]
    findings = run.result("SCHED-009")["findings"]
    causes = {each["subject"]["name"]: each["message"].partition(":")[0] for each in findings}
    assert {name.rpartition("project=")[2]: cause for name, cause in causes.items()} == {
        "evicted": "1 execution failed, evicted",
        "preempted": "1 execution failed, preemption",
        "refused": "1 execution failed, node refused it",
        "image": "1 execution failed, image",
    }


def test_a_pod_that_a_taint_puts_out_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    extra = {**domino.node("drill", 0, "10.0.9.9", platform.get("/version")["gitVersion"])}
    pod = execution("put out", pool="drill")
    with made(platform, extra):
        joined(platform, extra)
        with made(platform, pod):
            runs(platform, pod)
            taints = [{"key": "example.com/broken", "effect": "NoExecute"}]
            patch_node(platform, extra["metadata"]["name"], {"spec": {"taints": taints}})
            gone(platform, pod)
            run = look(platform, tmp_path, STRICT)

    assert run.found() == {"SCHED-002": [f"execution/{domino.COMPUTE}/unlabelled"]}
    assert ": a taint of its node. Last: " in run.only("SCHED-002")


def test_a_pod_that_gives_way_to_another_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    extra = domino.node("drill", 0, "10.0.9.9", platform.get("/version")["gitVersion"])
    priority = {**domino.new("scheduling.k8s.io/v1", "PriorityClass", "drill-first"), "value": 1000}
    weak, strong = execution("weak", pool="drill", cpu="5"), execution("strong", pool="drill", cpu="5")
    strong["spec"]["priorityClassName"] = "drill-first"
    with made(platform, extra, priority):
        joined(platform, extra)
        with made(platform, weak):
            runs(platform, weak)
            with made(platform, strong):
                gone(platform, weak)
                runs(platform, strong)
                run = look(platform, tmp_path, STRICT)

    assert run.found() == {"SCHED-002": [f"execution/{domino.COMPUTE}/unlabelled"]}
    assert ": preemption by a pod of higher priority. Last: Preempted by " in run.only("SCHED-002")
