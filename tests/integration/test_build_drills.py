"""IMG-009 against a real control plane: builds of images that hang and fail.

Hephaestus does not run there: what only it writes is *patched* (domino_operators).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import domino_cluster as domino
import domino_operators as operators
from certificates import authority, days
from control_plane import ControlPlane
from domino_operators import DENIED, HEPHAESTUS, ago, build, environment
from drills import look
from health_run import HealthRun
from kube_client import eventually
from objects import made

X509 = (
    "failed to contact buildkitd after 8 attempts: rpc error: code = Unavailable desc = connection error: "
    'desc = "transport: authentication handshake failed: tls: failed to verify certificate: x509: '
    'certificate has expired or is not yet valid"'
)
USERS = (
    'build failed: buildkit solve issue: failed to solve: process "/bin/sh -c pip install '
    '--token=hunter2-hunter2 acme" did not complete successfully: exit code: 1'
)


@pytest.fixture
def hephaestus(platform: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster that has Hephaestus' kind of builds; none of it stays."""
    with operators.hephaestus(platform):
        yield platform


def messages(run: HealthRun) -> dict[str, str]:
    return {
        each["subject"]["name"]: f"{each['severity']}: {each['message']}"
        for each in run.result("IMG-009")["findings"]
    }


def test_without_hephaestus_the_check_is_skipped_and_says_so(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path)

    result = run.result("IMG-009")
    assert result["state"] == "skipped"
    assert "Hephaestus is not installed" in result["reason"]
    assert run.found() == {}


def test_an_account_without_rights_gets_no_pass_and_is_told_the_rule(
    hephaestus: ControlPlane, tmp_path: Path
) -> None:
    run = look(hephaestus, tmp_path, user="nobody")

    result = run.result("IMG-009")
    assert result["state"] == "unknown"
    (cure,) = (each["cure"] for each in result["unseen"] if each["fact"] == "image_builds")
    assert f'{{apiGroups: ["{HEPHAESTUS}"], resources: ["imagebuilds"], verbs: ["list"]}}' in cure


def test_builds_that_end_well_are_healthy(hephaestus: ControlPlane, tmp_path: Path) -> None:
    good = ("Initializing", 30), ("Running", 29), ("Succeeded", 20)
    bad = ("Initializing", 60), ("Running", 59), ("Failed", 55)
    build(hephaestus, "failed", environment("made good"), *bad, failed=DENIED)
    eventually(lambda: _older(hephaestus, "failed"), what="a second between two builds")
    build(
        hephaestus,
        "good",
        environment("made good"),
        *good,
        allocationTime="12.3s",
        buildTime="9m0.5s",
        compressedImageSizeBytes="3221225472",
    )
    build(hephaestus, "new", environment("new"))
    build(hephaestus, "running", environment("running"), ("Initializing", 5), ("Running", 4))

    run = look(hephaestus, tmp_path)

    assert run.exit_status == 0, run.output
    assert run.found() == {}
    result = run.result("IMG-009")
    assert (result["state"], result["population"], result["worst"]) == (
        "passed",
        4,
        "slowest build 9 m of 1 h",
    )
    rows = {row[0].rpartition("/")[2]: row[2:] for row in result["attachments"][0]["rows"]}
    assert rows["good"][2:] == ["12 s", "9 m", "3.0 GiB"]
    assert rows["new"][0] == "not taken up"


def _older(plane: ControlPlane, name: str) -> bool:
    """A second has passed since it was made: creation times have no smaller part."""
    path = f"/apis/{HEPHAESTUS}/v1/namespaces/{domino.COMPUTE}/imagebuilds/{name}"
    made = datetime.fromisoformat(plane.get(path)["metadata"]["creationTimestamp"])
    return datetime.now(UTC) - made > timedelta(seconds=1)


def test_builds_that_hang_and_fail_are_found_by_what_they_build(
    hephaestus: ControlPlane, tmp_path: Path
) -> None:
    """*Patched*: what Hephaestus writes of its builds, and its event."""
    hangs = build(
        hephaestus,
        "hangs",
        environment("hangs"),
        ("Initializing", 95),
        ("Running", 90),
        builderAddr="tcp://hephaestus-buildkit-0:1234",
    )
    build(hephaestus, "waits", environment("waits"), ("Initializing", 20))
    ended = ("Initializing", 30), ("Running", 29), ("Failed", 20)
    build(hephaestus, "denied", environment("denied"), *ended, failed=DENIED)
    build(hephaestus, "users", environment("users"), *ended, failed=USERS)
    event = domino.new("v1", "Event", "hangs.drill", domino.COMPUTE) | {
        "involvedObject": {
            "kind": "ImageBuild",
            "namespace": domino.COMPUTE,
            "name": hangs["metadata"]["name"],
        },
        "reason": "StatusUpdate",
        "message": "Failed to update phase Failed: the object has been modified",
        "type": "Warning",
        "lastTimestamp": ago(1),
    }
    with made(hephaestus, event):
        run = look(hephaestus, tmp_path)

    assert run.exit_status == 0, "medium at most"
    names = sorted(domino.hex_id(seed) for seed in ("hangs", "waits", "denied", "users"))
    assert run.found() == {"IMG-009": [f"environment/{name}" for name in names]}
    said = messages(run)
    assert said[domino.hex_id("hangs")].startswith(
        "medium: a build runs at tcp://hephaestus-buildkit-0:1234 for 1 h 30 m, allowed 1 h. Its last event: "
        "StatusUpdate, Failed to update phase Failed"
    )
    assert said[domino.hex_id("waits")].startswith("medium: a build has waited for a builder for 20 m")
    assert said[domino.hex_id("denied")].startswith("medium: a build failed 20 m")
    assert "a registry refuses" in said[domino.hex_id("denied")]
    assert said[domino.hex_id("users")].startswith("low: a build failed 20 m")
    everything = "".join(
        path.read_bytes().decode(errors="replace") for path in run.folder.rglob("*.json") if path.is_file()
    )
    assert "hunter2" not in everything + run.output


def test_a_certificate_that_hephaestus_does_not_trust_is_told_with_its_secret(
    hephaestus: ControlPlane, tmp_path: Path
) -> None:
    """A real Secret, whose certificate has ended; *patched*: the build."""
    issued = authority("hephaestus").issue("hephaestus-buildkit", not_before=days(-90), not_after=days(-3))
    secret = domino.new("v1", "Secret", "hephaestus-buildkit-client-tls", domino.COMPUTE)
    secret["data"] = {"tls.crt": base64.b64encode(issued.pem).decode()}
    build(hephaestus, "x509", environment("x509"), ("Initializing", 30), ("Failed", 20), failed=X509)

    unnamed = look(hephaestus, tmp_path)
    with made(hephaestus, secret):
        secrets = ", secrets: [domino-compute/hephaestus-buildkit-client-tls]"
        named = look(hephaestus, tmp_path, user="admin", cluster=secrets)

    name = domino.hex_id("x509")
    assert unnamed.found() == {"IMG-009": [f"environment/{name}"]}
    assert "name its Secrets" in messages(unnamed)[name]
    assert named.found() == {
        "IDP-008": ["secret/domino-compute/hephaestus-buildkit-client-tls"],
        "IMG-009": [f"environment/{name}"],
    }
    assert (
        "IDP-008 knows why: hephaestus-buildkit-client-tls: its tls.crt expired 3 d" in messages(named)[name]
    )
