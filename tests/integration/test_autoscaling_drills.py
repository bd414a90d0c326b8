"""SCHED-010 and what the autoscalers say, against a real control plane.

No autoscaler runs there. Its Deployment stops by the controllers' own doing, and what is not installed or
denied is the API server's own word. What only an autoscaler writes is *patched*, as it would write it: the
status of a NodePool (of a CustomResourceDefinition with that part of Karpenter's schema which is read), and
the ConfigMap of cluster-autoscaler.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import domino_cluster as domino
from control_plane import ControlPlane
from drills import look
from health_run import HealthRun
from kube_client import Object, eventually
from objects import served

HOMES = {"karpenter": "kube-system", "cluster-autoscaler": domino.PLATFORM}
"""Where each runs; the latter's is where Domino's Terraform modules give it its role."""
AMOUNTS: Object = {
    "type": "object",
    "additionalProperties": {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
    },
}
TEXTS: Object = {"type": "object", "additionalProperties": {"type": "string"}}
CONDITION: Object = {
    "type": "object",
    "properties": {
        name: {"type": "string"} for name in ("type", "status", "reason", "message", "lastTransitionTime")
    },
}


def of(**properties: Object) -> Object:
    return {"type": "object", "properties": properties}


SCHEMA = of(
    spec=of(
        limits=AMOUNTS,
        template=of(metadata=of(labels=TEXTS), spec=of(expireAfter={"type": "string"})),
    ),
    status=of(resources=AMOUNTS, conditions={"type": "array", "items": CONDITION}),
)
NODE_POOLS = "/apis/karpenter.sh/v1/nodepools"


def stamp(ago: timedelta = timedelta(0)) -> str:
    return (datetime.now(UTC) - ago).isoformat(timespec="seconds").replace("+00:00", "Z")


def node_pool(
    name: str, used: dict[str, str], *, ready: str = "True", since: timedelta = timedelta(0), **spec: Any
) -> Object:
    """A NodePool with the status that Karpenter would write."""
    labels = {"metadata": {"labels": {domino.POOL: "default"}}}
    template = {**labels, **spec.pop("template", {})}
    reason = "Ready" if ready == "True" else "UnhealthyDependents"
    message = "" if ready == "True" else "NodeClassReady=False"
    state = {"status": ready, "reason": reason, "message": message, "lastTransitionTime": stamp(since)}
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": name},
        "spec": {"template": template, **spec},
        "status": {"resources": used, "conditions": [{"type": "Ready", **state}]},
    }


def scaler(name: str, account: str = "default") -> Object:
    """The Deployment of an autoscaler."""
    made = domino.workload(domino.Service(name, namespace=HOMES[name]))
    made["spec"]["template"]["spec"]["serviceAccountName"] = account
    made["spec"]["strategy"] = {"type": "Recreate"}  # or the old pod would stay when no new one comes
    return made


def status(*groups: str, written: timedelta = timedelta(0)) -> Object:
    """What cluster-autoscaler writes since its version 1.30, ``written`` ago."""
    moment = datetime.now(UTC) - written
    text = (
        f"time: {moment:%Y-%m-%d %H:%M:%S}.123456789 +0000 UTC\nautoscalerStatus: Running\n"
        "clusterWide:\n  health:\n    status: Healthy\nnodeGroups:\n"
    )
    made = domino.new("v1", "ConfigMap", "cluster-autoscaler-status", domino.PLATFORM)
    return {**made, "data": {"status": text + "".join(groups)}}


def group(name: str, target: int, most: int, scale_up: str = "NoActivity", more: str = "") -> str:
    return (
        f"- name: {name}\n  health:\n    status: Healthy\n    nodeCounts:\n      registered:\n"
        f"        total: {target}\n    cloudProviderTarget: {target}\n    minSize: 0\n    maxSize: {most}\n"
        f"  scaleUp:\n    status: {scale_up}\n{more}"
    )


@pytest.fixture
def karpenter(platform: ControlPlane) -> Iterator[ControlPlane]:
    """Karpenter's Deployment, ready, and its kind of NodePools; none of it stays."""
    kind = served(platform, "NodePool", "karpenter.sh", namespaced=False, schema=SCHEMA)
    with kind, installed(platform, scaler("karpenter")):
        yield platform


@contextlib.contextmanager
def installed(plane: ControlPlane, *objects: Object) -> Iterator[None]:
    """Objects that are there for as long as it lasts; a Deployment is ready."""
    try:
        for each in objects:
            plane.create(each)
            if each["kind"] == "Deployment":
                ready(plane, each, 1)
        yield
    finally:
        for each in objects:
            plane.delete(each)


