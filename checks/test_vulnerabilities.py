"""Images: what is known of the vulnerabilities of those that run?"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domino_health import (
    Assessment,
    Attachment,
    Duration,
    Finding,
    Pod,
    Ref,
    ScanReport,
    Severity,
    Unseen,
    age,
    check,
    digest_of,
    image_name,
    image_subject,
)

EXAMPLES = 3
ROWS = 100
EACH = 5
"""Images without a report that are told one by one; of more, a cluster's are told together."""
USER = "run"
"""The container of user code (Domino's compute grid, 4.4); the others of an execution are Domino's."""
BUILT = re.compile(r"/(environment|model):")
"""Repositories that Domino builds into (dominodatalab/docker-registry-cleaner)."""
CURE = (
    "scan it (trivy image --format json, grype -o json) where its registry can be reached, and name the "
    "reports in the profile's scans.reports; or let Trivy operator scan its namespace"
)
NONE = "no vulnerability report"
UNDATED = "a vulnerability report that does not say when it was made"
FUTURE = "a vulnerability report of the future: the clock where it was made, or here, is wrong"
SKEW = timedelta(days=1)
"""So far may two clocks differ, and a time without its zone be wrong: what is dated later tells no age."""
OTHER = "a vulnerability report of its name, but of another digest: the tag was pushed anew, or is another's"


@dataclass
class Running:
    """An image that pods run."""

    cluster: str
    image: str
    digest: str
    """Empty where the kubelet has not told it."""
    pods: list[Ref] = field(default_factory=list)
    """A few of them."""
    count: int = 0

    @property
    def text(self) -> str:
        """Its name, and the digest's beginning."""
        return f"{self.image} ({self.digest[:19]})" if self.digest else self.image


@dataclass(frozen=True)
class Matched:
    """An image with its newest report."""

    image: Running
    report: ScanReport
    when: datetime
    by_name: bool
    """By name and tag alone: one of the two has no digest."""


@check("IMG-008", severity=Severity.MEDIUM)
def test_images_that_run_are_scanned_and_have_no_fixable_critical_vulnerability(
    scan_reports: list[ScanReport],
    pods: list[Pod],
    now: datetime,
    *,
    max_age: Duration = timedelta(days=30),
    max_fixable_critical: int = 0,
) -> Assessment:
    """Every environment's and model's image that runs was scanned lately, and has no fixable critical hole.

    What users run is built from a base and from what their Dockerfiles add, and is rarely built anew: a
    vulnerability that was mended a year ago is still in it. The reports of Trivy and Grype are read, from
    files and from Trivy operator; nothing is scanned here, and an image without a report is *could not look*,
    never a pass.

    A report is an image's by its digest: that of its index, its manifest or its configuration, whichever the
    kubelet and the scanner know. Where one of them knows none it is so by name and tag, and the finding says
    it; a report of another digest is another image's, for a tag can be pushed anew. The newest report
    counts, and one of the future is none.
    An operator's report speaks of its own cluster, a file of an image wherever it runs. A vulnerability is
    counted once an image, however many packages have it.

    Thresholds: ours; 30 days are the month within which PCI DSS (4.0, requirement 6.3.3) wants critical
    patches installed, and a report that is older cannot show it. More than ``max_fixable_critical`` critical
    vulnerabilities for which there is a fixed version are medium; a report that is older than ``max_age`` is
    low, since it knows nothing of what was published later.

    Remediation: build the environment anew on a newer base, or raise the versions that its Dockerfile pins,
    then move projects and models to the new revision, and scan that. For an old report, scan again: best
    after each build and each night.
    """
    digests, names = _index(scan_reports)
    matched, unseen = [], []
    for image in _running(pods):
        found = _of(image, digests, names, now)
        if isinstance(found, str):
            unseen.append((image, found))
        else:
            matched.append(found)
    findings = [each for one in matched if (each := _judged(one, now, max_age, max_fixable_critical))]
    most = max((each.report.fixable_critical for each in matched), default=0)
    oldest = max((now - each.when for each in matched), default=timedelta(0))
    return Assessment(
        matched,
        sorted(findings, key=lambda each: (each.subject, each.message)),
        unseen=_unseen(unseen),
        worst=(
            f"{most} fixable critical of {max_fixable_critical} in an image; oldest report "
            f"{age(max(oldest, timedelta(0)))} of {age(max_age)}"
            if matched
            else ""
        ),
        attachments=[_table(matched, now)] if matched else [],
    )


def _running(pods: Iterable[Pod]) -> Iterator[Running]:
    """Each image of users that runs, once a cluster: pods by the thousand run the same."""
    found: dict[tuple[str, str, str], Running] = {}
    for pod in pods:
        model = pod.metadata.labels.workload_type == "ModelAPI"
        if pod.status.phase != "Running" or pod.metadata.deletion_timestamp or not (model or pod.execution):
            continue
        ids = {status.name: status.image_id for status in pod.status.container_statuses}
        for container in pod.spec.containers:
            if container.name != USER and not BUILT.search(container.image):
                continue
            key = pod.cluster, container.image, digest_of(ids.get(container.name) or container.image)
            running = found.setdefault(key, Running(*key))
            running.count += 1
            if running.count <= EXAMPLES:
                running.pods.append(pod.ref)
    yield from found.values()


