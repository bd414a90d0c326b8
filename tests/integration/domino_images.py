"""The images of a Domino deployment: on its nodes, and in what kubelets say of their pulls.

KWOK's kubelets pull nothing, so that both are written as a kubelet would. Sizes are assumed; those of
environments are in the range of the sample reports of Domino's registry cleaner.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

from kube_client import Object, Objects

MB = 10**6
SIZES = {"environment": 3400 * MB, "model": 900 * MB}
"""By the last part of the repository; the platform's own are of 120 MB each."""


def size_of(image: str) -> int:
    """Bytes."""
    return SIZES.get(image.rpartition("/")[2].partition(":")[0], 120 * MB)


def on_node(images: Iterable[str]) -> Objects:
    """What a kubelet tells of them: by digest and by tag, the largest first."""
    told = [
        {"names": [f"{image.rpartition(':')[0]}@{digest(image)}", image], "sizeBytes": size_of(image)}
        for image in images
    ]
    return sorted(told, key=lambda each: -int(str(each["sizeBytes"])))


def digest(image: str) -> str:
    """Of an image; always the same."""
    return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def pulled(pod: Object, container: str, image: str, took: str = "", size: int = 0) -> Object:
    """The event of an image that was pulled for a container, or was there, in Kubernetes 1.36's words.

    Without ``size`` (bytes) it is as large as others of its kind.
    """
    message = f'Container image "{image}" already present on machine and can be accessed by the pod'
    if took:
        message = (
            f'Successfully pulled image "{image}" in {took} ({took} including waiting). '
            f"Image size: {size or size_of(image)} bytes."
        )
    metadata = pod["metadata"]
    when = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.pulled-{container}", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "fieldPath": f"spec.containers{{{container}}}",
        },
        "reason": "Pulled",
        "message": message,
        "type": "Normal",
        "count": 1,
        "firstTimestamp": when,
        "lastTimestamp": when,
        "source": {"component": "kubelet", "host": pod["spec"].get("nodeName", "")},
    }
