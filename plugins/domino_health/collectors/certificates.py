"""What a certificate says, whom it is good for, and whether a path leads from it to somebody trusted."""

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from domino_health.collectors.looking import CollectionError
from domino_health.facts.observed import Outcome
from domino_health.facts.tls import Certificate

if TYPE_CHECKING:
    from cryptography import x509

NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME: dates are the check's to judge, by the cluster's clock."""


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
    key, bits = _key(certificate)
    return Certificate(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        serial=f"{certificate.serial_number:x}",
        sha256=certificate.fingerprint(SHA256()).hex(),
        names=names,
        key=key,
        bits=bits,
        digest=_digest(certificate),
    )


def _key(certificate: "x509.Certificate") -> tuple[str, int]:
    """The kind of its public key, and its bits where they differ within the kind."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return "", 0
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC", key.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size
    return type(key).__name__.removesuffix("PublicKey").removeprefix("_"), 0


def _digest(certificate: "x509.Certificate") -> str:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        algorithm = certificate.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        return ""
    return algorithm.name if algorithm else ""


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


def presented_path(presented: Sequence["x509.Certificate"]) -> list["x509.Certificate"]:
    """How far the certificates that were sent lead, each issued by the next: the path begun by the first.

    It ends at one that issued itself, or whose issuer was not sent.
    """
    path = [presented[0]]
    while not is_issued_by(path[-1], path[-1]):
        issuer = next((each for each in presented if each not in path and is_issued_by(path[-1], each)), None)
        if issuer is None:
            break
        path.append(issuer)
    return path


def is_issued_by(certificate: "x509.Certificate", issuer: "x509.Certificate") -> bool:
    """Whether ``issuer`` has the name and the key by which a certificate was signed."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def access_urls(certificate: "x509.Certificate", method: "x509.ObjectIdentifier") -> list[str]:
    """Where its authority gives more (AIA), by ``method``: whether it is revoked (OCSP), or its own."""
    from cryptography import x509

    try:
        told = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        ValueError,
    ):
        return []
    return [
        each.access_location.value
        for each in told
        if each.access_method == method and isinstance(each.access_location, x509.UniformResourceIdentifier)
    ]


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
        if is_ip(name):
            verify_certificate_ip_address(certificate, name)
        else:
            verify_certificate_hostname(certificate, ascii_name(name))
    except (service_identity.VerificationError, service_identity.CertificateError):
        return False
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False  # a name that is none, or a certificate whose names cannot be read
    return True


def ascii_name(name: str) -> str:
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


def is_ip(name: str) -> bool:
    """Whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
