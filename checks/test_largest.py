"""Capacity: does what runs now still fit the nodes that it would have to start on again?"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from checks.fitting import Shape, running
from checks.hosting import SIDE_CARS, Host, hosts, short_of
from domino_health import (
    Assessment,
    Attachment,
    Finding,
    Node,
    Pod,
    Ref,
    Severity,
    Size,
    amount,
    check,
    quantity,
    size,
)

EXAMPLES = 3


@dataclass
class Work:
    """Pods that ask for the same of the same pool."""

    shape: Shape
    wanted: Shape
    """The same, with the reserve for Domino's side-cars."""
    pods: list[Pod] = field(default_factory=list)
    why: str = ""
    """Of what does not fit: what is missing, and whether it is missing without the reserve too."""
    never: bool = False

    @property
    def order(self) -> tuple[int, int]:
        """The larger one is later."""
        return self.wanted.get("memory", 0), self.wanted.get("cpu", 0)


@check("CAP-007", severity=Severity.MEDIUM)
def test_the_largest_workload_of_each_pool_still_fits_one_of_its_nodes(
    pods: list[Pod], nodes: list[Node], *, side_cars: Size = SIDE_CARS
) -> Assessment:
    """What runs in a node pool would find a node there again, with ``side_cars`` reserved for Domino's own.

    When machines are exchanged for smaller ones, when DaemonSets grow or a pool's large nodes are drained,
    what runs now keeps running; it fails to start the next time, after an upgrade, on a Monday. So each
    workload that runs, and insists on its pool, is held against the pool's nodes as they are when they are
    empty: what they have for pods (allocatable) without their DaemonSets, and of these only nodes that stay.
    Nodes that are cordoned, or that an autoscaler takes away, count where the pool has no others.

    Of an execution, the memory of its side-cars is counted as at least ``side_cars``; where that alone is
    what does not fit, it is low. What waits for a node is not judged here: SCHED-001 and CAP-003 do. A pool
    whose nodes Karpenter makes is left out, for it may make a larger one; so is a pool at no nodes, whose
    size is not known.

    Threshold: 2574 MiB is the reserve for istio-proxy, executor and nginx in the formula of Domino's Admin
    Toolkit for the largest hardware tier of a node.

    Remediation: give the pool a machine type as large as the one that goes, before that one is drained; or
    lower the hardware tier, or the workload's requests, to what the nodes have, and tell its users first.
    """
    found = hosts(nodes, pods)
    work = _work(pods, side_cars)
    fixed = {key: host for key, host in found.items() if key in work and not host.elastic}
    findings = [
        _finding(owner, those, key[1], gone)
        for key, host in sorted(fixed.items())
        for gone in [_not_counted(host)]
        for owner, those in _too_large(work[key], host, side_cars).items()
    ]
    rows = [_row(key, found[key], work[key]) for key in sorted(work) if key in found]
    columns = ("cluster", "pool", "largest workload", "asks for", "largest node", "has for pods")
    return Assessment(
        fixed,
        findings,
        attachments=[Attachment.table("The largest of each pool", columns, rows)] if rows else [],
    )


def _work(pods: Sequence[Pod], side_cars: int) -> Mapping[tuple[str, str], Sequence[Work]]:
    """What runs and insists on a pool, by cluster and pool: a handful of shapes, of however many pods."""
    found: dict[tuple[str, str], dict[frozenset[tuple[str, int]], Work]] = defaultdict(dict)
    for pod in running(pods):
        if not (pool := pod.pool):
            continue
        asked = pod.asked()
        wanted = _with_side_cars(pod, asked, side_cars) if pod.execution else asked
        there = found[pod.cluster, pool]
        # With the reserve, two that ask for different amounts may want the same.
        key = frozenset((*wanted.items(), ("asked", asked.get("memory", 0))))
        if key not in there:
            there[key] = Work(asked, wanted)
        there[key].pods.append(pod)
    return {key: tuple(there.values()) for key, there in found.items()}


def _with_side_cars(pod: Pod, asked: Shape, side_cars: int) -> Shape:
    """With no less memory than its largest container asks for, and the reserve."""
    memory = (each.resources.requests.get("memory", "0") for each in pod.spec.containers)
    least = max(map(quantity, memory), default=0) + side_cars * 1000
    return {**asked, "memory": max(asked.get("memory", 0), least)}


def _too_large(work: Sequence[Work], host: Host, side_cars: int) -> Mapping[Ref, list[Work]]:
    """What finds no node again, by owner."""
    found: dict[Ref, dict[int, Work]] = defaultdict(dict)
    for at, each in enumerate(work):
        if host.fits(each.wanted):
            continue
        never = not host.fits(each.shape)
        why = f"would find no node there again: {short_of(each.shape, host.lasting)}"
        if not never:
            why = (
                f"leaves less than the {size(side_cars)} that Domino reserves for side-cars: with them, "
                f"{short_of(each.wanted, host.lasting)}"
            )
        for pod in each.pods:
            own = found[pod.subject].setdefault(at, Work(each.shape, each.wanted, why=why, never=never))
            own.pods.append(pod)
    return {owner: list(those.values()) for owner, those in sorted(found.items())}


def _finding(owner: Ref, work: Sequence[Work], pool: str, not_counted: str) -> Finding:
    pods = sorted(pod.ref for each in work for pod in each.pods)
    who = "1 pod runs" if len(pods) == 1 else f"{len(pods)} pods run"
    worst = max(work, key=lambda each: (each.never, each.order))
    return Finding(
        owner,
        f"{who} in the pool {pool} and {worst.why}{not_counted}",
        None if worst.never else Severity.LOW,
        count=len(pods),
        examples=tuple(pods[:EXAMPLES]),
    )


def _not_counted(host: Host) -> str:
    """The nodes that go, by name, for that is what was done to the pool."""
    stay = {size.node.metadata.name for size in host.lasting}
    going = sorted({size.node.metadata.name for size in host.sizes} - stay)
    if not going:
        return ""
    more = f" and {len(going) - EXAMPLES} more" if len(going) > EXAMPLES else ""
    return f" (not counted: {', '.join(going[:EXAMPLES])}{more}, cordoned or about to go)"


def _row(key: tuple[str, str], host: Host, work: Sequence[Work]) -> list[str]:
    """The largest by memory, of work and of nodes."""
    each = max(work, key=lambda each: each.order)
    owner = each.pods[0].subject
    largest = max(host.lasting, key=lambda size: (size.free.get("memory", 0), size.free.get("cpu", 0)))
    has = f"{_words(largest.free)}; Karpenter chooses" if host.elastic else _words(largest.free)
    return [*key, str(owner), _words(each.wanted), largest.node.metadata.name, has]


def _words(shape: Shape) -> str:
    return ", ".join(f"{amount(name, shape.get(name, 0))} {name}" for name in ("cpu", "memory"))
