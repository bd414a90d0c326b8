"""Makes certificates, good and bad, in memory. For tests only: the keys are small and kept nowhere."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Issued:
    """A certificate with its private key, able to issue others when it is a CA's."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def issue(
        self,
        common_name: str,
        *names: str,
        ca: bool = False,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        key: Key | None = None,
        extensions: Sequence[x509.ExtensionType] = (),
    ) -> "Issued":
        """A certificate signed by this one, good for ``names`` (DNS names, wildcards, IP addresses)."""
        return _issue(self, common_name, names, ca, not_before, not_after, key, extensions)


def authority(common_name: str = "Test Root CA") -> Issued:
    """A root: a CA's certificate that signs itself."""
    return _issue(None, common_name, (), True, None, None, None)


def self_signed(
    common_name: str, *names: str, not_before: datetime | None = None, not_after: datetime | None = None
) -> Issued:
    """A server's certificate that signs itself and is no CA."""
    return _issue(None, common_name, names, False, not_before, not_after, None)


def access(ocsp: str = "", issuer: str = "") -> x509.AuthorityInformationAccess:
    """Where a certificate's authority answers whether it is revoked, and where its own certificate is."""
    urls = [(AuthorityInformationAccessOID.OCSP, ocsp), (AuthorityInformationAccessOID.CA_ISSUERS, issuer)]
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(method, x509.UniformResourceIdentifier(url)) for method, url in urls if url]
    )


def days(number: float) -> datetime:
    """So many days from now; negative, ago."""
    return datetime.now(UTC) + timedelta(days=number)


def write_chain(path: Path, *chain: Issued) -> Path:
    """Certificates as a PEM file, in the order given, and behind them the first one's private key."""
    path.write_bytes(b"".join(one.pem for one in chain) + chain[0].key_pem)
    return path


def write_bundle(path: Path, *certificates: Issued) -> Path:
    """CA certificates as a PEM file, without any key."""
    path.write_bytes(b"".join(one.pem for one in certificates))
    return path


def _issue(
    issuer: Issued | None,
    common_name: str,
    names: Sequence[str],
    ca: bool,
    not_before: datetime | None,
    not_after: datetime | None,
    key: Key | None,
    extensions: Sequence[x509.ExtensionType] = (),
) -> Issued:
    key = key or ec.generate_private_key(ec.SECP256R1())
    signing_key = issuer.key if issuer else key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before or days(-1))
        .not_valid_after(not_after or days(90))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False
        )
    )
    if ca:
        builder = builder.add_extension(_may_sign(), critical=True)
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_name(name) for name in names]), critical=False
        )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return Issued(builder.sign(signing_key, hashes.SHA256()), key)


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _may_sign() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
