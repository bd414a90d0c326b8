"""Looking at Keycloak: what is kept of a realm, what is not, and what is told when it may not be looked at.

The server is the lab's FAKE, or a stub; ``tests/integration`` asks a real Keycloak.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from certificates import days
from domino_health.collectors import keycloak
from domino_health.collectors.looking import CollectionError, Deadline, Look, Shared
from domino_health.facts.keycloak import BrokerMapper, ClaimMapper, KeycloakRealm
from domino_health.facts.observed import Outcome
from domino_health.lab.keycloak import KeycloakApi, Realm, broker, importer
from domino_health.lab.saml_documents import SigningKey, signing_key
from domino_health.lab.serving import Answer, TlsServer
from domino_health.profile import Profile
from fault_server import dead_port, says
from stubs import SLACK, StartStub, Trust, opened, plain_environment, stub, trust  # noqa: F401

pytestmark = pytest.mark.usefixtures("plain_environment")

SECRET = "s3cret-of-the-client"
ENTITY, SIGN_ON = "https://idp.example.com", "https://idp.example.com/sso"
CLIENT = {
    "id": "56690ca4",
    "clientId": "domino-play",
    "secret": "PMcaLn1Y2VIW1XL0CdAOQ",
    "enabled": True,
    "attributes": {"access.token.lifespan": "120", "client.secret.creation.time": "1796140774"},
    "defaultClientScopes": ["profile"],
    "protocolMappers": [
        {
            "protocolMapper": "oidc-usermodel-attribute-mapper",
            "config": {"user.attribute": "domino-groups", "claim.name": "groups", "multivalued": "true"},
        },
        {"protocolMapper": "oidc-usermodel-realm-role-mapper", "config": {"claim.name": "roles"}},
    ],
}
SCOPES = [
    {
        "name": name,
        "protocolMappers": [
            {
                "protocolMapper": "oidc-usermodel-attribute-mapper",
                "config": {"user.attribute": f"of-{name}", "claim.name": "x"},
            }
        ],
    }
    for name in ("profile", "address")
]


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return signing_key("idp", days(-10), days(300))


@pytest.fixture
def api(key: SigningKey) -> KeycloakApi:
    corporate = broker("corporate", ENTITY, SIGN_ON, [key])
    mappers = {"corporate": [importer("mail", "email")]}
    realm = Realm([key], [corporate], mappers, [CLIENT], SCOPES)
    return KeycloakApi(SECRET, realm, lambda: datetime.now(UTC))


Look_ = Callable[..., KeycloakRealm]


@pytest.fixture
def looked(api: KeycloakApi, trust: Trust) -> Iterator[Look_]:
    with ExitStack() as stack:

        def review(target: str, authorization: str, body: bytes) -> Answer | None:
            return api.review(target, authorization, body)

        def answer(target: str, authorization: str) -> Answer:
            return api.answer(target, authorization)

        server = stack.enter_context(TlsServer("keycloak", trust.context, answer, review))

        def look(**more: Any) -> KeycloakRealm:
            return look_at(f"https://{server.address}/auth", trust, **more)

        yield look


def look_at(url: str, trust: Trust, seconds: float = 5, **more: Any) -> KeycloakRealm:
    section = {"url": url, "client_secret": SECRET, "ca_file": str(trust.ca_file), **more}
    profile = Profile.model_validate({"version": 1, "keycloak": section})
    (target,) = keycloak.keycloak_realms(Look(profile, Shared()))
    (seen,) = target.look(Deadline(timedelta(seconds=seconds)), lambda _: None)
    return seen


def refused(look: Look_, **more: Any) -> CollectionError:
    with pytest.raises(CollectionError) as caught:
        look(**more)
    assert caught.value.cure
    assert SECRET not in caught.value.reason + caught.value.cure
    return caught.value


# What is kept


def test_a_realm_is_kept_with_its_brokers_mappers_and_keys(looked: Look_, key: SigningKey) -> None:
    realm = looked()

    assert (realm.realm, realm.enabled, realm.client) == ("DominoRealm", True, None)
    assert (realm.access_token, realm.idle, realm.longest) == (
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=10),
    )
    (one,) = realm.brokers
    assert (one.alias, one.protocol, one.entity_id, one.sign_on) == ("corporate", "saml", ENTITY, SIGN_ON)
    assert [each.subject for each in one.certificates] == ["CN=idp"]
    assert one.validates
    assert one.signs_requests
    assert one.name_id == "persistent"
    assert one.mappers == (BrokerMapper("email", "saml-user-attribute-idp-mapper", "mail", "email", "FORCE"),)
    assert [(each.use, each.certificate.subject) for each in realm.keys] == [("SIG", "CN=idp")]
    assert realm.skew == 0.0


def test_what_the_profile_says_of_switches_is_kept(looked: Look_) -> None:
    realm = looked(external_organizations=True)

    assert (realm.external_organizations, realm.external_roles) == (True, False)


def test_dominos_client_is_looked_at_where_the_profile_names_it(looked: Look_) -> None:
    client = looked(domino_client="domino-play").client

    assert client is not None
    assert client.access_token == timedelta(minutes=2)
    assert client.claims == (
        ClaimMapper("", "domino-groups", "groups", multivalued=True),
        ClaimMapper("profile", "of-profile", "x"),
    )


def test_no_secret_is_kept(looked: Look_) -> None:
    kept = msgspec.json.encode(looked(domino_client="domino-play")).decode()

    assert str(CLIENT["secret"]) not in kept
    assert SECRET not in kept
    assert "lab." not in kept


def test_a_client_that_is_not_there_is_told(looked: Look_) -> None:
    error = refused(looked, domino_client="Domino-Play")

    assert "there is no client Domino-Play" in error.reason
    assert "view-clients" in error.cure


def test_several_certificates_of_a_broker_are_read_and_the_others_counted(
    api: KeycloakApi, looked: Look_, key: SigningKey
) -> None:
    lines = "\n".join(key.base64[at : at + 64] for at in range(0, len(key.base64), 64))
    config = {"signingCertificate": f" {lines} , garbage,,{key.base64}"}
    api.realm = replace(api.realm, brokers=[broker("corporate", ENTITY, SIGN_ON, [], **config)])

    (one,) = looked().brokers

    assert (len(one.certificates), one.unreadable_certificates) == (2, 1)


@pytest.mark.parametrize(
    ("config", "field", "value"),
    [
        ({"validateSignature": "false"}, "validates", False),
        ({"useMetadataDescriptorUrl": "true"}, "follows_metadata", True),
        ({"metadataDescriptorUrl": "https://m"}, "metadata_url", "https://m"),
        ({"principalType": "ATTRIBUTE"}, "principal", "ATTRIBUTE"),
        ({"syncMode": "FORCE"}, "sync", "FORCE"),
        ({"wantAuthnRequestsSigned": "false"}, "signs_requests", False),
    ],
)
def test_what_a_broker_is_told_is_kept(
    api: KeycloakApi, looked: Look_, config: dict[str, str], field: str, value: object
) -> None:
    api.realm = replace(api.realm, brokers=[broker("corporate", ENTITY, SIGN_ON, [], **config)])

    assert getattr(looked().brokers[0], field) == value


def test_a_broker_of_openid_connect_is_kept_too(api: KeycloakApi, looked: Look_) -> None:
    config = {"issuer": "https://oidc", "authorizationUrl": "https://oidc/auth", "clientSecret": "**********"}
    oidc = {"alias": "entra", "providerId": "oidc", "enabled": False, "config": config}
    mapper = {
        "name": "groups",
        "identityProviderMapper": "oidc-user-attribute-idp-mapper",
        "config": {"claim": "groups", "user.attribute": "domino-groups", "syncMode": "INHERIT"},
    }
    api.realm = replace(api.realm, brokers=[oidc], mappers={"entra": [mapper]})

    (one,) = looked().brokers

    assert (one.protocol, one.enabled, one.entity_id, one.sign_on) == (
        "oidc",
        False,
        "https://oidc",
        "https://oidc/auth",
    )
    assert one.mappers[0].source == "groups"
    assert not one.validates


def test_an_alias_with_odd_characters_is_asked_for_as_it_is(api: KeycloakApi, looked: Look_) -> None:
    alias = "corporate idp/Ä?#"
    api.realm = replace(
        api.realm, brokers=[broker(alias, ENTITY, SIGN_ON, [])], mappers={alias: [importer("mail", "email")]}
    )

    assert looked().brokers[0].mappers[0].target == "email"


@pytest.mark.parametrize("ahead", [-120, 0, 120])
def test_its_clock_is_told_by_the_token(api: KeycloakApi, looked: Look_, ahead: int) -> None:
    api._now = lambda: datetime.now(UTC) + timedelta(seconds=ahead)

    skew = looked().skew

    assert skew is not None
    assert abs(skew - ahead) < SLACK


def test_a_token_that_says_nothing_tells_no_clock(looked: Look_, monkeypatch: pytest.MonkeyPatch) -> None:
    for token in ("lab.opaque", "lab.%%%.x", "lab", f"lab.{base64.urlsafe_b64encode(b'[]').decode()}.x"):
        monkeypatch.setattr(KeycloakApi, "_token", lambda _, token=token: token)
        if token.startswith("lab."):
            assert looked().skew is None


# What may not be looked at


def test_a_realm_that_is_off_is_no_failure_to_look(api: KeycloakApi, looked: Look_) -> None:
    api.realm = replace(api.realm, enabled=False)

    realm = looked()

    assert (realm.enabled, realm.brokers) == (False, ())


def test_a_wrong_secret_is_told_without_it(looked: Look_) -> None:
    error = refused(looked, client_secret="wrong-secret-of-it")

    assert error.outcome is Outcome.DENIED
    assert "Invalid client" in error.reason
    assert "wrong-secret-of-it" not in error.reason
    assert "service account" in error.cure


def test_a_realm_that_is_not_there_is_told(looked: Look_) -> None:
    error = refused(looked, realm="dominorealm")

    assert error.outcome is Outcome.FAILED
    assert "Realm does not exist" in error.reason
    assert "/auth" in error.cure


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/DominoRealm", "view-realm"),
        ("/instances", "view-identity-providers"),
        ("/mappers", "view-identity-providers"),
        ("/keys", "view-realm"),
        ("/clients", "view-clients"),
        ("/client-scopes", "view-clients"),
    ],
)
def test_a_role_that_is_missing_is_named(api: KeycloakApi, looked: Look_, path: str, role: str) -> None:
    api.denied = {path}

    error = refused(looked, domino_client="domino-play")

    assert error.outcome is Outcome.DENIED
    assert role in error.cure


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>sign in</html>",
        b"[]",
        b"{}",
        b"null",
        b'{"access_token": 7}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_an_answer_that_is_none_is_told(stub: StartStub, trust: Trust, body: bytes) -> None:
    server = stub(says(200, body))

    error = refused(lambda: look_at(server.url, trust))

    assert "gave no answer of Keycloak's" in error.reason


@pytest.mark.parametrize("body", [b"", b"{}", b'{"realm": "x"}', b'{"realm": "x", "enabled": "yes"}', b"[]"])
def test_an_answer_that_is_no_realm_is_told(stub: StartStub, trust: Trust, body: bytes) -> None:
    token = json.dumps({"access_token": "abcdefgh"})

    def answer(exchange: Any) -> None:
        says(200, token if exchange.request.method == "POST" else body)(exchange)

    error = refused(lambda: look_at(stub(answer).url, trust))

    assert "gave no answer of Keycloak's" in error.reason


def test_more_brokers_than_any_realm_has_are_refused(api: KeycloakApi, looked: Look_) -> None:
    many = [broker(f"b{number}", ENTITY, SIGN_ON, []) for number in range(keycloak.MOST + 1)]
    api.realm = replace(api.realm, brokers=many)

    assert "no answer of Keycloak's" in refused(looked).reason


def test_a_hung_keycloak_costs_its_deadline(stub: StartStub, trust: Trust) -> None:
    server = stub(lambda exchange: exchange.hang())
    began = time.monotonic()

    error = refused(lambda: look_at(server.url, trust, seconds=0.5))

    assert time.monotonic() - began < 0.5 + SLACK
    assert error.outcome is Outcome.TIMED_OUT


def test_nobody_there_is_told(trust: Trust) -> None:
    error = refused(lambda: look_at(f"https://127.0.0.1:{dead_port()}/auth", trust))

    assert "connection refused" in error.reason


def test_a_server_error_is_told(stub: StartStub, trust: Trust) -> None:
    error = refused(lambda: look_at(stub(says(503, "starting")).url, trust))

    assert "status 503" in error.reason
    assert error.cure == "see the health of Keycloak"


def test_only_https_is_asked() -> None:
    section = {"url": "http://domino.example.com/auth", "client_secret": SECRET}

    with pytest.raises(ValueError, match="https"):
        Profile.model_validate({"version": 1, "keycloak": section})
