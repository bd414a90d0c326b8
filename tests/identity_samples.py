"""Facts of identity with a value in every field: a field that no sample has is one that nobody reads."""

from datetime import UTC, datetime, timedelta

import msgspec

from domino_health.facts.keycloak import (
    Broker,
    BrokerMapper,
    ClaimMapper,
    DominoClient,
    KeycloakRealm,
    RealmKey,
)
from domino_health.facts.ldap import LdapDirectory
from domino_health.facts.login import SamlLogin
from domino_health.facts.saml import SamlKey, SamlMetadata, SamlService
from domino_health.facts.tls import Certificate, TlsEndpoint

MOMENT = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
CERTIFICATE = Certificate("CN=a", "CN=b", MOMENT, MOMENT, "7", "00ff", ("a.example.com",), "EC", 256, "sha1")
SERVICES = (SamlService("HTTP-POST", "https://idp.example.com/sso"),)

SAMPLES: list[msgspec.Struct] = [
    SamlMetadata(
        name="corporate idp",
        source="https://idp.example.com/metadata",
        entity_id="https://idp.example.com",
        keys=(SamlKey(CERTIFICATE, "signing"),),
        unreadable_keys=1,
        sign_on=SERVICES,
        log_out=SERVICES,
        name_ids=("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",),
        wants_signed_requests=True,
        signature="invalid",
        signature_problem="it is by another key",
        signature_method="rsa-sha256",
        digest_method="sha256",
        valid_until=MOMENT,
        cache_duration=timedelta(hours=1),
        sha256="00ff",
        expected_entity_id="https://idp.example.com",
        broker="corporate",
        pinned=True,
        skew=-1.5,
    ),
    KeycloakRealm(
        url="https://domino.example.com/auth",
        realm="DominoRealm",
        enabled=False,
        access_token=timedelta(minutes=5),
        idle=timedelta(minutes=30),
        longest=timedelta(hours=10),
        brokers=(
            Broker(
                realm="DominoRealm",
                alias="corporate",
                protocol="saml",
                enabled=False,
                entity_id="https://idp.example.com",
                sign_on="https://idp.example.com/sso",
                certificates=(CERTIFICATE,),
                unreadable_certificates=1,
                validates=False,
                metadata_url="https://idp.example.com/metadata",
                follows_metadata=True,
                signs_requests=True,
                name_id="persistent",
                principal="ATTRIBUTE",
                sync="FORCE",
                mappers=(BrokerMapper("mail", "saml-user-attribute-idp-mapper", "mail", "email", "INHERIT"),),
            ),
        ),
        keys=(RealmKey("SIG", "ACTIVE", "RS256", CERTIFICATE),),
        client=DominoClient(
            "domino-play",
            enabled=False,
            access_token=timedelta(minutes=2),
            claims=(ClaimMapper("profile", "domino-groups", "groups", multivalued=True),),
        ),
        external_organizations=True,
        external_roles=True,
        skew=2.0,
    ),
    SamlLogin(
        realm="DominoRealm",
        broker="corporate",
        ended="response",
        said="Sign in (status 200, at idp.example.com:443)",
        asked="idp.example.com:443",
        status="Success",
        signature="invalid",
        signature_problem="the broker does not trust CN=idp",
        signer="CN=idp",
        issuer="https://idp.example.com",
        destination="https://a",
        expected_destination="https://b",
        audience=("https://c",),
        expected_audience="https://d",
        answers=False,
        not_before=MOMENT,
        not_after=MOMENT,
        encrypted=True,
        attributes=("mail",),
        skew=1.0,
        took=timedelta(seconds=2),
    ),
    LdapDirectory(
        name="corporate",
        address="ldaps://ldap.example.com:636",
        endpoint=TlsEndpoint("corporate", "ldap.example.com:636", "ldap.example.com", (CERTIFICATE,)),
        bind=49,
        bind_said="invalidCredentials",
        search=32,
        search_said="noSuchObject",
        base="ou=people",
        filter="(uid=ana)",
        named=True,
        found=2,
        missing=("mail",),
        groups=3,
        group_attribute="memberOf",
        took=timedelta(seconds=0.1),
    ),
]
