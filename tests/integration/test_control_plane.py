"""The control plane of the integration tests does what the other tests rely on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import domino_cluster as domino
from component import StartError
from control_plane import PROGRAMS, STAGES, ControlPlane, assets_dir
from kube_client import ApiError, eventually

COMPUTE_PODS = f"/api/v1/namespaces/{domino.COMPUTE}/pods"
PLATFORM_PODS = f"/api/v1/namespaces/{domino.PLATFORM}/pods"


@pytest.fixture(scope="module")
def cluster(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with a healthy Domino on it."""
    domino.install(control_plane)
    return control_plane


@pytest.fixture(scope="module")
def faulty(cluster: ControlPlane) -> Iterator[ControlPlane]:
    """The same with all faults, which are gone afterwards."""
    domino.install(cluster, faults=True)
    yield cluster
    domino.remove_faults(cluster)
    assert domino.unsettled(cluster) == []


def is_alive(process_group: int) -> bool:
    try:
        os.killpg(process_group, 0)
    except ProcessLookupError:
        return False
    return True


def test_healthy_cluster_runs(cluster: ControlPlane) -> None:
    assert domino.unsettled(cluster) == []
    pods = cluster.list(PLATFORM_PODS) + cluster.list(COMPUTE_PODS)
    ended = {
        pod["metadata"]["name"]: pod["status"]["phase"] for pod in pods if pod["status"]["phase"] != "Running"
    }
    expected = {asked.pod_name: asked.ends for asked in domino.EXECUTIONS if asked.ends}
    backups = {name: phase for name, phase in ended.items() if name.startswith(domino.BACKUP)}
    assert ended == expected | backups
    assert set(backups.values()) == {"Succeeded"}
    assert [pod for pod in pods if domino.unschedulable(pod)] == []


@pytest.mark.parametrize("asked", domino.OVERSIZED, ids=lambda asked: str(asked.seed))
def test_scheduler_says_what_is_too_much(faulty: ControlPlane, asked: domino.Execution) -> None:
    message = domino.unschedulable(faulty.get(f"{COMPUTE_PODS}/{asked.pod_name}"))
    assert message.startswith("0/7 nodes are available: ")
    assert "2 Insufficient cpu" in message
    assert "4 node(s) didn't match Pod's node affinity/selector" in message


def test_scheduler_tells_of_the_taint(faulty: ControlPlane) -> None:
    message = domino.unschedulable(faulty.get(f"{COMPUTE_PODS}/{domino.UNTOLERATING.pod_name}"))
    assert "1 node(s) had untolerated taint" in message


def test_scheduler_finds_no_node_in_a_misspelled_pool(faulty: ControlPlane) -> None:
    pods = [
        pod
        for pod in faulty.list(COMPUTE_PODS)
        if pod["metadata"]["name"].startswith(domino.MISSPELLED_MODEL)
    ]
    assert len(pods) == 2
    for pod in pods:
        assert "6 node(s) didn't match Pod's node affinity/selector" in domino.unschedulable(pod)


def test_rights_are_those_that_rbac_gives(control_plane: ControlPlane) -> None:
    for user in ("nobody", "health-reader"):
        with pytest.raises(ApiError, match=f'User \\\\"{user}\\\\" cannot list resource') as refusal:
            control_plane.list("/api/v1/pods", user)
        assert refusal.value.status == 403
    rights = "rbac.authorization.k8s.io/v1"
    role = domino.new(rights, "ClusterRole", "test-pod-reader")
    role["rules"] = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    binding = domino.new(rights, "ClusterRoleBinding", "test-pod-reader")
    binding["roleRef"] = {
        "apiGroup": rights.split("/", 1)[0],
        "kind": "ClusterRole",
        "name": "test-pod-reader",
    }
    binding["subjects"] = [{"kind": "User", "name": "health-reader"}]
    try:
        control_plane.create(role)
        control_plane.create(binding)
        eventually(
            lambda: control_plane.list("/api/v1/pods", "health-reader") is not None, what="the new right"
        )
        with pytest.raises(ApiError, match="403"):
            control_plane.list("/api/v1/pods", "nobody")
        with pytest.raises(ApiError, match="403"):
            control_plane.list("/api/v1/secrets", "health-reader")
    finally:
        control_plane.delete(binding)
        control_plane.delete(role)