def ready(plane: ControlPlane, deployment: Object, wanted: int) -> None:
    def is_so() -> bool:
        made = plane.get(plane.path(deployment))
        known = made["status"].get("observedGeneration") == made["metadata"]["generation"]
        return bool(known and made["status"].get("readyReplicas", 0) == wanted)

    eventually(is_so, 60, what=f"{wanted} ready of {plane.path(deployment)}")


def create(plane: ControlPlane, *pools: Object) -> None:
    for each in pools:
        plane.create({key: value for key, value in each.items() if key != "status"})
        plane.patch_status(each, each["status"])


def messages(run: HealthRun) -> dict[str, str]:
    """Severity and message of SCHED-010's findings, by the name of their subjects."""
    return {
        each["subject"]["name"]: f"{each['severity']}: {each['message']}"
        for each in run.result("SCHED-010")["findings"]
    }


# Not there, and not allowed


def test_without_an_autoscaler_the_check_is_skipped_and_says_so(
    platform: ControlPlane, tmp_path: Path
) -> None:
    run = look(platform, tmp_path)

    assert run.exit_status == 0, run.output
    assert run.found() == {}
    result = run.result("SCHED-010")
    assert result["state"] == "skipped"
    assert "Karpenter is not installed" in result["reason"]
    assert (
        "no ConfigMap cluster-autoscaler-status in namespace kube-system or domino-platform"
        in (result["reason"])
    )


def test_an_account_without_rights_gets_no_pass_and_is_told_both_rules(
    platform: ControlPlane, tmp_path: Path
) -> None:
    run = look(platform, tmp_path, user="nobody")

    result = run.result("SCHED-010")
    assert (run.exit_status, result["state"]) == (6, "unknown"), run.output
    cures = " ".join(each["cure"] for each in result["unseen"] if each["fact"] == "node_pools")
    assert '{apiGroups: ["karpenter.sh"], resources: ["nodepools"], verbs: ["list"]}' in cures
    for namespace in ("kube-system", "domino-platform"):
        named = 'resourceNames: ["cluster-autoscaler-status"], verbs: ["get"]}'
        assert f"{named} (in namespace {namespace})" in cures


# Karpenter


def test_a_healthy_karpenter_gives_no_finding(karpenter: ControlPlane, tmp_path: Path) -> None:
    create(
        karpenter,
        node_pool("default", {"nodes": "2", "cpu": "16"}, limits={"cpu": 100}),
        node_pool("gpu", {}, limits={"nvidia.com/gpu": "8"}),
    )

    run = look(karpenter, tmp_path)

    assert run.exit_status == 0, run.output
    assert run.found() == {}
    result = run.result("SCHED-010")
    assert (result["state"], result["population"]) == ("passed", 3)


def test_a_node_pool_at_its_limit_and_one_that_is_not_ready_are_found(
    karpenter: ControlPlane, tmp_path: Path
) -> None:
    """Patched: what Karpenter writes of the pools' nodes, and of a node class that is gone."""
    create(
        karpenter,
        node_pool("full", {"nodes": "12", "cpu": "96"}, limits={"cpu": 100}),
        node_pool("fuller", {"nodes": "1", "memory": "85Gi"}, limits={"cpu": 100, "memory": "100Gi"}),
        node_pool("orphan", {}, ready="False", since=timedelta(minutes=20), limits={"cpu": 100}),
        node_pool("closed", {}, limits={"cpu": 0}),
    )

    run = look(karpenter, tmp_path)

    assert run.exit_status == 1, run.output
    assert run.found() == {"SCHED-010": ["nodepool/full", "nodepool/fuller", "nodepool/orphan"]}
    said = messages(run)
    assert said["full"] == "high: Domino's pool default: 96 of 100 cpu: 96 %, allowed less than 80 %"
    assert said["fuller"].startswith("medium: Domino's pool default: 85.0 GiB of 100.0 GiB memory: 85 %")
    assert said["orphan"].startswith("medium: Domino's pool default: not Ready for 20 m")
    assert "(UnhealthyDependents, NodeClassReady=False); it gets no new nodes" in said["orphan"]


def test_limits_that_stand_in_the_template_are_none(karpenter: ControlPlane, tmp_path: Path) -> None:
    """The API server drops what Karpenter's schema does not name; no status says so."""
    nested = {"spec": {"expireAfter": "720h", "limits": {"cpu": 1}}}
    create(karpenter, node_pool("nested", {"cpu": "16"}, template=nested))

    run = look(karpenter, tmp_path)

    assert run.found() == {}
    assert "limits" not in karpenter.list(NODE_POOLS)[0]["spec"]["template"]["spec"]
    (table,) = run.result("SCHED-010")["attachments"]
    assert [row[5:] for row in table["rows"]] == [["no limit", "", "may grow without end"]]


