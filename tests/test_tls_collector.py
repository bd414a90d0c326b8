"""Looking at TLS endpoints: the chain is read whatever it is; a dead endpoint is told as one, in time."""

import errno
import ipaddress
import os
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from certificates import Issued, authority, days, self_signed, write_bundle, write_chain
from domino_health.collectors import certificates, tls
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.looking import CollectionError, Look, Shared
from domino_health.facts.observed import Observed, Outcome
from domino_health.facts.tls import TlsEndpoint
from domino_health.profile import Profile
from fault_server import dead_port, never_accepting, reset
from tls_servers import (  # noqa: F401
    HOST,
    Handle,
    Serve,
    ca_file,
    dead,
    drip,
    hold,
    intermediate,
    leaf,
    listen,
    look,
    names,
    only,
    opened,
    openssl_server,
    root,
    serve,
    targets,
)

# Chains


def test_a_good_chain_verifies_up_to_its_root(
    serve: Serve, leaf: Issued, intermediate: Issued, ca_file: Path
) -> None:
    address = serve(leaf, intermediate)

    endpoint = look(address, ca_file)

    assert names(endpoint) == ["CN=platform", "CN=Test Issuing CA"]
    assert [each.subject for each in endpoint.verified] == [
        "CN=platform",
        "CN=Test Issuing CA",
        "CN=Test Root CA",
    ]
    assert endpoint.chain == endpoint.verified
    assert endpoint.chain_errors == ()
    assert endpoint.name_matches
    assert endpoint.protocol == "TLSv1.3"
    assert (endpoint.name, endpoint.address, endpoint.server_name) == (address, address, HOST)


def test_a_certificate_is_kept_as_an_operator_would_recognise_it(
    serve: Serve, root: Issued, ca_file: Path
) -> None:
    leaf = root.issue("platform", HOST, "*.apps.example.com", "10.0.0.1", "::1")

    (kept,) = look(serve(leaf), ca_file).presented

    assert (kept.subject, kept.issuer) == ("CN=platform", "CN=Test Root CA")
    assert kept.names == (HOST, "*.apps.example.com", "10.0.0.1", "::1")
    assert kept.serial == f"{leaf.certificate.serial_number:x}"
    assert kept.sha256 == leaf.certificate.fingerprint(hashes.SHA256()).hex()
    assert kept.not_before == leaf.certificate.not_valid_before_utc
    assert kept.not_after == leaf.certificate.not_valid_after_utc


def test_without_its_intermediate_a_chain_does_not_verify(serve: Serve, leaf: Issued, ca_file: Path) -> None:
    endpoint = look(serve(leaf), ca_file)

    assert endpoint.chain_errors == ("unable to get local issuer certificate",)
    assert endpoint.verified == ()
    assert endpoint.chain == endpoint.presented


def test_a_root_that_nobody_trusts_does_not_verify(serve: Serve, leaf: Issued, intermediate: Issued) -> None:
    endpoint = look(serve(leaf, intermediate), ca_file=None)

    assert endpoint.chain_errors == ("unable to get local issuer certificate",)


def test_a_root_is_not_trusted_for_being_presented(
    serve: Serve, leaf: Issued, intermediate: Issued, root: Issued
) -> None:
    endpoint = look(serve(leaf, intermediate, root), ca_file=None)

    assert endpoint.chain_errors == ("self-signed certificate in certificate chain",)
    assert len(endpoint.presented) == 3


def test_a_self_signed_certificate_does_not_verify(serve: Serve, ca_file: Path) -> None:
    endpoint = look(serve(self_signed("platform", HOST)), ca_file)

    assert endpoint.chain_errors == ("self-signed certificate",)
    assert endpoint.name_matches


def test_a_self_signed_certificate_verifies_where_it_is_trusted_itself(serve: Serve, tmp_path: Path) -> None:
    own = self_signed("platform", HOST)
    ca_file = write_bundle(tmp_path / "ca.pem", own)

    assert look(serve(own), ca_file).chain_errors == ()


def test_a_chain_in_the_wrong_order_verifies_and_is_kept_as_it_came(
    serve: Serve, leaf: Issued, intermediate: Issued, root: Issued, ca_file: Path
) -> None:
    endpoint = look(serve(leaf, root, intermediate), ca_file)

    assert endpoint.chain_errors == ()
    assert names(endpoint) == ["CN=platform", "CN=Test Root CA", "CN=Test Issuing CA"]
    assert [each.subject for each in endpoint.verified][1:] == ["CN=Test Issuing CA", "CN=Test Root CA"]


