"""IDP-002 and IDP-003: what an identity provider publishes lasts, is signed, and is as it was."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from checks import test_saml as saml

from builders import NOW
from domino_health import Assessment, Finding, Severity
from domino_health.facts.saml import SamlMetadata, SamlService
from saml_builders import ENTITY, SIGN_ON, metadata, signs

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def keys(*providers: SamlMetadata, **thresholds: Any) -> Assessment:
    return saml.test_identity_providers_signing_certificates_last_and_overlap(
        list(providers), NOW, **thresholds
    )


def valid(
    *providers: SamlMetadata, before: Sequence[SamlMetadata] | None = None, **thresholds: Any
) -> Assessment:
    earlier = None if before is None else list(before)
    return saml.test_identity_providers_metadata_is_valid_and_as_it_was(
        list(providers), earlier, NOW, **thresholds
    )


def found(assessment: Assessment) -> Finding:
    (finding,) = assessment.findings
    return finding


def severities(assessment: Assessment) -> list[Severity | None]:
    return [finding.severity for finding in assessment.findings]


# IDP-002


def test_a_certificate_that_lasts_is_healthy() -> None:
    assessment = keys(metadata())

    assert assessment.findings == ()
    assert len(assessment.population) == 1
    assert assessment.worst == "the last signing certificate of idp expires in 90 d, on 2026-06-12 12:00 UTC"


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (30 * DAY, None),
        (30 * DAY - SECOND, Severity.MEDIUM),
        (7 * DAY, Severity.MEDIUM),
        (7 * DAY - SECOND, Severity.HIGH),
        (timedelta(0), Severity.CRITICAL),
        (-DAY, Severity.CRITICAL),
    ],
)
def test_the_end_of_the_last_one_decides(left: timedelta, severity: Severity | None) -> None:
    assessment = keys(metadata(signs(left=left)))

    assert severities(assessment) == ([severity] if severity else [])
    assert all("no other follows it" in each.message for each in assessment.findings)
    assert all(str(each.subject) == "identityprovider/idp" for each in assessment.findings)


def test_one_that_ends_is_fine_where_the_next_one_is_there() -> None:
    assessment = keys(metadata(signs(left=3 * DAY), signs("CN=next", 1, left=300 * DAY)))

    assert assessment.findings == ()
    assert "of idp expires in 300 d" in assessment.worst


def test_one_that_has_ended_beside_a_good_one_is_low() -> None:
    finding = found(keys(metadata(signs(left=-3 * DAY), signs("CN=next", 1))))

    assert finding.severity is Severity.LOW
    assert "another is in use; remove it" in finding.message


def test_two_that_end_together_are_as_one() -> None:
    assessment = keys(metadata(signs(left=3 * DAY), signs("CN=b", 1, left=3 * DAY)))

    assert severities(assessment) == [Severity.HIGH, Severity.HIGH]


@pytest.mark.parametrize(("begins", "gap"), [(3 * DAY, False), (3 * DAY + SECOND, True)])
def test_the_next_one_must_begin_before_the_last_one_ends(begins: timedelta, gap: bool) -> None:
    following = signs("CN=next", 1, begins=begins, left=300 * DAY)

    findings = keys(metadata(signs(left=3 * DAY), following)).findings

    assert [each.severity for each in findings] == ([Severity.HIGH] if gap else [])
    assert all("the next one begins only on 2026-03-17 12:00 UTC" in each.message for each in findings)


def test_one_that_is_not_valid_yet_and_alone_is_found() -> None:
    finding = found(keys(metadata(signs(begins=DAY))))

    assert finding.severity is Severity.HIGH
    assert "is not valid before" in finding.message


def test_without_a_signing_certificate_nothing_can_be_believed() -> None:
    assessment = keys(metadata(keys=()))

    assert found(assessment).severity is Severity.HIGH
    assert assessment.worst == ""


def test_keys_that_cannot_be_read_are_counted() -> None:
    finding = found(keys(metadata(unreadable_keys=2)))

    assert finding.severity is Severity.MEDIUM
    assert finding.message.startswith("2 of its keys")


@pytest.mark.parametrize("left", [29 * DAY, 3 * DAY, -DAY])
def test_an_encryption_certificate_is_at_most_medium(left: timedelta) -> None:
    finding = found(keys(metadata(encryption=(signs("CN=encrypts", 1, left=left),))))

    assert finding.severity is Severity.MEDIUM
    assert "CN=encrypts for encryption" in finding.message


def test_a_short_key_is_high() -> None:
    finding = found(keys(metadata(signs(bits=1024))))

    assert finding.severity is Severity.HIGH
    assert keys(metadata(signs(bits=1024)), min_rsa_bits=1024).findings == ()


def test_thresholds_of_certificates_are_the_profiles() -> None:
    assert severities(keys(metadata(signs(left=40 * DAY)), warn_before=60 * DAY)) == [Severity.MEDIUM]
    assert severities(keys(metadata(signs(left=40 * DAY)), warn_before=60 * DAY, fail_before=50 * DAY)) == [
        Severity.HIGH
    ]


def test_every_certificate_stands_in_the_table() -> None:
    (table,) = keys(metadata(signs(), signs("CN=next", 1), encryption=(signs("CN=enc", 2),))).attachments

    assert [(row[0], row[1], row[3]) for row in table.rows] == [
        ("idp", "signing", "CN=signs"),
        ("idp", "signing", "CN=next"),
        ("idp", "encryption", "CN=enc"),
    ]


def test_without_an_identity_provider_there_is_nothing_to_assess() -> None:
    assert len(keys().population) == 0
    assert len(valid().population) == 0


# IDP-003


def test_metadata_that_is_signed_and_of_now_is_healthy() -> None:
    assessment = valid(metadata(valid_until=NOW + 10 * DAY), before=[metadata()])

    assert assessment.findings == ()
    (table,) = assessment.attachments
    assert table.rows[0][:4] == ("idp", ENTITY, "valid rsa-sha256", "2026-03-24 12:00")


def test_a_signature_by_another_key_closes_the_gate() -> None:
    finding = found(valid(metadata(signature="invalid", signature_problem="it is by another key")))

    assert finding.severity is Severity.HIGH
    assert finding.message == "its metadata's signature is not valid: it is by another key"


def test_no_signature_is_a_finding_only_where_the_profile_names_a_signer() -> None:
    assert found(valid(metadata(signature="none", pinned=True))).severity is Severity.HIGH
    assert valid(metadata(signature="none", pinned=False)).findings == ()
    assert valid(metadata(signature="not checked", pinned=False)).findings == ()


@pytest.mark.parametrize(
    ("method", "digest"), [("rsa-sha1", "sha256"), ("rsa-sha256", "sha1"), ("rsa-md5", "md5")]
)
def test_a_broken_digest_is_medium(method: str, digest: str) -> None:
    finding = found(valid(metadata(signature_method=method, digest_method=digest)))

    assert finding.severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (DAY, None),
        (DAY - SECOND, Severity.MEDIUM),
        (SECOND, Severity.MEDIUM),
        (timedelta(0), Severity.HIGH),
        (-DAY, Severity.HIGH),
    ],
)
def test_the_end_of_the_document_decides(left: timedelta, severity: Severity | None) -> None:
    assert severities(valid(metadata(valid_until=NOW + left))) == ([severity] if severity else [])


def test_how_near_its_end_may_be_is_the_profiles() -> None:
    assert severities(valid(metadata(valid_until=NOW + 3 * DAY), warn_before=5 * DAY)) == [Severity.MEDIUM]


def test_another_entity_than_the_profiles_closes_the_gate() -> None:
    finding = found(valid(metadata(expected_entity_id="https://other.example.com")))

    assert finding.severity is Severity.HIGH
    assert finding.message == f"it calls itself {ENTITY}; https://other.example.com expected"
    assert valid(metadata(expected_entity_id=ENTITY)).findings == ()


@pytest.mark.parametrize(
    ("bindings", "healthy"),
    [(["HTTP-POST"], True), (["HTTP-Redirect"], True), (["SOAP", "HTTP-Artifact"], False), ([], False)],
)
def test_a_browser_must_find_an_address(bindings: list[str], healthy: bool) -> None:
    sign_on = tuple(SamlService(binding, SIGN_ON) for binding in bindings)

    assert severities(valid(metadata(sign_on=sign_on))) == ([] if healthy else [Severity.HIGH])


def test_nobody_logs_in_without_tls() -> None:
    sign_on = (SamlService("HTTP-POST", "http://idp.example.com/sso"), SamlService("HTTP-Redirect", SIGN_ON))

    finding = found(valid(metadata(sign_on=sign_on)))

    assert finding.severity is Severity.HIGH
    assert "http://idp.example.com/sso" in finding.message
    assert "empty" in found(valid(metadata(sign_on=(SamlService("HTTP-POST", ""),)))).message


def test_what_has_changed_since_the_run_before_is_told() -> None:
    before = metadata(
        signs(number=1), entity_id="https://old", sign_on=(SamlService("HTTP-POST", "https://o"),)
    )

    findings = {
        each.severity: each.message for each in valid(metadata(signs(number=2)), before=[before]).findings
    }

    assert findings[Severity.HIGH] == (
        f"it has changed its entity id since the run before: from https://old to {ENTITY}"
    )
    assert findings[Severity.MEDIUM].endswith(
        f"added HTTP-POST {SIGN_ON}, HTTP-Redirect {SIGN_ON}; removed HTTP-POST https://o"
    )
    assert (
        "added CN=signs (SHA-256 0202020202020202…, until 2026-06-12); removed CN=signs"
        in (findings[Severity.LOW])
    )


def test_the_order_of_what_is_published_is_no_change() -> None:
    now = metadata()
    before = metadata(sign_on=tuple(reversed(now.sign_on)))

    assert valid(now, before=[before]).findings == ()


def test_an_identity_provider_that_is_new_has_not_changed() -> None:
    assert valid(metadata(), before=[metadata(name="other", entity_id="x")]).findings == ()
    assert valid(metadata(), before=None).findings == ()


def test_every_identity_provider_is_judged() -> None:
    assessment = valid(
        metadata(name="a", signature="invalid"), metadata(name="b"), metadata(name="c", sign_on=())
    )

    assert [each.subject.name for each in assessment.findings] == ["a", "c"]
    assert len(assessment.population) == 3
