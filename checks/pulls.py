"""Pulls of images, as kubelets tell of them in events.

The words are those of the kubelet's image manager (kubernetes/pkg/kubelet/images): the time since Kubernetes
1.20, the time with waiting since 1.26, the size since 1.30.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.images import canonical
from domino_health import Event, Pod, size

_PULLED = re.compile(
    r'Successfully pulled image "([^"]+)" in (\S+?)'
    r"(?: \((\S+) including waiting\))?(?:\. Image size: (\d+) bytes)?\.?"
)
_WAITS = ("ContainerCreating", "PodInitializing")
"""What a container waits for while its image is pulled, by its kubelet's word."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|µs|us|ns|m|s)")
_SECONDS: Mapping[str, float] = {
    "h": 3600,
    "m": 60,
    "s": 1,
    "ms": 1e-3,
    "µs": 1e-6,
    "us": 1e-6,
    "ns": 1e-9,
}


@dataclass(frozen=True)
class Pull:
    """An image that a node has pulled for a pod."""

    event: Event
    image: str
    own: timedelta
    """How long it took itself."""
    whole: timedelta
    """The same, with waiting for other pulls on that node."""
    size: int | None
    """Bytes; None before Kubernetes 1.30."""

    @property
    def node(self) -> str:
        """Where; empty where the event does not say."""
        return self.event.source.host

    @property
    def rate(self) -> str:
        """How fast it came, by its own time; empty where its size is not known."""
        if self.size is None:
            return ""
        return f"{size(int(self.size / max(self.own.total_seconds(), 0.001)))}/s"


@dataclass(frozen=True)
class Ongoing:
    """A pull that has not ended."""

    pod: Pod
    image: str
    whole: timedelta
    """How long it has taken so far, with waiting for other pulls."""


def go_duration(text: str) -> timedelta | None:
    """``1m2.345s``, as Go writes it; None for what is none."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text or len(text) > 40:
        return None
    return timedelta(seconds=min(sum(float(number) * _SECONDS[unit] for number, unit in parts), 1e9))


def pull_of(event: Event) -> Pull | None:
    """The pull that an event tells the end of; None for every other event."""
    said = _PULLED.fullmatch(event.message) if event.reason == "Pulled" else None
    own = go_duration(said[2]) if said else None
    if said is None or own is None:
        return None
    whole = go_duration(said[3] or "") or own
    return Pull(event, canonical(said[1]), own, max(own, whole), int(said[4]) if said[4] else None)


def pulls(events: Iterable[Event]) -> Iterator[Pull]:
    """All that events tell the end of."""
    return (pull for event in events if (pull := pull_of(event)) is not None)


def ongoing(pod: Pod, events: Iterable[Event], now: datetime) -> list[Ongoing]:
    """Pulls of which the beginning was told and no end, while a container of the pod still waits.

    Args:
        pod: for which they are pulled.
        events: those of the pod; of other reasons, too.
        now: until when they last.
    """
    if not waits(pod):
        return []
    told = [event for event in events if event.reason in ("Pulling", "Pulled", "Failed")]
    last: dict[str, Event] = {}
    for event in sorted(told, key=lambda each: each.when or now):
        last[event.involved_object.field_path] = event
    return [
        Ongoing(
            pod,
            canonical(event.message.partition('"')[2].partition('"')[0]),
            max(now - event.when, timedelta(0)),
        )
        for event in last.values()
        if event.reason == "Pulling" and event.when is not None
    ]


def waits(pod: Pod) -> bool:
    """Whether a container of it waits to be made, for its image perhaps."""
    states = (status.state.waiting for status in pod.statuses)
    return not pod.finished and any(state is not None and state.reason in _WAITS for state in states)
