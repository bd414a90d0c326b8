"""What the demo has beside Domino's shape and its operators: starts that take their time, and more faults.

KWOK's kubelets start a pod at once. How long a start took, what a kubelet alone says, and how an execution
ended are written as a kubelet would; all else is made, bound and refused by the real control plane.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import domino_cluster as domino
import domino_operators as operators
import domino_storage as storage
from control_plane import ControlPlane
from domino_images import MB, on_node
from kube_client import Object, Objects, eventually
from objects import comes_to, made, out_of_memory, runs

LARGE = domino.Execution(
    "genomics", "Workspace", memory="1Gi", project="genome-search", environment="genomics"
)
EXHAUSTED = domino.Execution("exhausted", "Batch", project="genome-search")
SINGLE = f"model-{domino.hex_id('single model')}"
GB = 1000 * MB


@dataclass(frozen=True)
class Start:
    """Seconds that each phase of a pod's start takes, one after the other."""

    node: float = 2
    volumes: float = 6
    images: float = 41.2
    containers: float = 5
    ready: float = 9


@contextmanager
def took(plane: ControlPlane, asked: domino.Execution, start: Start) -> Iterator[None]:
    """Let an execution that runs have started in that time, and after that as it did."""
    path = f"/api/v1/namespaces/{domino.COMPUTE}/pods/{asked.pod_name}"
    pod = plane.get(path)
    before = {key: pod["status"][key] for key in ("conditions", "containerStatuses")}
    begins = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])

    def after(*phases: float) -> str:
        return (begins + timedelta(seconds=sum(phases))).strftime("%Y-%m-%dT%H:%M:%SZ")

    mounted = start.node, start.volumes
    started = *mounted, start.images, start.containers
    times = {
        "PodScheduled": after(start.node),
        "Initialized": after(start.node),
        "PodReadyToStartContainers": after(*mounted),
        "Ready": after(*started, start.ready),
        "ContainersReady": after(*started, start.ready),
    }
    known = {each["type"]: each for each in pod["status"]["conditions"]}
    ready: Object = {"type": "PodReadyToStartContainers", "status": "True"}
    conditions = [
        {**known.get(type, ready), "lastTransitionTime": time}
        for type, time in times.items()
        if type in known or type == ready["type"]
    ]
    statuses = [
        {**each, "state": {"running": {"startedAt": after(*started)}}}
        for each in pod["status"]["containerStatuses"]
    ]
    plane.patch_status(pod, {"conditions": conditions, "containerStatuses": statuses})
    try:
        yield
    finally:
        plane.patch_status(pod, before)


@contextmanager
def healthy(plane: ControlPlane) -> Iterator[None]:
    """Domino's operators, and workspaces that started in time."""
    workspace, training = (each for each in domino.EXECUTIONS if each.workload_type == "Workspace")
    with (
        operators.installed(plane),
        took(plane, workspace, Start()),
        took(plane, training, Start(node=8, volumes=11, ready=21)),
    ):
        yield


@contextmanager
def faults(plane: ControlPlane) -> Iterator[None]:
    """What is at fault beside ``domino.fault_objects`` and what Domino's operators cannot do."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(operators.faults(plane))
        for each in (_exhausted, _images, _slow_workspace, _models, _volumes):
            stack.enter_context(each(plane))
        yield


@contextmanager
def _images(plane: ControlPlane) -> Iterator[None]:
    """Nodes tell of what runs there, of an image that is too large, and one of them of old revisions."""
    large = domino.built_image("environment", LARGE.environment)
    old = domino.built_image("environment", "standard-environment").rpartition("-")[0]
    more = on_node([domino.LOOSE_IMAGE, domino.STRAY.image, domino.built_image("model", SINGLE)])
    more.append({**on_node([large])[0], "sizeBytes": 14 * GB})
    revisions = [{**on_node([f"{old}-{n}"])[0], "sizeBytes": 6 * GB} for n in range(10, 19)]
    nodes = plane.list("/api/v1/nodes")
    for node in nodes:
        node |= {"apiVersion": "v1", "kind": "Node"}
        extra = [*more, *(revisions if node["metadata"]["name"] == "default-1" else [])]
        plane.patch_status(node, {"images": [*extra, *node["status"]["images"]]})
    try:
        yield
    finally:
        for node in nodes:
            plane.patch_status(node, {"images": node["status"]["images"]})


@contextmanager
def _slow_workspace(plane: ControlPlane) -> Iterator[None]:
    """A workspace whose large image took its time."""
    pod = domino.pod_of(LARGE)
    with made(plane, pod):
        runs(plane, pod)
        events = domino.pulls(plane, LARGE, "10m38.5s", 14 * GB)
        with made(plane, *events), took(plane, LARGE, Start(images=638.5)):
            yield


@contextmanager
def _exhausted(plane: ControlPlane) -> Iterator[None]:
    """An execution that reached its limit of memory."""
    pod = domino.pod_of(EXHAUSTED)
    with made(plane, pod):
        runs(plane, pod)
        out_of_memory(plane, pod)
        yield


@contextmanager
def _models(plane: ControlPlane) -> Iterator[None]:
    """A model of one instance, and a network policy that lets only the namespace itself in."""
    model = domino.model(SINGLE, "default")
    model["spec"]["replicas"] = 1
    policy = domino.new("networking.k8s.io/v1", "NetworkPolicy", "own-namespace-only", domino.COMPUTE)
    inside: Object = {"from": [{"podSelector": {}}]}
    policy["spec"] = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [inside]}
    with made(plane, model, policy):
        path = plane.path(model)
        eventually(lambda: plane.get(path)["status"].get("readyReplicas") == 1, what="the model's instance")
        yield


@contextmanager
def _volumes(plane: ControlPlane) -> Iterator[None]:
    """A twin on other storage, a volume that nobody can delete, and a claim of a class that is misspelled."""
    pair = (
        storage.claim("archive", domino.PLATFORM, storage.SHARED),
        storage.claim(f"archive-{domino.COMPUTE}", domino.COMPUTE, storage.SHARED),
    )
    left = storage.claim("scratch", domino.COMPUTE, "")
    stuck = storage.volume(left, storage.nfs("/scratch"), persistentVolumeReclaimPolicy="Delete")
    misspelled = storage.claim("imports", domino.COMPUTE, "dominoshard")
    volumes: Objects = [storage.volume(each, storage.efs(f"archive-{n}")) for n, each in enumerate(pair)]
    with made(plane, *volumes, *pair, stuck, misspelled):
        for each in pair:
            comes_to(plane, each, "Bound")
        with made(plane, left):
            comes_to(plane, left, "Bound")
        comes_to(plane, stuck, "Failed")
        yield
