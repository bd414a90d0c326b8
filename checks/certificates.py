"""What checks of certificates share: how near is too near."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domino_health import Bar, Certificate, Finding, Mark, Ref, Severity, age, timeline

LONGEST_VALIDITY = timedelta(days=398)
"""Of a public certificate (CA/Browser Forum): the picture shows as much of what is to come. Private ones and
authorities last longer, and would make days too small to see."""


def dates(
    subject: Ref,
    certificate: Certificate,
    now: datetime,
    warn_before: timedelta,
    fail_before: timedelta,
    where: str = "",
) -> list[Finding]:
    """What is wrong with a certificate's dates: expired is critical, near its end high or medium.

    Args:
        subject: what it belongs to.
        certificate: to judge.
        now: the moment to judge by.
        warn_before: medium where less is left.
        fail_before: high where less is left, and where it is not valid yet.
        where: where it stands, if the subject does not say so: `` in its ca.crt``.
    """
    findings = []
    its = f"the certificate of {certificate.subject}{where}"
    if certificate.not_before > now:
        begins = f"{certificate.not_before:%Y-%m-%d %H:%M} UTC"
        findings.append(Finding(subject, f"{its} is not valid before {begins}", Severity.HIGH))
    left = certificate.not_after - now
    if left <= timedelta(0):
        severity = Severity.CRITICAL
    elif left < fail_before:
        severity = Severity.HIGH
    elif left < warn_before:
        severity = Severity.MEDIUM
    else:
        return findings
    allowed = fail_before if left < fail_before else warn_before
    wanted = f"; at least {age(allowed)} wanted" if left > timedelta(0) else ""
    message = f"{its} {when(certificate.not_after, now)}{wanted}"
    return [*findings, Finding(subject, message, severity)]


WEAK_DIGESTS = ("md5", "sha1")
"""That no client accepts any more under a certificate (CA/Browser Forum; NIST SP 800-131A)."""


def weak(subject: Ref, certificate: Certificate, min_rsa_bits: int, min_ec_bits: int) -> list[Finding]:
    """What is wrong with a certificate's key and with the signature under it.

    Args:
        subject: what it belongs to.
        certificate: to judge. Nobody looks at the signature under a root, which is trusted for being known.
        min_rsa_bits: of a key of RSA or DSA.
        min_ec_bits: of a key on an elliptic curve.
    """
    its = f"the certificate of {certificate.subject}"
    findings = []
    wanted = {"RSA": min_rsa_bits, "DSA": min_rsa_bits, "EC": min_ec_bits}.get(certificate.key, 0)
    if certificate.bits < wanted:
        message = f"{its} has a key of {certificate.bits} bits ({certificate.key}); at least {wanted} wanted"
        findings.append(Finding(subject, message, Severity.HIGH))
    if certificate.digest in WEAK_DIGESTS and certificate.issuer != certificate.subject:
        message = f"{its} is signed by {certificate.digest.upper()}, which clients refuse; SHA-256 wanted"
        findings.append(Finding(subject, message, Severity.HIGH))
    return findings


def strength(certificate: Certificate) -> str:
    """``RSA 2048, sha256``: of its key, and of the signature under it."""
    key = f"{certificate.key} {certificate.bits}" if certificate.bits else certificate.key
    return ", ".join(part for part in (key, certificate.digest) if part)


def when(end: datetime, now: datetime) -> str:
    """``expires in 3 d, on 2026-11-27 03:12 UTC``, or ``expired 3 d ago, on …``."""
    verb = "expired" if end <= now else "expires in"
    ago = " ago" if end <= now else ""
    return f"{verb} {age(abs(end - now))}{ago}, on {end:%Y-%m-%d %H:%M} UTC"


VALIDITY = ("Days left", "Certificate", "Issued by", "Not after", "Not before")
"""Columns of what ``validity`` says."""


def validity(certificate: Certificate, now: datetime) -> tuple[object, ...]:
    """A certificate in a table's row; times are UTC."""
    return (
        int((certificate.not_after - now) / timedelta(days=1)),
        certificate.subject,
        certificate.issuer,
        f"{certificate.not_after:%Y-%m-%d %H:%M}",
        f"{certificate.not_before:%Y-%m-%d %H:%M}",
    )


def picture(
    title: str, by_end: Sequence[tuple[Certificate, Sequence[str]]], now: datetime, warn_before: timedelta
) -> str:
    """When certificates are valid, as a time line.

    Args:
        title: what it shows.
        by_end: each certificate once, with those whose it is; the first to expire first.
        now: the moment to judge by.
        warn_before: shown as a mark, and as wanting where less is left.
    """
    return timeline(
        title,
        [_bar(certificate, names, now, warn_before) for certificate, names in by_end],
        marks=[Mark("now", now), Mark(f"in {age(warn_before)}", now + warn_before)],
        since=now - timedelta(days=60),
        until=max(now + 2 * warn_before, min(by_end[-1][0].not_after, now + LONGEST_VALIDITY)),
    )


def _bar(certificate: Certificate, names: Sequence[str], now: datetime, warn_before: timedelta) -> Bar:
    left = certificate.not_after - now
    return Bar(
        f"{names[0] if len(names) == 1 else f'{names[0]} and {len(names) - 1} more'}: {certificate.subject}",
        certificate.not_before,
        certificate.not_after,
        f"{_whole(left)} left" if left > timedelta(0) else f"expired {_whole(-left)} ago",
        wanting=left < warn_before or certificate.not_before > now,
    )


def _whole(duration: timedelta) -> str:
    """In days, where hours do not matter any more."""
    return f"{duration.days} d" if duration >= timedelta(days=10) else age(duration)
