"""Ways to a TLS server and what it would agree to: proxies, StartTLS, old protocols, incomplete chains."""

import base64
import contextlib
import random
import socket
import ssl
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from certificates import Issued, access, authority, days, write_chain
from domino_health.collectors import certificates, tls
from domino_health.collectors.looking import CollectionError, Deadline
from domino_health.facts.observed import Outcome
from domino_health.profile import Profile
from fault_server import WAIT, dead_port, never_accepting
from tls_servers import (  # noqa: F401
    HOST,
    Handle,
    Serve,
    ca_file,
    dead,
    hold,
    intermediate,
    leaf,
    listen,
    look,
    only,
    opened,
    root,
    serve,
    targets,
)

Listen = Callable[[Handle], str]

# Chains that lead nowhere


def test_an_intermediate_that_is_not_sent_is_named_with_where_it_is(
    serve: Serve, intermediate: Issued, ca_file: Path
) -> None:
    own = intermediate.issue("platform", HOST, extensions=[access(issuer="http://ca.example.com/ca.cer")])

    endpoint = look(serve(own), ca_file)

    assert endpoint.missing_issuer == "CN=Test Issuing CA"
    assert endpoint.issuer_url == "http://ca.example.com/ca.cer"


def test_a_root_that_is_not_known_is_named(serve: Serve, leaf: Issued, intermediate: Issued) -> None:
    endpoint = look(serve(leaf, intermediate))

    assert (endpoint.missing_issuer, endpoint.issuer_url) == ("CN=Test Root CA", "")


def test_nobody_is_missing_behind_a_root_that_was_sent(
    serve: Serve, leaf: Issued, intermediate: Issued, root: Issued
) -> None:
    assert look(serve(leaf, intermediate, root)).missing_issuer == ""


def test_nobody_is_missing_where_the_chain_verifies(
    serve: Serve, leaf: Issued, intermediate: Issued, ca_file: Path
) -> None:
    assert look(serve(leaf, intermediate), ca_file).missing_issuer == ""


# Order


def test_a_chain_is_in_order_when_each_comes_before_its_issuer(
    serve: Serve, leaf: Issued, intermediate: Issued, root: Issued, ca_file: Path
) -> None:
    assert look(serve(leaf, intermediate), ca_file).in_order
    assert look(serve(leaf, intermediate, root), ca_file).in_order
    assert not look(serve(leaf, root, intermediate), ca_file).in_order


def test_what_comes_behind_the_chain_does_not_disturb_its_order(
    serve: Serve, leaf: Issued, intermediate: Issued, ca_file: Path
) -> None:
    assert look(serve(leaf, intermediate, authority("Stranger")), ca_file).in_order
    assert not look(serve(leaf, authority("Stranger"), intermediate), ca_file).in_order


def test_authorities_that_issued_each_other_make_no_endless_path() -> None:
    one, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    first = _cross("one", one, "other", other)
    second = _cross("other", other, "one", one)

    assert certificates.presented_path([first, second]) == [first, second]


