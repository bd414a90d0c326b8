"""What the lab has beside recordings: logs, TLS Secrets and vulnerability reports. All of it is made up.

A recording keeps none of these: a log may hold what users write, a Secret a key, and reports are made by
scanners. So they are written at the lab's start, in the words of the software that would have written them.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from domino_health.lab.certificates import Authority

PLATFORM = "domino-platform"
LINES = 12
"""Lines of a log, one each 20 seconds."""
_BUILDER = "hephaestus-buildkit"
_LOG4J = {  # NVD and the Apache Log4j project's page of security
    "VulnerabilityID": "CVE-2021-44228",
    "PkgName": "org.apache.logging.log4j:log4j-core",
    "InstalledVersion": "2.14.1",
    "FixedVersion": "2.15.0, 2.3.1, 2.12.2",
    "Severity": "CRITICAL",
    "Title": "Remote code execution in Log4j 2.x when logs contain an attacker-controlled string value",
}


@dataclass(frozen=True)
class Said:
    """What a service of the faulty lab writes, by the beginning of its pods' names."""

    pod: str
    line: str


SAID = (
    # The directory's certificate has ended (tls.ENDPOINTS), and this is what Keycloak makes of it.
    Said(
        "keycloakv17-",
        "ERROR [org.keycloak.services] (executor-thread-7) KC-SERVICES0013: Failed authentication: "
        "javax.naming.CommunicationException: simple bind failed: ldap.demo.internal:636 [Root exception is "
        "javax.net.ssl.SSLHandshakeException: PKIX path validation failed: "
        "java.security.cert.CertPathValidatorException: validity check failed]",
    ),
    # Its image registry is down (the fault of DOM-002).
    Said(
        "nucleus-dispatcher-",
        "WARN  [dispatcher] docker-registry.domino-platform:5000: java.net.ConnectException: "
        "Connection refused",
    ),
)


def log(pod: str, now: datetime, *, faulty: bool) -> bytes:
    """The log of a pod's container, as far as anybody would look."""
    said = next((each.line for each in SAID if faulty and pod.startswith(each.pod)), "")
    lines = []
    for number in range(LINES):
        when = (now - timedelta(seconds=20 * (LINES - number))).isoformat(timespec="milliseconds")
        lines.append(f"{when} {said or 'INFO  served a request in 12 ms'}")
    return ("\n".join(lines) + "\n").encode()


def secrets(folder: Path, now: datetime, *, faulty: bool) -> dict[str, Mapping[str, Any]]:
    """The TLS Secrets of the image builder, by path; without their keys, which nobody may look at.

    In the faulty lab the client's ``ca.crt`` is that of a CA which did not issue its certificate: left over
    from before the CA was renewed.
    """
    renewed = Authority(folder, now, called=f"demo {_BUILDER} 2026")
    told = Authority(folder, now, called=f"demo {_BUILDER} 2025") if faulty else renewed
    parts = {
        f"{_BUILDER}-server-tls": (renewed.issue(f"{_BUILDER}.{PLATFORM}"), renewed),
        f"{_BUILDER}-client-tls": (renewed.issue("hephaestus"), told),
    }
    return {
        f"/api/v1/namespaces/{PLATFORM}/secrets/{name}": {
            "kind": "Secret",
            "apiVersion": "v1",
            "metadata": {"name": name, "namespace": PLATFORM},
            "type": "kubernetes.io/tls",
            "data": {
                "ca.crt": base64.b64encode(authority.issuer).decode(),
                "tls.crt": base64.b64encode(own).decode(),
            },
        }
        for name, (own, authority) in parts.items()
    }


def scan(folder: Path, images: Iterable[str], now: datetime, *, faulty: bool) -> Path:
    """Write a report for each image, in Trivy's form; gives their directory.

    In the faulty lab environments have a vulnerability for which there is a fix.
    """
    reports = folder / "scans"
    reports.mkdir()
    for image in images:
        found = [_LOG4J] if faulty and "/environment:" in image else []
        result = {"Target": "Java", "Class": "lang-pkgs", "Type": "jar", "Vulnerabilities": found}
        report = {
            "SchemaVersion": 2,
            "CreatedAt": (now - timedelta(days=2)).isoformat(),
            "ArtifactName": image,
            "ArtifactType": "container_image",
            "Metadata": {"RepoTags": [image]},
            "Results": [result],
        }
        name = image.rpartition("/")[2].replace(":", "-")
        (reports / f"{name}.json").write_text(json.dumps(report, indent=2))
    return reports
