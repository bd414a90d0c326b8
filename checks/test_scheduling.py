"""Scheduling: does the work that Domino asks for get a node, in time?"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.claim_events import cause, of_claims, quote
from checks.fitting import Place, places
from checks.hosting import short_of
from checks.seen_events import Told, key_of, of_pods
from domino_health import (
    Assessment,
    Duration,
    Event,
    Finding,
    Node,
    Pod,
    Ref,
    Severity,
    Taint,
    age,
    check,
    untolerated,
)

EXAMPLES = 3

# "0/7 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. preemption: …", and what
# the parts mean. The wording differs between versions (1.36 no longer names the taint), so that these look
# for the words that stayed. What evicting others would bring ("preemption:") is no cause.
NODES = re.compile(r"0/(\d+) nodes are available: (.*?)(?:\. |\.?$)", re.DOTALL)
UNNAMED = "untolerated taint(s)"
QUOTED_WORDS = 300
"""Characters of an event."""
TERMINATING = "a terminating pod on the nominated node"
OF_A_CLAIM = re.compile(r"unbound immediate|available persistent volumes|VolumeBinding|binding has not ended")
"""What is said of a pod whose volume claim holds it back: the claim's own events tell more."""
GATED = re.compile(r"scheduling gates|SchedulingGated")
QUOTED = re.compile(r'"[^"]*"')
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
    (re.compile(r"is being deleted"), "its volume claim is being deleted"),
    (re.compile(r"non-existent persistentvolume"), "the volume of its claim is gone"),
    (
        re.compile(r'PreBind plugin "VolumeBinding".*deadline exceeded'),
        "the volume of its claim was not made or attached in time",
    ),
    (re.compile(r"enough free storage"), "with too little storage for its volume"),
    (re.compile(r"no available disk"), "where its disk is in use"),
    (re.compile(r"device class .* does not exist"), "its device class does not exist"),
    (re.compile(r"cannot allocate all claims"), "whose devices are taken"),
    (re.compile(r"plugin\(s\) \[NodeAffinity\]"), "other than the one that it is for"),
    (re.compile(r"no nodes available"), "the cluster has no node"),
    (re.compile(r"ReadWriteOncePod"), "where another pod has the ReadWriteOncePod volume"),
    (re.compile(r"max volume count"), "with no room for another volume"),
    (re.compile(r"were unschedulable"), "cordoned"),
    (re.compile(r"free ports"), "where the host port is taken"),
    (re.compile(r"Too many pods"), "with as many pods as a node may have"),
    (re.compile(r"anti-affinity"), "ruled out by pod anti-affinity"),
    (re.compile(r"pod affinity"), "ruled out by pod affinity"),
    (re.compile(r"topology spread"), "ruled out by topology spread"),
    (GATED, "a scheduling gate holds it back"),
]


@dataclass(frozen=True)
class Known:
    """What helps to explain a wait, where it may be seen."""

    alive: Mapping[Ref, datetime]
    taints: Mapping[tuple[str, tuple[Taint, ...]], int]
    """How many nodes of a cluster have them, without the cordoned: a scheduler counts these apart."""
    told: Told
    """Of the pods of which no scheduler has said a word."""
    places: Sequence[Place]
    """What is free, where a scheduler says that something is insufficient."""
    claims: Told
    """What was said of the claims of pods that wait for one, by cluster, namespace and name."""

    def short(self, pod: Pod, said: str) -> str:
        """By how much too little is free where a pod may go; nothing where it seems to fit, or may not go."""
        there = [
            place
            for place in (self.places if INSUFFICIENT.search(said) else ())
            if place.node.cluster == pod.cluster
            and place.open
            and pod.pool in ("", place.node.pool)
            and not place.keeps_off(pod.spec.tolerations)
        ]
        asked = pod.asked()
        if not there or any(not place.lacks(asked) for place in there):
            return ""
        pool = f" on the pool {pod.pool}" if pod.pool else ""
        return f". Short{pool}: {short_of(asked, there, now=True)}"

    def with_taints(self, pod: Pod, said: str) -> str:
        """The scheduler's words, with the taints that it leaves without a name (since Kubernetes 1.36)."""
        names: Counter[str] = Counter()
        if UNNAMED in said:
            for (cluster, taints), nodes in self.taints.items():
                for taint in untolerated(taints, pod.spec.tolerations) if cluster == pod.cluster else ():
                    names[str(taint)] += nodes
        named = "; ".join(name for name, _ in names.most_common(EXAMPLES))
        return said.replace(UNNAMED, f"{UNNAMED} {{{named}}}", 1) if named else said

    def of_its_claims(self, pod: Pod, said: str) -> str:
        """What its claims' own events say, where one of them holds it back."""
        words = ""
        for key in _claims(pod) if OF_A_CLAIM.search(said) else ():
            if event := cause(self.claims.get(key, ())):
                words += f". Claim {key[-1]}: {quote(event)}"
        return words

    def last_word(self, pod: Pod) -> str:
        """The last event of a pod of which no scheduler has said a word."""
        told = [event for event in self.told.get(key_of(pod), ()) if event.when]
        if not told:
            return ""
        last = max(told, key=lambda event: event.when or pod.metadata.creation_timestamp)
        words = " ".join(last.message.split())[:QUOTED_WORDS]
        return f". Last event, {last.reason} of {last.reporter}: {words}"


