"""Capacity: are Domino's hardware tiers in step with the nodes and quotas that they are to run on?"""

import difflib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from checks import tier_room
from checks.fitting import Shape
from checks.hosting import SIDE_CARS, hosts, short_of
from checks.tier_room import Bound, Cluster
from domino_health import (
    NODE_POOL,
    Assessment,
    Attachment,
    Autoscaler,
    DominoNamespace,
    Duration,
    Finding,
    HardwareTier,
    Node,
    Percentage,
    Pod,
    ResourceQuota,
    Severity,
    Size,
    amount,
    check,
    is_accelerator,
    quantity,
    size,
)

NAMED = 5
"""Pools that are named where a tier's own is not there."""


class Trouble(NamedTuple):
    """One thing that is out of step."""

    severity: Severity
    text: str


@check("CAP-008", severity=Severity.HIGH)
def test_hardware_tiers_are_in_step_with_nodes_and_quotas(
    hardware_tiers: list[HardwareTier],
    nodes: list[Node],
    pods: list[Pod],
    resource_quotas: list[ResourceQuota],
    domino_namespaces: list[DominoNamespace],
    node_pools: list[Autoscaler] | None,
    now: datetime,
    *,
    joins_within: Duration = timedelta(minutes=10),
    side_cars: Size = SIDE_CARS,
    ratio: Percentage = 2.0,
    ratio_high: Percentage = 5.0,
) -> Assessment:
    """Each hardware tier has a pool, fits a node of it with ``side_cars``, and promises what quotas hold.

    Whoever starts work chooses a tier; Domino does not ask whether Kubernetes can keep what it promises. Of
    each tier is judged:

    - Its pool: nodes carry its name (high, where an autoscaler is known and no pool of it can be this one;
      else medium). A pool at no nodes that an autoscaler may fill is normal.
    - Its size: one fits an empty node of the pool beside the DaemonSets (high), and with ``side_cars`` of
      memory (medium). Where Karpenter makes the nodes it may make a larger one, and a pool without nodes has
      no size that is known: neither is a finding. Nor is a pool of which all nodes have joined within
      ``joins_within`` and lack a GPU alone: its driver brings it when a node is Ready already.
    - Its limits: below ``ratio`` of what it asks for (medium), and ``ratio_high`` (high). What is allowed
      above the request is a bet that others do not want theirs; of memory the loser is ended.
    - Its number: as many as Domino allows, of the tier at once or for one user, fit the quotas (medium; one
      that does not hold a single one is high) and the pool's maximum (low). Above a quota an execution
      fails; above the maximum it waits.

    The table has, for each tier, how many more would start now, how many with all nodes that may come, and
    what binds. Which taints its executions tolerate is told by those that were seen; a GPU's is taken to be.

    Thresholds: 2574 MiB, 2 and 5 are Domino's: the reserve for istio-proxy, executor and nginx, and the
    ratios from which ``test_hardware_tier_sizing`` of its Admin Toolkit warns and fails. 10 minutes to join
    are ours, after Domino's field notes on GPU compute.

    Remediation: mend the tier on Domino's page Hardware Tiers: the name of its pool; a size that leaves room
    for side-cars and DaemonSets; limits equal to requests, as Domino recommends. For a quota or a maximum,
    raise it, or lower the tier's Maximum Simultaneous Executions, so that work queues and does not fail.
    """
    known = tier_room.clusters(
        (tier.cluster for tier in hardware_tiers),
        hosts(nodes, pods),
        nodes,
        pods,
        resource_quotas,
        domino_namespaces,
        node_pools,
    )
    tiers = [tier for tier in hardware_tiers if known[tier.cluster].seen]
    findings, rows = [], []
    for tier in tiers:
        cluster, shape = known[tier.cluster], tier_room.shape_of(tier, side_cars)
        troubles = [
            *(() if _joins(tier, cluster, now, joins_within) else _placed(tier, shape, cluster, side_cars)),
            *_limited(tier, ratio, ratio_high),
            *_promised(tier, shape, cluster),
        ]
        if troubles:
            worst = max(trouble.severity for trouble in troubles)
            findings.append(Finding(tier.ref, "; ".join(each.text for each in troubles), worst))
        rows.append(_row(tier, shape, cluster))
    columns = (
        "tier",
        "pool",
        "asks for",
        "run",
        "more now",
        "what binds",
        "with new nodes",
        "what binds then",
    )
    return Assessment(
        tiers,
        findings,
        attachments=[Attachment.table("Room for each hardware tier", columns, rows)] if rows else [],
    )


