"""WORK-003 against a real control plane: clusters of Ray without workers or users, and one that does not go.

The operator does not run there: its objects, and the StatefulSets that it would make of them, are made as its
own code makes them, and what it writes as status is *patched* (domino_operators).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import domino_operators as operators
from control_plane import ControlPlane
from domino_operators import COMPUTING, pods_of, ray, ray_name, ray_part
from drills import execution, look, waits
from health_run import HealthRun
from kube_client import Object, eventually
from objects import gone, made, runs

AT_ONCE = "thresholds: {WORK-003: {max_changing: 0s, max_unused: 0s}}\n"
IN_TIME = "thresholds: {WORK-003: {max_unused: 0s}}\n"


@pytest.fixture
def operator(platform: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster that has the operator's kind of clusters of Ray; none of it stays."""
    with operators.computing(platform):
        yield platform


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
    assert f'apiGroups: ["{COMPUTING}"]' in cure
    assert "rayclusters" in cure


def test_a_cluster_that_is_whole_beside_its_execution_is_healthy(
    operator: ControlPlane, tmp_path: Path
) -> None:
    user, head, workers = execution("ray"), ray_part("ray", "head", 1), ray_part("ray", "worker", 2)
    with made(operator, user, head, workers):
        ray(operator, "ray", workers=2)
        runs(operator, user, *pods_of(head), *pods_of(workers))
        run = look(operator, tmp_path, AT_ONCE)
    _all_gone(operator, user, *pods_of(head), *pods_of(workers))

    assert run.found() == {}
    result = run.result("WORK-003")
    assert (result["state"], result["population"]) == ("passed", 1)
    assert result["attachments"][0]["rows"][0][1:3] == ["Running", "2 of 2"]


def test_workers_that_get_no_node_are_found_in_the_schedulers_words(
    operator: ControlPlane, tmp_path: Path
) -> None:
    user, head = execution("ray"), ray_part("ray", "head", 1)
    workers = ray_part("ray", "worker", 2, cpu="500")
    with made(operator, user, head, workers):
        ray(operator, "ray", workers=2)
        runs(operator, user, *pods_of(head))
        for pod in pods_of(workers):
            waits(operator, pod)
        in_time = look(operator, tmp_path, IN_TIME)
        late = look(operator, tmp_path, AT_ONCE)
    _all_gone(operator, user, *pods_of(head), *pods_of(workers))

    assert in_time.found() == {}
    assert list(late.found()) == ["WORK-003"]
    message = said(late)[ray_name("ray")]
    assert message.startswith(f"medium: {ray_name('ray')}: 0 of 2 workers ready, the first that is not for ")
    assert "Insufficient cpu" in message
    everything = b"".join(path.read_bytes() for path in late.folder.rglob("*") if path.is_file())
    assert b"hunter2" not in everything


def test_a_cluster_that_does_not_go_and_one_that_nobody_uses_are_found(
    operator: ControlPlane, tmp_path: Path
) -> None:
    held = ray(operator, "held", workers=1, finalizers=[f"{COMPUTING}/finalizer"])
    unused = ray_part("unused", "head", 1)
    try:
        with made(operator, unused):
            ray(operator, "unused", workers=0)
            runs(operator, *pods_of(unused))
            operator.request("DELETE", operator.path(held))
            eventually(lambda: _is_told(operator, held), what="the cluster is told to go")
            run = look(operator, tmp_path, AT_ONCE)
        _all_gone(operator, *pods_of(unused))
    finally:
        path = operator.path(held)
        operator.request("PATCH", path, {"metadata": {"finalizers": None}}, "merge-patch+json")

    assert list(run.found()) == ["WORK-003"]
    found = said(run)
    assert found[ray_name("held")].startswith(f"medium: {ray_name('held')}: it has been told to go for ")
    assert found[ray_name("unused")].startswith(f"low: {ray_name('unused')}: nobody uses it")


def _is_told(plane: ControlPlane, obj: Object) -> bool:
    return "deletionTimestamp" in plane.get(plane.path(obj))["metadata"]


def _all_gone(plane: ControlPlane, *there: Object) -> None:
    for pod in there:
        gone(plane, pod)
