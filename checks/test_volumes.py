"""Storage: which volumes are left over, or lie on fast disks though nobody uses them?"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from checks.claim_events import explained
from checks.mounts import Key, mounted, owners
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
    StatefulSet,
    Unseen,
    Volume,
    VolumeClaim,
    age,
    check,
    size,
)

EXAMPLES = 3
MOST_ROWS = 200
"""Volumes that a table names; all are counted."""
WORDS = 300
"""Characters of a driver's message that are quoted."""


@check("STOR-008", severity=Severity.LOW)
def test_no_volumes_are_left_over(
    volumes: list[Volume],
    pods: list[Pod],
    now: datetime,
    events: list[Event] | None,
    *,
    max_salvaged: int = 64,
    max_idle: int = 32,
    max_released: int = 32,
    gone_within: Duration = timedelta(hours=1),
) -> Assessment:
    """No volume has failed, and those that nobody has a claim on do not pile up.

    When a run ends, Domino keeps its volume for the next run of its project
    (`dominodatalab.com/volume-state` is `available`), or for its data where the run failed (`salvaged`).
    Both cost what any volume costs. Domino deletes the oldest beyond a number: at ``max_salvaged`` salvaged
    ones runs fail often, and the data of those before are being deleted; more than ``max_idle`` idle ones
    mean that its clean-up does not work.

    Beside Domino's, a volume whose claim is gone stays Released: for ever where it is kept (Retain), and
    found where there are more than ``max_released``; one that is to be deleted is found when it is still
    there after ``gone_within``. A failed volume is found at once, in the words of who could not delete it.

    Thresholds: 64 and 32 are Domino's (`com.cerebro.domino.computegrid.kubernetes.volume.maxSalvaged` and
    `maxIdle`); raise them here where you have raised them there. The others are ours: as many
    released volumes as idle ones, for a claim deleted each day is a month then, and an hour for what takes a
    driver minutes.

    Remediation: see what a salvaged volume holds before it goes, and why runs fail (SCHED-009). Delete
    released volumes whose data nobody wants, and then the disk in the cloud as well, for Retain keeps it. For
    what cannot be deleted see the words of the driver: a snapshot, a node that still has it attached, a
    missing right.
    """
    used_now = mounted(pods)
    failed: dict[Ref, list[Volume]] = defaultdict(list)
    stuck: dict[Ref, list[Volume]] = defaultdict(list)
    kept: dict[tuple[str, str], list[Volume]] = defaultdict(list)
    phases: Counter[tuple[str, str]] = Counter()
    for volume in volumes:
        phase, state = volume.status.phase, volume.metadata.labels.state
        phases[volume.cluster, f"{phase}, {state}" if state else phase] += 1
        if phase == "Failed":
            failed[volume.class_ref].append(volume)
        elif state == "salvaged":
            kept[volume.cluster, "salvaged"].append(volume)
        elif state == "available" and not (phase == "Bound" and volume.claim in used_now):
            kept[volume.cluster, "idle"].append(volume)
        elif phase == "Released" and volume.spec.reclaim_policy == "Delete":
            since = volume.status.last_phase_transition_time
            if since and now - since > gone_within:
                stuck[volume.class_ref].append(volume)
        elif phase == "Released":
            kept[volume.cluster, "released"].append(volume)
    told = None if events is None else _told(stuck, events)
    findings = [_failed(of, found) for of, found in sorted(failed.items())]
    findings += [_stuck(of, found, told, now, gone_within) for of, found in sorted(stuck.items())]
    bounds = {"salvaged": max_salvaged - 1, "idle": max_idle, "released": max_released}
    findings += [
        _piled(cluster, state, found, now)
        for (cluster, state), found in sorted(kept.items())
        if len(found) > bounds[state]
    ]
    rows = [(cluster, phase, number) for (cluster, phase), number in sorted(phases.items())]
    most = {state: max((len(kept[key]) for key in kept if key[1] == state), default=0) for state in bounds}
    return Assessment(
        volumes,
        findings,
        worst=f"{most['salvaged']} salvaged of {max_salvaged}, {most['idle']} idle of {max_idle}",
        attachments=[Attachment.table("Volumes", ("cluster", "phase", "volumes"), rows)] if rows else [],
    )


