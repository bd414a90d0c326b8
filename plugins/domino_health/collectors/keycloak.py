"""Domino's Keycloak: its realm, brokers, mappers, keys and lifetimes, by the admin API.

The forms are those of Keycloak's admin REST API (``RealmRepresentation``, ``IdentityProviderRepresentation``,
``IdentityProviderMapperRepresentation``, ``KeysMetadataRepresentation``, ``ClientRepresentation``), where
values of a ``config`` are texts, booleans too. What has no name here is never read: a client's secret, say.
"""

import base64
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from domino_health.collectors.looking import CollectionError, Deadline, Look, Target
from domino_health.collectors.saml_metadata import certificate_in
from domino_health.collectors.server import Answer
from domino_health.collectors.web import NEEDS, Site
from domino_health.facts.keycloak import (
    Broker,
    BrokerMapper,
    ClaimMapper,
    DominoClient,
    KeycloakRealm,
    RealmKey,
)
from domino_health.facts.observed import Outcome
from domino_health.facts.tls import Certificate
from domino_health.profile.keycloak import Keycloak
from domino_health.vocabulary import clean

MOST = 200
"""Brokers of a realm, and mappers of each. Domino's has one or two, with a dozen mappers."""
ROLES = "view-realm and view-identity-providers of the client realm-management"
CLIENT_ROLE = "view-clients of the client realm-management, or leave out keycloak.domino_client"

Thing = TypeVar("Thing")
_Some = msgspec.Meta(max_length=MOST)


class _Json(msgspec.Struct, frozen=True, rename="camel"):
    """Of the API: what is not named is skipped."""


class _Token(msgspec.Struct, frozen=True):
    access_token: str


class _Issued(msgspec.Struct, frozen=True):
    iat: float


class _Refusal(msgspec.Struct, frozen=True):
    error: str = ""
    error_description: str = ""


class _Realm(_Json, frozen=True):
    realm: str
    enabled: bool
    access_token_lifespan: int
    sso_session_idle_timeout: int
    sso_session_max_lifespan: int


class _BrokerConfig(_Json, frozen=True):
    idp_entity_id: str | None = None
    single_sign_on_service_url: str | None = None
    signing_certificate: str | None = None
    validate_signature: str | None = None
    metadata_descriptor_url: str | None = None
    use_metadata_descriptor_url: str | None = None
    want_authn_requests_signed: str | None = None
    name_id_policy_format: str | None = msgspec.field(default=None, name="nameIDPolicyFormat")
    principal_type: str | None = None
    sync_mode: str | None = None
    issuer: str | None = None
    authorization_url: str | None = None


class _Broker(_Json, frozen=True):
    alias: str
    provider_id: str
    enabled: bool = True
    config: _BrokerConfig = _BrokerConfig()


class _MapperConfig(msgspec.Struct, frozen=True):
    attribute: str | None = msgspec.field(default=None, name="attribute.name")
    friendly: str | None = msgspec.field(default=None, name="attribute.friendly.name")
    claim: str | None = None
    user_attribute: str | None = msgspec.field(default=None, name="user.attribute")
    hard_coded: str | None = msgspec.field(default=None, name="attribute")
    template: str | None = None
    sync_mode: str | None = msgspec.field(default=None, name="syncMode")


class _Mapper(_Json, frozen=True):
    name: str
    identity_provider_mapper: str
    config: _MapperConfig = _MapperConfig()


class _Key(_Json, frozen=True):
    status: str = ""
    algorithm: str = ""
    use: str = ""
    certificate: str | None = None


class _Keys(_Json, frozen=True):
    keys: list[_Key] = []


class _ClaimConfig(msgspec.Struct, frozen=True):
    attribute: str | None = msgspec.field(default=None, name="user.attribute")
    claim: str | None = msgspec.field(default=None, name="claim.name")
    multivalued: str | None = None


class _Claim(_Json, frozen=True):
    protocol_mapper: str = ""
    config: _ClaimConfig = _ClaimConfig()


class _ClientAttributes(msgspec.Struct, frozen=True):
    lifespan: str | None = msgspec.field(default=None, name="access.token.lifespan")


class _Client(_Json, frozen=True):
    id: str
    client_id: str
    enabled: bool = True
    attributes: _ClientAttributes = _ClientAttributes()
    protocol_mappers: list[_Claim] = []
    default_client_scopes: list[str] = []


