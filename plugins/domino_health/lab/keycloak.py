"""A FAKE of Keycloak's admin API: one realm, for the demo and the tests. It logs nobody in.

What it answers has the form that Keycloak 26.7 gave in the integration tests, cut down to a realm's
lifetimes, brokers, mappers, keys and clients; its refusals are in Keycloak's words.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from domino_health.lab.saml_documents import SigningKey
from domino_health.lab.serving import Answer

ACCOUNT = "domino-health"
"""The client whose account may look."""
REALM = "DominoRealm"


@dataclass(frozen=True)
class Realm:
    """What the fake knows of its realm."""

    keys: Sequence[SigningKey] = ()
    """By which it signs."""
    brokers: Sequence[Mapping[str, Any]] = ()
    """``IdentityProviderRepresentation``."""
    mappers: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Of each broker, by its alias."""
    clients: Sequence[Mapping[str, Any]] = ()
    scopes: Sequence[Mapping[str, Any]] = ()
    enabled: bool = True
    access_token: timedelta = timedelta(minutes=5)
    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=10)


def broker(
    alias: str, entity_id: str, sign_on: str, trusted: Sequence[SigningKey], **config: str
) -> dict[str, Any]:
    """A SAML broker, as the admin API has it.

    Args:
        alias: its name.
        entity_id: of the identity provider.
        sign_on: where it sends people.
        trusted: whose responses it believes.
        config: more of its configuration.
    """
    return {
        "alias": alias,
        "internalId": "ad6529fd-803f-485b-8ca6-d96925cee96b",
        "providerId": "saml",
        "enabled": True,
        "config": {
            "validateSignature": "true",
            "signingCertificate": ",".join(each.base64 for each in trusted),
            "nameIDPolicyFormat": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
            "idpEntityId": entity_id,
            "singleSignOnServiceUrl": sign_on,
            "wantAuthnRequestsSigned": "true",
            **config,
        },
    }


def importer(attribute: str, to: str) -> dict[str, Any]:
    """A mapper of the kind Attribute Importer, as the admin API has it."""
    return {
        "id": "07fa4e66-a80c-44d6-99c2-c0a755f824d4",
        "name": to,
        "identityProviderMapper": "saml-user-attribute-idp-mapper",
        "config": {"syncMode": "FORCE", "user.attribute": to, "attribute.name": attribute},
    }


class KeycloakApi:
    """The API as a function of a request."""

    def __init__(self, secret: str, realm: Realm, now: Callable[[], datetime]) -> None:
        self.realm = realm
        self.denied: set[str] = set()
        """Ends of paths that the account may not look at: ``/instances``."""
        self._secret = secret
        self._now = now

    def answer(self, target: str, authorization: str) -> Answer:
        """The answer to a GET."""
        parts = urlsplit(target)
        root = f"/auth/admin/realms/{REALM}"
        if not authorization.startswith("Bearer lab."):
            return _refusal(401, "HTTP 401 Unauthorized")
        if not (parts.path == root or parts.path.startswith(f"{root}/")):
            return _refusal(404, "Realm not found.")
        if any(parts.path.endswith(each) for each in self.denied):
            return _refusal(403, "HTTP 403 Forbidden")
        known = self._known(parts.path.removeprefix(root), dict(parse_qsl(parts.query)))
        return _refusal(404, "HTTP 404 Not Found") if known is None else _json(200, known)

    def review(self, target: str, _authorization: str, body: bytes) -> Answer | None:
        """The answer to a POST: a token for the account, and nothing else."""
        if target != f"/auth/realms/{REALM}/protocol/openid-connect/token":
            return _refusal(404, "Realm does not exist") if target.startswith("/auth/realms/") else None
        if not self.realm.enabled:
            return _json(403, {"error": "access_denied", "error_description": "Realm not enabled"})
        given = {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
        if (given.get("client_id"), given.get("client_secret")) != (ACCOUNT, self._secret):
            told = "Invalid client or Invalid client credentials"
            return _json(401, {"error": "unauthorized_client", "error_description": told})
        return _json(200, {"access_token": self._token(), "expires_in": 300, "token_type": "Bearer"})

    def _token(self) -> str:
        claims = json.dumps({"iat": int(self._now().timestamp())}).encode()
        return f"lab.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.unsigned"

    def _known(self, path: str, query: Mapping[str, str]) -> Any:
        realm = self.realm
        if path == "":
            return {
                "realm": REALM,
                "enabled": realm.enabled,
                "accessTokenLifespan": _seconds(realm.access_token),
                "ssoSessionIdleTimeout": _seconds(realm.idle),
                "ssoSessionMaxLifespan": _seconds(realm.longest),
            }
        mappers = {
            f"/identity-provider/instances/{alias}/mappers": each for alias, each in realm.mappers.items()
        }
        lists: dict[str, Any] = {
            "/identity-provider/instances": list(realm.brokers),
            "/keys": {"keys": list(map(_key, realm.keys))},
            "/clients": [each for each in realm.clients if each["clientId"] == query.get("clientId")],
            "/client-scopes": list(realm.scopes),
            **{name: list(each) for name, each in mappers.items()},
        }
        return lists.get(unquote(path))


def _key(key: SigningKey) -> dict[str, Any]:
    return {"status": "ACTIVE", "type": "RSA", "algorithm": "RS256", "use": "SIG", "certificate": key.base64}


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())


def _refusal(status: int, error: str) -> Answer:
    return _json(status, {"error": error})


def _json(status: int, content: Any) -> Answer:
    return Answer(status, json.dumps(content).encode())
