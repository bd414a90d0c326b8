"""Identity: can people log in, today and next month?"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from checks.certificates import VALIDITY, picture, strength, validity, when
from checks.endpoints import wanting
from domino_health import (
    Assessment,
    Attachment,
    Certificate,
    Duration,
    Finding,
    Ref,
    Severity,
    TlsEndpoint,
    Unseen,
    check,
)


@check("IDP-001", severity=Severity.CRITICAL)
def test_tls_endpoints_present_a_chain_that_verifies_and_lasts(
    tls_endpoints: list[TlsEndpoint],
    unseen: list[Unseen],
    now: datetime,
    *,
    warn_before: Duration = timedelta(days=30),
    fail_before: Duration = timedelta(days=7),
    min_rsa_bits: int = 2048,
    min_ec_bits: int = 224,
) -> Assessment:
    """Every TLS endpoint answers with a chain that verifies, for its name, and is not near its expiry.

    When the front end's or the identity provider's certificate expires, nobody logs in, no workspace
    opens and no model answers, all at the same second. A certificate that expires within
    ``warn_before`` is medium, within ``fail_before`` high, one that has expired critical; a chain that
    does not verify, a name that does not match, a certificate that its authority has revoked, a key or
    a signature that clients refuse, and an endpoint that does not answer are high. An endpoint that
    still speaks TLS 1.0 or 1.1 (retired by RFC 8996) is medium, or high where it speaks nothing newer;
    a chain in the wrong order is low. Every certificate of the chain counts, not the endpoint's own
    alone. Whether one is revoked is asked of its authority (OCSP) where the certificate says whom to
    ask; no answer is no finding, and stands in the table.

    Thresholds: 30 days is Domino's (Admin Toolkit, test_domino_url_cert fails below 30 days); 7 days
    is ours, a week being what a change request takes. ``min_rsa_bits`` and ``min_ec_bits``, and SHA-1
    and MD5 as refused digests, are those of NIST SP 800-131A (112 bits of security).

    Remediation: renew the certificate that is named and reload what serves it. For a chain that does
    not verify, serve the intermediate certificates too, or, for a private CA, name it in the
    profile's tls.ca_file. For a name that does not match, have the certificate issued for the name
    that users type. For an old protocol, set the server's oldest one to TLS 1.2. For an endpoint that
    does not answer, see the service behind it.
    """
    unknown = [target for target in unseen if target.outcome == "broken"]
    dead = [target for target in unseen if target not in unknown]
    findings = [
        Finding(Ref("", "endpoint", "", each.target), f"does not answer: {each.reason}", Severity.HIGH)
        for each in dead
    ]
    senders = {one.subject: endpoint.name for endpoint in tls_endpoints for one in endpoint.presented}
    for endpoint in tls_endpoints:
        findings += wanting(
            endpoint, endpoint.ref, now, warn_before, fail_before, min_rsa_bits, min_ec_bits, senders
        )
    ends = [certificate.not_after for endpoint in tls_endpoints for certificate in endpoint.chain]
    return Assessment(
        [*tls_endpoints, *dead],
        findings,
        unseen=unknown,
        worst=f"the first certificate {when(min(ends), now)}" if ends else "",
        attachments=_measured(tls_endpoints, now, warn_before) if ends else (),
    )


def _revocation(endpoint: TlsEndpoint, certificate: Certificate) -> str:
    """What is known of it, in a table: of the endpoint's own certificate alone."""
    known = endpoint.revocation
    if certificate != endpoint.presented[0] or not known.status:
        return ""
    return f"{known.status}, by {known.source}" + (f": {known.reason}" if known.reason else "")


def _measured(
    endpoints: Sequence[TlsEndpoint], now: datetime, warn_before: timedelta
) -> tuple[Attachment, ...]:
    """When the certificates that count are valid, as a picture; and all that were seen, as a table."""
    title = "When the certificates are valid"
    seen = [
        (certificate, endpoint)
        for endpoint in endpoints
        for certificate in dict.fromkeys((*endpoint.presented, *endpoint.verified))
    ]
    rows = [
        (
            endpoint.name,
            *validity(certificate, now),
            "yes" if certificate in endpoint.chain else "no: the verified path does without it",
            strength(certificate),
            _revocation(endpoint, certificate),
        )
        for certificate, endpoint in sorted(seen, key=lambda pair: pair[0].not_after)
    ]
    presented_by: dict[Certificate, list[str]] = {}
    for endpoint in endpoints:
        for certificate in endpoint.chain:
            presented_by.setdefault(certificate, []).append(endpoint.name)
    by_end = [
        (certificate, names if len(names) == 1 else [f"{len(names)} endpoints"])
        for certificate, names in sorted(presented_by.items(), key=lambda item: item[0].not_after)
    ]
    columns = ("Endpoint", *VALIDITY, "Counts", "Key, digest", "Revoked?")
    return (
        Attachment.plot(title, picture(title, by_end, now, warn_before)),
        Attachment.table("Every certificate that was seen (times are UTC)", columns, rows),
    )
