"""What is kept of a failing container's log: its last lines, without what looks like a secret or a person."""

import msgspec

from domino_health.vocabulary import Ref


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