def test_audit_log_holds_every_answered_request(control_plane: ControlPlane) -> None:
    before = len(control_plane.audit("nobody"))
    for number in range(20):
        control_plane.get(f"/version?number={number}", "nobody")
    with pytest.raises(ApiError):
        control_plane.request("DELETE", "/api/v1/namespaces/default/pods/none", user="nobody")
    entries = control_plane.audit("nobody")[before:]
    seen = [(entry.verb, entry.uri, entry.code) for entry in entries]
    expected = [("get", f"/version?number={number}", 200) for number in range(20)]
    assert seen == [*expected, ("delete", "/api/v1/namespaces/default/pods/none", 403)]
    assert {entry.user_agent for entry in entries} == {"domino-health-tests"}


def test_nothing_is_scheduled_while_the_scheduler_is_stopped(cluster: ControlPlane) -> None:
    pod = domino.new("v1", "Pod", "test-waits-for-a-scheduler", "default")
    pod["spec"] = {
        "containers": [{"name": "main", "image": "none"}],
        "nodeSelector": {domino.POOL: "default"},
    }
    path = cluster.path(pod)
    try:
        cluster.stop("kube-scheduler")
        cluster.create(pod)
        assert "conditions" not in cluster.get(path)["status"]
        cluster.start("kube-scheduler")
        eventually(lambda: cluster.get(path)["status"]["phase"] == "Running", what="a running pod")
    finally:
        cluster.start("kube-scheduler")
        cluster.delete(pod)


def test_teardown_leaves_nothing(control_plane: ControlPlane) -> None:
    with ControlPlane(assets_dir()) as second:  # beside the session's own: no port and no file is shared
        assert set(second.pids) == set(PROGRAMS)
        assert all(map(is_alive, second.pids.values()))
        second.pause("etcd")  # a frozen process ends, too
        directory = second.directory
        assert directory.is_dir()
    assert not any(map(is_alive, second.pids.values()))
    assert not directory.exists()
    assert control_plane.get("/version")


@pytest.mark.usefixtures("control_plane")  # which skips where there are no programs
def test_failed_start_tells_why_and_leaves_nothing(tmp_path: Path) -> None:
    for name in (*PROGRAMS, STAGES):
        (tmp_path / name).symlink_to(assets_dir() / name)
    broken = tmp_path / "kube-scheduler"
    broken.unlink()
    broken.write_text("#!/bin/sh\necho cannot schedule today >&2\nexit 3\n")
    broken.chmod(0o755)
    plane = ControlPlane(tmp_path)
    with pytest.raises(StartError, match="kube-scheduler ended with status 3:\ncannot schedule today"), plane:
        pytest.fail("started without a scheduler")
    assert len(plane.pids) == len(PROGRAMS)
    assert not any(map(is_alive, plane.pids.values()))
    assert not plane.directory.exists()


@pytest.mark.parametrize(("required", "outcome"), [("", "1 skipped"), ("ldap, control-plane", "1 error")])
def test_missing_programs_skip_or_fail(tmp_path: Path, required: str, outcome: str) -> None:
    environment = os.environ | {"KUBEBUILDER_ASSETS": str(tmp_path), "DOMINO_HEALTH_REQUIRE": required}
    options = ["-rsE", "--no-header", "-p", "no:cacheprovider", "-k", "test_healthy_cluster_runs"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, __file__],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert outcome in run.stdout
    assert "`make control-plane` builds it" in run.stdout
