"""WORK-003 against a real control plane: clusters of Ray without workers or users, and one that does not go.

The operator does not run there. Its kind is installed as a CustomResourceDefinition that keeps all that is
given to it; its objects, and the StatefulSets that it would make of them, are made as its own code makes
them (dominodatalab/distributed-compute-operator, pkg/cluster/ray), and what it writes as status is *patched*.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import domino_cluster as domino
from control_plane import ControlPlane
from drills import execution, gone, look, made, runs, served, waits
from health_run import HealthRun
from kube_client import Object, eventually

GROUP = "distributed-compute.dominodatalab.com"
API = f"{GROUP}/v1alpha1"
AT_ONCE = "thresholds: {WORK-003: {max_changing: 0s, max_unused: 0s}}\n"
IN_TIME = "thresholds: {WORK-003: {max_unused: 0s}}\n"


@pytest.fixture
def operator(platform: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster that has the operator's kind of clusters of Ray; none of it stays."""
    with served(platform, "RayCluster", GROUP, "v1alpha1"):
        yield platform


def labels(seed: str) -> dict[str, str]:
    return domino.domino_labels(seed, "drill", "Batch", "small-k8s")


def named(seed: str) -> str:
    return f"ray-{domino.hex_id(seed)}"


def ray(plane: ControlPlane, seed: str, *, workers: int, status: str = "Running", **meta: object) -> Object:
    """Make a cluster of Ray, with what its operator says of it."""
    obj = domino.new(API, "RayCluster", named(seed), domino.COMPUTE, labels(seed))
    obj["metadata"] |= meta
    plane.create(
        {**obj, "spec": {"worker": {"replicas": workers}, "envVars": [{"value": "hunter2-hunter2"}]}}
    )
    plane.patch_status(obj, {"clusterStatus": status, "image": domino.built_image("environment", "ray")})
    return obj


def part(seed: str, of: str, replicas: int, cpu: str = "1") -> Object:
    """Build the StatefulSet of a cluster's head or workers."""
    chosen = labels(seed) | {"app.kubernetes.io/component": of}
    resources = {"cpu": cpu, "memory": "1Gi"}
    container: Object = {"name": "ray", "image": domino.built_image("environment", "ray")}
    container["resources"] = {"requests": resources, "limits": resources}
    pod: Object = {"metadata": {"labels": chosen}, "spec": {"nodeSelector": {domino.POOL: "default"}}}
    pod["spec"]["containers"] = [container]
    obj = domino.new("apps/v1", "StatefulSet", f"{named(seed)}-ray-{of}", domino.COMPUTE, chosen)
    spec = {"replicas": replicas, "selector": {"matchLabels": chosen}, "template": pod}
    return {**obj, "spec": spec | {"serviceName": named(seed), "podManagementPolicy": "Parallel"}}


def pods(sets: Object) -> list[Object]:
    """The pods that a StatefulSet makes, as far as their paths."""
    name = sets["metadata"]["name"]
    return [domino.new("v1", "Pod", f"{name}-{n}", domino.COMPUTE) for n in range(sets["spec"]["replicas"])]


def said(run: HealthRun) -> dict[str, str]:
    return {
        each["examples"][0]["name"]: f"{each['severity']}: {each['message']}"
        for each in run.result("WORK-003")["findings"]
    }


def test_without_the_operator_the_check_is_skipped_and_says_so(
    platform: ControlPlane, tmp_path: Path
) -> None:
    result = look(platform, tmp_path).result("WORK-003")

    assert result["state"] == "skipped"
    assert "distributed-compute-operator is not installed" in result["reason"]


def test_an_account_without_rights_gets_no_pass_and_is_told_the_rule(
    operator: ControlPlane, tmp_path: Path
) -> None:
    result = look(operator, tmp_path, user="nobody").result("WORK-003")

    assert result["state"] == "unknown"
    (cure,) = (each["cure"] for each in result["unseen"] if each["fact"] == "compute_clusters")
    assert f'apiGroups: ["{GROUP}"]' in cure
    assert "rayclusters" in cure


def test_a_cluster_that_is_whole_beside_its_execution_is_healthy(
    operator: ControlPlane, tmp_path: Path
) -> None:
    user, head, workers = execution("ray"), part("ray", "head", 1), part("ray", "worker", 2)
    with made(operator, user, head, workers):
        ray(operator, "ray", workers=2)
        runs(operator, user, *pods(head), *pods(workers))
        run = look(operator, tmp_path, AT_ONCE)
    _all_gone(operator, user, *pods(head), *pods(workers))

    assert run.found() == {}
    result = run.result("WORK-003")
    assert (result["state"], result["population"]) == ("passed", 1)
    assert result["attachments"][0]["rows"][0][1:3] == ["Running", "2 of 2"]


def test_workers_that_get_no_node_are_found_in_the_schedulers_words(
    operator: ControlPlane, tmp_path: Path
) -> None:
    user, head, workers = execution("ray"), part("ray", "head", 1), part("ray", "worker", 2, cpu="500")
    with made(operator, user, head, workers):
        ray(operator, "ray", workers=2)
        runs(operator, user, *pods(head))
        for pod in pods(workers):
            waits(operator, pod)
        in_time = look(operator, tmp_path, IN_TIME)
        late = look(operator, tmp_path, AT_ONCE)
    _all_gone(operator, user, *pods(head), *pods(workers))

    assert in_time.found() == {}
    assert list(late.found()) == ["WORK-003"]
    message = said(late)[named("ray")]
    assert message.startswith(f"medium: {named('ray')}: 0 of 2 workers ready, the first that is not for ")
    assert "Insufficient cpu" in message
    everything = b"".join(path.read_bytes() for path in late.folder.rglob("*") if path.is_file())
    assert b"hunter2" not in everything


def test_a_cluster_that_does_not_go_and_one_that_nobody_uses_are_found(
    operator: ControlPlane, tmp_path: Path
) -> None:
    held = ray(operator, "held", workers=1, finalizers=[f"{GROUP}/finalizer"])
    unused = part("unused", "head", 1)
    try:
        with made(operator, unused):
            ray(operator, "unused", workers=0)
            runs(operator, *pods(unused))
            operator.request("DELETE", operator.path(held))
            eventually(lambda: _is_told(operator, held), what="the cluster is told to go")
            run = look(operator, tmp_path, AT_ONCE)
        _all_gone(operator, *pods(unused))
    finally:
        path = operator.path(held)
        operator.request("PATCH", path, {"metadata": {"finalizers": None}}, "merge-patch+json")

    assert list(run.found()) == ["WORK-003"]
    found = said(run)
    assert found[named("held")].startswith(f"medium: {named('held')}: it has been told to go for ")
    assert found[named("unused")].startswith(f"low: {named('unused')}: nobody uses it")


def _is_told(plane: ControlPlane, obj: Object) -> bool:
    return "deletionTimestamp" in plane.get(plane.path(obj))["metadata"]


def _all_gone(plane: ControlPlane, *there: Object) -> None:
    for pod in there:
        gone(plane, pod)
