"""Scheduling: does the work that Domino asks for get a node, in time?"""

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

from domino_health import Assessment, Duration, Finding, Pod, Ref, Severity, age, check

EXAMPLES = 3

# "0/7 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. preemption: …", and what
# the parts mean. The wording differs between versions (1.36 no longer names the taint), so that these look
# for the words that stayed. What evicting others would bring ("preemption:") is no cause.
NODES = re.compile(r"0/(\d+) nodes are available: (.*?)\.?(?= no new claims| preemption:|$)", re.DOTALL)
PART = re.compile(r"(\d+) (.+)", re.DOTALL)
INSUFFICIENT = re.compile(r"Insufficient ([\w./-]+)")
SELECTOR = re.compile(r"node affinity/selector")
TAINT = re.compile(r"untolerated taint(?:\(s\))?(?: \{([^}]*)\})?")
OTHERS = [
    (
        re.compile(r"volume node affinity conflict|PersistentVolume's node affinity"),  # the latter in 1.36
        "in another zone than the volume",
    ),
    (re.compile(r"unbound immediate PersistentVolumeClaim"), "the volume claim is not bound"),
    (re.compile(r"find available persistent volumes"), "with no volume for the claim"),
    (re.compile(r'persistentvolumeclaim "[^"]*" not found'), "the volume claim does not exist"),
    (re.compile(r"ReadWriteOncePod"), "where another pod has the ReadWriteOncePod volume"),
    (re.compile(r"max volume count"), "with no room for another volume"),
    (re.compile(r"were unschedulable"), "cordoned"),
    (re.compile(r"free ports"), "where the host port is taken"),
    (re.compile(r"Too many pods"), "with as many pods as a node may have"),
    (
        re.compile(r"anti-affinity|pod affinity|topology spread"),
        "ruled out by pod affinity or topology spread",
    ),
    (re.compile(r"scheduling gates|SchedulingGated"), "a scheduling gate holds it back"),
]


@check("SCHED-001", severity=Severity.HIGH)
def test_pods_get_a_node_in_time(
    pods: list[Pod],
    now: datetime,
    *,
    max_wait: Duration = timedelta(minutes=10),
    max_wait_gpu: Duration = timedelta(minutes=30),
) -> Assessment:
    """No pod waits longer than ``max_wait`` for a node, or ``max_wait_gpu`` if it asks for a GPU.

    A pod without a node is a workspace, a job or a model API that somebody is waiting for. Pods that
    have ended are not assessed. The others are rolled up to what stays tomorrow (a Deployment; for
    executions the hardware tier, environment and project) and by cause, in the scheduler's own words.

    Thresholds: ours; Domino publishes no queue-time objective. A GPU node may take longer to be
    bought and to join: under 10 minutes once it is there, much longer where capacity is short
    (Domino's field notes on GPU compute wait times), hence 30 minutes.

    Remediation: the finding quotes the scheduler. For insufficient resources, raise the node pool's
    maximum or lower the hardware tier's request; for taints and selectors, align the hardware tier
    with the node pool's labels and taints; for volumes, see their claims' events; where no scheduler
    has looked, see whether kube-scheduler runs.
    """

    def allowed(pod: Pod) -> timedelta:
        return max_wait_gpu if pod.has_accelerator else max_wait

    unfinished = [pod for pod in pods if not pod.finished]
    waiting = [(pod, waited) for pod in unfinished if (waited := pod.waiting(now))]
    late: dict[tuple[Ref, tuple[str, ...]], list[Pod]] = defaultdict(list)
    for pod, waited in waiting:
        if waited > allowed(pod):
            # Pods with the same reasons are one finding, whatever the counts, which decide their order too.
            late[pod.subject, tuple(sorted({cause for _, cause in _causes(pod)}))].append(pod)
    worst, longest = max(waiting, key=lambda each: each[1] - allowed(each[0]), default=(None, timedelta(0)))
    return Assessment(
        unfinished,
        [_finding(subject, group, now, allowed) for (subject, _), group in late.items()],
        worst=f"longest wait {age(longest)} of {age(allowed(worst))}" if worst else "no pod waits",
    )


def _finding(subject: Ref, late: list[Pod], now: datetime, allowed: Callable[[Pod], timedelta]) -> Finding:
    oldest = max(late, key=lambda pod: pod.waiting(now))
    who = "1 pod" if len(late) == 1 else f"{len(late)} pods"
    waited, wanted = age(oldest.waiting(now)), age(allowed(oldest))
    said = oldest.why_unscheduled.partition(" preemption:")[0].removesuffix(" no new claims to deallocate,")
    explained = _explain(oldest)
    quote = "" if explained.casefold() == said.casefold() else f". Scheduler: {said}"
    return Finding(
        subject,
        f"{who} without a node for up to {waited}, at most {wanted}. {explained}{quote}",
        count=len(late),
        examples=tuple(sorted(pod.ref for pod in late)[:EXAMPLES]),
    )


def _explain(pod: Pod) -> str:
    """What binds: ``Of 7 nodes: 1 with an untolerated taint, 6 not matching the selector a=b``."""
    causes = _causes(pod)
    text = ", ".join(f"{count} {cause}".strip() for count, cause in causes)
    nodes = NODES.search(pod.why_unscheduled)
    if nodes and any(count for count, _ in causes):
        text = f"Of {nodes.group(1)} node{'s' if nodes.group(1) != '1' else ''}: {text}"
    return text[:1].upper() + text[1:]


def _causes(pod: Pod) -> list[tuple[str, str]]:
    """How many nodes are ruled out, and why, in the scheduler's order."""
    said = pod.why_unscheduled
    nodes = NODES.search(said)
    if not nodes:
        return [("", _cause(pod, said))]
    parts = [PART.fullmatch(part) for part in nodes.group(2).split(", ")]
    return [(part.group(1), _cause(pod, part.group(2))) for part in parts if part] or [
        ("", _cause(pod, nodes.group(2)))
    ]


def _cause(pod: Pod, said: str) -> str:
    if found := INSUFFICIENT.search(said):
        return f"with insufficient {found.group(1)} (requested: {_asked(pod, found.group(1))})"
    if found := TAINT.search(said):
        return f"with an untolerated taint{f' ({found.group(1)})' if found.group(1) else ''}"
    if SELECTOR.search(said):
        selector = ",".join(f"{key}={value}" for key, value in sorted(pod.spec.node_selector.items()))
        return f"not matching the {f'selector {selector}' if selector else 'affinity'}"
    return next((meaning for pattern, meaning in OTHERS if pattern.search(said)), said)


def _asked(pod: Pod, resource: str) -> str:
    """Its containers' requests of one resource, as they stand in the pod: ``500 + 100m``."""
    amounts = [container.resources.requests.get(resource, "") for container in pod.spec.containers]
    return " + ".join(filter(None, amounts)) or "none itself"