@check("SCHED-001", severity=Severity.HIGH)
def test_pods_get_a_node_in_time(
    pods: list[Pod],
    now: datetime,
    nodes: list[Node] | None,
    events: list[Event] | None,
    *,
    max_wait: Duration = timedelta(minutes=10),
    max_wait_gpu: Duration = timedelta(minutes=30),
) -> Assessment:
    """No pod waits longer than ``max_wait`` for a node, or ``max_wait_gpu`` if it asks for a GPU.

    A pod without a node is a workspace, a job or a model API that somebody is waiting for. Pods that
    have ended are not assessed, nor those of a priority below zero, which only keep a place for others. All
    others are rolled up to what stays tomorrow (a Deployment; for executions the hardware tier, environment
    and project) and by cause, in the scheduler's own words. Where nodes may be seen, taints that it does not
    name are named, and where resources are insufficient, how much is free at most where the pod may go;
    where the scheduler is silent, the pod's last event is quoted; where a volume claim holds the pod back,
    that claim's own.

    Thresholds: ours; Domino publishes no queue-time objective. A GPU node may take longer to be
    bought and to join: under 10 minutes once it is there, much longer where capacity is short
    (Domino's field notes on GPU compute wait times), hence 30 minutes.

    Remediation: the finding quotes the scheduler. For insufficient resources, raise the node pool's
    maximum or lower the hardware tier's request; for taints and selectors, align the hardware tier
    with the node pool's labels and taints; nodes that are not ready or under pressure carry taints
    too, so see them first; for volumes, see their claims' events; where no scheduler has looked, see
    whether kube-scheduler runs.
    """

    def allowed(pod: Pod) -> timedelta:
        return max_wait_gpu if pod.has_accelerator else max_wait

    unfinished = [pod for pod in pods if not (pod.finished or pod.placeholder)]
    waiting = [(pod, waited) for pod in unfinished if (waited := pod.waiting(now))]
    alive = _last_judged(pods)
    late: dict[tuple[Ref, tuple[str, ...]], list[Pod]] = defaultdict(list)
    for pod, waited in waiting:
        if waited > allowed(pod):
            subject = pod.subject if not pod.silent or _is_alive(pod, alive) else _scheduler(pod)
            # Pods with the same reasons are one finding, whatever the counts, which decide their order too.
            # What is quoted is a name of their own: of a claim, for one.
            causes = {QUOTED.sub("", cause) for _, cause in _causes(pod, _said(pod, alive))}
            late[subject, tuple(sorted(causes))].append(pod)
    short = any(INSUFFICIENT.search(pod.why_unscheduled) for group in late.values() for pod in group)
    known = Known(
        alive,
        Counter((node.cluster, node.spec.taints) for node in nodes or () if not node.spec.unschedulable),
        of_pods((pod for group in late.values() for pod in group if pod.silent), events or ()),
        places(nodes or (), pods) if short else (),
        of_claims(
            {
                key: None
                for group in late.values()
                for pod in group
                if OF_A_CLAIM.search(pod.why_unscheduled)
                for key in _claims(pod)
            },
            events or (),
        ),
    )
    worst, longest = max(waiting, key=lambda each: each[1] - allowed(each[0]), default=(None, timedelta(0)))
    return Assessment(
        unfinished,
        [_finding(subject, group, now, allowed, known) for (subject, _), group in late.items()],
        worst=f"longest wait {age(longest)} of {age(allowed(worst))}" if worst else "no pod waits",
    )


