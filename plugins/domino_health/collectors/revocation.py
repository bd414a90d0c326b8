"""Whether an authority has revoked a certificate, as its OCSP responder says (RFC 6960).

The answer counts when the certificate's issuer signed it, or a responder that the issuer named for that, and
when it is of now. The server's own (stapled) answer comes first; else the responder is asked that the
certificate names.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from domino_health.collectors.certificates import access_urls, is_issued_by
from domino_health.collectors.looking import CollectionError, Deadline
from domino_health.collectors.web import Site
from domino_health.facts.tls import Revocation

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509 import ocsp

PATIENCE = timedelta(seconds=4)
"""For the responder, within the endpoint's deadline: browsers wait no longer either."""
LARGEST = 64 << 10
"""Bytes of an answer. A real one has 500 to 2,000."""
SKEW = timedelta(minutes=5)
"""By which a responder's clock may be ahead of ours."""


class _NoAnswerError(Exception):
    """An OCSP response that says nothing of the certificate, and why."""


def revocation(path: Sequence["x509.Certificate"], stapled: bytes, deadline: Deadline) -> Revocation:
    """What is known of the revocation of a path's first certificate.

    Args:
        path: to a trusted root: whom a stranger's certificate names is not asked.
        stapled: the OCSP response that came in the handshake, DER; empty if none did.
        deadline: of the endpoint.
    """
    from cryptography.x509.oid import AuthorityInformationAccessOID

    if len(path) < 2:
        return Revocation()
    own, issuer = path[0], path[1]
    if stapled:
        try:
            return _read(stapled, own, issuer, "stapled")
        except _NoAnswerError as error:
            return Revocation("unknown", "stapled", str(error))
    urls = [
        url
        for url in access_urls(own, AuthorityInformationAccessOID.OCSP)
        if url.startswith(("http://", "https://"))
    ]
    if not urls:
        return Revocation()
    try:
        return _read(_ask(urls[0], own, issuer, deadline), own, issuer, urls[0])
    except (_NoAnswerError, CollectionError) as error:
        return Revocation("unknown", urls[0], str(error))


def _ask(url: str, own: "x509.Certificate", issuer: "x509.Certificate", deadline: Deadline) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import ocsp

    # SHA-1 names the issuer here, and secures nothing: it is what every responder knows (RFC 5019).
    question = ocsp.OCSPRequestBuilder().add_certificate(own, issuer, SHA1()).build()  # noqa: S303
    site = Site("tls", url, largest=LARGEST, accept="application/ocsp-response")
    patience = Deadline(min(PATIENCE, timedelta(seconds=deadline.remaining())))
    answer = site.post("", question.public_bytes(Encoding.DER), "application/ocsp-request", patience)
    if answer.status != 200:
        raise _NoAnswerError(f"answered with status {answer.status}")
    return answer.body


def _read(der: bytes, own: "x509.Certificate", issuer: "x509.Certificate", source: str) -> Revocation:
    from cryptography.x509 import ocsp

    try:
        response = ocsp.load_der_ocsp_response(der)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise _NoAnswerError(f"answered {response.response_status.name.lower().replace('_', ' ')}")
        if response.serial_number != own.serial_number:
            raise _NoAnswerError("answered for another certificate")
        if not _is_by(response, issuer):
            raise _NoAnswerError("its answer is not signed by the certificate's issuer")
        now = datetime.now(UTC)
        if response.this_update_utc > now + SKEW:
            raise _NoAnswerError(
                f"its answer is of the future: {response.this_update_utc:%Y-%m-%d %H:%M} UTC"
            )
        if (until := response.next_update_utc) and until < now - SKEW:
            raise _NoAnswerError(f"its answer was good until {until:%Y-%m-%d %H:%M} UTC")
        status = response.certificate_status.name.lower()
        if not (since := response.revocation_time_utc):
            return Revocation(status, source)
        reason = response.revocation_reason
        return Revocation(status, source, reason.value if reason else "", since)
    except (ValueError, TypeError) as error:  # no OCSP response, or one with several answers
        raise _NoAnswerError(f"its answer cannot be read: {error}") from None


def _is_by(response: "ocsp.OCSPResponse", issuer: "x509.Certificate") -> bool:
    """Whether the issuer signed it, or one whom the issuer has named for that (RFC 6960, 4.2.2.2)."""
    named = [each for each in response.certificates if is_issued_by(each, issuer) and _may_answer(each)]
    return any(_signed(response, each) for each in (issuer, *named))


def _may_answer(certificate: "x509.Certificate") -> bool:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _signed(response: "ocsp.OCSPResponse", by: "x509.Certificate") -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    try:
        key, digest = by.public_key(), response.signature_hash_algorithm
        if digest is None:
            return False
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(digest))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
