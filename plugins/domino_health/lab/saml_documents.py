"""SAML documents of the lab's identity provider: metadata, signed by signxml. No product wrote them."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.signer import XMLSigner

MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"


@dataclass(frozen=True)
class SigningKey:
    """A key and the certificate that signs itself, as identity providers have them."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def base64(self) -> str:
        """The certificate as metadata has it."""
        return base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()


def signing_key(name: str, begins: datetime, ends: datetime, *, bits: int = 2048) -> SigningKey:
    """A new RSA key with its certificate.

    Args:
        name: common name.
        begins: not before.
        ends: not after.
        bits: of the key.
    """
    key = rsa.generate_private_key(65537, bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .sign(key, SHA256())
    )
    return SigningKey(key, certificate)


def metadata(
    entity_id: str,
    sign_on: str,
    keys: Sequence[SigningKey],
    *,
    signed_by: SigningKey | None = None,
    valid_until: datetime | None = None,
    cache: timedelta | None = None,
    use: str = "signing",
    bindings: Sequence[str] = (REDIRECT, POST),
    wants_signed_requests: bool = False,
) -> bytes:
    """An identity provider's metadata.

    Args:
        entity_id: what it calls itself.
        sign_on: where people log in.
        keys: whose certificates it publishes.
        signed_by: signs the document; nobody: it is not signed.
        valid_until: when it ends to be valid.
        cache: after which it should be fetched again.
        use: of the keys; empty: signing and encryption.
        bindings: by which people are sent there.
        wants_signed_requests: whether it does.
    """
    root = etree.Element(f"{{{MD}}}EntityDescriptor", nsmap={"md": MD, "ds": DS})
    root.set("entityID", entity_id)
    root.set("ID", "_metadata")
    if valid_until:
        root.set("validUntil", valid_until.isoformat().replace("+00:00", "Z"))
    if cache:
        root.set("cacheDuration", f"PT{int(cache.total_seconds())}S")
    role = etree.SubElement(root, f"{{{MD}}}IDPSSODescriptor")
    role.set("protocolSupportEnumeration", PROTOCOL)
    role.set("WantAuthnRequestsSigned", "true" if wants_signed_requests else "false")
    for each in keys:
        descriptor = etree.SubElement(role, f"{{{MD}}}KeyDescriptor")
        if use:
            descriptor.set("use", use)
        info = etree.SubElement(descriptor, f"{{{DS}}}KeyInfo")
        data = etree.SubElement(info, f"{{{DS}}}X509Data")
        etree.SubElement(data, f"{{{DS}}}X509Certificate").text = each.base64
    etree.SubElement(role, f"{{{MD}}}NameIDFormat").text = EMAIL
    for binding in bindings:
        service = etree.SubElement(role, f"{{{MD}}}SingleSignOnService")
        service.set("Binding", binding)
        service.set("Location", sign_on)
    return written(signed(root, signed_by) if signed_by else root)


def signed(root: Any, by: SigningKey) -> Any:
    """A document with an enveloped signature over all of it.

    Args:
        root: has an attribute ``ID``.
        by: whose key signs.
    """
    signer = XMLSigner(c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#")
    return signer.sign(
        root, key=by.key, cert=[by.certificate], reference_uri=root.get("ID"), id_attribute="ID"
    )


def written(root: Any) -> bytes:
    """A document as it travels."""
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))
