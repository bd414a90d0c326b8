"""Licences: what is kept of them, and how a licence server is looked at. Nothing here judges."""

from collections.abc import Callable
from functools import partial

import msgspec
import urllib3

from acme_checks import Server
from domino_health import CollectionError, Deadline, Look, Outcome, Ref, Target

LARGEST = 1 << 20
"""Bytes of an answer: a server has a few dozen products."""


class Licence(msgspec.Struct, frozen=True):
    """One product's seats. A field that is not named here is never kept."""

    product: str
    seats: int
    in_use: int
    server: str = ""
    """The profile's name of the server."""

    @property
    def ref(self) -> Ref:
        """What a finding is about; it is in no cluster."""
        return Ref("", "licence", self.server, self.product)


class Status(msgspec.Struct, frozen=True):
    """What a server answers to ``GET /status``."""

    licences: list[Licence]


def licences(look: Look) -> list[Target[Licence]]:
    """The seats of every product, as each licence server counts them."""
    section = look.profile.acme  # type: ignore[attr-defined]  # the pack's own
    return [
        Target(server.name, f"GET {server.url}/status", section.deadline, partial(_look, server))
        for server in section.servers
    ]


def _look(server: Server, deadline: Deadline, _say: Callable[[str], None]) -> list[Licence]:
    """Ask one server.

    Raises:
        CollectionError: it does not answer, not in time, or not with licences.
    """
    url = f"{server.url}/status"
    try:
        status, body = _get(url, deadline)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        # A refused connection is a time-out too, in urllib3's eyes.
        late = isinstance(error, urllib3.exceptions.TimeoutError)
        if late and not isinstance(error, urllib3.exceptions.NewConnectionError):
            raise deadline.passed(f"from {url}") from None
        raise CollectionError(f"GET {url}: {error}", "see whether the licence server is up") from None
    if status in (401, 403):
        cure = "let the account that the suite runs as read the server's status"
        raise CollectionError(f"GET {url}: {status}", cure, Outcome.DENIED)
    if status != 200 or len(body) > LARGEST:
        raise CollectionError(f"GET {url}: {status}, {len(body)} bytes", "see what answers at this address")
    try:
        found = msgspec.json.decode(body, type=Status).licences
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CollectionError(f"GET {url}: {error}", "see which version of the server answers") from None
    return [msgspec.structs.replace(licence, server=server.name) for licence in found]


def _get(url: str, deadline: Deadline) -> tuple[int, bytes]:
    """Status and body, once, without a redirect, and no more of the body than is taken."""
    with (
        urllib3.PoolManager(timeout=urllib3.Timeout(deadline.remaining()), retries=False) as pool,
        pool.request("GET", url, redirect=False, preload_content=False) as response,
    ):
        return response.status, response.read(LARGEST + 1, decode_content=False)
