"""Scheduling: do the containers that have a node start, and stay up?"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from checks.containers import Trouble, Words, about, ready_nodes
from checks.seen_events import Told, key_of, of_pods
from domino_health import (
    Assessment,
    Attachment,
    ContainerStatus,
    Duration,
    Event,
    Finding,
    LogTail,
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
# The kubelet's reasons of a container that waits and will not start by itself.
REASONS = {
    "ImagePullBackOff": "image",
    "ErrImagePull": "image",
    "InvalidImageName": "image",
    "ErrImageNeverPull": "image",
    "ImageInspectError": "image",
    "RegistryUnavailable": "image",
    "SignatureValidationFailed": "image",
    "CreateContainerConfigError": "config",
    "CreateContainerError": "start",
    "RunContainerError": "start",
    "PreCreateHookError": "start",
    "PreStartHookError": "start",
    "PostStartHookError": "start",
}
ENDS = {"OOMKilled": "memory", "StartError": "start", "ContainerCannotRun": "start"}
"""The same of a container that has ended, and whose pod goes on."""
SEEN = {
    "memory": "out of memory",
    "crash": "crash loop",
    "restarts": "frequent restarts",
    "image": "image not pulled",
    "config": "not configured",
    "start": "not started",
    "unknown": "phase Unknown",
    "creating": "does not start",
    "terminating": "does not end",
}
STEPS = {
    "memory": "Raise its memory limit (an execution has its hardware tier's), or see what takes the memory",
    "crash": "See its last words: {logs} --previous",
    "restarts": "See its last words: {logs} --previous",
    "image": "Mend the image's name, the pull secret or the way to the registry; the kubelet tries again",
    "config": "Create what is missing, or correct the reference to it; the kubelet tries again",
    "start": "See the events: kubectl -n {namespace} describe pod {pod}",
    "creating": "See the events: kubectl -n {namespace} describe pod {pod}",
    "unknown": "See whether the machine and its kubelet run: kubectl describe node {node}",
    "terminating": "See what holds it: kubectl -n {namespace} get pod {pod} -o yaml",
}


@check("SCHED-008", severity=Severity.HIGH)
def test_containers_start_and_stay_up(
    pods: list[Pod],
    nodes: list[Node] | None,
    events: list[Event] | None,
    container_logs: list[LogTail] | None,
    now: datetime,
    *,
    max_restarts: int = 5,
    within: Duration = timedelta(hours=1),
    max_terminating: Duration = timedelta(minutes=10),
    max_creating: Duration = timedelta(minutes=15),
) -> Assessment:
    """Every container starts, none crashes or runs out of memory, and pods that are deleted end.

    A container that cannot start, or that is restarted again and again, serves nobody, though its pod has
    a node. Found are: CrashLoopBackOff, an image that cannot be pulled, a container that cannot be
    configured, created or run; a pod that has not started ``max_creating`` after it got its node, since a
    volume, a network or an init container does not come; a container killed for its memory ``within`` the
    last hour, or restarted ``max_restarts`` times in it; a pod whose phase is Unknown; and one still there
    ``max_terminating`` after the end of its grace period.

    Kubernetes counts restarts since a pod began, not by the hour. They are held against the hour where the
    pod is that young, by the average of its life, or where the kubelet has held it back in that hour (its
    BackOff event); all three only if the last restart is of that hour. An older pod that none of them tells
    of is not a finding.

    Executions are medium: one user waits, not all. Pods that have ended are not assessed: user code that has
    failed is none of the platform's, nor is one container's end in an execution that goes on.

    Thresholds: ours; Domino publishes none. 15 minutes to start are more than a large image takes on a new
    node.

    Remediation: for an image, see the registry's words; for a configuration, create the ConfigMap or Secret
    that is named; for a pod that does not start, see what is quoted: a volume that another node has still, a
    network plug-in without an address left; for memory, raise the limit or the hardware tier; for a crash,
    the exit code and the last words of the log say more; for a pod that does not end, see its node first,
    then its finalizers and volumes.
    """
    judged = [pod for pod in pods if not pod.finished or pod.metadata.deletion_timestamp]
    troubled: list[Trouble] = []
    perhaps: list[Trouble] = []
    most: tuple[int, datetime] | None = None
    for pod in judged:
        if _whole(pod, now, max_terminating, troubled) or pod.metadata.deletion_timestamp:
            continue
        before = len(troubled)
        for status in pod.statuses:
            if kind := _kind(status, now, within):
                troubled.append(Trouble(pod, kind, status))
            elif last := _restarted(status, now, within):
                most = max(most or (0, last), (status.restart_count, last))
                if status.restart_count >= max_restarts:
                    perhaps.append(Trouble(pod, "restarts", status))
        if len(troubled) == before and pod.starting(now) > max_creating:
            troubled.append(Trouble(pod, "creating"))
    said = of_pods((each.pod for each in (*troubled, *perhaps)), events or ())
    troubled += [each for each in perhaps if _often(each, said, now, max_restarts, within)]
    groups: dict[tuple[Ref, str], list[Trouble]] = defaultdict(list)
    for each in troubled:
        groups[each.pod.subject, each.kind].append(each)
    words = Words(said, ready_nodes(nodes), nodes is not None, _logs(container_logs))
    findings = [_finding(subject, kind, group, words, now) for (subject, kind), group in groups.items()]
    return Assessment(
        judged,
        findings,
        worst=f"{most[0]} restarts of a container, the last {age(now - most[1])} ago"
        if most
        else f"no restart within {age(within)}",
        attachments=[_table([kind for _, kind in groups], findings)] if groups else [],
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
        return ENDS.get(state.terminated.reason, "")
    reason = state.waiting.reason if state.waiting else ""
    if kind := REASONS.get(reason):
        return kind
    killed = before is not None and before.reason == "OOMKilled"
    if reason == "CrashLoopBackOff":
        return "memory" if killed else "crash"
    return "memory" if killed and _restarted(status, now, within) else ""


def _restarted(status: ContainerStatus, now: datetime, within: timedelta) -> datetime | None:
    """When it ended the last time, if that was lately and it was started again."""
    before = status.last_state.terminated
    ended = before.finished_at if before and status.restart_count else None
    return ended if ended is not None and now - ended <= within else None


def _logs(tails: list[LogTail] | None) -> dict[tuple[str, str, str, str], LogTail]:
    return {(tail.cluster, tail.namespace, tail.pod, tail.container): tail for tail in tails or ()}


def _often(each: Trouble, said: Told, now: datetime, most: int, within: timedelta) -> bool:
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
        for event in about(each, said)
    )


def _finding(subject: Ref, kind: str, group: list[Trouble], words: Words, now: datetime) -> Finding:
    by_pod = {key_of(each.pod): each for each in reversed(group)}
    named = [by_pod[key] for key in sorted(by_pod)[:EXAMPLES]]
    first = named[0]
    who = "1 pod" if len(by_pod) == 1 else f"{len(by_pod)} pods"
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
    last = words.last(group)
    return Finding(
        subject,
        f"{who}{_what(kind, group, now)}. {told[:1].upper()}{told[1:]}. {f'{last}. ' if last else ''}{step}",
        severity=Severity.MEDIUM if pod.execution else None,
        count=len(by_pod),
        examples=tuple(each.pod.ref for each in named),
    )


def _what(kind: str, group: list[Trouble], now: datetime) -> str:
    """What is seen: ``, container run: crash loop (CrashLoopBackOff), up to 12 restarts``."""
    if kind == "unknown":
        return " in phase Unknown"
    if kind == "creating":
        longest = age(max(each.pod.starting(now) for each in group))
        return f" not started, up to {longest} after it got its node"
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


def _table(kinds: Iterable[str], findings: Iterable[Finding]) -> Attachment:
    """How many are in which trouble, over all subjects."""
    pods: Counter[str] = Counter()
    subjects: Counter[str] = Counter()
    for kind, finding in zip(kinds, findings, strict=True):
        pods[kind] += finding.count
        subjects[kind] += 1
    rows = [(SEEN[kind], pods[kind], subjects[kind]) for kind in SEEN if kind in subjects]
    return Attachment.table("Failing containers", ("trouble", "pods", "subjects"), rows)
