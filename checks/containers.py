"""Why a container does not start or stay up, in plain words: what the checks of containers share."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from checks.seen_events import Told, key_of
from domino_health import ContainerStatus, Event, LogTail, Node, Pod, Terminated

QUOTED = 300
"""Characters of what a kubelet or a registry says."""

LAST = 2
"""Lines of a log that a finding quotes."""
# What a registry's words mean; the first that matches, so that the plainer ones come last.
REGISTRY = [
    (re.compile(r"pull QPS exceeded"), "the node pulls too many at once (its kubelet's registryPullQPS)"),
    (
        re.compile(r"toomanyrequests|\b429\b|rate limit", re.IGNORECASE),
        "the registry limits how often it is asked",
    ),
    (
        re.compile(r"x509|certificate|tls:", re.IGNORECASE),
        "the node does not trust the registry's certificate",
    ),
    (
        re.compile(r"no such host|server misbehaving", re.IGNORECASE),
        "the node cannot resolve the registry's name",
    ),
    (
        re.compile(r"no match for platform|exec format", re.IGNORECASE),
        "the image is not made for the node's processor",
    ),
    (re.compile(r"no space left", re.IGNORECASE), "the node's disk is full"),
    (
        re.compile(r"unauthorized|denied|forbidden|authoriz|authentication|\b40[13]\b", re.IGNORECASE),
        "the registry refuses: no such repository, or no right to it (pull secret)",
    ),
    (
        re.compile(r"not found|manifest unknown|name unknown|\b404\b", re.IGNORECASE),
        "the registry has no such image or tag",
    ),
    (
        re.compile(
            r"refused|time(d )?out|deadline exceeded|unreachable|\bEOF\b|reset by peer", re.IGNORECASE
        ),
        "the registry does not answer",
    ),
    (
        re.compile(r"InvalidImageName|invalid reference|couldn't parse image", re.IGNORECASE),
        "its name is not valid",
    ),
    (re.compile(r"ErrImageNeverPull|not present with pull policy"), "it may not be pulled, and is not there"),
]
# A signed address has its token in the query, and a proxy's may have a password in front.
TOKENS = re.compile(r"(?<=//)[^/\s@\"']+@|\?[^\s\"']+")
STARTS = (
    "FailedMount",
    "FailedAttachVolume",
    "FailedMapVolume",
    "FailedCreatePodSandBox",
    "FailedCreatePodContainer",
    "NetworkNotReady",
    "Pulling",
)
"""Reasons of the events that say what a pod's start waits for."""
ITS_OWN = re.compile(r"\s*\(pod: [^()]*(?:\([^()]*\)[^()]*)*\)| pod=\S+")
LIVENESS = re.compile(r"failed (liveness|startup) probe")
EXITS = {
    0: "it ends without an error, though it should stay up",
    126: "its command may not be executed, or is of another architecture",
    127: "its command is not in the image, or not in its PATH",
    134: "it aborted itself (SIGABRT)",
    137: "killed by SIGKILL, not for its own memory limit: a stop that took longer than its grace, or its "
    "node ran out of memory",
    139: "it crashed in native code (SIGSEGV)",
    143: "it was told to stop (SIGTERM)",
}


@dataclass(frozen=True)
class Trouble:
    """What is wrong with one container, or with its whole pod."""

    pod: Pod
    kind: str
    """``image``, ``config``, ``start``, ``crash``, ``memory``, ``restarts``; of a whole pod ``creating``,
    ``unknown``, ``terminating``.
    """
    status: ContainerStatus | None = None
    """None for what is the whole pod's."""


def about(each: Trouble, said: Told) -> Iterator[Event]:
    """What was said of that container."""
    name = each.status.name if each.status else ""
    for event in said.get(key_of(each.pod), ()):
        path = event.involved_object.field_path
        if not path or path.endswith(f"{{{name}}}"):
            yield event


def ready_nodes(nodes: list[Node] | None) -> Mapping[tuple[str, str], bool]:
    """Whether each node is ready."""
    return {(node.cluster, node.metadata.name): node.ready for node in nodes or ()}


