"""Section ``tls``: the TLS endpoints that people and pods log in through."""

import ipaddress
import re
from datetime import timedelta
from typing import Annotated, Any, Self

import pydantic

from domino_health.profile.base import ExistingFile, Many, Name, Section
from domino_health.units import Duration

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:/@\[\]]+))(?::(?P<port>\d{1,5}))?")


class Endpoint(Section):
    """One TLS endpoint. ``- domino.example.com`` alone is short for its ``address``."""

    address: str
    """``host`` or ``host:port``, port 443 by default; an IPv6 address in brackets."""
    name: Name | None = None
    """What reports call it; by default its address."""
    server_name: str | None = None
    """The name to ask for and to find in the certificate; by default the host."""

    @pydantic.field_validator("address")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        if "://" in value:
            raise ValueError("an address is host or host:port, without a scheme or a path")
        match = _ADDRESS.fullmatch(value)
        if not match or not 0 < int(match["port"] or 443) < 65536:
            raise ValueError("not an address; write host, host:port or [IPv6]:port")
        if match["v6"]:
            ipaddress.IPv6Address(match["v6"])
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


def _short_form(value: Any) -> Any:
    return {"address": value} if isinstance(value, str) else value


class Tls(Section):
    """TLS endpoints and whom to trust."""

    endpoints: Annotated[tuple[Annotated[Endpoint, pydantic.BeforeValidator(_short_form)], ...], Many]
    ca_file: ExistingFile | None = None
    """Further CA certificates to trust (PEM), beside the public ones that browsers trust."""
    deadline: Duration = timedelta(seconds=10)
    """For each endpoint: connecting and the whole handshake."""

    @pydantic.model_validator(mode="after")
    def _distinct(self) -> Self:
        labels = [endpoint.label for endpoint in self.endpoints]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"two endpoints are called {', '.join(twice)}; give each a name of its own")
        return self
