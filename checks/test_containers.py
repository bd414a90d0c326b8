"""Scheduling: do the containers that have a node start, and stay up?"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domino_health import (
    Assessment,
    Attachment,
    ContainerStatus,
    Duration,
    Event,
    Finding,
    Node,
    Pod,
    Ref,
    Severity,
    age,
    check,
)

EXAMPLES = 3
CAUSES = 2
"""Different causes that a finding quotes; the others are counted."""
QUOTED = 300
"""Characters of what a kubelet or a registry says."""

# The kubelet's reasons of a container that waits and will not start by itself.
IMAGE = frozenset(
    ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
    + ("RegistryUnavailable", "SignatureValidationFailed")
)
CONFIG = frozenset(("CreateContainerConfigError",))
START = frozenset(
    ("CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError")
    + ("PostStartHookError", "StartError", "ContainerCannotRun")
)
SEEN = {
    "memory": "out of memory",
    "crash": "crash loop",
    "restarts": "frequent restarts",
    "image": "image not pulled",
    "config": "not configured",
    "start": "not started",
    "unknown": "phase Unknown",
    "terminating": "does not end",
}
STEPS = {
    "memory": "Raise its memory limit (for an execution, that of its hardware tier), or see what takes the memory",
    "crash": "See its last words: {logs} --previous",
    "restarts": "See its last words: {logs} --previous",
    "image": "Mend the image's name, the pull secret or the way to the registry; the kubelet tries again by itself",
    "config": "Create what is missing, or correct the reference to it; the kubelet tries again by itself",
    "start": "See the events: kubectl -n {namespace} describe pod {pod}",
    "unknown": "See whether the machine and its kubelet run: kubectl describe node {node}",
    "terminating": "See what holds it: kubectl -n {namespace} get pod {pod} -o yaml",
}
# What a registry's words mean; the first that matches, so that the plainer ones come last.
REGISTRY = [
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
ITS_OWN = re.compile(r"\s*\(pod: [^()]*(?:\([^()]*\)[^()]*)*\)| pod=\S+")
LIVENESS = re.compile(r"failed (liveness|startup) probe")
EXITS = {
    0: "it ends without an error, though it should stay up",
    126: "its command may not be executed, or is of another architecture",
    127: "its command is not in the image, or not in its PATH",
    134: "it aborted itself (SIGABRT)",
    137: "killed by SIGKILL, and not for its own memory limit: a stop that took longer than its grace period, or "
    "its node ran out of memory",
    139: "it crashed in native code (SIGSEGV)",
    143: "it was told to stop (SIGTERM)",
}


@dataclass(frozen=True)
class Trouble:
    """What is wrong with one container, or with its whole pod."""

    pod: Pod
    kind: str
    """One of SEEN."""
    status: ContainerStatus | None = None
    """None for what is the whole pod's."""


@check("SCHED-008", severity=Severity.HIGH)
def test_containers_start_and_stay_up(
    pods: list[Pod],
    nodes: list[Node] | None,
    events: list[Event] | None,
    now: datetime,
    *,
    max_restarts: int = 5,
    within: Duration = timedelta(hours=1),
    max_terminating: Duration = timedelta(minutes=10),
) -> Assessment:
    """Every container starts, none crashes or runs out of memory, and pods that are deleted end.

    A container that cannot start, or that is restarted again and again, serves nobody, though its pod has
    a node. Found are: CrashLoopBackOff, an image that cannot be pulled, a container that cannot be
    configured, created or run; one killed for its memory ``within`` the last hour, or restarted
    ``max_restarts`` times in it; a pod whose phase is Unknown; and one still there ``max_terminating`` after
    the end of its grace period.

    Kubernetes counts restarts since a pod began, not by the hour. They are held against the hour where the pod
    is that young, by the average of its life, or where the kubelet has held it back in that hour (its BackOff
    event); all three only if the last restart is of that hour. An older pod that none of them tells of is
    not a finding.

    Executions are medium: one user waits, not all. Pods that have ended are not assessed: user code that has
    failed is none of the platform's, nor is one container's end in an execution that goes on.

    Thresholds: ours; Domino publishes none.

    Remediation: for an image, see the registry's words; for a configuration, create the ConfigMap or Secret
    that is named; for memory, raise the limit or the hardware tier; for a crash, the exit code and the last
    words of the log say more; for a pod that does not end, see its node first, then its finalizers and volumes.
    """
    judged = [pod for pod in pods if not pod.finished or pod.metadata.deletion_timestamp]
    troubled: list[Trouble] = []
    perhaps: list[Trouble] = []
    most: tuple[int, datetime] | None = None
    for pod in judged:
        if _whole(pod, now, max_terminating, troubled) or pod.metadata.deletion_timestamp:
            continue
        for status in pod.statuses:
            if kind := _kind(status, now, within):
                troubled.append(Trouble(pod, kind, status))
            elif last := _restarted(status, now, within):
                most = max(most or (0, last), (status.restart_count, last))
                if status.restart_count >= max_restarts:
                    perhaps.append(Trouble(pod, "restarts", status))
    said = _said((*troubled, *perhaps), events or ())
    troubled += [each for each in perhaps if _often(each, said, now, max_restarts, within)]
    groups: dict[tuple[Ref, str], list[Trouble]] = defaultdict(list)
    for each in troubled:
        groups[each.pod.subject, each.kind].append(each)
    words = Words(said, _ready(nodes), nodes is not None, events is not None, now)
    return Assessment(
        judged,
        [_finding(subject, kind, group, words) for (subject, kind), group in groups.items()],
        worst=f"{most[0]} restarts of a container, the last {age(now - most[1])} ago"
        if most
        else f"no restart within {age(within)}",
        attachments=[_table(groups)] if groups else [],
    )


