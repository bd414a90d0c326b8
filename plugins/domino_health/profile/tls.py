"""Section ``tls``: the TLS endpoints that people and pods log in through."""

import ipaddress
import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

import pydantic

from domino_health.profile.base import CaFile, Deadline, Many, Name, Section

# No ASCII but letters, digits, "-", "." and "_"; of all else, letters of any script, but no quotes.
_HOST = r"[^\x00-,/:-@\[-^`{-\x7f\s\xab\xbb\u2018-\u201f\u2039\u203a]+"
_ADDRESS = re.compile(rf"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>{_HOST}))(?::(?P<port>\d{{1,5}}))?")


_AN_ADDRESS = {
    "type": "string",
    "pattern": r"^(\[[0-9A-Fa-f:.]+\]|[^\s/:@\[\]?#]+)(:[0-9]{1,5})?$",
    "description": "`host`, `host:port` or `[IPv6]:port`, port 443 by default.",
}
Address = Annotated[str, pydantic.WithJsonSchema(_AN_ADDRESS)]
"""``host`` or ``host:port``."""


class Endpoint(Section):
    """One TLS endpoint. ``- domino.example.com`` alone is short for its ``address``."""

    address: Address
    """``host`` or ``host:port``, port 443 by default; an IPv6 address in brackets."""
    name: Name | None = None
    """What reports call it; by default its address."""
    server_name: str | None = None
    """The name to ask for and to find in the certificate; by default the host."""
    starttls: Literal["ldap"] | None = None
    """``ldap``: an LDAP server (port 389) that speaks TLS when asked to."""

    @pydantic.field_validator("address")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        if "://" in value:
            raise ValueError("an address is host or host:port, without a scheme or a path")
        match = _ADDRESS.fullmatch(value)
        port = int(match["port"] or 443) if match else 0
        if not match or not 0 < port < 65536 or (match["v6"] and not _is_v6(match["v6"])):
            raise ValueError("not an address; write host, host:port or [IPv6]:port")
        return value

    @property
    def host(self) -> str:
        """The host or IP address to connect to."""
        match = _ADDRESS.fullmatch(self.address)
        assert match is not None, "validated above"
        return str(match["v6"] or match["host"])

    @property
    def port(self) -> int:
        """The port to connect to."""
        match = _ADDRESS.fullmatch(self.address)
        assert match is not None, "validated above"
        return int(match["port"] or 443)

    @property
    def label(self) -> str:
        """What reports call it."""
        return self.name or self.address


def _is_v6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _short_form(value: Any) -> Any:
    return value if isinstance(value, dict | Endpoint) else {"address": value}


_ShortEndpoint = Annotated[
    Endpoint, pydantic.BeforeValidator(_short_form, json_schema_input_type=Endpoint | Address)
]


class Tls(Section):
    """TLS endpoints and whom to trust."""

    sample: ClassVar = "endpoints: [domino.example.com]"

    endpoints: Annotated[tuple[_ShortEndpoint, ...], Many]
    """What to look at: addresses, or ``address`` with ``name`` and ``server_name``."""
    ca_file: CaFile | None = None
    """Further CA certificates to trust (PEM), beside the public ones that browsers trust."""
    deadline: Deadline = timedelta(seconds=10)
    """For each endpoint: connecting and the whole handshake."""