def test_an_unrelated_certificate_in_the_chain_does_no_harm_and_is_no_part_of_the_path(
    serve: Serve, leaf: Issued, intermediate: Issued, ca_file: Path
) -> None:
    endpoint = look(serve(leaf, authority("Stranger"), intermediate), ca_file)

    assert endpoint.chain_errors == ()
    assert "CN=Stranger" in names(endpoint)
    assert "CN=Stranger" not in [each.subject for each in endpoint.verified]


def test_a_ca_that_may_not_sign_does_not_verify(serve: Serve, root: Issued, ca_file: Path) -> None:
    no_ca = root.issue("no CA at all", "x.example.com")

    endpoint = look(serve(no_ca.issue("platform", HOST), no_ca), ca_file)

    assert endpoint.chain_errors == ("invalid CA certificate",)


def test_a_signature_by_another_key_of_the_same_name_does_not_verify(
    serve: Serve, leaf: Issued, intermediate: Issued, tmp_path: Path
) -> None:
    impostor = write_bundle(tmp_path / "ca.pem", authority())

    endpoint = look(serve(leaf, intermediate), impostor)

    assert len(endpoint.chain_errors) == 1
    assert endpoint.verified == ()


@pytest.mark.parametrize(
    ("usage", "errors"),
    [
        ([ExtendedKeyUsageOID.CLIENT_AUTH], ("unsuitable certificate purpose",)),
        ([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH], ()),
        ([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], ()),
    ],
)
def test_a_certificate_that_is_for_no_server_does_not_verify(
    root: Issued, ca_file: Path, usage: list[x509.ObjectIdentifier], errors: tuple[str, ...]
) -> None:
    own = changed(root, x509.ExtendedKeyUsage(usage))

    _, found = certificates.verify([own], ca_file)

    assert found == errors


def test_a_chain_of_a_hundred_certificates_is_read_or_refused_in_words(
    serve: Serve, leaf: Issued, ca_file: Path, intermediate: Issued
) -> None:
    strangers = [intermediate] * 100

    assert look(serve(leaf, *strangers), ca_file).chain_errors == ()


# Dates


@pytest.mark.parametrize(("before", "after"), [(-30, -1), (-1, 0.0001), (1, 30)])
def test_dates_are_read_and_left_to_the_check(
    serve: Serve, root: Issued, ca_file: Path, before: float, after: float
) -> None:
    leaf = root.issue("platform", HOST, not_before=days(before), not_after=days(after))

    endpoint = look(serve(leaf), ca_file)

    assert endpoint.chain_errors == ()
    assert endpoint.presented[0].not_before == leaf.certificate.not_valid_before_utc
    assert endpoint.presented[0].not_after == leaf.certificate.not_valid_after_utc


def test_an_intermediate_that_has_ended_is_in_the_path_with_its_dates(
    serve: Serve, root: Issued, ca_file: Path
) -> None:
    ended = root.issue("Old Issuing CA", ca=True, not_before=days(-30), not_after=days(-1))

    endpoint = look(serve(ended.issue("platform", HOST), ended), ca_file)

    assert endpoint.chain_errors == ()
    assert endpoint.chain[1].not_after == ended.certificate.not_valid_after_utc


def test_what_else_is_wrong_is_found_on_a_certificate_that_has_ended_too(serve: Serve) -> None:
    own = self_signed("platform", "other.example.com", not_before=days(-30), not_after=days(-1))

    endpoint = look(serve(own))

    assert endpoint.chain_errors == ("self-signed certificate",)
    assert not endpoint.name_matches


# Names


