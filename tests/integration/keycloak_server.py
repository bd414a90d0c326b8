"""A real Keycloak on loopback: realm ``corp`` is the company's identity provider, ``DominoRealm`` the broker.

``keycloak/install.sh`` installs and builds it. One server plays both parts, as two realms of it know nothing
of each other. Tests change it by its own admin API, and leave it as they found it.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from certificates import authority, write_bundle
from component import Component, Server, free_ports

_INSTALL = Path(__file__).parent / "keycloak" / "install.sh"
HOST = "localhost"
CORP, DOMINO = "corp", "DominoRealm"
ALIAS = "domino-credentials"
ACCOUNT, ACCOUNT_SECRET = "domino-health", "s3cret-of-domino-health"
PERSON, PASSWORD = "ana", "s3cret-of-ana"
ATTRIBUTES = {"mail": "email", "givenName": "firstName", "surname": "lastName"}
"""What the identity provider calls them, and Keycloak's users."""
ATTRIBUTE_FORMAT = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"


def home() -> Path:
    """Where it is looked for: where its installer puts it."""
    told = subprocess.run([_INSTALL, "--where"], check=True, capture_output=True, text=True, timeout=30)
    return Path(told.stdout.strip())


def find_keycloak() -> Path | None:
    """Its directory, or None where it is not installed and built."""
    return home() if (home() / "domino-health-stamp").is_file() and shutil.which("java") else None


@dataclass
class Admin:
    """Its admin API, as the administrator."""

    url: str
    ca_file: Path
    password: str = field(repr=False)
    _token: str = field(default="", repr=False)

    def __call__(self, method: str, path: str, content: Any = None) -> Any:
        """The answer to a request about ``/admin/realms``; an error where it is refused.

        Raises:
            requests.HTTPError: it was refused.
        """
        for _ in range(2):
            answer = requests.request(
                method,
                f"{self.url}/admin/realms{path}",
                json=content if not isinstance(content, bytes) else None,
                data=content if isinstance(content, bytes) else None,
                headers={"Authorization": f"Bearer {self._token}"},
                verify=str(self.ca_file),
                timeout=30,
            )
            if answer.status_code != 401:
                break
            self._log_in()
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _log_in(self) -> None:
        given = {"grant_type": "password", "client_id": "admin-cli", "username": "keycloak"}
        answer = requests.post(
            f"{self.url}/realms/master/protocol/openid-connect/token",
            data={**given, "password": self.password},
            verify=str(self.ca_file),
            timeout=30,
        )
        answer.raise_for_status()
        self._token = answer.json()["access_token"]


