"""Facts about images for unit tests: builds, and reports of scanners. All is ordinary but what is named."""

import json
from datetime import datetime, timedelta
from typing import Any

from builders import NOW
from domino_health import ImageBuild, ScanReport
from domino_health.facts.builds import BuildCondition, BuildMeta, BuildSpec, BuildStatus, Transition

ENVIRONMENT = "5f0c0ffee05f0c0ffee05f0c"
IMAGE = f"docker-registry:5000/dominodatalab/environment:{ENVIRONMENT}-3"
STEP = timedelta(seconds=20)
"""That a build takes to get its builder."""


def build(
    name: str = "build-1",
    phase: str = "Succeeded",
    *images: str,
    ago: timedelta = timedelta(hours=1),
    lasts: timedelta = timedelta(minutes=5),
    failed: str = "",
    deleted: bool = False,
    size: str = "",
    cluster: str = "prod",
) -> ImageBuild:
    """A build that was made ``ago`` and was given its builder at once.

    One that has ended was built for ``lasts``; ``failed`` is Hephaestus' word of why it failed.
    """
    made = NOW - ago
    phases = [("Initializing", made)] if phase else []
    if phase not in ("", "Initializing"):
        phases.append(("Running", made + STEP))
    if phase in ("Succeeded", "Failed"):
        phases.append((phase, made + STEP + lasts))
    good = phase == "Succeeded"
    said = BuildCondition("ImageReady", "True" if good else "False" if failed else "Unknown", message=failed)
    return ImageBuild(
        BuildMeta(name, "domino-compute", made, NOW if deleted else None),
        BuildSpec(images or (IMAGE,)),
        BuildStatus(
            phase=phase,
            allocation_time="20s" if len(phases) > 1 else "",
            build_time=f"{lasts.total_seconds():g}s" if good else "",
            builder_addr="tcp://hephaestus-buildkit-0.hephaestus-buildkit:1234" if len(phases) > 1 else "",
            compressed_image_size_bytes=size,
            conditions=(said,),
            transitions=tuple(Transition(*each) for each in phases),
        ),
        cluster,
    )


DIGEST = f"sha256:{'0' * 64}"
CRITICAL = ("CVE-2026-0001", "CVE-2026-0002", "CVE-2026-0003")


def report(
    *digests: str,
    name: str = IMAGE,
    ago: timedelta | None = timedelta(days=1),
    fixable: int = 0,
    critical: int | None = None,
    scanner: str = "Trivy",
    origin: str = "image.json",
    cluster: str = "",
) -> ScanReport:
    """A report of an image, without a finding unless told otherwise."""
    counts = {"critical": fixable if critical is None else critical, "high": 7, "medium": 20, "low": 3}
    ids = tuple(f"CVE-2026-{number:04}" for number in range(fixable))[:5]
    when = None if ago is None else NOW - ago
    names = (name,) if name else ()
    return ScanReport(origin, scanner, when, names, digests, counts, fixable, ids, cluster)


def trivy(
    *vulnerabilities: tuple[str, str, str],
    image: str = IMAGE,
    digest: str = DIGEST,
    made: datetime = NOW,
    **changed: Any,
) -> str:
    """What ``trivy image --format json`` writes: id, severity and fixed version of each vulnerability."""
    found = [
        {
            "VulnerabilityID": id,
            "PkgName": f"package-{number}",
            "InstalledVersion": "1.0",
            "FixedVersion": fixed,
            "Status": "fixed" if fixed else "affected",
            "Severity": severity,
            "Title": "Somebody's words",
        }
        for number, (id, severity, fixed) in enumerate(vulnerabilities)
    ]
    whole = {
        "SchemaVersion": 2,
        "CreatedAt": made.isoformat().replace("+00:00", ".123456789Z"),
        "ArtifactName": image,
        "ArtifactType": "container_image",
        "Metadata": {
            "OS": {"Family": "ubuntu", "Name": "22.04"},
            "ImageID": f"sha256:{'c' * 64}",
            "DiffIDs": [f"sha256:{'d' * 64}"],
            "RepoTags": [image],
            "RepoDigests": [f"{image.rpartition(':')[0]}@{digest}"],
            "ImageConfig": {"architecture": "amd64", "os": "linux"},
        },
        "Results": [
            {
                "Target": f"{image} (ubuntu 22.04)",
                "Class": "os-pkgs",
                "Type": "ubuntu",
                **({"Vulnerabilities": found} if found else {}),
            },
            {"Target": "Python", "Class": "lang-pkgs", "Type": "python-pkg"},
        ],
    }
    return json.dumps(whole | changed)


