"""The lab's TLS endpoints: what people and pods log in through, good or with one fault each.

Which there are is what Domino's documentation names: its own front end; the identity provider that its
Keycloak brokers; a directory that Keycloak federates; an image registry and a git server outside of the
cluster; a remote data plane, which has a host of its own.
"""

import enum
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from domino_health.lab.certificates import Authority
from domino_health.lab.serving import Answer, TlsServer

Speaker = Callable[[str, ssl.SSLContext], TlsServer]
"""From a server's name and its side of TLS to the server."""
PAGE = Answer(200, b"This is domino-health's demo lab. It is no Domino.\n", "text/plain; charset=utf-8")


class Fault(enum.Enum):
    """What is wrong with an endpoint of the faulty lab."""

    NONE = "none"
    ENDS_SOON = "its certificate ends within the month"
    ENDED = "its certificate has ended"
    NO_INTERMEDIATE = "it does not send the intermediate certificate"
    OTHER_NAME = "its certificate is for another name"
    DEAD = "nobody listens"


@dataclass(frozen=True)
class Endpoint:
    """One endpoint."""

    variable: str
    """What a profile calls its address."""
    host: str
    """The name that people know it by. It is in no DNS: profiles give it as ``server_name``."""
    fault: Fault = Fault.NONE
    """In the faulty lab."""
    is_asked: bool = False
    """By HTTP, at 127.0.0.1: then its certificate is good for that as well."""


ENDPOINTS = (
    Endpoint("LAB_FRONT_END", "domino.demo.internal", is_asked=True),
    Endpoint("LAB_CORPORATE_IDP", "idp.demo.internal", Fault.ENDS_SOON, is_asked=True),
    Endpoint("LAB_LDAP", "ldap.demo.internal", Fault.ENDED),
    Endpoint("LAB_REGISTRY", "registry.demo.internal", Fault.NO_INTERMEDIATE),
    Endpoint("LAB_DATA_PLANE", "dataplane.demo.internal", Fault.OTHER_NAME),
    Endpoint("LAB_GIT", "git.demo.internal", Fault.DEAD),
)

# Half an hour more than they say, so that reports show whole days.
_MARGIN = timedelta(minutes=30)
_CERTIFICATES: Mapping[Fault, Mapping[str, Any]] = {
    Fault.NONE: {},
    Fault.ENDS_SOON: {"lasts": timedelta(days=20) + _MARGIN},
    Fault.ENDED: {"lasts": -timedelta(days=3) - _MARGIN},
    Fault.NO_INTERMEDIATE: {"with_intermediate": False},
    Fault.OTHER_NAME: {"issued_for": "old-dataplane.demo.internal"},
}


def serve(
    stack: ExitStack, authority: Authority, *, faulty: bool, speakers: Mapping[str, Speaker] | None = None
) -> dict[str, str]:
    """Start all endpoints, and give the address of each by the name of its variable.

    Args:
        stack: what ends them.
        authority: who issues their certificates.
        faulty: with the fault that each has, or all of them good.
        speakers: those that say more than ``PAGE``, by the variable.

    Raises:
        OSError: no port could be had.
    """
    return {
        endpoint.variable: _serve(
            stack,
            authority,
            endpoint,
            endpoint.fault if faulty else Fault.NONE,
            (speakers or {}).get(endpoint.variable, _says_what_it_is),
        )
        for endpoint in ENDPOINTS
    }


def _says_what_it_is(name: str, context: ssl.SSLContext) -> TlsServer:
    return TlsServer(name, context, lambda *_: PAGE)


def _serve(stack: ExitStack, authority: Authority, endpoint: Endpoint, fault: Fault, speaker: Speaker) -> str:
    if fault is Fault.DEAD:
        return _dead(stack)
    context = authority.context(endpoint.host, here=endpoint.is_asked, **_CERTIFICATES[fault])
    return stack.enter_context(speaker(f"lab: {endpoint.host}", context)).address


def _dead(stack: ExitStack) -> str:
    """A port that refuses. It is held, not free: a free one could be anybody's a moment later."""
    held = stack.enter_context(socket.socket())
    held.bind(("127.0.0.1", 0))  # and never listens
    return f"127.0.0.1:{held.getsockname()[1]}"
