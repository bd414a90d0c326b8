"""TLS servers on loopback for tests, real ones and STUBS, and how to look at them as the suite does."""

import contextlib
import socket
import ssl
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certificates import Issued, authority, write_bundle, write_chain
from domino_health.collectors import gather, tls
from domino_health.collectors.looking import CollectionError, Deadline, Look, Shared, Target
from domino_health.facts.tls import TlsEndpoint
from domino_health.profile import Profile
from fault_server import WAIT, Listener

SLACK = 4.0
"""Seconds that a loaded machine may add before a time-out counts as missed."""
HOST = "platform.example.com"


@pytest.fixture(scope="module")
def root() -> Issued:
    return authority()


@pytest.fixture(scope="module")
def intermediate(root: Issued) -> Issued:
    return root.issue("Test Issuing CA", ca=True)


@pytest.fixture(scope="module")
def leaf(intermediate: Issued) -> Issued:
    return intermediate.issue("platform", HOST)


@pytest.fixture(scope="module")
def ca_file(root: Issued, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("ca") / "ca.pem", root)


@pytest.fixture
def opened() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


Serve = Callable[..., str]
Handle = Callable[[socket.socket], None]


@pytest.fixture
def listen(opened: contextlib.ExitStack) -> Callable[[Handle], str]:
    """Starts a stub that does what it is told with each connection, and gives its address."""

    def start(handle: Handle) -> str:
        return f"127.0.0.1:{opened.enter_context(Listener(handle)).port}"

    return start


@pytest.fixture
def serve(listen: Callable[[Handle], str], tmp_path: Path) -> Serve:
    """Starts a TLS server that presents a chain, in the order given."""

    def start(*chain: Issued, change: Callable[[ssl.SSLContext], object] = lambda _: None) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(write_chain(tmp_path / "chain.pem", *chain))
        change(context)

        def handle(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1)

        return listen(handle)

    return start


def targets(endpoint: Any, ca_file: Path | None = None) -> Sequence[Target[TlsEndpoint]]:
    section = {"endpoints": [endpoint], "ca_file": ca_file and str(ca_file)}
    profile = Profile.model_validate({"version": 1, "tls": section})
    return tls.endpoints(Look(profile, Shared()))


def look(
    address: str, ca_file: Path | None = None, server_name: str | None = HOST, seconds: float = 5
) -> TlsEndpoint:
    endpoint = {"address": address, **({"server_name": server_name} if server_name else {})}
    (target,) = targets(endpoint, ca_file)
    (seen,) = target.look(Deadline(timedelta(seconds=seconds)), lambda _: None)
    return seen


def dead(address: str, seconds: float = 5, **more: Any) -> CollectionError:
    """The one error that looking ends in, within its deadline."""
    began = time.monotonic()
    with pytest.raises(CollectionError) as caught:
        look(address, seconds=seconds, **more)
    assert time.monotonic() - began < seconds + gather.GRACE + SLACK
    assert caught.value.cure
    return caught.value


def names(endpoint: TlsEndpoint) -> list[str]:
    return [certificate.subject for certificate in endpoint.presented]


def only(version: ssl.TLSVersion) -> Callable[[ssl.SSLContext], object]:
    def change(context: ssl.SSLContext) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.1, which is what we are after
            context.minimum_version = context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")

    return change


def openssl_server(listen: Callable[[Handle], str], certificate: object, key: object) -> str:
    """A server by pyOpenSSL, which serves what the standard library refuses to load."""
    from OpenSSL import SSL

    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.use_certificate(certificate)  # type: ignore[arg-type]
    context.use_privatekey(key)  # type: ignore[arg-type]

    def handle(connection: socket.socket) -> None:
        connection.settimeout(None)
        secure = SSL.Connection(context, connection)
        secure.set_accept_state()
        with contextlib.suppress(SSL.Error):
            secure.do_handshake()
            secure.recv(1)

    return listen(handle)


def hold(connection: socket.socket) -> None:
    """Take what comes and say nothing, until the other side or the test has had enough."""
    while connection.recv(65536):
        pass


def drip(connection: socket.socket) -> None:
    """Begin a TLS record of 16 kB, a byte at a time, so that no single read ever times out."""
    connection.settimeout(0.05)
    end = time.monotonic() + WAIT
    for byte in b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + bytes(16000):
        connection.sendall(bytes([byte]))
        with contextlib.suppress(TimeoutError):
            if not connection.recv(65536):
                return
        assert time.monotonic() < end
