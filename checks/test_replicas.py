"""Probes: is what should run there, and ready to be asked?"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checks.serving import Replicated, behind
from domino_health import (
    Assessment,
    Condition,
    DaemonSet,
    Deployment,
    DominoService,
    Duration,
    EndpointSlice,
    Finding,
    Node,
    Pod,
    Ref,
    Service,
    Severity,
    StatefulSet,
    age,
    check,
)

EXAMPLES = 3
QUOTED = 300
"""Characters of a workload's own words."""


@check("PROBE-005", severity=Severity.HIGH)
def test_workloads_have_their_replicas_and_services_something_ready_behind_them(
    deployments: list[Deployment],
    statefulsets: list[StatefulSet],
    daemonsets: list[DaemonSet],
    services: list[Service],
    endpoint_slices: list[EndpointSlice],
    pods: list[Pod],
    nodes: list[Node] | None,
    domino_services: list[DominoService] | None,
    now: datetime,
    *,
    starts_within: Duration = timedelta(minutes=10),
    unready_for: Duration = timedelta(minutes=5),
    front_end: int = 2,
) -> Assessment:
    """Every Deployment, StatefulSet and DaemonSet has the pods it wants, every Service one that is ready.

    What has none ready is down; what has some is weaker than somebody wanted it. A Deployment that has all,
    and has said for longer than ``starts_within`` that its next version is refused, or does not come, is
    medium: an update that seems done is not. The workload's own words are quoted where it has any, such as a
    quota that refuses its pods. A Service whose workloads have their replicas and that still has nothing
    ready behind it selects other pods than was meant, or none.

    Normal, and no finding: pods that are younger than ``starts_within`` (a roll-out, a new node), or that
    have not been ready for ``unready_for`` at most (a restart), and those that make way for the next: a
    StatefulSet, a DaemonSet and a Deployment that recreates make it when the one before is gone, and an
    ordered StatefulSet when those before it are ready. A Deployment that says itself that it has been short
    for longer is found, however young its pods are: something ends them again and again. A DaemonSet's pod
    on a node that is not Ready is the node's trouble (SCHED-003), and not that of each DaemonSet. Normal is
    also what is scaled to nothing, and the Service before it; a Service without a selector, with an external
    name, or before executions, which come and go. A Service that selects nothing at all is low: it may be
    left over. The services that DOM-002 answers for are left to it, but for a front end of fewer than
    ``front_end`` replicas, which is medium: each roll-out and each lost node is an outage.

    Thresholds: 5 minutes not ready are what Domino allows a front-end pod before it alarms (metrics to
    monitor). 10 minutes to start are ours, twice that. Two for the front end: fewer than that, for 10
    minutes, is critical to those who run Domino.

    Remediation: see the workload's events and its pods' (kubectl describe): what has no pods is refused
    them (a quota, a missing service account), what has pods that are not ready fails its probes
    (PROBE-004), its start (SCHED-008) or has no node (SCHED-001). For a Service, hold its selector against
    the labels of the pods.
    """
    everything: list[Replicated] = [*deployments, *statefulsets, *daemonsets]
    answered = {service.ref_of(each) for service in domino_services or () for each in service.candidates}
    underway = _underway(pods, now, starts_within, unready_for)
    underway.going.update(_with_their_node(pods, nodes or ()))
    found: dict[Ref, Finding] = {}
    stalled: list[Finding] = []
    excused = set(answered)
    for workload in everything:
        ready, wanted = workload.ready, workload.wanted
        if isinstance(workload, Deployment) and (stopped := _stopped(workload, now, starts_within)):
            stalled.append(stopped)
        if ready >= wanted or workload.ref in answered:
            continue
        starts = ready + underway.coming(workload) >= wanted
        if _young(workload, now, starts_within) or (
            starts and not _short_for_long(workload, now, starts_within)
        ):
            excused.add(workload.ref)
        else:
            found[workload.ref] = _short(workload, ready, wanted)
    told = {*found, *excused}
    judged = [each for each in services if each.spec.selector and each.spec.type != "ExternalName"]
    endpoints = _endpoints(endpoint_slices)
    findings = [
        *found.values(),
        *stalled,
        *_few(domino_services or (), front_end),
        *(
            finding
            for service, there in behind(judged, everything)
            if not _young(service, now, starts_within)
            and (finding := _unanswered(service, there, endpoints, told)) is not None
        ),
    ]
    return Assessment([*everything, *judged], findings)


@dataclass(frozen=True)
class Underway:
    """Pods by which what is short will have its replicas without anybody's help, of each owner."""

    starting: Counter[Ref] = field(default_factory=Counter)
    """Not ready yet, and not for too long."""
    going: Counter[Ref] = field(default_factory=Counter)
    """About to be gone, and not for too long."""
    there: Counter[Ref] = field(default_factory=Counter)
    """All that have not ended, of StatefulSets."""

    def coming(self, workload: Replicated) -> int:
        """How many will be ready, as far as is to be seen."""
        coming = self.starting[workload.ref]
        if _one_by_one(workload):
            coming += self.going[workload.ref]
        if coming and _in_order(workload):
            coming += max(0, workload.wanted - self.there[workload.ref])  # made when those before are ready
        return coming


def _underway(
    pods: Sequence[Pod], now: datetime, starts_within: timedelta, unready_for: timedelta
) -> Underway:
    found = Underway()
    for pod in pods:
        if pod.finished:
            continue
        if any(owner.kind == "StatefulSet" for owner in pod.metadata.owner_references):
            found.there[pod.subject] += 1
        ends = pod.metadata.deletion_timestamp
        lately = now - (ends or pod.metadata.creation_timestamp) <= starts_within
        if ends:
            found.going[pod.subject] += lately
        elif not pod.ready and (lately or pod.since(pod.condition("Ready"), now) <= unready_for):
            found.starting[pod.subject] += 1
    return found


