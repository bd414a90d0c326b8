"""IDP-007 against a real OpenLDAP: each drill breaks one thing by the server's own means."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from certificates import Issued, authority, days
from directory_server import ACCOUNT, GROUP, HOST, PASSWORD, PEOPLE, SUFFIX, Directory
from health_run import HealthRun, run_health

SECRET = "LDAP_PASSWORD"
SUBJECT = "directory/corporate"
Start = Callable[..., Directory]


@pytest.fixture
def start(slapd: str) -> Iterator[Start]:
    """Starts a directory: ``own`` its certificate, ``access`` what the account may see."""
    with ExitStack() as stack:

        def make(root: Issued, **more: Any) -> Directory:
            return stack.enter_context(Directory(slapd, root, **more))

        yield make


@pytest.fixture
def root() -> Issued:
    return authority()


def look(
    server: Directory, directory: Path, *lines: str, password: str = PASSWORD, starttls: bool = False
) -> HealthRun:
    """A run of all checks against a directory; ``lines`` are further keys of it."""
    url = f"ldap://{server.plain}" if starttls else f"ldaps://{server.tls}"
    keys = [
        "name: corporate",
        f"url: {url}",
        f"server_name: {HOST}",
        f"bind_dn: {ACCOUNT}",
        f"bind_password: ${{{SECRET}}}",
        f"users_dn: {PEOPLE}",
        "object_classes: [inetOrgPerson]",
        *(["starttls: true"] if starttls else []),
        *lines,
    ]
    directories = "\n".join(f"    {'- ' if at == 0 else '  '}{key}" for at, key in enumerate(keys))
    text = f"version: 1\nldap:\n  ca_file: {server.ca_file}\n  deadline: 5s\n  directories:\n{directories}\n"
    folder = Path(tempfile.mkdtemp(dir=directory))
    return run_health(folder, text, **{SECRET: password})


def message(run: HealthRun) -> str:
    (finding,) = run.result("IDP-007")["findings"]
    return str(finding["message"])


@pytest.mark.parametrize("starttls", [False, True])
def test_a_healthy_directory_has_no_finding(
    start: Start, root: Issued, tmp_path: Path, starttls: bool
) -> None:
    server = start(root)

    run = look(server, tmp_path, "test_user: ana", "group_attribute: memberOf", starttls=starttls)

    assert run.found() == {}
    assert run.exit_status == 0
    (table,) = run.result("IDP-007")["attachments"]
    assert table["rows"][0][2:7] == ["success", PEOPLE, "(&(uid=ana)(objectclass=inetOrgPerson))", "one", "1"]
    everything = "".join(path.read_text(errors="replace") for path in run.folder.glob("*.*"))
    assert PASSWORD not in everything
    assert "ana@example.com" not in everything


def test_a_wrong_password_is_found(start: Start, root: Issued, tmp_path: Path) -> None:
    run = look(start(root), tmp_path, password="wrong-s3cret")

    assert run.found() == {"IDP-007": [SUBJECT]}
    assert "the bind account is refused (result 49)" in message(run)
    assert "wrong-s3cret" not in str(run.result("IDP-007"))


def test_an_account_whose_password_was_changed_is_found(start: Start, root: Issued, tmp_path: Path) -> None:
    server = start(root)
    server.modify(f"dn: {ACCOUNT}\nchangetype: modify\nreplace: userPassword\nuserPassword: another\n")

    assert "refused (result 49)" in message(look(server, tmp_path))


def test_an_account_that_may_see_nothing_is_told_like_a_base_that_is_gone(
    start: Start, root: Issued, tmp_path: Path
) -> None:
    run = look(start(root, access="access to * by * none"), tmp_path)

    assert run.found() == {"IDP-007": [SUBJECT]}
    assert "fails (result 32, noSuchObject): there is no such base, or the account may not see it" in (
        message(run)
    )


def test_people_who_have_moved_are_found_missing(start: Start, root: Issued, tmp_path: Path) -> None:
    server = start(root)
    server.add(f"dn: ou=staff,{SUFFIX}\nobjectClass: organizationalUnit\nou: staff\n")
    for name in ("ana", "bob"):
        server.modify(
            f"dn: uid={name},{PEOPLE}\nchangetype: modrdn\nnewrdn: uid={name}\n"
            f"deleteoldrdn: 0\nnewsuperior: ou=staff,{SUFFIX}\n"
        )

    assert "nobody is found by" in message(look(server, tmp_path))


def test_a_user_who_is_not_there_is_told(start: Start, root: Issued, tmp_path: Path) -> None:
    assert "nobody is found by (&(uid=eve)" in message(look(start(root), tmp_path, "test_user: eve"))


def test_missing_member_of_is_found(start: Start, root: Issued, tmp_path: Path) -> None:
    server = start(root)
    server.modify(f"dn: {GROUP}\nchangetype: modify\nreplace: member\nmember: uid=bob,{PEOPLE}\n")

    run = look(server, tmp_path, "test_user: ana", "group_attribute: memberOf")

    assert run.found() == {"IDP-007": [SUBJECT]}
    assert "an entry has no memberOf" in message(run)


def test_a_missing_attribute_is_found(start: Start, root: Issued, tmp_path: Path) -> None:
    server = start(root)
    server.modify(f"dn: uid=ana,{PEOPLE}\nchangetype: modify\ndelete: mail\n")

    assert "an entry has no mail" in message(look(server, tmp_path, "test_user: ana"))


@pytest.mark.parametrize(
    ("own", "words", "severity"),
    [
        ({"not_before": days(-9), "not_after": days(-1)}, "expired 1 d", "critical"),
        ({"not_after": days(6)}, "expires in 5 d", "high"),
        ({"not_after": days(20)}, "expires in 19 d", "medium"),
        ({"not_before": days(1), "not_after": days(90)}, "is not valid before", "high"),
    ],
)
def test_a_certificate_out_of_its_time_is_found(
    start: Start, root: Issued, tmp_path: Path, own: dict[str, Any], words: str, severity: str
) -> None:
    run = look(start(root, own=root.issue(HOST, HOST, **own)), tmp_path)

    assert run.found() == {"IDP-007": [SUBJECT]}
    (finding,) = run.result("IDP-007")["findings"]
    assert words in finding["message"]
    assert finding["severity"] == severity


def test_a_directory_that_still_speaks_old_protocols_is_found(
    start: Start, root: Issued, tmp_path: Path
) -> None:
    run = look(start(root, protocols=""), tmp_path)

    assert run.found() == {"IDP-007": [SUBJECT]}
    assert "it still speaks TLSv1.1" in message(run)


def test_a_certificate_for_another_name_is_found_and_no_password_is_sent(
    start: Start, root: Issued, tmp_path: Path
) -> None:
    run = look(start(root, own=root.issue("other", "other.example.com")), tmp_path)

    assert message(run) == f"the certificate is for other.example.com, not for {HOST}"


def test_a_certificate_of_a_stranger_is_found(start: Start, root: Issued, tmp_path: Path) -> None:
    run = look(start(root, own=authority("stranger").issue(HOST, HOST)), tmp_path)

    assert "the chain does not verify" in message(run)


def test_a_frozen_directory_costs_its_deadline_and_not_the_run(
    start: Start, root: Issued, tmp_path: Path
) -> None:
    server = start(root)
    with server.frozen():
        began = time.monotonic()
        run = look(server, tmp_path)

    assert time.monotonic() - began < 25
    assert run.found() == {"IDP-007": [SUBJECT]}
    assert "does not answer: no complete answer within 5 s" in message(run)


def test_a_directory_that_is_down_is_found(start: Start, root: Issued, tmp_path: Path) -> None:
    server = start(root)
    server.process.kill()

    assert "Connection refused" in message(look(server, tmp_path))
