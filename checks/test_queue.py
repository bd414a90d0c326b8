"""Scheduling: how long do executions wait for their node?"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.quantiles import quantile
from domino_health import Assessment, Attachment, Duration, Finding, Pod, Ref, Severity, Unseen, age, check

QUANTILES = (50, 95, 99)


@dataclass(frozen=True)
class Wait:
    """How long one execution has waited, or waits still."""

    pod: Pod
    lasts: timedelta
    ended: bool


@check("SCHED-007", severity=Severity.MEDIUM)
def test_executions_do_not_queue_for_long(
    pods: list[Pod], now: datetime, *, p95: Duration = timedelta(minutes=5), min_n: int = 20
) -> Assessment:
    """Of the executions that are still to be seen, 95 % got their node within ``p95``.

    What users feel as a queue: from the creation of an execution's pod to its node. One that waits still
    counts with its wait so far, which is less than it will be. Each hardware tier with ``min_n`` executions
    is judged by itself, and all of a cluster together: one slow tier hides among many quick ones.

    Finished pods vanish after a time, so that this is the recent past, and says how far it goes back; what
    waited in Domino before its pod was made is not in it. Fewer than ``min_n`` are too few for a percentile:
    they are healthy where not one of them waited for longer, and unknown where one did, for that may be the
    rule or a chance. Percentiles are of the values themselves (nearest rank), nothing is interpolated.

    Thresholds: ours. Domino publishes no objective for queue time.

    Remediation: SCHED-001 and CAP-003 say why those wait that wait now. For a tier that is slow every day,
    raise its pool's minimum of nodes, so that some are warm, or let the autoscaler keep room ahead
    (overprovisioning); for GPUs, reserve capacity with the cloud.
    """
    waits = [wait for pod in pods if pod.execution and (wait := _wait(pod, now)) is not None]
    clusters: dict[Ref, list[Wait]] = defaultdict(list)
    tiers: dict[Ref, list[Wait]] = defaultdict(list)
    for wait in waits:
        cluster = wait.pod.cluster
        clusters[Ref(cluster, "queue", "", "executions")].append(wait)
        if tier := wait.pod.metadata.labels.hardware_tier:
            tiers[Ref(cluster, "hardware-tier", "", tier)].append(wait)
    for there in (*clusters.values(), *tiers.values()):
        there.sort(key=lambda wait: wait.lasts)
    judged: dict[Ref, list[Wait]] = {}
    unseen = []
    for ref, there in clusters.items():
        if len(there) >= min_n or there[-1].lasts <= p95:
            judged[ref] = there
        else:
            unseen.append(_too_few(ref, there, min_n))
    judged |= {ref: there for ref, there in tiers.items() if len(there) >= min_n}
    slow = {ref: there for ref, there in judged.items() if p(95, there) > p95}
    # A tier's own finding says more than that of the cluster which it makes slow.
    told = {ref.cluster for ref in slow if ref.kind == "hardware-tier"}
    slow = {
        ref: there for ref, there in slow.items() if ref.kind == "hardware-tier" or ref.cluster not in told
    }
    rows = [(ref.text(with_cluster=True), *_row(there)) for ref, there in {**clusters, **tiers}.items()]
    worst = max((p(95, there) for there in judged.values()), default=timedelta(0))
    oldest = max((now - wait.pod.metadata.creation_timestamp for wait in waits), default=timedelta(0))
    columns = ("of", "n", "p50", "p95", "p99", "wait still")
    return Assessment(
        [wait for there in (judged[ref] for ref in clusters if ref in judged) for wait in there],
        [_finding(ref, there, p95) for ref, there in sorted(slow.items())],
        unseen=unseen,
        window=f"{len(waits)} executions, the oldest of {age(oldest)} ago" if waits else "",
        worst=f"p95 {age(worst)} of {age(p95)}" if judged else "",
        attachments=[Attachment.table("From creation to node", columns, rows)] if waits else [],
    )


def p(percent: int, waits: Sequence[Wait]) -> timedelta:
    """A percentile of waits that come in order, the shortest first."""
    return quantile([wait.lasts for wait in waits], percent)


def _wait(pod: Pod, now: datetime) -> Wait | None:
    """None where it cannot be told: it ended or goes without a node, or nobody says when it got its own."""
    scheduled = pod.condition("PodScheduled")
    if pod.spec.node_name:
        if scheduled is None or scheduled.status != "True" or scheduled.last_transition_time is None:
            return None
        lasts = scheduled.last_transition_time - pod.metadata.creation_timestamp
        return Wait(pod, max(lasts, timedelta(0)), ended=True)
    if pod.finished or pod.metadata.deletion_timestamp:
        return None
    return Wait(pod, pod.waiting(now), ended=False)


def _row(waits: Sequence[Wait]) -> tuple[str, ...]:
    still = sum(not wait.ended for wait in waits)
    return str(len(waits)), *(age(p(each, waits)) for each in QUANTILES), str(still)


def _finding(ref: Ref, waits: Sequence[Wait], allowed: timedelta) -> Finding:
    parts = ", ".join(f"p{each} {age(p(each, waits))}" for each in QUANTILES)
    late = [wait for wait in reversed(waits) if wait.lasts > allowed]
    still = sum(not wait.ended for wait in waits)
    counted = f", {still} of them wait still" if still else ""
    message = f"{parts} of {len(waits)} executions{counted}; allowed for p95: {age(allowed)}"
    return Finding(ref, message, count=len(late), examples=tuple(wait.pod.ref for wait in late[:3]))


def _too_few(ref: Ref, waits: Sequence[Wait], min_n: int) -> Unseen:
    longest, n = age(waits[-1].lasts), len(waits)
    seen = f"{n} executions to be seen, the slowest of {longest}" if n > 1 else f"1 execution, of {longest}"
    return Unseen(
        ref.text(with_cluster=True),
        f"{seen}, and a percentile needs {min_n}",
        "run it when more work is there, or lower min_n of SCHED-007 in the profile",
    )
