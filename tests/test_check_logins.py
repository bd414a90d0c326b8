"""IDP-011: a test user's login ends in a response that Keycloak would believe, with what it maps."""

from datetime import timedelta
from typing import Any

import pytest
from checks import test_logins as logins

from domino_health import Assessment, Finding, SamlLogin, Severity
from domino_health.facts.keycloak import KeycloakRealm
from keycloak_builders import ATTRIBUTES, broker, importer, realm

ACS = "https://domino.example.com/auth/realms/DominoRealm/broker/corporate/endpoint"
ROOT = "https://domino.example.com/auth/realms/DominoRealm"


def login(**more: Any) -> SamlLogin:
    """A login as it should be."""
    given: dict[str, Any] = {
        "realm": "DominoRealm",
        "broker": "corporate",
        "ended": "response",
        "asked": "idp.example.com:443",
        "status": "Success",
        "signature": "valid",
        "signer": "CN=idp",
        "destination": ACS,
        "expected_destination": ACS,
        "audience": (ROOT,),
        "expected_audience": ROOT,
        "attributes": ATTRIBUTES,
        "took": timedelta(seconds=2),
    }
    return SamlLogin(**{**given, **more})


def assess(*given: SamlLogin, realms: list[KeycloakRealm] | None = None, **thresholds: Any) -> Assessment:
    return logins.test_a_test_user_can_log_in(list(given), realms, **thresholds)


def found(assessment: Assessment) -> Finding:
    (finding,) = assessment.findings
    return finding


def test_a_login_as_it_should_be_is_healthy() -> None:
    assessment = assess(login(), realms=[realm()])

    assert assessment.findings == ()
    assert (len(assessment.population), assessment.worst) == (1, "2 s of 10 s")
    (table,) = assessment.attachments
    assert table.rows[0][:4] == (
        "broker/DominoRealm/corporate",
        "response",
        "idp.example.com:443",
        "valid CN=idp",
    )


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ("own form", "Domino's own login form in place of sending people on"),
        ("refused", "refuses the test user's name or password"),
        ("error page", "a page that is neither a form for the password nor a response"),
    ],
)
def test_a_login_that_ends_elsewhere_says_where(ended: str, words: str) -> None:
    finding = found(assess(login(ended=ended, said="Realm not enabled (status 400, at idp:443)")))

    assert finding.severity is Severity.HIGH
    assert str(finding.subject) == "broker/DominoRealm/corporate"
    assert words in finding.message
    assert finding.message.endswith("Realm not enabled (status 400, at idp:443)")


@pytest.mark.parametrize(
    ("more", "severity", "words"),
    [
        ({"status": "Responder"}, Severity.HIGH, "refuses: status Responder"),
        ({"status": ""}, Severity.HIGH, "refuses: status none"),
        (
            {"signature": "invalid", "signature_problem": "why"},
            Severity.CRITICAL,
            "would not believe the response: why",
        ),
        ({"signature": "none"}, Severity.CRITICAL, "is not signed"),
        ({"destination": "https://x"}, Severity.HIGH, f"is for https://x, not for {ACS}"),
        ({"audience": ("https://x",)}, Severity.HIGH, f"is for https://x, not for {ROOT}"),
        ({"answers": False}, Severity.HIGH, "answers another request"),
        ({"took": timedelta(seconds=10.1)}, Severity.MEDIUM, "a login took 10 s, at most 10 s wanted"),
    ],
)
def test_a_response_that_helps_nobody_says_why(more: dict[str, Any], severity: Severity, words: str) -> None:
    finding = found(assess(login(**more)))

    assert finding.severity is severity
    assert words in finding.message


@pytest.mark.parametrize(
    "more",
    [
        {"signature": "not checked"},
        {"destination": ""},
        {"destination": "https://x", "expected_destination": ""},
        {"audience": ("https://x",), "expected_audience": ""},
        {"audience": ()},
        {"audience": ("https://x", ROOT)},
        {"took": timedelta(seconds=10)},
        {"encrypted": True, "signature": "none", "attributes": ()},
    ],
)
def test_what_cannot_be_told_is_no_finding(more: dict[str, Any]) -> None:
    assert assess(login(**more), realms=[realm()]).findings == ()


def test_an_attribute_that_is_mapped_and_not_sent_is_named() -> None:
    mapped = realm(broker(mappers=(importer("email", "mail"), importer("firstName", "givenName"))))

    finding = found(assess(login(attributes=("mail",)), realms=[mapped]))

    assert finding.severity is Severity.HIGH
    assert finding.message == "the response has no givenName, which is to fill firstName (it has mail)"


def test_mappers_of_other_brokers_do_not_count() -> None:
    other = realm(broker(alias="other", mappers=(importer("email", "mail"),)))

    assert assess(login(attributes=()), realms=[other]).findings == ()


def test_how_long_a_login_may_take_is_the_profiles() -> None:
    slow = login(took=timedelta(seconds=30))

    assert assess(slow, max_time=timedelta(minutes=1)).findings == ()


def test_without_a_login_there_is_nothing_to_assess() -> None:
    assert (len(assess().population), assess().worst) == (0, "")
