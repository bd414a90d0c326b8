"""What drills share: a run of all checks against the control plane, and the objects that they make there.

Each drill breaks one thing in a healthy cluster with Domino's shape (the fixture ``platform``), and holds
that the right check names the right object and that no check finds anything else.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import domino_cluster as domino
from control_plane import ControlPlane
from health_run import HealthRun, run_health
from kube_client import Object, eventually

READER = "health-reader"
"""May read what the facts ask for (the fixture ``platform``); ``nobody`` may read nothing."""


def profile(plane: ControlPlane, more: str = "", *, user: str = READER, cluster: str = "") -> str:
    """A profile of one cluster, the plane; ``cluster`` is what else it says of that, from a comma on."""
    kubeconfig = plane.kubeconfig(user)
    return f"version: 1\nclusters:\n  - {{name: drill, kubeconfig: {kubeconfig}{cluster}}}\n{more}"


def look(
    plane: ControlPlane,
    directory: Path,
    more: str = "",
    *,
    user: str = READER,
    cluster: str = "",
    **environment: str,
) -> HealthRun:
    """A run of all checks in a folder of its own: the next one must not take the place of its reports."""
    folder = Path(tempfile.mkdtemp(dir=directory))
    return run_health(folder, profile(plane, more, user=user, cluster=cluster), **environment)


@contextmanager
def made(plane: ControlPlane, *objects: Object) -> Iterator[None]:
    """Objects that are there meanwhile; the last that was made goes first."""
    created: list[Object] = []
    try:
        for each in objects:
            plane.create(each)
            created.append(each)
        yield
    finally:
        for each in reversed(created):
            plane.delete(each)


def execution(seed: str, **more: object) -> Object:
    """The pod of one more execution, of a project of its own."""
    asked = domino.Execution(seed, "Batch", project="drill")
    _, pod = domino.execution(replace(asked, **more))  # type: ignore[arg-type]
    del pod["spec"]["serviceAccountName"]
    return pod


def of(name: str) -> Object:
    """The workload of a service, as it should be."""
    return domino.workload(next(service for service in domino.SERVICES if service.name == name))


def waits(plane: ControlPlane, pod: Object) -> None:
    """Wait for the scheduler's word on a pod that gets no node."""
    path = plane.path(pod)
    eventually(lambda: domino.unschedulable(plane.get(path)), what=f"the scheduler's word on {path}")


def runs(plane: ControlPlane, *pods: Object) -> None:
    """Wait until they run."""
    for pod in pods:
        path = plane.path(pod)
        eventually(_is_running(plane, path), what=f"{path} runs")


def _is_running(plane: ControlPlane, path: str) -> Callable[[], bool]:
    return lambda: plane.get(path)["status"].get("phase") == "Running"


def gone(plane: ControlPlane, pod: Object) -> None:
    """Wait until it is gone."""
    path = plane.path(pod)
    eventually(lambda: plane.find(path) is None, what=f"{path} is gone")


def refused(plane: ControlPlane, workload: Object, words: str) -> None:
    """Wait until a Deployment's conditions say so."""
    path = plane.path(workload)
    eventually(lambda: words in str(plane.get(path)["status"].get("conditions")), what=f"{words!r} of {path}")


def joined(plane: ControlPlane, node: Object) -> None:
    """Wait until a node is Ready."""
    path = plane.path(node)
    eventually(lambda: "not-ready" not in str(plane.get(path)["spec"].get("taints")), what="a Ready node")


def patch_node(plane: ControlPlane, name: str, change: Object) -> None:
    """Change a node."""
    plane.request("PATCH", f"/api/v1/nodes/{name}", change, "merge-patch+json")


KEEPS_ALL: Object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@contextmanager
def served(
    plane: ControlPlane,
    kind: str,
    group: str,
    version: str = "v1",
    *,
    namespaced: bool = True,
    schema: Object = KEEPS_ALL,
) -> Iterator[str]:
    """A kind that a cluster need not have, with a status of its own; none of it stays. Gives its path."""
    plural = f"{kind.lower()}s"
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    as_version = {"name": version, "served": True, "storage": True, "subresources": {"status": {}}}
    spec: Object = {"group": group, "scope": "Namespaced" if namespaced else "Cluster", "names": names}
    spec |= {"versions": [{**as_version, "schema": {"openAPIV3Schema": schema}}]}
    definition = domino.new("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{plural}.{group}")
    path = f"/apis/{group}/{version}/{plural}"
    with made(plane, {**definition, "spec": spec}):
        eventually(lambda: "items" in plane.get(path), what=f"the path of {plural}")
        yield path
        for each in plane.list(path):
            plane.delete({"apiVersion": f"{group}/{version}", "kind": kind, **each})
    eventually(lambda: plane.find(path) is None, what=f"the end of the path of {plural}")
