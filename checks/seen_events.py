"""What events tell, and how far back they go: they live an hour by default."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from domino_health import Event, Pod, age

Key = tuple[str, str, str]
"""Cluster, namespace and name of a pod: a Ref is what reports show, and takes longer to make."""
Told = Mapping[Key, Sequence[Event]]


def since(event: Event, now: datetime) -> timedelta:
    """How long ago it was last seen."""
    return max(now - event.when, timedelta(0)) if event.when else timedelta(0)


def window(events: Sequence[Event] | None, now: datetime) -> str:
    """The time that was seen: ``events of the last 52 m``."""
    if events is None:
        return "no events could be seen"
    seen = [now - event.when for event in events if event.when]
    return f"events of the last {age(max(seen))}" if seen else "no event is kept"


def key_of(pod: Pod) -> Key:
    """Which pod it is."""
    return pod.cluster, pod.metadata.namespace, pod.metadata.name


def of_pods(pods: Iterable[Pod], events: Iterable[Event]) -> Told:
    """What was said of each of these pods, in the events' order."""
    told: dict[Key, list[Event]] = {key_of(pod): [] for pod in pods}
    for event in events:
        about = event.involved_object
        kept = told.get((event.cluster, about.namespace, about.name)) if about.kind == "Pod" else None
        if kept is not None:
            kept.append(event)
    return told