def grype(
    *matches: tuple[str, str, str],
    image: str = IMAGE,
    digest: str = DIGEST,
    made: datetime | None = NOW,
    **changed: Any,
) -> str:
    """What ``grype -o json`` writes: id, severity and state of the fix of each match."""
    target = {
        "userInput": image,
        "imageID": f"sha256:{'c' * 64}",
        "manifestDigest": f"sha256:{'e' * 64}",
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "tags": [image],
        "imageSize": 123,
        "layers": [],
        "manifest": "e30=",
        "config": "e30=",
        "repoDigests": [f"{image.rpartition(':')[0]}@{digest}"],
        "architecture": "amd64",
        "os": "linux",
    }
    whole = {
        "matches": [
            {
                "vulnerability": {
                    "id": id,
                    "dataSource": "https://example.com",
                    "severity": severity,
                    "urls": [],
                    "cvss": [],
                    "fix": {"versions": ["2"] if state == "fixed" else [], "state": state},
                    "advisories": [],
                    "risk": 1.5,
                },
                "relatedVulnerabilities": [],
                "matchDetails": [{"type": "exact-direct-match", "matcher": "dpkg-matcher"}],
                "artifact": {"id": "1", "name": f"package-{number}", "version": "1", "type": "deb"},
            }
            for number, (id, severity, state) in enumerate(matches)
        ],
        "source": {"type": "image", "target": target},
        "distro": {"name": "ubuntu", "version": "22.04", "idLike": ["debian"]},
        "descriptor": {
            "name": "grype",
            "version": "0.100.0",
            **({"timestamp": made.isoformat()} if made else {}),
        },
    }
    return json.dumps(whole | changed)


def operator_report(
    name: str = "replicaset-model-run",
    *vulnerabilities: tuple[str, str, str],
    image: str = IMAGE,
    digest: str = DIGEST,
    made: datetime = NOW,
    namespace: str = "domino-compute",
) -> dict[str, Any]:
    """A VulnerabilityReport as Trivy operator writes it: id, severity and fixed version of each."""
    server, _, rest = image.partition("/")
    repository, _, tag = rest.rpartition(":")
    words = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")
    found = [
        {
            "vulnerabilityID": id,
            "resource": f"package-{number}",
            "installedVersion": "1.0",
            "fixedVersion": fixed,
            "publishedDate": "2026-01-01T00:00:00Z",
            "lastModifiedDate": "2026-01-01T00:00:00Z",
            "severity": severity,
            "title": "Somebody's words",
            "links": [],
            "target": "",
        }
        for number, (id, severity, fixed) in enumerate(vulnerabilities)
    ]
    severities = [each[1] for each in vulnerabilities]
    return {
        "apiVersion": "aquasecurity.github.io/v1alpha1",
        "kind": "VulnerabilityReport",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"trivy-operator.container.name": "run", "trivy-operator.resource.kind": "ReplicaSet"},
        },
        "report": {
            "updateTimestamp": made.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "0.60.0"},
            "registry": {"server": server},
            "artifact": {"repository": repository, "tag": tag, "digest": digest},
            "os": {"family": "ubuntu", "name": "22.04"},
            "summary": {f"{word.lower()}Count": severities.count(word) for word in words},
            "vulnerabilities": found,
        },
    }
