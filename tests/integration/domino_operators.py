"""What Domino's operators keep: builds of images (Hephaestus), and clusters of Ray beside executions.

Neither runs in the control plane. Their kinds are CustomResourceDefinitions that keep all that is given to
them, and what only an operator writes, the status, is *patched*: in the shape and the words of their own code
(dominodatalab/hephaestus, pkg/controller/imagebuild; distributed-compute-operator, pkg/cluster/ray).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import domino_cluster as domino
from control_plane import ControlPlane
from kube_client import Object
from objects import made, removed, runs, served

HEPHAESTUS = "hephaestus.dominodatalab.com"
COMPUTING = "distributed-compute.dominodatalab.com"
IMAGE = domino.built_image("environment", "standard-environment")
DENIED = (
    "build failed: buildkit solve issue: failed to solve: failed to push docker-registry:5000/dominodatalab/"
    "environment: failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized"
)


@contextmanager
def hephaestus(plane: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster that has Hephaestus' kind of builds; none of it stays."""
    with served(plane, "ImageBuild", HEPHAESTUS):
        yield plane


@contextmanager
def computing(plane: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster that has the kind of clusters of Ray; none of it stays."""
    with served(plane, "RayCluster", COMPUTING, "v1alpha1"):
        yield plane


def ago(minutes: float) -> str:
    """A moment, as Kubernetes writes it."""
    moment = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="seconds")
    return moment.replace("+00:00", "Z")


def environment(seed: str) -> str:
    """The image of a revision of an environment."""
    return f"docker-registry:5000/dominodatalab/environment:{domino.hex_id(seed)}-2"


def build(
    plane: ControlPlane, name: str, image: str, *phases: tuple[str, float], failed: str = "", **status: str
) -> Object:
    """Make a build, with the phases that it came to and how many minutes ago."""
    obj = domino.new(f"{HEPHAESTUS}/v1", "ImageBuild", name, domino.COMPUTE)
    spec = {"dockerfileContents": "FROM a\nRUN b", "images": [image], "buildArgs": ["TOKEN=hunter2-hunter2"]}
    plane.create({**obj, "spec": spec})
    if not phases:
        return obj
    last = phases[-1][0]
    ready = {"Succeeded": ("True", "BuildComplete", "Image has been built and pushed to registry")}.get(
        last,
        ("False", "ExecutionError", failed) if failed else ("Unknown", "BuildComplete", "Image has been…"),
    )
    moments = [(phase, ago(minutes)) for phase, minutes in phases]
    condition = dict(zip(("status", "reason", "message"), ready, strict=True))
    plane.patch_status(
        obj,
        {
            "phase": last,
            "conditions": [{"type": "ImageReady", **condition, "lastTransitionTime": moments[-1][1]}],
            "transitions": [
                {"previousPhase": "", "phase": phase, "occurredAt": moment} for phase, moment in moments
            ],
            **status,
        },
    )
    return obj


def ray_name(seed: str) -> str:
    """What the cluster of an execution is called."""
    return f"ray-{domino.hex_id(seed)}"


def ray(plane: ControlPlane, seed: str, *, workers: int, status: str = "Running", **meta: object) -> Object:
    """Make a cluster of Ray beside an execution, with what its operator says of it."""
    obj = domino.new(f"{COMPUTING}/v1alpha1", "RayCluster", ray_name(seed), domino.COMPUTE, _labels(seed))
    obj["metadata"] |= meta
    spec = {"worker": {"replicas": workers}, "envVars": [{"value": "hunter2-hunter2"}]}
    plane.create({**obj, "spec": spec})
    if status:
        plane.patch_status(obj, {"clusterStatus": status, "image": IMAGE})
    return obj


def ray_part(seed: str, of: str, replicas: int, cpu: str = "1") -> Object:
    """Build the StatefulSet of a cluster's head or workers."""
    chosen = {"app.kubernetes.io/instance": ray_name(seed), "app.kubernetes.io/component": of}
    labels = _labels(seed) | chosen
    resources = {"cpu": cpu, "memory": "1Gi"}
    container: Object = {"name": "ray", "image": IMAGE}
    container["resources"] = {"requests": resources, "limits": resources}
    pod: Object = {"metadata": {"labels": labels}, "spec": {"nodeSelector": {domino.POOL: "default"}}}
    pod["spec"]["containers"] = [container]
    obj = domino.new("apps/v1", "StatefulSet", f"{ray_name(seed)}-ray-{of}", domino.COMPUTE, labels)
    spec = {"replicas": replicas, "selector": {"matchLabels": chosen}, "template": pod}
    return {**obj, "spec": spec | {"serviceName": ray_name(seed), "podManagementPolicy": "Parallel"}}


def pods_of(sets: Object) -> list[Object]:
    """The pods that a StatefulSet makes, as far as their paths."""
    name = sets["metadata"]["name"]
    return [domino.new("v1", "Pod", f"{name}-{n}", domino.COMPUTE) for n in range(sets["spec"]["replicas"])]


def _labels(seed: str) -> dict[str, str]:
    """Of the execution that it is beside."""
    known = {each.seed: each for each in domino.EXECUTIONS}
    asked = known.get(seed) or domino.Execution(seed, "Batch", project="drill")
    return domino.domino_labels(seed, asked.project, asked.workload_type, "small-k8s")


@contextmanager
def installed(plane: ControlPlane) -> Iterator[None]:
    """Both operators, a build that ended well, and the cluster of Ray of an execution that runs."""
    parts = ray_part("batch", "head", 1), ray_part("batch", "worker", 2)
    with ExitStack() as stack:
        stack.enter_context(hephaestus(plane))
        stack.enter_context(computing(plane))
        stack.enter_context(made(plane, *parts))
        times = {"allocationTime": "4.1s", "buildTime": "6m12.4s", "compressedImageSizeBytes": "3221225472"}
        ended = ("Initializing", 7), ("Running", 6.5), ("Succeeded", 0)
        build(plane, f"{domino.hex_id('standard')}-2", environment("standard"), *ended, **times)
        ray(plane, "batch", workers=2)
        runs(plane, *(pod for each in parts for pod in pods_of(each)))
        yield


@contextmanager
def faults(plane: ControlPlane) -> Iterator[None]:
    """Beside what is ``installed``: a build whose image is refused, and a cluster that nobody takes up."""
    ended = ("Initializing", 3), ("Running", 2.5), ("Failed", 0)
    name = f"{domino.hex_id('refused')}-2"
    failed = build(plane, name, environment("refused"), *ended, failed=DENIED)
    alone = ray(plane, "scheduled", workers=4, status="")
    try:
        yield
    finally:
        removed(plane, failed)
        removed(plane, alone)
