"""XML from outside: without a document type, without entities; and whether it is signed by whom we know."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography import x509

NEEDS = ("lxml.etree", "signxml")
DS = "{http://www.w3.org/2000/09/xmldsig#}"


class NoXmlError(Exception):
    """What came is no XML, or XML of a kind that is not read; and why."""


@dataclass(frozen=True)
class Signature:
    """What is known of a document's signature."""

    state: str
    """``valid``, ``invalid``, ``not checked`` (nobody to check it by), ``none``."""
    problem: str = ""
    method: str = ""
    """The last part of the algorithm's URI: ``rsa-sha256``."""
    digest: str = ""


def parsed(content: bytes) -> Any:
    """The root of a document.

    A document type is refused whole: nothing that is read here has one, and entities live in it.

    Raises:
        NoXmlError: it is none.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:  # ValueError: bytes that no encoding knows
        raise NoXmlError(f"no XML: {' '.join(str(error).split())[:200] or 'it is empty'}") from None
    if root is None:
        raise NoXmlError("no XML: it is empty")
    if root.getroottree().docinfo.doctype or root.getroottree().docinfo.internalDTD is not None:
        raise NoXmlError("it has a document type (DOCTYPE), which is never read")
    return root


def certificates_in(path: Path) -> "list[x509.Certificate]":
    """The certificates of a PEM file.

    Raises:
        ValueError: it holds none, or one that cannot be read.
        OSError: it cannot be read.
    """
    from cryptography import x509

    return x509.load_pem_x509_certificates(path.read_bytes())


def verified(content: bytes, signers: "Sequence[x509.Certificate]") -> tuple[Any, Signature]:
    """A document's root, and whether one of ``signers`` has signed all of it.

    Where the signature is valid, the root is what was signed, and nothing else.

    Raises:
        NoXmlError: it is no XML.
    """
    root = parsed(content)
    signature = root.find(f"{DS}Signature")
    if signature is None:
        return root, Signature("none")
    method, digest = _algorithm(signature, "SignatureMethod"), _algorithm(signature, "DigestMethod")
    if not signers:
        return root, Signature("not checked", "", method, digest)
    problem = ""
    for signer in signers:
        signed, problem = signed_by(content, signer)
        if signed is not None and signed.tag == root.tag and signed.get("ID") == root.get("ID"):
            return signed, Signature("valid", "", method, digest)
        problem = problem or "it covers a part of the document alone"
    return root, Signature("invalid", problem, method, digest)


def certificate(element: Any) -> "x509.Certificate | None":
    """The certificate in an element ``X509Certificate``; None: it is none."""
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(base64.b64decode("".join((element.text or "").split())))
    except (binascii.Error, ValueError, x509.InvalidVersion):
        return None


def fingerprint(certificate: "x509.Certificate") -> str:
    """SHA-256, hexadecimal."""
    from cryptography.hazmat.primitives.hashes import SHA256

    return certificate.fingerprint(SHA256()).hex()


def signed_by(content: bytes, signer: "x509.Certificate", location: str = "./") -> tuple[Any, str]:
    """What a certificate's key has signed, or why it has not.

    Args:
        content: the document.
        signer: whose key.
        location: of the element that holds the signature, from the root: ``./`` for itself.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from lxml import etree
    from signxml.algorithms import DigestAlgorithm, SignatureMethod
    from signxml.exceptions import InvalidCertificate, InvalidDigest, InvalidInput, InvalidSignature
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    expected = SignatureConfiguration(
        location=location,
        # Old ones are verified too: whether they are good enough is for a check to say.
        signature_methods=frozenset(SignatureMethod),
        digest_algorithms=frozenset(DigestAlgorithm),
        ignore_ambiguous_key_info=True,  # no key of the document's is believed
        verification_time=signer.not_valid_before_utc,  # dates are a check's to judge
    )
    try:
        result = XMLVerifier().verify(
            content, x509_cert=signer, id_attribute="ID", expect_config=expected, parser=_strict()
        )
    except InvalidDigest:
        return None, "the document was changed after it was signed"
    except InvalidSignature:
        return None, "it is by another key than the certificate's in signed_by"
    except (
        InvalidInput, InvalidCertificate, UnsupportedAlgorithm,
        etree.LxmlError, ValueError, TypeError, LookupError,
    ) as error:  # fmt: skip
        return None, " ".join(str(error).split())[:200] or type(error).__name__
    return (None, "it covers nothing") if isinstance(result, list) else (result.signed_xml, "")


def _strict() -> Any:
    from lxml import etree

    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def _algorithm(signature: Any, name: str) -> str:
    element = signature.find(f".//{DS}{name}")
    uri = "" if element is None else str(element.get("Algorithm", ""))
    return uri.rpartition("#")[2]
