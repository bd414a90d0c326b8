"""What is kept of an LDAP directory: whether it answers, knows the account and finds people. No value."""

from datetime import timedelta

import msgspec

from domino_health.facts.tls import TlsEndpoint
from domino_health.vocabulary import Ref


class LdapDirectory(msgspec.Struct, frozen=True, omit_defaults=True):
    """One LDAP server, asked as Keycloak's user federation asks it."""

    name: str
    """The profile's."""
    address: str
    """``ldaps://host:port``, or ``ldap://host:port`` for StartTLS."""
    endpoint: TlsEndpoint
    """What it presented."""
    bind: int | None = None
    """Result code of the bind (RFC 4511, 4.1.9): 0 success, 49 invalid credentials. None: not tried."""
    bind_said: str = ""
    """The server's own words for it, or why it was not tried."""
    search: int | None = None
    """Result code of the search: 0 success, 32 no such object. None: it was not tried."""
    search_said: str = ""
    base: str = ""
    """Where was searched."""
    filter: str = ""
    """What for."""
    named: bool = False
    """Whether the profile names a user to search for; else anybody is."""
    found: int = 0
    """Entries: 0, 1, or 2 for more than one."""
    missing: tuple[str, ...] = ()
    """Those attributes of the profile's that the entry does not have, or the account may not see."""
    groups: int | None = None
    """How many groups the entry is said to be in; None: the profile does not ask."""
    group_attribute: str = ""
    took: timedelta | None = None
    """For bind and search together."""

    @property
    def ref(self) -> Ref:
        """The directory; it is in no cluster."""
        return Ref("", "directory", "", self.name)
