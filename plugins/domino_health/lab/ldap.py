"""A FAKE of an LDAP directory, over TLS from the start: simple binds and searches, for demo and tests.

It reads and writes the few messages of RFC 4511 that it needs by itself: ldaptor would bring Twisted, whose
reactor cannot be stopped and started again within a process, as the lab is; and ldap3 reads answers alone. It
knows no access control and changes nothing.
"""

import socketserver
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from domino_health.lab.serving import TlsServer

SUCCESS, SIZE_LIMIT, NO_SUCH_OBJECT, INVALID_CREDENTIALS, UNWILLING = 0, 4, 32, 49, 53
INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET = 0x02, 0x04, 0x0A, 0x30, 0x31
BIND, BOUND, SEARCH, ENTRY, DONE, EXTENDED, EXTENDED_ANSWER = 0x60, 0x61, 0x63, 0x64, 0x65, 0x77, 0x78
AND, OR, EQUAL, PRESENT = 0xA0, 0xA1, 0xA3, 0x87
"""Of a filter."""
LARGEST = 1 << 16
"""Bytes of a request."""


@dataclass(frozen=True)
class Entry:
    """One entry: its name, and values of its attributes."""

    dn: str
    attributes: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Contents:
    """What the fake knows."""

    entries: Sequence[Entry]
    accounts: Mapping[str, str]
    """DN to password."""


def people(base: str, *names: str, group: str = "") -> list[Entry]:
    """The entry ``base`` and people under it, as OpenLDAP's inetOrgPerson has them.

    Args:
        base: where they are.
        names: what they log in by.
        group: which all of them are members of.
    """
    entries = [Entry(base, {"objectClass": ["organizationalUnit"]})]
    for name in names:
        attributes: dict[str, Sequence[str]] = {
            "objectClass": ["inetOrgPerson", "organizationalPerson", "person"],
            "uid": [name],
            "givenName": [name.title()],
            "sn": ["Example"],
            "mail": [f"{name}@example.com"],
            **({"memberOf": [group]} if group else {}),
        }
        entries.append(Entry(f"uid={name},{base}", attributes))
    return entries


def parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """What a piece of BER is made of: tags and contents.

    Raises:
        ValueError: it ends too early.
    """
    while content:
        length, start = size(content)
        if length is None or len(content) < length:
            raise ValueError("it ends too early")
        yield content[0], content[start:length]
        content = content[length:]


def size(content: bytes) -> tuple[int | None, int]:
    """How long the first piece of BER is, and where its content begins; None as long as nobody can tell."""
    if len(content) < 2:
        return None, 0
    if content[1] < 0x80:
        return 2 + content[1], 2
    start = 2 + (content[1] & 0x7F)
    if len(content) < start:
        return None, 0
    return start + int.from_bytes(content[2:start]), start


def piece(tag: int, *contents: bytes) -> bytes:
    """A piece of BER."""
    content = b"".join(contents)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


class _Handler(socketserver.BaseRequestHandler):
    server: "LdapServer"

    def handle(self) -> None:
        received = b""
        while True:
            length, _ = size(received)
            if length is None or len(received) < length:
                if max(length or 0, len(received)) > LARGEST or not (more := self.request.recv(4096)):
                    return
                received += more
                continue
            message, received = received[:length], received[length:]
            try:
                ((_, content),) = parts(message)
                (_, number), (kind, asked), *_ = parts(content)
                answers = self.server.answers(kind, asked)
            except (ValueError, LookupError):  # no message of LDAP
                return
            for answer in answers:
                self.request.sendall(piece(SEQUENCE, piece(INTEGER, number), answer))


def _speaks_no_http(_target: str, _authorization: str) -> NoReturn:
    raise NotImplementedError


class LdapServer(TlsServer):
    """Answers at a free port of 127.0.0.1, from when it is made until ``stop`` or the end of its context."""

    handler = _Handler

    def __init__(self, name: str, context: ssl.SSLContext, contents: Contents) -> None:
        self.contents = contents
        super().__init__(name, context, _speaks_no_http)

    def answers(self, kind: int, asked: bytes) -> list[bytes]:
        """What is answered to a message; nothing to what needs no answer.

        Args:
            kind: the tag of the operation.
            asked: its content.

        Raises:
            ValueError, LookupError: it is none.
        """
        if kind == BIND:
            _, (_, name), (_, password) = parts(asked)
            known = self.contents.accounts.get(name.decode())
            good = not (name or password) or (known is not None and known == password.decode())
            return [_result(BOUND, SUCCESS if good else INVALID_CREDENTIALS)]
        if kind == SEARCH:
            return self._search(asked)
        return [_result(EXTENDED_ANSWER, UNWILLING)] if kind == EXTENDED else []

    def _search(self, asked: bytes) -> list[bytes]:
        (_, base), _, _, (_, most), _, _, wanted, attributes = parts(asked)
        under = base.decode().lower()
        below = [each for each in self.contents.entries if f",{each.dn.lower()}".endswith(f",{under}")]
        found = [each for each in below if _matches(*wanted, each)]
        code = SUCCESS if below else NO_SUCH_OBJECT
        if 0 < int.from_bytes(most) < len(found):
            found, code = found[: int.from_bytes(most)], SIZE_LIMIT
        shown = {name.decode().lower() for _, name in parts(attributes[1])}
        return [*(_entry(each, shown) for each in found), _result(DONE, code)]


def _matches(kind: int, content: bytes, entry: Entry) -> bool:
    has = {name.lower(): [each.lower() for each in values] for name, values in entry.attributes.items()}
    if kind in (AND, OR):
        each_of = [_matches(*part, entry) for part in parts(content)]
        return all(each_of) if kind == AND else any(each_of)
    if kind == PRESENT:
        return content.decode().lower() in has
    if kind == EQUAL:
        (_, name), (_, value) = parts(content)
        return value.decode().lower() in has.get(name.decode().lower(), [])
    return False


def _entry(entry: Entry, shown: set[str]) -> bytes:
    attributes = [
        piece(
            SEQUENCE,
            piece(OCTETS, name.encode()),
            piece(SET, *(piece(OCTETS, each.encode()) for each in values)),
        )
        for name, values in entry.attributes.items()
        if name.lower() in shown
    ]
    return piece(ENTRY, piece(OCTETS, entry.dn.encode()), piece(SEQUENCE, *attributes))


def _result(tag: int, code: int) -> bytes:
    return piece(tag, piece(ENUMERATED, bytes([code])), piece(OCTETS), piece(OCTETS))