Index = Mapping[tuple[str, str], Sequence[ScanReport]]
"""By cluster (none for a file), and a digest or a name."""


def _index(reports: Iterable[ScanReport]) -> tuple[Index, Index]:
    digests: dict[tuple[str, str], list[ScanReport]] = defaultdict(list)
    names: dict[tuple[str, str], list[ScanReport]] = defaultdict(list)
    for report in reports:
        for digest in report.digests:
            digests[report.cluster, digest].append(report)
        for name in report.names:
            names[report.cluster, name].append(report)
    return digests, names


def _of(image: Running, digests: Index, names: Index, now: datetime) -> Matched | str:
    """The newest report of an image; or why there is none that can be judged."""
    found = _both(image, digests, image.digest) if image.digest else []
    by_name = not found
    others: list[ScanReport] = []
    if by_name:
        named = _both(image, names, image_name(image.image))
        found = [each for each in named if not (image.digest and each.digests)]
        others = [each for each in named if image.digest and each.digests]
    dated = [(each.when, each) for each in found if each.when is not None and each.when <= now + SKEW]
    if dated:
        when, report = max(dated, key=lambda each: (each[0], each[1].fixable_critical, each[1].origin))
        return Matched(image, report, when, by_name)
    if any(each.when is not None for each in found):
        return FUTURE
    return UNDATED if found else OTHER if others else NONE


def _both(image: Running, index: Index, key: str) -> list[ScanReport]:
    """What the cluster's operator and the files say of it."""
    clusters = dict.fromkeys((image.cluster, ""))
    return [report for cluster in clusters for report in index.get((cluster, key), ())]


def _judged(one: Matched, now: datetime, max_age: timedelta, most: int) -> Finding | None:
    report, image = one.report, one.image
    old = max(now - one.when, timedelta(0))
    parts = []
    if report.fixable_critical > most:
        some = ", ".join(report.fixable)
        more = report.fixable_critical - len(report.fixable)
        some += f" and {more} more" if more > 0 else ""
        parts.append(f"{report.fixable_critical} critical with a fix, allowed {most}: {some}")
    if old > max_age:
        parts.append(f"its report is {age(old)} old, allowed {age(max_age)}")
    if not parts:
        return None
    by_name = ", by its name and tag alone, for its digest is not known to both" if one.by_name else ""
    source = f"{report.scanner}, {age(old)} ago ({report.origin}){by_name}"
    severity = None if report.fixable_critical > most else Severity.LOW
    subject = image_subject(image.cluster, image.image)
    message = f"image {image.text}: {'; '.join(parts)}. By {source}"
    return Finding(subject, message, severity, count=image.count, examples=tuple(sorted(image.pods)))


def _unseen(images: Sequence[tuple[Running, str]]) -> Iterator[Unseen]:
    """One each; of a cluster that has many, one for each reason."""
    groups: dict[str, dict[str, list[Running]]] = defaultdict(lambda: defaultdict(list))
    for image, reason in images:
        groups[image.cluster][reason].append(image)
    for cluster, reasons in sorted(groups.items()):
        together = sum(map(len, reasons.values())) > EACH
        for reason, there in sorted(reasons.items()):
            names = sorted(each.text for each in there)
            if together:
                more = f" and {len(names) - EACH} more" if len(names) > EACH else ""
                target = f"{cluster}: {len(names)} images that run".removeprefix(": ")
                yield Unseen(target, f"{reason}: {', '.join(names[:EACH])}{more}", CURE)
            else:
                for each in there:
                    subject = image_subject(cluster, each.image).text(with_cluster=True)
                    yield Unseen(subject, f"image {each.text}: {reason}", CURE)


def _table(matched: Sequence[Matched], now: datetime) -> Attachment:
    """The images with most fixable criticals first, then those whose report is oldest."""
    worst = sorted(matched, key=lambda each: (-each.report.fixable_critical, each.when, each.image.image))
    title = (
        "Images that run" if len(matched) <= ROWS else f"The {ROWS} worst of {len(matched)} images that run"
    )
    return Attachment.table(
        title,
        ("image", "of", "pods", "scanned by", "ago", "critical", "with a fix", "high", "medium", "low"),
        (
            (
                each.image.text,
                image_subject(each.image.cluster, each.image.image).text(with_cluster=True),
                each.image.count,
                each.report.scanner,
                age(max(now - each.when, timedelta(0))),
                each.report.counts.get("critical", 0),
                each.report.fixable_critical,
                *(each.report.counts.get(word, 0) for word in ("high", "medium", "low")),
            )
            for each in worst[:ROWS]
        ),
    )