def _with_their_node(pods: Sequence[Pod], nodes: Sequence[Node]) -> Counter[Ref]:
    """For each DaemonSet, how many of its pods are on nodes that are not Ready."""
    lost = {(node.cluster, node.metadata.name) for node in nodes if not node.ready}
    if not lost:
        return Counter()
    there = (pod for pod in pods if (pod.cluster, pod.spec.node_name) in lost)
    return Counter(
        pod.subject
        for pod in there
        if pod.subject.kind == "daemonset" and not (pod.ready or pod.metadata.deletion_timestamp)
    )


def _one_by_one(workload: Replicated) -> bool:
    """Whether it makes the next pod only when the one before is gone."""
    return not isinstance(workload, Deployment) or workload.spec.strategy.type == "Recreate"


def _in_order(workload: Replicated) -> bool:
    """Whether it makes the next pod only when those before it are ready."""
    return isinstance(workload, StatefulSet) and workload.spec.pod_management_policy == "OrderedReady"


def _short_for_long(workload: Replicated, now: datetime, starts_within: timedelta) -> bool:
    """Whether a Deployment says itself that it has been short for longer than a start takes."""
    available = workload.condition("Available") if isinstance(workload, Deployment) else None
    lasts = available.lasts(now) if available and available.status == "False" else None
    return lasts is not None and lasts > starts_within


def _young(each: Replicated | Service, now: datetime, starts_within: timedelta) -> bool:
    made = each.metadata.creation_timestamp
    return made is not None and now - made <= starts_within


def _stopped(workload: Deployment, now: datetime, starts_within: timedelta) -> Finding | None:
    """What is wrong with a roll-out of which the pods of before are all ready, so that nobody misses any."""
    if not 0 < workload.wanted <= workload.ready:
        return None
    for condition in _complaints(workload):
        lasts = condition.lasts(now)
        if lasts is None or lasts > starts_within:
            since = "" if lasts is None else f" for {age(lasts)}"
            message = f"its pods of before are ready, and its next version does not come{since}"
            return Finding(workload.ref, f"{message}: {_words(workload)}", Severity.MEDIUM)
    return None


def _short(workload: Replicated, ready: int, wanted: int) -> Finding:
    replicas = "pod" if isinstance(workload, DaemonSet) else "replica"
    said = f"{ready} of {wanted} {replicas}{'s' if wanted != 1 else ''} ready"
    words = _words(workload)
    return Finding(
        workload.ref,
        f"{said}: {words}" if words else said,
        Severity.MEDIUM if ready else Severity.HIGH,
        count=wanted - ready,
    )


def _complaints(workload: Replicated) -> Iterator[Condition]:
    """Conditions by which it says why: what refuses its pods first, then a roll-out that has stopped."""
    if isinstance(workload, Deployment):
        if workload.refusal is not None:
            yield workload.refusal
        progress = workload.condition("Progressing")
        if progress is not None and progress.status == "False":
            yield progress


def _words(workload: Replicated) -> str:
    """The first that it complains of."""
    return next((" ".join(each.message.split())[:QUOTED] for each in _complaints(workload)), "")


def _few(services: Sequence[DominoService], front_end: int) -> Iterator[Finding]:
    for service in services:
        for each in service.candidates if service.role == "front_end" else ():
            if 0 < each.wanted < front_end:
                wanted = f"{each.wanted} replica{'s' if each.wanted > 1 else ''} wanted"
                message = (
                    f"front end: {wanted}, fewer than {front_end}: a roll-out or a lost node is an outage"
                )
                yield Finding(service.ref_of(each), message, Severity.MEDIUM)


def _endpoints(slices: Sequence[EndpointSlice]) -> Mapping[Ref, tuple[int, int]]:
    """For each Service, how many endpoints are ready, and how many there are that stay."""
    ready: dict[Ref, Counter[str]] = defaultdict(Counter)
    there: dict[Ref, Counter[str]] = defaultdict(Counter)
    for each in slices:
        endpoints = each.endpoints or ()
        # A Service of two IP families has a slice of each, and each pod is in both.
        ready[each.service][each.address_type] += sum(endpoint.is_ready for endpoint in endpoints)
        there[each.service][each.address_type] += sum(
            not endpoint.conditions.terminating for endpoint in endpoints
        )
    return {ref: (max(ready[ref].values()), max(count.values())) for ref, count in there.items()}


def _unanswered(
    service: Service,
    there: Sequence[Replicated],
    endpoints: Mapping[Ref, tuple[int, int]],
    told: set[Ref],
) -> Finding | None:
    """What is wrong with a Service, beside what is told of the workloads behind it."""
    ready, known = endpoints.get(service.ref, (0, 0))
    if ready or service.of_executions or any(workload.ref in told for workload in there):
        return None
    if known:
        pods = "1 pod is" if known == 1 else f"{known} pods are"
        return Finding(service.ref, f"{pods} behind it, and none is ready: every request to it fails")
    if there and not any(workload.wanted for workload in there):
        return None
    selector = ",".join(f"{key}={value}" for key, value in sorted((service.spec.selector or {}).items()))
    names = ", ".join(str(workload.ref) for workload in there[:EXAMPLES])
    meant = f"; meant may be {names}" if there else "; it may be left over"
    return Finding(service.ref, f"it selects no pod ({selector}){meant}", Severity.LOW)