def _whole(pod: Pod, now: datetime, max_terminating: timedelta, troubled: list[Trouble]) -> bool:
    """Whether the pod as a whole is in trouble; then its containers' states are old news."""
    ends = pod.metadata.deletion_timestamp
    if ends is not None and now - ends > max_terminating:  # it has its grace period in it
        troubled.append(Trouble(pod, "terminating"))
    elif ends is None and pod.status.phase == "Unknown":
        troubled.append(Trouble(pod, "unknown"))
    else:
        return False
    return True


def _kind(status: ContainerStatus, now: datetime, within: timedelta) -> str:
    """What is wrong with a container by its own word; empty for nothing."""
    state, before = status.state, status.last_state.terminated
    if state.terminated is not None:
        reason = state.terminated.reason
        return "memory" if reason == "OOMKilled" else "start" if reason in START else ""
    reason = state.waiting.reason if state.waiting else ""
    if reason in IMAGE:
        return "image"
    if reason in CONFIG:
        return "config"
    if reason in START:
        return "start"
    killed = before is not None and before.reason == "OOMKilled"
    if reason == "CrashLoopBackOff":
        return "memory" if killed else "crash"
    return "memory" if killed and _restarted(status, now, within) else ""


def _restarted(status: ContainerStatus, now: datetime, within: timedelta) -> datetime | None:
    """When it ended the last time, if that was lately and it was started again."""
    before = status.last_state.terminated
    ended = before.finished_at if before and status.restart_count else None
    return ended if ended is not None and now - ended <= within else None


Said = Mapping[tuple[str, str, str], list[Event]]
"""Events by the cluster, namespace and name of their pod."""


def _said(troubled: Iterable[Trouble], events: Iterable[Event]) -> Said:
    """What was said of these pods, the newest last."""
    said: dict[tuple[str, str, str], list[Event]] = {_key(each.pod): [] for each in troubled}
    for event in events:
        about = event.involved_object
        if (
            about.kind == "Pod"
            and (kept := said.get((event.cluster, about.namespace, about.name))) is not None
        ):
            kept.append(event)
    return said


def _key(pod: Pod) -> tuple[str, str, str]:
    return pod.cluster, pod.metadata.namespace, pod.metadata.name


def _of(each: Trouble, said: Said) -> Iterator[Event]:
    """What was said of that container."""
    name = each.status.name if each.status else ""
    for event in said.get(_key(each.pod), ()):
        path = event.involved_object.field_path
        if not path or path.endswith(f"{{{name}}}"):
            yield event


def _often(each: Trouble, said: Said, now: datetime, most: int, within: timedelta) -> bool:
    """Whether it is known to have been restarted that often in that time: see the check's words."""
    assert each.status is not None
    lives = now - each.pod.metadata.creation_timestamp
    if lives <= within or each.status.restart_count * within >= most * lives:
        return True
    return any(
        event.reason == "BackOff"
        and "restarting" in event.message
        and event.when
        and now - event.when <= within
        for event in _of(each, said)
    )


def _ready(nodes: list[Node] | None) -> Mapping[tuple[str, str], bool]:
    """Whether each node is ready."""
    return {(node.cluster, node.metadata.name): node.ready for node in nodes or ()}


