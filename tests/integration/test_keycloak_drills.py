"""IDP-001 to IDP-006 and IDP-010 against a real Keycloak: a company's identity provider, and Domino's broker.

Each drill breaks one thing by the server's own means, and holds that the right check names it and no other
check finds anything.
"""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from health_run import HealthRun, run_health
from keycloak_server import ACCOUNT_SECRET, ALIAS, DOMINO, KeycloakServer

BROKER, IDP, REALM = f"broker/{DOMINO}/{ALIAS}", "identityprovider/corp", f"realm/{DOMINO}"
SECRET = "KEYCLOAK_SECRET"


def profile(server: KeycloakServer, *, keycloak: str = "", saml: str = "", more: str = "") -> str:
    """A profile of the chain as it should be, with further lines of a section."""
    return f"""version: 1
tls:
  ca_file: {server.ca_file}
  endpoints:
    - {{name: sso, address: "{server.address}", server_name: localhost}}
saml:
  ca_file: {server.ca_file}
  identity_providers:
    - name: corp
      metadata_url: {server.metadata_url}
{saml}
keycloak:
  url: {server.url}
  client_secret: ${{{SECRET}}}
  ca_file: {server.ca_file}
{keycloak}
{more}
"""


def look(server: KeycloakServer, directory: Path, secret: str = ACCOUNT_SECRET, **lines: str) -> HealthRun:
    """A run of all checks, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(dir=directory))
    return run_health(folder, profile(server, **lines), **{SECRET: secret})


def messages(run: HealthRun, check: str) -> list[str]:
    return [each["message"] for each in run.result(check)["findings"]]


def test_a_healthy_chain_has_no_finding(keycloak: KeycloakServer, tmp_path: Path) -> None:
    run = look(keycloak, tmp_path)

    assert run.found() == {}
    assert run.exit_status == 0
    for check in ("IDP-001", "IDP-002", "IDP-003", "IDP-004", "IDP-005", "IDP-006", "IDP-010"):
        assert run.result(check)["state"] == "passed", check
    assert "login breaks first on" in run.result("IDP-010")["worst"]
    everything = "".join(path.read_text(errors="replace") for path in run.folder.glob("*.*"))
    assert ACCOUNT_SECRET not in everything


def test_a_key_that_was_rolled_before_the_broker_knew_lets_nobody_in(
    keycloak: KeycloakServer, tmp_path: Path
) -> None:
    with keycloak.rotated(retire=True):
        run = look(keycloak, tmp_path)

    assert run.found() == {"IDP-004": [BROKER, BROKER]}
    first, second = messages(run, "IDP-004")
    assert "it trusts none of the certificates of corp: every login fails" in first
    assert "it still trusts" in second
    assert run.result("IDP-010")["worst"].startswith("login is broken now: broker/")


def test_the_next_key_that_the_broker_does_not_know_is_found_in_time(
    keycloak: KeycloakServer, tmp_path: Path
) -> None:
    with keycloak.rotated():
        run = look(keycloak, tmp_path)

    assert run.found() == {"IDP-004": [BROKER]}
    assert "it does not trust CN=corp" in messages(run, "IDP-004")[0]
    assert run.exit_status == 1


def test_what_changed_since_the_run_before_is_told(keycloak: KeycloakServer, tmp_path: Path) -> None:
    look_again: Callable[[], HealthRun] = lambda: run_health(  # noqa: E731
        tmp_path, profile(keycloak), **{SECRET: ACCOUNT_SECRET}
    )

    look_again()
    with keycloak.rotated():
        run = look_again()

    assert run.found()["IDP-003"] == [IDP]
    assert (
        "it has changed its signing certificates since the run before: added CN=corp"
        in (messages(run, "IDP-003")[0])
    )


def test_a_broker_with_another_certificate_is_found(keycloak: KeycloakServer, tmp_path: Path) -> None:
    foreign = keycloak.admin("GET", f"/{DOMINO}/keys")["keys"]
    certificate = next(each["certificate"] for each in foreign if each.get("certificate"))
    with keycloak.broker(signingCertificate=certificate):
        run = look(keycloak, tmp_path)

    assert set(run.found()) == {"IDP-004"}
    assert "trusts none" in messages(run, "IDP-004")[0]


def test_a_disabled_broker_is_found(keycloak: KeycloakServer, tmp_path: Path) -> None:
    with keycloak.broker(enabled=False):
        run = look(keycloak, tmp_path)

    assert run.found() == {"IDP-004": [BROKER]}
    assert "Domino's own login form" in messages(run, "IDP-004")[0]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"validateSignature": "false"}, "does not look at signatures"),
        ({"idpEntityId": "https://other"}, "it expects https://other"),
        ({"singleSignOnServiceUrl": "https://localhost/other"}, "it sends people to https://localhost/other"),
        ({"signingCertificate": "bm8gY2VydGlmaWNhdGU="}, "of its certificates cannot be read"),
    ],
)
def test_a_broker_that_was_told_something_else_is_found(
    keycloak: KeycloakServer, tmp_path: Path, config: dict[str, Any], words: str
) -> None:
    with keycloak.broker(**config):
        run = look(keycloak, tmp_path)

    assert set(run.found()) == {"IDP-004"}
    assert any(words in each for each in messages(run, "IDP-004"))


def test_a_broker_that_follows_the_metadata_by_itself_needs_no_comparing(
    keycloak: KeycloakServer, tmp_path: Path
) -> None:
    with keycloak.broker(useMetadataDescriptorUrl="true"), keycloak.rotated(retire=True):
        run = look(keycloak, tmp_path)

    assert run.found() == {}


def test_an_alias_is_told_apart_by_its_case(keycloak: KeycloakServer, tmp_path: Path) -> None:
    run = look(keycloak, tmp_path, saml="      broker: Domino-Credentials")

    assert run.found() == {"IDP-004": [IDP]}
    assert f"called Domino-Credentials (there: {ALIAS})" in messages(run, "IDP-004")[0]


def test_a_missing_mapper_is_found(keycloak: KeycloakServer, tmp_path: Path) -> None:
    with keycloak.without_mapper("email"):
        run = look(keycloak, tmp_path)

    assert run.found() == {"IDP-005": [BROKER]}
    assert messages(run, "IDP-005") == ["no mapper fills email"]


def test_switches_and_mappers_go_together(keycloak: KeycloakServer, tmp_path: Path) -> None:
    switch = "  external_organizations: true"
    lost = look(keycloak, tmp_path, keycloak=switch)
    with keycloak.with_mapper("groups", "domino-groups"):
        mapped = look(keycloak, tmp_path, keycloak=switch)
        without_switch = look(keycloak, tmp_path)

    assert lost.found() == {"IDP-005": [BROKER]}
    assert "no mapper fills domino-groups" in messages(lost, "IDP-005")[0]
    assert mapped.found() == {}
    assert without_switch.result("IDP-005")["findings"][0]["severity"] == "low"


def test_what_domino_is_told_is_looked_at_with_the_right_to(keycloak: KeycloakServer, tmp_path: Path) -> None:
    lines = "  external_organizations: true\n  domino_client: domino-play"
    with keycloak.with_mapper("groups", "domino-groups"):
        denied = look(keycloak, tmp_path, keycloak=lines)
        keycloak.allow("view-realm", "view-identity-providers", "view-clients")
        try:
            seen = look(keycloak, tmp_path, keycloak=lines)
        finally:
            keycloak.allow("view-realm", "view-identity-providers")

    assert denied.result("IDP-005")["state"] == "unknown"
    assert "view-clients" in denied.result("IDP-005")["unseen"][0]["cure"]
    assert seen.found() == {"IDP-005": ["client/DominoRealm/domino-play"]}
    assert "Domino is not told domino-groups" in messages(seen, "IDP-005")[0]


def test_lifetimes_in_the_wrong_order_are_found(keycloak: KeycloakServer, tmp_path: Path) -> None:
    with keycloak.realm(DOMINO, accessTokenLifespan=7200, ssoSessionIdleTimeout=1800):
        run = look(keycloak, tmp_path)

    assert run.found() == {"IDP-006": [REALM]}
    assert messages(run, "IDP-006") == [
        "an access token lasts 2 h, and idle sessions 30 m: it must be shorter"
    ]


def test_a_realm_that_is_off_is_found_though_its_configuration_answers(
    keycloak: KeycloakServer, tmp_path: Path
) -> None:
    with keycloak.realm(DOMINO, enabled=False):
        known = f"{keycloak.url}/realms/{DOMINO}/.well-known/openid-configuration"
        assert requests.get(known, verify=str(keycloak.ca_file), timeout=30).status_code == 200
        run = look(keycloak, tmp_path)

    assert run.found() == {"IDP-004": [REALM]}
    assert run.exit_status == 1


def test_a_wrong_secret_is_told_without_it(keycloak: KeycloakServer, tmp_path: Path) -> None:
    run = look(keycloak, tmp_path, secret="another-s3cret")

    assert {each: run.result(each)["state"] for each in ("IDP-004", "IDP-005")} == {
        "IDP-004": "unknown",
        "IDP-005": "unknown",
    }
    assert "Invalid client" in run.result("IDP-004")["unseen"][0]["reason"]
    assert "another-s3cret" not in str(run.result("IDP-004"))
    assert run.exit_status == 6


@pytest.mark.parametrize(
    ("roles", "lacking"),
    [((), "view-realm"), (("view-realm",), "view-identity-providers")],
)
def test_an_account_without_its_roles_is_told_which(
    keycloak: KeycloakServer, tmp_path: Path, roles: tuple[str, ...], lacking: str
) -> None:
    keycloak.allow(*roles)
    try:
        run = look(keycloak, tmp_path)
    finally:
        keycloak.allow("view-realm", "view-identity-providers")

    assert run.result("IDP-004")["state"] == "unknown"
    (unseen,) = run.result("IDP-004")["unseen"]
    assert unseen["outcome"] == "denied"
    assert lacking in unseen["cure"]


def test_a_host_that_nobody_watches_is_told(keycloak: KeycloakServer, tmp_path: Path) -> None:
    text = profile(keycloak)
    start, end = text.index("tls:"), text.index("saml:")
    run = run_health(tmp_path, text[:start] + text[end:], **{SECRET: ACCOUNT_SECRET})

    assert run.found() == {"IDP-010": [REALM]}


def test_a_frozen_keycloak_costs_its_deadlines_and_not_the_run(
    keycloak: KeycloakServer, tmp_path: Path
) -> None:
    text = profile(keycloak, keycloak="  deadline: 3s").replace("saml:\n", "saml:\n  deadline: 3s\n")
    text = text.replace("tls:\n", "tls:\n  deadline: 3s\n")
    keycloak.process.send(signal.SIGSTOP)
    began = time.monotonic()
    try:
        run = run_health(tmp_path, text, **{SECRET: ACCOUNT_SECRET})
    finally:
        keycloak.process.send(signal.SIGCONT)

    assert time.monotonic() - began < 40
    assert run.found() == {"IDP-001": ["endpoint/sso"]}
    assert {run.result(each)["unseen"][0]["outcome"] for each in ("IDP-002", "IDP-004")} == {"timed out"}
