"""A TLS handshake that goes through whatever the other side presents: directly, by a proxy, after STARTTLS.

pyOpenSSL, because the standard library shows the chain only from Python 3.13 on; and nothing is verified
here, because a refused chain could not be read.
"""

import errno
import http.client
import select
import socket
from base64 import b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from domino_health.collectors.certificates import ascii_name, is_ip
from domino_health.collectors.looking import CollectionError, Deadline
from domino_health.collectors.web import no_way_through
from domino_health.facts.observed import Outcome

if TYPE_CHECKING:
    from cryptography import x509
    from OpenSSL import SSL

CONNECT = timedelta(seconds=5)
"""For the TCP connection, within the endpoint's deadline."""

NEEDS = ("OpenSSL.SSL", "certifi", "idna", "service_identity.cryptography", "requests.utils")

_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""No more files or memory here: that says nothing of who is there."""
_WANTS_A_CERTIFICATE = b"SSLv3/TLS read server certificate request"
_ANY_KEY = b"DEFAULT:@SECLEVEL=0"
"""Weak keys and digests are read too, and left to the check."""
_START_TLS = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
"""LDAP's extended request of RFC 4511, 4.14.1, with message number 1."""
_SEQUENCE, _EXTENDED_RESPONSE = 0x30, 24
_LONGEST_ANSWER = 4096
"""Bytes of the answer to it. OpenLDAP's has 14."""


@dataclass(frozen=True)
class Door:
    """Where a TLS server is, and what leads to it."""

    host: str
    port: int
    server_name: str
    """To ask for."""
    proxy: str = ""
    """By which it is reached: an ``http://`` URL."""
    starttls: bool = False
    """It speaks LDAP first, and TLS when asked."""

    @property
    def where(self) -> str:
        """``host:port``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Presented:
    """What came in a handshake."""

    chain: "list[x509.Certificate]"
    protocol: str
    """``TLSv1.3``."""
    stapled: bytes = b""
    """What the server says of its certificate's revocation: an OCSP response, DER."""


def handshake(door: Door, deadline: Deadline, *, newest: int | None = None) -> Presented:
    """The chain as presented and the protocol.

    Args:
        door: whose.
        deadline: for all of it, connecting included.
        newest: protocol version to offer at most; by default all that there are.

    Raises:
        CollectionError: nobody there, or nobody who speaks TLS, or not in time.
    """
    from cryptography import x509
    from OpenSSL import SSL

    try:
        server_name = ascii_name(door.server_name)
    except UnicodeError as error:
        raise dead(f"{door.where}: not a host name: {error}", "mend the name in the profile") from None
    with _connect(door, deadline) as raw:
        if door.starttls:
            _start_tls(door, raw, deadline)
        raw.setblocking(False)
        states: set[bytes] = set()
        stapled: list[bytes] = []
        connection = SSL.Connection(_context(states, stapled, newest), raw)
        if not is_ip(server_name):
            connection.set_tlsext_host_name(server_name.encode())
        connection.request_ocsp()
        connection.set_connect_state()
        try:
            try:
                _finish(connection, raw, deadline)
            except SSL.Error:
                # Who wants a client's certificate has shown its own by then, and proved that it has the key.
                if _WANTS_A_CERTIFICATE not in states:
                    raise
            chain = connection.get_peer_cert_chain(as_cryptography=True)
        # ValueError, InvalidVersion: a certificate that is none
        except (SSL.Error, ValueError, x509.InvalidVersion) as error:
            raise dead(
                f"{door.where}: no TLS handshake: {_words(error)}",
                "see what listens there, and whether it speaks TLS 1.2",
            ) from None
        if not chain:
            raise dead(f"{door.where}: it presented no certificate", "see what listens there")
        return Presented(list(chain), connection.get_protocol_version_name(), b"".join(stapled))


def takes_older(door: Door, deadline: Deadline) -> str:
    """The protocol that a server agrees to with a client that knows nothing newer than TLS 1.1; or nothing.

    Raises:
        CollectionError: it does not answer such a client in time.
    """
    from OpenSSL import SSL

    try:
        return handshake(door, deadline, newest=SSL.TLS1_1_VERSION).protocol
    except CollectionError as error:
        if error.outcome is Outcome.TIMED_OUT:
            raise
        return ""


def _context(states: set[bytes], stapled: list[bytes], newest: int | None) -> "SSL.Context":
    from OpenSSL import SSL

    def staple(_connection: object, response: bytes, _data: object) -> bool:
        stapled.append(response)
        return True  # it is judged apart, and never ends the handshake

    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_cipher_list(_ANY_KEY)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    if newest is not None:
        context.set_max_proto_version(newest)
    context.set_ocsp_client_callback(staple)
    context.set_info_callback(lambda connection, *_: states.add(connection.get_state_string()))
    return context


