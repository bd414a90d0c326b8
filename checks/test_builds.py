"""Images: do the builds of environments and models come to an end, and to a good one?"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.build_causes import cause_of, of_certificates, quoted
from domino_health import (
    Assessment,
    Attachment,
    Duration,
    Event,
    Finding,
    ImageBuild,
    Ref,
    Severity,
    TlsSecret,
    age,
    check,
    size,
)

EXAMPLES = 3
ROWS = 100
"""Of the table, the slowest first: how many builds are kept is for Hephaestus' settings to say."""
INITIALIZING, RUNNING, SUCCEEDED, FAILED = "Initializing", "Running", "Succeeded", "Failed"
UNFINISHED = ("", INITIALIZING, RUNNING)


@dataclass(frozen=True)
class Words:
    """What may explain a build."""

    events: Mapping[Ref, Event] | None
    """The last of each build; None where events were not observed."""
    secrets: Sequence[TlsSecret] | None
    now: datetime


@check("IMG-009", severity=Severity.MEDIUM)
def test_image_builds_end_and_end_well(
    image_builds: list[ImageBuild],
    events: list[Event] | None,
    tls_secrets: list[TlsSecret] | None,
    now: datetime,
    *,
    max_build: Duration = timedelta(minutes=60),
    max_initializing: Duration = timedelta(minutes=10),
    recent: Duration = timedelta(days=7),
) -> Assessment:
    """No image build hangs, and none has failed that was not made good since.

    Domino builds the images of environments and models by Hephaestus, as objects of the kind ImageBuild. A
    build that hangs keeps one of the few places for builds (5 by default), and who waits for it sees nothing
    but "building"; one that fails leaves an environment's new revision, or a model's version, unusable.

    Failures are told by environment or model, with Hephaestus' own words: what the platform is to mend (no
    builder, a full disk, a registry that refuses, a certificate) is medium, and so is what these words do not
    tell; what the image's own Dockerfile has wrong is low. The instruction itself is never kept: it is the
    user's. For a certificate the finding says whether Hephaestus' own fit, where the profile names its
    Secrets (IDP-008).

    Normal, and no finding: a failure that a later build of the same environment or model has made good, one
    that is older than ``recent``, and a build that somebody deletes, which cancels it. Hephaestus keeps the
    last builds of a namespace only (5 by default), so that older failures are not seen here.

    Thresholds: ours. ``max_build`` for a build that runs, or that Hephaestus has not taken up;
    ``max_initializing`` for one that has no builder yet, since Hephaestus itself waits 180 s for one (its
    default) and about two minutes for its answer.

    Remediation: for a builder that does not come or does not answer, see the pods of hephaestus-buildkit and
    Hephaestus' log; delete an ImageBuild that hangs, which cancels it, and build again. For certificates
    see IDP-008. For a registry that refuses, see the credentials that Domino gives to its builds. What a
    Dockerfile has wrong stands in the build's log in Domino.
    """
    builds = [each for each in image_builds if each.metadata.deletion_timestamp is None]
    words = Words(_last_of(events), tls_secrets, now)
    limits = {"": max_build, INITIALIZING: max_initializing, RUNNING: max_build}
    findings = [*_hanging(builds, limits, words), *_failed(builds, recent, words)]
    times = [(took, each) for each in builds if (took := each.took(now)) is not None]
    slowest = max((took for took, _ in times), default=None)
    oldest = min((each.metadata.creation_timestamp for each in builds), default=now)
    return Assessment(
        builds,
        findings,
        window=f"builds of the last {age(max(now - oldest, timedelta(0)))}" if builds else "",
        worst="" if slowest is None else f"slowest build {age(slowest)} of {age(max_build)}",
        attachments=[_table(builds, now)] if builds else [],
    )


