"""Certificates inside of the cluster: what the platform's own parts trust each other by."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from checks.certificates import VALIDITY, dates, validity, when
from domino_health import (
    Assessment,
    Attachment,
    CaBundle,
    Certificate,
    Duration,
    Finding,
    Severity,
    TlsSecret,
    check,
)

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


@check("IDP-009", severity=Severity.CRITICAL)
def test_api_servers_trust_webhooks_by_certificates_that_last(
    ca_bundles: list[CaBundle],
    now: datetime,
    *,
    warn_before: Duration = timedelta(days=30),
    fail_before: Duration = timedelta(days=7),
) -> Assessment:
    """Every CA bundle by which an API server trusts a webhook, or another API's server, lasts.

    A webhook looks at what is made in the cluster: Istio's and Domino's own change every pod. When the CA by
    which the API server trusts it ends, no pod is made any more, though every service is ready; where the
    webhook is ignored then (failurePolicy Ignore), pods are made without what it adds. Behind an APIService
    (metrics-server, prometheus-adapter) an API is gone. Who renews the webhook's own certificate,
    cert-manager mostly, must write the bundle as well.

    A bundle is judged by the certificate in it that lasts longest, for an old CA stays beside its renewal,
    and which one has signed is not told. One that expires within ``warn_before`` is medium, within
    ``fail_before`` high, one that has expired critical. Of webhooks that are ignored when they cannot be
    called, all of these are low. A Service that is called without any bundle is medium: a bundle is injected
    a moment after the object is made. Not assessed are webhooks by URL without a bundle, which public roots
    vouch for, and APIServices that are not verified (insecureSkipTLSVerify), as metrics-server's mostly is.

    Thresholds: those of IDP-001 and IDP-008; 30 days are Domino's for its URL, 7 days are ours.

    Remediation: see who writes the bundle: an annotation cert-manager.io/inject-ca-from names cert-manager's
    Certificate, and its cainjector must run; charts that make their own CA write it when they are upgraded.
    Then restart the webhook, so that its certificate is of that CA. To let pods be made meanwhile, set
    failurePolicy to Ignore, and take it back.
    """
    findings, ends = [], []
    for bundle in ca_bundles:
        if bundle.problem:
            findings.append(
                Finding(bundle.ref, _by(bundle, bundle.problem), _at_most(bundle, Severity.MEDIUM))
            )
        if not bundle.certificates:
            continue
        last = max(bundle.certificates, key=lambda each: each.not_after)
        ends.append(last.not_after)
        for each in dates(bundle.ref, last, now, warn_before, fail_before, " in its caBundle"):
            severity = _at_most(bundle, each.severity or Severity.CRITICAL)
            findings.append(Finding(each.subject, _by(bundle, each.message), severity))
    rows = [
        (bundle.ref.text(with_cluster=True), bundle.service or "a URL", *validity(certificate, now))
        for bundle in ca_bundles
        for certificate in bundle.certificates
    ]
    table = Attachment.table("What API servers trust (times are UTC)", ("Of", "Called", *VALIDITY), rows)
    return Assessment(
        ca_bundles,
        findings,
        worst=f"the first bundle {when(min(ends), now)}" if ends else "",
        attachments=[table] if rows else [],
    )


def _at_most(bundle: CaBundle, severity: Severity) -> Severity:
    return severity if bundle.needed else Severity.LOW


def _by(bundle: CaBundle, message: str) -> str:
    """With who is called, and for which webhooks."""
    called = f" calls {bundle.service}" if bundle.service else ""
    names = ", ".join(bundle.webhooks[:EXAMPLES])
    more = f" and {len(bundle.webhooks) - EXAMPLES} more" if len(bundle.webhooks) > EXAMPLES else ""
    whose = f" for {names}{more}" if names else ""
    return f"{message}. It{called}{whose}" if called or whose else message
