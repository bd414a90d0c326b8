"""Certificates of the lab, made at its start: elliptic curves, because their keys cost no time."""

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LASTS = timedelta(days=300, minutes=30)
"""How long a good certificate is still valid: within the 398 days that browsers accept."""
ISSUED = timedelta(days=90)
"""How long ago every certificate was issued."""
AUTHORITY_LASTS = timedelta(days=3650)


class Authority:
    """A root that nobody but the lab's profile trusts, and the intermediate authority that issues."""

    def __init__(self, folder: Path, now: datetime, *, called: str = "demo") -> None:
        self._folder = folder
        self._now = now
        root_key, self._key = _key(), _key()
        ends = now + AUTHORITY_LASTS
        root = self._certificate(f"domino-health {called} root CA", root_key, None, root_key, ends)
        self._issuer = self._certificate(
            f"domino-health {called} issuing CA", self._key, root, root_key, ends
        )
        self.file = folder / f"{called}.pem"
        """PEM of the root."""
        self.file.write_bytes(root.public_bytes(Encoding.PEM))

    @property
    def issuer(self) -> bytes:
        """PEM of the intermediate authority."""
        return self._issuer.public_bytes(Encoding.PEM)

    def issue(self, name: str) -> bytes:
        """PEM of a good certificate, whose key nobody has."""
        ends = self._now + LASTS
        own = self._certificate(name, _key(), self._issuer, self._key, ends, leaf=True)
        return own.public_bytes(Encoding.PEM)

    def context(
        self,
        name: str,
        *,
        lasts: timedelta = LASTS,
        issued_for: str = "",
        with_intermediate: bool = True,
        here: bool = False,
    ) -> ssl.SSLContext:
        """A server's context, with a key and a certificate of its own.

        Args:
            name: host name or IP address of the server.
            lasts: from now to the certificate's end; negative for one that has ended.
            issued_for: the name that the certificate carries, when it is not the server's.
            with_intermediate: send the intermediate certificate too, without which nobody can build
                the chain.
            here: the certificate is good for 127.0.0.1 as well.
        """
        key = _key()
        own = self._certificate(
            issued_for or name, key, self._issuer, self._key, self._now + lasts, leaf=True, here=here
        )
        file = self._folder / f"{name}.pem"  # ssl reads certificates and keys from files alone
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = [own, self._issuer] if with_intermediate else [own]
        file.write_bytes(b"".join([private, *(one.public_bytes(Encoding.PEM) for one in chain)]))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _certificate(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        issuer: x509.Certificate | None,
        issuer_key: ec.EllipticCurvePrivateKey,
        ends: datetime,
        *,
        leaf: bool = False,
        here: bool = False,
    ) -> x509.Certificate:
        subject = _subject(name)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - ISSUED)
            .not_valid_after(ends)
        )
        for extension, critical in _extensions(name, key, issuer_key, leaf=leaf, here=here):
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(issuer_key, SHA256())


_HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _subject(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "domino-health demo"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _extensions(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    leaf: bool,
    here: bool,
) -> Sequence[tuple[x509.ExtensionType, bool]]:
    """What strict verification wants (Python's from 3.13 on), each with whether it is critical."""
    usage = x509.KeyUsage(
        digital_signature=leaf,
        key_cert_sign=not leaf,
        crl_sign=not leaf,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    shared: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=not leaf, path_length=None), True),
        (usage, True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False),
    ]
    if not leaf:
        return shared
    own: x509.GeneralName
    try:
        own = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        own = x509.DNSName(name)
    return [
        *shared,
        (x509.SubjectAlternativeName([own, *([_HERE] if here else [])]), False),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
    ]
