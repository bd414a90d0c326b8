"""The chain that each TLS endpoint presents, read in a handshake that goes through whatever it is.

pyOpenSSL, because the standard library shows the chain only from Python 3.13 on; and verification
apart from the handshake, because a refused chain could not be read.
"""

import errno
import ipaddress
import select
import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from domino_health.collectors.looking import CollectionError, Deadline, Look, Target
from domino_health.facts.observed import Outcome
from domino_health.facts.tls import Certificate, TlsEndpoint
from domino_health.profile.tls import Endpoint

if TYPE_CHECKING:
    from cryptography import x509
    from OpenSSL import SSL

CONNECT = timedelta(seconds=5)
"""For the TCP connection, within the endpoint's deadline."""

_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""No more files or memory here: that says nothing of who is there."""

NEEDS = ("OpenSSL.SSL", "certifi", "idna", "service_identity.cryptography")

NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME: dates are the check's to judge, by the cluster's clock."""
_WANTS_A_CERTIFICATE = b"SSLv3/TLS read server certificate request"


def endpoints(look: Look) -> list[Target[TlsEndpoint]]:
    """Every endpoint of section ``tls``."""
    section = look.profile.tls
    if section is None:
        return []
    return [
        Target(
            endpoint.label,
            _how(endpoint),
            section.deadline,
            partial(_look, endpoint, section.ca_file),
            NEEDS,
        )
        for endpoint in section.endpoints
    ]


def _look(
    endpoint: Endpoint, ca_file: Path | None, deadline: Deadline, _say: Callable[[str], None]
) -> list[TlsEndpoint]:
    presented, protocol = _handshake(endpoint, deadline)
    verified, errors = verify(presented, ca_file)
    server_name = _server_name(endpoint)
    return [
        TlsEndpoint(
            name=endpoint.label,
            address=_where(endpoint),
            server_name=server_name,
            presented=tuple(map(certificate_of, presented)),
            verified=tuple(map(certificate_of, verified)),
            chain_errors=errors,
            name_matches=carries_name(presented[0], server_name),
            protocol=protocol,
        )
    ]


def _how(endpoint: Endpoint) -> str:
    name = _server_name(endpoint)
    return f"openssl s_client -connect {_where(endpoint)}" + ("" if _is_ip(name) else f" -servername {name}")


def _where(endpoint: Endpoint) -> str:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}"


def _server_name(endpoint: Endpoint) -> str:
    return endpoint.server_name or endpoint.host


def _ascii(name: str) -> str:
    """A host name as DNS, SNI and certificates write it (IDNA 2008, as browsers), without the root's dot.

    Raises:
        UnicodeError: it is none.
    """
    import idna

    bare = name.removesuffix(".")
    # idna refuses the underscores that internal names have.
    spelled = bare.encode("idna") if bare.isascii() else idna.encode(bare, uts46=True)
    if not spelled:
        raise UnicodeError("empty")
    return spelled.decode()


def _connect(endpoint: Endpoint, deadline: Deadline) -> socket.socket:
    """A TCP connection.

    Raises:
        CollectionError: no such host, nobody there, or not in time.
    """
    where = _where(endpoint)
    try:
        host = endpoint.host if endpoint.host.isascii() else _ascii(endpoint.host)
        return socket.create_connection(
            (host, endpoint.port), timeout=deadline.remaining(CONNECT.total_seconds())
        )
    except UnicodeError as error:
        raise _dead(f"{where}: not a host name: {error}", "mend the name in the profile") from None
    except socket.gaierror as error:
        raise _dead(
            f"{where}: no such host: {error.strerror}", "mend the address, or this machine's DNS"
        ) from None
    except TimeoutError:
        raise _dead(
            f"{where}: no connection in time", "see firewalls and routes", Outcome.TIMED_OUT
        ) from None
    except OSError as error:
        if error.errno in _OURS:
            reason = f"{where}: {error.strerror}, on this machine"
            raise _dead(reason, "raise this machine's limits (ulimit -n)", Outcome.BROKEN) from None
        raise _dead(f"{where}: {error.strerror or error}", "see whether the service is up") from None


