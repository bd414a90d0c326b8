"""IDP-008: TLS Secrets hold certificates that belong together and last."""

from datetime import timedelta

import msgspec
import pytest
from checks import test_cluster_certificates as certificates

from builders import NOW, certificate
from domino_health import Assessment, CaBundle, Certificate, Finding, Ref, Severity, TlsSecret

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def assess(*secrets: TlsSecret, **thresholds: timedelta) -> Assessment:
    return certificates.test_tls_secrets_hold_certificates_that_belong_together_and_last(
        list(secrets), NOW, **thresholds
    )


def secret(
    *own: Certificate, authorities: tuple[Certificate, ...] = (), problem: str = "", mismatch: str = ""
) -> TlsSecret:
    return TlsSecret(
        "prod", "domino-platform", "hephaestus-root-tls", own, authorities, problem=problem, mismatch=mismatch
    )


def authority(left: timedelta = 90 * DAY, sha256: str = "ca") -> Certificate:
    return msgspec.structs.replace(certificate("CN=hephaestus-ca", left=left), sha256=sha256)


def found(assessment: Assessment) -> Finding:
    (finding,) = assessment.findings
    return finding


def test_certificates_that_belong_together_and_last_are_healthy() -> None:
    assessment = assess(secret(certificate(left=60 * DAY), authorities=(authority(),)))

    assert len(assessment.population) == 1
    assert assessment.findings == ()
    assert assessment.worst == "the first certificate expires in 60 d, on 2026-05-13 12:00 UTC"


def test_without_a_secret_there_is_nothing_to_assess() -> None:
    assessment = assess()

    assert len(assessment.population) == 0
    assert assessment.worst == ""
    assert assessment.attachments == ()


def test_every_certificate_is_in_the_table_what_ends_first_above() -> None:
    assessment = assess(secret(certificate(left=60 * DAY), authorities=(authority(40 * DAY),)))

    (table,) = assessment.attachments
    assert [row[:4] for row in table.rows] == [
        ("prod: secret/domino-platform/hephaestus-root-tls", "ca.crt", "40", "CN=hephaestus-ca"),
        ("prod: secret/domino-platform/hephaestus-root-tls", "tls.crt", "60", "CN=domino.example.com"),
    ]


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (30 * DAY, None),
        (30 * DAY - SECOND, Severity.MEDIUM),
        (7 * DAY, Severity.MEDIUM),
        (7 * DAY - SECOND, Severity.HIGH),
        (SECOND, Severity.HIGH),
        (0 * DAY, Severity.CRITICAL),
        (-DAY, Severity.CRITICAL),
    ],
)
@pytest.mark.parametrize("key", ["tls.crt", "ca.crt"])
def test_the_nearer_the_end_the_worse_of_both(left: timedelta, severity: Severity | None, key: str) -> None:
    if key == "tls.crt":
        assessment = assess(secret(certificate(left=left), authorities=(authority(),)))
    else:
        assessment = assess(secret(certificate(), authorities=(authority(left),)))

    assert [finding.severity for finding in assessment.findings] == ([severity] if severity else [])
    for finding in assessment.findings:
        assert finding.subject == Ref("prod", "secret", "domino-platform", "hephaestus-root-tls")
        assert f" in its {key} expire" in finding.message


def test_thresholds_are_the_profiles() -> None:
    one = secret(certificate(left=40 * DAY))

    assert found(assess(one, warn_before=41 * DAY)).severity is Severity.MEDIUM
    assert found(assess(one, warn_before=50 * DAY, fail_before=41 * DAY)).severity is Severity.HIGH


def test_a_certificate_that_is_not_valid_yet_is_found() -> None:
    finding = found(assess(secret(certificate(begins=SECOND))))

    assert finding.severity is Severity.HIGH
    assert finding.message == (
        "the certificate of CN=domino.example.com in its tls.crt is not valid before 2026-03-14 12:00 UTC"
    )
    assert assess(secret(certificate(begins=timedelta(0)))).findings == ()


def test_a_certificate_that_its_ca_has_not_issued_is_found() -> None:
    finding = found(
        assess(secret(certificate(), authorities=(authority(),), mismatch="unable to get local issuer"))
    )

    assert finding.severity is Severity.HIGH
    assert finding.message == (
        "the certificate of CN=domino.example.com was not issued by its ca.crt (CN=hephaestus-ca): "
        "unable to get local issuer"
    )


@pytest.mark.parametrize(("bundle", "more"), [(3, ""), (4, "; and 1 more"), (140, "; and 137 more")])
def test_of_a_bundle_that_has_not_issued_it_a_few_are_named(bundle: int, more: str) -> None:
    issuers = tuple(authority(sha256=str(at)) for at in range(bundle))

    message = found(assess(secret(certificate(), authorities=issuers, mismatch="no issuer"))).message

    assert f"({'; '.join(['CN=hephaestus-ca'] * 3)}{more}): no issuer" in message


