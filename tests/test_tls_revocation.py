"""OCSP: an authority's word counts when it is its own, of now, and of this certificate."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from certificates import Issued, access, authority, days
from domino_health.collectors import revocation
from domino_health.collectors.looking import Deadline
from domino_health.facts.tls import Revocation
from fault_server import dead_port
from ocsp_stub import responder, says
from tls_servers import (  # noqa: F401
    HOST,
    Serve,
    ca_file,
    intermediate,
    listen,
    look,
    opened,
    root,
    serve,
)


@dataclass
class Watched:
    """A certificate whose authority has a responder that answers what a test wants."""

    url: str
    issuer: Issued
    own: Issued
    answer: Callable[[bytes], tuple[int, bytes]]

    def asked(self) -> Revocation:
        """What is known of it."""
        path = [self.own.certificate, self.issuer.certificate]
        return revocation.revocation(path, b"", Deadline(timedelta(seconds=5)))


@pytest.fixture
def watched(intermediate: Issued) -> Iterator[Watched]:
    with ExitStack() as stack:
        url = stack.enter_context(responder(lambda question: made.answer(question)))  # noqa: PLW0108 (changed)
        own = intermediate.issue("platform", HOST, extensions=[access(url)])
        made = Watched(url, intermediate, own, lambda _: (200, says(own.certificate, intermediate)))
        yield made


def test_a_good_certificate_is_said_to_be_good(watched: Watched) -> None:
    assert watched.asked() == Revocation("good", watched.url)


def test_a_revoked_one_is_said_to_be_revoked_since_when_and_why(watched: Watched) -> None:
    since = days(-3).replace(microsecond=0)
    watched.answer = lambda _: (200, says(watched.own.certificate, watched.issuer, revoked=since))

    assert watched.asked() == Revocation("revoked", watched.url, "keyCompromise", since)


def test_the_responder_is_asked_for_this_certificate(watched: Watched) -> None:
    questions = []

    def answer(question: bytes) -> tuple[int, bytes]:
        questions.append(ocsp.load_der_ocsp_request(question).serial_number)
        return 200, says(watched.own.certificate, watched.issuer)

    watched.answer = answer
    watched.asked()

    assert questions == [watched.own.certificate.serial_number]


def test_the_word_of_a_responder_whom_the_authority_has_named_counts(watched: Watched) -> None:
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
    key = rsa.generate_private_key(65537, 2048)
    named = watched.issuer.issue("responder", key=key, extensions=[usage])
    watched.answer = lambda _: (200, says(watched.own.certificate, watched.issuer, by=named))

    assert watched.asked().status == "good"


def test_the_word_of_one_whom_it_has_not_named_does_not_count(watched: Watched) -> None:
    strangers = [watched.issuer.issue("no responder"), authority("stranger")]
    for stranger in strangers:
        answer = says(watched.own.certificate, watched.issuer, by=stranger)
        watched.answer = partial(lambda body, _: (200, body), answer)

        known = watched.asked()

        assert (known.status, known.reason) == (
            "unknown",
            "its answer is not signed by the certificate's issuer",
        )


@pytest.mark.parametrize(
    ("since", "until", "reason"),
    [
        (days(-3), days(-1), "its answer was good until "),
        (days(1), days(2), "its answer is of the future: "),
    ],
)
def test_a_word_of_another_time_does_not_count(
    watched: Watched, since: datetime, until: datetime, reason: str
) -> None:
    watched.answer = lambda _: (
        200,
        says(watched.own.certificate, watched.issuer, since=since, until=until),
    )

    known = watched.asked()

    assert known.status == "unknown"
    assert known.reason.startswith(reason)


@pytest.mark.parametrize("minutes", [4, -4])
def test_clocks_may_differ_by_minutes(watched: Watched, minutes: float) -> None:
    begins, ends = (days(minutes / 1440), days(1)) if minutes > 0 else (days(-1), days(minutes / 1440))
    watched.answer = lambda _: (200, says(watched.own.certificate, watched.issuer, since=begins, until=ends))

    assert watched.asked().status == "good"


def test_a_word_on_another_certificate_does_not_count(watched: Watched) -> None:
    other = watched.issuer.issue("other", HOST)
    watched.answer = lambda _: (200, says(other.certificate, watched.issuer))

    assert watched.asked().reason == "answered for another certificate"


def test_a_responder_that_does_not_know_the_certificate_says_so(watched: Watched) -> None:
    unknown = ocsp.OCSPCertStatus.UNKNOWN
    watched.answer = lambda _: (200, says(watched.own.certificate, watched.issuer, status=unknown))

    assert watched.asked() == Revocation("unknown", watched.url)


def refused(status: ocsp.OCSPResponseStatus) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (503, b"", "answered with status 503"),
        (200, b"", "its answer cannot be read: "),
        (200, b"<html>sign in</html>", "its answer cannot be read: "),
        (200, b"\x30" * 100_000, "more than 64 KiB"),
        (200, refused(ocsp.OCSPResponseStatus.TRY_LATER), "answered try later"),
        (200, refused(ocsp.OCSPResponseStatus.UNAUTHORIZED), "answered unauthorized"),
    ],
)
def test_an_answer_that_is_none_is_told_and_nothing_is_known(
    watched: Watched, status: int, body: bytes, reason: str
) -> None:
    watched.answer = lambda _: (status, body)

    known = watched.asked()

    assert (known.status, known.source) == ("unknown", watched.url)
    assert reason in known.reason


def test_a_dead_responder_is_no_fault_of_the_endpoint(
    serve: Serve, intermediate: Issued, ca_file: Path
) -> None:
    url = f"http://127.0.0.1:{dead_port()}"
    own = intermediate.issue("platform", HOST, extensions=[access(url)])

    endpoint = look(serve(own, intermediate), ca_file)

    assert endpoint.chain_errors == ()
    assert endpoint.revocation == Revocation("unknown", url, f"{url}: connection refused")


def test_a_hung_responder_costs_its_patience(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation, "PATIENCE", timedelta(milliseconds=300))
    watched.answer = lambda _: (time.sleep(1), (200, b""))[1]  # type: ignore[func-returns-value]
    began = time.monotonic()

    known = watched.asked()

    assert time.monotonic() - began < 1
    assert known.status == "unknown"
    assert "within 0.3 s" in known.reason


@pytest.mark.parametrize("url", ["ldap://127.0.0.1/x", "file:///etc/passwd", "httpx://127.0.0.1", ""])
def test_whom_no_web_request_reaches_is_not_asked(intermediate: Issued, url: str) -> None:
    own = intermediate.issue("platform", HOST, extensions=[access(url)] if url else [])
    path = [own.certificate, intermediate.certificate]

    assert revocation.revocation(path, b"", Deadline(timedelta(seconds=1))) == Revocation()


def test_whom_a_strangers_certificate_names_is_not_asked(serve: Serve, ca_file: Path) -> None:
    asked = []

    def answer(question: bytes) -> tuple[int, bytes]:
        asked.append(question)
        return 503, b""

    with responder(answer) as url:
        stranger = authority("stranger")
        own = stranger.issue("platform", HOST, extensions=[access(url)])

        endpoint = look(serve(own, stranger), ca_file)

    assert endpoint.chain_errors
    assert endpoint.revocation == Revocation()
    assert asked == []


@pytest.mark.parametrize("revoked", [None, days(-2).replace(microsecond=0)])
def test_what_the_endpoint_itself_brings_comes_first(watched: Watched, revoked: datetime | None) -> None:
    stapled = says(watched.own.certificate, watched.issuer, revoked=revoked)
    watched.answer = lambda _: pytest.fail("it was asked")
    path = [watched.own.certificate, watched.issuer.certificate]

    known = revocation.revocation(path, stapled, Deadline(timedelta(seconds=1)))

    assert (known.status, known.source) == ("revoked" if revoked else "good", "stapled")


def test_a_stapled_answer_is_read_in_the_handshake(
    listen: Callable[..., str], intermediate: Issued, ca_file: Path
) -> None:
    own = intermediate.issue("platform", HOST)

    endpoint = look(stapling_server(listen, own, intermediate), ca_file)

    assert endpoint.revocation == Revocation("good", "stapled")


def stapling_server(listen: Callable[..., str], own: Issued, issuer: Issued) -> str:
    import contextlib
    import socket

    from OpenSSL import SSL

    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate(own.certificate)
    context.add_extra_chain_cert(issuer.certificate)
    context.use_privatekey(own.key)
    context.set_ocsp_server_callback(lambda _connection, _data: says(own.certificate, issuer))

    def handle(connection: socket.socket) -> None:
        connection.settimeout(None)
        secure = SSL.Connection(context, connection)
        secure.set_accept_state()
        with contextlib.suppress(SSL.Error):
            secure.do_handshake()
            secure.recv(1)

    return listen(handle)