@pytest.mark.parametrize(
    ("carried", "asked", "matches"),
    [
        (["platform.example.com"], "platform.example.com", True),
        (["platform.example.com"], "PLATFORM.Example.COM", True),
        (["PLATFORM.example.com"], "platform.example.com", True),
        (["other.example.com", "platform.example.com"], "platform.example.com", True),
        (["platform.example.com"], "platform.example.com.", True),
        (["other.example.com"], "platform.example.com", False),
        (["example.com"], "platform.example.com", False),
        (["platform.example.com"], "example.com", False),
        (["platform.example.com.evil.org"], "platform.example.com", False),
        (["*.example.com"], "platform.example.com", True),
        (["*.example.com"], "example.com", False),
        (["*.example.com"], "a.platform.example.com", False),
        (["*"], "platform.example.com", False),
        (["*.com"], "example.com", False),
        (["platform_1.example.com"], "platform_1.example.com", True),
        (["10.0.0.1"], "10.0.0.1", True),
        (["10.0.0.1"], "10.0.0.2", False),
        (["10.0.0.1", "platform.example.com"], "platform.example.com", True),
        (["platform.example.com"], "10.0.0.1", False),
        (["2001:db8::1"], "2001:db8::1", True),
        (["2001:db8::1"], "2001:0DB8:0:0::1", True),
        (["2001:db8::1"], "2001:db8::2", False),
        ([], "platform", False),
        ([], "platform.example.com", False),
        (["xn--bcher-kva.example"], "bücher.example", True),
        (["xn--bcher-kva.example"], "BÜCHER.example", True),
        (["xn--bcher-kva.example"], "xn--bcher-kva.example", True),
        (["xn--strae-oqa.example"], "straße.example", True),
        (["*.xn--bcher-kva.example"], "shop.bücher.example", True),
        (["platform.example.com"], "bücher.example", False),
        (["platform.example.com"], "*.example.com", False),
        (["platform.example.com"], "not a name", False),
        (["platform.example.com"], "12345", False),
        (["platform.example.com"], "", False),
    ],
)
def test_a_certificate_is_for_the_names_in_its_san_and_no_others(
    root: Issued, carried: list[str], asked: str, matches: bool
) -> None:
    certificate = root.issue("platform", *carried).certificate

    assert certificates.carries_name(certificate, asked) is matches


def test_a_common_name_alone_is_no_name(serve: Serve, root: Issued, ca_file: Path) -> None:
    endpoint = look(serve(root.issue(HOST)), ca_file)

    assert not endpoint.name_matches
    assert endpoint.presented[0].names == ()


def test_a_certificate_for_another_name_is_read_and_said_not_to_match(
    serve: Serve, root: Issued, ca_file: Path
) -> None:
    endpoint = look(serve(root.issue("platform", "old.example.com")), ca_file)

    assert not endpoint.name_matches
    assert endpoint.presented[0].names == ("old.example.com",)
    assert endpoint.chain_errors == ()


@pytest.mark.parametrize(("carried", "matches"), [("127.0.0.1", True), ("127.0.0.2", False)])
def test_an_endpoint_named_by_its_address_needs_the_address_in_its_certificate(
    serve: Serve, root: Issued, ca_file: Path, carried: str, matches: bool
) -> None:
    endpoint = look(serve(root.issue("platform", carried)), ca_file, server_name=None)

    assert endpoint.name_matches is matches
    assert endpoint.server_name == "127.0.0.1"


