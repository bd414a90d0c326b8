"""Scheduling: does the work that Domino asks for get a node, in time?"""

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

from domino_health import Assessment, Duration, Finding, Pod, Ref, Severity, age, check

EXAMPLES = 3

# What the scheduler says of nodes, and what it means. The wording differs between versions (1.32 to
# 1.36 seen), so that these look for the words that stayed.
CAUSES = [
    (re.compile(r"Insufficient ([\w./-]+)"), "insufficient {}"),
    (re.compile(r"untolerated taint\(?s?\)? \{([^}]*)\}"), "untolerated taint {{{}}}"),
    (re.compile(r"didn't match Pod's node affinity/selector"), "no node matches its selector or affinity"),
    (re.compile(r"volume node affinity conflict"), "its volume is in another zone"),
    (re.compile(r"(?i)persistentvolumeclaim"), "its volume claim is not bound"),
    (re.compile(r"were unschedulable"), "nodes are cordoned"),
    (re.compile(r"free ports"), "its host port is taken"),
    (re.compile(r"(?:anti-affinity|pod affinity|topology spread)"), "pod affinity or topology spread"),
    (re.compile(r"scheduling is blocked|SchedulingGated"), "held back by a scheduling gate"),
    (re.compile(r"no scheduler has looked"), "no scheduler has looked at it"),
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

    A pod without a node is a workspace, a job or a model API that somebody is waiting for. Pods are
    rolled up to what stays tomorrow (a Deployment; for executions the hardware tier, environment and
    project) and by cause, in the scheduler's own words.

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
    late: dict[tuple[Ref, str], list[Pod]] = defaultdict(list)
    for pod, waited in waiting:
        if waited > allowed(pod):
            late[pod.subject, _cause(pod.why_unscheduled)].append(pod)
    worst, longest = max(waiting, key=lambda each: each[1] - allowed(each[0]), default=(None, timedelta(0)))
    return Assessment(
        unfinished,
        [_finding(subject, cause, group, now, allowed) for (subject, cause), group in late.items()],
        worst=f"longest wait {age(longest)} of {age(allowed(worst))}" if worst else "no pod waits",
    )


def _finding(
    subject: Ref, cause: str, late: list[Pod], now: datetime, allowed: Callable[[Pod], timedelta]
) -> Finding:
    oldest = max(late, key=lambda pod: pod.waiting(now))
    who = "1 pod" if len(late) == 1 else f"{len(late)} pods"
    waited, wanted = age(oldest.waiting(now)), age(allowed(oldest))
    return Finding(
        subject,
        f"{who} without a node for up to {waited}, at most {wanted}: {cause}. "
        f"Scheduler: {oldest.why_unscheduled}",
        count=len(late),
        examples=tuple(sorted(pod.ref for pod in late)[:EXAMPLES]),
    )


def _cause(said: str) -> str:
    """What binds, in a few words; each cause once, in the order of ``CAUSES``."""
    # After "preemption:" the scheduler says what evicting others would bring, which is no cause.
    reasons = said.partition("preemption:")[0]
    causes = [
        meaning.format(*match.groups()) for pattern, meaning in CAUSES for match in pattern.finditer(reasons)
    ]
    return "; ".join(dict.fromkeys(causes)) or "a cause that the scheduler's words below tell"
