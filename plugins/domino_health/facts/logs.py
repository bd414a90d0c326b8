"""What is kept of logs: the last lines of a failing container, and counts of known faults of a running one.

Without what looks like a secret or a person.
"""

import msgspec

from domino_health.facts.api import Moment
from domino_health.facts.domino import ROLES
from domino_health.vocabulary import Ref

SERVICES = {**ROLES, "model": "model", "monitoring": "monitoring", "other": "another service"}
"""Whose logs are searched for known faults, as a profile writes it, and as people say it."""


class LogTail(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last words of a container, where the profile allows to read them."""

    cluster: str
    namespace: str
    pod: str
    container: str
    previous: bool = False
    """Of the run before this one: the container has been started again."""
    lines: tuple[str, ...] = ()
    """The oldest first; each of one line of printable text, shortened where it was long."""
    cut: bool = False
    """More stood there than is kept."""
    problem: str = ""
    """Why it could not be read, for a container whose node does not answer."""

    @property
    def ref(self) -> Ref:
        """The pod."""
        return Ref(self.cluster, "pod", self.namespace, self.pod)


class KnownFault(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fault that is known by its words in a log, and how many lines have them."""

    id: str
    lines: int
    severity: str
    cause: str
    remedy: str = ""
    """What to do."""
    sample: str = ""
    """The newest of these lines: one of printable text, shortened, without what looks like a secret."""
    allowed: int | None = None
    """Lines that are nothing to worry about; None where the check is to say so."""
    usual_at_start: bool = False
    """Healthy software says so too, as long as what it rests on starts."""


class LogCount(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was counted in a container's log. Of the log itself a line for each fault is kept, and no more."""

    cluster: str
    namespace: str
    pod: str
    container: str
    service: str
    """One of ``SERVICES``."""
    kind: str
    """Of the workload that the pod is of: ``deployment``, ``statefulset``, ``daemonset``."""
    workload: str
    seconds: int
    """How far back it was read."""
    started_at: Moment | None = None
    """When the container began."""
    read: int = 0
    """Bytes."""
    faults: tuple[KnownFault, ...] = ()
    cut: bool = False
    """More was written in that time than is read."""
    problem: str = ""
    """Why it could not be read."""

    @property
    def ref(self) -> Ref:
        """The workload, which stays tomorrow."""
        return Ref(self.cluster, self.kind, self.namespace, self.workload)

    @property
    def title(self) -> str:
        """The service, as people say it; by its workload's name where it has none of its own."""
        return self.workload if self.service == "other" else SERVICES.get(self.service, self.service)
