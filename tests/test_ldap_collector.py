"""Asking LDAP directories: over TLS alone, as Keycloak asks them, and no value of a person's is kept.

The servers are the lab's FAKE and stubs; ``tests/integration`` asks a real OpenLDAP.
"""

import random
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from certificates import Issued, authority, days, write_bundle, write_chain
from domino_health.collectors import ldap
from domino_health.collectors.looking import CollectionError, Deadline, Look, Shared
from domino_health.facts.ldap import LdapDirectory
from domino_health.facts.observed import Outcome
from domino_health.lab.ldap import Contents, Entry, LdapServer, people, piece
from domino_health.profile import Profile
from fault_server import Listener, dead_port
from stubs import SLACK

HOST, BASE, ACCOUNT, PASSWORD = "ldap.example.com", "ou=people,dc=example,dc=com", "cn=domino", "s3cret-of-it"
GROUP = "cn=domino-users,ou=groups,dc=example,dc=com"


@pytest.fixture(scope="module")
def root() -> Issued:
    return authority()


@pytest.fixture(scope="module")
def ca_file(root: Issued, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("ca") / "ca.pem", root)


def context_of(issued: Issued, tmp_path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_chain(tmp_path / "ldap.pem", issued))
    return context


@pytest.fixture
def server(root: Issued, tmp_path: Path) -> Iterator[LdapServer]:
    contents = Contents(people(BASE, "ana", "bob", group=GROUP), {ACCOUNT: PASSWORD})
    with LdapServer("ldap", context_of(root.issue("ldap", HOST), tmp_path), contents) as running:
        yield running


def looked(address: str, ca_file: Path | None, seconds: float = 5, **more: Any) -> LdapDirectory:
    given = {
        "name": "corporate",
        "url": f"ldaps://{address}",
        "server_name": HOST,
        "bind_dn": ACCOUNT,
        "bind_password": PASSWORD,
        "users_dn": BASE,
        **more,
    }
    section = {"directories": [given], **({"ca_file": str(ca_file)} if ca_file else {})}
    profile = Profile.model_validate({"version": 1, "ldap": section})
    (target,) = ldap.ldap_directories(Look(profile, Shared()))
    (seen,) = target.look(Deadline(timedelta(seconds=seconds)), lambda _: None)
    return seen


def test_a_user_is_found_as_keycloak_finds_one(server: LdapServer, ca_file: Path) -> None:
    kept = looked(server.address, ca_file, test_user="ana", group_attribute="memberOf")

    assert (kept.bind, kept.search, kept.found, kept.missing, kept.groups) == (0, 0, 1, (), 1)
    assert kept.filter == "(&(uid=ana)(objectclass=inetOrgPerson)(objectclass=organizationalPerson))"
    assert kept.endpoint.verified
    assert kept.took is not None


def test_anybody_is_enough_where_the_profile_names_nobody(server: LdapServer, ca_file: Path) -> None:
    kept = looked(server.address, ca_file)

    assert (kept.search, kept.found, kept.named) == (0, 2, False)


def test_no_value_of_a_persons_is_kept(server: LdapServer, ca_file: Path) -> None:
    kept = msgspec.json.encode(looked(server.address, ca_file, group_attribute="memberOf")).decode()

    assert "ana" not in kept
    assert "@example.com" not in kept
    assert GROUP not in kept
    assert PASSWORD not in kept


def test_a_wrong_password_is_a_result_and_no_failure_to_look(server: LdapServer, ca_file: Path) -> None:
    kept = looked(server.address, ca_file, bind_password="wrong")

    assert (kept.bind, kept.bind_said, kept.search) == (49, "invalidCredentials", None)


def test_without_an_account_nobody_is_bound(server: LdapServer, ca_file: Path) -> None:
    kept = looked(server.address, ca_file, bind_dn=None, bind_password=None)

    assert (kept.bind, kept.found) == (0, 2)


