"""What drills share: a run of all checks against the control plane, and the objects that they make there.

Each drill breaks one thing in a healthy cluster with Domino's shape (the fixture ``platform``), and holds
that the right check names the right object and that no check finds anything else.
"""

from __future__ import annotations

import tempfile
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


def execution(seed: str, **more: object) -> Object:
    """The pod of one more execution, of a project of its own."""
    asked = domino.Execution(seed, "Batch", project="drill")
    return domino.pod_of(replace(asked, **more))  # type: ignore[arg-type]


def of(name: str) -> Object:
    """The workload of a service, as it should be."""
    return domino.workload(next(service for service in domino.SERVICES if service.name == name))


def waits(plane: ControlPlane, pod: Object) -> None:
    """Wait for the scheduler's word on a pod that gets no node."""
    path = plane.path(pod)
    eventually(lambda: domino.unschedulable(plane.get(path)), what=f"the scheduler's word on {path}")


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
