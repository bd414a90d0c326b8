"""DOM-004 against a real control plane: logs of services, through the API server, by KWOK's kubelet.

KWOK gives the same log for every container, so that it is told by its words alone whose fault it is.
"""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import domino_cluster as domino
from control_plane import ControlPlane
from domino_health.facts.rights import Right
from drills import look
from health_account import granted, rights, rules
from kube_client import eventually

LOG = Right("pods/log", "get")
OPENED = f", logs: [{domino.PLATFORM}]"
WORDS = (
    *("\x1b[32mINFO\x1b[0m marmalade java.lang.OutOfMemoryError: in a word" for _ in range(50)),
    '\x1b[33mWARN\x1b[0m [org.keycloak.events] error="invalid_signature", userId=ada, password=hunter2',
    "2026-11-26 [warning] <0.375.0> disk resource limit alarm set on node rabbit@a.",
)
OLD = "java.lang.OutOfMemoryError: an hour ago"


def at(ago: timedelta, words: str) -> str:
    """A line as a container runtime writes it."""
    when = (datetime.now(UTC) - ago).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
    return f"{when} stdout F {words}\n"


@pytest.fixture
def written(platform: ControlPlane) -> Iterator[None]:
    """What every container has written, and KWOK's server as the kubelet of every node of the platform."""
    lines = [at(timedelta(hours=1), OLD), *(at(timedelta(minutes=1), words) for words in WORDS)]
    address, port = platform.kubelet
    names = (f"platform-{number}" for number in range(4))
    nodes = [platform.get(f"/api/v1/nodes/{name}") for name in names]
    endpoint = {"kubeletEndpoint": {"Port": port}}
    with contextlib.ExitStack() as stack:
        for node in nodes:
            own = {"addresses": node["status"]["addresses"], "daemonEndpoints": {"kubeletEndpoint": None}}
            stack.callback(platform.patch_status, node, own)
            addresses = [{"type": "InternalIP", "address": address}]
            platform.patch_status(node, {"addresses": addresses, "daemonEndpoints": endpoint})
        stack.callback(platform.container_log.write_text, "")
        platform.container_log.write_text("".join(lines))
        yield


def may_read(plane: ControlPlane) -> bool:
    path = f"/api/v1/namespaces/{domino.PLATFORM}/pods/keycloakv17-0/log"
    headers = {"Authorization": f"Bearer {plane.tokens['health-reader']}"}
    return bool(plane.http.request("GET", plane.url + path, headers=headers).status == 200)


def test_a_known_fault_in_a_log_is_found_and_its_line_quoted_without_secrets(
    platform: ControlPlane, written: None, tmp_path: Path
) -> None:
    """Each of its own service alone, though all of them have both in their log; one line is an hour old."""
    with granted(platform, "health-reader", rules([*rights(), LOG]), domino.PLATFORM):
        eventually(lambda: may_read(platform), what="the right to read logs")
        run = look(platform, tmp_path, cluster=OPENED)
        ignored = "logs: {ignore: [keycloak-saml-signature, rabbitmq-alarm]}\n"
        without = look(platform, tmp_path, ignored, cluster=OPENED)

    queue, keycloak = (f"statefulset/{domino.PLATFORM}/{name}" for name in ("rabbitmq-ha-39", "keycloakv17"))
    assert {id: sorted(subjects) for id, subjects in run.found().items()} == {"DOM-004": [keycloak, queue]}
    messages = {each["subject"]["name"]: each["message"] for each in run.result("DOM-004")["findings"]}
    assert messages["keycloakv17"].startswith(
        "Keycloak: 1 line in the last 15 m, of 1 pod: Keycloak refuses answers of the identity provider for "
        'their signature (keycloak-saml-signature). For example, keycloakv17 of keycloakv17-0: "WARN '
        '[org.keycloak.events] error="invalid_signature", userId=***'
    )
    assert messages["rabbitmq-ha-39"].startswith("message queue: 3 lines in the last 15 m, of 3 pods: ")
    assert run.result("DOM-004")["window"] == "logs of the last 15 m"
    for file in (each for each in run.folder.rglob("*") if each.is_file()):
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        assert b"hunter2" not in content, file
        assert b"marmalade" not in content, file
    assert without.exit_status == 0, without.output
    assert without.found() == {}
    assert without.result("DOM-004")["population"] >= 10


def test_logs_that_may_not_be_read_are_told_with_the_right_that_lacks(
    platform: ControlPlane, written: None, tmp_path: Path
) -> None:
    denied = look(platform, tmp_path, cluster=OPENED)
    closed = look(platform, tmp_path)

    assert denied.found() == {}
    assert denied.result("DOM-004")["state"] == "unknown"
    assert LOG.rule() in denied.output
    assert closed.exit_status == 0, closed.output
    assert closed.result("DOM-004")["state"] == "skipped"
