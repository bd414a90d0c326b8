"""Scheduling: can each failed execution be explained, and was it the platform?"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.pressure import cause
from checks.seen_events import key_of, of_pods, window
from domino_health import (
    Assessment,
    Attachment,
    ContainerStatus,
    Event,
    Finding,
    LogTail,
    Pod,
    Ref,
    Severity,
    Terminated,
    check,
)

EXAMPLES = 3
QUOTED = 300
LAST_LINES = 2
"""Of a log that are quoted."""
USER = "run"
"""The container of user code (Domino's compute grid, 4.4); nginx, executor and istio-proxy are Domino's."""
USERS = "the user's code"
UNKNOWN = "not explained"
DOMINOS = "a container of Domino's"
# What events say of a pod that could not be made ready, the likeliest first: cause, reason, and its words.
EVENTS = (
    ("image", re.compile(r"Failed|BackOff|InspectFailed"), re.compile(r"pull|image", re.IGNORECASE)),
    ("volume", re.compile(r"FailedMount|FailedAttachVolume|FailedMapVolume"), re.compile("")),
    ("network", re.compile(r"FailedCreatePodSandBox|NetworkNotReady"), re.compile("")),
    ("quota", re.compile(r"FailedCreate"), re.compile(r"exceeded quota")),
    ("preemption", re.compile(r"Preempted"), re.compile("")),
    ("evicted", re.compile(r"Evicted|TaintManagerEviction"), re.compile("")),
    ("node lost", re.compile(r"NodeNotReady|NodeLost"), re.compile("")),
)
# A pod's own reason, where the kubelet or Kubernetes has failed it as a whole.
REASONS = {
    "Evicted": "evicted",
    "NodeLost": "node lost",
    "Preempting": "preemption",
    "Shutdown": "node lost",
    "Terminated": "node lost",
    "NodeShutdown": "node lost",
    "UnexpectedAdmissionError": "node refused it",
    "NodeAffinity": "node refused it",
    "TopologyAffinityError": "node refused it",
    "DeadlineExceeded": "its own deadline",
}
# Who has put it out, by its condition DisruptionTarget. That it then ends badly is not the user's code.
DISRUPTED = {
    "PreemptionByScheduler": "preemption",
    "DeletionByTaintManager": "evicted",
    "TerminationByKubelet": "evicted",
    "EvictionByEvictionAPI": "moved away by a drain or an autoscaler",
    "DeletionByPodGC": "node lost",
}
# Nobody of the platform need do anything about these.
NOT_OURS = frozenset({USERS, "its own deadline"})


@dataclass(frozen=True)
class Explained:
    """A failed execution, and why."""

    pod: Pod
    cause: str
    words: str


@check("SCHED-009", severity=Severity.MEDIUM)
def test_no_execution_failed_by_the_platform(
    pods: list[Pod], events: list[Event] | None, container_logs: list[LogTail] | None, now: datetime
) -> Assessment:
    """Every execution that failed and is still to be seen failed by its own code.

    A pod that has failed says why in three places: its own reason, what became of its containers, and
    events. Put together they tell apart who is to act: evicted, preempted, or lost with its node; out of
    memory, for which the hardware tier is too small; an image, a volume or a network that did not come;
    a container that Domino adds and that broke; or the user's code, which is no finding, and counted.

    What cannot be explained is a finding as well, low: its events are gone, and its containers say
    nothing. Events live an hour, and pods of executions are cleaned up by Domino after a time, so that an
    older failure is not seen here: Domino's own run history has it, Error apart from Failed.

    Where the profile opens the namespace (clusters[].logs), the last words of Domino's containers are quoted
    where one of them broke, or nothing is explained; never those of the user's own container.

    Thresholds: none. Domino counts Failed as the user's code, and Error as what is outside of it.

    Remediation: for memory, a larger hardware tier; for evictions and lost nodes, SCHED-002 and
    SCHED-003; for images and volumes see SCHED-008 and the pod's events. For one of Domino's containers,
    see its log, and Domino's support bundle of that execution.
    """
    failed = [pod for pod in pods if pod.execution and pod.status.phase == "Failed"]
    told = of_pods(failed, events or ())
    explained = [explain(pod, told[key_of(pod)]) for pod in failed]
    groups: dict[tuple[Ref, str], list[Explained]] = defaultdict(list)
    for each in explained:
        if each.cause not in NOT_OURS:
            groups[each.pod.subject, each.cause].append(each)
    causes = Counter(each.cause for each in explained)
    logs = _logs(container_logs or ())
    own = causes[USERS]
    table = Attachment.table("Failed executions", ("cause", "executions"), causes.most_common())
    return Assessment(
        failed,
        [_finding(owner, why, there, logs) for (owner, why), there in sorted(groups.items())],
        window=window(events, now),
        worst=f"{own} of {len(failed)} by {USERS}" if failed else "",
        attachments=[table] if failed else [],
    )


def explain(pod: Pod, events: Sequence[Event]) -> Explained:
    """Why an execution failed, by the surest word first: Kubernetes', its containers', its events'."""
    words = " ".join(pod.status.message.split())
    target = pod.condition("DisruptionTarget")
    why = _of_its_own(pod.status.reason)
    if target is not None and target.status == "True":
        said = words or " ".join(target.message.split())
        # A kubelet that shuts down, or makes room for a critical pod, sets the same condition.
        of_kubelet = why if target.reason == "TerminationByKubelet" else ""
        return Explained(pod, of_kubelet or DISRUPTED.get(target.reason, "evicted"), said)
    if why:
        return Explained(pod, why, cause(words) or words or pod.status.reason)
    return _by_containers(pod) or _by_events(pod, events) or Explained(pod, UNKNOWN, "")


def _of_its_own(reason: str) -> str:
    """What a pod's own reason means: ``OutOfcpu``, ``OutOfnvidia.com/gpu`` and so on are of any resource."""
    return "node refused it" if reason.startswith("OutOf") else REASONS.get(reason, "")


def _by_containers(pod: Pod) -> Explained | None:
    for status in pod.statuses:
        ended = status.state.terminated or status.last_state.terminated
        if ended is not None and (broken := _of_container(pod, status, ended)):
            return Explained(pod, *broken)
    for status in pod.statuses:
        waiting = status.state.waiting
        if waiting is not None and waiting.reason not in ("ContainerCreating", "PodInitializing", ""):
            short = "image" if "Image" in waiting.reason or "Pull" in waiting.reason else "not started"
            return Explained(pod, short, f"container {status.name}: {waiting.reason}, {waiting.message}")
    return None


def _by_events(pod: Pod, events: Sequence[Event]) -> Explained | None:
    for why, reason, said in EVENTS:
        for event in events:
            if reason.fullmatch(event.reason) and said.search(event.message):
                return Explained(pod, why, f"{event.reason}: {' '.join(event.message.split())}")
    return None


def _of_container(pod: Pod, status: ContainerStatus, ended: Terminated) -> tuple[str, str] | None:
    """Cause and words of a container that has ended badly; None for one that has not."""
    tier = pod.metadata.labels.hardware_tier
    if ended.reason == "OOMKilled":
        of_tier = f" of the hardware tier {tier}" if tier and status.name == USER else ""
        return "out of memory", f"container {status.name} reached its limit of memory{of_tier}"
    if ended.exit_code == 0:
        return None
    said = f"container {status.name}: {ended.reason or 'ended'}, exit code {ended.exit_code}"
    if ended.reason in ("ContainerCannotRun", "StartError", "ContainerStatusUnknown"):
        return "not started" if ended.reason != "ContainerStatusUnknown" else "node lost", said
    if status.name == USER:
        return USERS, said
    # Domino's containers end with the user's, whose end is the cause where it was a bad one, by memory too.
    own = next((each for each in pod.statuses if each.name == USER), None)
    own_end = own.state.terminated if own else None
    if own_end is not None and own_end.exit_code != 0:
        return None
    return DOMINOS, said


Logs = Mapping[tuple[str, str, str], Sequence[LogTail]]


def _logs(tails: Iterable[LogTail]) -> Logs:
    """What Domino's containers said last, by pod. What a user's code says is the user's."""
    found: dict[tuple[str, str, str], list[LogTail]] = defaultdict(list)
    for tail in tails:
        if tail.container != USER and tail.lines:
            found[tail.cluster, tail.namespace, tail.pod].append(tail)
    return found


def _last_words(there: Sequence[Explained], logs: Logs) -> str:
    """The end of the first log of who broke: ``. Last words of executor: "connecting / refused"``."""
    tails = (
        tail
        for each in there
        for tail in logs.get(key_of(each.pod), ())
        if each.cause == UNKNOWN or each.words.startswith(f"container {tail.container}:")
    )
    if (tail := next(tails, None)) is None:
        return ""
    return f'. Last words of {tail.container}: "{" / ".join(tail.lines[-LAST_LINES:])}"'


def _finding(owner: Ref, why: str, there: Sequence[Explained], logs: Logs) -> Finding:
    who = "1 execution" if len(there) == 1 else f"{len(there)} executions"
    words: Mapping[str, int] = Counter(each.words for each in there if each.words)
    most = max(words, key=lambda each: words[each], default="")[:QUOTED]
    examples = tuple(sorted(each.pod.ref for each in there)[:EXAMPLES])
    last = _last_words(there, logs) if why in (UNKNOWN, DOMINOS) else ""
    if why == UNKNOWN:
        message = f"{who} failed and cannot be explained: no container says why, and no event is kept{last}"
        return Finding(owner, message, Severity.LOW, count=len(there), examples=examples)
    said = f": {most}" if most else ""
    return Finding(owner, f"{who} failed, {why}{said}{last}", count=len(there), examples=examples)
