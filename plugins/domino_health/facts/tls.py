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
    key: str = ""
    """The kind of its public key: ``RSA``, ``EC``, ``Ed25519``."""
    bits: int = 0
    """Of the key, where keys of its kind differ in length."""
    digest: str = ""
    """The digest that its issuer signed: ``sha256``. Empty where the kind of signature implies it."""


class Revocation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an authority says of one of its certificates (OCSP)."""

    status: str = ""
    """``good``, ``revoked``, ``unknown``; empty where the authority names nobody to ask."""
    source: str = ""
    """Who said so: the responder's URL, or ``stapled``: the endpoint itself, in the handshake."""
    reason: str = ""
    """Why it was revoked, in the authority's word; or why nothing is known."""
    since: datetime | None = None
    """When it was revoked."""


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
    older: str = ""
    """What it agreed to with a client that knows nothing newer than TLS 1.1; empty if nothing."""
    missing_issuer: str = ""
    """Who issued the last certificate that it sent, where there is no path to a trusted root. Empty where
    that one issued itself."""
    issuer_url: str = ""
    """Where the authority keeps that issuer's certificate, as the last certificate says (AIA)."""
    in_order: bool = True
    """Whether each certificate of the path came behind the one that it issued."""
    revocation: Revocation = Revocation()
    """Of the endpoint's own certificate."""
    proxy: str = ""
    """By which it was reached."""

    @property
    def ref(self) -> Ref:
        """The endpoint; it is in no cluster."""
        return Ref("", "endpoint", "", self.name)

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """The certificates that a login rests on: the verified path, else what was presented."""
        return self.verified or self.presented
