"""What checks of TLS endpoints share: what is wrong with the chain, the name and the protocol."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from checks.certificates import dates, weak
from domino_health import Finding, Ref, Severity, TlsEndpoint


def wanting(
    endpoint: TlsEndpoint,
    subject: Ref,
    now: datetime,
    warn_before: timedelta,
    fail_before: timedelta,
    min_rsa_bits: int,
    min_ec_bits: int,
    senders: Mapping[str, str] | None = None,
) -> Iterator[Finding]:
    """All that is wrong with what an endpoint presents.

    Args:
        endpoint: what it presented.
        subject: what findings are about.
        now: the moment to judge by.
        warn_before: medium where less is left of a certificate.
        fail_before: high where less is left.
        min_rsa_bits: of a key of RSA or DSA.
        min_ec_bits: of a key on an elliptic curve.
        senders: certificates' subjects to who sends them, to tell a missing intermediate by.
    """
    yield from _of_the_chain(endpoint, subject, senders or {})
    if not endpoint.name_matches:
        names = ", ".join(endpoint.presented[0].names) or "no name at all"
        message = f"the certificate is for {names}, not for {endpoint.server_name}"
        yield Finding(subject, message, Severity.HIGH)
    for certificate in endpoint.chain:
        yield from dates(subject, certificate, now, warn_before, fail_before)
        yield from weak(subject, certificate, min_rsa_bits, min_ec_bits)
    yield from _of_the_protocol(endpoint, subject)


def _of_the_chain(endpoint: TlsEndpoint, subject: Ref, senders: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong with how it is put together, and with whom it leads to."""
    for error in endpoint.chain_errors:
        why = _why(endpoint, senders) if endpoint.missing_issuer else error
        yield Finding(subject, f"the chain does not verify: {why}", Severity.HIGH)
    if not endpoint.in_order:
        message = "it sends its chain in the wrong order: each certificate belongs before its issuer's"
        yield Finding(subject, message, Severity.LOW)
    revoked = endpoint.revocation
    if revoked.status == "revoked":
        since = f" on {revoked.since:%Y-%m-%d %H:%M} UTC" if revoked.since else ""
        reason = f" ({revoked.reason})" if revoked.reason else ""
        message = f"its authority has revoked its certificate{since}{reason}, says {revoked.source}"
        yield Finding(subject, message, Severity.HIGH)


def _why(endpoint: TlsEndpoint, senders: Mapping[str, str]) -> str:
    """Why no path leads to somebody trusted: an intermediate is not sent, or nobody knows the root."""
    issuer, last = endpoint.missing_issuer, endpoint.presented[-1]
    if sender := senders.get(issuer):
        return f"it does not send the intermediate certificate of {issuer}, which {sender} does"
    if endpoint.issuer_url:
        return f"it does not send the intermediate certificate of {issuer}, which is at {endpoint.issuer_url}"
    if len(endpoint.presented) > 1:
        return (
            f"{issuer}, who issued {last.subject}, is not trusted: neither a public root nor in tls.ca_file"
        )
    return (
        f"it sends its own certificate alone, and {issuer}, who issued it, is not trusted: the intermediate "
        "certificate is missing, or it is a private root that is not in tls.ca_file"
    )


def _of_the_protocol(endpoint: TlsEndpoint, subject: Ref) -> Iterator[Finding]:
    if not endpoint.older:
        return
    if endpoint.older == endpoint.protocol:
        message = f"it speaks {endpoint.protocol} at best, which no current client does; TLS 1.2 wanted"
        yield Finding(subject, message, Severity.HIGH)
    else:
        message = f"it still speaks {endpoint.older}, which RFC 8996 has retired; TLS 1.2 wanted at least"
        yield Finding(subject, message, Severity.MEDIUM)
