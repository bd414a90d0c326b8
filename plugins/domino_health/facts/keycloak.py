"""What is kept of Domino's Keycloak: whom its realm believes, what it takes over, and for how long."""

from datetime import timedelta

import msgspec

from domino_health.facts.tls import Certificate
from domino_health.vocabulary import Ref


class BrokerMapper(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule by which a broker takes something over from what the identity provider says."""

    name: str
    kind: str
    """Keycloak's: ``saml-user-attribute-idp-mapper``."""
    source: str = ""
    """The attribute (its name, or its friendly name) or the claim that is read."""
    target: str = ""
    """The user's attribute that is filled: ``email``, ``domino-groups``."""
    sync: str = ""
    """``IMPORT``: at the first login alone; ``FORCE``: at each; ``LEGACY``; ``INHERIT``: as the broker."""


class Broker(msgspec.Struct, frozen=True, omit_defaults=True):
    """An identity provider as a realm of Keycloak knows it."""

    realm: str
    alias: str
    protocol: str
    """``saml``, ``oidc``, or another of Keycloak's provider ids."""
    enabled: bool = True
    entity_id: str = ""
    sign_on: str = ""
    """Where it sends people to log in."""
    certificates: tuple[Certificate, ...] = ()
    """By which it believes responses."""
    unreadable_certificates: int = 0
    validates: bool = True
    """Whether it looks at signatures at all."""
    metadata_url: str = ""
    follows_metadata: bool = False
    """Whether Keycloak itself reads the certificates from ``metadata_url`` when it needs them."""
    signs_requests: bool = False
    name_id: str = ""
    """The format of the name that it asks for, the last part of its URN: ``persistent``."""
    principal: str = ""
    """What tells people apart: empty or ``SUBJECT`` the name (NameID), else an attribute."""
    sync: str = ""
    """For mappers that inherit: ``IMPORT``, ``FORCE``, else as ``LEGACY``."""
    mappers: tuple[BrokerMapper, ...] = ()

    @property
    def ref(self) -> Ref:
        """The broker, within its realm."""
        return Ref("", "broker", self.realm, self.alias)


class RealmKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key by which a realm signs, or for which it is encrypted to, with its certificate."""

    use: str
    """``SIG`` or ``ENC``."""
    status: str
    """``ACTIVE``, ``PASSIVE``: no longer signs, and is still known; ``DISABLED``."""
    algorithm: str
    certificate: Certificate


class ClaimMapper(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule by which what Domino is told of a user gets a user's attribute."""

    scope: str
    """The client scope that it is in; empty: the client's own (``domino-play-dedicated``)."""
    attribute: str
    claim: str
    multivalued: bool = False


class DominoClient(msgspec.Struct, frozen=True, omit_defaults=True):
    """Domino itself, as Keycloak knows it: a client of the realm."""

    client_id: str
    enabled: bool = True
    access_token: timedelta | None = None
    """Its own lifetime of access tokens, in place of the realm's."""
    claims: tuple[ClaimMapper, ...] = ()


class KeycloakRealm(msgspec.Struct, frozen=True, omit_defaults=True):
    """The realm that people log into Domino by."""

    url: str
    realm: str
    enabled: bool = True
    """When it is not, nothing else is known of it."""
    access_token: timedelta = timedelta(0)
    """How long Domino believes a login before it asks again."""
    idle: timedelta = timedelta(0)
    """After which an unused session ends (SSO Session Idle)."""
    longest: timedelta = timedelta(0)
    """After which every session ends (SSO Session Max)."""
    brokers: tuple[Broker, ...] = ()
    keys: tuple[RealmKey, ...] = ()
    client: DominoClient | None = None
    """Where the profile names it."""
    external_organizations: bool = False
    """By the profile: whether Domino takes organisations from ``domino-groups``."""
    external_roles: bool = False
    """By the profile: whether Domino takes system roles from ``domino-system-roles``."""
    skew: float | None = None
    """Seconds by which its clock is ahead of ours, by when it says that it has issued a token."""

    @property
    def ref(self) -> Ref:
        """The realm; it is in no cluster."""
        return Ref("", "realm", "", self.realm)
