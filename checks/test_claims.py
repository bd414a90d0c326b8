"""Storage: does every claim have its volume, in time?"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.claim_events import BEGUN, CAUSES, RESIZING, Key, cause, explained, gist, of_claims, quote
from domino_health import (
    Assessment,
    Duration,
    Event,
    Finding,
    Pod,
    Ref,
    Severity,
    StorageClass,
    Unseen,
    Volume,
    VolumeClaim,
    age,
    check,
    size,
)

EXAMPLES = 3
UNBOUND = "unbound immediate"
"""What a scheduler says of a pod whose claim waits for no pod."""
WAITS = ("WaitForFirstConsumer", "WaitForPodScheduled")
"""Reasons of events by which Kubernetes says that it is a pod's turn."""
RESIZE_ERRORS = ("ControllerResizeError", "NodeResizeError")
"""Conditions of a claim that does not grow (Kubernetes 1.31 and later); before, an event alone tells."""


@dataclass(frozen=True)
class Known:
    """What tells why a claim has no volume, where it may be seen."""

    told: Mapping[Key, Sequence[Event]]
    heard: bool
    """Whether events could be seen."""
    pods: Mapping[Key, Sequence[Pod]]
    """Those that mount it and have not ended."""
    classes: Mapping[Ref, StorageClass] | None
    """None: they could not be seen."""
    volumes: Mapping[tuple[str, str], Volume] | None

    def waits(self, claim: VolumeClaim) -> bool | None:
        """Whether it is its pod's turn, or that of a pod to come; None where nothing tells."""
        told = self.told.get(claim.key, ())
        begun = claim.metadata.annotations.selected_node or not claim.storage_class or claim.spec.volume_name
        if begun or any(event.reason == "ProvisioningFailed" for event in told):
            return False
        if any(UNBOUND in pod.why_unscheduled for pod in self.pods.get(claim.key, ())):
            return False
        if self.classes is not None:
            of = self.classes.get(claim.class_ref)
            return of is not None and of.waits
        if last := cause(told, (*WAITS, *CAUSES)):
            return last.reason in WAITS
        return False if claim.metadata.annotations.provisioner else None

    def since(self, claim: VolumeClaim) -> datetime:
        """Since when somebody is to make its volume: Kubernetes' own word, else since it or its pod came."""
        begun = (event.first_timestamp for event in self.told.get(claim.key, ()) if event.reason in BEGUN)
        if earliest := min((when for when in begun if when), default=None):
            return max(earliest, claim.metadata.creation_timestamp)
        made = claim.metadata.creation_timestamp
        if claim.metadata.annotations.selected_node and (pods := self.pods.get(claim.key)):
            return max(made, min(pod.metadata.creation_timestamp for pod in pods))
        return made


@check("STOR-001", severity=Severity.HIGH)
def test_every_claim_is_bound_in_time(
    volume_claims: list[VolumeClaim],
    pods: list[Pod],
    now: datetime,
    storage_classes: list[StorageClass] | None,
    volumes: list[Volume] | None,
    events: list[Event] | None,
    *,
    max_pending: Duration = timedelta(minutes=5),
    ends_within: Duration = timedelta(days=1),
) -> Assessment:
    """No claim waits longer than ``max_pending`` for its volume, and none has lost it.

    What mounts a claim without a volume does not start: a workspace, a database, all executions where it is
    a shared store. The finding quotes who was to make the volume. A claim whose volume is gone is found at
    once: its data are out of reach.

    A claim of a class that waits for a first pod is no fault as long as no pod mounts it, or its pod has no
    node yet: SCHED-001 tells of the pod. It is one when a driver has tried and failed. Claims of the same
    class that wait for the same are one finding, of their storage class.

    Medium is a volume that does not grow as it was asked to: it runs full. Low is a claim that is being
    deleted for longer than ``ends_within``: a pod that mounts it holds it.

    Thresholds: ours. A volume takes seconds to be made; minutes are the cloud's bad days.

    Remediation: see the claim's events (kubectl describe pvc) and the log of the driver that is quoted. Where
    nobody answers, its controller does not run; where the class does not exist, make it, or name another one
    in the claim; a network file system that times out at port 2049 has its mount targets in another network.
    For a lost claim do not delete anything: find the volume, and bind it anew. For one that is being deleted,
    end the pod that mounts it.
    """
    doubtful = {
        claim.key: claim.metadata.creation_timestamp
        for claim in volume_claims
        if not claim.bound or claim.metadata.deletion_timestamp or _wants_more(claim)
    }
    known = Known(
        of_claims(doubtful, events or ()),
        events is not None,
        _mounting(doubtful, pods),
        None if storage_classes is None else {each.ref: each for each in storage_classes},
        None if volumes is None else {each.key: each for each in volumes},
    )
    late: dict[tuple[Ref, str, str], list[tuple[timedelta, VolumeClaim]]] = defaultdict(list)
    findings, unknown, first = [], [], 0
    longest = timedelta(0)
    for claim in volume_claims:
        if claim.metadata.deletion_timestamp:
            findings += _held(claim, known, now, ends_within)
        elif claim.status.phase == "Lost":
            findings.append(Finding(claim.ref, f"{_what(claim)}lost: its volume {_volume(claim)} is gone"))
        elif claim.bound:
            findings += _stuck(claim, known)
        elif (waits := known.waits(claim)) is not False:
            first += waits is True
            unknown += [claim] if waits is None and claim.age(now) > max_pending else []
        else:
            waited = max(now - known.since(claim), timedelta(0))
            longest = max(longest, waited)
            if waited > max_pending:
                told = cause(known.told.get(claim.key, ()))
                group = claim.class_ref, gist(told) if told else "", claim.metadata.labels.external
                late[group].append((waited, claim))
    findings += [
        finding
        for (of, *_), group in sorted(late.items())
        for finding in _late(of, group, known, max_pending)
    ]
    waiting = f"longest wait {age(longest)} of {age(max_pending)}" if longest else "no claim waits"
    return Assessment(
        volume_claims,
        findings,
        unseen=_unseen(unknown),
        worst=f"{waiting}; {first} for a first pod" if first else waiting,
    )


