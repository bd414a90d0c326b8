"""The chain that each TLS endpoint presents, and what a careful client would make of it."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from domino_health.collectors.certificates import (
    access_urls,
    carries_name,
    certificate_of,
    is_ip,
    is_issued_by,
    presented_path,
    verify,
)
from domino_health.collectors.handshake import NEEDS, Door, Presented, handshake, takes_older
from domino_health.collectors.looking import CollectionError, Deadline, Look, Target
from domino_health.collectors.proxies import proxy_for, shown
from domino_health.collectors.revocation import revocation
from domino_health.facts.tls import TlsEndpoint
from domino_health.profile.tls import Endpoint

if TYPE_CHECKING:
    from cryptography import x509

OLD = ("TLSv1", "TLSv1.1")
"""Protocols that RFC 8996 has retired; older ones are not known here at all."""
OLDER = timedelta(seconds=3)
"""For the second handshake, that of a client which knows nothing newer."""


def endpoints(look: Look) -> list[Target[TlsEndpoint]]:
    """Every endpoint of section ``tls``."""
    section = look.profile.tls
    if section is None:
        return []
    return [
        Target(
            endpoint.label,
            _how(endpoint),
            section.deadline,
            partial(_look, endpoint, section.ca_file),
            (*NEEDS, "ldap3") if endpoint.starttls else NEEDS,
        )
        for endpoint in section.endpoints
    ]


def look_at(name: str, door: Door, ca_file: Path | None, deadline: Deadline) -> TlsEndpoint:
    """What one server presents, and what is wrong with it besides dates.

    Args:
        name: what reports call it.
        door: where it is.
        ca_file: whom to trust beside the public roots.
        deadline: for all of it.

    Raises:
        CollectionError: nobody there, or nobody who speaks TLS, or not in time.
    """
    came = handshake(door, deadline)
    verified, errors = verify(came.chain, ca_file)
    path = verified or presented_path(came.chain)
    missing, at = ("", "") if verified else _missing(path[-1])
    return TlsEndpoint(
        name=name,
        address=door.where,
        server_name=door.server_name,
        presented=tuple(map(certificate_of, came.chain)),
        verified=tuple(map(certificate_of, verified)),
        chain_errors=errors,
        name_matches=carries_name(came.chain[0], door.server_name),
        protocol=came.protocol,
        older=_older(door, came, deadline),
        missing_issuer=missing,
        issuer_url=at,
        in_order=_in_order(came.chain),
        revocation=revocation(verified, came.stapled, deadline),
        proxy=shown(door.proxy),
    )


def _look(
    endpoint: Endpoint, ca_file: Path | None, deadline: Deadline, _say: Callable[[str], None]
) -> list[TlsEndpoint]:
    return [look_at(endpoint.label, _door(endpoint), ca_file, deadline)]


def _door(endpoint: Endpoint) -> Door:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    # A company's proxy is for the web: LDAP is spoken inside of the company.
    proxy = "" if endpoint.starttls else proxy_for(f"https://{host}:{endpoint.port}")
    name = endpoint.server_name or endpoint.host
    return Door(endpoint.host, endpoint.port, name, proxy, starttls=endpoint.starttls is not None)


def _how(endpoint: Endpoint) -> str:
    door = _door(endpoint)
    parts = [f"openssl s_client -connect {door.where}"]
    if not is_ip(door.server_name):
        parts.append(f"-servername {door.server_name}")
    if endpoint.starttls:
        parts.append(f"-starttls {endpoint.starttls}")
    if door.proxy:
        parts.append(f"-proxy {shown(door.proxy).removeprefix('http://')}")
    return " ".join(parts)


def _older(door: Door, came: Presented, deadline: Deadline) -> str:
    if came.protocol in OLD:
        return came.protocol
    try:
        return takes_older(door, Deadline(min(OLDER, timedelta(seconds=deadline.remaining()))))
    except CollectionError:
        return ""  # who does not answer such a client does not serve it


def _missing(last: "x509.Certificate") -> tuple[str, str]:
    """Who issued the last certificate of a path that leads nowhere, and where that one is kept."""
    from cryptography.x509.oid import AuthorityInformationAccessOID

    if is_issued_by(last, last):
        return "", ""
    urls = access_urls(last, AuthorityInformationAccessOID.CA_ISSUERS)
    return last.issuer.rfc4514_string(), next(iter(urls), "")


def _in_order(chain: "list[x509.Certificate]") -> bool:
    """Whether each certificate is followed by its issuer, as TLS 1.2 demands (RFC 5246, 7.4.2)."""
    path = presented_path(chain)
    return chain[: len(path)] == path
