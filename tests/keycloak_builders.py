"""Facts of Domino's Keycloak for tests, healthy unless told otherwise."""

from datetime import timedelta
from typing import Any

from domino_health.facts.keycloak import Broker, BrokerMapper, ClaimMapper, DominoClient, KeycloakRealm
from domino_health.facts.tls import Certificate
from saml_builders import ENTITY, SIGN_ON, signs

ATTRIBUTES = ("email", "firstName", "lastName")


def importer(target: str, source: str = "", **more: Any) -> BrokerMapper:
    """An Attribute Importer."""
    given: dict[str, Any] = {"kind": "saml-user-attribute-idp-mapper", "sync": "FORCE"}
    return BrokerMapper(name=target, source=source or target, target=target, **{**given, **more})


def broker(*trusted: Certificate, **more: Any) -> Broker:
    """A SAML broker that trusts one certificate and takes over what Domino needs."""
    given: dict[str, Any] = {
        "realm": "DominoRealm",
        "alias": "corporate",
        "protocol": "saml",
        "entity_id": ENTITY,
        "sign_on": SIGN_ON,
        "certificates": trusted or (signs(),),
        "name_id": "persistent",
        "mappers": tuple(map(importer, ATTRIBUTES)),
    }
    return Broker(**{**given, **more})


def realm(*brokers: Broker, **more: Any) -> KeycloakRealm:
    """Domino's realm, with Keycloak's own lifetimes."""
    given: dict[str, Any] = {
        "url": "https://domino.example.com/auth",
        "realm": "DominoRealm",
        "access_token": timedelta(minutes=5),
        "idle": timedelta(minutes=30),
        "longest": timedelta(hours=10),
        "brokers": brokers or (broker(),),
    }
    return KeycloakRealm(**{**given, **more})


def client(**claims: bool) -> DominoClient:
    """Domino's own client; ``claims``: attribute (with ``_`` for ``-``) to whether it is multivalued."""
    mappers = [
        ClaimMapper("", name.replace("_", "-"), name.replace("_", "-"), many) for name, many in claims.items()
    ]
    return DominoClient("domino-play", claims=tuple(mappers))
