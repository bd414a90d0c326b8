"""Fixtures of the integration tests: real servers, each started once a session, or skipped with the cure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TypeVar

import pytest

import domino_cluster as domino
from control_plane import PROGRAMS, STAGES, ControlPlane, assets_dir, find_assets
from directory_server import find_slapd
from drills import READER
from health_account import granted, rights, rules
from keycloak_server import KeycloakServer, find_keycloak, home
from saml_server import Programs, find_simplesaml

T = TypeVar("T")


def found_or_skip(name: str, found: T | None, cure: str) -> T:
    """What a server needs, or a skip that says how to get it.

    Where DOMINO_HEALTH_REQUIRE (a comma separated list, in CI for example) contains ``name``, its absence is
    a failure: a skip would quietly test nothing.
    """
    if found is not None:
        return found
    required = os.environ.get("DOMINO_HEALTH_REQUIRE", "").replace(" ", "").split(",")
    if name in required:
        pytest.fail(f"{name} is required by DOMINO_HEALTH_REQUIRE and missing: {cure}", pytrace=False)
    pytest.skip(f"{name} is missing: {cure}")


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """A running control plane, shared by all tests of the session: leave it as you found it."""
    cure = (
        f"`make control-plane` builds it (needs Go, takes ten minutes once) into {assets_dir()}, "
        f"which does not hold all of {', '.join((*PROGRAMS, STAGES))}"
    )
    with ControlPlane(found_or_skip("control-plane", find_assets(), cure)) as plane:
        yield plane


@pytest.fixture(scope="session")
def keycloak() -> Iterator[KeycloakServer]:
    """A running Keycloak, shared by all tests of the session: leave it as you found it."""
    cure = f"`make keycloak` installs it (needs Maven, Java and unzip, takes a minute once) into {home()}"
    with KeycloakServer(found_or_skip("keycloak", find_keycloak(), cure)) as server:
        yield server


@pytest.fixture(scope="session")
def slapd() -> str:
    """OpenLDAP's server program."""
    return found_or_skip("openldap", find_slapd(), "install OpenLDAP (Debian: slapd and ldap-utils)")


@pytest.fixture(scope="session")
def openssl() -> str:
    """OpenSSL's program."""
    return found_or_skip("openssl", shutil.which("openssl"), "install OpenSSL")


@pytest.fixture(scope="session")
def simplesaml() -> Programs:
    """What SimpleSAMLphp takes."""
    cure = "install SimpleSAMLphp (Debian: simplesamlphp php-cli php-xml php-mbstring stunnel4)"
    return found_or_skip("simplesamlphp", find_simplesaml(), cure)


@pytest.fixture(scope="module")
def platform(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """A healthy Domino-shaped cluster, and an account with the rights that the facts ask for."""
    domino.install(control_plane)
    with granted(control_plane, READER, rules(rights())):
        yield control_plane
    domino.settle(control_plane)
