"""What checks of certificates share: how near is too near."""

from datetime import datetime, timedelta

from domino_health import Certificate, Finding, Ref, Severity, age


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