def _finding(
    subject: Ref,
    late: list[Pod],
    now: datetime,
    allowed: Callable[[Pod], timedelta],
    known: Known,
) -> Finding:
    oldest = max(late, key=lambda pod: pod.waiting(now))
    who = "1 pod" if len(late) == 1 else f"{len(late)} pods"
    up_to = "" if len(late) == 1 else "up to "
    waited, wanted = age(oldest.waiting(now)), age(allowed(oldest))
    said = _said(oldest, known.alive)
    nodes = NODES.search(said)
    quoted = f"{nodes.group().rstrip('. ')}." if nodes else said
    explained = _explain(oldest, known.with_taints(oldest, said))
    scheduler = "" if explained.casefold() == quoted.casefold() else f". Scheduler: {quoted}"
    more = (
        f"{known.short(oldest, said)}{scheduler}{known.of_its_claims(oldest, said)}{known.last_word(oldest)}"
    )
    return Finding(
        subject,
        f"{who} without a node for {up_to}{waited}, allowed {wanted}. {explained}{more}",
        count=len(late),
        examples=tuple(sorted(pod.ref for pod in late)[:EXAMPLES]),
    )


def _claims(pod: Pod) -> Iterator[tuple[str, str, str]]:
    return ((pod.cluster, pod.metadata.namespace, name) for name in pod.claims)


def _scheduler(pod: Pod) -> Ref:
    return Ref(pod.cluster, "scheduler", "", pod.scheduler)


def _last_judged(pods: list[Pod]) -> dict[Ref, datetime]:
    """For each scheduler, when the youngest pod was created that it has looked at."""
    last: dict[Ref, datetime] = {}
    for pod in pods:
        if pod.judged:
            created, scheduler = pod.metadata.creation_timestamp, _scheduler(pod)
            last[scheduler] = max(created, last.get(scheduler, created))
    return last


def _is_alive(pod: Pod, alive: Mapping[Ref, datetime]) -> bool:
    """Whether the pod's scheduler has looked at pods that came after it."""
    last = alive.get(_scheduler(pod))
    return last is not None and last > pod.metadata.creation_timestamp


def _said(pod: Pod, alive: Mapping[Ref, datetime]) -> str:
    """Why it has no node, in the scheduler's words where it has said any."""
    if pod.silent and _is_alive(pod, alive):
        return f"{pod.scheduler} has said nothing of it, though it judges younger pods: see the pod's events"
    return pod.why_unscheduled


def _explain(pod: Pod, said: str) -> str:
    """What binds: ``Of 7 nodes: 1 with an untolerated taint, 6 not matching the selector a=b``."""
    causes = _causes(pod, said)
    text = ", ".join(f"{count} {cause}".strip() for count, cause in causes)
    nodes = NODES.search(said)
    if nodes and any(count for count, _ in causes):
        text = f"Of {nodes.group(1)} node{'s' if nodes.group(1) != '1' else ''}: {text}"
    if TERMINATING in said:
        promised = (
            f"node {pod.status.nominated_node_name} is" if pod.status.nominated_node_name else "a node is"
        )
        text += f"; {promised} promised to it, where a pod that gives way does not end"
    return text[:1].upper() + text[1:]


def _causes(pod: Pod, said: str) -> list[tuple[str, str]]:
    """How many nodes are ruled out, and why, in the scheduler's order. A node may be in several."""
    nodes = NODES.search(said)
    if not nodes:
        return [("", _cause(pod, said))]
    parts = [PART.fullmatch(part) for part in re.split(r", (?=\d+ )", nodes.group(2))]
    return [(part.group(1), _cause(pod, part.group(2))) for part in parts if part] or [
        ("", _cause(pod, nodes.group(2)))
    ]


def _cause(pod: Pod, said: str) -> str:
    if found := INSUFFICIENT.search(said):
        asked = pod.requests(found.group(1))
        return f"with insufficient {found.group(1)}{f' (requested: {asked})' if asked else ''}"
    if found := TAINT.search(said):
        taint = (found.group(1) or "").removesuffix(": ")
        return f"with an untolerated taint{f' ({taint})' if taint else ''}"
    if SELECTOR.search(said):
        selector = ",".join(f"{key}={value}" for key, value in sorted(pod.spec.node_selector.items()))
        return f"not matching the {f'selector {selector}' if selector else 'affinity'}"
    if GATED.search(said) and pod.spec.scheduling_gates:
        return (
            f"held back by the scheduling gate {', '.join(gate.name for gate in pod.spec.scheduling_gates)}"
        )
    return next((meaning for pattern, meaning in OTHERS if pattern.search(said)), said)