def _connect(door: Door, deadline: Deadline) -> socket.socket:
    """A TCP connection.

    Raises:
        CollectionError: no such host, nobody there, or not in time.
    """
    where = door.where
    try:
        host = door.host if door.host.isascii() else ascii_name(door.host)
        if door.proxy:
            return _by_proxy(door, host, deadline)
        return socket.create_connection(
            (host, door.port), timeout=deadline.remaining(CONNECT.total_seconds())
        )
    except UnicodeError as error:
        raise dead(f"{where}: not a host name: {error}", "mend the name in the profile") from None
    except socket.gaierror as error:
        raise dead(
            f"{where}: no such host: {error.strerror}", "mend the address, or this machine's DNS"
        ) from None
    except TimeoutError:
        raise dead(f"{where}: no connection in time", "see firewalls and routes", Outcome.TIMED_OUT) from None
    except OSError as error:
        if error.errno in _OURS:
            reason = f"{where}: {error.strerror}, on this machine"
            raise dead(reason, "raise this machine's limits (ulimit -n)", Outcome.BROKEN) from None
        raise dead(f"{where}: {error.strerror or error}", "see whether the service is up") from None


def _by_proxy(door: Door, host: str, deadline: Deadline) -> socket.socket:
    """A connection through the environment's proxy, by HTTP's method CONNECT.

    Raises:
        CollectionError: the proxy is not there, or does not lead there.
    """
    try:
        parts = urlsplit(door.proxy)
        if parts.scheme != "http" or not parts.hostname:
            raise no_way_through(door.where, door.proxy, "only a proxy of the form http://host:port is known")
        headers = {}
        if parts.username:
            given = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Proxy-Authorization"] = f"Basic {b64encode(given.encode()).decode()}"
        tunnel = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=deadline.remaining())
        tunnel.set_tunnel(host, door.port, headers)
    except ValueError as error:
        raise no_way_through(door.where, door.proxy, str(error)) from None
    try:
        tunnel.connect()
        return tunnel.sock
    except TimeoutError:
        tunnel.close()
        raise no_way_through(door.where, door.proxy, "no answer in time", Outcome.TIMED_OUT) from None
    except (OSError, http.client.HTTPException) as error:
        tunnel.close()
        raise no_way_through(door.where, door.proxy, str(error) or type(error).__name__) from None


def _start_tls(door: Door, raw: socket.socket, deadline: Deadline) -> None:
    """Ask an LDAP server to speak TLS from now on.

    Raises:
        CollectionError: it does not want to, or is no LDAP server.
    """
    from ldap3.strategy.base import BaseStrategy
    from ldap3.utils.asn1 import decode_message_fast

    received = b""
    try:
        raw.settimeout(deadline.remaining())
        raw.sendall(_START_TLS)
        while (length := BaseStrategy.compute_ldap_message_size(received)) == -1 or len(received) < length:
            raw.settimeout(deadline.remaining())
            more = raw.recv(_LONGEST_ANSWER)
            received += more
            if not more or max(length, len(received)) > _LONGEST_ANSWER:
                raise dead(f"{door.where}: no answer of an LDAP server to StartTLS", "see what listens there")
        answer = decode_message_fast(received)
        if received[0] != _SEQUENCE or answer["protocolOp"] != _EXTENDED_RESPONSE:
            raise ValueError("another message")
        code = int(answer["payload"][0][3])
    except TimeoutError:
        raise deadline.passed("to StartTLS") from None
    except OSError as error:
        raise dead(
            f"{door.where}: {error.strerror or error}, after StartTLS", "see the LDAP server"
        ) from None
    except (LookupError, TypeError, ValueError):
        raise dead(
            f"{door.where}: no answer of an LDAP server to StartTLS", "see what listens there"
        ) from None
    if code:
        raise dead(
            f"{door.where}: StartTLS was refused (result {code})",
            "give the server a certificate (TLSCertificateFile), or use ldaps://",
        )


def _finish(connection: "SSL.Connection", raw: socket.socket, deadline: Deadline) -> None:
    """The whole handshake, within the deadline even when the server drips it byte by byte."""
    from OpenSSL import SSL

    while True:
        try:
            return connection.do_handshake()
        except SSL.WantReadError:
            ready, _, _ = select.select([raw], [], [], deadline.remaining())
        except SSL.WantWriteError:
            _, ready, _ = select.select([], [raw], [], deadline.remaining())
        if not ready:
            raise deadline.passed("in the TLS handshake")


def dead(reason: str, cure: str, outcome: Outcome = Outcome.FAILED) -> CollectionError:
    """The error of an endpoint that does not answer as one."""
    return CollectionError(reason, cure, outcome)


def _words(error: Exception) -> str:
    """OpenSSL's reason, out of its list of (library, function, reason)."""
    from OpenSSL import SSL

    if isinstance(error, SSL.SysCallError):
        return "the connection was closed or reset"
    queue = error.args[0] if error.args else ()
    if isinstance(queue, list):
        return "; ".join(entry[-1] for entry in queue) or type(error).__name__
    return str(error) or type(error).__name__
