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


def of_namesake(event: Event, pod: Pod) -> bool:
    """Whether it tells of a pod that was there before: a StatefulSet gives its pods the same names again.

    By when both were made, which the API server says of both: a kubelet's clock may be another.
    """
    made = event.metadata.creation_timestamp
    return made is not None and made < pod.metadata.creation_timestamp


def of_pods(pods: Iterable[Pod], events: Iterable[Event]) -> Told:
    """What was said of each of these pods, in the events' order."""
    known = {key_of(pod): pod for pod in pods}
    told: dict[Key, list[Event]] = {key: [] for key in known}
    for event in events:
        about = event.involved_object
        key = event.cluster, about.namespace, about.name
        pod = known.get(key) if about.kind == "Pod" else None
        if pod is not None and not of_namesake(event, pod):
            told[key].append(event)
    return told
