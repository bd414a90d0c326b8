"""Domino itself: are its services there, and whole?"""

from collections.abc import Iterator

from domino_health import Assessment, Attachment, Candidate, DominoService, Finding, Severity, Unseen, check

NEEDED = ("front_end", "dispatcher", "keycloak", "metadata_database", "message_queue")
"""Without one of these nothing of Domino works: scaled to nothing, it is down, whoever wanted it so."""
ITS_OWN = ("front_end", "dispatcher", "keycloak")
"""What every Domino has, and nobody else runs for it: not found, it is gone, or has a name of its own."""
EXAMPLES = 3
"""Candidates that are named; all are in the table."""
VOTING = ("metadata_database", "message_queue")
"""A replica set and a cluster: they serve only while more than half of them is there."""


@check("DOM-002", severity=Severity.HIGH)
def test_dominos_services_are_there_and_whole(domino_services: list[DominoService]) -> Assessment:
    """Domino's dispatcher, front end, Keycloak, queue, metadata database, git, vault and registry are whole.

    Each is found by the profile's word, else by its label, else by its usual names, and held against
    the replicas that its Deployment or StatefulSet wants. With none ready, or with half or less of
    MongoDB or RabbitMQ, it is down: high. With some, it serves and the next fault ends it: medium.

    A service that is not found is not installed, which is no finding: versions differ, and registry and
    database may be elsewhere. But every Domino has a front end, a dispatcher and Keycloak: where one of
    these is not found beside others, it is gone or has another name, and the check says that it cannot
    tell. One that the profile names must be there. Two candidates for a role are
    medium, since only the profile can say which one serves; low where one of them is scaled to nothing.
    No wanted replicas are high for what Domino cannot do without and for what the profile names, low
    for the others: they may have moved out, or wait for their removal.

    Thresholds: Domino alarms when the dispatcher has had no pod for 10 minutes, or a front-end pod has
    not been ready for 5 (metrics to monitor). One look does not tell since when: after a roll-out or a
    lost node, run it again.

    Remediation: see the workload's events and its pods' (kubectl describe), then the log of the
    container that is not ready; with no pods at all, what refuses to make them (a quota, a missing
    service account). For two candidates, name the one that serves in the profile's section domino, and
    remove the other; name there what has a name of its own, too. For no wanted replicas, end the
    maintenance that scaled it down.
    """
    assessed = [service for service in domino_services if service.candidates or service.named]
    return Assessment(
        assessed,
        [finding for service in assessed for finding in _findings(service)],
        unseen=[_lost(service) for service in domino_services if _is_lost(service, assessed)],
        worst=_absent(domino_services) if assessed else "",
        attachments=[_table(domino_services)] if assessed else [],
    )


def _is_lost(service: DominoService, there: list[DominoService]) -> bool:
    """Whether it must be somewhere in its cluster, where others of Domino's are."""
    known = bool(service.candidates or service.named)
    return service.role in ITS_OWN and not known and any(each.cluster == service.cluster for each in there)


def _lost(service: DominoService) -> Unseen:
    return Unseen(
        service.ref.text(with_cluster=True),
        f"no workload is known as the {service.title}, neither by a label nor by a usual name",
        f"if it has another name here, give it in the profile (domino.services.{service.role}); "
        "if it is gone, restore it",
    )


def _findings(service: DominoService) -> Iterator[Finding]:
    if not service.candidates:
        message = f"{service.title}: the profile names {service.named}, and there is no such workload"
        yield Finding(service.ref, message)
    if len(service.candidates) > 1:
        yield _ambiguous(service)
    awake = any(candidate.wanted for candidate in service.candidates)
    for candidate in service.candidates:
        if (found := _not_whole(service, candidate, another=awake)) is not None:
            message, severity = found
            yield Finding(service.ref_of(candidate), f"{service.title}: {message}", severity)


def _ambiguous(service: DominoService) -> Finding:
    refs = tuple(service.ref_of(candidate) for candidate in service.candidates)
    awake = sum(candidate.wanted > 0 for candidate in service.candidates)
    more = f" and {len(refs) - EXAMPLES} more" if len(refs) > EXAMPLES else ""
    names = ", ".join(map(str, refs[:EXAMPLES])) + more
    return Finding(
        service.ref,
        f"{service.title}: {len(refs)} candidates, found by {service.found_by}: {names}",
        Severity.MEDIUM if awake != 1 else Severity.LOW,
        count=len(refs),
        examples=refs[:EXAMPLES],
    )


def _not_whole(service: DominoService, candidate: Candidate, *, another: bool) -> tuple[str, Severity] | None:
    """What it lacks, and how bad that is. ``another``: where it is scaled to nothing, another one is not."""
    ready, wanted = candidate.ready, candidate.wanted
    if wanted == 0:
        needed = service.role in NEEDED or bool(service.named)
        if another:
            return None  # told as one of two candidates
        return "scaled to nothing", Severity.HIGH if needed else Severity.LOW
    if ready >= wanted:
        return None
    said = f"{ready} of {wanted} replica{'s' if wanted != 1 else ''} ready"
    if ready == 0:
        return said, Severity.HIGH
    if service.role in VOTING and ready * 2 <= wanted:
        return f"{said}, and it serves only with more than half", Severity.HIGH
    return said, Severity.MEDIUM


def _absent(services: list[DominoService]) -> str:
    """Where there are several clusters, a role that none of them has."""
    there = {service.role for service in services if service.candidates or service.named}
    titles = {service.role: service.title for service in services if service.role not in there}
    return f"not installed: {', '.join(titles.values())}" if titles else ""


def _table(services: list[DominoService]) -> Attachment:
    rows = [row for service in services for row in _rows(service)]
    return Attachment.table("Services", ("service", "workload", "found by", "ready"), rows)


def _rows(service: DominoService) -> Iterator[tuple[str, ...]]:
    for candidate in service.candidates:
        name = service.ref_of(candidate).text(with_cluster=True)
        yield service.title, name, service.found_by or "", f"{candidate.ready} of {candidate.wanted}"
    if not service.candidates:
        yield service.title, service.named or "not installed", "", ""