@pytest.mark.parametrize(
    ("server_name", "asked"),
    [
        (HOST, HOST),
        ("bücher.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("platform.example.com.", "platform.example.com"),
        (None, None),
        ("10.0.0.1", None),
    ],
)
def test_the_server_is_asked_for_the_name_and_never_for_an_address(
    serve: Serve, leaf: Issued, server_name: str | None, asked: str | None
) -> None:
    heard: list[str | None] = []

    def hear(_connection: object, name: str | None, _context: object) -> None:
        heard.append(name)

    look(serve(leaf, change=lambda context: setattr(context, "sni_callback", hear)), server_name=server_name)

    assert heard == [asked]


def test_a_server_presents_the_certificate_of_the_name_that_is_asked_for(
    serve: Serve, root: Issued, ca_file: Path, tmp_path: Path
) -> None:
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other.load_cert_chain(write_chain(tmp_path / "b.pem", root.issue("b", "b.example.com")))

    def choose(connection: ssl.SSLObject, name: str | None, _context: object) -> None:
        if name == "b.example.com":
            connection.context = other

    address = serve(
        root.issue("a", "a.example.com"), change=lambda context: setattr(context, "sni_callback", choose)
    )

    assert look(address, ca_file, server_name="a.example.com").name_matches
    assert look(address, ca_file, server_name="b.example.com").name_matches


@pytest.mark.parametrize("server_name", ["a..b", "x" * 70, "ü" * 70, ".", "☃\u200d.example"])
def test_a_name_that_no_server_can_be_asked_for_is_told_as_such(
    serve: Serve, leaf: Issued, server_name: str
) -> None:
    error = dead(serve(leaf), server_name=server_name)

    assert error.outcome is Outcome.FAILED
    assert "not a host name" in error.reason
    assert "profile" in error.cure


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example.com", "ü" * 70])
def test_an_address_that_is_no_host_name_is_told_as_such(host: str) -> None:
    error = dead(f"{host}:443", server_name=None)

    assert error.outcome is Outcome.FAILED
    assert "not a host name" in error.reason


# Certificates that are hardly one


def changed(issuer: Issued, *extensions: x509.ExtensionType) -> x509.Certificate:
    """A certificate with extensions of any kind."""
    key = issuer.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(days(-1))
        .not_valid_after(days(1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256())


def patched(certificate: x509.Certificate, old: bytes, new: bytes) -> bytes:
    """A certificate's DER with something replaced; the signature no longer holds, and nobody minds."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    assert der.count(old) == 1
    assert len(old) == len(new)
    return der.replace(old, new)


def two_of_the_same_extension(root: Issued) -> x509.Certificate:
    first, second = x509.ObjectIdentifier("1.2.3.4.5.6.7.1"), x509.ObjectIdentifier("1.2.3.4.5.6.7.2")
    unknown = [x509.UnrecognizedExtension(oid, b"\x05\x00") for oid in (first, second)]
    der = patched(changed(root, *unknown), b"\x2a\x03\x04\x05\x06\x07\x02", b"\x2a\x03\x04\x05\x06\x07\x01")
    return x509.load_der_x509_certificate(der)


def a_san_that_is_none(root: Issued) -> x509.Certificate:
    oid = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
    return changed(root, x509.UnrecognizedExtension(oid, b"\x30\x03\x82\x05a"))


def a_san_of_a_kind_that_nobody_knows(root: Issued) -> x509.Certificate:
    oid = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
    return changed(root, x509.UnrecognizedExtension(oid, b"\x30\x04\xa3\x02\x05\x00"))


def an_address_of_five_bytes(root: Issued) -> x509.Certificate:
    oid = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
    return changed(root, x509.UnrecognizedExtension(oid, b"\x30\x07\x87\x05\x01\x02\x03\x04\x05"))


def a_name_that_is_empty(root: Issued) -> x509.Certificate:
    return changed(root, x509.SubjectAlternativeName([x509.DNSName("")]))


def nothing_but_dates(root: Issued) -> x509.Certificate:
    return changed(root)


@pytest.mark.parametrize(
    "make",
    [
        two_of_the_same_extension,
        a_san_that_is_none,
        a_san_of_a_kind_that_nobody_knows,
        an_address_of_five_bytes,
        a_name_that_is_empty,
        nothing_but_dates,
    ],
)
def test_a_certificate_with_odd_extensions_is_read_and_is_for_no_name(
    listen: Callable[[Handle], str], root: Issued, make: Callable[[Issued], x509.Certificate]
) -> None:
    odd = Issued(make(root), root.key)

    endpoint = look(openssl_server(listen, odd.certificate, odd.key))

    assert not endpoint.name_matches
    assert set(endpoint.presented[0].names) <= {""}
    assert endpoint.presented[0].not_after == odd.certificate.not_valid_after_utc


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL")  # nothing else loads such a certificate
def test_a_certificate_of_a_version_that_does_not_exist_is_told_as_garbage(
    listen: Callable[[Handle], str], leaf: Issued
) -> None:
    from OpenSSL import crypto

    der = patched(leaf.certificate, b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07")
    certificate = crypto.load_certificate(crypto.FILETYPE_ASN1, der)

    error = dead(openssl_server(listen, certificate, crypto.PKey.from_cryptography_key(leaf.key)))

    assert error.outcome is Outcome.FAILED
    assert "see what listens there" in error.cure


def test_a_certificate_that_is_garbage_is_told_as_such(listen: Callable[[Handle], str]) -> None:
    garbage = b"\x30\x82this is no certificate"

    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(server_hello() + certificate_message(garbage))
        connection.recv(65536)

    error = dead(listen(handle))

    assert error.outcome is Outcome.FAILED
    assert "no TLS handshake: " in error.reason


def handshake_record(kind: int, body: bytes) -> bytes:
    message = bytes([kind]) + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message


def server_hello() -> bytes:
    """TLS 1.2 with ECDHE-RSA-AES128-GCM-SHA256 and secure renegotiation."""
    extensions = b"\xff\x01\x00\x01\x00"
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\xc0\x2f" + b"\x00"
    return handshake_record(2, body + len(extensions).to_bytes(2, "big") + extensions)


def certificate_message(*ders: bytes) -> bytes:
    chain = b"".join(len(der).to_bytes(3, "big") + der for der in ders)
    return handshake_record(11, len(chain).to_bytes(3, "big") + chain)


def test_a_handshake_without_a_certificate_is_told_as_such(listen: Callable[[Handle], str]) -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(server_hello() + certificate_message())
        connection.recv(65536)

    assert dead(listen(handle)).outcome is Outcome.FAILED


# Servers that want something, or something else


@pytest.mark.parametrize(
    ("version", "spelled"), [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]
)
def test_the_protocol_is_told(serve: Serve, leaf: Issued, version: ssl.TLSVersion, spelled: str) -> None:
    assert look(serve(leaf, change=only(version))).protocol == spelled


@pytest.mark.skipif(not ssl.HAS_TLSv1_1, reason="this OpenSSL has no TLS 1.1")
def test_a_server_that_speaks_nothing_newer_than_tls_1_1_is_told_as_one(serve: Serve, leaf: Issued) -> None:
    endpoint = look(serve(leaf, change=only(ssl.TLSVersion.TLSv1_1)))

    assert (endpoint.protocol, endpoint.older) == ("TLSv1.1", "TLSv1.1")
    assert names(endpoint) == ["CN=platform"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_chain_of_a_server_that_demands_a_client_certificate_is_read_all_the_same(
    serve: Serve, leaf: Issued, intermediate: Issued, ca_file: Path, version: ssl.TLSVersion
) -> None:
    def demand(context: ssl.SSLContext) -> None:
        only(version)(context)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(ca_file)

    endpoint = look(serve(leaf, intermediate, change=demand), ca_file)

    assert names(endpoint) == ["CN=platform", "CN=Test Issuing CA"]
    assert endpoint.chain_errors == ()


@pytest.mark.parametrize("bits", [1024, 2048])
def test_a_certificate_with_a_short_key_is_read(
    listen: Callable[[Handle], str], root: Issued, ca_file: Path, bits: int
) -> None:
    weak = root.issue("platform", HOST, key=rsa.generate_private_key(65537, bits))

    endpoint = look(openssl_server(listen, weak.certificate, weak.key), ca_file)

    assert names(endpoint) == ["CN=platform"]


# Nobody there, or nobody who speaks TLS, or not in time


def test_a_port_where_nobody_listens_is_reported() -> None:
    port = dead_port()

    error = dead(f"127.0.0.1:{port}")

    assert (error.reason, error.outcome) == (f"127.0.0.1:{port}: Connection refused", Outcome.FAILED)
    assert "whether the service is up" in error.cure


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS])
def test_what_this_machine_lacks_says_nothing_of_the_endpoint(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket, "create_connection", fail)

    error = dead("127.0.0.1:443")

    assert error.outcome is Outcome.BROKEN
    assert "on this machine" in error.reason
    assert "ulimit" in error.cure


def test_a_host_that_does_not_exist_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    error = dead("no-such-host.invalid")

    assert error.reason == "no-such-host.invalid:443: no such host: Name or service not known"
    assert "DNS" in error.cure


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux drops connections beyond the backlog")
def test_a_connection_that_takes_too_long_times_out() -> None:
    with never_accepting() as port:
        error = dead(f"127.0.0.1:{port}", seconds=0.4)

    assert error.outcome is Outcome.TIMED_OUT
    assert "no connection in time" in error.reason


@pytest.mark.parametrize("handle", [hold, drip])
def test_a_handshake_that_does_not_end_in_time_is_a_time_out(
    listen: Callable[[Handle], str], handle: Handle
) -> None:
    error = dead(listen(handle), seconds=0.5)

    assert error.outcome is Outcome.TIMED_OUT
    assert error.reason.startswith("no complete answer within 0.5 s")


def close_at_once(connection: socket.socket) -> None:
    connection.close()


def close_after_hello(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.close()


def reset_at_once(connection: socket.socket) -> None:
    reset(connection)


def reset_after_hello(connection: socket.socket) -> None:
    connection.recv(65536)
    reset(connection)


def close_in_handshake(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(server_hello())
    connection.close()


def plain_http(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    connection.recv(65536)


def greet(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example.com ESMTP\r\n")
    connection.recv(65536)


def alert(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"\x15\x03\x03\x00\x02\x02\x70")  # fatal: unrecognized name
    connection.recv(65536)


def noise(connection: socket.socket) -> None:
    connection.sendall(bytes(range(256)) * 100)
    connection.recv(65536)


@pytest.mark.parametrize(
    "handle",
    [
        close_at_once,
        close_after_hello,
        reset_at_once,
        reset_after_hello,
        close_in_handshake,
        plain_http,
        greet,
        alert,
        noise,
    ],
)
def test_whoever_does_not_speak_tls_is_reported_in_words(
    listen: Callable[[Handle], str], handle: Handle
) -> None:
    address = listen(handle)

    error = dead(address)

    assert error.outcome is Outcome.FAILED
    # A reset may come as early as in connecting: then there is no handshake to speak of.
    told = f"{address}: " if handle is reset_at_once else f"{address}: no TLS handshake: "
    assert error.reason.startswith(told)
    assert len(error.reason) > len(told) + 3
    assert "[" not in error.reason, "no Python lists in a message"


def test_a_server_that_refuses_the_name_is_quoted(listen: Callable[[Handle], str]) -> None:
    assert "unrecognized name" in dead(listen(alert)).reason


def test_a_ca_file_that_holds_no_certificate_is_reported(serve: Serve, leaf: Issued, tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("-----BEGIN CERTIFICATE-----\nnothing here\n-----END CERTIFICATE-----\n")

    error = dead(serve(leaf), ca_file=empty)

    assert str(empty) in error.reason
    assert error.cure == "mend tls.ca_file"


def test_a_ca_file_that_has_gone_is_reported(leaf: Issued, tmp_path: Path) -> None:
    with pytest.raises(CollectionError):
        certificates.verify([leaf.certificate], tmp_path / "gone.pem")


# As a fact


def gathered(*endpoints: Any, deadline: str = "500ms") -> Observed:
    profile = Profile.model_validate(
        {"version": 1, "tls": {"endpoints": list(endpoints), "deadline": deadline}}
    )
    gathering = Gathering([Wanted("tls_endpoints", tls.endpoints, "tls", TlsEndpoint)], profile)
    gathering.start()
    return gathering.wait("tls_endpoints")


def test_a_dead_endpoint_hides_nothing_of_the_others(
    serve: Serve, listen: Callable[[Handle], str], leaf: Issued
) -> None:
    alive = serve(leaf)
    observed = gathered(
        {"name": "hung", "address": listen(hold)},
        {"name": "alive", "address": alive},
        {"name": "refused", "address": f"127.0.0.1:{dead_port()}"},
        {"name": "rude", "address": listen(plain_http)},
    )

    assert [(each.target, each.outcome) for each in observed.targets] == [
        ("hung", Outcome.TIMED_OUT),
        ("alive", Outcome.SEEN),
        ("refused", Outcome.FAILED),
        ("rude", Outcome.FAILED),
    ]
    assert [endpoint.name for endpoint in observed.objects] == ["alive"]
    assert observed.targets[1].objects[0].address == alive


@pytest.mark.parametrize(
    ("address", "how"),
    [
        ("127.0.0.1", "openssl s_client -connect 127.0.0.1:443"),
        (
            "platform.example.com:8443",
            "openssl s_client -connect platform.example.com:8443 -servername platform.example.com",
        ),
        ("[::1]", "openssl s_client -connect [::1]:443"),
        ("[::1]:8443", "openssl s_client -connect [::1]:8443"),
    ],
)
def test_a_target_says_how_to_repeat_it_by_hand(address: str, how: str) -> None:
    (target,) = targets(address)

    assert target.how == how
    assert target.name == address


def test_a_profile_without_endpoints_names_nothing_to_look_at() -> None:
    assert tls.endpoints(Look(Profile.model_validate({"version": 1}), Shared())) == []


def ipv6_loopback() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not ipv6_loopback(), reason="this machine has no IPv6 loopback")
def test_an_ipv6_address_is_written_in_brackets() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]

    error = dead(f"[::1]:{port}", server_name=None)

    assert error.reason == f"[::1]:{port}: Connection refused"
    assert ipaddress.ip_address("::1").is_loopback