def _cross(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
    dated = builder.not_valid_before(days(-1)).not_valid_after(days(1)).serial_number(1)
    return dated.public_key(key.public_key()).sign(by, hashes.SHA256())


# Keys and digests


@pytest.mark.parametrize(
    ("key", "kind", "bits"),
    [
        (rsa.generate_private_key(65537, 1024), "RSA", 1024),
        (rsa.generate_private_key(65537, 2048), "RSA", 2048),
        (ec.generate_private_key(ec.SECP384R1()), "EC", 384),
    ],
)
def test_the_key_of_a_certificate_is_told(root: Issued, key: Any, kind: str, bits: int) -> None:
    kept = certificates.certificate_of(root.issue("platform", HOST, key=key).certificate)

    assert (kept.key, kept.bits, kept.digest) == (kind, bits, "sha256")


OLD_CERTIFICATE = Path(__file__).parent / "recordings" / "sha1.pem"


def test_a_digest_that_is_refused_everywhere_is_told() -> None:
    # Made by openssl: cryptography signs nothing with SHA-1 any more.
    kept = certificates.certificate_of(x509.load_pem_x509_certificate(OLD_CERTIFICATE.read_bytes()))

    assert (kept.subject, kept.issuer, kept.digest) == ("CN=platform.example.com", "CN=Old Root", "sha1")


# Protocols


def both(context: ssl.SSLContext) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")


@pytest.mark.skipif(not ssl.HAS_TLSv1_1, reason="this OpenSSL has no TLS 1.1")
def test_a_server_that_still_takes_an_old_protocol_is_told_as_one(serve: Serve, leaf: Issued) -> None:
    endpoint = look(serve(leaf, change=both))

    assert (endpoint.protocol, endpoint.older) == ("TLSv1.3", "TLSv1.1")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_takes_none_is_told_as_none(
    serve: Serve, leaf: Issued, version: ssl.TLSVersion
) -> None:
    assert look(serve(leaf, change=only(version))).older == ""


@pytest.mark.skipif(not ssl.HAS_TLSv1, reason="this OpenSSL has no TLS 1.0")
def test_a_server_of_tls_1_0_alone_is_read(serve: Serve, leaf: Issued) -> None:
    endpoint = look(serve(leaf, change=only(ssl.TLSVersion.TLSv1)))

    assert (endpoint.protocol, endpoint.older) == ("TLSv1", "TLSv1")


def test_a_server_that_says_nothing_to_an_old_client_does_not_serve_it(
    listen: Listen, leaf: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "OLDER", timedelta(milliseconds=200))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_chain(tmp_path / "chain.pem", leaf))
    seen: list[int] = []

    def handle(connection: socket.socket) -> None:
        seen.append(1)
        if len(seen) > 1:
            hold(connection)
        else:
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1)

    endpoint = look(listen(handle))

    assert endpoint.older == ""
    assert len(seen) == 2


# A proxy

ELSEWHERE = "platform.example.com:443"


def tunnel(address: str, heard: list[bytes]) -> Handle:
    """A proxy that leads every CONNECT to ``address``."""

    def handle(connection: socket.socket) -> None:
        heard.append(_until_blank(connection))
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), WAIT) as other:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _pump(connection, other)

    return handle


