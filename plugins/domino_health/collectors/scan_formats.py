"""Vulnerability reports as their scanners write them, decoded into what is kept of them.

- Trivy's JSON, schema version 2, of ``trivy image --format json`` (aquasecurity/trivy, pkg/types/report.go);
- Grype's JSON, of ``grype -o json`` (anchore/grype, grype/presenter/models; its source is Syft's
  ImageMetadata);
- Trivy operator's VulnerabilityReport, v1alpha1 (aquasecurity/trivy-operator,
  pkg/apis/aquasecurity/v1alpha1/vulnerability_types.go).

Of a vulnerability only its id, its severity and whether there is a fix are decoded.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec

from domino_health.facts.api import Kubernetes, ListMeta, Moment
from domino_health.facts.images import digest_of, image_name
from domino_health.facts.scans import ScanReport

SCHEMA = 2
"""Trivy's version of its form."""
FEW = 5
"""Ids that are kept of the fixable criticals."""
WORDS = ("critical", "high", "medium", "low", "negligible", "unknown")
"""Severities, the worst first."""
_PACKAGES = ("os-pkgs", "lang-pkgs")
"""Classes of Trivy's results that it has compared to known vulnerabilities."""
_OLDEST = 2000
"""A year before which no report was made: Go writes year 1 for no time at all."""

Texts = tuple[str, ...] | None


class NoReportError(ValueError):
    """It is no report of an image's vulnerabilities: what it is instead."""


class _Vulnerability(msgspec.Struct, frozen=True):
    id: str = msgspec.field(name="VulnerabilityID", default="")
    severity: str = msgspec.field(name="Severity", default="")
    fixed_version: str = msgspec.field(name="FixedVersion", default="")


class _Result(msgspec.Struct, frozen=True):
    kind: str = msgspec.field(name="Class", default="")
    vulnerabilities: tuple[_Vulnerability, ...] | None = msgspec.field(name="Vulnerabilities", default=None)


class _Metadata(msgspec.Struct, frozen=True):
    image_id: str = msgspec.field(name="ImageID", default="")
    repo_tags: Texts = msgspec.field(name="RepoTags", default=None)
    repo_digests: Texts = msgspec.field(name="RepoDigests", default=None)


class _Fix(msgspec.Struct, frozen=True):
    state: str = ""


class _Matched(msgspec.Struct, frozen=True):
    id: str = ""
    severity: str = ""
    fix: _Fix = _Fix()


class _Match(msgspec.Struct, frozen=True):
    vulnerability: _Matched


class _Image(msgspec.Struct, frozen=True, rename="camel"):
    user_input: str = ""
    image_id: str = msgspec.field(name="imageID", default="")
    manifest_digest: str = ""
    tags: Texts = None
    repo_digests: Texts = None


class _Source(msgspec.Struct, frozen=True):
    type: str = ""
    target: _Image | str | None = None
    """A text for what is no image: a directory, a file."""


class _Descriptor(msgspec.Struct, frozen=True):
    name: str = ""
    timestamp: Moment | None = None


class _Document(msgspec.Struct, frozen=True):
    """Either of the two: Trivy's keys begin with a capital, Grype's do not."""

    schema_version: int = msgspec.field(name="SchemaVersion", default=0)
    created_at: Moment | None = msgspec.field(name="CreatedAt", default=None)
    artifact_name: str = msgspec.field(name="ArtifactName", default="")
    artifact_type: str = msgspec.field(name="ArtifactType", default="")
    metadata: _Metadata = msgspec.field(name="Metadata", default_factory=_Metadata)
    results: tuple[_Result, ...] | None = msgspec.field(name="Results", default=None)
    matches: tuple[_Match, ...] | None = None
    source: _Source | None = None
    descriptor: _Descriptor = _Descriptor()


_DECODER = msgspec.json.Decoder(_Document)

One = tuple[str, str, bool]
"""A vulnerability: its id, its severity, and whether there is a fix."""


def read_report(body: bytes, origin: str) -> ScanReport:
    """A file's report.

    Raises:
        NoReportError: it is none, or not of an image's vulnerabilities.
    """
    try:
        document = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NoReportError(f"no report of Trivy or Grype: {error}") from None
    if document.schema_version:
        return _of_trivy(document, origin)
    if document.descriptor.name == "grype":
        return _of_grype(document, origin)
    raise NoReportError("JSON, but no report of Trivy (SchemaVersion) or Grype (descriptor.name: grype)")


def _of_trivy(document: _Document, origin: str) -> ScanReport:
    if document.schema_version != SCHEMA:
        raise NoReportError(f"a report of Trivy of schema version {document.schema_version}, not {SCHEMA}")
    if document.artifact_type != "container_image":
        raise NoReportError(f"a report of Trivy of no image: {document.artifact_type or 'of nothing'}")
    results = [each for each in document.results or () if each.kind in _PACKAGES]
    if not results:
        raise NoReportError("a report of Trivy that has compared no package to known vulnerabilities")
    about = document.metadata
    return _report(
        origin,
        "Trivy",
        document.created_at,
        (document.artifact_name, *(about.repo_tags or ())),
        (document.artifact_name, about.image_id, *(about.repo_digests or ())),
        (
            (one.id, one.severity, bool(one.fixed_version))
            for result in results
            for one in result.vulnerabilities or ()
        ),
    )


