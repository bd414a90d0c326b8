"""Compute clusters: do Spark, Ray, Dask and MPI come up beside their executions, whole, and go with them?"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domino_health import (
    Assessment,
    Attachment,
    ComputeCluster,
    Duration,
    Finding,
    Pod,
    Ref,
    Severity,
    age,
    check,
)

EXAMPLES = 3
QUOTED = 200
"""Characters of what a scheduler or a kubelet says."""
OPERATOR = "distributed-compute-operator"
NODE = re.compile(r"(?P<of>.+)-(?P<on>spark|ray|dask|mpi)-(?P<part>worker|[a-z]+)(-.*)?")
"""How the operator names what a cluster is made of: ``ray-65f0…-ray-worker-0`` (its pkg/cluster/metadata)."""


@dataclass
class Members:
    """The pods of one cluster."""

    workers: list[Pod] = field(default_factory=list)
    heads: list[Pod] = field(default_factory=list)
    """Ray's head, Spark's master or Dask's scheduler; MPI has none."""


@dataclass(frozen=True)
class Trouble:
    """What is wrong with one cluster."""

    of: ComputeCluster
    kind: str
    lasts: timedelta
    says: str
    severity: Severity = Severity.MEDIUM


@check("WORK-003", severity=Severity.MEDIUM)
def test_compute_clusters_come_up_whole_and_go(
    compute_clusters: list[ComputeCluster],
    pods: list[Pod],
    now: datetime,
    *,
    max_changing: Duration = timedelta(minutes=15),
    max_unused: Duration = timedelta(hours=1),
) -> Assessment:
    """Clusters of Spark, Ray, Dask and MPI come up within ``max_changing``, whole, and go.

    Domino makes such a cluster beside a workspace or job that asks for one, and its operator makes the pods.
    Medium: a cluster that failed, has no head yet, or lost it; workers that are missing or not ready (low
    while at least half of them work: it computes, only slower); one that does not go, which keeps its nodes.
    The finding quotes what the first pod that is not ready waits for. Low: a cluster whose
    execution has had no pod of its own for longer than ``max_unused``: it costs its nodes, and nobody
    computes. An execution is known by Domino's label execution-id on both; without it nothing is said.

    Of a cluster that scales itself the workers that it asks for now are wanted, and they may come one after
    another: while one comes up in time, those after it are not missed.

    Thresholds: ours. Domino publishes no time within which an on-demand cluster has to be up; its images are
    as large as environments, and its nodes are often started for it: 15 minutes are a new node (5, SCHED-007)
    and a cold start (10, WORK-002). An hour unused is a cluster that is paid for and that nobody waits for.

    Remediation: for pods that wait for a node see SCHED-001, for images that do not come SCHED-008 and
    IMG-001. For a cluster without any pod, or one that does not go, see the log of
    distributed-compute-operator in the platform's namespace. One that nobody uses: stop its execution in
    Domino, and delete it where that is gone.
    """
    members = _members(pods)
    used = _used(pods, now)
    troubles: dict[tuple[Ref, str], list[Trouble]] = defaultdict(list)
    rows = []
    for each in compute_clusters:
        there = members.get((each.cluster, each.metadata.namespace, each.on, each.metadata.name), Members())
        for trouble in _troubles(each, there, used, now, max_changing, max_unused):
            troubles[each.subject, trouble.kind].append(trouble)
        rows.append(_row(each, there, now))
    changing = [now - each.metadata.creation_timestamp for each in compute_clusters if _comes_up(each)]
    return Assessment(
        compute_clusters,
        [_finding(subject, there) for (subject, _), there in sorted(troubles.items(), key=lambda it: it[0])],
        worst=f"the longest start {age(max(changing))} of {age(max_changing)}" if changing else "",
        attachments=[Attachment.table("Compute clusters", ("cluster", "status", "workers", "age"), rows)]
        if rows
        else [],
    )


def _members(pods: Sequence[Pod]) -> Mapping[tuple[str, str, str, str], Members]:
    found: dict[tuple[str, str, str, str], Members] = defaultdict(Members)
    for pod in pods:
        if not pod.finished and (named := NODE.fullmatch(pod.metadata.name)):
            there = found[pod.cluster, pod.metadata.namespace, named["on"], named["of"]]
            (there.workers if named["part"] == "worker" else there.heads).append(pod)
    return found


def _used(pods: Sequence[Pod], now: datetime) -> Mapping[tuple[str, str], datetime]:
    """Until when each execution, by cluster and id, has had a pod of its own."""
    until: dict[tuple[str, str], datetime] = {}
    for pod in pods:
        if pod.metadata.labels.execution_id and not NODE.fullmatch(pod.metadata.name):
            key = pod.cluster, pod.metadata.labels.execution_id
            last = _ended(pod) if pod.finished else now
            until[key] = max(last, until.get(key, last))
    return until


def _ended(pod: Pod) -> datetime:
    """When the last of its containers did."""
    ends = (each.state.terminated.finished_at for each in pod.statuses if each.state.terminated)
    return max((each for each in ends if each), default=pod.metadata.creation_timestamp)