def _joins(tier: HardwareTier, cluster: Cluster, now: datetime, joins_within: timedelta) -> bool:
    """Whether all nodes of its pool are new, and lack nothing of it but what a driver brings them."""
    host = cluster.hosts.get(tier.node_pool)
    return host is not None and all(
        now - size.node.metadata.creation_timestamp <= joins_within
        and (lacks := size.lacks(tier.asked))
        and all(map(is_accelerator, lacks))
        for size in host.lasting
    )


def _placed(tier: HardwareTier, shape: Shape, cluster: Cluster, side_cars: int) -> Iterator[Trouble]:
    """Whether it has a pool, and nodes there that are large enough."""
    if not tier.node_pool:
        return
    host = cluster.hosts.get(tier.node_pool)
    if host is None:
        if cluster.growing(tier.node_pool) or cluster.unplaced:
            return
        near = difflib.get_close_matches(tier.node_pool, sorted(cluster.hosts), n=1, cutoff=0.6)
        pools = ", ".join(sorted(cluster.hosts)[:NAMED]) or "none"
        meant = f"is {near[0]} meant?" if near else f"pools with nodes: {pools}"
        who = "no pool of the autoscaler's" if cluster.autoscalers else "no autoscaler is known that"
        verb = "can be it" if cluster.autoscalers else "could bring one"
        yield Trouble(
            Severity.HIGH if cluster.autoscalers else Severity.MEDIUM,
            f"no node has the label {NODE_POOL}={tier.node_pool}, and {who} {verb}; {meant}",
        )
    elif host.elastic or host.fits(shape):
        return
    elif host.fits(tier.asked):
        yield Trouble(
            Severity.MEDIUM,
            f"fits no node of the pool {tier.node_pool} with the {size(side_cars)} of Domino's side-cars: "
            f"{short_of(shape, host.lasting)}",
        )
    else:
        larger = ", unless a node group that has no node now is larger" if cluster.unplaced else ""
        yield Trouble(
            Severity.MEDIUM if cluster.unplaced else Severity.HIGH,
            f"fits no node of the pool {tier.node_pool}: {short_of(tier.asked, host.lasting)}{larger}",
        )


def _limited(tier: HardwareTier, ratio: float, ratio_high: float) -> Iterator[Trouble]:
    """Whether it allows far more than it asks for."""
    for name, limit in tier.limits.items():
        asked = tier.asked[name]
        if asked and limit >= ratio * asked:
            yield Trouble(
                Severity.HIGH if limit >= ratio_high * asked else Severity.MEDIUM,
                f"its limit of {name} is {limit / asked:.3g} times its request: {amount(name, limit)} of "
                f"{amount(name, asked)}",
            )


def _promised(tier: HardwareTier, shape: Shape, cluster: Cluster) -> Iterator[Trouble]:
    """Whether as many as Domino allows may run."""
    most = tier.most
    tight = min(
        (
            (quantity(quota.bounds[name]) // asked, quota, name)
            for quota in cluster.quotas
            for name, asked in tier_room.counted(tier, shape, quota).items()
        ),
        key=lambda each: each[0],
        default=None,
    )
    if tight and (tight[0] == 0 or (most is not None and tight[0] < most)):
        holds, quota, name = tight
        allowed = "" if most is None else f", and Domino allows {most} at once: the others fail"
        yield Trouble(
            Severity.MEDIUM if holds else Severity.HIGH,
            f"{quota.ref} holds {holds or 'none'} of it ({name} {amount(name, quantity(quota.bounds[name]))})"
            f"{allowed}",
        )
    grown = tier_room.largest(tier, shape, cluster)
    if most is not None and grown is not None and grown.many is not None and grown.many < most:
        yield Trouble(
            Severity.LOW,
            f"its pool takes {grown.many} of it at most ({grown.why}), and Domino allows {most} at once: the "
            "others wait",
        )


def _row(tier: HardwareTier, shape: Shape, cluster: Cluster) -> Sequence[object]:
    asked = ", ".join(f"{amount(name, each)} {name}" for name, each in tier.asked.items())
    first = (
        tier.ref.text(with_cluster=True),
        tier.node_pool or "none is named",
        asked,
        cluster.running[tier.id],
    )
    if not tier.node_pool:
        return (*first, "not known", "", "not known", "")
    here, later = tier_room.room(tier, shape, cluster)
    return (*first, here.many, here.why, *_later(later))


def _later(bound: Bound | None) -> tuple[object, str]:
    if bound is None:
        return "not known", "no node tells which node group fills the pool"
    return ("without bound" if bound.many is None else bound.many), bound.why
