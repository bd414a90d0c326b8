"""Each LDAP directory of section ``ldap``, asked as Keycloak's user federation asks it. Nothing is written.

The certificate is looked at first. The password goes only to a server that is the one it says, over TLS; the
client library verifies that again, for the connection that it makes itself.
"""

import math
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from domino_health.collectors.handshake import NEEDS, Door
from domino_health.collectors.looking import CollectionError, Deadline, Look, Target
from domino_health.collectors.tls import look_at
from domino_health.facts.ldap import LdapDirectory
from domino_health.facts.observed import Outcome
from domino_health.facts.tls import TlsEndpoint
from domino_health.profile.ldap import Directory
from domino_health.vocabulary import clean, shorten

ENOUGH = 2
"""Entries: one is wanted, and a second tells that there are more."""
LONGEST = 300
"""Characters of a server's words."""


def ldap_directories(look: Look) -> list[Target[LdapDirectory]]:
    """Every directory of section ``ldap``."""
    section = look.profile.ldap
    if section is None:
        return []
    return [
        Target(
            each.name,
            _how(each),
            section.deadline,
            partial(_look, each, section.ca_file),
            (*NEEDS, "ldap3"),
        )
        for each in section.directories
    ]


def _how(directory: Directory) -> str:
    url = directory.url.rstrip("/")
    parts = [f"ldapsearch -H {url}", "-ZZ" if directory.starttls else "", "-x"]
    parts.append(f"-D '{directory.bind_dn}' -W" if directory.bind_dn else "")
    parts.append(f"-b '{directory.users_dn}' -z {ENOUGH} '{_filter(directory)}'")
    return " ".join(part for part in parts if part)


def _filter(directory: Directory) -> str:
    """As Keycloak builds it (LDAPQuery): by the name, all classes of objects, and the site's own filter."""
    from ldap3.utils.conv import escape_filter_chars

    name = escape_filter_chars(directory.test_user) if directory.test_user else "*"
    classes = "".join(f"(objectclass={each})" for each in directory.object_classes)
    return f"(&({directory.username_attribute}={name}){classes}{directory.user_filter or ''})"


def _look(
    directory: Directory, ca_file: Path | None, deadline: Deadline, say: Callable[[str], None]
) -> list[LdapDirectory]:
    door = Door(
        directory.host,
        directory.port,
        directory.server_name or directory.host,
        starttls=directory.starttls,
    )
    endpoint = look_at(directory.name, door, ca_file, deadline)
    made = LdapDirectory(
        name=directory.name,
        address=f"{'ldap' if directory.starttls else 'ldaps'}://{door.where}",
        endpoint=endpoint,
        base=directory.users_dn,
        filter=_filter(directory),
        named=directory.test_user is not None,
        group_attribute=directory.group_attribute or "",
    )
    if not _is_itself(endpoint):
        why = "its certificate does not prove who it is, so it was sent no password"
        return [msgspec.structs.replace(made, bind_said=why)]
    say("asking")
    return [_asked(directory, made, ca_file, deadline)]


def _is_itself(endpoint: TlsEndpoint) -> bool:
    return not endpoint.chain_errors and endpoint.name_matches


def _asked(
    directory: Directory, made: LdapDirectory, ca_file: Path | None, deadline: Deadline
) -> LdapDirectory:
    import ldap3
    from ldap3.core.exceptions import LDAPExceptionError

    began = time.monotonic()
    connection = _connection(directory, ca_file, deadline)
    try:
        try:
            connection.open(read_server_info=False)
            if directory.starttls:
                connection.start_tls(read_server_info=False)
            connection.bind(read_server_info=False)
            made = msgspec.structs.replace(
                made, bind=int(connection.result["result"]), bind_said=_said(connection.result)
            )
            if made.bind:
                return made
            deadline.remaining()
            connection.search(
                directory.users_dn,
                made.filter,
                search_scope=ldap3.SUBTREE,
                attributes=_wanted(directory),
                size_limit=ENOUGH,
                time_limit=math.ceil(deadline.remaining()),
            )
        except LDAPExceptionError as error:
            return _broke_off(made, error, deadline)
        # What a server that is none makes of ldap3: it decodes before it looks.
        except (LookupError, TypeError, ValueError, AttributeError, struct.error, OSError) as error:
            raise CollectionError(
                f"{made.address}: no answer of an LDAP server: {error}", "see what listens there"
            ) from None
        took = timedelta(seconds=round(time.monotonic() - began, 3))
        return _found(directory, msgspec.structs.replace(made, took=took), connection)
    finally:
        _close(connection)


