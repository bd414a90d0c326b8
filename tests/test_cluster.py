"""Reading from an API server: whole listings when it is well, and one clear error, in time, when it is not.

The servers are stubs (see ``fault_server``): they do what a real one cannot be made to do on demand.
"""

import contextlib
import gzip
import json
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import yaml

from domino_health.collectors import cluster as subject
from domino_health.collectors import gather, kubernetes
from domino_health.collectors import server as server_module
from domino_health.collectors.cluster_words import rbac_rule
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.looking import Deadline
from domino_health.facts.kubernetes import Clock, Pod
from domino_health.facts.observed import Observed, Outcome
from domino_health.profile import Profile
from fault_server import (
    Answer,
    Exchange,
    Listener,
    dead_port,
    head,
    never_accepting,
    says,
)
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    DECODER,
    PODS,
    SLACK,
    TOKEN,
    Connect,
    StartStub,
    Trust,
    connected,
    gathered,
    listed,
    opened,
    page,
    plain_environment,
    pod,
    refused,
    serve_pages,
    stub,
    trust,
)

pytestmark = pytest.mark.usefixtures("plain_environment")


# A server that is well


def test_a_listing_is_read_page_by_page_to_its_end(stub: StartStub, connected: Connect) -> None:
    pages = (
        page("a", "b", **{"continue": "1", "remainingItemCount": 3}),
        page("c", "d", **{"continue": "2", "remainingItemCount": 1}),
        page("e"),
    )
    server = stub(serve_pages(*pages))
    said: list[str] = []

    pods = connected(server).list(PODS, DECODER, Deadline(timedelta(seconds=10)), said.append, at_once=2)

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


def test_the_next_page_is_asked_for_while_this_one_is_decoded(
    stub: StartStub, connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stub(serve_pages(page("a", **{"continue": "1"}), page("b")))
    connection = connected(server)
    decode = connection._decode

    def patient(path: str, answer: Any, *more: Any) -> Any:
        """Decodes a page with a token when the next request has come, and not before."""
        until = time.monotonic() + SLACK
        while b'"continue"' in answer.body and len(server.requests) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        asked.append(len(server.requests))
        return decode(path, answer, *more)

    asked: list[int] = []
    monkeypatch.setattr(connection, "_decode", patient)

    pods = connection.list(PODS, DECODER, Deadline(timedelta(seconds=10)))

    assert [each.metadata.name for each in pods] == ["a", "b"]
    assert asked == [2, 2], "and never more than once"


def test_a_page_whose_items_come_first_is_asked_for_when_it_is_decoded(
    stub: StartStub, connected: Connect
) -> None:
    first = page("a", **{"continue": "1"})
    server = stub(serve_pages({"items": first["items"], "metadata": first["metadata"]}, page("b")))

    assert listed(connected(server)) == ["a", "b"]
    assert len(server.requests) == 2


def test_the_word_continue_in_an_item_sends_no_request(stub: StartStub, connected: Connect) -> None:
    content = page("a")
    content["items"][0]["metadata"]["annotations"] = {"continue": "nonsense"}
    server = stub(says(200, content))

    assert listed(connected(server)) == ["a"]
    assert len(server.requests) == 1


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
    monkeypatch.setattr(server_module, "LARGEST_PAGE", largest)
    body = json.dumps(page("a")).encode()
    connection = connected(stub(says(200, body + b" " * (largest - len(body) + more))))

    if more:
        assert "more than 1 MiB in one page" in refused(connection).reason
    else:
        assert listed(connection) == ["a"]


def test_a_body_without_end_is_cut_off(
    stub: StartStub, connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "LARGEST_PAGE", 1 << 20)

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
    monkeypatch.setattr(server_module, "LARGEST_PAGE", 1 << 20)
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
    monkeypatch.setattr(server_module, "CONNECT", connect)

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
    monkeypatch.setattr(server_module, "CONNECT", connect)
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

    assert error.outcome is Outcome.TRUNCATED
    assert f"expired {subject.MOST_TRIES} times" in error.reason
    assert len(server.requests) == 2 * subject.MOST_TRIES


def test_what_was_read_before_a_server_refused_a_page_counts(stub: StartStub, connected: Connect) -> None:
    server = stub(says(200, page("a", **{"continue": "1"})), says(500, status(500, "no leader")))

    error = refused(connected(server))

    assert error.reason == "GET /api/v1/pods: 500 no leader; 1 read"
    assert error.outcome is Outcome.TRUNCATED
    assert [pod.metadata.name for pod in error.seen] == ["a"]


def test_a_time_out_in_the_middle_says_how_far_it_came_and_no_token(
    stub: StartStub, connected: Connect
) -> None:
    server = stub(says(200, page("a", **{"continue": "eyJ2Ijoi", "remainingItemCount": 4})), Exchange.hang)

    error = refused(connected(server), seconds=1)

    assert error.reason == "no complete answer within 1 s to GET /api/v1/pods; 1 of 5 read"
    assert error.outcome is Outcome.TRUNCATED
    assert len(error.seen) == 1


# A server that restarts


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "PAUSE", 0.01)


@pytest.mark.usefixtures("no_pause")
@pytest.mark.parametrize("broken", [says(401), says(403, status(403, "RBAC: not found")), Exchange.reset])
def test_in_the_middle_of_a_listing_a_restart_is_waited_for(
    stub: StartStub, connected: Connect, broken: Answer
) -> None:
    server = stub(says(200, page("a", **{"continue": "1"})), broken, says(200, page("b")))

    assert listed(connected(server)) == ["a", "b"]


@pytest.mark.usefixtures("no_pause")
def test_a_right_that_is_gone_for_good_says_how_long_it_was_there(
    stub: StartStub, connected: Connect
) -> None:
    forbidden = says(403, status(403, "pods is forbidden"))
    server = stub(says(200, page("a", **{"continue": "1"})), forbidden)

    error = refused(connected(server))

    assert error.reason == "allowed for 1 objects, then GET /api/v1/pods: 403 pods is forbidden"
    assert len(server.requests) == 1 + subject.MOST_TRIES


@pytest.mark.usefixtures("no_pause")
def test_a_first_request_that_is_cut_off_is_sent_once_more(stub: StartStub, connected: Connect) -> None:
    assert listed(connected(stub(Exchange.reset, says(200, page("a"))))) == ["a"]

    server = stub(Exchange.reset)
    error = refused(connected(server))

    assert len(server.requests) == 2
    assert error.cure.startswith("the address answers: see the health of the API server")


def test_where_nobody_listens_nobody_is_asked_twice(connected: Connect) -> None:
    began = time.monotonic()

    error = refused(connected(f"https://127.0.0.1:{dead_port()}"), seconds=60)

    assert "connection refused" in error.reason
    assert error.cure == "see whether the address is right and reachable from here"
    assert time.monotonic() - began < 60


# Who is asked without a credential, or with one that has ended


@pytest.mark.parametrize("verb", ["cannot list", "cannot get"])
def test_nobody_is_told_to_grant_rights_to_everybody(stub: StartStub, connected: Connect, verb: str) -> None:
    said = f'pods is forbidden: User "system:anonymous" {verb} resource "pods"'

    error = refused(connected(stub(says(403, status(403, said)))))

    assert error.cure == "no credential was sent: give cluster prod a token, a certificate or an exec plugin"


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