def _together(volumes: Sequence[Volume]) -> str:
    """How many, and how much."""
    many = "1 volume" if len(volumes) == 1 else f"{len(volumes)} volumes"
    return f"{many} of {size(sum(volume.size for volume in volumes))}"


def _failed(of: Ref, found: Sequence[Volume]) -> Finding:
    """One by itself, several by their class."""
    order = sorted(found, key=lambda each: each.metadata.name)
    said = order[0].status
    words = " ".join(f"{said.reason} {said.message}".split())[:WORDS] or "nobody says why"
    refs = tuple(volume.ref for volume in order)
    if len(refs) == 1 or not of.name:
        return Finding(refs[0], f"failed: {words}", count=len(refs), examples=refs[:EXAMPLES])
    message = f"{_together(order)} have failed: {words}"
    return Finding(of, message, count=len(refs), examples=refs[:EXAMPLES])


def _told(stuck: Mapping[Ref, Iterable[Volume]], events: Iterable[Event]) -> Mapping[Ref, Event]:
    """The last that was said of each of these volumes."""
    wanted = {volume.ref for found in stuck.values() for volume in found}
    known: dict[Ref, Event] = {}
    for event in events if wanted else ():
        if event.involved_object.kind == "PersistentVolume" and event.when:
            ref = Ref(event.cluster, "persistentvolume", "", event.involved_object.name)
            before = known.get(ref)
            if ref in wanted and (before is None or not before.when or before.when <= event.when):
                known[ref] = event
    return known


def _stuck(
    of: Ref, found: Sequence[Volume], told: Mapping[Ref, Event] | None, now: datetime, allowed: timedelta
) -> Finding:
    """One by itself, several by their class, in the words of a driver that has said some."""
    order = sorted(
        found, key=lambda each: (each.status.last_phase_transition_time or now, each.metadata.name)
    )
    lasts = age(now - (order[0].status.last_phase_transition_time or now))
    event = next((told[volume.ref] for volume in order if volume.ref in told), None) if told else None
    why = explained(event, heard=told is not None)
    refs = tuple(volume.ref for volume in order)
    if len(refs) == 1 or not of.name:
        subject, what, up_to = refs[0], "", ""
    else:
        subject, what, up_to = of, f"{len(refs)} volumes ", "up to "
    message = f"{what}to be deleted for {up_to}{lasts}, allowed {age(allowed)}, and still there. {why}"
    return Finding(subject, message, count=len(refs), examples=refs[:EXAMPLES])


MEANT = {
    "salvaged": "salvaged of runs that failed, and Domino deletes the oldest",
    "idle": "idle, kept for the next runs, more than Domino is to keep",
    "released": "released by their claims and kept by their policy, Retain",
}


def _piled(cluster: str, state: str, found: Sequence[Volume], now: datetime) -> Finding:
    """All volumes of a cluster that are in one state; the oldest are its examples."""
    order = sorted(found, key=lambda each: (each.metadata.creation_timestamp, each.metadata.name))
    oldest = age(max(now - order[0].metadata.creation_timestamp, timedelta(0)))
    what = f"{_together(order)}: {MEANT[state]}"
    examples = tuple(volume.ref for volume in order[:EXAMPLES])
    return Finding(
        Ref(cluster, "volumes", "", state),
        f"{what}; the oldest was made {oldest} ago",
        count=len(order),
        examples=examples,
    )


