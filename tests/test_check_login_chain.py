"""IDP-010: the chain of a login as one thing; what breaks it first; what nobody watches."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from checks import test_login_chain as chain

from builders import NOW, certificate, endpoint
from domino_health import Assessment, Finding, Severity
from domino_health.facts.ca_bundles import CaBundle
from domino_health.facts.keycloak import KeycloakRealm, RealmKey
from domino_health.facts.ldap import LdapDirectory
from domino_health.facts.saml import SamlMetadata
from domino_health.facts.secrets import TlsSecret
from domino_health.facts.tls import Certificate, TlsEndpoint
from keycloak_builders import broker, importer, realm
from saml_builders import metadata, signs

DAY = timedelta(days=1)
FRONT = endpoint("front", server_name="domino.example.com")
IDP = endpoint("idp tls", certificate("CN=idp.example.com", left=80 * DAY), server_name="idp.example.com")


def key(left: timedelta = 300 * DAY, **more: Any) -> RealmKey:
    """By which the realm signs."""
    given: dict[str, Any] = {"use": "SIG", "status": "ACTIVE", "algorithm": "RS256"}
    return RealmKey(**{**given, **more}, certificate=signs("CN=DominoRealm", 9, left=left))


def assess(
    realms: Sequence[KeycloakRealm] | None = None,
    providers: Sequence[SamlMetadata] | None = None,
    endpoints: Sequence[TlsEndpoint] | None = (FRONT, IDP),
    directories: Sequence[LdapDirectory] | None = None,
    secrets: Sequence[TlsSecret] | None = None,
    bundles: Sequence[CaBundle] | None = None,
    **thresholds: Any,
) -> Assessment:
    given = [
        None if each is None else list(each)
        for each in (realms, providers, endpoints, directories, secrets, bundles)
    ]
    return chain.test_the_chain_of_a_login_is_watched_and_its_own_keys_last(*given, NOW, **thresholds)  # type: ignore[call-arg, arg-type]


def found(assessment: Assessment) -> Finding:
    (finding,) = assessment.findings
    return finding


def rows(assessment: Assessment) -> list[tuple[str, ...]]:
    return list(next(iter(assessment.attachments)).rows)


def signing(*keys: RealmKey, **more: Any) -> KeycloakRealm:
    """A realm whose broker signs what it asks."""
    return realm(broker(signs_requests=True, **more), keys=keys or (key(),))


def test_a_chain_that_holds_is_shown_link_by_link() -> None:
    assessment = assess([signing()], [metadata(valid_until=NOW + 200 * DAY)])

    assert assessment.findings == ()
    assert [row[:3] for row in rows(assessment)] == [
        ("endpoint/front", "people reach domino.example.com", "2026-06-12 12:00"),
        ("endpoint/idp tls", "people reach idp.example.com", "2026-06-02 12:00"),
        ("realm/DominoRealm", "signs what it asks the identity provider", "2027-01-08 12:00"),
        ("broker/DominoRealm/corporate", "believes responses", "2026-06-12 12:00"),
        ("identityprovider/idp", "signs responses", "2026-06-12 12:00"),
        ("broker/DominoRealm/corporate", "takes over", "no end of its own"),
    ]
    assert len(assessment.population) == 6


def test_the_earliest_day_on_which_login_breaks_is_told_and_why() -> None:
    worst = assess([signing()], [metadata()]).worst

    assert worst == (
        "login breaks first on 2026-06-02 12:00 UTC, in 80 d: endpoint/idp tls: "
        "the certificate of CN=idp.example.com ends"
    )


def test_a_broker_holds_until_the_last_certificate_that_is_trusted_and_published_ends() -> None:
    old, new, foreign = (
        signs("CN=old", 1, left=20 * DAY),
        signs("CN=new", 2, left=500 * DAY),
        signs("CN=foreign", 3, left=900 * DAY),
    )

    assessment = assess([signing(certificates=(old, foreign))], [metadata(old, new)], [FRONT])

    assert (
        "broker/DominoRealm/corporate: the last certificate that it believes ends (CN=old)"
        in assessment.worst
    )
    assert "2026-04-03" in assessment.worst


@pytest.mark.parametrize(
    ("realms", "providers", "why"),
    [
        ([signing(certificates=(signs(number=5),))], [metadata()], "it trusts no certificate of idp"),
        ([signing(enabled=False)], [metadata()], "it is disabled"),
        ([realm(enabled=False)], [metadata()], "the realm is disabled"),
        ([signing()], [metadata(keys=())], "it publishes no certificate"),
    ],
)
def test_what_is_broken_now_comes_first(
    realms: list[KeycloakRealm], providers: list[SamlMetadata], why: str
) -> None:
    assessment = assess(realms, providers)

    assert assessment.worst.startswith("login is broken now: ")
    assert assessment.worst.endswith(why)
    assert any(row[2] == "broken" for row in rows(assessment))


def test_what_has_ended_already_is_told_since_when() -> None:
    assert assess([signing()], [metadata(signs(left=-DAY))]).worst.startswith(
        "login is broken since 2026-03-13 12:00 UTC: broker/DominoRealm/corporate"
    )


def test_metadata_that_has_ended_is_a_link_and_what_is_renewed_daily_is_none() -> None:
    ended = assess([signing()], [metadata(valid_until=NOW)])

    assert "identityprovider/idp: its metadata is valid no longer" in ended.worst
    assert "says who it is" not in str(rows(assess([signing()], [metadata(valid_until=NOW + DAY)])))


def test_another_port_of_the_same_host_is_another_place() -> None:
    elsewhere = msgspec.structs.replace(FRONT, server_name="other", address="domino.example.com:8443")

    assert [str(each.subject) for each in assess([signing()], None, [elsewhere]).findings] == [
        "realm/DominoRealm"
    ]
    behind = realm(url="https://domino.example.com:8443/auth")
    assert assess([behind], None, [elsewhere]).findings == ()


def test_an_endpoint_that_does_not_verify_is_a_broken_link() -> None:
    untrusted = endpoint("front", verified=[], errors=["self-signed certificate"])

    assert assess([signing()], None, [untrusted]).worst == (
        "login is broken now: endpoint/front: it does not verify"
    )


def test_an_endpoint_that_nobody_logs_in_by_is_no_link() -> None:
    registry = endpoint("registry", server_name="registry.example.com")

    assert len(assess(None, None, [registry]).population) == 0
    assert not list(assess(None, None, [registry]).attachments)


def test_an_endpoint_is_known_by_where_it_is_too() -> None:
    by_address = msgspec.structs.replace(FRONT, server_name="other", address="DOMINO.example.com:443")

    assert not assess([signing()], None, [by_address]).findings


# What it finds itself


def test_mappings_and_clocks_are_links_without_an_end() -> None:
    assessment = assess([signing(mappers=(importer("email", "mail"),))], [metadata(skew=1.5)], None)

    shown = {row[1]: row for row in rows(assessment)}
    assert shown["takes over"][2:] == ("no end of its own", "mail to email")
    assert shown["tells the time"] == (
        "identityprovider/idp",
        "tells the time",
        "no end of its own",
        "+1.5 s against this machine",
    )


def test_an_address_that_nobody_looks_at_is_low() -> None:
    finding = found(assess([signing()], [metadata()], [FRONT]))

    assert finding.severity is Severity.LOW
    assert str(finding.subject) == "identityprovider/idp"
    assert finding.message == (
        "nobody looks at the certificate of idp.example.com, where people log in: add it to tls.endpoints"
    )


def test_where_no_endpoint_is_looked_at_each_host_is_told_once() -> None:
    findings = assess([signing()], [metadata()], None).findings

    assert [str(each.subject) for each in findings] == ["realm/DominoRealm", "identityprovider/idp"]


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (30 * DAY, None),
        (29 * DAY, Severity.MEDIUM),
        (6 * DAY, Severity.HIGH),
        (timedelta(0), Severity.HIGH),
    ],
)
def test_the_realms_own_signing_key_must_last(left: timedelta, severity: Severity | None) -> None:
    findings = assess([signing(key(left))], [metadata()]).findings

    assert [each.severity for each in findings] == ([severity] if severity else [])
    assert all("CN=DominoRealm of its signing key" in each.message for each in findings)


@pytest.mark.parametrize("more", [{"use": "ENC"}, {"status": "PASSIVE"}])
def test_keys_that_do_not_sign_now_are_not_judged(more: dict[str, str]) -> None:
    assert assess([signing(key(), key(-DAY, **more))], [metadata()]).findings == ()


def test_a_realm_whose_broker_signs_nothing_needs_no_key() -> None:
    unsigned = realm(keys=(key(-DAY),))

    assessment = assess([unsigned], [metadata()])

    assert assessment.findings == ()
    assert "signs what it asks the identity provider" not in [row[1] for row in rows(assessment)]


def test_thresholds_are_the_profiles() -> None:
    near = signing(key(40 * DAY))

    assert found(assess([near], [metadata()], warn_before=60 * DAY)).severity is Severity.MEDIUM
    assert (
        found(assess([near], [metadata()], warn_before=60 * DAY, fail_before=50 * DAY)).severity
        is Severity.HIGH
    )


# All certificates


def test_all_certificates_of_the_run_stand_on_one_time_line() -> None:
    directory = LdapDirectory(
        "ldap", "ldaps://x", endpoint("ldap", certificate("CN=ldap", left=10 * DAY)), bind=0
    )
    secret = TlsSecret(
        "prod", "domino-platform", "tls", certificates=(certificate("CN=secret", left=5 * DAY),)
    )
    bundle = CaBundle(
        "prod", "validatingwebhookconfiguration", "hook", certificates=(certificate("CN=hook"),)
    )

    assessment = assess([signing()], [metadata()], (FRONT, IDP), [directory], [secret], [bundle])

    _, plot, table = assessment.attachments
    assert plot.svg.startswith("<svg")
    subjects = [row[2] for row in table.rows]
    assert subjects[:2] == ["CN=secret", "CN=ldap"], "the first to end comes first"
    assert {"CN=hook", "CN=signs", "CN=DominoRealm", "CN=idp.example.com"} <= set(subjects)
    whose = {row[2]: row[0] for row in table.rows}
    assert whose["CN=signs"] == "idp, broker corporate"
    assert whose["CN=secret"] == "secret/domino-platform/tls"


def test_a_directory_that_refuses_the_account_is_a_broken_link() -> None:
    refused = LdapDirectory("ldap", "ldaps://x", endpoint("ldap"), bind=49)

    assert assess(None, None, None, [refused]).worst == (
        "login is broken now: directory/ldap: the bind account is refused"
    )


def test_without_anything_there_is_nothing_to_assess() -> None:
    assert len(assess(None, None, None).population) == 0


def test_a_certificate_of_two_owners_is_one() -> None:
    shared: Certificate = signs(number=7)

    assessment = assess([signing(certificates=(shared,))], [metadata(shared)], None)

    *_, table = assessment.attachments
    assert len([row for row in table.rows if row[2] == "CN=signs"]) == 1