@dataclass(frozen=True)
class Words:
    """All that a trouble is explained by."""

    said: Told
    ready: Mapping[tuple[str, str], bool]
    has_nodes: bool
    logs: Mapping[tuple[str, str, str, str], LogTail]
    """By the cluster, namespace and name of the pod, and the container."""

    def of(self, each: Trouble) -> str:
        """What is behind it, as far as it is known."""
        if each.status is None:
            return self._of_pod(each)
        if each.kind == "image":
            return self._of_image(each)
        if each.kind in ("config", "start"):
            return self._of_start(each)
        return self._of_end(each)

    def last(self, group: Iterable[Trouble]) -> str:
        """The last words of a container that failed, where the profile allows to read them."""
        tails = [
            tail
            for each in group
            if each.status and (tail := self.logs.get((*key_of(each.pod), each.status.name)))
        ]
        if spoken := next((tail for tail in tails if tail.lines), None):
            return f'Its last words: "{_bounded(" / ".join(spoken.lines[-LAST:]))}"'
        if mute := next((tail for tail in tails if tail.problem), None):
            return f"Its log could not be read: {_short(mute.problem)}"
        return ""

    def _of_pod(self, each: Trouble) -> str:
        pod = each.pod
        node = pod.spec.node_name
        if each.kind == "unknown" and pod.status.message:
            return _short(pod.status.message)
        if each.kind == "creating" and (why := self._of_creation(pod)):
            return why
        if not node:
            where = "it has no node"
        elif not self.has_nodes:
            where = f"whether node {node} is ready was not observed"
        elif (ready := self.ready.get((pod.cluster, node))) is None:
            where = f"its node {node} is gone"
        elif not ready:
            where = (
                f"its node {node} is not Ready, so that nobody there can say or do anything (see SCHED-003)"
            )
        else:
            where = f"its node {node} is Ready"
        held = ", ".join(pod.metadata.finalizers)
        if each.kind == "terminating" and held:
            return f"{where}, and it is held by {held}"
        if each.kind == "terminating" and where.endswith(" is Ready"):
            return f"{where}: a container does not end, or a volume is not unmounted"
        return where

    def _of_creation(self, pod: Pod) -> str:
        """What its start waits for: an init container, else what was said of its start last."""
        beside = {container.name for container in pod.spec.init_containers if container.side_car}
        for status in pod.status.init_container_statuses:
            if status.state.running and status.name not in beside:
                return f"its init container {status.name} has not ended"
        said = [event for event in self.said.get(key_of(pod), ()) if event.reason in STARTS]
        last = max(said, key=lambda event: event.when or pod.metadata.creation_timestamp, default=None)
        return f"{last.reason}: {_short(last.message)}" if last else ""

    def _of_image(self, each: Trouble) -> str:
        assert each.status is not None
        said = _waiting(each.status)
        pulls = [
            event.message for event in about(each, self.said) if event.reason in ("Failed", "InspectFailed")
        ]
        meaning = _registry(said)
        if not meaning:  # "Back-off pulling image" alone, as older kubelets say
            said, meaning = next(
                ((text, means) for text in reversed(pulls) if (means := _registry(text))), (said, "")
            )
        image = _image(each) or "without a name"
        why = meaning or ("the registry's words were not observed" if not pulls else "")
        return f"image {image}: {f'{why}. ' if why else ''}Kubelet: {_short(said)}"

    def _of_start(self, each: Trouble) -> str:
        assert each.status is not None
        state = each.status.state
        if state.terminated:
            return _exit(state.terminated.exit_code)
        return f"Kubelet: {_short(_waiting(each.status))}"

    def _of_end(self, each: Trouble) -> str:
        assert each.status is not None
        ended = each.status.state.terminated or each.status.last_state.terminated
        if ended is None:
            return "how it ended was not observed"
        if ended.reason == "OOMKilled":
            limit = _limit(each)
            if limit:
                return f"killed (OOMKilled) at its limit of {limit}"
            return "killed (OOMKilled) without a limit of its own: its pod's or its node's memory was used up"
        probe = next(
            (
                found.group(1)
                for event in about(each, self.said)
                if (found := LIVENESS.search(event.message)) and _in_that_run(event, ended)
            ),
            "",
        )
        if probe:
            return f"exit code {ended.exit_code}: the kubelet restarts it, since its {probe} probe fails"
        return _exit(ended.exit_code, ended.signal)


def _in_that_run(event: Event, ended: Terminated) -> bool:
    """Whether it was said of the run that ended last, as far as is known: one before may have ended so."""
    return event.when is None or ended.started_at is None or event.when >= ended.started_at


def _exit(code: int, signal: int = 0) -> str:
    number = signal or (code - 128 if 128 < code < 160 else 0)
    words = EXITS.get(code) or (f"ended by signal {number}" if number else "its own error")
    return f"exit code {code}: {words}"


def _waiting(status: ContainerStatus) -> str:
    waits = status.state.waiting
    return (waits.message or waits.reason) if waits else ""


@lru_cache(1024)
def _registry(said: str) -> str:
    return next((meaning for pattern, meaning in REGISTRY if pattern.search(said)), "")


def _short(said: str) -> str:
    """A line of bounded length, without what is a pod's own and without tokens."""
    return _bounded(TOKENS.sub("", ITS_OWN.sub("", " ".join(said.split()))).rstrip(". "))


def _bounded(line: str) -> str:
    return line if len(line) <= QUOTED else f"{line[:QUOTED]}…"


def _spec(each: Trouble) -> Iterator[tuple[str, str]]:
    """Image and memory limit of that container, as its pod asks for them."""
    assert each.status is not None
    for container in (*each.pod.spec.containers, *each.pod.spec.init_containers):
        if container.name == each.status.name:
            yield container.image, container.resources.limits.get("memory", "")


def _image(each: Trouble) -> str:
    return next((image for image, _ in _spec(each)), "")


def _limit(each: Trouble) -> str:
    return next((limit for _, limit in _spec(each)), "")