@check("STOR-009", severity=Severity.LOW)
def test_what_lies_on_fast_disks_is_used(
    volumes: list[Volume],
    volume_claims: list[VolumeClaim],
    pods: list[Pod],
    statefulsets: list[StatefulSet],
    domino_namespaces: list[DominoNamespace],
    now: datetime,
    *,
    max_unused: Duration = timedelta(days=60),
) -> Assessment:
    """No disk of Domino's lies there unused for longer than ``max_unused``.

    Block storage is the dearest that Domino has, and most of what is on it is left there by workspaces that
    nobody opens any more, and by runs. What has been unused for long belongs into a dataset, or away.

    When a volume was used last is told by Domino's annotation `dominodatalab.com/last-used`; one that a pod
    mounts now is used, and so is one that is younger than ``max_unused``. Where nothing tells, it is
    unknown, by storage class. Left out are network file systems, volumes that are not Domino's, and what a
    StatefulSet keeps while it is scaled to nothing.

    Thresholds: ours. Domino's own clean-up lets workspaces go that nobody has used for 30 days (its best
    practices for cost); twice that is what it has left, or what nobody has switched it on for.

    Remediation: ask the owners of these workspaces, then delete what nobody wants, in Domino. Let Domino
    delete idle volumes by age (`…kubernetes.volume.maxAge`), and old workspaces by its own clean-up. Data
    that must stay move to a dataset, on the shared class.
    """
    spaces = {(each.cluster, each.name) for each in domino_namespaces}
    claims = {claim.key: claim for claim in volume_claims if claim.key[:2] in spaces}
    used_now = mounted(pods)
    left = [claim for key, claim in claims.items() if key not in used_now]
    of_workloads = owners(left, (), statefulsets)
    assessed: list[Volume] = []
    cold: dict[Ref, list[tuple[timedelta, Volume]]] = defaultdict(list)
    unknown: dict[Ref, list[Volume]] = defaultdict(list)
    longest = timedelta(0)
    for volume in volumes:
        claim = _claim(volume, claims)
        if volume.network or not (claim or volume.metadata.annotations.last_used):
            continue
        if claim and claim.key in used_now:
            assessed.append(volume)
            continue
        if claim and of_workloads[claim.key]:
            continue
        made, used = volume.metadata.creation_timestamp, volume.last_used
        unused = max(now - max(used or made, made), timedelta(0))
        if used is None and unused > max_unused:
            unknown[volume.class_ref].append(volume)
            continue
        assessed.append(volume)
        longest = max(longest, unused)
        if unused > max_unused:
            cold[volume.class_ref].append((unused, volume))
    findings = [each for of, found in sorted(cold.items()) for each in _cold(of, found, claims, max_unused)]
    columns = ("volume", "claim", "class", "size", "unused for")
    rows = list(_rows(cold, claims))
    table = Attachment.table("Unused disks", columns, rows)
    return Assessment(
        assessed,
        findings,
        unseen=[_unknown(of, found, max_unused) for of, found in sorted(unknown.items())],
        worst=f"longest unused {age(longest)} of {age(max_unused)}" if assessed else "",
        attachments=[table] if rows else [],
    )


def _claim(volume: Volume, claims: Mapping[Key, VolumeClaim]) -> VolumeClaim | None:
    """The claim that has it now."""
    key = volume.claim if volume.status.phase == "Bound" else None
    return claims.get(key) if key else None


def _name(volume: Volume, claims: Mapping[Key, VolumeClaim]) -> Ref:
    """The claim, which people know, where there is one."""
    claim = _claim(volume, claims)
    return claim.ref if claim else volume.ref


def _cold(
    of: Ref,
    found: Sequence[tuple[timedelta, Volume]],
    claims: Mapping[Key, VolumeClaim],
    allowed: timedelta,
) -> Iterator[Finding]:
    """All of a class; one alone, or of no class, is named itself."""
    order = sorted(found, key=lambda each: (-each[0], each[1].key))
    if len(order) == 1 or not of.name:
        for unused, volume in order:
            message = f"{size(volume.size)} unused for {age(unused)}, allowed {age(allowed)}"
            yield Finding(_name(volume, claims), message)
        return
    volumes = [volume for _, volume in order]
    yield Finding(
        of,
        f"{_together(volumes)} unused for up to {age(order[0][0])}, allowed {age(allowed)}",
        count=len(order),
        examples=tuple(_name(volume, claims) for volume in volumes[:EXAMPLES]),
    )


def _rows(
    cold: Mapping[Ref, Sequence[tuple[timedelta, Volume]]], claims: Mapping[Key, VolumeClaim]
) -> Iterator[tuple[str, ...]]:
    found = (each for group in cold.values() for each in group)
    for unused, volume in sorted(found, key=lambda each: (-each[0], each[1].key))[:MOST_ROWS]:
        name = _name(volume, claims)
        yield (
            volume.ref.text(with_cluster=True),
            "" if name == volume.ref else str(name),
            volume.spec.storage_class_name,
            size(volume.size),
            age(unused),
        )


def _unknown(of: Ref, found: Sequence[Volume], allowed: timedelta) -> Unseen:
    return Unseen(
        of.text(with_cluster=True),
        f"{_together(found)}: older than {age(allowed)}, mounted by no pod now, "
        "and nothing tells when one did it last (no annotation dominodatalab.com/last-used that can be read)",
        "see their claims in Domino (workspaces, by project); delete what nobody wants",
    )
