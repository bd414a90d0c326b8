"""How people log in at the lab: a company's identity provider, Domino's Keycloak, a directory. All are FAKES.

The identity provider publishes real, signed metadata (``saml_documents``); Keycloak answers its admin API
alone (``keycloak``); the directory knows four people (``ldap``). Nobody can log in.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domino_health.lab import ldap, saml_documents
from domino_health.lab.keycloak import KeycloakApi, Realm, broker, importer
from domino_health.lab.saml_documents import SigningKey, signing_key
from domino_health.lab.serving import Answer, TlsServer
from domino_health.lab.tls import PAGE, Speaker

ENTITY_ID = "https://idp.demo.internal/saml"
SIGN_ON = "https://idp.demo.internal/saml/sso"
METADATA = "/saml/metadata"
"""Where the identity provider publishes it."""
PEOPLE = "ou=people,dc=demo,dc=internal"
GROUP = "cn=domino-users,ou=groups,dc=demo,dc=internal"
ACCOUNT = "cn=domino,ou=services,dc=demo,dc=internal"
MAPPED = {"mail": "email", "givenName": "firstName", "surname": "lastName"}
_MARGIN = timedelta(minutes=30)
"""More than they say, so that reports show whole days."""


@dataclass(frozen=True)
class Identity:
    """What the lab's endpoints say, beside showing a certificate."""

    speakers: Mapping[str, Speaker]
    """By the variable that names the endpoint (``tls.ENDPOINTS``)."""
    variables: Mapping[str, str]
    """What a profile needs to ask them: a file, and secrets of this run alone."""


def prepare(folder: Path, now: datetime, *, faulty: bool) -> Identity:
    """The identity provider, Keycloak and the directory, ready to be served.

    In the faulty lab the broker was not told of the next signing certificate, an expired one is still
    published, the metadata ends today, organisations are mapped no more, an access token outlives its
    session, and Keycloak's own key ends. (The directory's certificate has ended: ``tls.ENDPOINTS``.)

    Args:
        folder: for the certificate that signs the metadata.
        now: the lab's beginning.
        faulty: with these faults, or without any.
    """
    started = now - timedelta(days=300)

    def key(name: str, days: float) -> SigningKey:
        return signing_key(f"{name} signing", started, now + timedelta(days=days) + _MARGIN)

    signer = key("idp.demo.internal metadata", 300)
    present = key("idp.demo.internal", 12 if faulty else 300)
    following = [key("idp.demo.internal next", 600), key("idp.demo.internal old", -3)] if faulty else []
    document = saml_documents.metadata(
        ENTITY_ID,
        SIGN_ON,
        [present, *following],
        signed_by=signer,
        valid_until=now + (timedelta(hours=10) if faulty else timedelta(days=14)),
        cache=timedelta(hours=6),
        wants_signed_requests=True,
    )
    file = folder / "idp-metadata-signer.pem"
    file.write_bytes(signer.pem)
    secret, password = secrets.token_urlsafe(), secrets.token_urlsafe()
    trusted = [present, *following[1:]]
    mappers = [importer(source, to) for source, to in MAPPED.items()]
    if not faulty:
        mappers.append(importer("groups", "domino-groups"))
    realm = Realm(
        keys=[key("DominoRealm", 25 if faulty else 300)],
        brokers=[broker("corporate", ENTITY_ID, SIGN_ON, trusted)],
        mappers={"corporate": mappers},
        access_token=timedelta(hours=1) if faulty else timedelta(minutes=5),
    )
    api = KeycloakApi(secret, realm, lambda: datetime.now(UTC))
    people = ldap.people(PEOPLE, "ana", "ben", "chen", "dee", group=GROUP)
    contents = ldap.Contents(people, {ACCOUNT: password})

    def publish(target: str, _authorization: str) -> Answer:
        return Answer(200, document, "application/samlmetadata+xml") if target == METADATA else PAGE

    def administer(target: str, authorization: str) -> Answer:
        return api.answer(target, authorization) if target.startswith("/auth/admin/") else PAGE

    return Identity(
        speakers={
            "LAB_CORPORATE_IDP": lambda name, context: TlsServer(name, context, publish),
            "LAB_FRONT_END": lambda name, context: TlsServer(name, context, administer, api.review),
            "LAB_LDAP": lambda name, context: ldap.LdapServer(name, context, contents),
        },
        variables={
            "LAB_IDP_SIGNER": str(file),
            "LAB_KEYCLOAK_SECRET": secret,
            "LAB_LDAP_PASSWORD": password,
        },
    )