def _wants_more(claim: VolumeClaim) -> bool:
    return claim.bound and claim.requested > claim.size > 0


def _mounting(keys: Collection[Key], pods: Iterable[Pod]) -> Mapping[Key, Sequence[Pod]]:
    """The pods that mount these claims, and have not ended."""
    found: dict[Key, list[Pod]] = defaultdict(list)
    for pod in pods:
        if keys and pod.spec.volumes and not pod.finished:
            for name in pod.claims:
                if (key := (pod.cluster, pod.metadata.namespace, name)) in keys:
                    found[key].append(pod)
    return found


def _late(
    of: Ref, group: Sequence[tuple[timedelta, VolumeClaim]], known: Known, allowed: timedelta
) -> list[Finding]:
    """One finding for all that wait for the same; a claim alone is named itself."""
    order = sorted(group, key=lambda each: (-each[0], each[1].ref))
    waited, oldest = order[0]
    refs = tuple(claim.ref for _, claim in order)
    why = _why(oldest, known)
    if len(refs) == 1 or not of.name:
        return [
            Finding(claim.ref, f"{_what(claim)}without a volume for {age(each)}, allowed {age(allowed)}{why}")
            for each, claim in order
        ]
    many = f"{_what(oldest)}{len(refs)} claims without a volume"
    message = f"{many} for up to {age(waited)}, allowed {age(allowed)}{why}"
    return [Finding(of, message, count=len(refs), examples=refs[:EXAMPLES])]


def _why(claim: VolumeClaim, known: Known) -> str:
    """``: of the class dominodisk (ebs.csi.aws.com). ProvisioningFailed of …``."""
    name = claim.storage_class
    of = known.classes.get(claim.class_ref) if known.classes is not None else None
    if name and known.classes is not None and of is None:
        said = f": the storage class {name} does not exist"
    elif name:
        provisioner = of.provisioner if of else claim.metadata.annotations.provisioner
        said = f": of the class {name}{f' ({provisioner})' if provisioner else ''}"
    elif claim.spec.storage_class_name is None:
        said = ": it names no storage class, and the cluster has no default one"
    else:
        said = ": it asks for a volume that is there already, of no storage class"
    said += _wanted(claim, known)
    return f"{said}. {explained(cause(known.told.get(claim.key, ())), heard=known.heard)}"


def _wanted(claim: VolumeClaim, known: Known) -> str:
    """Of a claim that names its volume: what became of that."""
    name = claim.spec.volume_name
    if not name:
        return ""
    there = known.volumes.get(claim.volume_key) if known.volumes else None
    if there is None:
        return f", and wants the volume {name}{', which does not exist' if known.volumes is not None else ''}"
    other = there.claim if there.claim not in (None, claim.key) else None
    whose = f", which belongs to the claim {'/'.join(other[1:])}" if other else ""
    return f", and wants the volume {name}{whose}"


def _what(claim: VolumeClaim) -> str:
    """Said first of what is not an ordinary claim."""
    kind = claim.metadata.labels.external
    return f"External Data Volume ({kind}): " if kind else ""


def _volume(claim: VolumeClaim) -> str:
    return claim.spec.volume_name or "(of no name)"


def _held(claim: VolumeClaim, known: Known, now: datetime, allowed: timedelta) -> list[Finding]:
    """A claim that does not end."""
    since = claim.metadata.deletion_timestamp
    lasts = max(now - since, timedelta(0)) if since else timedelta(0)
    if lasts <= allowed:
        return []
    pods = known.pods.get(claim.key, ())
    holds = f"{pods[0].subject} still mounts it" if pods else "no pod mounts it, and a finalizer holds it"
    refs = tuple(sorted(pod.ref for pod in pods))[:EXAMPLES]
    message = f"{_what(claim)}being deleted for {age(lasts)}, allowed {age(allowed)}: {holds}"
    return [Finding(claim.ref, message, Severity.LOW, examples=refs)]


def _stuck(claim: VolumeClaim, known: Known) -> list[Finding]:
    """A claim whose volume does not grow. That it waits for its pod to start anew is no fault."""
    if not _wants_more(claim):
        return []
    errors = (claim.condition(each) for each in RESIZE_ERRORS)
    error = next((each for each in errors if each is not None and each.status == "True"), None)
    event = cause(known.told.get(claim.key, ()), (RESIZING,))
    if error is None and event is None:
        return []
    said = quote(event) if event else f"{error.type}: {error.message}" if error else ""
    message = f"{_what(claim)}does not grow from {size(claim.size)} to {size(claim.requested)}. {said}"
    return [Finding(claim.ref, message, Severity.MEDIUM)]


def _unseen(claims: Sequence[VolumeClaim]) -> list[Unseen]:
    """Claims of which it is not known whether a pod must come first, by cluster."""
    by_cluster: dict[str, list[VolumeClaim]] = defaultdict(list)
    for claim in claims:
        by_cluster[claim.cluster].append(claim)
    return [
        Unseen(
            f"{found[0].ref.text(with_cluster=True)}{f' and {len(found) - 1} more' if found[1:] else ''}",
            "without a volume, and whether its class waits for a first pod is not known: neither storage "
            "classes nor its events could be seen",
            "let the account list storageclasses (--rbac prints the rule)",
        )
        for found in by_cluster.values()
    ]