@pytest.mark.parametrize(
    ("more", "search", "found"),
    [
        ({"test_user": "eve"}, 0, 0),
        ({"users_dn": "ou=gone,dc=example,dc=com"}, 32, 0),
        ({"object_classes": ["inetOrgPerson", "dominoUser"]}, 0, 0),
        ({"user_filter": f"(memberOf={GROUP})"}, 0, 2),
        ({"user_filter": "(memberOf=cn=others)"}, 0, 0),
        ({"username_attribute": "sAMAccountName"}, 0, 0),
    ],
)
def test_what_is_not_found_is_told(
    server: LdapServer, ca_file: Path, more: dict[str, Any], search: int, found: int
) -> None:
    kept = looked(server.address, ca_file, **more)

    assert (kept.search, kept.found) == (search, found)


def test_attributes_and_groups_that_are_missing_are_told(server: LdapServer, ca_file: Path) -> None:
    kept = looked(
        server.address, ca_file, attributes=["mail", "telephoneNumber"], group_attribute="isMemberOf"
    )

    assert (kept.missing, kept.groups) == (("telephoneNumber",), 0)


def test_an_attribute_is_the_same_in_any_case(server: LdapServer, ca_file: Path) -> None:
    assert looked(server.address, ca_file, attributes=["MAIL", "givenname"]).missing == ()


def test_a_name_with_special_characters_is_one_name(server: LdapServer, ca_file: Path) -> None:
    kept = looked(server.address, ca_file, test_user="*)(uid=ana")

    assert kept.filter.startswith("(&(uid=\\2a\\29\\28uid=ana)")
    assert kept.found == 0


# To whom a password is sent


@pytest.mark.parametrize("why", ["unknown root", "other name"])
def test_a_stranger_is_sent_no_password(
    root: Issued, ca_file: Path, tmp_path: Path, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    issued = authority("stranger").issue("x", HOST) if why == "unknown root" else root.issue("x", "other")
    context = context_of(issued, tmp_path)

    def handle(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            heard.append(secure.recv(4096))

    with Listener(handle) as listener:
        kept = looked(f"127.0.0.1:{listener.port}", ca_file)

    assert kept.bind is None
    assert "no password" in kept.bind_said
    assert not any(PASSWORD.encode() in each for each in heard)


def test_one_whose_certificate_has_ended_is_sent_none_either(
    root: Issued, ca_file: Path, tmp_path: Path
) -> None:
    ended = root.issue("x", HOST, not_before=days(-9), not_after=days(-1))
    contents = Contents(people(BASE, "ana"), {ACCOUNT: PASSWORD})

    with LdapServer("ldap", context_of(ended, tmp_path), contents) as server:
        kept = looked(server.address, ca_file)

    assert kept.bind is None
    assert "expired" in kept.bind_said


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"url": "ldap://ldap.example.com"}, "never sent in the clear"),
        ({"url": "ldaps://ldap.example.com", "starttls": True}, "keep one"),
        ({"url": "https://ldap.example.com"}, "ldaps://host:port"),
        ({"url": "ldaps://ldap.example.com/ou=people"}, "nothing behind it"),
        ({"url": "ldaps://ana:x@ldap.example.com"}, "ldaps://host:port"),
        ({"url": "ldaps://ldap.example.com:0"}, "ldaps://host:port"),
        ({"url": "ldaps://ldap.example.com:99999"}, "ldaps://host:port"),
        ({"bind_password": None}, "together"),
        ({"user_filter": "memberOf=x"}, "parentheses"),
        ({"attributes": ["ma il"]}, "attribute"),
        ({"attributes": []}, "empty"),
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        looked("127.0.0.1:1", None, **more)


def test_ports_are_those_of_ldap() -> None:
    def port(**more: Any) -> int:
        given = {"name": "x", "users_dn": BASE, **more}
        section = {"directories": [given]}
        (one,) = Profile.model_validate({"version": 1, "ldap": section}).ldap.directories  # type: ignore[union-attr]
        return int(one.port)

    assert port(url="ldaps://a") == 636
    assert port(url="ldap://a", starttls=True) == 389
    assert port(url="ldaps://a:3269/") == 3269


def test_how_it_was_asked_can_be_repeated_by_hand() -> None:
    given = {
        "name": "x",
        "url": "ldap://ldap.example.com/",
        "starttls": True,
        "users_dn": BASE,
        "bind_dn": ACCOUNT,
        "bind_password": PASSWORD,
        "test_user": "ana",
    }
    profile = Profile.model_validate({"version": 1, "ldap": {"directories": [given]}})
    (target,) = ldap.ldap_directories(Look(profile, Shared()))

    assert target.how == (
        f"ldapsearch -H ldap://ldap.example.com -ZZ -x -D '{ACCOUNT}' -W -b '{BASE}' -z 2 "
        "'(&(uid=ana)(objectclass=inetOrgPerson)(objectclass=organizationalPerson))'"
    )


