"""Container images: by what they are known, how large they are, where they lie, and who runs them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from domino_health import MOST_IMAGES, Container, Node, NodeImage, Pod, repository_of

Key = tuple[str, str]
"""Cluster, and an image as ``canonical`` writes it."""


@cache
def canonical(image: str) -> str:
    """An image as nodes write it: with its registry, and with a tag or a digest.

    ``nginx`` is ``docker.io/library/nginx:latest``; of a tag and a digest together the digest decides.
    """
    name, at, digest = image.partition("@")
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"docker.io/{name}"
    bare = repository_of(name)
    if at:
        return f"{bare}@{digest}"
    return name if name != bare else f"{name}:latest"


def containers(pod: Pod) -> Iterator[Container]:
    """All of a pod, those of its start first."""
    yield from pod.spec.init_containers
    yield from pod.spec.containers


def images_of(pod: Pod) -> frozenset[str]:
    """What must be on a node before the pod can run there."""
    return frozenset(canonical(each.image) for each in containers(pod) if each.image)


def in_use(pods: Iterable[Pod]) -> frozenset[Key]:
    """Every image that a pod runs or is to run, by its name and by the digest that it has become."""
    used: set[Key] = set()
    for pod in pods:
        if not pod.finished:
            used.update((pod.cluster, image) for image in images_of(pod))
            # Docker writes docker-pullable:// before it.
            became = (status.image_id.rpartition("//")[2] for status in pod.statuses if status.image_id)
            used.update((pod.cluster, canonical(image)) for image in became)
    return frozenset(used)


def names_of(image: NodeImage) -> tuple[str, ...]:
    """By what it is known; nothing where it has lost its tag."""
    return _canonical(image.names or ())


@cache
def _canonical(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(canonical(name) for name in names if "<none>" not in name)


@dataclass
class Held:
    """What is known of one image on nodes."""

    size: int = 0
    """Bytes, as the container runtime says: the most that any node says."""
    nodes: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Stock:
    """What nodes say that they have."""

    images: Mapping[Key, Held]
    least: Mapping[Key, int]
    """Of each node (cluster and name) that tells of as many as it may, the smallest: what is not told of is
    no larger. Kubelets tell of the largest."""

    def size(self, cluster: str, image: str) -> int | None:
        """Bytes; None where no node tells."""
        found = self.images.get((cluster, image))
        return found.size if found else None

    def at_most(self, cluster: str, image: str, runs_on: Iterable[str]) -> int | None:
        """Bytes, or how many at most: it runs on those nodes, which may tell of larger ones alone."""
        known = self.size(cluster, image)
        bounds = (self.least[cluster, node] for node in runs_on if (cluster, node) in self.least)
        return known if known is not None else min(bounds, default=None)

    def on(self, cluster: str, image: str) -> frozenset[str]:
        """The names of the nodes that tell of it."""
        found = self.images.get((cluster, image))
        return frozenset(found.nodes) if found else frozenset()


def stock(nodes: Iterable[Node]) -> Stock:
    """What nodes say that they have, by every name."""
    found: dict[Key, Held] = defaultdict(Held)
    least: dict[Key, int] = {}
    for node in nodes:
        images = node.status.images
        if len(images) >= MOST_IMAGES:
            least[node.cluster, node.metadata.name] = min(each.size_bytes for each in images)
        for image in images:
            for name in names_of(image):
                one = found[node.cluster, name]
                one.size = max(one.size, image.size_bytes)
                one.nodes.add(node.metadata.name)
    return Stock(dict(found), least)
