"""IDP-011 against a real Keycloak: a person logs in at realm ``corp``, for the broker of ``DominoRealm``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from health_run import HealthRun, run_health
from keycloak_server import (
    ACCOUNT_SECRET,
    ALIAS,
    CORP,
    DOMINO,
    PASSWORD,
    PERSON,
    KeycloakServer,
)

BROKER = f"broker/{DOMINO}/{ALIAS}"
SECRET, TYPED = "KEYCLOAK_SECRET", "TEST_PASSWORD"


def look(server: KeycloakServer, directory: Path, password: str = PASSWORD) -> HealthRun:
    """A run of all checks with a test user, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(dir=directory))
    text = f"""version: 1
tls:
  ca_file: {server.ca_file}
  endpoints: [{{name: sso, address: "{server.address}", server_name: localhost}}]
keycloak:
  url: {server.url}
  client_secret: ${{{SECRET}}}
  ca_file: {server.ca_file}
  test_login: {{broker: {ALIAS}, username: {PERSON}, password: "${{{TYPED}}}"}}
"""
    return run_health(folder, text, **{SECRET: ACCOUNT_SECRET, TYPED: password})


def message(run: HealthRun) -> str:
    (finding,) = run.result("IDP-011")["findings"]
    return str(finding["message"])


def users(server: KeycloakServer) -> list[str]:
    """Whom Domino's realm knows."""
    return [each["username"] for each in server.admin("GET", f"/{DOMINO}/users")]


def test_a_login_that_goes_through_has_no_finding_and_makes_nobody(
    keycloak: KeycloakServer, tmp_path: Path
) -> None:
    before = users(keycloak)

    run = look(keycloak, tmp_path)

    assert run.found() == {}
    assert run.exit_status == 0
    (table,) = run.result("IDP-011")["attachments"]
    assert table["rows"][0][1] == "response"
    assert table["rows"][0][3] == "valid CN=corp"
    assert {"mail", "givenName", "surname"} <= set(table["rows"][0][4].split(", "))
    assert users(keycloak) == before
    everything = "".join(path.read_text(errors="replace") for path in run.folder.glob("*.*"))
    assert PASSWORD not in everything
    assert "ana@example.com" not in everything


def test_a_wrong_password_is_found(keycloak: KeycloakServer, tmp_path: Path) -> None:
    run = look(keycloak, tmp_path, password="wrong-s3cret")

    assert run.found() == {"IDP-011": [BROKER]}
    assert "refuses the test user's name or password: Invalid username or password." in message(run)
    assert "wrong-s3cret" not in str(run.result("IDP-011"))


def test_a_login_that_an_identity_provider_refuses_is_found(keycloak: KeycloakServer, tmp_path: Path) -> None:
    with keycloak.realm(CORP, enabled=False):
        run = look(keycloak, tmp_path)

    assert run.found() == {"IDP-011": [BROKER]}
    assert "Realm not enabled (status 400" in message(run)


def test_an_identity_provider_that_does_not_know_domino_is_found(
    keycloak: KeycloakServer, tmp_path: Path
) -> None:
    with service_provider(keycloak, enabled=False):
        run = look(keycloak, tmp_path)

    assert run.found() == {"IDP-011": [BROKER]}
    assert "ends at a page" in message(run)


@contextmanager
def service_provider(server: KeycloakServer, **settings: object) -> Iterator[None]:
    """Domino as the identity provider knows it, with other settings."""
    path = f"/{CORP}/clients/{server.client(CORP, f'{server.url}/realms/{DOMINO}')}"
    before = server.admin("GET", path)
    server.admin("PUT", path, {**before, **settings})
    try:
        yield
    finally:
        server.admin("PUT", path, before)


def test_a_response_by_a_key_that_the_broker_does_not_know_is_found(
    keycloak: KeycloakServer, tmp_path: Path
) -> None:
    with keycloak.rotated(retire=True):
        run = look(keycloak, tmp_path)

    assert run.found() == {"IDP-011": [BROKER]}
    assert run.result("IDP-011")["findings"][0]["severity"] == "critical"
    assert "the broker does not trust CN=corp, which has signed it" in message(run)


def test_a_disabled_broker_shows_dominos_own_form(keycloak: KeycloakServer, tmp_path: Path) -> None:
    with keycloak.broker(enabled=False):
        run = look(keycloak, tmp_path)

    assert run.found() == {"IDP-011": [BROKER]}
    assert "Domino's own login form" in message(run)


def test_an_attribute_that_is_not_sent_any_more_is_found(keycloak: KeycloakServer, tmp_path: Path) -> None:
    client = keycloak.client(CORP, f"{keycloak.url}/realms/{DOMINO}")
    path = f"/{CORP}/clients/{client}/protocol-mappers/models"
    (gone,) = [each for each in keycloak.admin("GET", path) if each["name"] == "mail"]
    keycloak.admin("DELETE", f"{path}/{gone['id']}")
    try:
        run = look(keycloak, tmp_path)
    finally:
        keycloak.admin("POST", path, {key: value for key, value in gone.items() if key != "id"})

    assert run.found() == {"IDP-011": [BROKER]}
    assert "the response has no mail, which is to fill email" in message(run)