def _comes_up(each: ComputeCluster) -> bool:
    return each.status.cluster_status in ("", "Pending", "Starting") and not each.metadata.deletion_timestamp


def _troubles(
    each: ComputeCluster,
    there: Members,
    used: Mapping[tuple[str, str], datetime],
    now: datetime,
    max_changing: timedelta,
    max_unused: timedelta,
) -> Iterator[Trouble]:
    old = max(now - each.metadata.creation_timestamp, timedelta(0))
    if each.metadata.deletion_timestamp:
        if (going := now - each.metadata.deletion_timestamp) > max_changing:
            left = len(there.workers) + len(there.heads)
            pods = f", {left} of its pods are there" if left else ""
            says = f"it has been told to go for {age(going)} and is not gone{pods}: {OPERATOR} holds it"
            yield Trouble(each, "going", going, says)
        return
    execution = each.metadata.labels.execution
    last = used.get((each.cluster, execution), each.metadata.creation_timestamp)
    if execution and (unused := min(old, now - last)) > max_unused:
        says = f"nobody uses it: its execution has had no pod for {age(unused)}"
        yield Trouble(each, "unused", unused, says, Severity.LOW)
        return
    if each.status.cluster_status == "Failed":
        says = f"it failed: {each.status.reason or 'its operator does not say why'}"
        yield Trouble(each, "failed", old, says)
        return
    if not there.heads and not there.workers:
        if old > max_changing:
            says = f"it has no pod {age(old)} after it was made: is {OPERATOR} running?"
            yield Trouble(each, "no pods", old, says)
        return
    lacking = [pod for pod in there.heads if _unready(pod, now) > max_changing]
    if lacking and not any(pod.ready for pod in there.heads):
        lasts = _unready(lacking[0], now)
        says = f"its {_part(lacking[0])} has not been ready for {age(lasts)}: {_why(lacking[0])}"
        yield Trouble(each, "head", lasts, says)
        return
    yield from _workers(each, there, old, now, max_changing)


def _workers(
    each: ComputeCluster, there: Members, old: timedelta, now: datetime, allowed: timedelta
) -> Iterator[Trouble]:
    ready = sum(pod.ready for pod in there.workers)
    missing = each.wanted - len(there.workers)
    lacking = sorted(
        (pod for pod in there.workers if not pod.ready), key=lambda pod: _unready(pod, now), reverse=True
    )
    late = [pod for pod in lacking if _unready(pod, now) > allowed]
    in_time = len(lacking) > len(late)
    if not late and (missing <= 0 or in_time or old <= allowed):
        return
    lasts = _unready(late[0], now) if late else old
    why = _why(late[0]) if late else f"the others were not made; is {OPERATOR} running, or a quota full?"
    wanted = max(each.wanted, len(there.workers))
    severity = Severity.LOW if 2 * ready >= wanted else Severity.MEDIUM
    says = f"{ready} of {wanted} workers ready, the first that is not for {age(lasts)}: {why}"
    yield Trouble(each, "workers", lasts, says, severity)


def _unready(pod: Pod, now: datetime) -> timedelta:
    """How long it has not been ready; zero where it is."""
    return timedelta(0) if pod.ready else pod.since(pod.condition("Ready"), now)


def _part(pod: Pod) -> str:
    named = NODE.fullmatch(pod.metadata.name)
    return named["part"] if named else "head"


def _why(pod: Pod) -> str:
    """What it waits for, in the scheduler's or its kubelet's words."""
    if not pod.spec.node_name:
        return pod.why_unscheduled[:QUOTED]
    for status in pod.statuses:
        waiting, ended = status.state.waiting, status.state.terminated
        if waiting and waiting.reason not in ("PodInitializing", "ContainerCreating", ""):
            return f"its container {status.name} waits ({waiting.reason})"
        if ended and ended.exit_code:
            return f"its container {status.name} ended with exit code {ended.exit_code}"
    return (
        "it runs, and does not say that it is ready" if pod.status.phase == "Running" else "it is being made"
    )


def _finding(subject: Ref, troubles: Sequence[Trouble]) -> Finding:
    """One for all clusters of a subject that have the same trouble, in the words of the longest."""
    longest = max(troubles, key=lambda each: each.lasts)
    more = f" ({len(troubles)} clusters)" if len(troubles) > 1 else ""
    return Finding(
        subject,
        f"{longest.of.metadata.name}: {longest.says}{more}",
        max(each.severity for each in troubles),
        count=len(troubles),
        examples=tuple(sorted(each.of.ref for each in troubles)[:EXAMPLES]),
    )


def _row(each: ComputeCluster, there: Members, now: datetime) -> tuple[str, ...]:
    ready = sum(pod.ready for pod in there.workers)
    return (
        each.ref.text(with_cluster=True),
        "going" if each.metadata.deletion_timestamp else each.status.cluster_status or "not taken up",
        f"{ready} of {each.wanted}",
        age(max(now - each.metadata.creation_timestamp, timedelta(0))),
    )
