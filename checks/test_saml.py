"""Identity: does the identity provider publish what Domino's broker needs to trust it, and for how long?"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from checks.certificates import VALIDITY, dates, strength, validity, weak, when
from domino_health import (
    Assessment,
    Attachment,
    Certificate,
    Duration,
    Finding,
    SamlMetadata,
    SamlService,
    Severity,
    age,
    check,
)

BINDINGS = ("HTTP-Redirect", "HTTP-POST")
"""By which a browser is sent to log in (SAML V2.0 Web Browser SSO Profile)."""


@check("IDP-002", severity=Severity.CRITICAL)
def test_identity_providers_signing_certificates_last_and_overlap(
    saml_metadata: list[SamlMetadata],
    now: datetime,
    *,
    warn_before: Duration = timedelta(days=30),
    fail_before: Duration = timedelta(days=7),
    min_rsa_bits: int = 2048,
    min_ec_bits: int = 224,
) -> Assessment:
    """Each identity provider publishes a signing certificate that lasts, and the next one before it ends.

    Every response that logs somebody in is signed by the identity provider, and is believed because
    its certificate is known. When the last one has ended, or was replaced by one that nobody was told
    of, nobody logs in. A last one that expires within ``warn_before`` is medium, within ``fail_before``
    high, one that has expired critical; so is the end of each that none follows without a gap. An
    expired one beside a good one is low, and an encryption certificate at most medium. A key that is
    too short is high.

    Thresholds: 30 days and 7 days are those of IDP-001, where they are Domino's and ours;
    ``min_rsa_bits`` and ``min_ec_bits`` are those of NIST SP 800-131A.

    Remediation: have the identity provider publish its next signing certificate beside the present
    one, and let Keycloak's broker trust both before it is used (IDP-004). Remove what has expired.
    """
    findings: list[Finding] = []
    for each in saml_metadata:
        if not each.signing:
            message = "it publishes no signing certificate: nothing that it says can be believed"
            findings.append(Finding(each.ref, message, Severity.HIGH))
        if each.unreadable_keys:
            message = f"{each.unreadable_keys} of its keys are no X.509 certificate that can be read"
            findings.append(Finding(each.ref, message, Severity.MEDIUM))
        for certificate in each.signing:
            others = [other for other in each.signing if other != certificate]
            findings += _its_end(each, certificate, others, now, warn_before, fail_before)
            findings += weak(each.ref, certificate, min_rsa_bits, min_ec_bits)
        for certificate in set(each.encryption) - set(each.signing):
            findings += _at_most_medium(
                dates(each.ref, certificate, now, warn_before, fail_before, " for encryption")
            )
    ends = [(max(one.not_after for one in each.signing), each.name) for each in saml_metadata if each.signing]
    first, whose = min(ends, default=(now, ""))
    rows = [
        (each.name, key.use or "both", *validity(key.certificate, now), strength(key.certificate))
        for each in saml_metadata
        for key in sorted(each.keys, key=lambda key: key.certificate.not_after)
    ]
    columns = ("Identity provider", "Use", *VALIDITY, "Key, digest")
    table = Attachment.table("What identity providers sign with (times are UTC)", columns, rows)
    return Assessment(
        saml_metadata,
        findings,
        worst=f"the last signing certificate of {whose} {when(first, now)}" if ends else "",
        attachments=[table] if rows else [],
    )


def _its_end(
    metadata: SamlMetadata,
    certificate: Certificate,
    others: Iterable[Certificate],
    now: datetime,
    warn_before: timedelta,
    fail_before: timedelta,
) -> list[Finding]:
    """What is wrong with when it ends, or has not begun: only what no other certificate makes good."""
    end = certificate.not_after
    lasting = [other for other in others if other.not_after > max(end, now)]
    if any(other.not_before <= max(end, now) for other in lasting):
        if end > now:
            return []
        its = f"the certificate of {certificate.subject}"
        message = f"{its} {when(end, now)}, and another is in use; remove it"
        return [Finding(metadata.ref, message, Severity.LOW)]
    found = dates(metadata.ref, certificate, now, warn_before, fail_before)
    if certificate.not_before > now and any(other.not_before <= now < other.not_after for other in others):
        found = [
            each for each in found if "not valid before" not in each.message
        ]  # the next one, in good time
    after = min((other.not_before for other in lasting), default=None)
    none = f"; the next one begins only on {after:%Y-%m-%d %H:%M} UTC" if after else "; no other follows it"
    return [Finding(each.subject, each.message + none, each.severity) for each in found]


def _at_most_medium(findings: Iterable[Finding]) -> Iterator[Finding]:
    for each in findings:
        yield Finding(each.subject, each.message, min(each.severity or Severity.MEDIUM, Severity.MEDIUM))


@check("IDP-003", severity=Severity.HIGH)
def test_identity_providers_metadata_is_valid_and_as_it_was(
    saml_metadata: list[SamlMetadata],
    previous_saml_metadata: list[SamlMetadata] | None,
    now: datetime,
    *,
    warn_before: Duration = timedelta(days=1),
) -> Assessment:
    """Each identity provider's metadata is signed by whom we know, of now, and says where to log in.

    Whoever can change the metadata that Keycloak imports decides whose word logs people in. It must
    be signed by a certificate that the profile names (``signed_by``), where it names one; not past its
    ``validUntil`` (within ``warn_before`` of it is medium); of the entity that the profile expects; and
    give an address with TLS for HTTP-Redirect or HTTP-POST. What has changed since the run before is
    told: another entity id is high, another sign-on address medium, other signing certificates low.
    A digest that is broken (SHA-1, MD5) under the document is medium.

    Thresholds: one day is ours: who publishes metadata that ends renews it daily as a rule.

    Remediation: see the identity provider's own administration for what it publishes, and who changed
    it. For a signature by another key, ask its owner which certificate signs metadata now, by another
    way than the metadata, before you trust it.
    """
    before = {each.name: each for each in previous_saml_metadata or ()}
    findings: list[Finding] = []
    for each in saml_metadata:
        findings += _of_the_document(each, now, warn_before)
        findings += _of_the_entity(each)
        if each.name in before:
            findings += _changes(each, before[each.name])
    columns = (
        "Identity provider",
        "Entity id",
        "Signature",
        "Valid until",
        "Sign-on",
        "Signed requests",
    )
    rows = [
        (
            each.name,
            each.entity_id,
            " ".join(part for part in (each.signature, each.signature_method) if part),
            f"{each.valid_until:%Y-%m-%d %H:%M}" if each.valid_until else "it does not say",
            "; ".join(f"{one.binding} {one.location}" for one in each.sign_on),
            "yes" if each.wants_signed_requests else "no",
        )
        for each in saml_metadata
    ]
    table = Attachment.table("What identity providers publish (times are UTC)", columns, rows)
    return Assessment(saml_metadata, findings, attachments=[table] if rows else [])


def _of_the_document(metadata: SamlMetadata, now: datetime, warn_before: timedelta) -> Iterator[Finding]:
    if metadata.signature == "invalid":
        message = f"its metadata's signature is not valid: {metadata.signature_problem}"
        yield Finding(metadata.ref, message, Severity.HIGH)
    elif metadata.signature == "none" and metadata.pinned:
        message = "its metadata is not signed, and the profile names who must have signed it"
        yield Finding(metadata.ref, message, Severity.HIGH)
    if broken := [
        name
        for name in (metadata.signature_method, metadata.digest_method)
        if any(digest in name.lower() for digest in ("sha1", "md5"))
    ]:
        message = f"its metadata is signed by {' and '.join(broken)}, which is broken; SHA-256 wanted"
        yield Finding(metadata.ref, message, Severity.MEDIUM)
    if (until := metadata.valid_until) is None:
        return
    if until <= now:
        yield Finding(metadata.ref, f"its metadata {when(until, now)}", Severity.HIGH)
    elif until - now < warn_before:
        message = f"its metadata {when(until, now)}; at least {age(warn_before)} wanted"
        yield Finding(metadata.ref, message, Severity.MEDIUM)


def _of_the_entity(metadata: SamlMetadata) -> Iterator[Finding]:
    if metadata.expected_entity_id and metadata.entity_id != metadata.expected_entity_id:
        message = f"it calls itself {metadata.entity_id}; {metadata.expected_entity_id} expected"
        yield Finding(metadata.ref, message, Severity.HIGH)
    usable = [each for each in metadata.sign_on if each.binding in BINDINGS]
    if not usable:
        others = ", ".join(sorted({each.binding for each in metadata.sign_on})) or "none at all"
        message = f"it gives no address to log in by {' or '.join(BINDINGS)} ({others})"
        yield Finding(metadata.ref, message, Severity.HIGH)
    for location in sorted({each.location for each in usable if not each.location.startswith("https://")}):
        message = f"it has people log in without TLS, at {location or 'an address that is empty'}"
        yield Finding(metadata.ref, message, Severity.HIGH)


def _changes(now: SamlMetadata, before: SamlMetadata) -> Iterator[Finding]:
    since = "since the run before"
    if now.entity_id != before.entity_id:
        message = f"it has changed its entity id {since}: from {before.entity_id} to {now.entity_id}"
        yield Finding(now.ref, message, Severity.HIGH)
    if told := _difference(_addresses(now.sign_on), _addresses(before.sign_on)):
        yield Finding(now.ref, f"it has changed where people log in {since}: {told}", Severity.MEDIUM)
    if told := _difference(_certificates(now.signing), _certificates(before.signing)):
        yield Finding(now.ref, f"it has changed its signing certificates {since}: {told}", Severity.LOW)


def _addresses(services: Iterable[SamlService]) -> set[str]:
    return {f"{each.binding} {each.location}" for each in services}


def _certificates(certificates: Iterable[Certificate]) -> set[str]:
    return {
        f"{each.subject} (SHA-256 {each.sha256[:16]}…, until {each.not_after:%Y-%m-%d})"
        for each in certificates
    }


def _difference(now: set[str], before: set[str]) -> str:
    added, gone = ", ".join(sorted(now - before)), ", ".join(sorted(before - now))
    return "; ".join(part for part in (added and f"added {added}", gone and f"removed {gone}") if part)
