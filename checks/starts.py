"""How a pod came up: from its creation to Ready, phase by phase, by conditions, containers and events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.pulls import pulls
from domino_health import Event, Pod

PHASES = ("node", "volumes", "images", "containers", "ready")
"""What a start waits for, in this order: a node; its volumes to be attached and mounted, with its network;
its images; its containers to start, those of its start before them; and the first answer that it is ready."""
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

    @property
    def lasts(self) -> timedelta:
        """From its creation until it was ready, or until now."""
        return sum(self.phases.values(), ZERO)

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
    moments = (
        ("node", _since(pod, "PodScheduled")),
        ("volumes", _since(pod, "PodReadyToStartContainers")),
        ("containers", all_started),
        ("ready", became),
    )
    phases = dict(_between(pod.metadata.creation_timestamp, moments, now))
    return Start(pod, _with_images(phases, pod, events), became is not None)


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


def _with_images(phases: Mapping[str, timedelta], pod: Pod, events: Sequence[Event]) -> dict[str, timedelta]:
    """The time of its pulls, taken out of the phase that they are part of."""
    told = [event for event in events if event.reason == "Pulled"]
    complete = len(told) >= len((*pod.spec.containers, *pod.spec.init_containers))
    pulled = sum((pull.whole for pull in pulls(told)), ZERO)
    apart: dict[str, timedelta] = {}
    for phase, lasts in phases.items():
        if "containers" not in phase.split(", "):
            apart[phase] = lasts
        elif complete:
            images = min(pulled, lasts)
            apart |= {"images": images, phase: lasts - images}
        else:
            apart[phase.replace("containers", "images, containers")] = lasts
    return apart
