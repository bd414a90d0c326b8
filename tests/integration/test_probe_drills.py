"""PROBE-001 to 005 against a real control plane.

Each drill breaks one thing in a healthy cluster with Domino's shape, and holds that the right check names the
right object and that no check finds anything else. No container runs on KWOK's nodes, so that no probe fails
there: where one must, the drill posts the kubelet's event and writes the kubelet's conditions.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import domino_cluster as domino
from control_plane import ControlPlane
from drills import look, of, refused
from kube_client import Object, Objects, eventually
from objects import made

AREA = [f"PROBE-00{number}" for number in range(1, 6)]
EAGER = "thresholds: {PROBE-004: {starts_within: 0s}, PROBE-005: {starts_within: 0s, unready_for: 0s}}\n"
"""No pod here is old enough to have started."""
FRONT = "nucleus-frontend"


@pytest.fixture
def changed(platform: ControlPlane) -> Iterator[Changed]:
    """Changes a workload's first container, and brings it back."""
    change = Changed(platform)
    yield change
    change.back()


class Changed:
    """What was changed, as it was."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._was: list[Object] = []

    def container(self, workload: Object, **parts: Object | None) -> None:
        """Give the first container other parts; one that is None it loses."""
        self._was.append(workload)
        first, *others = workload["spec"]["template"]["spec"]["containers"]
        changed = {key: value for key, value in {**first, **parts}.items() if value is not None}
        self._contain(workload, [changed, *others])
        domino.settle(self._plane)

    def back(self) -> None:
        """Bring all back."""
        for workload in self._was:
            self._contain(workload, workload["spec"]["template"]["spec"]["containers"])
        domino.settle(self._plane)

    def _contain(self, workload: Object, containers: Objects) -> None:
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        self._plane.request("PATCH", self._plane.path(workload), patch, "merge-patch+json")


def test_a_healthy_domino_gives_no_finding(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path, EAGER)

    assert run.exit_status == 0, run.output
    assert run.found() == {}
    assert {id: run.result(id)["state"] for id in AREA} == dict.fromkeys(AREA, "passed")
    assert {id: run.result(id)["population"] for id in AREA[:3]} == {
        "PROBE-001": 6,
        "PROBE-002": 6,
        "PROBE-003": 1,
    }


def test_an_account_without_rights_gets_no_pass(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path, EAGER, user="nobody")

    assert {id: run.result(id)["state"] for id in AREA} == dict.fromkeys(AREA, "unknown")


def test_a_service_without_probes_is_found(platform: ControlPlane, changed: Changed, tmp_path: Path) -> None:
    changed.container(of(FRONT), readinessProbe=None, livenessProbe=None)

    run = look(platform, tmp_path, EAGER)

    front = [f"deployment/{domino.PLATFORM}/{FRONT}"]
    assert run.found() == {"PROBE-001": front, "PROBE-002": front}


def test_a_liveness_probe_that_is_the_readiness_probe_is_found(
    platform: ControlPlane, changed: Changed, tmp_path: Path
) -> None:
    same = domino.probes(8080)["readinessProbe"]
    changed.container(of(FRONT), readinessProbe=same, livenessProbe=same)

    run = look(platform, tmp_path, EAGER)

    assert run.found() == {"PROBE-002": [f"deployment/{domino.PLATFORM}/{FRONT}"]}
    assert "gives up after 1 m 10 s, that one after 1 m 10 s" in run.only("PROBE-002")


def test_a_model_whose_probe_gives_up_before_its_requests_do_is_found(
    platform: ControlPlane, changed: Changed, tmp_path: Path
) -> None:
    hasty = {**domino.probes(8080)["livenessProbe"], "periodSeconds": 10, "failureThreshold": 6}
    changed.container(domino.model(domino.MODEL, "default"), livenessProbe=hasty)

    run = look(platform, tmp_path, EAGER)

    assert run.found() == {"PROBE-003": [f"deployment/{domino.COMPUTE}/{domino.MODEL}"]}
    assert run.only("PROBE-003") == (
        "medium: container run: the liveness probe gives up after 1 m (10 s x 6), and a request may take 1 m"
    )


def test_a_probe_that_fails_is_found_with_its_words(platform: ControlPlane, tmp_path: Path) -> None:
    """The pod's condition and the event are written as a kubelet writes them."""
    pods = (each["metadata"] for each in platform.list(f"/api/v1/namespaces/{domino.COMPUTE}/pods"))
    # The drill before may leave some that end.
    names = (meta["name"] for meta in pods if "deletionTimestamp" not in meta)
    name = next(name for name in names if name.startswith(domino.MODEL))
    pod = platform.get(f"/api/v1/namespaces/{domino.COMPUTE}/pods/{name}")
    started = datetime.fromisoformat(pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"])
    when = (started + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    words = "Readiness probe failed: dial tcp 10.0.0.1:8080: connect: connection refused"
    about = {"kind": "Pod", "apiVersion": "v1", "fieldPath": "spec.containers{run}"}
    about |= {key: pod["metadata"][key] for key in ("name", "namespace", "uid")}
    event = domino.new("v1", "Event", "drill.1", domino.COMPUTE)
    event |= {"involvedObject": about, "reason": "Unhealthy", "message": words, "type": "Warning", "count": 4}
    event |= {"firstTimestamp": when, "lastTimestamp": when, "source": {"component": "kubelet"}}
    was = pod["status"]["conditions"]
    unready = [
        {**each, "status": "False"} if each["type"] in ("Ready", "ContainersReady") else each for each in was
    ]
    platform.create(event)
    platform.patch_status(pod, {"conditions": unready})
    model = f"deployment/{domino.COMPUTE}/{domino.MODEL}"
    path = platform.path(domino.model(domino.MODEL, "default"))
    try:
        eventually(lambda: platform.get(path)["status"].get("readyReplicas") == 1, what="one replica less")
        run = look(platform, tmp_path, EAGER)
    finally:
        platform.patch_status(pod, {"conditions": was})
        platform.delete(event)
        domino.settle(platform)

    assert run.found() == {"PROBE-004": [model], "PROBE-005": [model]}, (
        "the replica that it costs is told as well"
    )
    assert run.only("PROBE-004").startswith("high: 1 pod fails its readiness probe, 4 times, last ")
    assert run.only("PROBE-004").endswith("dial tcp 10.0.0.1:8080: connect: connection refused")
    assert run.only("PROBE-005") == "medium: 1 of 2 replicas ready"


def test_a_workload_whose_pods_are_refused_is_found_in_the_words_of_who_refuses(
    platform: ControlPlane, tmp_path: Path
) -> None:
    extra = of("grafana")
    extra["metadata"]["name"] = "reports"
    labels = {"app.kubernetes.io/instance": "reports"}
    extra["spec"]["selector"] = {"matchLabels": labels}
    extra["spec"]["template"]["metadata"]["labels"] = labels
    extra["spec"]["template"]["spec"]["serviceAccountName"] = "nobody-made-it"
    with made(platform, extra):
        refused(platform, extra, "ReplicaFailure")
        run = look(platform, tmp_path, EAGER)

    assert run.found() == {"PROBE-005": ["deployment/domino-platform/reports"]}
    assert 'serviceaccount "nobody-made-it" not found' in run.only("PROBE-005")


def test_a_service_that_selects_other_pods_than_was_meant_is_found(
    platform: ControlPlane, tmp_path: Path
) -> None:
    wrong = domino.new("v1", "Service", "grafana-old", domino.PLATFORM)
    wrong["spec"] = {"selector": {"app.kubernetes.io/instance": "grafana-v1"}, "ports": [{"port": 80}]}
    with made(platform, wrong):
        run = look(platform, tmp_path, EAGER)

    assert run.found() == {"PROBE-005": ["service/domino-platform/grafana-old"]}
    assert run.result("PROBE-005")["findings"][0]["severity"] == "low"
