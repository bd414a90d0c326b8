"""What containers ask for, and what their pod asks for with it."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from domino_health.facts.api import Kubernetes
from domino_health.facts.quantities import quantity

# NVIDIA whole, shared and sliced; AMD; Google's and Intel's; AWS Neuron (Domino's `neuron` tiers).
_ACCELERATOR = re.compile(r".+/(gpu(\..+)?|mig-.+|tpu|gaudi)$|gpu\.intel\.com/|aws\.amazon\.com/neuron")


class Resources(Kubernetes, frozen=True):
    """``resources`` of a container; quantities as Kubernetes writes them."""

    requests: Mapping[str, str] = {}
    limits: Mapping[str, str] = {}

    def of(self, bound: "Bound") -> Mapping[str, str]:
        """The ones or the others."""
        return self.requests if bound == "requests" else self.limits


Bound = Literal["requests", "limits"]


class Container(Kubernetes, frozen=True):
    """A container's specification."""

    name: str = ""
    image: str = ""
    resources: Resources = Resources()
    restart_policy: str = ""
    """``Always`` makes a side-car of an init container: it runs beside the others, and adds up with them."""

    @property
    def side_car(self) -> bool:
        """Of an init container: it is one that stays."""
        return self.restart_policy == "Always"


def is_accelerator(resource: str) -> bool:
    """It is a GPU, a slice of one, or another accelerator (AWS Neuron)."""
    return bool(_ACCELERATOR.match(resource))


def total(
    bound: Bound,
    containers: Iterable[Container],
    init_containers: Sequence[Container] = (),
    overhead: Mapping[str, str] | None = None,
    whole: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """What a pod asks for, in thousandths by resource, as the scheduler counts it.

    The containers and side-cars together, or the largest step of its start if that is more (an init container
    with the side-cars that are up by then); the pod's own word in their place; its RuntimeClass on top.

    Args:
        bound: requests, or limits. What a container does not limit is not in a sum of limits.
        containers: of the pod.
        init_containers: of the pod, in their order.
        overhead: of its RuntimeClass.
        whole: what the pod asks for as a whole.
    """
    asked: dict[str, int] = {}  # a Counter takes twice as long, and 100,000 pods are asked by many checks
    for container in containers:
        for resource, text in container.resources.of(bound).items():
            asked[resource] = asked.get(resource, 0) + quantity(text)
    if init_containers:
        beside, first = _start(bound, init_containers)
        for resource, amount in beside.items():
            asked[resource] = asked.get(resource, 0) + amount
        for resource, step in first.items():
            asked[resource] = max(asked.get(resource, 0), step)
    for resource, text in (whole or {}).items():
        asked[resource] = quantity(text)
    for resource, text in (overhead or {}).items():
        if bound == "requests" or resource in asked:
            asked[resource] = asked.get(resource, 0) + quantity(text)
    return asked


def _start(bound: Bound, containers: Iterable[Container]) -> tuple[Counter[str], dict[str, int]]:
    """What the side-cars among init containers ask for together, and the most of any step before the rest."""
    beside: Counter[str] = Counter()
    first: dict[str, int] = {}
    for container in containers:
        own = {resource: quantity(text) for resource, text in container.resources.of(bound).items()}
        if container.side_car:
            beside.update(own)
            continue
        for resource, amount in own.items():
            first[resource] = max(first.get(resource, 0), amount + beside[resource])
    return beside, first