def _until_blank(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    return received


def _pump(one: socket.socket, other: socket.socket) -> None:
    import select

    while True:
        for ready in select.select([one, other], [], [], WAIT)[0]:
            if not (content := ready.recv(65536)):
                return
            (other if ready is one else one).sendall(content)


def test_an_endpoint_elsewhere_is_reached_through_the_environments_proxy(
    serve: Serve, listen: Listen, leaf: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    proxy = listen(tunnel(serve(leaf), heard))
    monkeypatch.setenv("HTTPS_PROXY", f"http://ana:s%40cret@{proxy}")

    endpoint = look(ELSEWHERE)

    assert endpoint.presented[0].subject == "CN=platform"
    assert endpoint.address == ELSEWHERE
    assert endpoint.proxy == f"http://{proxy}", "no password in a fact"
    assert heard[0].startswith(b"CONNECT platform.example.com:443 ")
    assert base64.b64encode(b"ana:s@cret") in heard[0]


def test_the_proxy_is_named_in_how_it_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://ana:secret@proxy.example.com:3128")
    (target,) = targets({"address": ELSEWHERE})

    assert target.how == (
        f"openssl s_client -connect {ELSEWHERE} -servername platform.example.com "
        "-proxy proxy.example.com:3128"
    )


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_is_dead_is_named_without_its_password(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = f"127.0.0.1:{dead_port()}"
    monkeypatch.setenv(name, f"http://ana:secret@{proxy}")

    error = dead(ELSEWHERE)

    assert error.reason.startswith(f"{ELSEWHERE}: no way through the proxy http://{proxy}: ")
    assert "secret" not in error.reason + error.cure
    assert "NO_PROXY" in error.cure


def test_a_proxy_that_refuses_is_quoted(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(connection: socket.socket) -> None:
        _until_blank(connection)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    monkeypatch.setenv("HTTPS_PROXY", f"http://{listen(refuse)}")

    assert "403 Forbidden" in dead(ELSEWHERE).reason


def test_a_proxy_that_says_nothing_is_a_time_out(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{listen(hold)}")

    assert dead(ELSEWHERE, seconds=0.4).outcome is Outcome.TIMED_OUT


@pytest.mark.parametrize("proxy", ["https://127.0.0.1:3128", "socks5://127.0.0.1:1080", "http://:80"])
def test_a_proxy_of_another_kind_is_told_as_one(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    assert "http://host:port" in dead(ELSEWHERE).reason


@pytest.mark.parametrize("exception", ["platform.example.com", ".example.com", "example.com", "*"])
def test_no_proxy_is_honoured(exception: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{dead_port()}")
    monkeypatch.setenv("NO_PROXY", exception)
    (target,) = targets({"address": ELSEWHERE})

    assert "-proxy" not in str(target.how)


def test_what_is_on_this_machine_is_no_proxys_to_reach(
    serve: Serve, leaf: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{dead_port()}")
    monkeypatch.setenv("NO_PROXY", "")

    assert look(serve(leaf)).proxy == ""


# StartTLS

AGREED = bytes.fromhex("300c02010178070a010004000400")
REFUSED = bytes.fromhex("300c02010178070a013404000400")  # result 52, unavailable


def directory(leaf: Issued, tmp_path: Path, answer: bytes, heard: list[bytes]) -> Handle:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_chain(tmp_path / "ldap.pem", leaf))

    def handle(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))
        for byte in answer:  # it may come in pieces
            connection.sendall(bytes([byte]))
        if answer == AGREED:
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1)
        else:
            connection.recv(1)

    return handle


def by_starttls(address: str) -> dict[str, str]:
    return {"address": address, "server_name": HOST, "starttls": "ldap"}


def looked(endpoint: dict[str, str], seconds: float = 5) -> Any:
    (target,) = targets(endpoint)
    (seen,) = target.look(Deadline(timedelta(seconds=seconds)), lambda _: None)
    return seen


def test_a_directory_is_asked_to_speak_tls(listen: Listen, leaf: Issued, tmp_path: Path) -> None:
    heard: list[bytes] = []

    endpoint = looked(by_starttls(listen(directory(leaf, tmp_path, AGREED, heard))))

    assert endpoint.presented[0].subject == "CN=platform"
    assert b"1.3.6.1.4.1.1466.20037" in heard[0]


def test_how_a_directory_was_looked_at_can_be_repeated_by_hand() -> None:
    (target,) = targets(by_starttls("ldap.example.com:389"))

    assert target.how == f"openssl s_client -connect ldap.example.com:389 -servername {HOST} -starttls ldap"


def test_a_directory_is_inside_of_the_company_and_no_proxys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    (target,) = targets(by_starttls("ldap.example.com:389"))

    assert "-proxy" not in str(target.how)


def test_only_ldap_is_known() -> None:
    endpoint = {"address": "mail.example.com:25", "starttls": "smtp"}

    with pytest.raises(ValueError, match="starttls"):
        Profile.model_validate({"version": 1, "tls": {"endpoints": [endpoint]}})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (REFUSED, "StartTLS was refused (result 52)"),
        (b"", "no answer of an LDAP server"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 200, "no answer of an LDAP server"),
        (b"\x30\x84\x7f\xff\xff\xff" + b"x" * 100, "no answer of an LDAP server"),
        (b"\x30\x05\x02\x01\x01\x78\x00", "no answer of an LDAP server"),
        (bytes.fromhex("300c02010161070a010004000400"), "no answer of an LDAP server"),
    ],
)
def test_whoever_does_not_agree_to_it_is_told_in_words(listen: Listen, answer: bytes, words: str) -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with pytest.raises(CollectionError, match=r"LDAP|StartTLS") as caught:
        looked(by_starttls(listen(handle)))

    assert words in caught.value.reason
    assert caught.value.cure


def test_a_directory_that_says_nothing_costs_its_deadline(listen: Listen) -> None:
    with pytest.raises(CollectionError) as caught:
        looked(by_starttls(listen(hold)), seconds=0.4)

    assert caught.value.outcome is Outcome.TIMED_OUT


def test_garbage_in_place_of_an_agreement_never_passes_for_one(listen: Listen) -> None:
    rng = random.Random(7)
    answers = [bytes(rng.randbytes(rng.randrange(1, 40))) for _ in range(100)]
    answers += [bytes([*AGREED[:at], rng.randrange(256), *AGREED[at + 1 :]]) for at in range(9)]

    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        with contextlib.suppress(IndexError):
            connection.sendall(answers.pop())

    address = listen(handle)
    while answers:
        with pytest.raises(CollectionError):
            looked(by_starttls(address))


def test_nobody_there_is_told_as_for_any_endpoint() -> None:
    with pytest.raises(CollectionError, match="Connection refused"):
        looked(by_starttls(f"127.0.0.1:{dead_port()}"))
    with never_accepting() as port, pytest.raises(CollectionError):
        looked(by_starttls(f"127.0.0.1:{port}"), seconds=0.3)
