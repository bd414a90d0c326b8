"""Images on nodes, and the events of their pulls, for unit tests."""

from collections.abc import Sequence
from datetime import timedelta

from builders import NOW, runs
from builders import pod as any_pod
from domino_health import Event, NodeImage, Pod
from domino_health.facts.containers import ContainerStatus
from domino_health.facts.events import EventMeta, Involved, Source
from domino_health.facts.kubernetes import Labels

ENVIRONMENT = "65f0c0ffee65f0c0ffee65f0"
IMAGE = f"docker-registry:5000/dominodatalab/environment:{ENVIRONMENT}-3"
GIB = 1 << 30
MINUTE = timedelta(minutes=1)


def held(name: str = IMAGE, size: int = GIB, *more: str) -> NodeImage:
    """An image on a node, by all its names."""
    return NodeImage((name, *more), size)


def workspace(
    name: str = "run-65f0c0ffee65f0c0ffee65f0-abcde",
    *,
    image: str = IMAGE,
    node: str = "default-0",
    kind: str = "Workspace",
    age: timedelta = timedelta(hours=1),
    statuses: Sequence[ContainerStatus] | None = None,
    cluster: str = "",
    **more: object,
) -> Pod:
    """An execution that runs."""
    given = {
        "labels": Labels(kind, "small-k8s", "churn"),
        "selector": {"dominodatalab.com/node-pool": "default"},
    }
    return any_pod(
        name,
        image=image,
        node=node,
        age=age,
        statuses=(runs(),) if statuses is None else statuses,
        cluster=cluster,
        **{**given, **more},  # type: ignore[arg-type]
    )


def pulled(
    own: str = "30s",
    *,
    whole: str = "",
    image: str = IMAGE,
    size: int | None = GIB,
    of: str = "run-65f0c0ffee65f0c0ffee65f0-abcde",
    node: str = "default-0",
    ago: timedelta = timedelta(minutes=5),
    cluster: str = "",
    container: str = "run",
) -> Event:
    """A kubelet's word on a pull that ended; with its size since Kubernetes 1.30."""
    told = "" if size is None else f". Image size: {size} bytes."
    message = f'Successfully pulled image "{image}" in {own} ({whole or own} including waiting){told}'
    return said("Pulled", message, of=of, node=node, ago=ago, cluster=cluster, container=container)


def said(
    reason: str,
    message: str,
    *,
    of: str = "run-65f0c0ffee65f0c0ffee65f0-abcde",
    node: str = "default-0",
    ago: timedelta = timedelta(minutes=5),
    cluster: str = "",
    container: str = "run",
) -> Event:
    """Something that a kubelet says of a pod's container."""
    return Event(
        metadata=EventMeta("domino-compute", NOW - ago),
        involved_object=Involved("Pod", "domino-compute", of, f"spec.containers{{{container}}}"),
        reason=reason,
        message=message,
        type="Normal",
        count=1,
        first_timestamp=NOW - ago,
        last_timestamp=NOW - ago,
        source=Source("kubelet", node),
        cluster=cluster,
    )
