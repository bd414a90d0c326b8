"""What became of a pod's containers."""

import msgspec

from domino_health.facts.api import Kubernetes, Moment


class Waiting(Kubernetes, frozen=True):
    """It has not started, or is about to start again."""

    reason: str = ""
    message: str = ""


class Running(Kubernetes, frozen=True):
    """It runs."""

    started_at: Moment | None = None


class Terminated(Kubernetes, frozen=True):
    """It has ended. What its process said last is left out: it is the user's."""

    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    started_at: Moment | None = None
    finished_at: Moment | None = None


class ContainerState(Kubernetes, frozen=True):
    """One of three; none of them means that it waits."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Kubernetes, frozen=True):
    """One of ``status.containerStatuses``."""

    name: str
    ready: bool = False
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()
    """How it ended before it was started again."""
    image_id: str = msgspec.field(name="imageID", default="")
    """The image that it runs: ``registry/repository@sha256:…`` where its node has pulled it by a digest."""