class _Scope(_Json, frozen=True):
    name: str
    protocol_mappers: list[_Claim] = []


def keycloak_realms(look: Look) -> list[Target[KeycloakRealm]]:
    """The realm of section ``keycloak``."""
    section = look.profile.keycloak
    if section is None:
        return []
    site, path = _site(section), f"/admin/realms/{quote(section.realm, safe='')}"
    return [Target(section.realm, site.how(path), section.deadline, partial(_look, section), NEEDS)]


def _site(section: Keycloak, token: str = "") -> Site:
    secrets = tuple(each for each in (section.client_secret.get_secret_value(), token) if each)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Site("keycloak", section.url, section.ca_file, headers, secrets)


class _RealmOffError(Exception):
    """The realm itself is disabled, and gives nobody a token."""


def _look(section: Keycloak, deadline: Deadline, say: Callable[[str], None]) -> list[KeycloakRealm]:
    realm = partial(
        KeycloakRealm,
        url=section.url,
        realm=section.realm,
        external_organizations=section.external_organizations,
        external_roles=section.external_roles,
    )
    try:
        token, skew = _token(section, deadline)
    except _RealmOffError:
        return [realm(enabled=False)]
    ask = partial(_ask, section, _site(section, token), deadline)
    told = ask("", _Realm)
    if not told.enabled:
        return [realm(enabled=False, skew=skew)]
    brokers = []
    found = ask("/identity-provider/instances", Annotated[list[_Broker], _Some])
    for number, each in enumerate(found):
        say(f"{number} of {len(found)} brokers")
        path = f"/identity-provider/instances/{quote(each.alias, safe='')}/mappers"
        brokers.append(_broker(section.realm, each, ask(path, Annotated[list[_Mapper], _Some])))
    return [
        realm(
            access_token=timedelta(seconds=told.access_token_lifespan),
            idle=timedelta(seconds=told.sso_session_idle_timeout),
            longest=timedelta(seconds=told.sso_session_max_lifespan),
            brokers=tuple(brokers),
            keys=tuple(_keys(ask("/keys", _Keys))),
            client=_client(section.domino_client, ask) if section.domino_client else None,
            skew=skew,
        )
    ]


def _token(section: Keycloak, deadline: Deadline) -> tuple[str, float | None]:
    """An access token of the service account, and by how much the clock that dated it is ahead of ours."""
    site = _site(section)
    realm = section.account_realm or section.realm
    path = f"/realms/{quote(realm, safe='')}/protocol/openid-connect/token"
    question = {
        "grant_type": "client_credentials",
        "client_id": section.client_id,
        "client_secret": section.client_secret.get_secret_value(),
    }
    began = time.time()
    answer = site.post(path, urlencode(question).encode(), "application/x-www-form-urlencoded", deadline)
    ended = time.time()
    if answer.status != 200:
        raise _no_token(section, realm, site, answer)
    token = _decoded(answer, _Token, site, path).access_token
    return token, _skew(token, began, ended)


