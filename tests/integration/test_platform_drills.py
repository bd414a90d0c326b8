"""SCHED-003, CAP-001, DOM-002 and the discovery that they rest on, against a real control plane.

Each drill breaks one thing in a healthy cluster with Domino's shape, and holds that the right check names the
right object and that nothing else is found. Faults come about as they do in life, by the controllers' own
doing, but for what only a kubelet says (pressure, a failing probe): that is written into the status, as a
kubelet would.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import domino_cluster as domino
from control_plane import ControlPlane
from domino_health.collectors.rights import NAMESPACE
from drills import look, of
from health_account import granted, rights, rules
from kube_client import Object, Objects, eventually

SPACES = (domino.PLATFORM, domino.COMPUTE)
NAMED = "domino: {platform_namespace: domino-platform, compute_namespaces: [domino-compute]}\n"
NODES = "/api/v1/nodes"
STRICT = "thresholds: {SCHED-003: {joins_within: 0s}}\n"
"""No node here is old enough to have joined."""


def scale(plane: ControlPlane, name: str, replicas: int) -> None:
    """Scale a service, and wait until it is so."""
    path = plane.path(of(name))
    plane.request("PATCH", path, {"spec": {"replicas": replicas}}, "merge-patch+json")
    eventually(
        lambda: ready_of(plane, name) == replicas and plane.get(path)["status"].get("replicas", 0) == replicas
    )


def ready_of(plane: ControlPlane, name: str) -> int:
    return int(plane.get(plane.path(of(name)))["status"].get("readyReplicas", 0))


# Healthy


def test_a_healthy_domino_gives_no_finding(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path)

    assert run.exit_status == 0, run.output
    assert run.found() == {}
    results = {id: run.result(id) for id in ("SCHED-003", "CAP-001", "DOM-002")}
    assert {result["state"] for result in results.values()} == {"passed"}
    assert {id: result["population"] for id, result in results.items()} == {
        "SCHED-003": 7,
        "CAP-001": 1,
        "DOM-002": 8,
    }


def test_an_account_without_rights_gets_no_pass(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path, user="nobody")

    assert run.exit_status == 6, run.output
    for id in ("SCHED-003", "CAP-001", "DOM-002"):
        assert run.result(id)["state"] == "unknown"
        assert {unseen["outcome"] for unseen in run.result(id)["unseen"]} == {"denied"}


# Nodes


@pytest.fixture
def silent_node(platform: ControlPlane) -> Iterator[str]:
    """A node whose kubelet has said once that it is ready, and nothing ever since: KWOK leaves it alone."""
    node = domino.node("default", 9, "10.0.1.99", platform.get("/version")["gitVersion"])
    del node["metadata"]["annotations"]
    status = node["status"]
    conditions = [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"}]
    platform.create(node)
    platform.patch_status(node, {**status, "conditions": conditions})
    name = node["metadata"]["name"]
    try:
        yield name
    finally:
        platform.delete(node)
        for pod in platform.list("/api/v1/pods"):
            if pod["spec"].get("nodeName") == name:  # nobody is left to say that they have ended
                path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
                platform.request("DELETE", path, {"gracePeriodSeconds": 0})
        domino.settle(platform)


def test_a_node_whose_kubelet_stops_is_found_by_what_kubernetes_makes_of_it(
    platform: ControlPlane, silent_node: str, tmp_path: Path
) -> None:
    """The node controller says Unknown when nothing has come for its grace period, 50 s."""

    def given_up() -> bool:
        conditions = platform.get(f"{NODES}/{silent_node}")["status"]["conditions"]
        return any(each["type"] == "Ready" and each["status"] == "Unknown" for each in conditions)

    eventually(given_up, 120, "the node controller's word on a silent kubelet")

    strict = look(platform, tmp_path, STRICT)
    patient = look(platform, tmp_path)

    assert strict.exit_status == 1, strict.output
    assert strict.found() == {"SCHED-003": [f"node/{silent_node}"]}
    said = strict.only("SCHED-003")
    assert said.startswith("high: not Ready for "), said
    assert said.endswith(": NodeStatusUnknown, Kubelet stopped posting node status"), said
    assert patient.exit_status == 0, "it is so young that it may still be joining"
    assert patient.result("SCHED-003")["worst"].startswith("1 node joins or leaves, not Ready for ")


def test_each_pressure_is_found_and_a_cordoned_node_is_not(platform: ControlPlane, tmp_path: Path) -> None:
    """KWOK plays kubelets that are never under pressure, so it is written as a kubelet would."""
    troubles = {
        "default-0": "DiskPressure",
        "default-1": "MemoryPressure",
        "platform-0": "PIDPressure",
        "platform-1": "NetworkUnavailable",
    }
    before = {name: platform.get(f"{NODES}/{name}") for name in troubles}
    cordoned = f"{NODES}/platform-2"
    platform.request("PATCH", cordoned, {"spec": {"unschedulable": True}}, "merge-patch+json")
    try:
        for name, type in troubles.items():
            conditions = [each for each in before[name]["status"]["conditions"] if each["type"] != type]
            worse = {"type": type, "status": "True", "reason": f"Drill{type}", "message": "it is full"}
            platform.patch_status(before[name], {"conditions": [*conditions, worse]})

        run = look(platform, tmp_path, STRICT)
    finally:
        for node in before.values():
            platform.patch_status(node, {"conditions": node["status"]["conditions"]})
        platform.request("PATCH", cordoned, {"spec": {"unschedulable": None}}, "merge-patch+json")

    assert run.exit_status == 1, run.output
    assert run.found() == {"SCHED-003": sorted(f"node/{name}" for name in troubles)}
    said = {each["subject"]["name"]: each["message"] for each in run.result("SCHED-003")["findings"]}
    words = ("disk pressure", "memory pressure", "PID pressure", "network trouble")
    for (name, type), trouble in zip(troubles.items(), words, strict=True):
        assert said[name].startswith(f"{trouble} for "), said
        assert said[name].endswith(f": Drill{type}, it is full"), said


# Bounds


def test_a_compute_namespace_without_a_bound_is_found_until_it_has_one(
    platform: ControlPlane, tmp_path: Path
) -> None:
    quota, claims = domino.bounds()
    limits = domino.new("v1", "LimitRange", "executions", domino.COMPUTE)
    limits["spec"] = {"limits": [{"type": "Container", "max": {"cpu": "64"}}]}
    idle = domino.new("v1", "LimitRange", "idle", domino.COMPUTE)  # of no limits: null on the wire
    platform.delete(quota)
    platform.create({**idle, "spec": {"limits": []}})
    try:
        without = look(platform, tmp_path)
        platform.create(limits)
        within = look(platform, tmp_path)
    finally:
        platform.delete(limits)
        platform.delete(idle)
        platform.create(quota, exist_ok=True)
    again = look(platform, tmp_path)

    assert platform.find(platform.path(claims)), "a bound on claims alone, which is none on work"
    assert without.exit_status == 0, "medium is below the gate's severity"
    assert without.found() == {"CAP-001": ["namespace/domino-compute"]}
    assert without.result("CAP-001")["state"] == "warned"
    assert within.found() == again.found() == {}


def test_a_namespace_of_a_field_add_on_is_a_compute_namespace_unless_the_profile_says_which_are(
    platform: ControlPlane, tmp_path: Path
) -> None:
    field = domino.new("v1", "Namespace", "domino-field", labels={"domino-compute": "true"})
    platform.create(field)
    try:
        by_label = look(platform, tmp_path)
        by_word = look(platform, tmp_path, NAMED)
    finally:
        platform.delete(field)

    assert by_label.found() == {"CAP-001": ["namespace/domino-field"]}
    assert by_label.result("CAP-001")["population"] == 2
    assert by_word.found() == {}
    assert by_word.result("CAP-001")["population"] == 1


# Services


def test_a_deployment_whose_pods_cannot_come_to_be_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    """Its service account is missing, so that no pod of it is even made."""
    name = "nucleus-dispatcher"
    platform.delete(of(name))
    platform.create(domino.with_account(name, domino.MISSING_ACCOUNT))
    try:
        eventually(
            lambda: platform.get(platform.path(of(name)))["status"].get("unavailableReplicas") == 1,
            what="the controller's word on a deployment without pods",
        )
        run = look(platform, tmp_path)
    finally:
        platform.delete(of(name))
        platform.create(of(name))
        domino.settle(platform)

    assert run.exit_status == 1, run.output
    assert run.found() == {"DOM-002": [f"deployment/domino-platform/{name}"]}
    assert run.only("DOM-002") == "high: dispatcher: 0 of 1 replica ready"


def test_a_service_of_which_some_are_ready_serves_and_is_warned_of(
    platform: ControlPlane, tmp_path: Path
) -> None:
    """One readiness probe fails: a kubelet says so of the pod, and the controllers count."""
    pods = [
        {"apiVersion": "v1", "kind": "Pod", **pod}
        for pod in platform.list(f"/api/v1/namespaces/{domino.PLATFORM}/pods")
        if pod["metadata"]["name"].startswith("nucleus-frontend-")
    ]
    fail_probe(platform, pods[0])
    try:
        eventually(lambda: ready_of(platform, "nucleus-frontend") == 1, what="one ready replica of two")
        run = look(platform, tmp_path)
    finally:
        platform.delete(pods[0])
        domino.settle(platform)

    assert run.exit_status == 0, run.output
    assert run.found() == {"DOM-002": ["deployment/domino-platform/nucleus-frontend"]}
    assert run.only("DOM-002") == "medium: front end: 1 of 2 replicas ready"


def fail_probe(plane: ControlPlane, pod: Object) -> None:
    conditions: Objects = pod["status"]["conditions"]
    for condition in conditions:
        if condition["type"] in ("Ready", "ContainersReady"):
            condition |= {"status": "False", "reason": "ContainersNotReady"}
    plane.patch_status(pod, {"conditions": conditions})


def uid_of(plane: ControlPlane, path: str) -> str | None:
    """Which object stands there; None for none, and for one that is about to go."""
    found = plane.find(path)
    going = found is None or "deletionTimestamp" in found["metadata"]
    return None if going or found is None else str(found["metadata"]["uid"])


def test_a_queue_without_its_majority_is_down(platform: ControlPlane, tmp_path: Path) -> None:
    paths = [f"/api/v1/namespaces/{domino.PLATFORM}/pods/rabbitmq-ha-39-{at}" for at in (1, 2)]
    pods = [platform.get(path) for path in paths]
    for pod in pods:
        fail_probe(platform, pod)
    try:
        eventually(lambda: ready_of(platform, "rabbitmq-ha-39") == 1, what="one ready replica of three")
        run = look(platform, tmp_path)
    finally:
        for path in paths:  # another of the same name comes at once: do not wait for its end
            platform.request("DELETE", path)
        before = {pod["metadata"]["uid"] for pod in pods}
        eventually(
            lambda: all(uid_of(platform, path) not in {None, *before} for path in paths),
            what="other pods in the place of those whose probes failed",
        )
        domino.settle(platform)

    assert run.exit_status == 1, run.output
    assert run.found() == {"DOM-002": ["statefulset/domino-platform/rabbitmq-ha-39"]}
    assert run.only("DOM-002").startswith("high: message queue: 1 of 3 replicas ready, and it serves only")


@pytest.mark.parametrize(
    ("name", "role", "severity", "exit_status"),
    [("nucleus-dispatcher", "dispatcher", "high", 1), ("vault", "vault", "low", 0)],
)
def test_a_service_that_is_scaled_to_nothing_is_as_bad_as_it_is_needed(
    platform: ControlPlane, tmp_path: Path, name: str, role: str, severity: str, exit_status: int
) -> None:
    scale(platform, name, 0)
    try:
        run = look(platform, tmp_path)
    finally:
        scale(platform, name, 1)

    assert run.exit_status == exit_status, run.output
    kind = of(name)["kind"].lower()
    assert run.found() == {"DOM-002": [f"{kind}/domino-platform/{name}"]}
    assert run.only("DOM-002") == f"{severity}: {role}: scaled to nothing"


def test_two_candidates_are_found_until_the_profile_says_which_one_serves(
    platform: ControlPlane, tmp_path: Path
) -> None:
    older = of("keycloakv17")
    older["metadata"]["name"] = "keycloak"
    selector = {"app.kubernetes.io/instance": "keycloak"}
    older["spec"] |= {"selector": {"matchLabels": selector}, "serviceName": "keycloak"}
    older["spec"]["template"]["metadata"]["labels"] |= selector
    word = "domino: {services: {keycloak: statefulset/keycloakv17}}\n"
    platform.create(older)
    try:
        domino.settle(platform)
        two = look(platform, tmp_path)
        one = look(platform, tmp_path, word)
    finally:
        platform.delete(older)

    assert two.exit_status == 0, two.output
    assert two.found() == {"DOM-002": ["role/keycloak"]}
    assert two.only("DOM-002") == (
        "medium: Keycloak: 2 candidates, found by name: "
        "statefulset/domino-platform/keycloak, statefulset/domino-platform/keycloakv17"
    )
    assert one.found() == {}


def test_a_service_that_the_profile_names_and_that_is_not_there_is_found(
    platform: ControlPlane, tmp_path: Path
) -> None:
    run = look(platform, tmp_path, "domino: {services: {vault: statefulset/vault-2}}\n")

    assert run.exit_status == 1, run.output
    assert run.found() == {"DOM-002": ["role/vault"]}
    assert run.only("DOM-002") == (
        "high: vault: the profile names statefulset/vault-2, and there is no such workload"
    )


def test_a_platform_namespace_that_the_profile_misspells_is_no_healthy_one(
    platform: ControlPlane, tmp_path: Path
) -> None:
    run = look(platform, tmp_path, "domino: {platform_namespace: domino-plattform}\n")

    assert run.exit_status == 6, run.output
    (unseen,) = run.result("DOM-002")["unseen"]
    assert unseen["reason"].startswith("namespace domino-plattform has no Deployment and no StatefulSet")


# Rights


def test_who_may_not_list_namespaces_can_name_them(platform: ControlPlane, tmp_path: Path) -> None:
    fewer = [right for right in rights() if right.resource != "namespaces"]
    with granted(platform, "nobody", rules(fewer)):
        unnamed = look(platform, tmp_path, user="nobody")
        named = look(platform, tmp_path, NAMED, user="nobody")

    assert unnamed.exit_status == 6, unnamed.output
    for id in ("CAP-001", "DOM-002"):
        (unseen,) = unnamed.result(id)["unseen"]
        assert unseen["outcome"] == "denied"
        assert "or name platform_namespace and compute_namespaces in the profile's section" in unseen["cure"]
    assert unnamed.result("SCHED-003")["state"] == "passed"
    assert named.exit_status == 0, named.output
    assert {named.result(id)["state"] for id in ("SCHED-003", "CAP-001", "DOM-002")} == {"passed"}


@pytest.mark.parametrize("more", ["", NAMED])
def test_rights_in_dominos_namespaces_are_enough_for_all_but_nodes(
    platform: ControlPlane, tmp_path: Path, more: str
) -> None:
    inside = [right for right in rights() if right.in_namespaces]
    spaces = f", namespaces: [{', '.join(SPACES)}]"
    with granted(platform, "nobody", rules([*inside, NAMESPACE]), *SPACES):
        run = look(platform, tmp_path, more, user="nobody", cluster=spaces)

    assert run.exit_status == 0, run.output
    assert {run.result(id)["state"] for id in ("SCHED-001", "CAP-001", "DOM-002")} == {"passed"}
    assert run.result("DOM-002")["population"] == 8
    nodes = run.result("SCHED-003")
    assert nodes["state"] == "skipped"
    assert nodes["reason"].startswith("nodes belong to no namespace")