def renewed(old: timedelta, new: timedelta, *issuers: str) -> TlsSecret:
    """A Secret whose ca.crt has an old CA and its renewal, of which these have issued the certificate."""
    both = (authority(old, "old"), authority(new, "new"))
    return msgspec.structs.replace(secret(certificate(), authorities=both), issuers=issuers)


@pytest.mark.parametrize("issuers", [("new",), ("old", "new")])
def test_an_old_ca_beside_its_renewal_that_has_issued_the_certificate_is_no_finding(
    issuers: tuple[str, ...],
) -> None:
    assessment = assess(renewed(-DAY, 90 * DAY, *issuers))

    assert assessment.findings == ()
    assert assessment.worst.startswith("the first certificate expires in 90 d")
    assert len(next(iter(assessment.attachments)).rows) == 3, "the table has it"


def test_an_old_ca_whose_renewal_has_not_issued_the_certificate_is_what_it_rests_on() -> None:
    assert found(assess(renewed(-DAY, 90 * DAY, "old"))).severity is Severity.CRITICAL


def test_of_two_cas_that_end_together_both_are_told() -> None:
    assert len(list(assess(renewed(-DAY, -DAY, "old", "new")).findings)) == 2
    assert len(list(assess(renewed(-DAY - timedelta(seconds=1), -DAY, "old", "new")).findings)) == 1


def test_an_old_ca_of_another_name_is_told() -> None:
    both = renewed(-DAY, 90 * DAY, "new")
    old, new = both.authorities
    other = msgspec.structs.replace(old, subject="CN=another")

    assert (
        found(assess(msgspec.structs.replace(both, authorities=(other, new)))).severity is Severity.CRITICAL
    )


def test_a_root_that_stands_under_both_keys_is_told_once() -> None:
    root = authority(left=-DAY)

    assert found(assess(secret(root, authorities=(root,)))).severity is Severity.CRITICAL


@pytest.mark.parametrize("problem", ["it is not there", "it holds no certificate"])
def test_a_secret_that_cannot_be_used_is_found_and_assessed(problem: str) -> None:
    assessment = assess(secret(problem=problem), secret(certificate()))

    assert len(assessment.population) == 2
    assert found(assessment).message == problem
    assert found(assessment).severity is Severity.HIGH


# What API servers trust


def bundle(
    *those: Certificate, problem: str = "", needed: bool = True, webhooks: tuple[str, ...] = ("a",)
) -> CaBundle:
    kind, service = "mutatingwebhookconfiguration", "domino-platform/hephaestus-webhook"
    return CaBundle("prod", kind, "hephaestus", service, webhooks, needed, those, problem)


def trusted(*bundles: CaBundle, **thresholds: timedelta) -> Assessment:
    return certificates.test_api_servers_trust_webhooks_by_certificates_that_last(
        list(bundles), NOW, **thresholds
    )


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (30 * DAY, None),
        (30 * DAY - SECOND, Severity.MEDIUM),
        (7 * DAY, Severity.MEDIUM),
        (7 * DAY - SECOND, Severity.HIGH),
        (SECOND, Severity.HIGH),
        (timedelta(0), Severity.CRITICAL),
    ],
)
def test_a_bundle_is_as_bad_as_it_is_near_its_end(left: timedelta, severity: Severity | None) -> None:
    assessment = trusted(bundle(authority(left)))

    assert len(assessment.population) == 1
    assert [each.severity for each in assessment.findings] == ([severity] if severity else [])


def test_a_bundle_says_who_is_called_and_for_what() -> None:
    finding = found(trusted(bundle(authority(-3 * DAY), webhooks=tuple("abcd"))))

    assert str(finding.subject) == "mutatingwebhookconfiguration/hephaestus"
    assert finding.message == (
        "the certificate of CN=hephaestus-ca in its caBundle expired 3 d ago, on 2026-03-11 12:00 UTC. "
        "It calls domino-platform/hephaestus-webhook for a, b, c and 1 more"
    )


def test_an_old_ca_beside_its_renewal_is_no_finding() -> None:
    assessment = trusted(bundle(authority(-3 * DAY), authority(90 * DAY)))

    assert assessment.findings == ()
    assert assessment.worst == "the first bundle expires in 90 d, on 2026-06-12 12:00 UTC"
    (table,) = assessment.attachments
    assert len(table.rows) == 2


@pytest.mark.parametrize("left", [-DAY, DAY, 20 * DAY])
def test_webhooks_that_are_ignored_when_they_fail_are_low(left: timedelta) -> None:
    assert found(trusted(bundle(authority(left), needed=False))).severity is Severity.LOW


@pytest.mark.parametrize(("needed", "severity"), [(True, Severity.MEDIUM), (False, Severity.LOW)])
def test_a_bundle_that_cannot_be_used_is_told(severity: Severity, *, needed: bool) -> None:
    finding = found(trusted(bundle(problem="it has no caBundle", needed=needed)))

    assert finding.severity is severity
    assert finding.message == "it has no caBundle. It calls domino-platform/hephaestus-webhook for a"


def test_without_a_bundle_there_is_nothing_to_assess() -> None:
    assert len(trusted().population) == 0
    assert trusted().worst == ""