def _no_token(section: Keycloak, realm: str, site: Site, answer: Answer) -> Exception:
    try:
        told = msgspec.json.decode(answer.body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = _Refusal()
    if answer.status == 403 and told.error_description == "Realm not enabled" and realm == section.realm:
        return _RealmOffError()
    said = told.error_description or told.error or site.quote(answer.body)
    reason = (
        f"{section.url}: realm {realm} gives client {section.client_id} no token "
        f"(status {answer.status}): {said}"
    )
    if answer.status in (400, 401, 403):
        cure = (
            "see whether client_id and client_secret are those of a client with a service account "
            "(client authentication and service accounts roles on)"
        )
        return CollectionError(reason, cure, Outcome.DENIED)
    if answer.status == 404:
        cure = "see whether keycloak.url ends in /auth as Domino's does, and whether the realm is called so"
        return CollectionError(reason, cure)
    return CollectionError(reason, "see the health of Keycloak")


def _skew(token: str, began: float, ended: float) -> float | None:
    """By a token's ``iat``, in whole seconds: less than one is none. None: it does not say."""
    try:
        payload = token.split(".")[1]
        claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        issued = msgspec.json.decode(claims, type=_Issued)
    except (LookupError, ValueError, RecursionError):
        return None
    ahead = issued.iat + 0.5 - (began + ended) / 2
    return 0.0 if abs(ahead) <= 0.5 + (ended - began) / 2 else round(ahead, 1)


def _ask(section: Keycloak, site: Site, deadline: Deadline, path: str, type: Any) -> Any:
    """The answer to a question about the realm.

    Raises:
        CollectionError: it may not be asked, or there is no answer.
    """
    path = f"/admin/realms/{quote(section.realm, safe='')}{path}"
    answer = site.get(path, deadline)
    if answer.status == 200:
        return _decoded(answer, type, site, path)
    reason = f"{section.url}{path} answered with status {answer.status}: {site.quote(answer.body)}"
    if answer.status in (401, 403):
        role = CLIENT_ROLE if "/client" in path else ROLES
        cure = f"give client {section.client_id}'s account the role {role}"
        raise CollectionError(reason, cure, Outcome.DENIED)
    if answer.status == 404:
        raise CollectionError(reason, "see whether the realm is called so, in this case of letters")
    raise CollectionError(reason, "see the health of Keycloak")


def _decoded(answer: Answer, type: type[Thing], site: Site, path: str) -> Thing:
    try:
        return msgspec.json.decode(answer.body, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CollectionError(
            f"{site.url}{path} gave no answer of Keycloak's: {error}: {site.quote(answer.body)}",
            "see what answers there: a proxy's or a sign-in page?",
        ) from None


def _broker(realm: str, told: _Broker, mappers: list[_Mapper]) -> Broker:
    config = told.config
    written = [each for each in (config.signing_certificate or "").split(",") if each.strip()]
    read = [certificate_in(each) for each in written]
    certificates: tuple[Certificate, ...] = tuple(each for each in read if each is not None)
    return Broker(
        realm=realm,
        alias=clean(told.alias),
        protocol=told.provider_id,
        enabled=told.enabled,
        entity_id=clean(config.idp_entity_id or config.issuer or ""),
        sign_on=clean(config.single_sign_on_service_url or config.authorization_url or ""),
        certificates=certificates,
        unreadable_certificates=len(read) - len(certificates),
        validates=_is_true(config.validate_signature),
        metadata_url=config.metadata_descriptor_url or "",
        follows_metadata=_is_true(config.use_metadata_descriptor_url),
        signs_requests=_is_true(config.want_authn_requests_signed),
        name_id=(config.name_id_policy_format or "").rpartition(":")[2],
        principal=config.principal_type or "",
        sync=config.sync_mode or "",
        mappers=tuple(map(_mapper, mappers)),
    )


def _mapper(told: _Mapper) -> BrokerMapper:
    config = told.config
    return BrokerMapper(
        name=clean(told.name),
        kind=told.identity_provider_mapper,
        source=clean(config.attribute or config.friendly or config.claim or config.template or ""),
        target=clean(config.user_attribute or config.hard_coded or ""),
        sync=config.sync_mode or "",
    )


def _keys(told: _Keys) -> list[RealmKey]:
    """Those with a certificate: the others are for what never leaves Keycloak."""
    return [
        RealmKey(each.use, each.status, each.algorithm, certificate)
        for each in told.keys[:MOST]
        if each.certificate and (certificate := certificate_in(each.certificate))
    ]


def _client(client_id: str, ask: Callable[[str, Any], Any]) -> DominoClient:
    clients = ask(f"/clients?{urlencode({'clientId': client_id})}", list[_Client])
    if not clients:
        raise CollectionError(
            f"there is no client {client_id} in the realm",
            "see keycloak.domino_client, in this case of letters; an account without view-clients sees none",
        )
    told = clients[0]
    scopes = [("", told.protocol_mappers)]
    scopes += [
        (each.name, each.protocol_mappers)
        for each in ask("/client-scopes", list[_Scope])
        if each.name in told.default_client_scopes
    ]
    lifespan = told.attributes.lifespan or ""
    return DominoClient(
        client_id=told.client_id,
        enabled=told.enabled,
        access_token=timedelta(seconds=int(lifespan)) if lifespan.isdecimal() else None,
        claims=tuple(
            ClaimMapper(
                scope,
                clean(each.config.attribute),
                clean(each.config.claim or ""),
                _is_true(each.config.multivalued),
            )
            for scope, mappers in scopes
            for each in mappers
            if each.protocol_mapper == "oidc-usermodel-attribute-mapper" and each.config.attribute
        ),
    )


def _is_true(text: str | None) -> bool:
    return (text or "").lower() == "true"