def _of_grype(document: _Document, origin: str) -> ScanReport:
    source = document.source or _Source()
    image = source.target
    if source.type != "image" or not isinstance(image, _Image):
        raise NoReportError(f"a report of Grype of no image: {source.type or 'of nothing'}")
    if document.matches is None:
        raise NoReportError("a report of Grype that has compared nothing to known vulnerabilities")
    matched = (each.vulnerability for each in document.matches)
    return _report(
        origin,
        "Grype",
        document.descriptor.timestamp,
        (image.user_input, *(image.tags or ())),
        (image.user_input, image.image_id, image.manifest_digest, *(image.repo_digests or ())),
        ((one.id, one.severity, one.fix.state == "fixed") for one in matched),
    )


class _Found(msgspec.Struct, frozen=True):
    counts: dict[str, int]
    fixable: tuple[str, ...]


def _found(vulnerabilities: Iterable[One]) -> _Found:
    """Each id once, by its worst severity: scanners tell of a vulnerability once a package."""
    severities: dict[str, str] = {}
    fixable: dict[str, None] = {}
    for id, severity, fix in vulnerabilities:
        word = severity.casefold() or WORDS[-1]
        severities[id] = min(word, severities.get(id, word), key=_rank)
        if word == WORDS[0] and fix:
            fixable[id] = None
    return _Found(dict(sorted(Counter(severities.values()).items())), tuple(sorted(fixable)))


def _rank(word: str) -> int:
    return WORDS.index(word) if word in WORDS else len(WORDS)


def _report(
    origin: str,
    scanner: str,
    when: datetime | None,
    names: Iterable[str],
    digests: Iterable[str],
    vulnerabilities: Iterable[One],
) -> ScanReport:
    return _kept(origin, scanner, when, names, digests, _found(vulnerabilities))


def _kept(
    origin: str,
    scanner: str,
    when: datetime | None,
    names: Iterable[str],
    digests: Iterable[str],
    found: _Found,
) -> ScanReport:
    return ScanReport(
        origin=origin,
        scanner=scanner,
        when=when if when and when.year >= _OLDEST else None,
        names=tuple(dict.fromkeys(filter(None, map(image_name, names)))),
        digests=tuple(dict.fromkeys(filter(None, map(digest_of, digests)))),
        counts=found.counts,
        fixable_critical=len(found.fixable),
        fixable=found.fixable[:FEW],
    )


class OperatorMeta(Kubernetes, frozen=True):
    """``metadata`` of a report of Trivy operator's."""

    name: str
    namespace: str


class _Scanned(Kubernetes, frozen=True):
    vulnerability_id: str = msgspec.field(name="vulnerabilityID", default="")
    severity: str = ""
    fixed_version: str = ""


class _Artifact(Kubernetes, frozen=True):
    repository: str = ""
    digest: str = ""
    tag: str = ""


class _Registry(Kubernetes, frozen=True):
    server: str = ""


class _Scanner(Kubernetes, frozen=True):
    name: str = ""


class OperatorData(Kubernetes, frozen=True):
    """``report``. Its vulnerabilities are counted, and let go at once: a cluster's would fill the memory."""

    scanner: _Scanner = _Scanner()
    update_timestamp: Moment | None = None
    registry: _Registry = _Registry()
    artifact: _Artifact = _Artifact()
    vulnerabilities: tuple[_Scanned, ...] | None = ()
    found: _Found = msgspec.field(name="(counted)", default_factory=lambda: _Found({}, ()))

    def __post_init__(self) -> None:
        found = _found(
            (one.vulnerability_id, one.severity, bool(one.fixed_version))
            for one in self.vulnerabilities or ()
        )
        msgspec.structs.force_setattr(self, "found", found)
        msgspec.structs.force_setattr(self, "vulnerabilities", ())


class OperatorReport(Kubernetes, frozen=True):
    """A VulnerabilityReport."""

    metadata: OperatorMeta
    report: OperatorData
    cluster: str = ""

    def kept(self) -> ScanReport:
        """What is kept of it."""
        said, artifact = self.report, self.report.artifact
        server = f"{said.registry.server}/" if said.registry.server else ""
        tag = f":{artifact.tag}" if artifact.tag else ""
        digest = f"@{artifact.digest}" if artifact.digest else ""
        name = f"{server}{artifact.repository}{tag}{digest}"
        origin = f"vulnerabilityreport/{self.metadata.namespace}/{self.metadata.name}"
        kept = _kept(
            origin, said.scanner.name or "Trivy", said.update_timestamp, (name,), (name,), said.found
        )
        return msgspec.structs.replace(kept, cluster=self.cluster)


class OperatorReportList(Kubernetes, frozen=True):
    """A page of these."""

    metadata: ListMeta
    items: list[OperatorReport]
