"""What is kept of an identity provider's SAML metadata: whom a broker would trust, where people are sent."""

from datetime import datetime, timedelta

import msgspec

from domino_health.facts.tls import Certificate
from domino_health.vocabulary import Ref


class SamlService(msgspec.Struct, frozen=True, order=True):
    """An address at which the identity provider takes a kind of message."""

    binding: str
    """How messages travel there, without the name's namespace: ``HTTP-Redirect``, ``HTTP-POST``, ``SOAP``."""
    location: str


class SamlKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """A certificate that the metadata publishes."""

    certificate: Certificate
    use: str = ""
    """``signing`` or ``encryption``; empty: both."""


class SamlMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """The metadata of one identity provider, as it was published when it was looked at."""

    name: str
    """The profile's."""
    source: str
    """The URL or the file that it came from."""
    entity_id: str
    keys: tuple[SamlKey, ...] = ()
    unreadable_keys: int = 0
    """Keys that it publishes otherwise than as an X.509 certificate that can be read."""
    sign_on: tuple[SamlService, ...] = ()
    """Where people are sent to log in."""
    log_out: tuple[SamlService, ...] = ()
    name_ids: tuple[str, ...] = ()
    """Formats of the names by which it tells people apart, as URNs."""
    wants_signed_requests: bool = False
    signature: str = "none"
    """``valid``: by a certificate that the profile names; ``invalid``; ``not checked``: signed, and the
    profile names no certificate; ``none``."""
    signature_problem: str = ""
    """Why it is invalid."""
    signature_method: str = ""
    """The last part of the algorithm's URI: ``rsa-sha256``."""
    digest_method: str = ""
    valid_until: datetime | None = None
    """The earliest that any part of the document says."""
    cache_duration: timedelta | None = None
    """After which it should be fetched again; the shortest."""
    sha256: str = ""
    """Of the document, hexadecimal."""
    expected_entity_id: str = ""
    """By the profile."""
    broker: str = ""
    """The alias of the broker in Keycloak, by the profile."""
    pinned: bool = False
    """Whether the profile names who must have signed it."""
    skew: float | None = None
    """Seconds by which the clock of the server that published it is ahead of ours; not known for a file."""

    @property
    def ref(self) -> Ref:
        """The identity provider; it is in no cluster."""
        return Ref("", "identityprovider", "", self.name)

    @property
    def signing(self) -> tuple[Certificate, ...]:
        """The certificates by which its responses may be signed."""
        return tuple(key.certificate for key in self.keys if key.use != "encryption")

    @property
    def encryption(self) -> tuple[Certificate, ...]:
        """The certificates for which what is sent to it may be encrypted."""
        return tuple(key.certificate for key in self.keys if key.use != "signing")
