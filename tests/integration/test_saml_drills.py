"""IDP-002 and IDP-003 against a real SimpleSAMLphp, which signs its metadata; none of it is by Keycloak."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from certificates import days
from domino_health.lab.saml_documents import SigningKey, signing_key
from health_run import HealthRun, run_health
from saml_server import IdentityProvider, Programs

IDP = "identityprovider/corp"
Start = Callable[..., IdentityProvider]


@pytest.fixture
def start(simplesaml: Programs) -> Iterator[Start]:
    with ExitStack() as stack:

        def make(*keys: SigningKey, **more: Any) -> IdentityProvider:
            return stack.enter_context(IdentityProvider(simplesaml, keys or (lasting(),), **more))

        yield make


def lasting(name: str = "idp", left: float = 300, **more: Any) -> SigningKey:
    return signing_key(name, more.pop("begins", days(-10)), days(left), **more)


@pytest.fixture(scope="module")
def signer() -> SigningKey:
    """By which the identity provider signs its metadata."""
    return lasting("metadata")


def look(
    server: IdentityProvider, directory: Path, pinned: SigningKey | None = None, document: bytes | None = None
) -> HealthRun:
    """A run of all checks; ``document``: what came in place of what the server publishes."""
    folder = Path(tempfile.mkdtemp(dir=directory))
    lines = [f"metadata_url: {server.metadata_url}"]
    if document is not None:
        (folder / "idp.xml").write_bytes(document)
        lines = [f"metadata_file: {folder / 'idp.xml'}"]
    if pinned:
        (folder / "signer.pem").write_bytes(pinned.pem)
        lines += [f"signed_by: {folder / 'signer.pem'}"]
    keys = "\n".join(f"      {line}" for line in lines)
    text = (
        f"version: 1\nsaml:\n  ca_file: {server.ca_file}\n  deadline: 5s\n  identity_providers:\n"
        f"    - name: corp\n{keys}\n"
        f"tls:\n  ca_file: {server.ca_file}\n  deadline: 5s\n  endpoints:\n"
        f"    - {{name: idp, address: '{server.address}', server_name: localhost}}\n"
    )
    return run_health(folder, text)


def message(run: HealthRun, check: str) -> str:
    (finding,) = run.result(check)["findings"]
    return str(finding["message"])


def test_a_healthy_identity_provider_has_no_finding(start: Start, signer: SigningKey, tmp_path: Path) -> None:
    run = look(start(signer=signer), tmp_path, signer)

    assert run.found() == {}
    assert run.exit_status == 0
    (table,) = run.result("IDP-003")["attachments"]
    assert "valid rsa-sha256" in table["rows"][0]


@pytest.mark.parametrize(("left", "severity"), [(29, "medium"), (6, "high"), (-1, "critical")])
def test_a_signing_certificate_that_ends_is_found(
    start: Start, signer: SigningKey, tmp_path: Path, left: float, severity: str
) -> None:
    run = look(start(lasting(left=left), signer=signer), tmp_path, signer)

    assert run.found() == {"IDP-002": [IDP]}
    assert run.result("IDP-002")["findings"][0]["severity"] == severity


def test_the_next_certificate_that_is_published_makes_it_good(
    start: Start, signer: SigningKey, tmp_path: Path
) -> None:
    run = look(start(lasting(left=6), lasting("next"), signer=signer), tmp_path, signer)

    assert run.found() == {}


def test_a_gap_between_the_two_is_found(start: Start, signer: SigningKey, tmp_path: Path) -> None:
    late = lasting("next", begins=days(7))

    run = look(start(lasting(left=6), late, signer=signer), tmp_path, signer)

    assert run.found() == {"IDP-002": [IDP]}
    assert "the next one begins only on" in message(run, "IDP-002")


def test_a_weak_key_is_found(start: Start, signer: SigningKey, tmp_path: Path) -> None:
    run = look(start(lasting(bits=1024), signer=signer), tmp_path, signer)

    assert "a key of 1024 bits" in message(run, "IDP-002")


def test_metadata_that_another_key_has_signed_is_found(
    start: Start, signer: SigningKey, tmp_path: Path
) -> None:
    run = look(start(signer=lasting("somebody")), tmp_path, signer)

    assert run.found() == {"IDP-003": [IDP]}
    assert run.exit_status == 1
    assert "another key" in message(run, "IDP-003")


def test_metadata_that_nobody_has_signed_is_found(start: Start, signer: SigningKey, tmp_path: Path) -> None:
    run = look(start(), tmp_path, signer)

    assert "is not signed" in message(run, "IDP-003")


def test_metadata_that_somebody_has_changed_is_found(
    start: Start, signer: SigningKey, tmp_path: Path
) -> None:
    server = start(signer=signer)
    published = server.metadata()
    changed = published.replace(b"SSOService.php", b"Elsewhere.php")
    assert changed != published

    assert look(server, tmp_path, signer, published).found() == {}
    run = look(server, tmp_path, signer, changed)

    assert run.found() == {"IDP-003": [IDP]}
    assert "was changed after it was signed" in message(run, "IDP-003")


def test_an_identity_provider_that_is_frozen_costs_its_deadline(
    start: Start, signer: SigningKey, tmp_path: Path
) -> None:
    server = start(signer=signer)
    server.process.send(signal.SIGSTOP)
    began = time.monotonic()
    try:
        run = look(server, tmp_path, signer)
    finally:
        server.process.send(signal.SIGCONT)

    assert time.monotonic() - began < 25
    assert run.found() == {}, "stunnel in front of it still answers"
    assert run.result("IDP-003")["unseen"][0]["outcome"] == "timed out"
    assert run.exit_status == 6


def test_an_identity_provider_that_is_down_is_told(start: Start, signer: SigningKey, tmp_path: Path) -> None:
    server = start(signer=signer)
    server.process.kill()

    run = look(server, tmp_path, signer)

    assert run.result("IDP-002")["state"] == run.result("IDP-003")["state"] == "unknown"