@dataclass(frozen=True)
class Words:
    """All that a trouble is explained by."""

    said: Said
    ready: Mapping[tuple[str, str], bool]
    has_nodes: bool
    has_events: bool
    now: datetime

    def of(self, each: Trouble) -> str:
        """What is behind it, as far as it is known."""
        if each.status is None:
            return self._of_pod(each)
        if each.kind == "image":
            return self._of_image(each)
        if each.kind in ("config", "start"):
            return self._of_start(each)
        return self._of_end(each)

    def _of_pod(self, each: Trouble) -> str:
        pod = each.pod
        node = pod.spec.node_name
        if each.kind == "unknown" and pod.status.message:
            return _short(pod.status.message)
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

    def _of_image(self, each: Trouble) -> str:
        assert each.status is not None
        said = _waiting(each.status)
        pulls = [
            event.message for event in _of(each, self.said) if event.reason in ("Failed", "InspectFailed")
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
            return (
                f"killed (OOMKilled) at {f'its limit of {limit}' if limit else 'a limit that is not its own'}"
            )
        probe = next(
            (found.group(1) for event in _of(each, self.said) if (found := LIVENESS.search(event.message))),
            "",
        )
        if probe:
            return f"exit code {ended.exit_code}: the kubelet restarts it, since its {probe} probe fails"
        return _exit(ended.exit_code, ended.signal)


def _exit(code: int, signal: int = 0) -> str:
    number = signal or (code - 128 if 128 < code < 160 else 0)
    words = EXITS.get(code) or (f"ended by signal {number}" if number else "its own error")
    return f"exit code {code}: {words}"


def _waiting(status: ContainerStatus) -> str:
    waits = status.state.waiting
    return (waits.message or waits.reason) if waits else ""


def _registry(said: str) -> str:
    return next((meaning for pattern, meaning in REGISTRY if pattern.search(said)), "")


def _short(said: str) -> str:
    """A line of bounded length, without what is a pod's own and without tokens."""
    line = TOKENS.sub("", ITS_OWN.sub("", " ".join(said.split()))).rstrip(". ")
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


def _finding(subject: Ref, kind: str, group: list[Trouble], words: Words) -> Finding:
    refs = {each.pod.ref for each in group}
    first = min(group, key=lambda each: each.pod.ref)
    who = "1 pod" if len(refs) == 1 else f"{len(refs)} pods"
    causes = Counter(words.of(each) for each in group).most_common()
    told = "; ".join(
        f"{cause} ({times} times)" if len(causes) > 1 else cause for cause, times in causes[:CAUSES]
    )
    more = len(causes) - CAUSES
    told += f"; and {more} other cause{'s' if more > 1 else ''}" if more > 0 else ""
    pod, name = first.pod, first.status.name if first.status else ""
    namespace = pod.metadata.namespace
    step = STEPS[kind].format(
        namespace=namespace,
        pod=pod.metadata.name,
        node=pod.spec.node_name,
        logs=f"kubectl -n {namespace} logs {pod.metadata.name} -c {name}",
    )
    return Finding(
        subject,
        f"{who}{_what(kind, group, words.now)}. {told[:1].upper()}{told[1:]}. {step}",
        severity=Severity.MEDIUM if pod.execution else None,
        count=len(refs),
        examples=tuple(sorted(refs)[:EXAMPLES]),
    )


def _what(kind: str, group: list[Trouble], now: datetime) -> str:
    """What is seen: ``, container run: crash loop (CrashLoopBackOff), up to 12 restarts``."""
    if kind == "unknown":
        return " in phase Unknown"
    if kind == "terminating":
        late = max(
            now - each.pod.metadata.deletion_timestamp
            for each in group
            if each.pod.metadata.deletion_timestamp
        )
        return f" Terminating, up to {age(late)} after the end of the grace period"
    statuses = [each.status for each in group if each.status]
    names = sorted({status.name for status in statuses})
    which = f"container {names[0]}" if len(names) == 1 else f"containers {', '.join(names)}"
    reasons = Counter(
        status.state.waiting.reason if status.state.waiting else "" for status in statuses
    ).most_common(1)
    waits = f" ({reasons[0][0]})" if reasons[0][0] else ""
    restarts = max(status.restart_count for status in statuses)
    ends = [
        ended.finished_at
        for status in statuses
        if (ended := status.state.terminated or status.last_state.terminated) and ended.finished_at
    ]
    text = f", {which}: {SEEN[kind]}{waits}"
    if restarts:
        text += f", up to {restarts} restart{'s' if restarts > 1 else ''}"
    return text + (f", the last end {age(now - max(ends))} ago" if ends else "")


def _table(groups: Mapping[tuple[Ref, str], list[Trouble]]) -> Attachment:
    """How many are in which trouble, over all subjects."""
    subjects: Counter[str] = Counter(kind for _, kind in groups)
    pods = {
        kind: {each.pod.ref for (_, of), group in groups.items() if of == kind for each in group}
        for kind in subjects
    }
    rows = [(SEEN[kind], len(pods[kind]), subjects[kind]) for kind in SEEN if kind in subjects]
    return Attachment.table("Failing containers", ("trouble", "pods", "subjects"), rows)
