"""What is kept of a TLS endpoint: the certificates it presents, and what OpenSSL said of them."""

from datetime import datetime

import msgspec

from domino_health.vocabulary import Ref


class Certificate(msgspec.Struct, frozen=True, omit_defaults=True):
    """One certificate, as an operator would recognise it."""

    subject: str
    """RFC 4514."""
    issuer: str
    not_before: datetime
    not_after: datetime
    serial: str
    """Hexadecimal."""
    sha256: str
    """Fingerprint, hexadecimal."""
    names: tuple[str, ...] = ()
    """DNS names and IP addresses it is good for."""


class TlsEndpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one endpoint presented in a handshake that was carried through whatever it presented."""

    name: str
    """The profile's name for it, else its address."""
    address: str
    """``host:port``."""
    server_name: str
    """The name that was asked for and that the certificate must carry."""
    presented: tuple[Certificate, ...]
    """The chain as it came, the endpoint's own certificate first."""
    verified: tuple[Certificate, ...] = ()
    """The path to a trusted root, when there is one."""
    chain_errors: tuple[str, ...] = ()
    """What OpenSSL's verification found wrong besides dates, in its own words."""
    name_matches: bool = True
    """Whether the endpoint's certificate carries ``server_name`` (RFC 6125)."""
    protocol: str = ""
    """``TLSv1.3``."""

    @property
    def ref(self) -> Ref:
        """The endpoint; it is in no cluster."""
        return Ref("", "endpoint", "", self.name)

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """The certificates that a login rests on: the verified path, else what was presented."""
        return self.verified or self.presented
