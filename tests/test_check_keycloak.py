"""IDP-004 to IDP-006: brokers against metadata, mappers and switches, lifetimes and clocks."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from checks import test_keycloak as keycloak

from domino_health import Assessment, Clock, Finding, Severity
from domino_health.facts.keycloak import KeycloakRealm
from domino_health.facts.saml import SamlMetadata, SamlService
from keycloak_builders import ATTRIBUTES, broker, client, importer, realm
from saml_builders import ENTITY, SIGN_ON, metadata, signs

MINUTE = timedelta(minutes=1)
OLD, NEW = signs("CN=old", 1), signs("CN=new", 2)


def trust(realms: Sequence[KeycloakRealm], providers: Sequence[SamlMetadata] | None) -> Assessment:
    return keycloak.test_brokers_trust_exactly_the_certificates_that_identity_providers_publish(
        list(realms), None if providers is None else list(providers)
    )


def mapped(*realms: KeycloakRealm, **thresholds: Any) -> Assessment:
    return keycloak.test_every_attribute_that_domino_needs_is_mapped(list(realms), **thresholds)


def lasting(
    *realms: KeycloakRealm,
    providers: Sequence[SamlMetadata] | None = None,
    clocks: Sequence[Clock] | None = None,
    **thresholds: Any,
) -> Assessment:
    return keycloak.test_session_lifetimes_are_sane_and_clocks_together(
        list(realms),
        None if providers is None else list(providers),
        None if clocks is None else list(clocks),
        **thresholds,
    )


def found(assessment: Assessment) -> Finding:
    (finding,) = assessment.findings
    return finding


# IDP-004


def test_a_broker_that_trusts_what_is_published_is_healthy() -> None:
    assessment = trust([realm()], [metadata()])

    assert assessment.findings == ()
    assert len(assessment.population) == 1
    (table,) = assessment.attachments
    assert table.rows[0][:3] == ("broker/DominoRealm/corporate", "yes", "idp")


def test_a_broker_that_trusts_nothing_of_it_lets_nobody_in() -> None:
    finding = found_at(trust([realm(broker(OLD))], [metadata(NEW)]), Severity.CRITICAL)

    assert str(finding.subject) == "broker/DominoRealm/corporate"
    assert finding.message.startswith("it trusts none of the certificates of idp: every login fails (CN=new")


def found_at(assessment: Assessment, severity: Severity) -> Finding:
    (finding,) = [each for each in assessment.findings if each.severity is severity]
    return finding


def test_a_broker_that_was_not_told_of_the_next_one_is_high() -> None:
    finding = found(trust([realm(broker(OLD))], [metadata(OLD, NEW)]))

    assert finding.severity is Severity.HIGH
    assert finding.message == (
        "it does not trust CN=new (SHA-256 0202020202020202…, until 2026-06-12), which idp publishes: "
        "logins fail from when it is used"
    )


def test_a_broker_that_trusts_what_is_published_no_more_is_medium() -> None:
    finding = found(trust([realm(broker(OLD, NEW))], [metadata(NEW)]))

    assert finding.severity is Severity.MEDIUM
    assert "still trusts CN=old" in finding.message


def test_one_that_trusts_only_an_old_one_is_told_both() -> None:
    findings = trust([realm(broker(OLD))], [metadata(NEW)]).findings

    assert sorted(str(each.severity) for each in findings) == ["critical", "medium"]


def test_what_keycloak_reads_from_the_metadata_itself_is_not_compared() -> None:
    follows = broker(follows_metadata=True, certificates=())

    assert trust([realm(follows)], [metadata(NEW)]).findings == ()


def test_a_disabled_broker_is_critical_where_the_profile_expects_it() -> None:
    finding = found(trust([realm(broker(enabled=False))], [metadata()]))

    assert finding.severity is Severity.CRITICAL
    assert "Domino's own login form" in finding.message


def test_a_disabled_broker_that_nobody_expects_is_left_over() -> None:
    other = broker(alias="old", entity_id="urn:old", sign_on="https://old", enabled=False)

    assert trust([realm(broker(), other)], [metadata()]).findings == ()
    assert trust([realm(broker(enabled=False))], None).findings == ()


def test_of_two_brokers_of_one_entity_the_enabled_one_counts() -> None:
    twice = realm(broker(alias="a", enabled=False), broker(alias="b"))

    assert trust([twice], [metadata()]).findings == ()


def test_a_missing_broker_is_critical_and_says_which_there_are() -> None:
    finding = found(trust([realm(broker(entity_id="urn:x", sign_on="https://x"))], [metadata()]))

    assert finding.severity is Severity.CRITICAL
    assert str(finding.subject) == "identityprovider/idp"
    assert finding.message == (
        f"Keycloak has no SAML broker for {ENTITY} (there: corporate): nobody logs in by it"
    )


def test_a_realm_without_any_broker_is_assessed_by_what_the_profile_expects() -> None:
    nothing = msgspec.structs.replace(realm(), brokers=())

    assessment = trust([nothing], [metadata()])

    assert found(assessment).severity is Severity.CRITICAL
    assert len(assessment.population) == 1
    assert len(trust([nothing], None).population) == 0


def test_a_broker_is_found_by_the_profiles_word_in_its_case() -> None:
    by_alias = metadata(broker="corporate", entity_id="urn:renamed")

    findings = trust([realm()], [by_alias]).findings

    assert [each.severity for each in findings] == [Severity.HIGH]
    assert (
        "it expects https://idp.example.com; idp calls itself urn:renamed"
        in found(trust([realm()], [by_alias])).message
    )
    assert found(trust([realm()], [metadata(broker="Corporate")])).severity is Severity.CRITICAL


def test_a_broker_is_found_by_where_it_sends_people() -> None:
    finding = found(trust([realm(broker(entity_id="urn:old"))], [metadata()]))

    assert finding.severity is Severity.HIGH
    assert finding.message == f"it expects urn:old; idp calls itself {ENTITY}"


def test_a_broker_that_sends_people_elsewhere_is_high() -> None:
    finding = found(trust([realm(broker(sign_on="https://old.example.com/sso"))], [metadata()]))

    assert finding.severity is Severity.HIGH
    assert finding.message == "it sends people to https://old.example.com/sso, which idp does not publish"


def test_a_broker_that_does_not_look_at_signatures_is_high() -> None:
    careless = broker(validates=False, certificates=())

    finding = found(trust([realm(careless)], [metadata()]))

    assert finding.severity is Severity.HIGH
    assert "does not look at signatures" in finding.message
    assert found(trust([realm(careless)], None)).severity is Severity.HIGH


def test_a_broker_without_a_certificate_is_critical() -> None:
    assert found(trust([realm(broker(certificates=()))], [metadata()])).severity is Severity.CRITICAL


def test_certificates_that_cannot_be_read_are_high() -> None:
    finding = found(trust([realm(broker(unreadable_certificates=1))], [metadata()]))

    assert finding.severity is Severity.HIGH


def test_a_disabled_realm_lets_nobody_in() -> None:
    assessment = trust(
        [KeycloakRealm("https://domino.example.com/auth", "DominoRealm", enabled=False)], [metadata()]
    )

    assert found(assessment).severity is Severity.CRITICAL
    assert str(found(assessment).subject) == "realm/DominoRealm"
    assert len(assessment.population) == 1


def test_a_broker_of_another_protocol_has_no_saml_certificates() -> None:
    assert len(trust([realm(broker(protocol="oidc"))], None).population) == 0


def test_metadata_without_a_certificate_is_not_compared() -> None:
    # IDP-002 says so.
    assert trust([realm()], [metadata(keys=())]).findings == ()


# IDP-005


def test_a_broker_that_fills_all_is_healthy() -> None:
    assessment = mapped(realm())

    assert assessment.findings == ()
    (table,) = assessment.attachments
    assert [row[2] for row in table.rows] == list(ATTRIBUTES)


@pytest.mark.parametrize("missing", ATTRIBUTES)
def test_an_attribute_without_a_mapper_is_named(missing: str) -> None:
    mappers = tuple(importer(each) for each in ATTRIBUTES if each != missing)

    finding = found(mapped(realm(broker(mappers=mappers))))

    assert finding.severity is Severity.HIGH
    assert finding.message == f"no mapper fills {missing}"


def test_openid_connect_gives_these_by_itself() -> None:
    assert mapped(realm(broker(protocol="oidc", mappers=()))).findings == ()


def test_attributes_are_the_profiles() -> None:
    finding = found(mapped(realm(), attributes=(*ATTRIBUTES, "department")))

    assert finding.message == "no mapper fills department"


def test_a_mapper_of_another_kind_fills_nothing() -> None:
    role = importer("email", kind="saml-role-idp-mapper")

    findings = mapped(realm(broker(mappers=(role, *map(importer, ATTRIBUTES[1:]))))).findings

    assert [each.message for each in findings] == ["no mapper fills email"]


@pytest.mark.parametrize(
    ("switch", "attribute", "what"),
    [
        ("external_organizations", "domino-groups", "organisations"),
        ("external_roles", "domino-system-roles", "roles"),
    ],
)
def test_a_switch_and_its_mapper_go_together(switch: str, attribute: str, what: str) -> None:
    both = broker(mappers=(*map(importer, ATTRIBUTES), importer(attribute)))

    lost = found(mapped(realm(**{switch: True})))
    idle = found(mapped(realm(both)))

    assert lost.severity is Severity.HIGH
    assert lost.message == (
        f"no mapper fills {attribute}, and Domino takes {what} from it: people lose theirs at the next login"
    )
    assert idle.severity is Severity.LOW
    assert mapped(realm(both, **{switch: True})).findings == ()
    assert mapped(realm()).findings == ()


@pytest.mark.parametrize(
    ("own", "brokers", "late"),
    [
        ("IMPORT", "", True),
        ("INHERIT", "IMPORT", True),
        ("INHERIT", "FORCE", False),
        ("INHERIT", "", False),
        ("", "IMPORT", True),
        ("FORCE", "IMPORT", False),
        ("LEGACY", "IMPORT", False),
    ],
)
def test_what_is_taken_over_once_alone_is_medium(own: str, brokers: str, late: bool) -> None:
    mappers = (*map(importer, ATTRIBUTES), importer("domino-groups", sync=own))

    findings = mapped(realm(broker(mappers=mappers, sync=brokers), external_organizations=True)).findings

    assert [each.severity for each in findings] == ([Severity.MEDIUM] if late else [])


def test_domino_must_be_told_all_of_them() -> None:
    mappers = (*map(importer, ATTRIBUTES), importer("domino-groups"))

    def told(**claims: bool) -> Assessment:
        return mapped(realm(broker(mappers=mappers), external_organizations=True, client=client(**claims)))

    assert found(told()).severity is Severity.HIGH
    assert str(found(told()).subject) == "client/DominoRealm/domino-play"
    assert found(told(domino_groups=False)).severity is Severity.MEDIUM
    assert told(domino_groups=True).findings == ()


def test_names_of_the_switched_attributes_are_the_profiles() -> None:
    mappers = (*map(importer, ATTRIBUTES), importer("orgs"))

    assert (
        mapped(realm(broker(mappers=mappers), external_organizations=True), organizations="orgs").findings
        == ()
    )


@pytest.mark.parametrize(
    ("name_id", "principal", "kind", "healthy"),
    [
        ("transient", "", "", False),
        ("transient", "SUBJECT", "", False),
        ("transient", "ATTRIBUTE", "", True),
        ("transient", "", "saml-username-idp-mapper", True),
        ("persistent", "", "", True),
    ],
)
def test_people_must_be_the_same_at_each_login(
    name_id: str, principal: str, kind: str, healthy: bool
) -> None:
    mappers = tuple(map(importer, ATTRIBUTES))
    if kind:
        mappers = (*mappers, importer("", kind=kind, source="${ATTRIBUTE.uid}"))

    findings = mapped(realm(broker(mappers=mappers, name_id=name_id, principal=principal))).findings

    assert [each.severity for each in findings] == ([] if healthy else [Severity.HIGH])


def test_a_disabled_broker_needs_no_mapper() -> None:
    assessment = mapped(realm(broker(enabled=False, mappers=())))

    assert (len(assessment.population), assessment.findings) == (0, ())


# IDP-006


def test_keycloaks_own_lifetimes_are_healthy() -> None:
    assessment = lasting(realm())

    assert assessment.findings == ()
    table, _ = assessment.attachments
    assert table.rows == (("realm/DominoRealm", "5 m", "30 m", "10 h"),)


@pytest.mark.parametrize(
    ("token", "idle", "longest", "findings"),
    [
        (5, 30, 600, 0),
        (29, 30, 31, 0),
        (30, 30, 600, 1),
        (60, 30, 600, 1),
        (5, 600, 600, 1),
        (5, 700, 600, 1),
        (700, 600, 500, 2),
    ],
)
def test_each_lifetime_is_shorter_than_the_next(token: int, idle: int, longest: int, findings: int) -> None:
    assessment = lasting(realm(access_token=token * MINUTE, idle=idle * MINUTE, longest=longest * MINUTE))

    assert [each.severity for each in assessment.findings] == [Severity.MEDIUM] * findings


def test_dominos_own_lifetime_of_tokens_counts_too() -> None:
    own = msgspec.structs.replace(client(), access_token=31 * MINUTE)

    finding = found(lasting(realm(client=own)))

    assert finding.message == "Domino's access token lasts 31 m, and idle sessions 30 m: it must be shorter"


@pytest.mark.parametrize("skew", [30.0, -30.0])
def test_half_a_minute_apart_is_together(skew: float) -> None:
    assert lasting(realm(skew=skew)).findings == ()
    finding = found(lasting(realm(skew=skew * 1.01)))
    assert finding.severity is Severity.MEDIUM
    assert str(finding.subject) == "realm/DominoRealm", "of two, this machine's is not blamed"


def test_the_odd_clock_out_is_named() -> None:
    cluster = Clock(skew=0, source="cluster prod")

    assert subjects(lasting(realm(skew=0.0), providers=[metadata(skew=90.0)], clocks=[cluster])) == [
        "identityprovider/idp"
    ]
    assert subjects(lasting(realm(skew=90.0), providers=[metadata(skew=90.0)])) == ["clock/this machine"]
    assert subjects(lasting(realm(skew=0.0), clocks=[Clock(skew=-45, source="cluster prod")])) == [
        "clock/cluster prod"
    ]


def subjects(assessment: Assessment) -> list[str]:
    return [str(each.subject) for each in assessment.findings]


def test_how_far_and_which_way_is_told() -> None:
    message = found(lasting(realm(skew=-90.0))).message

    assert message == "its clock is 1 m 30 s behind the others; at most 30 s wanted"


def test_a_clock_that_is_not_known_is_not_judged() -> None:
    clocks = [Clock(skew=0, source="this machine")]

    assert lasting(realm(skew=None), providers=[metadata(skew=None)], clocks=clocks).findings == ()


def test_how_far_apart_is_the_profiles() -> None:
    assert lasting(realm(skew=90.0), max_skew=2 * MINUTE).findings == ()


def test_a_disabled_realm_has_no_lifetimes() -> None:
    assert len(lasting(realm(enabled=False)).population) == 0


def test_several_addresses_are_several() -> None:
    services = (SamlService("HTTP-POST", SIGN_ON), SamlService("HTTP-Redirect", "https://idp.example.com/r"))

    assert (
        trust([realm(broker(sign_on="https://idp.example.com/r"))], [metadata(sign_on=services)]).findings
        == ()
    )
