"""Scheduling: does somebody bring new nodes where they are needed, and is there room for them?"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checks.node_groups import group, homes
from domino_health import (
    Assessment,
    Attachment,
    Autoscaler,
    Condition,
    Deployment,
    Duration,
    Event,
    Finding,
    Node,
    NodePool,
    Percentage,
    Ref,
    Severity,
    age,
    amount,
    check,
    percent,
    quantity,
)

# The Deployments of both, by the names and labels of their own charts, whatever a release is called.
CHARTS = {
    "cluster-autoscaler": re.compile(r"(?:.*-)?cluster-autoscaler"),
    "karpenter": re.compile("karpenter"),
}
QUOTED = 300
"""Characters of what an autoscaler says of a failure."""


@dataclass
class Known:
    """An autoscaler, and all that is known of it."""

    name: str
    cluster: str
    said: Autoscaler | None = None
    """What it says itself; None where it has written nothing."""
    runs: list[Deployment] = field(default_factory=list)
    """Its Deployments; a managed cluster shows none."""
    judged: bool = True

    @property
    def pools(self) -> Sequence[NodePool]:
        """All that it fills."""
        return self.said.pools if self.said else ()

    def ref_of(self, pool: NodePool) -> Ref:
        """One of its pools, which it has told of itself."""
        assert self.said is not None
        return self.said.ref_of(pool)

    @property
    def off(self) -> bool:
        """Somebody has scaled it to nothing."""
        return bool(self.runs) and not any(each.spec.replicas for each in self.runs)

    @property
    def ref(self) -> Ref:
        """Its Deployment, where one is to be seen."""
        wanted = [each.ref for each in self.runs if each.spec.replicas]
        return wanted[0] if wanted else Ref(self.cluster, "autoscaler", "", self.name)


@dataclass(frozen=True)
class Room:
    """How much of what it may have a pool has."""

    limit: str
    """As people read it: ``10 nodes``, ``cpu 100``, ``no limit``."""
    use: float | None = None
    """None where no use is too much: it has no limit, or is closed, or of a fixed size."""
    have: str = ""
    note: str = ""


@check("SCHED-010", severity=Severity.HIGH)
def test_the_autoscaler_is_alive_and_has_room_to_grow(
    node_pools: list[Autoscaler],
    deployments: list[Deployment],
    nodes: list[Node] | None,
    events: list[Event] | None,
    now: datetime,
    *,
    silent_for: Duration = timedelta(minutes=10),
    unhealthy_for: Duration = timedelta(minutes=10),
    pool_use: Percentage = 0.8,
    pool_use_high: Percentage = 0.9,
) -> Assessment:
    """The autoscaler is alive, and each pool has less than ``pool_use`` of what it may have.

    Without cluster-autoscaler or Karpenter compute pools do not grow, and executions wait until somebody
    notices. It is alive when its Deployment has a ready pod and, for cluster-autoscaler, when the status
    that it writes every ten seconds is no older than ``silent_for`` (medium where no Deployment of it is to
    be seen: it may have been switched off). A pool that cannot grow is quoted: it has been not Ready,
    unhealthy or backing off for longer than ``unhealthy_for``.

    Normal, and no finding: a pool at no nodes; one of a fixed size, or of one node at most, which is full
    whenever it is used; limits of zero, by which a NodePool is closed; a pool without limits, which the
    table notes; an autoscaler that was scaled to nothing; and the old status of a cluster-autoscaler that
    has no Deployment where Karpenter fills pools now. In a cluster without any, this is skipped.

    Thresholds: 80 % of a pool's limit, and 90 % from which it is high (``pool_use_high``), are those of
    Domino's own toolkit for Karpenter NodePools; for the node groups of cluster-autoscaler they are ours.
    After 10 minutes of inactivity cluster-autoscaler ends itself (its default max-inactivity). 10 minutes
    of ill health are ours: after a failed scale-up it backs off for 5 by default, so that only what fails
    again lasts longer.

    Remediation: of a dead autoscaler see the pod and the log of its last end; most often its cloud
    credentials or their permissions are wrong. Of a full pool raise the maximum (of the node group, or
    spec.limits of the NodePool), within the cloud's quota. For a backoff mend what the cloud's error
    names: its quota, its capacity in that zone, or the launch template. Of a NodePool that is not Ready see
    the node class that it names.
    """
    all_known = _known(node_pools, deployments, silent_for, now)
    judged = [each for each in all_known if each.judged]
    says = _said_last(events or (), now)
    fills = homes(nodes or ())
    counted = _counted(nodes or ())
    findings = [finding for each in judged for finding in _dead(each, silent_for, unhealthy_for, now)]
    rows: list[list[object]] = []
    fullest: tuple[float, str] | None = None
    for each in all_known:
        for pool in each.pools:
            room = _room(pool)
            home = pool.pool or fills.get((each.cluster, group(pool.name)), "")
            many = pool.nodes if pool.nodes is not None else counted.get((each.cluster, pool.name), 0)
            rows.append(_row(each, pool, room, home, many))
            if not each.judged:
                continue
            if room.use is not None:
                fullest = max(fullest or (0.0, ""), (room.use, pool.name))
            troubles = list(_troubles(pool, unhealthy_for, now))
            severity = Severity.MEDIUM
            if room.use is not None and room.use >= pool_use:
                allowed = f"{percent(room.use)}, allowed less than {percent(pool_use)}"
                left = "; it can grow no more" if room.use >= 1 else ""
                troubles.insert(0, f"{room.have} of {room.limit}: {allowed}{left}")
                severity = Severity.HIGH if room.use >= pool_use_high else Severity.MEDIUM
            if troubles:
                of = f"Domino's pool {home}: " if home and home != pool.name else ""
                text = f"{of}{'; '.join(troubles)}{says.get((each.cluster, each.name), '')}"
                findings.append(Finding(each.ref_of(pool), text, severity))
    return Assessment(
        [*(each.ref for each in judged), *(each.ref_of(pool) for each in judged for pool in each.pools)],
        findings,
        worst=f"{fullest[1]} has {percent(fullest[0])} of what it may have" if fullest else "",
        attachments=[_table(rows, several=len({each.cluster for each in all_known}) > 1)] if rows else [],
    )


def _known(
    said: Iterable[Autoscaler], deployments: Iterable[Deployment], silent_for: timedelta, now: datetime
) -> list[Known]:
    """The autoscalers that say something, or that a Deployment is of."""
    known: dict[tuple[str, str], Known] = {}
    for autoscaler in said:
        key = autoscaler.cluster, autoscaler.name
        known[key] = Known(autoscaler.name, autoscaler.cluster, autoscaler)
    for each in deployments:
        names = (each.metadata.name, each.metadata.labels.name)
        for name, chart in CHARTS.items():
            if any(map(chart.fullmatch, names)):
                known.setdefault((each.cluster, name), Known(name, each.cluster)).runs.append(each)
    for (cluster, name), one in known.items():
        other = known.get((cluster, "karpenter"))
        moved = not one.runs and name != "karpenter" and other is not None and bool(other.pools)
        one.judged = not one.off and not (moved and _silent(one, now) > silent_for)
    return [known[key] for key in sorted(known)]


def _silent(one: Known, now: datetime) -> timedelta:
    """How long ago it last wrote its status; no time at all where it writes none."""
    written = one.said.written if one.said else None
    return max(now - written, timedelta(0)) if written else timedelta(0)


def _dead(one: Known, silent_for: timedelta, unhealthy_for: timedelta, now: datetime) -> Iterator[Finding]:
    """Why it brings no node to any pool."""
    silent = _silent(one, now)
    state = f" ({one.said.state})" if one.said and one.said.state not in ("", "Running") else ""
    wrote = f"its status{state} was last written {age(silent)} ago, allowed {age(silent_for)}"
    dead = [(each, since) for each in one.runs if (since := _unready(each, now)) is not None]
    wanted = [each for each in one.runs if each.spec.replicas]
    if dead and len(dead) == len(wanted) and max(since for _, since in dead) > silent_for:
        each, since = max(dead, key=lambda pair: pair[1])
        why = each.condition("Available")
        text = f"{one.name} is down: 0 of {each.spec.replicas} pods ready for {age(since)}{_words(why)}"
        more = f"; {wrote}" if silent > silent_for else ""
        yield Finding(each.ref, f"{text}{more}. No pool grows or shrinks until it is back")
    elif silent > silent_for and wanted:
        pods = "its pod is not ready" if dead else "its pod is ready all the same: it hangs, or may not write"
        yield Finding(one.ref, f"{one.name} is silent: {wrote}; {pods}. No pool is known to grow or shrink")
    elif silent > silent_for:
        # In a managed cluster it cannot be seen, and one that was switched off leaves its status behind.
        where = "no Deployment of it is to be seen: it is down, or was switched off"
        namespace = one.said.namespace if one.said else ""
        left = f"If it was, delete its ConfigMap cluster-autoscaler-status in namespace {namespace}"
        yield Finding(one.ref, f"{one.name} is silent: {wrote}; {where}. {left}", Severity.MEDIUM)
    elif one.said and (health := one.said.health) and health.status == "Unhealthy":
        lasts = health.lasts(now)
        if lasts is None or lasts > unhealthy_for:
            yield Finding(
                one.ref,
                f"{one.name} has stopped scaling: it calls the cluster unhealthy{_for(health, now)}, "
                "as it does when too many nodes are not ready",
            )


def _unready(each: Deployment, now: datetime) -> timedelta | None:
    """How long none of its pods has been ready; None where one is, or none is wanted."""
    if not each.spec.replicas or each.status.ready_replicas:
        return None
    available = each.condition("Available")
    since = (available and available.last_transition_time) or each.metadata.creation_timestamp
    return max(now - since, timedelta(0)) if since else timedelta(0)


def _troubles(pool: NodePool, unhealthy_for: timedelta, now: datetime) -> Iterator[str]:
    """What keeps it from growing, that has lasted too long."""
    health, scale_up = pool.health, pool.scale_up
    if health and health.status in ("Unhealthy", "False", "Unknown") and _long(health, unhealthy_for, now):
        bad = "unhealthy" if health.status == "Unhealthy" else "not Ready"
        yield f"{bad}{_for(health, now)}{_words(health)}; it gets no new nodes"
    if scale_up and scale_up.status == "Backoff" and _long(scale_up, unhealthy_for, now):
        yield f"backing off after a failed scale-up{_for(scale_up, now)}{_words(scale_up)}"


def _long(condition: Condition, allowed: timedelta, now: datetime) -> bool:
    lasts = condition.lasts(now)
    return lasts is None or lasts > allowed


def _for(condition: Condition, now: datetime) -> str:
    lasts = condition.lasts(now)
    return f" for {age(lasts)}" if lasts is not None else ""


def _words(condition: Condition | None) -> str:
    if condition is None:
        return ""
    parts = (condition.reason, " ".join(condition.message.split()).rstrip(".")[:QUOTED])
    said = ", ".join(part for part in parts if part)
    return f" ({said})" if said else ""


def _room(pool: NodePool) -> Room:
    """How full it is, by that of its bounds that binds first."""
    if pool.most is not None:
        have = pool.target if pool.target is not None else pool.nodes or 0
        limit = "1 node" if pool.most == 1 else f"{pool.most} nodes"
        if pool.most <= max(pool.least or 0, 1):
            return Room(limit, note="of one size" if pool.most == pool.least else "one node at most")
        return Room(limit, have / pool.most, f"{have}", "nodes")
    limits = {resource: quantity(limit) for resource, limit in sorted(pool.limits.items())}
    if not limits:
        return Room("no limit", note="may grow without end")
    if not all(limits.values()):
        return Room("0", note="closed by a limit of zero")
    used = {resource: quantity(pool.used.get(resource, "0")) for resource in limits}
    binds = max(limits, key=lambda resource: used[resource] / limits[resource])
    return Room(
        f"{amount(binds, limits[binds])} {binds}",
        used[binds] / limits[binds],
        amount(binds, used[binds]),
        binds,
    )


def _counted(nodes: Iterable[Node]) -> Mapping[tuple[str, str], int]:
    """How many nodes each NodePool has, where Karpenter does not count them."""
    many: dict[tuple[str, str], int] = {}
    for node in nodes:
        key = node.cluster, node.metadata.labels.nodepool
        many[key] = many.get(key, 0) + 1
    return many


def _said_last(events: Iterable[Event], now: datetime) -> Mapping[tuple[str, str], str]:
    """What each autoscaler said last of why it brings no node, as far as events still tell."""
    last: dict[tuple[str, str], tuple[datetime, Event]] = {}
    for event in events:
        failed = event.type == "Warning" or event.reason == "NotTriggerScaleUp"
        when = event.when
        if event.reporter not in CHARTS or not failed or when is None:
            continue
        key = event.cluster, event.reporter
        if key not in last or last[key][0] < when:
            last[key] = when, event
    return {
        key: f". {key[1]} said {age(max(now - when, timedelta(0)))} ago of {event.about}: "
        f"{event.reason}, {' '.join(event.message.split())[:QUOTED]}"
        for key, (when, event) in last.items()
    }


def _row(one: Known, pool: NodePool, room: Room, home: str, many: int) -> list[object]:
    use = "" if room.use is None else percent(room.use)
    least = "" if pool.least is None else pool.least
    notes = [room.note, "" if one.judged else "not judged: off, or left behind"]
    if pool.scale_up and pool.scale_up.status in ("Backoff", "InProgress"):
        notes.append({"Backoff": "backing off", "InProgress": "growing"}[pool.scale_up.status])
    note = "; ".join(filter(None, notes))
    return [one.cluster, one.name, pool.name, home, many, least, room.limit, use, note]


def _table(rows: Iterable[Sequence[object]], *, several: bool) -> Attachment:
    columns = ("autoscaler", "pool", "Domino's pool", "nodes", "min", "max or limit", "use", "what binds")
    if several:
        return Attachment.table("What autoscalers fill", ("cluster", *columns), rows)
    return Attachment.table("What autoscalers fill", columns, (row[1:] for row in rows))
