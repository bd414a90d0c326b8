"""Storage: does what Domino keeps rest on the storage that it needs?"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from checks.mounts import owners
from checks.parts import platform_of
from domino_health import (
    Assessment,
    Attachment,
    DominoNamespace,
    DominoService,
    DominoStorage,
    Finding,
    Pod,
    Ref,
    Severity,
    StatefulSet,
    StorageClass,
    Unseen,
    Volume,
    VolumeClaim,
    check,
)

EXAMPLES = 3
NEEDS = {"block": "disks of one node each", "shared": "files that all nodes have at once"}
DATABASE_ROLES = ("metadata_database", "message_queue", "git", "vault")
DATABASES = re.compile(r"(?:^|-)(mongodb|postgres(?:ql)?|rabbitmq|vault|repoman|git|mysql|etcd)(?:-|$)")
HEAVY = re.compile(r"(?:^|-)(buildkit|prometheus|elasticsearch|opensearch)(?:-|$)")
OF_MANY = re.compile(r"(?:^|-)(backups?|dumps?|archive|shared|blob)(?:-|$)")
"""What such a service may mount beside its own data: that belongs on a network file system."""


@check("STOR-002", severity=Severity.HIGH)
def test_the_storage_classes_that_domino_needs_are_there(
    domino_storage: list[DominoStorage],
    storage_classes: list[StorageClass],
    volume_claims: list[VolumeClaim],
    domino_namespaces: list[DominoNamespace],
) -> Assessment:
    """Domino's storage classes exist: one for disks, and one for files that all nodes share, made at once.

    Domino is installed with two (requirements on a cluster): `dominodisk`, of true block storage that one
    node mounts at a time, and `dominoshared`, which all nodes mount at once and whose volumes are made at
    once (volumeBindingMode Immediate). The profile may give them other names (`domino.storage_classes`),
    and is held to its word. Where neither the profile nor a usual name tells, the check says that it cannot
    tell. A data plane needs the first alone.

    High: a class that the profile names, or that a waiting claim of Domino's names, and that does not
    exist; a network file system for disks, on which databases may lose data; a driver of disks for what is
    shared, unless a claim shows that it can. Medium: a class for what is shared that waits for a first pod;
    a class that is gone though claims were made by it: they cannot grow, and no others come.

    Whether a class is one or the other is told by its driver's name; of a driver that is not known, a bound
    ReadWriteMany claim tells that it can share.

    Remediation: make the class by Domino's requirements, or name yours in the profile, under domino,
    storage_classes. A class cannot be changed: make it anew under the same name, which leaves its volumes
    as they are. What lies on the wrong storage must be copied, with Domino in maintenance.
    """
    spaces = {(each.cluster, each.name) for each in domino_namespaces}
    ours = [claim for claim in volume_claims if (claim.cluster, claim.metadata.namespace) in spaces]
    there = {each.ref: each for each in storage_classes}
    sharing = {
        claim.class_ref for claim in ours if claim.bound and "ReadWriteMany" in claim.spec.access_modes
    }
    named: dict[Ref, list[VolumeClaim]] = defaultdict(list)
    for claim in ours:
        if claim.storage_class and not _is_static(claim):
            named[claim.class_ref].append(claim)
    findings = [_gone(ref, claims) for ref, claims in sorted(named.items()) if ref not in there]
    assessed, unseen, rows = set(named), [], []
    for need in domino_storage:
        of = there.get(need.ref)
        if of is not None:
            assessed.add(need.ref)
            rows.append(_row(need, of))
            findings += _unfit(need, of, shares=need.ref in sharing)
            unseen += _untold(need, of, shares=need.ref in sharing)
        elif need.found_by == "profile":
            assessed.add(need.ref)
            findings += [_missing(need)] if need.ref not in named else []
        elif need.ref not in named:
            unseen.append(_unnamed(need))
    columns = ("for", "class", "driver", "kind", "binding", "a network file system")
    table = Attachment.table("Domino's storage classes", columns, rows)
    return Assessment(assessed, findings, unseen=unseen, attachments=[table] if rows else [])


def _is_static(claim: VolumeClaim) -> bool:
    """It has a volume that somebody else has made: then its class is a word, and need not exist."""
    return claim.bound and not claim.metadata.annotations.provisioner


def _gone(of: Ref, claims: Sequence[VolumeClaim]) -> Finding:
    waiting = [claim for claim in claims if not claim.bound]
    said = f"{len(waiting)} of them without a volume" if waiting else "they cannot grow, and no others come"
    named = "1 claim names it" if len(claims) == 1 else f"{len(claims)} claims name it"
    return Finding(
        of,
        f"does not exist, and {named}: {said}",
        Severity.HIGH if waiting else Severity.MEDIUM,
        count=len(claims),
        examples=tuple(sorted(claim.ref for claim in claims)[:EXAMPLES]),
    )


def _missing(need: DominoStorage) -> Finding:
    return Finding(need.ref, f"does not exist; the profile names it for {NEEDS[need.role]}")


def _unnamed(need: DominoStorage) -> Unseen:
    return Unseen(
        need.ref.text(with_cluster=True),
        f"which class Domino has for {NEEDS[need.role]} is not known: there is none of this name",
        f"name it in the profile (domino.storage_classes.{need.role}); if it is missing, make it",
    )


def _unfit(need: DominoStorage, of: StorageClass, *, shares: bool) -> Iterator[Finding]:
    if need.role == "block" and of.network:
        yield Finding(
            of.ref,
            f"a network file system ({of.provisioner}), where Domino needs {NEEDS[need.role]}: "
            "databases may lose data on it",
        )
    if need.role == "shared" and of.network is False and not shares:
        yield Finding(of.ref, f"makes disks ({of.provisioner}), where Domino needs {NEEDS[need.role]}")
    if need.role == "shared" and of.waits:
        said = (
            "waits for a first pod (WaitForFirstConsumer), where Domino needs its volumes at once (Immediate)"
        )
        yield Finding(of.ref, said, Severity.MEDIUM)


def _untold(need: DominoStorage, of: StorageClass, *, shares: bool) -> list[Unseen]:
    """Of a driver that nobody here knows, and whose volumes nobody shares."""
    if need.role != "shared" or of.network is not None or shares:
        return []
    return [
        Unseen(
            of.ref.text(with_cluster=True),
            f"whether its driver, {of.provisioner}, gives {NEEDS[need.role]} is not known, and no bound "
            "claim with ReadWriteMany shows it",
            "see the driver's documentation; a claim of this class with ReadWriteMany that is bound tells",
        )
    ]


def _row(need: DominoStorage, of: StorageClass) -> tuple[str, ...]:
    told = {True: "yes", False: "no", None: "not known"}[of.network]
    name = of.ref.text(with_cluster=True)
    return NEEDS[need.role], name, of.provisioner, of.kind, of.volume_binding_mode, told


@check("STOR-006", severity=Severity.HIGH)
def test_shared_claims_and_their_twins_rest_on_the_same_storage(
    volume_claims: list[VolumeClaim], volumes: list[Volume], domino_namespaces: list[DominoNamespace]
) -> Assessment:
    """Each shared claim of the platform and its twin in a compute namespace rest on the same storage.

    Domino's services and its executions share files through two claims, one in each namespace: the twin has
    the platform's name and that of its namespace (`domino-shared-store` and
    `domino-shared-store-domino-compute`, the same of `domino-blob-store`). Each is bound to a volume of its
    own, and both volumes must be the same storage. Where they are not, as after a restore or a migration,
    nothing fails: files that people upload are just not there in their workspaces, and what runs write is
    not in the web pages (an IBM recipe for the restore of Domino warns of it).

    What a volume rests on is told by its driver's handle or, of a static volume, by server and path. A pair
    of which one is not bound is STOR-001's.

    Remediation: stop executions, and find out by its content which of the two is the one in use. Then make a
    copy of the platform's volume under another name, without its claimRef, and bind the twin to that; both
    volumes with the policy Retain, so that none of the data goes with a claim.
    """
    claims = {claim.key: claim for claim in volume_claims}
    known = {volume.key: volume for volume in volumes}
    platform = platform_of(domino_namespaces)
    compute = [(each.cluster, each.name) for each in domino_namespaces if each.part == "compute"]
    pairs, findings, unseen, rows = [], [], [], []
    for claim in volume_claims:
        if (claim.cluster, claim.metadata.namespace) not in platform:
            continue
        for cluster, namespace in compute:
            twin = claims.get((cluster, namespace, f"{claim.metadata.name}-{namespace}"))
            mine, its = _volume(claim, known), _volume(twin, known)
            if cluster != claim.cluster or twin is None or mine is None or its is None:
                continue
            pairs.append(twin)
            rows.append((claim.ref.text(with_cluster=True), mine.backing, twin.ref, its.backing))
            if not (mine.backing and its.backing):
                unseen.append(_untellable(claim, twin))
            elif not mine.rests_with(its):
                said = f"rests on {its.backing}, and {claim.ref}, whose twin it is, on {mine.backing}"
                findings.append(Finding(twin.ref, said, examples=(claim.ref, mine.ref, its.ref)))
    table = Attachment.table("Twins", ("claim", "rests on", "its twin", "rests on"), rows)
    return Assessment(pairs, findings, unseen=unseen, attachments=[table] if rows else [])


def _volume(claim: VolumeClaim | None, known: Mapping[tuple[str, str], Volume]) -> Volume | None:
    """The volume of a claim that is bound."""
    if claim is None or not claim.bound:
        return None
    return known.get(claim.volume_key)


def _untellable(claim: VolumeClaim, twin: VolumeClaim) -> Unseen:
    return Unseen(
        twin.ref.text(with_cluster=True),
        f"whether it rests on the same storage as {claim.ref} cannot be told: the source of a volume of "
        "theirs is none that is known",
        "compare their volumes (kubectl get pv -o yaml)",
    )


@check("STOR-007", severity=Severity.MEDIUM)
def test_databases_are_not_on_a_network_file_system(
    volume_claims: list[VolumeClaim],
    volumes: list[Volume],
    pods: list[Pod],
    statefulsets: list[StatefulSet],
    domino_services: list[DominoService],
    domino_namespaces: list[DominoNamespace],
) -> Assessment:
    """No database of the platform keeps its data on a network file system, and no heavy writer either.

    Domino's requirements want MongoDB, PostgreSQL and Git on true block storage, not NFS: elsewhere they
    may lose data, since a network file system answers before what was written lasts, and locks by other
    rules. The same is held of RabbitMQ, vault, MySQL and etcd: medium. Image builds (buildkit), Prometheus
    and search (Elasticsearch, OpenSearch) lose less there than time, though Prometheus does not support it:
    low.

    They are known by their roles in Domino, and by usual names of workloads and claims in its namespaces.
    What is named for backups or for what is shared is left out. Whether a volume is a network file system
    is told by its driver; of one that is not known, by whether many nodes may write its files at once.

    Remediation: give the StatefulSet's claims the class for disks (`dominodisk`). A claim cannot change its
    class: back the database up, make the claim anew, and restore; or move a replica set member by member.
    """
    spaces = {(each.cluster, each.name): each.part for each in domino_namespaces}
    candidates = [claim for claim in volume_claims if _may_count(claim, spaces.get(claim.key[:2]))]
    roles = {
        service.ref_of(candidate): service.title
        for service in domino_services
        if service.role in DATABASE_ROLES
        for candidate in service.candidates
    }
    known = {volume.key: volume for volume in volumes}
    by_claim = owners(candidates, pods, statefulsets)
    judged, rows = [], []
    wrong: dict[tuple[Ref, str, bool], list[tuple[VolumeClaim, Volume]]] = defaultdict(list)
    for claim in candidates:
        platform = spaces[claim.cluster, claim.metadata.namespace] == "platform"
        kept, volume = _kept(claim, by_claim[claim.key], roles, platform=platform), _volume(claim, known)
        if kept is None or volume is None:
            continue
        subject, title, database = kept
        judged.append(claim)
        where = "a network file system" if volume.network else ""
        rows.append((title, claim.ref.text(with_cluster=True), claim.storage_class, volume.backing, where))
        if volume.network:
            wrong[subject, title, database].append((claim, volume))
    findings = [_on_network(*key, found) for key, found in sorted(wrong.items())]
    table = Attachment.table("Databases", ("what", "claim", "class", "rests on", ""), sorted(rows))
    return Assessment(judged, findings, attachments=[table] if rows else [])


def _may_count(claim: VolumeClaim, part: str | None) -> bool:
    """The platform's may be anything; of the thousands of a compute namespace, builders by their name."""
    return part == "platform" or (part == "compute" and HEAVY.search(claim.metadata.name) is not None)


