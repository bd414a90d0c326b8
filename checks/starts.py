"""How a pod came up: from its creation to Ready, phase by phase, by conditions, containers and events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.pulls import Ongoing, Pull, ongoing, pulls
from domino_health import Event, Pod

PHASES = ("node", "volumes", "images", "containers", "ready")
"""What a start waits for, in this order: a node; its volumes to be attached and mounted, with its network;
its images; its containers to start, those of its start before them; and the first answer that it is ready."""
READY_TO_START = "PodReadyToStartContainers"
"""Since Kubernetes 1.29: its volumes are there, and its network."""
NO_IMAGE = ("ErrImagePull", "ImagePullBackOff")
"""What a container waits for whose image could not be pulled."""
REGAINED = timedelta(hours=1)
"""A pod that became ready so long after its containers started has lost it meanwhile, and has it again."""
ZERO = timedelta(0)


@dataclass(frozen=True)
class Start:
    """How one pod came up, or how far it has come."""

    pod: Pod
    phases: Mapping[str, timedelta]
    """By phase, or by several that cannot be told apart: ``images, containers``."""
    ended: bool
    """Whether it has become ready; else the last phase goes on."""
    pulls: Sequence[Pull | Ongoing] = ()
    """What events tell of its images."""

    @property
    def lasts(self) -> timedelta:
        """From its creation until it was ready, or until now."""
        return sum(self.phases.values(), ZERO)

    @property
    def longest_pull(self) -> Pull | Ongoing | None:
        """Of its images the one that took, or takes, longest."""
        return max(self.pulls, key=lambda pull: pull.whole, default=None)

    @property
    def slowest(self) -> str:
        """The phase that took most."""
        return max(self.phases, key=lambda phase: self.phases[phase], default="")


def start_of(pod: Pod, events: Sequence[Event], now: datetime) -> Start | None:
    """How a pod came up; None where that cannot be told: it has ended or goes, or a container was restarted.

    Args:
        pod: whose start.
        events: those of the pod; without them its images are not told apart from its containers.
        now: until when a start counts that goes on.
    """
    if pod.finished or pod.metadata.deletion_timestamp or any(each.restart_count for each in pod.statuses):
        return None
    ready = pod.condition("Ready")
    became = ready.last_transition_time if ready is not None and ready.status == "True" else None
    running = [each.state.running for each in pod.status.container_statuses]
    started = [each.started_at for each in running if each is not None and each.started_at is not None]
    all_started = max(started) if started and len(started) == len(pod.spec.containers) else None
    if all_started is not None and (became or now) - all_started > REGAINED:
        return None
    mounted = _since(pod, READY_TO_START) or _first_pull(pod, events)
    moments = (("node", _since(pod, "PodScheduled")), ("volumes", mounted), ("containers", all_started))
    begins, phases = pod.metadata.creation_timestamp, dict[str, timedelta]()
    for phase, lasts in _between(begins, (*moments, ("ready", became)), now):
        untold = phase == "volumes" and mounted is None and pod.condition(READY_TO_START) is None
        phases["volumes, containers" if untold else phase] = lasts
    seen: list[Pull | Ongoing] = [*pulls(events), *ongoing(pod, events, now)]
    return Start(pod, _with_images(phases, pod, events, seen), became is not None, seen)


def _first_pull(pod: Pod, events: Sequence[Event]) -> datetime | None:
    """When its first container's image was asked for: its volumes were there by then."""
    part, those = (
        ("initContainers", pod.spec.init_containers)
        if pod.spec.init_containers
        else ("containers", pod.spec.containers)
    )
    path = f"spec.{part}{{{those[0].name if those else ''}}}"
    told = (
        event.first_timestamp or event.when
        for event in events
        if event.reason in ("Pulling", "Pulled") and event.involved_object.field_path == path
    )
    return min((moment for moment in told if moment is not None), default=None)


def _since(pod: Pod, type: str) -> datetime | None:
    condition = pod.condition(type)
    return condition.last_transition_time if condition is not None and condition.status == "True" else None


def _between(
    begins: datetime, moments: Sequence[tuple[str, datetime | None]], now: datetime
) -> Iterator[tuple[str, timedelta]]:
    """Each phase up to its moment. One without a moment goes on until the next that has one, or until now."""
    open_: list[str] = []
    for phase, moment in moments:
        open_.append(phase)
        if moment is not None:
            # Clocks of an API server and a kubelet differ, and times are in whole seconds.
            yield ", ".join(open_), max(moment - begins, ZERO)
            begins, open_ = max(begins, moment), []
    if open_:
        yield open_[0], max(now - begins, ZERO)


def _with_images(
    phases: Mapping[str, timedelta], pod: Pod, events: Sequence[Event], seen: Sequence[Pull | Ongoing]
) -> dict[str, timedelta]:
    """The phases, with the time of the images taken out of the one that it is part of."""
    waiting = {status.state.waiting.reason for status in pod.statuses if status.state.waiting}
    begun = [status for status in pod.statuses if status.state.running or status.state.terminated]
    goes_on = any(isinstance(each, Ongoing) for each in seen)
    expected = begun if goes_on else (*pod.spec.containers, *pod.spec.init_containers)
    complete = sum(event.reason == "Pulled" for event in events) >= len(expected)
    taken = sum((pull.whole for pull in seen), ZERO)
    apart: dict[str, timedelta] = {}
    for phase, lasts in phases.items():
        if "containers" not in phase.split(", "):
            apart[phase] = lasts
        elif waiting.intersection(NO_IMAGE):
            apart["images"] = lasts
        elif complete:
            images = min(taken, lasts)
            apart |= {"images": images, phase: lasts - images}
        else:
            apart[phase.replace("containers", "images, containers")] = lasts
    return apart
