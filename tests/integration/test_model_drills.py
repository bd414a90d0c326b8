"""MODEL-003 and MODEL-004 against a real control plane: scaling, cordons and network policies of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import domino_cluster as domino
from control_plane import ControlPlane
from drills import look, patch_node
from kube_client import Object, Objects, eventually
from objects import made

PODS = f"/api/v1/namespaces/{domino.COMPUTE}/pods"
SUBJECT = f"deployment/{domino.COMPUTE}/{domino.MODEL}"


def instances(plane: ControlPlane) -> Objects:
    """The model's pods that are there to stay."""
    return [
        pod
        for pod in plane.list(PODS)
        if pod["metadata"]["name"].startswith(domino.MODEL) and "deletionTimestamp" not in pod["metadata"]
    ]


def scaled(plane: ControlPlane, replicas: int) -> None:
    """Scale the model, and wait until it is so."""
    path = plane.path(domino.model(domino.MODEL, "default"))
    plane.request("PATCH", path, {"spec": {"replicas": replicas}}, "merge-patch+json")

    def there() -> bool:
        status = plane.get(path)["status"]
        return bool(status.get("readyReplicas", 0) == status.get("replicas", 0) == replicas)

    eventually(there, what=f"{replicas} instances of the model")


@pytest.fixture
def spread(platform: ControlPlane) -> Iterator[ControlPlane]:
    """The model on two nodes, and as it was in the end."""
    yield platform
    for name in ("default-0", "default-1"):
        patch_node(platform, name, {"spec": {"unschedulable": None}})
    scaled(platform, 0)
    scaled(platform, 2)
    domino.settle(platform)


def together(plane: ControlPlane) -> Callable[[], bool]:
    return lambda: (
        len(instances(plane)) == 2
        and {pod["spec"].get("nodeName") for pod in instances(plane)} == {"default-0"}
        and all(pod["status"]["phase"] == "Running" for pod in instances(plane))
    )


def test_a_model_with_one_instance_is_found(spread: ControlPlane, tmp_path: Path) -> None:
    scaled(spread, 1)

    run = look(spread, tmp_path)

    assert run.found() == {"MODEL-003": [SUBJECT]}
    assert run.only("MODEL-003") == "medium: 1 instance, at least 2 wanted: it is down with one node"


def test_instances_that_share_a_node_are_found(spread: ControlPlane, tmp_path: Path) -> None:
    scaled(spread, 0)
    patch_node(spread, "default-1", {"spec": {"unschedulable": True}})
    scaled(spread, 2)
    eventually(together(spread), what="both instances on one node")
    patch_node(spread, "default-1", {"spec": {"unschedulable": None}})

    run = look(spread, tmp_path)

    assert run.found() == {"MODEL-003": [SUBJECT]}
    assert run.only("MODEL-003") == (
        "medium: all 2 instances are on the node default-0, and are down with it"
    )


def policy(name: str, *ingress: Object) -> Object:
    made = domino.new("networking.k8s.io/v1", "NetworkPolicy", name, domino.COMPUTE)
    return {**made, "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": list(ingress)}}


def test_a_policy_that_keeps_the_platform_out_is_found_until_one_lets_it_in(
    platform: ControlPlane, tmp_path: Path
) -> None:
    own = policy("default-deny", {"from": [{"podSelector": {}}]})
    by_label = {"namespaceSelector": {"matchLabels": {"domino-platform": "true"}}}
    with made(platform, own):
        without = look(platform, tmp_path)
        with made(platform, policy("platform", {"from": [by_label]})):
            within = look(platform, tmp_path)

    assert without.found() == {"MODEL-004": [SUBJECT]}
    assert without.only("MODEL-004") == (
        "medium: nobody in the namespace domino-platform may reach it, by the network policy default-deny"
    )
    assert within.found() == {}
    assert within.result("MODEL-004")["population"] == 1