def _kept(
    claim: VolumeClaim, of: Collection[Ref], roles: Mapping[Ref, str], *, platform: bool
) -> tuple[Ref, str, bool] | None:
    """Who keeps its data in the claim, what that is, and whether it is a database; None for others."""
    if OF_MANY.search(claim.metadata.name) or claim.metadata.labels.external:
        return None
    workloads = [each for each in sorted(of) if not OF_MANY.search(each.name)]
    if known := next((each for each in workloads if each in roles), None):
        return known, roles[known], True
    if of and not workloads:
        return None
    for pattern, database in ((DATABASES, True), (HEAVY, False)):
        for each in (*workloads, claim.ref):
            if (platform or not database) and (found := pattern.search(each.name)):
                return each, found[1], database
    return None


def _on_network(
    subject: Ref, title: str, database: bool, found: Sequence[tuple[VolumeClaim, Volume]]
) -> Finding:
    claims = tuple(sorted(claim.ref for claim, _ in found))
    claim, volume = min(found, key=lambda each: each[0].ref)
    how_many = "its claim is" if len(claims) == 1 else f"{len(claims)} of its claims are"
    of = f", class {claim.storage_class}" if claim.storage_class else ""
    where = f"on a network file system ({volume.backing}{of})"
    why = "a database may lose data there" if database else "it reads and writes much, and is slow there"
    return Finding(
        subject,
        f"{title}: {how_many} {where}: {why}",
        Severity.MEDIUM if database else Severity.LOW,
        count=len(claims),
        examples=claims[:EXAMPLES],
    )
