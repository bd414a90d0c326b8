"""Objects that are there for a while, and kinds that a cluster need not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import domino_cluster as domino
from control_plane import ControlPlane
from kube_client import Object, eventually


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


def runs(plane: ControlPlane, *pods: Object) -> None:
    """Wait until they run."""
    for pod in pods:
        path = plane.path(pod)
        eventually(_is_running(plane, path), what=f"{path} runs")


def comes_to(plane: ControlPlane, thing: Object, phase: str) -> None:
    """Wait until a claim or a volume is in a phase."""
    path = plane.path(thing)
    eventually(lambda: plane.get(path)["status"].get("phase") == phase, what=f"{path} is {phase}")


def out_of_memory(plane: ControlPlane, pod: Object) -> None:
    """Let an execution that runs fail by its memory, as a kubelet would report it: no container runs here."""
    there = plane.get(plane.path(pod))
    statuses = there["status"]["containerStatuses"]
    for status in statuses:
        killed = status["name"] == "run"
        ended = {"exitCode": 137 if killed else 0, "reason": "OOMKilled" if killed else "Completed"}
        status |= {"ready": False, "state": {"terminated": ended}}
    plane.patch_status(there, {"phase": "Failed", "containerStatuses": statuses})


def _is_running(plane: ControlPlane, path: str) -> Callable[[], bool]:
    return lambda: plane.get(path)["status"].get("phase") == "Running"


def gone(plane: ControlPlane, pod: Object) -> None:
    """Wait until it is gone."""
    path = plane.path(pod)
    eventually(lambda: plane.find(path) is None, what=f"{path} is gone")


def removed(plane: ControlPlane, obj: Object) -> None:
    """Delete an object that owns nothing, and wait until it is gone.

    Not as ``delete`` does: the garbage collector may need half a minute until it knows a kind that is new.
    """
    path = plane.path(obj)
    plane.request("DELETE", path)
    eventually(lambda: plane.find(path) is None, what=f"the end of {path}")


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
            removed(plane, {"apiVersion": f"{group}/{version}", "kind": kind, **each})
    eventually(lambda: plane.find(path) is None, 90, what=f"the end of the path of {plural}")
