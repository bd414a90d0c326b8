"""How people log in at the lab: a company's identity provider, Domino's Keycloak, a directory. All are FAKES.

The identity provider publishes real, signed metadata (``saml_documents``) and gives real, signed responses
(``sign_in``); Keycloak answers its admin API (``keycloak``) and sends people on, and takes no response; the
directory knows four people (``ldap``).
"""

import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domino_health.lab import ldap, saml_documents, sign_in
from domino_health.lab.keycloak import REALM, KeycloakApi, Realm, broker, importer
from domino_health.lab.saml_documents import SigningKey, signing_key
from domino_health.lab.serving import Answer, TlsServer
from domino_health.lab.tls import PAGE, Speaker

ENTITY_ID = "https://idp.demo.internal/saml"
METADATA, SIGN_ON = "/saml/metadata", "/saml/sso"
"""Where the identity provider publishes its metadata, and where people log in."""
BROKER = "corporate"
PEOPLE = "ou=people,dc=demo,dc=internal"
GROUP = "cn=domino-users,ou=groups,dc=demo,dc=internal"
ACCOUNT = "cn=domino,ou=services,dc=demo,dc=internal"
TEST_USER = "ana"
MAPPED = {"mail": "email", "givenName": "firstName", "surname": "lastName"}
_MARGIN = timedelta(minutes=30)
"""More than they say, so that reports show whole days."""
_ASKED = f"/auth/realms/{REALM}/protocol/openid-connect/auth?"


@dataclass(frozen=True)
class Identity:
    """What the lab's endpoints say, beside showing a certificate."""

    speakers: Mapping[str, Speaker]
    """By the variable that names the endpoint (``tls.ENDPOINTS``)."""
    variables: Mapping[str, str]
    """What a profile needs to ask them: a file, and secrets of this run alone."""


@dataclass(frozen=True)
class _Keys:
    """What is signed by, each with its certificate."""

    metadata: SigningKey
    responses: SigningKey
    following: SigningKey | None
    """Published, and not used yet."""
    old: SigningKey | None
    """Published, and ended."""
    realm: SigningKey

    @property
    def published(self) -> list[SigningKey]:
        return [each for each in (self.responses, self.following, self.old) if each]

    @property
    def trusted(self) -> list[SigningKey]:
        return [each for each in (self.responses, self.old) if each]


def prepare(folder: Path, now: datetime, *, faulty: bool) -> Identity:
    """The identity provider, Keycloak and the directory, ready to be served.

    In the faulty lab the broker was not told of the next signing certificate, an expired one is still
    published, the metadata ends today, organisations are mapped no more, an access token outlives its
    session, Keycloak's own key ends, and responses have no surname. (The directory's certificate has
    ended: ``tls.ENDPOINTS``.)

    Args:
        folder: for the certificate that signs the metadata.
        now: the lab's beginning.
        faulty: with these faults, or without any.
    """
    keys = _keys(now, faulty=faulty)
    file = folder / "idp-metadata-signer.pem"
    file.write_bytes(keys.metadata.pem)
    secret, password, test_password = (secrets.token_urlsafe() for _ in range(3))
    api = KeycloakApi(secret, Realm(), lambda: datetime.now(UTC))
    sent = {name: "example" for name in (*MAPPED, "groups") if not (faulty and name == "surname")}
    provider = sign_in.IdentityProvider(ENTITY_ID, "", keys.responses, {TEST_USER: test_password}, sent)
    people = ldap.people(PEOPLE, TEST_USER, "ben", "chen", "dee", group=GROUP)
    contents = ldap.Contents(people, {ACCOUNT: password})
    valid_until = now + (timedelta(hours=10) if faulty else timedelta(days=14))

    def corporate_idp(name: str, context: ssl.SSLContext) -> TlsServer:
        def publish(target: str, _authorization: str) -> Answer:
            return Answer(200, document, "application/samlmetadata+xml") if target == METADATA else PAGE

        def take(target: str, _authorization: str, body: bytes) -> Answer | None:
            return provider.submitted(body, datetime.now(UTC)) if target == SIGN_ON else None

        server = TlsServer(name, context, publish, take)
        provider.sign_on = f"https://{server.address}{SIGN_ON}"
        document = _metadata(keys, provider.sign_on, valid_until)
        api.realm = _realm(keys, provider.sign_on, faulty=faulty)
        return server

    def front_end(name: str, context: ssl.SSLContext) -> TlsServer:
        def administer(target: str, authorization: str) -> Answer:
            if target.startswith("/auth/admin/"):
                return api.answer(target, authorization)
            if target.startswith(_ASKED):
                consumer = f"{root}/broker/{BROKER}/endpoint"
                return sign_in.asks(provider.sign_on, consumer, root, datetime.now(UTC))
            return PAGE

        server = TlsServer(name, context, administer, api.review)
        root = f"https://{server.address}/auth/realms/{REALM}"
        return server

    return Identity(
        speakers={
            "LAB_CORPORATE_IDP": corporate_idp,
            "LAB_FRONT_END": front_end,
            "LAB_LDAP": lambda name, context: ldap.LdapServer(name, context, contents),
        },
        variables={
            "LAB_IDP_SIGNER": str(file),
            "LAB_KEYCLOAK_SECRET": secret,
            "LAB_LDAP_PASSWORD": password,
            "LAB_TEST_PASSWORD": test_password,
        },
    )


def _keys(now: datetime, *, faulty: bool) -> _Keys:
    began = now - timedelta(days=300)

    def key(name: str, days: float) -> SigningKey:
        return signing_key(f"{name} signing", began, now + timedelta(days=days) + _MARGIN)

    return _Keys(
        metadata=key("idp.demo.internal metadata", 300),
        responses=key("idp.demo.internal", 12 if faulty else 300),
        following=key("idp.demo.internal next", 600) if faulty else None,
        old=key("idp.demo.internal old", -3) if faulty else None,
        realm=key(REALM, 25 if faulty else 300),
    )


def _metadata(keys: _Keys, sign_on: str, valid_until: datetime) -> bytes:
    return saml_documents.metadata(
        ENTITY_ID,
        sign_on,
        keys.published,
        signed_by=keys.metadata,
        valid_until=valid_until,
        cache=timedelta(hours=6),
        wants_signed_requests=True,
    )


def _realm(keys: _Keys, sign_on: str, *, faulty: bool) -> Realm:
    mappers = [importer(source, to) for source, to in MAPPED.items()]
    if not faulty:
        mappers.append(importer("groups", "domino-groups"))
    return Realm(
        keys=[keys.realm],
        brokers=[broker(BROKER, ENTITY_ID, sign_on, keys.trusted)],
        mappers={BROKER: mappers},
        access_token=timedelta(hours=1) if faulty else timedelta(minutes=5),
    )