def _close(connection: Any) -> None:
    from ldap3.core.exceptions import LDAPExceptionError

    raw = connection.socket
    with suppress(LDAPExceptionError, OSError, AttributeError, LookupError, TypeError, ValueError):
        connection.unbind()
    if raw is not None:  # after an answer that is none, unbind leaves it open
        raw.close()


def _wanted(directory: Directory) -> list[str]:
    return [*directory.attributes, *([directory.group_attribute] if directory.group_attribute else [])]


def _connection(directory: Directory, ca_file: Path | None, deadline: Deadline) -> Any:
    import ldap3

    server = ldap3.Server(
        directory.host,
        port=directory.port,
        use_ssl=not directory.starttls,
        tls=_tls(directory.server_name or directory.host, ca_file),
        get_info=ldap3.NONE,
        connect_timeout=deadline.remaining(),
    )
    password = directory.bind_password.get_secret_value() if directory.bind_password else None
    return ldap3.Connection(
        server,
        user=directory.bind_dn,
        password=password,
        authentication=ldap3.SIMPLE if directory.bind_dn else ldap3.ANONYMOUS,
        read_only=True,
        auto_referrals=False,  # nobody else is sent the password
        check_names=False,  # the schema is not read
        receive_timeout=max(1, math.ceil(deadline.remaining())),
    )


def _tls(name: str, ca_file: Path | None) -> Any:
    """TLS as the standard library does it, in place of ldap3's own, which compares names by itself."""
    import certifi
    import ldap3

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certifi.where())
    if ca_file is not None:
        context.load_verify_locations(ca_file)

    class Tls(ldap3.Tls):  # type: ignore[misc]
        def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ARG002 (ldap3's)
            raw = connection.socket
            try:
                connection.socket = context.wrap_socket(raw, server_hostname=name)
            except OSError:
                raw.close()
                raise

    return Tls()


def _broke_off(made: LdapDirectory, error: Exception, deadline: Deadline) -> LdapDirectory:
    """What is told of a server that stopped answering: how far it came, or that it did not come in time."""
    if not deadline.seconds_left or "timed out" in str(error):
        raise CollectionError(
            f"{made.address}: no answer in time to the {'search' if made.bind == 0 else 'bind'}",
            "see the health of the directory; if it is only slow, raise ldap.deadline",
            Outcome.TIMED_OUT,
        ) from None
    said = shorten(clean(" ".join(str(error).split())), LONGEST)
    if made.bind == 0:
        return msgspec.structs.replace(made, search_said=said)
    return msgspec.structs.replace(made, bind_said=said)


def _found(directory: Directory, made: LdapDirectory, connection: Any) -> LdapDirectory:
    result = connection.result
    entries = [each for each in connection.response or () if each.get("type") == "searchResEntry"]
    # 4 is sizeLimitExceeded: there is more than was asked for, which was to be expected.
    code = 0 if result["result"] == 4 else int(result["result"])
    made = msgspec.structs.replace(
        made, search=code, search_said=_said(result) if code else "", found=min(len(entries), ENOUGH)
    )
    if not entries:
        return made
    values = {
        name.lower(): value if isinstance(value, list) else [value]
        for name, value in entries[0]["attributes"].items()
    }
    groups = values.get((directory.group_attribute or "").lower(), [])
    return msgspec.structs.replace(
        made,
        missing=tuple(each for each in directory.attributes if not any(values.get(each.lower(), []))),
        groups=len([each for each in groups if each]) if directory.group_attribute else None,
    )


def _said(result: dict[str, Any]) -> str:
    """The server's words: its message, else the name of the result code."""
    words = " ".join(str(result.get("message") or result.get("description") or "").split())
    return shorten(clean(words.rstrip("\x00")), LONGEST)
