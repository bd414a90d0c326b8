"""Certificates inside of the cluster: what the platform's own parts trust each other by."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from checks.certificates import VALIDITY, dates, validity, when
from domino_health import Assessment, Attachment, Certificate, Duration, Finding, Severity, TlsSecret, check

EXAMPLES = 3


@check("IDP-008", severity=Severity.CRITICAL)
def test_tls_secrets_hold_certificates_that_belong_together_and_last(
    tls_secrets: list[TlsSecret],
    now: datetime,
    *,
    warn_before: Duration = timedelta(days=30),
    fail_before: Duration = timedelta(days=7),
) -> Assessment:
    """Every TLS Secret that the profile names holds certificates that belong together and last.

    Domino's own parts trust each other by certificates that nobody sees from outside. When those of the
    image builder (hephaestus) expire, builds hang and end in x509 errors. Its root CA lives 210 days, and
    a certificate can be issued holding a ``ca.crt`` that has expired, or is not its issuer's: it is valid
    itself, and nobody who trusts by that ``ca.crt`` accepts it. So both are judged, and whether one has
    issued the other. An old CA that is left in ``ca.crt`` beside its renewal is not judged, where the renewal
    has issued the certificate.

    A certificate that expires within ``warn_before`` is medium, within ``fail_before`` high, one that has
    expired critical. High are one that is not valid yet, one that no certificate of ``ca.crt`` has
    issued, and a Secret that is not there or holds no certificate.

    Thresholds: those of IDP-001. 30 days is Domino's for its URL (Admin Toolkit, test_domino_url_cert); 7
    days is ours.

    Remediation: have the certificate issued anew (cert-manager does where the Secret is its own: see the
    Certificate of that name), then restart what has it mounted, for most servers read it once. Where
    ``ca.crt`` does not fit, delete the Secret so that both are written anew. For a Secret that is not there,
    see whether its name in the profile is right.
    """
    findings = []
    for secret in tls_secrets:
        if secret.problem:
            findings.append(Finding(secret.ref, secret.problem, Severity.HIGH))
        if secret.mismatch:
            own, issuers = secret.certificates[0], _subjects(secret.authorities)
            message = f"the certificate of {own.subject} was not issued by its ca.crt ({issuers})"
            findings.append(Finding(secret.ref, f"{message}: {secret.mismatch}", Severity.HIGH))
        for key, certificate in _judged(secret):
            where = f" in its {key}"
            findings += dates(secret.ref, certificate, now, warn_before, fail_before, where)
    by_end = sorted(
        ((secret, key, certificate) for secret in tls_secrets for key, certificate in secret.named),
        key=lambda each: each[2].not_after,
    )
    if not by_end:
        return Assessment(tls_secrets, findings)
    table = Attachment.table(
        "Every certificate that was read (times are UTC)",
        ("Secret", "Key", *VALIDITY),
        (
            (secret.ref.text(with_cluster=True), key, *validity(certificate, now))
            for secret, key, certificate in by_end
        ),
    )
    first = min(each.not_after for secret in tls_secrets for _, each in _judged(secret))
    worst = f"the first certificate {when(first, now)}"
    return Assessment(tls_secrets, findings, worst=worst, attachments=[table])


def _judged(secret: TlsSecret) -> Iterator[tuple[str, Certificate]]:
    """All but a CA that has its renewal beside it, where trust rests on that one."""
    ends = _ends_of_issuers(secret)
    for key, certificate in secret.named:
        if key != "ca.crt" or certificate.not_after >= ends.get(certificate.subject, certificate.not_after):
            yield key, certificate


def _ends_of_issuers(secret: TlsSecret) -> dict[str, datetime]:
    """Until when trust in the certificate lasts, by the names of those that have issued it."""
    issuers = frozenset(secret.issuers)
    ends: dict[str, datetime] = {}
    for each in secret.authorities:
        if each.sha256 in issuers:
            ends[each.subject] = max(each.not_after, ends.get(each.subject, each.not_after))
    return ends


def _subjects(certificates: Sequence[Certificate]) -> str:
    """Whose they are; a bundle has hundreds."""
    more = f"; and {len(certificates) - EXAMPLES} more" if len(certificates) > EXAMPLES else ""
    return "; ".join(each.subject for each in certificates[:EXAMPLES]) + more
