"""Reading from an API server: whole listings when it is well, and one clear error, in time, when it is not.

The servers are stubs (see ``fault_server``): they do what a real one cannot be made to do on demand.
"""

import contextlib
import gzip
import json
import logging
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from certificates import Issued, authority, days, write_bundle, write_chain
from domino_health.collectors import cluster as subject
from domino_health.collectors import gather, kubernetes, way_in
from domino_health.collectors.cluster import Connection, rbac_rule
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.looking import CollectionError, Deadline
from domino_health.facts.kubernetes import Clock, Pod, PodList
from domino_health.facts.observed import Observed, Outcome
from domino_health.profile import Profile
from domino_health.profile.clusters import Cluster
from fault_server import (
    Answer,
    Exchange,
    FaultServer,
    Listener,
    Script,
    dead_port,
    head,
    never_accepting,
    says,
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


@pytest.fixture(autouse=True)
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


def gathered(server: str, trust: Trust, **more: Any) -> Observed:
    """The fact ``pods`` of one cluster, as a run would gather it."""
    given = {"name": "prod", "server": server, "ca_file": str(trust.ca_file), "token": TOKEN, **more}
    profile = Profile.model_validate({"version": 1, "clusters": [given]})
    gathering = Gathering([Wanted("pods", kubernetes.pods, "clusters", Pod)], profile)
    gathering.start()
    return gathering.wait("pods")


# A server that is well


def serve_pages(*pages: dict[str, Any]) -> Answer:
    """Answers by the continue token, which is the number of the page."""

    def answer(exchange: Exchange) -> None:
        exchange.answer(200, pages[int(exchange.request.query.get("continue", "0"))])

    return answer


def test_a_listing_is_read_page_by_page_to_its_end(
    stub: StartStub, connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "PAGE", 2)
    pages = (
        page("a", "b", **{"continue": "1", "remainingItemCount": 3}),
        page("c", "d", **{"continue": "2", "remainingItemCount": 1}),
        page("e"),
    )
    server = stub(serve_pages(*pages))
    said: list[str] = []

    pods = connected(server).list(PODS, DECODER, Deadline(timedelta(seconds=10)), said.append)

    assert [each.metadata.name for each in pods] == ["a", "b", "c", "d", "e"]
    assert said == ["2 of 5", "4 of 5", "5"]
    assert [request.query for request in server.requests] == [
        {"limit": "2"},
        {"limit": "2", "continue": "1"},
        {"limit": "2", "continue": "2"},
    ]
    assert {request.path for request in server.requests} == {PODS}
    assert server.connections == 1, "pages share a connection"


@pytest.mark.parametrize(
    ("pages", "names"),
    [
        ([page()], []),
        ([page("a", **{"continue": ""})], ["a"]),
        ([page(**{"continue": "1"}), page("b")], ["b"]),
        ([page("a", **{"continue": "1"}), page()], ["a"]),
    ],
    ids=["none", "empty token", "first page empty", "last page empty"],
)
def test_a_listing_ends_where_no_token_leads_on(
    stub: StartStub, connected: Connect, pages: list[dict[str, Any]], names: list[str]
) -> None:
    assert listed(connected(stub(serve_pages(*pages)))) == names


def test_a_continue_token_is_sent_back_letter_by_letter(stub: StartStub, connected: Connect) -> None:
    token = "eyJ2IjoibWV0YS5r+/=&?#%é x"

    def answer(exchange: Exchange) -> None:
        exchange.answer(
            200, page("b") if exchange.request.query.get("continue") else page("a", **{"continue": token})
        )

    server = stub(answer)

    assert listed(connected(server)) == ["a", "b"]
    assert server.requests[1].query["continue"] == token


def test_requests_carry_the_token_and_only_ever_get(stub: StartStub, connected: Connect) -> None:
    server = stub(says(200, page("a")))

    listed(connected(server))

    (request,) = server.requests
    assert request.line.startswith("GET ")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"] == "domino-health"


def test_without_a_token_none_is_sent(stub: StartStub, connected: Connect) -> None:
    server = stub(says(200, page("a")))

    listed(connected(server, token=None))

    assert "authorization" not in server.requests[0].headers


def test_a_server_below_a_path_is_asked_there(stub: StartStub, connected: Connect) -> None:
    server = stub(says(200, page("a")))

    assert listed(connected(f"{server.url}/k8s/clusters/c-m-1/")) == ["a"]
    assert server.requests[0].path == "/k8s/clusters/c-m-1/api/v1/pods"


def chunked(body: bytes, size: int = 7) -> bytes:
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def in_chunks(exchange: Exchange) -> None:
    exchange.send(head(200, transfer_encoding="chunked") + chunked(json.dumps(page("a")).encode()))


def until_closed(exchange: Exchange) -> None:
    exchange.send(head(200, connection="close") + json.dumps(page("a")).encode())
    exchange.connection.unwrap()
    exchange.connection.close()


def in_gzip(exchange: Exchange) -> None:
    exchange.answer(200, gzip.compress(json.dumps(page("a")).encode()), content_encoding="gzip")


def after_a_pause(exchange: Exchange) -> None:
    body = json.dumps(page("a")).encode()
    exchange.send(head(200, content_length=str(len(body))) + body[:20])
    exchange.stopped.wait(0.2)
    exchange.send(body[20:])


@pytest.mark.parametrize("answer", [in_chunks, until_closed, in_gzip, after_a_pause])
def test_a_whole_answer_is_read_however_it_is_sent(
    stub: StartStub, connected: Connect, answer: Answer
) -> None:
    assert listed(connected(stub(answer))) == ["a"]


def test_control_characters_in_a_name_never_reach_a_report(stub: StartStub, connected: Connect) -> None:
    server = stub(says(200, page("run\x1b[31m\x00")))

    (each,) = connected(server).list(PODS, DECODER, Deadline(timedelta(seconds=10)))

    assert each.ref.name == "run�[31m�"
    assert str(each.subject).isprintable()


# Bounds


@pytest.mark.parametrize(("most", "truncated"), [(4, False), (3, True)])
def test_more_objects_than_one_may_read_are_a_truncated_listing(
    stub: StartStub, connected: Connect, monkeypatch: pytest.MonkeyPatch, most: int, truncated: bool
) -> None:
    monkeypatch.setattr(subject, "MOST_OBJECTS", most)
    connection = connected(stub(serve_pages(page("a", "b", **{"continue": "1"}), page("c", "d"))))

    if truncated:
        error = refused(connection)
        assert error.outcome is Outcome.TRUNCATED
        assert [each.metadata.name for each in error.seen] == ["a", "b", "c", "d"]
        assert "more than 3 objects" in error.reason
    else:
        assert listed(connection) == ["a", "b", "c", "d"]


def test_what_was_seen_of_a_truncated_listing_knows_its_cluster_too(
    stub: StartStub, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "MOST_OBJECTS", 1)

    observed = gathered(stub(says(200, page("a", "b"))).url, trust)

    assert [target.outcome for target in observed.targets] == [Outcome.TRUNCATED]
    assert [(each.cluster, each.metadata.name) for each in observed.objects] == [("prod", "a"), ("prod", "b")]


@pytest.mark.parametrize("more", [0, 1])
def test_a_page_may_be_as_large_as_allowed_and_no_larger(
    stub: StartStub, connected: Connect, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    largest = 1 << 20
    monkeypatch.setattr(subject, "LARGEST_PAGE", largest)
    body = json.dumps(page("a")).encode()
    connection = connected(stub(says(200, body + b" " * (largest - len(body) + more))))

    if more:
        assert "more than 1 MiB in one page" in refused(connection).reason
    else:
        assert listed(connection) == ["a"]


def test_a_body_without_end_is_cut_off(
    stub: StartStub, connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "LARGEST_PAGE", 1 << 20)

    def endless(exchange: Exchange) -> None:
        exchange.send(head(200, connection="close") + b'{"items": [')
        while not exchange.stopped.is_set():
            exchange.send(b" " * 65536)

    error = refused(connected(stub(endless)), seconds=20)

    assert error.outcome is Outcome.FAILED
    assert "more than 1 MiB in one page" in error.reason


def test_a_compressed_body_is_bounded_by_what_it_unpacks_to(
    stub: StartStub, connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "LARGEST_PAGE", 1 << 20)
    bomb = gzip.compress(b" " * (64 << 20))

    error = refused(connected(stub(says(200, bomb, content_encoding="gzip"))))

    assert "more than 1 MiB in one page" in error.reason


def test_a_listing_whose_pages_never_end_ends_at_its_deadline(stub: StartStub, connected: Connect) -> None:
    def again(exchange: Exchange) -> None:
        exchange.stopped.wait(0.05)
        exchange.answer(200, page(**{"continue": "more"}))

    error = refused(connected(stub(again)), seconds=0.6)

    assert error.outcome is Outcome.TIMED_OUT
    assert "within 0.6 s" in error.reason


# Nobody there, or nobody in time


def test_a_port_where_nobody_listens_is_reported_as_refused(connected: Connect) -> None:
    url = f"https://127.0.0.1:{dead_port()}"

    error = refused(connected(url))

    assert (error.reason, error.outcome) == (f"{url}: connection refused", Outcome.FAILED)


def test_a_host_that_does_not_exist_is_reported(connected: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    error = refused(connected("https://no-such-host.invalid"))

    assert error.reason.startswith("https://no-such-host.invalid: ")
    assert "reachable from here" in error.cure


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux drops connections beyond the backlog")
@pytest.mark.parametrize(
    ("seconds", "connect", "told"), [(30.0, 0.4, "0.4"), (0.5, 5.0, "0.5")], ids=["connect", "deadline"]
)
def test_a_connection_that_takes_too_long_times_out_and_says_after_how_long(
    connected: Connect, monkeypatch: pytest.MonkeyPatch, seconds: float, connect: float, told: str
) -> None:
    monkeypatch.setattr(subject, "CONNECT", connect)

    with never_accepting() as port:
        error = refused(connected(f"https://127.0.0.1:{port}"), seconds=seconds)

    assert error.outcome is Outcome.TIMED_OUT
    assert f"no connection within {told} s" in error.reason


@pytest.mark.parametrize(
    ("seconds", "connect", "told"),
    [(30.0, 0.4, "no connection within 0.4 s (TLS)"), (0.5, 5.0, "no complete answer within 0.5 s")],
    ids=["connect", "deadline"],
)
def test_a_tls_handshake_that_takes_too_long_times_out_and_says_after_how_long(
    connected: Connect,
    opened: contextlib.ExitStack,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    connect: float,
    told: str,
) -> None:
    monkeypatch.setattr(subject, "CONNECT", connect)
    silent = opened.enter_context(Listener(hold))

    error = refused(connected(f"https://127.0.0.1:{silent.port}"), seconds=seconds)

    assert error.outcome is Outcome.TIMED_OUT
    assert told in error.reason


def hold(connection: socket.socket) -> None:
    """Take what comes and say nothing, until the other side or the test has had enough."""
    while connection.recv(65536):
        pass


def hang(exchange: Exchange) -> None:
    exchange.hang()


def drip_body(exchange: Exchange) -> None:
    exchange.send(head(200, content_length="100000"))
    exchange.drip(b" " * 1000)


def drip_chunks(exchange: Exchange) -> None:
    exchange.send(head(200, transfer_encoding="chunked"))
    for _ in range(200):
        exchange.send(b"1\r\n \r\n")
        if exchange.stopped.wait(0.05):
            return


@pytest.mark.parametrize("answer", [hang, drip_body, drip_chunks])
def test_an_answer_that_does_not_come_whole_in_time_is_a_time_out(
    stub: StartStub, connected: Connect, answer: Answer
) -> None:
    error = refused(connected(stub(answer)), seconds=0.6)

    assert error.outcome is Outcome.TIMED_OUT
    assert error.reason.startswith("no complete answer within 0.6 s")
    assert "raise its deadline" in error.cure


def drip_headers(exchange: Exchange) -> None:
    exchange.drip(head(200, x_filler="x" * 1000))


def drip_a_chunk_size(exchange: Exchange) -> None:
    exchange.send(head(200, transfer_encoding="chunked"))
    exchange.drip(b"1;" + b"x" * 1000)


def stall_in_body(exchange: Exchange) -> None:
    exchange.send(head(200, content_length="100000") + b" " * 50)
    exchange.stopped.wait(0.5)
    exchange.send(b" ")
    exchange.hang()


def endlessly_continue(exchange: Exchange) -> None:
    while not exchange.stopped.wait(0.02):
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("answer", [drip_headers, drip_a_chunk_size, stall_in_body, endlessly_continue])
def test_whatever_a_server_does_its_cluster_has_an_outcome_at_its_deadline(
    stub: StartStub, trust: Trust, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(gather, "GRACE", 0.2)

    observed = gathered(stub(answer).url, trust, deadline="700ms")

    (prod,) = observed.targets
    assert prod.outcome is Outcome.TIMED_OUT
    assert prod.reason.startswith("no complete answer within 0.7 s")
    assert prod.seconds < 0.7 + 0.2 + SLACK


def test_a_cluster_that_hangs_hides_nothing_of_another(
    stub: StartStub, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "GRACE", 0.2)
    way_in = {"ca_file": str(trust.ca_file), "deadline": "500ms"}
    clusters = [
        {"name": "dead", "server": stub(hang).url, **way_in},
        {"name": "alive", "server": stub(says(200, page("a"))).url, **way_in},
    ]
    profile = Profile.model_validate({"version": 1, "clusters": clusters})
    gathering = Gathering([Wanted("pods", kubernetes.pods, "clusters", Pod)], profile)
    gathering.start()

    observed = gathering.wait("pods")

    assert [(each.cluster, each.metadata.name) for each in observed.objects] == [("alive", "a")]
    assert [(each.target, each.outcome) for each in observed.unseen] == [("dead", "timed out")]


# Refusals


def status(code: int, message: str) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


def test_an_unknown_credential_is_denied_and_the_cure_is_another_one(
    stub: StartStub, connected: Connect
) -> None:
    error = refused(connected(stub(says(401, status(401, "Unauthorized")))))

    assert error.outcome is Outcome.DENIED
    assert error.reason == "GET /api/v1/pods: 401 Unauthorized"
    assert "give cluster prod a valid credential" in error.cure


def test_a_forbidden_listing_is_denied_and_the_cure_is_the_rule_to_add(
    stub: StartStub, connected: Connect
) -> None:
    message = 'pods is forbidden: User "health" cannot list resource "pods" in API group ""'

    error = refused(connected(stub(says(403, status(403, message)))))

    assert error.outcome is Outcome.DENIED
    assert error.reason == f"GET /api/v1/pods: 403 {message}"
    rule = '{apiGroups: [""], resources: ["pods"], verbs: ["list"]} (in a ClusterRole)'
    assert error.cure == f"grant the account this rule: {rule}"


@pytest.mark.parametrize(
    ("path", "group", "resource", "where"),
    [
        ("/api/v1/pods", "", "pods", "(in a ClusterRole)"),
        ("/api/v1/namespaces/domino-compute/pods", "", "pods", "(in namespace domino-compute)"),
        ("/api/v1/namespaces", "", "namespaces", "(in a ClusterRole)"),
        ("/apis/apps/v1/deployments", "apps", "deployments", "(in a ClusterRole)"),
        (
            "/apis/apps/v1/namespaces/domino-platform/deployments",
            "apps",
            "deployments",
            "(in namespace domino-platform)",
        ),
        ("/apis/metrics.k8s.io/v1beta1/nodes", "metrics.k8s.io", "nodes", "(in a ClusterRole)"),
        ("/apis/batch/v1/namespaces/namespaces/jobs", "batch", "jobs", "(in namespace namespaces)"),
    ],
)
def test_the_rule_that_a_listing_needs_is_named_exactly(
    path: str, group: str, resource: str, where: str
) -> None:
    rule = rbac_rule(path)

    text, _, named = rule.rpartition("} ")
    assert yaml.safe_load(f"{text}}}") == {"apiGroups": [group], "resources": [resource], "verbs": ["list"]}
    assert named == where


def test_the_rule_that_a_namespace_needs_is_named_exactly() -> None:
    assert rbac_rule("/api/v1/namespaces/domino-compute") == (
        '{apiGroups: [""], resources: ["namespaces"], verbs: ["get"]} (in namespace domino-compute)'
    )


NOT_THERE = 'namespaces "domino-compte" not found'
MAY_NOT = 'namespaces "domino-compte" is forbidden: User "reader" cannot get resource "namespaces"'


@pytest.mark.parametrize(
    ("answer", "outcome", "reason", "cure"),
    [
        (says(200, {"metadata": {"name": "domino-compte"}}), Outcome.SEEN, "", ""),
        (says(404, status(404, NOT_THERE)), Outcome.FAILED, NOT_THERE, "mend the name in the profile's"),
        (
            says(403, status(403, MAY_NOT)),
            Outcome.DENIED,
            MAY_NOT,
            'resources: ["namespaces"], verbs: ["get"]}',
        ),
    ],
    ids=["there", "not there", "denied"],
)
def test_an_empty_namespace_is_told_from_one_that_is_not_there(
    stub: StartStub, trust: Trust, answer: Answer, outcome: Outcome, reason: str, cure: str
) -> None:
    # Of both a real API server gives an empty list, and a misspelled name would look healthy for ever.
    server = stub(says(200, page()), answer)

    (target,) = gathered(server.url, trust, namespaces=["domino-compte"]).targets

    assert target.outcome is outcome
    assert reason in target.reason
    assert cure in target.cure
    assert server.requests[1].path == "/api/v1/namespaces/domino-compte"


def test_a_namespace_that_holds_something_is_there(stub: StartStub, trust: Trust) -> None:
    server = stub(says(200, page("a")))

    (target,) = gathered(server.url, trust, namespaces=["domino-compute"]).targets

    assert target.outcome is Outcome.SEEN
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("code", "body", "said"),
    [
        (404, status(404, "the server could not find the requested resource"), "the server could not find"),
        (410, status(410, "too old"), "410 too old"),
        (500, status(500, "etcdserver: leader changed"), "etcdserver: leader changed"),
        (500, "", "GET /api/v1/pods: 500"),
        (500, b"\xff\xfe not text", "500"),
        (502, "<html>Bad Gateway</html>", "Bad Gateway"),
        (302, "", "302"),
        (304, "", "304"),
        (201, page("a"), "201"),
        (500, '{"message": null}', "500"),
        (500, '{"message": "' + "[" * 100_000, "500"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_every_other_status_is_a_failure_in_the_servers_words(
    stub: StartStub, connected: Connect, code: int, body: Any, said: str
) -> None:
    error = refused(connected(stub(says(code, body))))

    assert error.outcome is Outcome.FAILED
    assert said in error.reason
    assert len(error.reason) < 2000


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_token_stays_here(
    stub: StartStub, connected: Connect, code: int
) -> None:
    elsewhere = stub(says(200, page("trap")))
    server = stub(says(code, "", location=f"{elsewhere.url}/api/v1/pods"))

    error = refused(connected(server))

    assert f"GET /api/v1/pods: {code}" in error.reason
    assert "what answers at this address" in error.cure
    assert elsewhere.connections == 0


def echo(code: int) -> Answer:
    """A server that repeats the request in its answer, as debugging proxies do."""

    def answer(exchange: Exchange) -> None:
        exchange.answer(code, "".join(f"{key}: {value}\n" for key, value in exchange.request.headers.items()))

    return answer


def echo_status(code: int) -> Answer:
    def answer(exchange: Exchange) -> None:
        exchange.answer(code, status(code, f"no such user: {exchange.request.headers['authorization']}"))

    return answer


@pytest.mark.parametrize("code", [200, 401, 403, 500])
@pytest.mark.parametrize("answer", [echo, echo_status])
def test_a_server_that_repeats_the_token_does_not_bring_it_into_a_report(
    stub: StartStub, connected: Connect, answer: Callable[[int], Answer], code: int
) -> None:
    error = refused(connected(stub(answer(code))))  # `refused` looks for the token

    assert str(code) in error.reason or "not what a Kubernetes API sends" in error.reason


# Listings that expire


def test_a_listing_that_expires_starts_over_and_counts_nothing_twice(
    stub: StartStub, connected: Connect
) -> None:
    first = page("a", "b", **{"continue": "1"})
    server = stub(
        says(200, first), says(410, status(410, "expired")), says(200, first), says(200, page("c", "d"))
    )

    assert listed(connected(server)) == ["a", "b", "c", "d"]
    assert [request.query.get("continue") for request in server.requests] == [None, "1", None, "1"]


def test_a_listing_that_always_expires_is_given_up(stub: StartStub, connected: Connect) -> None:
    def answer(exchange: Exchange) -> None:
        if "continue" in exchange.request.query:
            exchange.answer(410, status(410, "expired"))
        else:
            exchange.answer(200, page("a", **{"continue": "1"}))

    server = stub(answer)
    error = refused(connected(server))

    assert error.outcome is Outcome.FAILED
    assert f"expired {subject.MOST_TRIES} times" in error.reason
    assert len(server.requests) == 2 * subject.MOST_TRIES


def test_a_server_that_refuses_the_last_page_gives_no_part_of_the_listing(
    stub: StartStub, connected: Connect
) -> None:
    server = stub(says(200, page("a", **{"continue": "1"})), says(500, status(500, "no leader")))

    error = refused(connected(server))

    assert "500 no leader" in error.reason
    assert list(error.seen) == []


# A server that is busy


@pytest.mark.parametrize("code", [429, 503, 504])
def test_a_busy_server_is_asked_again(stub: StartStub, connected: Connect, code: int) -> None:
    busy = says(code, status(code, "busy"), retry_after="0")
    server = stub(*[busy] * (subject.MOST_TRIES - 1), says(200, page("a")))

    assert listed(connected(server)) == ["a"]
    assert len(server.requests) == subject.MOST_TRIES


@pytest.mark.parametrize("code", [429, 503, 504])
def test_a_server_that_stays_busy_is_reported(stub: StartStub, connected: Connect, code: int) -> None:
    server = stub(says(code, status(code, "still busy"), retry_after="0"))

    error = refused(connected(server))

    assert error.reason == f"GET /api/v1/pods: {code} still busy"
    assert len(server.requests) == subject.MOST_TRIES


def test_a_server_is_given_the_time_it_asks_for(stub: StartStub, connected: Connect) -> None:
    server = stub(says(429, "", retry_after="1"), says(200, page("a")))
    began = time.monotonic()

    assert listed(connected(server)) == ["a"]

    assert time.monotonic() - began >= 1


@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        ("7", 7.0),
        ("120", 120.0),
        ("0", 0.0),
        ("soon", 1.0),
        ("-5", 1.0),
        ("1.5", 1.0),
        ("", 1.0),
        ("Tue, 24 Nov 2026 03:45:00 GMT", 1.0),
        (None, 1.0),
    ],
)
def test_the_pause_is_what_the_server_says_or_a_second(
    stub: StartStub,
    connected: Connect,
    monkeypatch: pytest.MonkeyPatch,
    asked: str | None,
    pause: float,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    headers = {} if asked is None else {"retry_after": asked}
    server = stub(says(429, "", **headers), says(200, page("a")))

    assert listed(connected(server), seconds=300) == ["a"]
    assert pauses == [pause]


@pytest.mark.parametrize("asked", ["10", "31", "86400", "9" * 400])
def test_a_pause_beyond_the_deadline_is_not_begun(stub: StartStub, connected: Connect, asked: str) -> None:
    server = stub(says(429, status(429, "too many requests"), retry_after=asked))
    began = time.monotonic()

    error = refused(connected(server), seconds=9)

    assert "429 too many requests" in error.reason
    assert time.monotonic() - began < 5
    assert len(server.requests) == 1


# Answers that are none


def closed(exchange: Exchange) -> None:
    exchange.connection.close()


def reset_at_once(exchange: Exchange) -> None:
    exchange.reset()


def reset_in_body(exchange: Exchange) -> None:
    exchange.send(head(200, content_length="100000") + b'{"metadata": {}, "items": [')
    exchange.stopped.wait(0.1)
    exchange.reset()


def closed_in_body(exchange: Exchange) -> None:
    # Whole JSON, but fewer bytes than announced: what is cut off might have been more of it.
    exchange.send(head(200, content_length="100000") + json.dumps(page("a")).encode())
    exchange.connection.close()


def closed_in_chunks(exchange: Exchange) -> None:
    whole = chunked(json.dumps(page("a")).encode())
    exchange.send(head(200, transfer_encoding="chunked") + whole.removesuffix(b"0\r\n\r\n"))
    exchange.connection.close()


def rubbish(exchange: Exchange) -> None:
    exchange.send(b"\x00\xff\x00\xff this is not HTTP\r\n\r\n")
    exchange.connection.close()


def another_protocol(exchange: Exchange) -> None:
    exchange.send(b"220 mail.example.com ESMTP\r\n")
    exchange.connection.close()


def bad_chunk_size(exchange: Exchange) -> None:
    exchange.send(head(200, transfer_encoding="chunked") + b"zz\r\n{}\r\n0\r\n\r\n")
    exchange.connection.close()


def huge_header(exchange: Exchange) -> None:
    exchange.send(head(200, x_filler="x" * 70_000, content_length="2") + b"{}")


def many_headers(exchange: Exchange) -> None:
    exchange.send(head(200, **{f"x_{number}": "x" for number in range(200)}) + b"{}")


def bad_length(exchange: Exchange) -> None:
    exchange.send(head(200, content_length="minus two") + b"{}")
    exchange.connection.close()


def bad_gzip(exchange: Exchange) -> None:
    exchange.answer(200, json.dumps(page("a")), content_encoding="gzip")


def truncated_gzip(exchange: Exchange) -> None:
    whole = gzip.compress(json.dumps(page("a", "b")).encode())
    exchange.answer(200, whole[:-20], content_encoding="gzip")


@pytest.mark.parametrize(
    "answer",
    [
        closed,
        reset_at_once,
        reset_in_body,
        closed_in_body,
        closed_in_chunks,
        rubbish,
        another_protocol,
        bad_chunk_size,
        huge_header,
        many_headers,
        bad_length,
        bad_gzip,
        truncated_gzip,
    ],
)
def test_an_answer_that_breaks_off_or_is_no_http_is_a_failure(
    stub: StartStub, connected: Connect, answer: Answer
) -> None:
    error = refused(connected(stub(answer)))

    assert error.outcome is Outcome.FAILED


SIGN_IN = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form></form></body></html>"
ITEM = json.dumps(pod("a"))


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        SIGN_IN,
        "null",
        "[]",
        "{}",
        "true",
        '"items"',
        json.dumps(page("a", "b"))[:-30],
        '{"metadata": {}}',
        '{"items": []}',
        '{"metadata": {}, "items": null}',
        '{"metadata": null, "items": []}',
        '{"metadata": {}, "items": {}}',
        '{"metadata": {}, "items": [null]}',
        '{"metadata": {}, "items": [{}]}',
        '{"metadata": {"continue": 5}, "items": []}',
        '{"metadata": {"continue": null}, "items": []}',
        '{"metadata": {"remainingItemCount": "5"}, "items": []}',
        f'{{"metadata": {{}}, "items": [{ITEM}]}} trailing',
        f'{{"metadata": {{}}, "items": [{ITEM},]}}',
        ITEM,
        json.dumps(page("a")).replace("2026-11-24T03:45:00Z", "yesterday"),
        json.dumps(page("a")).replace("2026-11-24T03:45:00Z", "2026-11-24T03:45:00"),
        json.dumps(page("a")).replace('"a"', '"\\ud800"'),
        json.dumps(page("a")).replace('"a"', '"a\nb"'),
        json.dumps(page("a")).encode().replace(b'"a"', b'"\xff\xfe"'),
        json.dumps(page("a")).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(page("a")).encode(),
        b"\x00" * 100,
        '{"metadata": {}, "items": [], "more": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"metadata": {}, "items": ' + '[{"a":' * 50_000,
        '{"metadata": {}, "items": [], "more": NaN}',
    ],
    ids=lambda body: repr(body[-40:]),
)
def test_an_answer_that_is_no_page_of_pods_is_a_failure_and_never_an_empty_list(
    stub: StartStub, connected: Connect, body: str | bytes
) -> None:
    error = refused(connected(stub(says(200, body))))

    assert error.outcome is Outcome.FAILED
    assert f"{len(body.encode() if isinstance(body, str) else body)} bytes that are not what" in error.reason
    assert "a proxy's or a sign-in page" in error.cure


# Trust


def test_a_certificate_that_nobody_here_trusts_is_refused_before_the_token_is_sent(
    stub: StartStub, connected: Connect
) -> None:
    server = stub(says(200, page("a")))

    error = refused(connected(server, ca_file=None))

    assert error.reason.startswith(f"{server.url}: certificate verify failed: ")
    assert "_ssl" not in error.reason, "OpenSSL's words, without those of Python's source"
    assert error.cure == "name the CA that issued the API server's certificate: ca_file, or in the kubeconfig"
    assert server.requests == []


def test_a_certificate_for_another_name_is_refused(
    stub: StartStub, connected: Connect, trust: Trust, tmp_path: Path
) -> None:
    other = trust.context_of(trust.root.issue("other", "other.example.com"), tmp_path)
    server = stub(says(200, page("a")), tls=other)

    error = refused(connected(server))

    assert "IP address mismatch" in error.reason
    assert error.cure == "name the API server as its certificate does"
    assert server.requests == []


def test_a_certificate_that_has_ended_is_refused(
    stub: StartStub, connected: Connect, trust: Trust, tmp_path: Path
) -> None:
    ended = trust.root.issue("api", "127.0.0.1", not_before=days(-30), not_after=days(-1))
    server = stub(says(200, page("a")), tls=trust.context_of(ended, tmp_path))

    error = refused(connected(server))

    assert "certificate has expired" in error.reason
    assert "renew the API server's certificate" in error.cure
    assert server.requests == []


def test_a_server_without_tls_is_reported(connected: Connect, opened: contextlib.ExitStack) -> None:
    plain = opened.enter_context(
        Listener(lambda connection: connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n"))
    )

    error = refused(connected(f"https://127.0.0.1:{plain.port}"))

    assert error.outcome is Outcome.FAILED
    assert error.reason.startswith(f"https://127.0.0.1:{plain.port}: ")
    assert "does not speak TLS" in error.cure


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_trust_that_others_tools_are_given_is_not_ours(
    stub: StartStub, connected: Connect, trust: Trust, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(trust.ca_file))
    server = stub(says(200, page("a")))

    assert "certificate verify failed" in refused(connected(server, ca_file=None)).reason


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_trust_in_the_environment_does_not_replace_the_profiles(
    stub: StartStub, connected: Connect, monkeypatch: pytest.MonkeyPatch, name: str, tmp_path: Path
) -> None:
    monkeypatch.setenv(name, str(write_bundle(tmp_path / "other.pem", authority("Another CA"))))

    assert listed(connected(stub(says(200, page("a"))))) == ["a"]


def test_a_broken_ca_file_is_named_as_the_cause(stub: StartStub, connected: Connect, tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    server = stub(says(200, page("a")))

    error = refused(connected(server, ca_file=str(broken)))

    assert error.cure.startswith("mend ca_file")


@pytest.mark.parametrize("token", ["with\nnewline", "with\r\nX-Injected: yes", "ключ"])
def test_a_token_that_cannot_stand_in_a_header_is_reported_without_it(
    stub: StartStub, connected: Connect, token: str
) -> None:
    server = stub(says(200, page("a")))

    error = refused(connected(server, token=token))

    assert token not in error.reason
    assert repr(token)[1:-1] not in error.reason
    assert "credential" in error.cure
    assert server.requests == []


@pytest.mark.parametrize(
    "server",
    [
        "https://",
        "https://[::1",
        "https://a..b",
        "https://127.0.0.1:99999",
        "https://127.0.0.1:x",
        "https:// ",
    ],
)
def test_an_address_that_is_none_is_reported(connected: Connect, server: str) -> None:
    error = refused(connected(server))

    assert error.outcome is Outcome.FAILED
    assert "whether the address is right" in error.cure


def test_a_deadline_of_months_is_no_reason_to_break(stub: StartStub, connected: Connect) -> None:
    assert listed(connected(stub(says(200, page("a")))), seconds=86400 * 60) == ["a"]


# Proxies


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY"])
def test_a_proxy_in_the_environment_is_used_and_named_when_it_is_dead(
    connected: Connect, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    port = dead_port()
    monkeypatch.setenv(name, f"http://someone:hunter22@127.0.0.1:{port}")

    error = refused(connected("https://api.example.com"))

    assert f"proxy 127.0.0.1:{port}" in error.reason
    assert "connection refused" in error.reason
    assert "hunter22" not in error.reason
    assert "NO_PROXY" in error.cure


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_is_asked_for_what_is_on_this_machine(
    stub: StartStub, connected: Connect, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    # As kubectl: the end of a tunnel here is never a proxy's to reach.
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{dead_port()}")
    server = stub(says(200, page("a")))

    assert listed(connected(server.url.replace("127.0.0.1", host))) == ["a"]


def test_a_proxy_that_wants_a_password_is_named(
    connected: Connect, opened: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def demand(connection: Any) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    proxy = opened.enter_context(Listener(demand))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")

    error = refused(connected("https://api.example.com"))

    assert f"proxy 127.0.0.1:{proxy.port}" in error.reason
    assert "407" in error.reason


def test_no_proxy_is_honoured(stub: StartStub, connected: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{dead_port()}")
    monkeypatch.setenv("NO_PROXY", "127.1")
    server = stub(says(200, page("a")))

    # Another spelling of 127.0.0.1, which nothing but NO_PROXY takes past the proxy, and no certificate has.
    error = refused(connected(server.url.replace("127.0.0.1", "127.1")))

    assert "proxy" not in error.reason
    assert "certificate" in error.reason
    assert server.connections == 1


# Ways in


@dataclass(frozen=True)
class Kubeconfig:
    """A kubeconfig for a stub."""

    server: str
    ca_file: Path
    directory: Path

    def write(self, user: Any = None, **changed: Any) -> Path:
        """With one context, ``health``, for one user; ``changed`` replaces whole sections."""
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "health",
            "clusters": [
                {
                    "name": "prod",
                    "cluster": {"server": self.server, "certificate-authority": str(self.ca_file)},
                }
            ],
            "contexts": [{"name": "health", "context": {"cluster": "prod", "user": "health"}}],
            "users": [{"name": "health", "user": user or {"token": TOKEN}}],
            **changed,
        }
        path = self.directory / "kubeconfig"
        path.write_text(yaml.safe_dump(content))
        return path


@pytest.fixture
def kubeconfig(stub: StartStub, trust: Trust, tmp_path: Path) -> Kubeconfig:
    return Kubeconfig(stub(says(200, page("a"))).url, trust.ca_file, tmp_path)


def by_kubeconfig(path: Path, opened: contextlib.ExitStack, **more: Any) -> Connection:
    cluster = Cluster.model_validate({"name": "prod", "kubeconfig": str(path), **more})
    return closing(opened, Connection(cluster))


def no_way_in(path: Path, opened: contextlib.ExitStack, **more: Any) -> CollectionError:
    with pytest.raises(CollectionError) as caught:
        by_kubeconfig(path, opened, **more)
    error = caught.value
    assert error.reason.startswith("no way into cluster prod: ")
    assert error.outcome is Outcome.FAILED
    assert "kubeconfig" in error.cure
    assert TOKEN not in error.reason
    return error


def exec_plugin(directory: Path, source: str, **more: Any) -> dict[str, Any]:
    """A user whose credential comes from a program."""
    program = directory / "plugin.py"
    program.write_text(source)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": ["-I", "-S", str(program)],
            "interactiveMode": "Never",
            **more,
        }
    }


def credential(**status: str) -> str:
    """A plugin that prints a credential."""
    content = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": status,
    }
    return f"print({json.dumps(content)!r})"


def test_a_kubeconfig_leads_in(
    kubeconfig: Kubeconfig, stub: StartStub, trust: Trust, tmp_path: Path, opened: contextlib.ExitStack
) -> None:
    server = stub(says(200, page("a")))
    path = Kubeconfig(server.url, trust.ca_file, tmp_path).write()

    assert listed(by_kubeconfig(path, opened, context="health")) == ["a"]
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_an_exec_plugin_gives_the_token_and_is_run_once(
    stub: StartStub, trust: Trust, tmp_path: Path, opened: contextlib.ExitStack
) -> None:
    server = stub(serve_pages(page("a", **{"continue": "1"}), page("b")))
    runs = tmp_path / "runs"
    plugin = f"open({str(runs)!r}, 'a').write('x')\n{credential(token='from-the-plugin')}"
    path = Kubeconfig(server.url, trust.ca_file, tmp_path).write(exec_plugin(tmp_path, plugin))

    assert listed(by_kubeconfig(path, opened)) == ["a", "b"]

    assert [request.headers["authorization"] for request in server.requests] == ["Bearer from-the-plugin"] * 2
    assert runs.read_text() == "x"


def test_a_kubeconfig_that_has_gone_is_reported(kubeconfig: Kubeconfig, opened: contextlib.ExitStack) -> None:
    cluster = Cluster.model_validate({"name": "prod", "kubeconfig": str(kubeconfig.write())})
    assert cluster.kubeconfig is not None
    cluster.kubeconfig.unlink()

    with pytest.raises(CollectionError, match="no way into cluster prod"):
        closing(opened, Connection(cluster))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "[]",
        "5",
        "just words",
        "a: [unclosed",
        "a:\tb: c",
        "\x00\x01",
        f"users: [{{name: health, user: {{token: {TOKEN}",
        f"token: {TOKEN}\n  bad: indent",
        "clusters: []\ncontexts: []\nusers: []\n",
        "current-context: health\nclusters:\ncontexts:\nusers:\n",
        "current-context: health\nclusters: 5\ncontexts: 5\nusers: 5\n",
    ],
    ids=repr,
)
def test_a_kubeconfig_that_is_none_is_reported(
    tmp_path: Path, opened: contextlib.ExitStack, text: str
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)

    no_way_in(path, opened)


def test_a_context_that_is_not_there_is_named(kubeconfig: Kubeconfig, opened: contextlib.ExitStack) -> None:
    error = no_way_in(kubeconfig.write(), opened, context="stagign")

    assert "no context stagign in " in error.reason
    assert error.reason.endswith("; known: health")


def test_without_a_kubeconfig_the_files_that_were_looked_for_are_named(
    opened: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kubernetes.config import kube_config

    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", "/no/such/config:/nor/this")

    with pytest.raises(CollectionError) as caught:
        closing(opened, Connection(Cluster(name="prod")))

    assert caught.value.reason == (
        "no way into cluster prod: no kubeconfig: there is no /no/such/config:/nor/this"
    )
    assert "KUBECONFIG" in caught.value.cure


def test_a_kubeconfig_is_never_written_to(
    kubeconfig: Kubeconfig, tmp_path: Path, opened: contextlib.ExitStack
) -> None:
    # An identity provider's token that has expired is renewed, and load_kube_config would write the new one.
    path = kubeconfig.write(exec_plugin(tmp_path, credential(token="from-the-plugin")))
    before = path.read_bytes()

    assert listed(by_kubeconfig(path, opened)) == ["a"]

    assert path.read_bytes() == before
    assert by_kubeconfig(path, opened)._client.configuration.host == kubeconfig.server


# What was asked, and of whom


def test_a_target_says_which_server_it_asked_and_who_led_there(
    kubeconfig: Kubeconfig, stub: StartStub, trust: Trust
) -> None:
    path = kubeconfig.write()
    cluster = {"name": "prod", "kubeconfig": str(path)}
    profile = Profile.model_validate({"version": 1, "clusters": [cluster]})
    gathering = Gathering([Wanted("pods", kubernetes.pods, "clusters", Pod)], profile)
    gathering.start()

    (by_context,) = gathering.wait("pods").targets
    server = stub(says(200, page("a")))
    (by_address,) = gathered(server.url, trust).targets
    (refused,) = gathered(f"https://127.0.0.1:{dead_port()}", trust).targets

    assert by_context.how == f"GET {kubeconfig.server}/api/v1/pods?limit=500 (context health of {path})"
    assert by_address.how == f"GET {server.url}/api/v1/pods?limit=500"
    assert refused.how.startswith("GET https://127.0.0.1:")


def test_a_target_whose_way_in_was_not_found_says_what_it_would_have_asked(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("[]")
    cluster = {"name": "prod", "kubeconfig": str(path)}
    profile = Profile.model_validate({"version": 1, "clusters": [cluster]})
    gathering = Gathering([Wanted("pods", kubernetes.pods, "clusters", Pod)], profile)
    gathering.start()

    (target,) = gathering.wait("pods").targets

    assert target.how == "GET /api/v1/pods?limit=500"


def test_a_password_in_a_kubeconfigs_address_is_not_shown(
    kubeconfig: Kubeconfig, opened: contextlib.ExitStack
) -> None:
    server = f"https://someone:hunter22@127.0.0.1:{dead_port()}"
    clusters = [{"name": "prod", "cluster": {"server": server}}]
    connection = by_kubeconfig(kubeconfig.write(clusters=clusters), opened)

    assert "hunter22" not in refused(connection).reason
    assert "hunter22" not in connection.how("/version")


@pytest.mark.parametrize(
    "changed",
    [
        {"clusters": [{"name": "other", "cluster": {"server": "https://127.0.0.1:1"}}]},
        {"contexts": [{"name": "health", "context": {"user": "health"}}]},
        {"users": [{"name": "health", "token": TOKEN}]},
        {"users": [{"user": {"token": TOKEN}}]},
        {"users": [{"name": "health", "user": {"exec": {"command": "x", "args": [TOKEN]}}}]},
        {
            "users": [
                {
                    "name": "health",
                    "user": {
                        "password": TOKEN,
                        "exec": {"apiVersion": "v1", "command": "x", "env": [{"name": "N"}]},
                    },
                }
            ]
        },
        {"users": [{"name": "health", "user": {"client-certificate": "/no/such", "token": TOKEN}}]},
        {"current-context": None},
    ],
    ids=lambda changed: repr(changed).replace(TOKEN, "TOKEN")[:80],
)
def test_a_mistake_in_a_kubeconfig_is_reported_without_the_secrets_beside_it(
    kubeconfig: Kubeconfig, opened: contextlib.ExitStack, caplog: pytest.LogCaptureFixture, changed: Any
) -> None:
    no_way_in(kubeconfig.write(**changed), opened)  # `no_way_in` looks for the token

    assert TOKEN not in caplog.text


def test_a_client_certificate_that_is_none_is_reported(
    kubeconfig: Kubeconfig, opened: contextlib.ExitStack
) -> None:
    user = {"client-certificate-data": "bm90aGluZw==", "client-key-data": "bm90aGluZw==", "token": TOKEN}

    error = refused(by_kubeconfig(kubeconfig.write(user), opened))

    assert error.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import sys; sys.exit('your session has ended, please log in')", "your session has ended"),
        ("import sys; sys.exit(3)", "3"),
        ("print('Please visit https://sso.example.com to log in')", "exec"),
        ("print()", "exec"),
        ("print('[]')", "exec"),
        ("print('{}')", "exec"),
        (credential(token="x").replace("/v1", "/v1beta1"), "does not match"),
        (credential(), "missing token"),
        (credential(clientCertificateData="x"), "clientKeyData"),
        ("import sys; sys.stdout.buffer.write(bytes([255, 254, 0]))", "exec"),
    ],
    ids=lambda value: value[:50],
)
def test_an_exec_plugin_that_fails_is_reported_and_the_server_is_not_asked_without_it(
    kubeconfig: Kubeconfig,
    tmp_path: Path,
    opened: contextlib.ExitStack,
    caplog: pytest.LogCaptureFixture,
    source: str,
    told: str,
) -> None:
    path = kubeconfig.write(exec_plugin(tmp_path, source))

    error = no_way_in(path, opened)

    assert told in error.reason or "decode" in error.reason
    assert caplog.text == "", "what is reported need not be logged as well"


def test_an_exec_plugin_that_is_not_installed_is_named(
    kubeconfig: Kubeconfig, tmp_path: Path, opened: contextlib.ExitStack
) -> None:
    path = kubeconfig.write(exec_plugin(tmp_path, "", command="no-such-plugin"))

    assert "no-such-plugin" in no_way_in(path, opened).reason


def test_an_exec_plugin_that_hangs_is_given_up_at_the_deadline_for_every_target(
    kubeconfig: Kubeconfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "GRACE", 0.2)
    path = kubeconfig.write(exec_plugin(tmp_path, "import time; time.sleep(2)"))
    cluster = {"name": "prod", "kubeconfig": str(path), "namespaces": ["a", "b"], "deadline": "500ms"}
    profile = Profile.model_validate({"version": 1, "clusters": [cluster]})
    gathering = Gathering([Wanted("pods", kubernetes.pods, "clusters", Pod)], profile)
    gathering.start()

    observed = gathering.wait("pods")

    assert [target.outcome for target in observed.targets] == [Outcome.TIMED_OUT] * 2
    assert all(target.seconds < 0.7 + SLACK for target in observed.targets)


def test_a_credential_that_cannot_be_renewed_is_reported(
    kubeconfig: Kubeconfig, tmp_path: Path, opened: contextlib.ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    ends = format(datetime.now(UTC) - timedelta(hours=1), "%Y-%m-%dT%H:%M:%SZ")
    plugin = credential(token="old", expirationTimestamp=ends)
    connection = by_kubeconfig(kubeconfig.write(exec_plugin(tmp_path, plugin)), opened)
    (tmp_path / "plugin.py").write_text("import sys; sys.exit('your session has ended')")

    error = refused(connection)

    assert error.reason.startswith("no way into cluster prod: ")
    assert "your session has ended" in error.reason
    assert caplog.text == ""


def test_what_renews_a_credential_may_raise_anything(stub: StartStub, connected: Connect) -> None:
    connection = connected(stub(says(200, page("a"))))

    def explode(configuration: object) -> None:
        raise RuntimeError("the refresher broke")

    connection._client.configuration.refresh_api_key_hook = explode

    assert "the refresher broke" in refused(connection).reason


def test_outside_of_a_cluster_there_is_no_way_in_from_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(CollectionError, match="no way into cluster prod: not inside of a cluster") as caught:
        Connection(Cluster.model_validate({"name": "prod", "in_cluster": True}))

    assert "mend the kubeconfig" not in caught.value.cure


def test_another_threads_log_is_not_taken_for_the_exec_plugins(
    kubeconfig: Kubeconfig, opened: contextlib.ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    import threading

    with way_in._root_log() as said:
        other = threading.Thread(target=logging.error, args=("not about us",))
        other.start()
        other.join(5)

    assert said == []
    assert "not about us" in caplog.text


# The clock


def clock(where: str, trust: Trust) -> Observed:
    given = {"name": "prod", "server": where, "ca_file": str(trust.ca_file), "deadline": "5s"}
    profile = Profile.model_validate({"version": 1, "clusters": [given]})
    gathering = Gathering([Wanted("clock", kubernetes.clock, "clusters", Clock)], profile)
    gathering.start()
    return gathering.wait("clock")


@pytest.mark.parametrize("code", [200, 401, 403])
@pytest.mark.parametrize("ahead", [0, 3600, -3600, 86400 * 365])
def test_the_skew_is_how_far_the_clusters_clock_is_ahead(
    stub: StartStub, trust: Trust, ahead: int, code: int
) -> None:
    def answer(exchange: Exchange) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
        exchange.answer(code, "{}", date=date)

    (seen,) = clock(stub(answer).url, trust).objects

    assert abs(seen.skew - ahead) <= 5
    assert seen.skew == 0 or ahead
    assert seen.source == "cluster prod"


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "now",
        "Tue, 32 Nov 2026 03:45:00 GMT",
        "Tue, 24 Nov 2026 99:45:00 GMT",
        "Tue, 24 Nov 99999999999999999999 03:45:00 GMT",
        "Tue, 24 Nov 2026 03:45:00",
        "Tue, 24 Nov 2026 03:45:00 -0000",
        "Tue, 24 Nov 2026 03:45:00 +9999",
    ],
)
def test_an_answer_without_a_date_that_can_be_read_is_reported(
    stub: StartStub, trust: Trust, date: str | None
) -> None:
    headers = {} if date is None else {"date": date}

    (prod,) = clock(stub(says(200, "{}", **headers)).url, trust).targets

    assert prod.outcome is Outcome.FAILED
    assert prod.reason == "GET /version: 200 without a date"
    assert prod.details == ""