class KeycloakServer(Server):
    """Keycloak, running while the context is open."""

    start_timeout = 180.0
    """Seconds. It takes twelve on an idle machine."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        https, management = free_ports(2)
        self.url = f"https://{HOST}:{https}/auth"
        self.address = f"127.0.0.1:{https}"
        root = authority()
        own = root.issue(HOST, HOST, "127.0.0.1")
        self.ca_file = write_bundle(self.folder / "ca.pem", root)
        (self.folder / "key.pem").write_bytes(own.key_pem)
        write_bundle(self.folder / "own.pem", own, root)
        password = secrets.token_hex(16)
        self.admin = Admin(self.url, self.ca_file, password)
        command = [
            str(home / "bin" / "kc.sh"),
            "start",
            "--optimized",
            f"--https-port={https}",
            f"--http-management-port={management}",
            "--http-management-host=127.0.0.1",
            "--http-host=127.0.0.1",
            f"--https-certificate-file={self.folder / 'own.pem'}",
            f"--https-certificate-key-file={self.folder / 'key.pem'}",
            f"--truststore-paths={self.ca_file}",
            "--hostname-strict=false",
            "--cache=local",
        ]
        environment = {
            "KC_BOOTSTRAP_ADMIN_USERNAME": "keycloak",
            "KC_BOOTSTRAP_ADMIN_PASSWORD": password,
            "JAVA_OPTS_APPEND": "-Xmx512m -XX:TieredStopAtLevel=1",  # it starts in half the time
            "LANG": "C.UTF-8",
        }
        self.process = Component(command, self.folder, self._answers, environment)
        self.components = [self.process]

    def _answers(self) -> bool:
        try:
            found = requests.get(f"{self.url}/realms/master", verify=str(self.ca_file), timeout=5)
        except requests.ConnectionError:
            return False
        return found.status_code == 200

    @property
    def metadata_url(self) -> str:
        """Where the identity provider publishes its metadata."""
        return f"{self.url}/realms/{CORP}/protocol/saml/descriptor"

    # What is there at first

    def fill(self) -> None:
        """Make the realms and whom they know."""
        admin = self.admin
        for realm in (CORP, DOMINO):
            admin("POST", "", {"realm": realm, "enabled": True})
        self._make_broker()
        self._make_service_provider()
        self._make_person()
        self._make_account()

    def _make_broker(self) -> None:
        imported = {"providerId": "saml", "fromUrl": self.metadata_url}
        config = self.admin("POST", f"/{DOMINO}/identity-provider/import-config", imported)
        config |= {"syncMode": "FORCE", "principalType": "SUBJECT"}
        broker = {"alias": ALIAS, "providerId": "saml", "enabled": True, "config": config}
        self.admin("POST", f"/{DOMINO}/identity-provider/instances", broker)
        for source, target in ATTRIBUTES.items():
            self.admin("POST", f"/{self.broker_path}/mappers", mapper(source, target))

    def _make_service_provider(self) -> None:
        """Make the identity provider know Domino, by the metadata that the broker gives."""
        told = requests.get(
            f"{self.url}/realms/{DOMINO}/broker/{ALIAS}/endpoint/descriptor",
            verify=str(self.ca_file),
            timeout=30,
        )
        client = self.admin("POST", f"/{CORP}/client-description-converter", told.content)
        client["protocolMappers"] = [_sends(name, of) for name, of in ATTRIBUTES.items()]
        self.admin("POST", f"/{CORP}/clients", client)

    def _make_person(self) -> None:
        person = {"username": PERSON, "enabled": True, "email": "ana@example.com", "emailVerified": True}
        person |= {"firstName": "Ana", "lastName": "Example"}
        person["credentials"] = [{"type": "password", "value": PASSWORD, "temporary": False}]
        self.admin("POST", f"/{CORP}/users", person)

    def _make_account(self) -> None:
        """Make the account of docs/profiles.md, and Domino's own client."""
        admin = self.admin
        account = {"clientId": ACCOUNT, "secret": ACCOUNT_SECRET, "serviceAccountsEnabled": True}
        admin("POST", f"/{DOMINO}/clients", {**account, "standardFlowEnabled": False, "publicClient": False})
        redirects = [f"https://{HOST}/*"]
        admin("POST", f"/{DOMINO}/clients", {"clientId": "domino-play", "redirectUris": redirects})
        self.allow("view-realm", "view-identity-providers")

    def allow(self, *roles: str) -> None:
        """Give the account these roles of realm-management, and take all others away."""
        mine, management = self.client(DOMINO, ACCOUNT), self.client(DOMINO, "realm-management")
        user = self.admin("GET", f"/{DOMINO}/clients/{mine}/service-account-user")["id"]
        path = f"/{DOMINO}/users/{user}/role-mappings/clients/{management}"
        if had := self.admin("GET", path):
            self.admin("DELETE", path, had)
        wanted = [self.admin("GET", f"/{DOMINO}/clients/{management}/roles/{role}") for role in roles]
        self.admin("POST", path, wanted)

    def client(self, realm: str, client_id: str) -> str:
        """The id of a client."""
        return str(self.admin("GET", f"/{realm}/clients?clientId={client_id}")[0]["id"])

    # What drills break

    @property
    def broker_path(self) -> str:
        """Of the broker, in the admin API."""
        return f"{DOMINO}/identity-provider/instances/{ALIAS}"

    @contextmanager
    def broker(self, *, enabled: bool = True, **config: str) -> Iterator[None]:
        """The broker with another configuration, until the end of the context."""
        path = f"/{self.broker_path}"
        before = self.admin("GET", path)
        self.admin("PUT", path, {**before, "enabled": enabled, "config": {**before["config"], **config}})
        try:
            yield
        finally:
            self.admin("PUT", path, before)

    @contextmanager
    def realm(self, name: str, **settings: Any) -> Iterator[None]:
        """A realm with other settings, until the end of the context."""
        before = self.admin("GET", f"/{name}")
        self.admin("PUT", f"/{name}", {**before, **settings})
        try:
            yield
        finally:
            self.admin("PUT", f"/{name}", before)

    @contextmanager
    def rotated(self, realm: str = CORP, *, retire: bool = False) -> Iterator[None]:
        """A new signing key of a realm, of higher priority; the old one is still published unless retired."""
        path = f"/{realm}/components"
        kind = "org.keycloak.keys.KeyProvider"
        config = {"priority": ["200"], "enabled": ["true"], "active": ["true"], "keySize": ["2048"]}
        made = {"name": "rotated", "providerId": "rsa-generated", "providerType": kind, "config": config}
        old = [
            each for each in self.admin("GET", f"{path}?type={kind}") if each["providerId"] == "rsa-generated"
        ]
        self.admin("POST", path, made)
        if retire:
            for each in old:
                changed = {**each["config"], "active": ["false"], "enabled": ["false"]}
                self.admin("PUT", f"{path}/{each['id']}", {**each, "config": changed})
        try:
            yield
        finally:
            for each in old:  # what a change does not name stays as it was
                again = {**each["config"], "active": ["true"], "enabled": ["true"]}
                self.admin("PUT", f"{path}/{each['id']}", {**each, "config": again})
            for each in self.admin("GET", f"{path}?type={kind}"):
                if each["name"] == "rotated":
                    self.admin("DELETE", f"{path}/{each['id']}")

    @contextmanager
    def without_mapper(self, name: str) -> Iterator[None]:
        """The broker without one of its mappers."""
        path = f"/{self.broker_path}/mappers"
        (gone,) = [each for each in self.admin("GET", path) if each["name"] == name]
        self.admin("DELETE", f"{path}/{gone['id']}")
        try:
            yield
        finally:
            self.admin("POST", path, {key: value for key, value in gone.items() if key != "id"})

    @contextmanager
    def with_mapper(self, source: str, target: str) -> Iterator[None]:
        """The broker with one more mapper."""
        path = f"/{self.broker_path}/mappers"
        self.admin("POST", path, mapper(source, target))
        try:
            yield
        finally:
            (made,) = [each for each in self.admin("GET", path) if each["name"] == target]
            self.admin("DELETE", f"{path}/{made['id']}")


def mapper(source: str, target: str) -> dict[str, Any]:
    """An Attribute Importer of the broker."""
    config = {"syncMode": "INHERIT", "attribute.name": source, "user.attribute": target}
    kind = "saml-user-attribute-idp-mapper"
    return {
        "name": target,
        "identityProviderAlias": ALIAS,
        "identityProviderMapper": kind,
        "config": config,
    }


def _sends(name: str, attribute: str) -> dict[str, Any]:
    """A mapper by which the identity provider sends an attribute."""
    config = {"attribute.name": name, "attribute.nameformat": "Basic", "user.attribute": attribute}
    return {
        "name": name,
        "protocol": "saml",
        "protocolMapper": "saml-user-property-mapper",
        "config": config,
    }
