"""A run beside a cluster that fails: never a pass, never a traceback, and the other one is judged.

What the collector makes of each fault, byte by byte, is in test_cluster.py; here is what an operator gets.
"""

import json

import pytest

from domino_health.collectors import cluster, gather
from fault_server import Answer, Exchange, dead_port, head, says
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    StartStub,
    Trust,
    opened,
    page,
    plain_environment,
    stub,
    trust,
)
from suites import TOKEN, Suite

EXPIRED = {"kind": "Status", "message": "The provided continue parameter is too old", "reason": "Expired"}
BAD_RIGHT = 'pods is forbidden: User "ana" cannot list resource "pods" in API group "" at the cluster scope'


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, plain_environment: None) -> Suite:
    monkeypatch.setattr(cluster, "PAUSE", 0.05)
    monkeypatch.setattr(gather, "GRACE", 0.2)
    return Suite(pytester, monkeypatch, ["-p", "no:html"])


def hangs(exchange: Exchange) -> None:
    exchange.hang()


def drips(exchange: Exchange) -> None:
    exchange.send(head(200, content_length="100000"))
    exchange.drip(b" " * 1000)


def resets(exchange: Exchange) -> None:
    exchange.send(head(200, content_length="100000") + b'{"metadata": {}, "items": [')
    exchange.reset()


def never_ends(exchange: Exchange) -> None:
    exchange.send(head(200, transfer_encoding="chunked"))
    while not exchange.stopped.wait(0.01):
        exchange.send(b"400\r\n" + b" " * 1024 + b"\r\n")


def expires(exchange: Exchange) -> None:
    """Each listing has a second page, and its token is always too old."""
    if "continue" in exchange.request.query:
        exchange.answer(410, EXPIRED)
    else:
        exchange.answer(200, page("a", **{"continue": "t", "remainingItemCount": 1}))


PATIENT = "thresholds: {SCHED-001: {max_wait: 36500d}}\n"

FAULTS: dict[str, tuple[Answer, str, str]] = {
    "hangs": (hangs, "timed out", "no complete answer within 1 s"),
    "drips": (drips, "timed out", "no complete answer within 1 s"),
    "401": (says(401, {"message": "Unauthorized"}), "denied", "401 Unauthorized"),
    "403": (says(403, {"message": BAD_RIGHT}), "denied", "403 pods is forbidden"),
    "404": (says(404, "404 page not found"), "failed", "404 page not found"),
    "410": (expires, "truncated", "expired 4 times before its last page (410)"),
    "429": (says(429, {"message": "too many requests"}, retry_after="30"), "failed", "429 too many requests"),
    "500": (says(500, {"message": "etcd is gone"}), "failed", "500 etcd is gone"),
    "reset in mid-body": (resets, "failed", "https://127.0.0.1:"),
    "garbage": (says(200, b"\x00\xff\x00"), "failed", "not what a Kubernetes API sends"),
    "empty": (says(200, b""), "failed", "0 bytes that are not what a Kubernetes API sends"),
    "truncated JSON": (says(200, json.dumps(page("a"))[:-9]), "failed", "not what a Kubernetes API sends"),
    "a sign-in page": (says(200, "<html>Sign in</html>"), "failed", "not what a Kubernetes API sends"),
    "an endless body": (never_ends, "timed out", "no complete answer within 1 s"),
}


def profile(trust: Trust, *urls: str) -> str:
    more = f"token: '${{SUITE_TOKEN}}', ca_file: '{trust.ca_file}', deadline: 1s"
    clusters = "".join(f"- {{name: c{at}, server: '{url}', {more}}}\n" for at, url in enumerate(urls))
    return f"version: 1\nclusters:\n{clusters}"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_cluster_is_unknown_and_hides_nothing_of_the_other(
    suite: Suite, stub: StartStub, trust: Trust, fault: str
) -> None:
    answer, outcome, told = FAULTS[fault]
    old = page("waits-for-ages")  # created a year ago, and no node
    suite.profile(profile(trust, stub(answer).url, stub(says(200, old)).url))

    ran = suite.run("-k", "SCHED-001", where="")

    assert ran.status == 1, "the other one's finding counts"
    (unseen,) = ran.results["SCHED-001"]["unseen"]
    assert (unseen["target"], unseen["outcome"]) == ("c0", outcome)
    assert told in unseen["reason"]
    assert unseen["cure"]
    assert len(ran.results["SCHED-001"]["findings"]) == 1 + (outcome == "truncated")
    assert "Traceback" not in ran.out


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_cluster_alone_is_never_a_pass(
    suite: Suite, stub: StartStub, trust: Trust, fault: str
) -> None:
    suite.profile(profile(trust, stub(FAULTS[fault][0]).url) + PATIENT)

    ran = suite.run("-k", "SCHED-001", where="")

    assert ran.status == 6
    assert ran.states == {"SCHED-001": "unknown"}
    assert ran.verdict["unseen"]
    assert "Traceback" not in ran.out


def test_a_cluster_where_nobody_listens_is_unknown(suite: Suite, trust: Trust) -> None:
    suite.profile(profile(trust, f"https://127.0.0.1:{dead_port()}"))

    ran = suite.run("-k", "SCHED-001", where="")

    assert ran.status == 6
    assert "connection refused" in ran.results["SCHED-001"]["reason"]


def test_an_expired_listing_starts_over_and_counts_nothing_twice(
    suite: Suite, stub: StartStub, trust: Trust
) -> None:
    once: list[int] = []

    def expires_once(exchange: Exchange) -> None:
        if "continue" not in exchange.request.query:
            exchange.answer(200, page("a", **{"continue": "t", "remainingItemCount": 1}))
        elif not once:
            once.append(1)
            exchange.answer(410, EXPIRED)
        else:
            exchange.answer(200, page("b"))

    suite.profile(profile(trust, stub(expires_once).url) + PATIENT)

    ran = suite.run("-k", "SCHED-001", where="")

    assert ran.status == 0
    assert ran.results["SCHED-001"]["population"] == 2


@pytest.mark.parametrize("raised", [RuntimeError("a bug"), SystemExit(0), KeyboardInterrupt(), MemoryError()])
def test_a_collector_of_ours_that_breaks_is_unknown_with_its_traceback_in_the_details_alone(
    suite: Suite, stub: StartStub, trust: Trust, monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    def breaks(*_: object) -> None:
        raise raised

    monkeypatch.setattr(cluster.Connection, "list", breaks)
    suite.profile(profile(trust, stub(says(200, page("a"))).url))

    ran = suite.run("-k", "SCHED-001", where="")

    assert ran.status == 6
    assert ran.results["SCHED-001"]["unseen"][0]["outcome"] == "broken"
    assert "its collector broke" in ran.results["SCHED-001"]["reason"]
    assert "Traceback" not in ran.out
    facts = b"".join(content for path, content in ran.every_file().items() if path.parent.name == "facts")
    assert b"Traceback" in facts
    assert TOKEN.encode() not in facts
