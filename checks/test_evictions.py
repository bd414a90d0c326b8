"""Scheduling: are pods put out of their nodes, and by what?"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.parts import platform_of
from checks.pressure import cause
from checks.seen_events import since, window
from domino_health import (
    Assessment,
    Attachment,
    DominoNamespace,
    Duration,
    Event,
    Finding,
    Pod,
    Ref,
    Severity,
    age,
    check,
    is_execution_name,
)

EXAMPLES = 3
PREEMPTED = "preemption by a pod of higher priority"
# What puts pods out, by the reason of their condition DisruptionTarget (Kubernetes' disruption conditions).
# EvictionByEvictionAPI is a drain, an upgrade or an autoscaler that packs: somebody wants it so.
TARGETED = {
    "PreemptionByScheduler": PREEMPTED,
    "DeletionByTaintManager": "a taint of its node",
    "TerminationByKubelet": "pressure on its node",
}
# Events that say the same of a pod that may be gone: reason, and what it means.
TOLD = {
    "Preempted": PREEMPTED,
    "TaintManagerEviction": "a taint of its node",
}
# A Deployment's pod that is gone: its owner is told from its name.
OWNED = re.compile(r"(?P<deployment>.+)-[0-9a-f]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$")


@dataclass(frozen=True)
class Eviction:
    """A pod that was put out of its node."""

    pod: Ref
    owner: Ref
    why: str
    ago: timedelta
    words: str
    """Of the kubelet or the scheduler, where they are known."""
    gone: bool = False


@check("SCHED-002", severity=Severity.HIGH)
def test_pods_are_not_put_out_of_their_nodes(
    pods: list[Pod],
    events: list[Event] | None,
    domino_namespaces: list[DominoNamespace],
    now: datetime,
    *,
    recent: Duration = timedelta(hours=1),
    others: int = 5,
) -> Assessment:
    """No pod of the platform, and at most ``others`` others, were evicted or preempted within ``recent``.

    A node that runs out of memory or disk puts pods out to save itself, those first that use more than
    they asked for; one that has fallen silent loses all of them; and a pod of higher priority takes the
    place of others. Each is told with its cause, in the kubelet's words, and rolled up to its owner.

    Normal, and no finding: pods that somebody moves through the eviction API (a drain, an upgrade, an
    autoscaler that packs), pods of a priority below zero that give way to others, for that is what they are
    for (overprovisioning), and what was put out longer ago. Evicted pods stay as *Failed* for a time;
    preempted ones vanish at once, and events tell of them, which live an hour.

    Thresholds: any of the platform's own is high, after Domino's alarm on evicted front-end pods (more
    than none for 5 minutes warns, more than 5 is critical; metrics to monitor). For all others of a
    cluster together 5 per hour, ours: that is medium.

    Remediation: for memory, see who used more than it asked for on that node (the message names it), and
    raise its request or its limit down to it; for disk, images and logs: see ephemeral-storage, and the
    node's image collection. For a taint see the node (SCHED-003). For preemption, see which priority
    classes the platform and its tenants use, and whether the pool has room (CAP-004).
    """
    platform = platform_of(domino_namespaces)
    found = {each.pod: each for each in _told(events or (), pods, now, recent)}
    found |= {each.pod: each for each in _seen(pods, now, recent)}
    giving_way = {pod.subject for pod in pods if pod.placeholder}
    found = {
        ref: each for ref, each in found.items() if each.why != PREEMPTED or each.owner not in giving_way
    }
    of_platform: dict[Ref, list[Eviction]] = defaultdict(list)
    of_others: dict[Ref, list[Eviction]] = defaultdict(list)
    for each in found.values():
        within = (each.owner.cluster, each.owner.namespace) in platform
        (of_platform if within else of_others)[each.owner].append(each)
    counts = Counter(owner.cluster for owner, there in of_others.items() for _ in there)
    most = max(counts.values(), default=0)
    findings = [_finding(owner, there, Severity.HIGH) for owner, there in sorted(of_platform.items())]
    findings += [
        _finding(owner, there, Severity.MEDIUM)
        for owner, there in sorted(of_others.items())
        if counts[owner.cluster] > others
    ]
    causes = Counter(each.why for each in found.values())
    table = Attachment.table("Put out of their nodes", ("cause", "pods"), causes.most_common())
    return Assessment(
        [*pods, *(each for each in found.values() if each.gone)],
        findings,
        window=window(events, now),
        worst=f"{most} beside the platform's, of {others} in {age(recent)}" if found else "none put out",
        attachments=[table] if causes else [],
    )


def _seen(pods: Sequence[Pod], now: datetime, recent: timedelta) -> Iterator[Eviction]:
    """Pods that are there still, and say it themselves."""
    for pod in pods:
        if not pod.finished and pod.metadata.deletion_timestamp is None:
            continue  # nobody has put it out, or not yet
        target = pod.condition("DisruptionTarget")
        targeted = target is not None and target.status == "True"
        if not targeted and pod.status.reason != "Evicted":
            continue
        why = TARGETED.get(target.reason, "") if target is not None and targeted else ""
        if targeted and not why:
            continue  # somebody wants it so
        ago = _ago(pod, now)
        if ago <= recent:
            words = " ".join((pod.status.message or (target.message if target else "")).split())
            yield Eviction(pod.ref, pod.subject, cause(words) or why or "pressure on its node", ago, words)


def _ago(pod: Pod, now: datetime) -> timedelta:
    """Since when it is put out: by its condition, else by the end of a container, else since it was made."""
    target = pod.condition("DisruptionTarget")
    moments = [status.state.terminated.finished_at for status in pod.statuses if status.state.terminated]
    ended = [moment for moment in moments if moment is not None]
    since_when = (target and target.last_transition_time) or (max(ended) if ended else None)
    return max(now - (since_when or pod.metadata.creation_timestamp), timedelta(0))


def _told(
    events: Sequence[Event], pods: Sequence[Pod], now: datetime, recent: timedelta
) -> Iterator[Eviction]:
    """Pods that events tell of: most of them are gone."""
    told = []
    for event in events:
        why = TOLD.get(event.reason, "")
        # An autoscaler calls it Evicted too when it packs or drains a node, and means no harm: type Normal.
        if event.reason == "Evicted" and event.type != "Normal" and event.involved_object.kind == "Pod":
            why = cause(event.message) or "pressure on its node"
        if why and not event.message.startswith("Cancelling") and since(event, now) <= recent:
            told.append((event, why))
    there = _there({event.about for event, _ in told}, pods)
    for event, why in told:
        pod = there.get(event.about)
        owner = pod.subject if pod else _owner_of(event.about)
        words = " ".join(event.message.split())
        yield Eviction(event.about, owner, why, since(event, now), words, gone=pod is None)


def _there(wanted: Collection[Ref], pods: Sequence[Pod]) -> dict[Ref, Pod]:
    """Those of the wanted pods that are there still. Most pods are not wanted, and there are many."""
    names = {ref.name for ref in wanted}
    return {pod.ref: pod for pod in pods if pod.metadata.name in names and pod.ref in wanted}


def _owner_of(pod: Ref) -> Ref:
    """What a pod belonged to that is gone: an execution, a Deployment, by its name; else itself."""
    if is_execution_name(pod.name):  # the tier and the project were on its labels, which are gone with it
        return Ref(pod.cluster, "execution", pod.namespace, "unlabelled")
    found = OWNED.fullmatch(pod.name)
    return Ref(pod.cluster, "deployment", pod.namespace, found["deployment"]) if found else pod


def _finding(owner: Ref, there: Sequence[Eviction], severity: Severity) -> Finding:
    causes = Counter(each.why for each in there)
    why = ", ".join(f"{why} ({count})" if len(causes) > 1 else why for why, count in causes.most_common())
    last = min(there, key=lambda each: each.ago)
    who = "1 pod was" if len(there) == 1 else f"{len(there)} pods were"
    words = f". Last: {last.words[:300]}" if last.words else ""
    return Finding(
        owner,
        f"{who} put out, last {age(last.ago)} ago: {why}{words}",
        severity,
        count=len(there),
        examples=tuple(sorted(each.pod for each in there)[:EXAMPLES]),
    )