def _handshake(endpoint: Endpoint, deadline: Deadline) -> tuple[list["x509.Certificate"], str]:
    """The chain as presented and the protocol.

    Raises:
        CollectionError: nobody there, or nobody who speaks TLS, or not in time.
    """
    from cryptography import x509
    from OpenSSL import SSL

    where = _where(endpoint)
    try:
        server_name = _ascii(_server_name(endpoint))
    except UnicodeError as error:
        raise _dead(f"{where}: not a host name: {error}", "mend the name in the profile") from None
    raw = _connect(endpoint, deadline)
    with raw:
        raw.setblocking(False)
        states: set[bytes] = set()
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_info_callback(lambda connection, *_: states.add(connection.get_state_string()))
        connection = SSL.Connection(context, raw)
        if not _is_ip(server_name):
            connection.set_tlsext_host_name(server_name.encode())
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
            raise _dead(
                f"{where}: no TLS handshake: {_words(error)}",
                "see what listens there, and whether it speaks TLS 1.2",
            ) from None
        if not chain:
            raise _dead(f"{where}: it presented no certificate", "see what listens there")
        return list(chain), connection.get_protocol_version_name()


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


def _dead(reason: str, cure: str, outcome: Outcome = Outcome.FAILED) -> CollectionError:
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


def verify(
    presented: Sequence["x509.Certificate"], ca_file: Path | None
) -> tuple[list["x509.Certificate"], tuple[str, ...]]:
    """The path from the endpoint's certificate to a trusted root, and what is wrong with it.

    Trusted are the public roots (Mozilla's, by certifi: the verdict must not depend on the machine
    that looks) and ``ca_file``. Dates are not looked at.
    """
    import certifi
    from OpenSSL import crypto

    store = crypto.X509Store()
    store.load_locations(certifi.where())
    if ca_file is not None:
        try:
            store.load_locations(str(ca_file))
        except crypto.Error:
            raise CollectionError(
                f"no PEM certificates in {ca_file}", "mend tls.ca_file", Outcome.BROKEN
            ) from None
    store.set_flags(NO_CHECK_TIME)
    own, *others = (crypto.X509.from_cryptography(certificate) for certificate in presented)
    context = crypto.X509StoreContext(store, own, others)
    try:
        path = [one.to_cryptography() for one in context.get_verified_chain()]
    except crypto.X509StoreContextError as error:
        return [], (str(error.args[0]),)
    # pyOpenSSL cannot tell OpenSSL what for; these are OpenSSL's words.
    return path, () if _is_for_servers(presented[0]) else ("unsuitable certificate purpose",)


def _is_for_servers(certificate: "x509.Certificate") -> bool:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False
    return ExtendedKeyUsageOID.SERVER_AUTH in usage or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage


def carries_name(certificate: "x509.Certificate", name: str) -> bool:
    """Whether the certificate is good for a host name or IP address (RFC 6125: by its SAN alone)."""
    import service_identity
    from cryptography import x509
    from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address

    try:
        if _is_ip(name):
            verify_certificate_ip_address(certificate, name)
        else:
            verify_certificate_hostname(certificate, _ascii(name))
    except (service_identity.VerificationError, service_identity.CertificateError):
        return False
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False  # a name that is none, or a certificate whose names cannot be read
    return True


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def certificate_of(certificate: "x509.Certificate") -> Certificate:
    """What is kept of a certificate.

    Raises:
        ValueError: its subject or its issuer cannot be read.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = (
            *alternative.get_values_for_type(x509.DNSName),
            *map(str, alternative.get_values_for_type(x509.IPAddress)),
        )
    except (
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        ValueError,
    ):
        names = ()
    return Certificate(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        serial=f"{certificate.serial_number:x}",
        sha256=certificate.fingerprint(SHA256()).hex(),
        names=names,
    )