def _hanging(
    builds: Sequence[ImageBuild], limits: Mapping[str, timedelta], words: Words
) -> Iterator[Finding]:
    """What has been in a phase that ends for longer than it should."""
    groups: dict[tuple[Ref, str], list[ImageBuild]] = defaultdict(list)
    active: dict[str, int] = defaultdict(int)
    for each in builds:
        phase = each.status.phase
        active[each.cluster] += phase in (INITIALIZING, RUNNING)
        if phase in UNFINISHED and words.now - each.since > limits[phase]:
            groups[each.subject, phase].append(each)
    for (subject, phase), there in sorted(groups.items(), key=lambda group: group[0]):
        first = min(there, key=lambda each: each.since)
        lasts = f"for {age(words.now - first.since)}, allowed {age(limits[phase])}"
        if phase == RUNNING:
            where = f" at {first.status.builder_addr}" if first.status.builder_addr else ""
            message = f"a build runs{where} {lasts}"
        elif phase == INITIALIZING:
            message = f"a build has waited for a builder {lasts}: see the pods of hephaestus-buildkit"
        else:
            building = active[subject.cluster]
            message = f"Hephaestus has not taken up a build {lasts}; it builds {building or 'none'} now"
        if len(there) > 1:
            message = f"{len(there)} builds hang; {message}"
        yield _finding(subject, f"{message}{_said(first, words)}", there)


def _failed(builds: Sequence[ImageBuild], recent: timedelta, words: Words) -> Iterator[Finding]:
    """Failures that no later build has made good, by what was to be built."""
    groups: dict[Ref, list[ImageBuild]] = defaultdict(list)
    good: dict[Ref, datetime] = {}
    for each in builds:
        made = each.metadata.creation_timestamp
        if each.status.phase == SUCCEEDED:
            good[each.subject] = max(made, good.get(each.subject, made))
        elif each.status.phase == FAILED and words.now - each.since <= recent:
            groups[each.subject].append(each)
    for subject, failed in sorted(groups.items(), key=lambda group: group[0]):
        mended = good.get(subject)
        there = [each for each in failed if mended is None or each.metadata.creation_timestamp > mended]
        if not there:
            continue
        last = max(there, key=lambda each: (each.since, each.metadata.name))
        cause = cause_of(last.why_failed)
        many = "a build" if len(there) == 1 else f"{len(there)} builds, the last"
        hint = of_certificates(words.secrets, last.cluster, words.now) if cause.certificate else ""
        message = (
            f"{many} failed {age(max(words.now - last.since, timedelta(0)))} ago: {cause.why}. "
            f"Hephaestus: {quoted(last.why_failed)}. To do: {'; '.join(filter(None, (cause.hint, hint)))}"
        )
        yield _finding(subject, message, there, Severity.LOW if cause.users else None)


def _finding(
    subject: Ref, message: str, there: Sequence[ImageBuild], severity: Severity | None = None
) -> Finding:
    examples = tuple(sorted(each.ref for each in there)[:EXAMPLES])
    return Finding(subject, message, severity, count=len(there), examples=examples)


def _last_of(events: Sequence[Event] | None) -> Mapping[Ref, Event] | None:
    """The last event of each build: Hephaestus tells of a phase that it could not write."""
    if events is None:
        return None
    last: dict[Ref, Event] = {}
    for event in events:
        if event.involved_object.kind == "ImageBuild":
            before = last.get(event.about)
            if before is None or (event.when and (before.when is None or event.when >= before.when)):
                last[event.about] = event
    return last


def _said(build: ImageBuild, words: Words) -> str:
    if words.events is None:
        return "; cause not observed: no events could be seen"
    event = words.events.get(build.ref)
    return f". Its last event: {event.reason}, {quoted(' '.join(event.message.split()))}" if event else ""


def _table(builds: Sequence[ImageBuild], now: datetime) -> Attachment:
    """Every build, those that took longest first."""
    nothing = timedelta(0)
    slowest = sorted(builds, key=lambda each: (-(each.took(now) or nothing), each.ref))[:ROWS]
    title = "Image builds" if len(builds) <= ROWS else f"The {ROWS} slowest of {len(builds)} image builds"
    return Attachment.table(
        title,
        ("build", "of", "phase", "made", "waited for a builder", "built in", "size, compressed"),
        (
            (
                each.ref.text(with_cluster=True),
                each.subject,
                each.status.phase or "not taken up",
                f"{each.metadata.creation_timestamp:%Y-%m-%d %H:%M}",
                *(age(time) if time is not None else "" for time in (each.waited, each.took(now))),
                size(each.size) if each.size is not None else "",
            )
            for each in slowest
        ),
    )
