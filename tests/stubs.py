"""Connections to stubs of an API server, and what a test asks of them. Fixtures: a plugin of pytest's."""

import contextlib
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from certificates import Issued, authority, write_bundle, write_chain
from domino_health.collectors import gather, kubernetes
from domino_health.collectors.cluster import Connection
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.looking import CollectionError, Deadline
from domino_health.facts.kubernetes import Pod, PodList
from domino_health.facts.observed import Observed
from domino_health.profile import Profile
from domino_health.profile.clusters import Cluster
from fault_server import (
    Answer,
    Exchange,
    FaultServer,
    Script,
)

TOKEN = "eyJhbGciOi.c2VjcmV0LXRva2Vu.s1gnature"
DECODER = msgspec.json.Decoder(PodList)
PODS = "/api/v1/pods"
SLACK = 4.0
"""Seconds that a loaded machine may add before a time-out counts as missed."""


@dataclass(frozen=True)
class Trust:
    """Who signs the stubs' certificates."""

    root: Issued
    ca_file: Path
    context: ssl.SSLContext

    def context_of(self, issued: Issued, directory: Path) -> ssl.SSLContext:
        """A server's side of TLS with another certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(write_chain(directory / "server.pem", issued))
        return context


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    directory = tmp_path_factory.mktemp("trust")
    root = authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(
        write_chain(directory / "server.pem", root.issue("api", "127.0.0.1", "localhost"))
    )
    return Trust(root, write_bundle(directory / "ca.pem", root), context)


@pytest.fixture
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no trust but what a test says."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def opened() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


StartStub = Callable[..., FaultServer]
Connect = Callable[..., Connection]


@pytest.fixture
def stub(trust: Trust, opened: contextlib.ExitStack) -> StartStub:
    """Starts a stub of an API server that answers as it is told."""

    def start(*answers: Answer, tls: ssl.SSLContext | None = None) -> FaultServer:
        return opened.enter_context(FaultServer(tls or trust.context, Script(list(answers))))

    return start


@pytest.fixture
def connected(trust: Trust, opened: contextlib.ExitStack) -> Connect:
    """Connects to a stub, or to any address, as a profile would say it; closes what is left open."""

    def connect(where: FaultServer | str, **more: Any) -> Connection:
        server = where if isinstance(where, str) else where.url
        given = {"name": "prod", "server": server, "ca_file": str(trust.ca_file), "token": TOKEN, **more}
        return closing(opened, Connection(Cluster.model_validate(given)))

    return connect


def closing(opened: contextlib.ExitStack, connection: Connection) -> Connection:
    opened.callback(connection._client.rest_client.pool_manager.clear)
    return connection


def pod(name: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "domino-compute", "creationTimestamp": "2026-11-24T03:45:00Z"}
    return {"metadata": metadata, "spec": {"containers": []}, **more}


def page(*names: str, **metadata: Any) -> dict[str, Any]:
    return {"kind": "PodList", "metadata": metadata, "items": [pod(name) for name in names]}


def listed(connection: Connection, seconds: float = 10) -> list[str]:
    things = connection.list(PODS, DECODER, Deadline(timedelta(seconds=seconds)))
    return [thing.metadata.name for thing in things]


def refused(connection: Connection, seconds: float = 10) -> CollectionError:
    """The one error that a listing ends in, within its deadline, and never with the token in it."""
    deadline = Deadline(timedelta(seconds=seconds))
    with pytest.raises(CollectionError) as caught:
        connection.list(PODS, DECODER, deadline)
    assert time.monotonic() < deadline.ends + gather.GRACE + SLACK
    error = caught.value
    assert error.cure
    for text in (str(error), error.reason, error.cure):
        assert TOKEN not in text
    return error


PODS_WANTED = Wanted("pods", kubernetes.pods, "clusters", Pod)


def gathered(server: str, trust: Trust, fact: Wanted = PODS_WANTED, **more: Any) -> Observed:
    """A fact of one cluster, as a run would gather it."""
    given = {"name": "prod", "server": server, "ca_file": str(trust.ca_file), "token": TOKEN, **more}
    profile = Profile.model_validate({"version": 1, "clusters": [given]})
    gathering = Gathering([fact], profile)
    gathering.start()
    return gathering.wait(fact.name)


def status(code: int, reason: str, message: str = "no") -> tuple[int, dict[str, Any]]:
    """A refusal of an API server."""
    return code, {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}


def page_of(*items: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """A whole list of an API server."""
    return 200, {"metadata": {}, "items": list(items)}


def serve_pages(*pages: dict[str, Any]) -> Answer:
    """Answers by the continue token, which is the number of the page."""

    def answer(exchange: Exchange) -> None:
        exchange.answer(200, pages[int(exchange.request.query.get("continue", "0"))])

    return answer
