"""A run with a profile, against a server on loopback that answers as Acme's would. The server is a fake."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

PROFILE = """\
version: 1
packs: [acme_checks]
acme:
  deadline: 5s
  servers:
    - {name: east, url: 'http://127.0.0.1:PORT'}
"""


class LicenceServer(HTTPServer):
    """Answers every GET with ``status`` and ``body``."""

    status = 200
    body = b'{"licences": [{"product": "solver", "seats": 10, "in_use": 3, "host": "not kept"}]}'


class _Handler(BaseHTTPRequestHandler):
    server: LicenceServer

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[LicenceServer]:
    with LicenceServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(pytester: pytest.Pytester, port: int, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status of ``pytest --profile=./acme.yaml -k ACME-001``, and what became of the check."""
    (pytester.path / "acme.yaml").write_text(PROFILE.replace("PORT", str(port)))
    ran = pytester.runpytest_subprocess("--profile=./acme.yaml", "-k", "ACME-001", *arguments, timeout=60)
    findings = (pytester.path / "reports" / "acme" / "latest" / "findings.json").read_text()
    (result,) = json.loads(findings)["results"]
    return int(ran.ret), result


def test_seats_that_are_left_open_the_gate(pytester: pytest.Pytester, server: LicenceServer) -> None:
    status, result = run(pytester, server.server_port)

    assert (status, result["state"], result["population"]) == (0, "passed", 1)


def test_no_seat_left_closes_the_gate(pytester: pytest.Pytester, server: LicenceServer) -> None:
    server.body = b'{"licences": [{"product": "solver", "seats": 3, "in_use": 3}]}'

    status, result = run(pytester, server.server_port)

    assert (status, result["state"]) == (1, "failed")
    (finding,) = result["findings"]
    assert finding["subject"] == {"cluster": "", "kind": "licence", "namespace": "east", "name": "solver"}


@pytest.mark.parametrize(
    ("status", "body", "outcome", "says"),
    [
        (403, b"no", "denied", ": 403"),
        (500, b"oh", "failed", ": 500, 2 bytes"),
        (200, b"<html>", "failed", "JSON is malformed"),
        (200, b'{"licences": [{"product": "solver"}]}', "failed", "missing required field `seats`"),
    ],
)
def test_a_server_that_does_not_tell_is_unknown(
    pytester: pytest.Pytester, server: LicenceServer, status: int, body: bytes, outcome: str, says: str
) -> None:
    server.status, server.body = status, body

    exit_status, result = run(pytester, server.server_port)

    assert (exit_status, result["state"]) == (6, "unknown")
    (unseen,) = result["unseen"]
    assert (unseen["target"], unseen["outcome"]) == ("east", outcome)
    assert says in unseen["reason"]
    assert unseen["cure"]


def test_a_server_that_is_down_is_unknown(pytester: pytest.Pytester, server: LicenceServer) -> None:
    port = server.server_port
    server.server_close()

    exit_status, result = run(pytester, port)

    assert (exit_status, result["state"]) == (6, "unknown")
    assert "Connection refused" in result["unseen"][0]["reason"]
