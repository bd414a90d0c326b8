"""Domino itself: are its services there, and whole?"""

from collections.abc import Iterator, Sequence

from checks.parts import platform_of
from domino_health import (
    Assessment,
    Attachment,
    Candidate,
    DominoNamespace,
    DominoService,
    Finding,
    HelmRelease,
    Severity,
    Unseen,
    check,
)

NEEDED = ("front_end", "dispatcher", "keycloak", "metadata_database", "message_queue")
"""Without one of these nothing of Domino works: scaled to nothing, it is down, whoever wanted it so."""
ITS_OWN = ("front_end", "dispatcher", "keycloak")
"""What every Domino has, and nobody else runs for it: not found, it is gone, or has a name of its own."""
EXAMPLES = 3
"""Candidates that are named; all are in the table."""
VOTING = ("metadata_database", "message_queue")
"""A replica set and a cluster: they serve only while more than half of them is there."""


@check("DOM-002", severity=Severity.HIGH)
def test_dominos_services_are_there_and_whole(
    domino_services: list[DominoService],
    domino_namespaces: list[DominoNamespace] | None,
    helm_releases: list[HelmRelease] | None,
) -> Assessment:
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

    Where an operator keeps Helm releases (Domino's own since 6.0, or Flux), it says what became of each:
    drifted, failed, locked, deleted. What is not whole is told with its release's words. A service that is
    not found, and whose release is stalled or not ready, is not there: high for what Domino cannot do
    without, else medium. One whose release is well has another name, and the check cannot tell.

    Thresholds: Domino alarms when the dispatcher has had no pod for 10 minutes, or a front-end pod has
    not been ready for 5 (metrics to monitor). One look does not tell since when: after a roll-out or a
    lost node, run it again.

    Remediation: see the workload's events and its pods' (kubectl describe), then the log of the
    container that is not ready; with no pods at all, what refuses to make them (a quota, a missing
    service account). For two candidates, name the one that serves in the profile's section domino, and
    remove the other; name there what has a name of its own, too. For no wanted replicas, end the
    maintenance that scaled it down.
    """
    releases = Releases(helm_releases or (), platform_of(domino_namespaces or ()))
    there = [service for service in domino_services if releases.expects(service)]
    lost = [service for service in domino_services if _is_lost(service, there, releases)]
    assessed = [service for service in there if service not in lost]
    return Assessment(
        assessed,
        [finding for service in assessed for finding in _findings(service, releases)],
        unseen=[_lost(service, releases.of(service)) for service in lost],
        worst=_absent(domino_services, there) if assessed else "",
        attachments=[_table(domino_services, releases)] if assessed else [],
    )


class Releases:
    """What is known of Helm releases, by those that they belong to."""

    def __init__(self, releases: Sequence[HelmRelease], platform: frozenset[tuple[str, str]]) -> None:
        self._installed = {(each.cluster, each.release): each for each in releases}
        self._platform = [
            each for each in releases if (each.cluster, each.release.partition("/")[0]) in platform
        ]

    def installed(self, service: DominoService, candidate: Candidate) -> HelmRelease | None:
        """The release that installed a workload, as Helm has written on it."""
        return self._installed.get((service.cluster, candidate.release))

    def of(self, service: DominoService) -> HelmRelease | None:
        """The release of a service without any workload, by its usual name; the one in trouble first."""
        found = [
            each
            for each in self._platform
            if each.cluster == service.cluster and service.released_as(each.release.partition("/")[2])
        ]
        return min(found, key=lambda each: (each.trouble is None, each.ref), default=None)

    def expects(self, service: DominoService) -> bool:
        """Whether it is there, or somebody says that it is to be."""
        return bool(service.candidates or service.named or self.of(service))


def _is_lost(service: DominoService, there: list[DominoService], releases: Releases) -> bool:
    """Whether it must be somewhere in its cluster, where others of Domino's are, and nobody knows where."""
    if service.candidates or service.named:
        return False
    if (release := releases.of(service)) is not None:
        return release.trouble is None
    return service.role in ITS_OWN and any(each.cluster == service.cluster for each in there)


def _lost(service: DominoService, release: HelmRelease | None) -> Unseen:
    installed = f"; its Helm release {release.ref} is there ({release.says})" if release else ""
    return Unseen(
        service.ref.text(with_cluster=True),
        f"no workload is known as the {service.title}, neither by a label nor by a usual name{installed}",
        f"if it has another name here, give it in the profile (domino.services.{service.role}); "
        "if it is gone, restore it",
    )


def _findings(service: DominoService, releases: Releases) -> Iterator[Finding]:
    if not service.candidates:
        release = releases.of(service)
        if service.named:
            said = f"the profile names {service.named}, and there is no such workload{_words(release)}"
            yield Finding(service.ref, f"{service.title}: {said}")
        else:
            severity = Severity.HIGH if service.role in NEEDED else Severity.MEDIUM
            yield Finding(service.ref, f"{service.title}: it has no workload{_words(release)}", severity)
    if len(service.candidates) > 1:
        yield _ambiguous(service)
    awake = any(candidate.wanted for candidate in service.candidates)
    for candidate in service.candidates:
        if (found := _not_whole(service, candidate, another=awake)) is not None:
            message, severity = found
            words = _words(releases.installed(service, candidate))
            yield Finding(service.ref_of(candidate), f"{service.title}: {message}{words}", severity)


def _words(release: HelmRelease | None) -> str:
    """What its operator says of a release that is not well."""
    if release is None or release.trouble is None:
        return ""
    return f"; its Helm release {release.ref} is {release.says}"


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


def _absent(services: list[DominoService], there: list[DominoService]) -> str:
    """Where there are several clusters, a role that none of them has."""
    roles = {service.role for service in there}
    titles = {service.role: service.title for service in services if service.role not in roles}
    return f"not installed: {', '.join(titles.values())}" if titles else ""


def _table(services: list[DominoService], releases: Releases) -> Attachment:
    rows = [row for service in services for row in _rows(service, releases)]
    return Attachment.table("Services", ("service", "workload", "found by", "ready", "release"), rows)


def _rows(service: DominoService, releases: Releases) -> Iterator[tuple[str, ...]]:
    for candidate in service.candidates:
        name = service.ref_of(candidate).text(with_cluster=True)
        ready = f"{candidate.ready} of {candidate.wanted}"
        release = _state(releases.installed(service, candidate))
        yield service.title, name, service.found_by or "", ready, release
    if not service.candidates:
        release = _state(releases.of(service))
        absent = "not installed" if not release else "not found"
        yield service.title, service.named or absent, "", "", release


def _state(release: HelmRelease | None) -> str:
    return release.says.partition(" (")[0] if release else ""