def test_karpenter_whose_pods_cannot_come_is_found(karpenter: ControlPlane, tmp_path: Path) -> None:
    """Its service account is gone: no pod comes to be, by the ReplicaSet controller's own doing."""
    create(karpenter, node_pool("default", {"cpu": "16"}, limits={"cpu": 100}))
    karpenter.apply(scaler("karpenter", "gone"))
    ready(karpenter, scaler("karpenter"), 0)

    patient = look(karpenter, tmp_path)
    run = look(karpenter, tmp_path, "thresholds: {SCHED-010: {silent_for: 0s}}\n")

    assert patient.found() == {}, "a roll-out is allowed ten minutes"
    assert run.found() == {"SCHED-010": ["deployment/kube-system/karpenter"]}
    assert messages(run)["karpenter"].startswith("high: karpenter is down: 0 of 1 pods ready for ")


# cluster-autoscaler


def test_a_healthy_cluster_autoscaler_gives_no_finding(platform: ControlPlane, tmp_path: Path) -> None:
    with installed(platform, scaler("cluster-autoscaler"), status(group("asg", 2, 10), group("gpu", 0, 4))):
        run = look(platform, tmp_path)

    assert run.exit_status == 0, run.output
    assert run.found() == {}
    assert run.result("SCHED-010")["population"] == 3


def test_a_node_group_that_is_full_and_one_that_backs_off_are_found_with_the_cloud_s_words(
    platform: ControlPlane, tmp_path: Path
) -> None:
    """Patched: what cluster-autoscaler writes of its groups, and its event of a pod that waits."""
    since = stamp(timedelta(minutes=25))
    error = (
        "    backoffInfo:\n      errorCode: QUOTA_EXCEEDED\n"
        f"      errorMessage: Quota 'CPUS' exceeded.\n    lastTransitionTime: \"{since}\"\n"
    )
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "waits.1", "namespace": domino.COMPUTE},
        "involvedObject": {"kind": "Pod", "namespace": domino.COMPUTE, "name": "waits"},
        "reason": "NotTriggerScaleUp",
        "message": "pod didn't trigger scale-up: 1 max node group size reached",
        "type": "Normal",
        "source": {"component": "cluster-autoscaler"},
        "lastTimestamp": stamp(),
    }
    groups = (group("asg", 10, 10), group("spot", 1, 10, "Backoff", error), group("fixed", 1, 1))
    with installed(platform, scaler("cluster-autoscaler"), status(*groups), event):
        run = look(platform, tmp_path)

    assert run.exit_status == 1, run.output
    assert run.found() == {"SCHED-010": ["nodegroup/asg", "nodegroup/spot"]}
    said = messages(run)
    assert said["asg"].startswith("high: 10 of 10 nodes: 100 %, allowed less than 80 %; it can grow no more.")
    assert "of pod/domino-compute/waits: NotTriggerScaleUp, pod didn't trigger scale-up" in said["asg"]
    assert said["spot"].startswith("medium: backing off after a failed scale-up for 25 m")
    assert "(QUOTA_EXCEEDED, Quota 'CPUS' exceeded)" in said["spot"]


def test_a_cluster_autoscaler_that_has_stopped_writing_is_found(
    platform: ControlPlane, tmp_path: Path
) -> None:
    old = status(group("asg", 2, 10), written=timedelta(minutes=40))
    with installed(platform, scaler("cluster-autoscaler"), old):
        hangs = look(platform, tmp_path)
    with installed(platform, old):
        managed = look(platform, tmp_path)

    assert hangs.found() == {"SCHED-010": ["deployment/domino-platform/cluster-autoscaler"]}
    assert "its pod is ready all the same" in messages(hangs)["cluster-autoscaler"]
    assert managed.found() == {"SCHED-010": ["autoscaler/cluster-autoscaler"]}
    assert messages(managed)["cluster-autoscaler"].startswith(
        "medium: cluster-autoscaler is silent: its status"
    )


def test_a_status_that_nobody_can_read_is_unknown(platform: ControlPlane, tmp_path: Path) -> None:
    broken = {**status(), "data": {"status": "<html>"}}
    with installed(platform, broken):
        run = look(platform, tmp_path)

    result = run.result("SCHED-010")
    assert (run.exit_status, result["state"]) == (6, "unknown"), run.output
    assert "its key status is no status of cluster-autoscaler: it begins with '<html>'" in str(
        result["unseen"]
    )