# Servers that do not answer as they must


Script = Callable[[ssl.SSLSocket], None]


def behind_tls(
    root: Issued, ca_file: Path, tmp_path: Path, script: Script, seconds: float = 5
) -> LdapDirectory:
    """What is kept of a STUB that does what a script says after each handshake."""
    context = context_of(root.issue("ldap", HOST), tmp_path)

    def handle(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            script(secure)

    with Listener(handle) as listener:
        return looked(f"127.0.0.1:{listener.port}", ca_file, seconds)


BOUND = piece(0x61, piece(0x0A, b"\x00"), piece(0x04), piece(0x04))


def test_one_that_closes_after_the_handshake_is_told(root: Issued, ca_file: Path, tmp_path: Path) -> None:
    kept = behind_tls(root, ca_file, tmp_path, lambda secure: secure.close())

    assert kept.bind is None
    assert kept.bind_said


def test_one_that_closes_after_the_bind_is_told(root: Issued, ca_file: Path, tmp_path: Path) -> None:
    def script(secure: ssl.SSLSocket) -> None:
        if asked := secure.recv(4096):
            secure.sendall(piece(0x30, asked[2:5], BOUND))
            secure.recv(4096)

    kept = behind_tls(root, ca_file, tmp_path, script)

    assert (kept.bind, kept.search) == (0, None)
    assert kept.search_said


def test_one_that_says_nothing_costs_its_deadline(root: Issued, ca_file: Path, tmp_path: Path) -> None:
    began = time.monotonic()

    def say_nothing(secure: ssl.SSLSocket) -> None:
        secure.recv(4096)
        secure.recv(1)

    with pytest.raises(CollectionError) as caught:
        behind_tls(root, ca_file, tmp_path, say_nothing, seconds=1)

    assert time.monotonic() - began < 2 + SLACK
    assert caught.value.outcome is Outcome.TIMED_OUT
    assert "bind" in caught.value.reason


def test_nobody_there_is_told(ca_file: Path) -> None:
    with pytest.raises(CollectionError, match="Connection refused"):
        looked(f"127.0.0.1:{dead_port()}", ca_file)


def test_garbage_in_place_of_answers_never_passes(root: Issued, ca_file: Path, tmp_path: Path) -> None:
    rng = random.Random(17)
    answers = [rng.randbytes(rng.randrange(1, 60)) for _ in range(60)]
    good = piece(0x30, piece(0x02, b"\x01"), BOUND)
    answers += [bytes([*good[:at], rng.randrange(256), *good[at + 1 :]]) for at in range(len(good))]
    context = context_of(root.issue("ldap", HOST), tmp_path)
    answer = b""

    def handle(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            if secure.recv(4096):
                secure.sendall(answer)

    with Listener(handle) as listener:
        for answer in answers:  # noqa: B007 (the stub's)
            try:
                kept = looked(f"127.0.0.1:{listener.port}", ca_file, seconds=3)
            except CollectionError:
                continue
            assert kept.search is None


def test_the_fake_gives_up_on_what_is_no_ldap(server: LdapServer, ca_file: Path) -> None:
    context = ssl.create_default_context(cafile=str(ca_file))
    host, _, port = server.address.rpartition(":")
    for garbage in (b"\x30\x05\x02\x01\x01\x63\x00", b"\x30\x84\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n" * 10):
        with (
            socket.create_connection((host, int(port))) as raw,
            context.wrap_socket(raw, server_hostname=HOST) as secure,
        ):
            secure.sendall(garbage)
            assert secure.recv(10) == b""


def test_an_entry_beside_the_base_is_not_below_it(root: Issued, ca_file: Path, tmp_path: Path) -> None:
    entries = [Entry(BASE, {}), Entry(f"uid=ana,x{BASE}", people(BASE, "ana")[1].attributes)]

    with LdapServer(
        "ldap", context_of(root.issue("ldap", HOST), tmp_path), Contents(entries, {ACCOUNT: PASSWORD})
    ) as server:
        assert looked(server.address, ca_file).found == 0
