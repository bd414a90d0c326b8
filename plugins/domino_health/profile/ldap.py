"""Section ``ldap``: the directories that Keycloak's user federation asks."""

import re
from datetime import timedelta
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

import pydantic

from domino_health.profile.base import CaFile, Deadline, Many, Name, Secret, Section

_ATTRIBUTE = r"[A-Za-z][A-Za-z0-9-]{0,63}(;[A-Za-z0-9-]{1,63})*"
_URL = r"^ldaps?://[^/?#@\s]+/?$"


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = re.match(_URL, value) and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        raise ValueError("must be ldaps://host:port, or ldap://host:port with starttls; nothing behind it")
    return value


def _attribute(value: str) -> str:
    if not re.fullmatch(_ATTRIBUTE, value):
        raise ValueError("not an attribute of LDAP; it is of letters, digits and dashes")
    return value


def _filter(value: str) -> str:
    if not re.fullmatch(r"\(.*\)", value):
        raise ValueError("must be a filter in parentheses, as Keycloak has it: (memberOf=cn=domino,…)")
    return value


Url = Annotated[
    str, pydantic.AfterValidator(_url), pydantic.WithJsonSchema({"type": "string", "pattern": _URL})
]
"""``ldaps://host:port``."""
Attribute = Annotated[
    str,
    pydantic.AfterValidator(_attribute),
    pydantic.WithJsonSchema({"type": "string", "pattern": f"^{_ATTRIBUTE}$"}),
]
"""The name of an attribute."""
Filter = Annotated[str, pydantic.AfterValidator(_filter)]
"""A search filter (RFC 4515)."""
_Text = Annotated[str, pydantic.Field(min_length=1)]


class Directory(Section):
    """One LDAP server, in the words of Keycloak's user federation."""

    sample: ClassVar = "name: corporate directory"

    name: Name
    """What reports call it."""
    url: Url
    """``ldaps://host`` (port 636), or ``ldap://host`` (port 389) with ``starttls``."""
    starttls: bool = False
    """Ask the server to speak TLS. No password is ever sent in the clear."""
    server_name: str | None = None
    """The name that its certificate must carry; by default the host."""
    bind_dn: _Text | None = None
    """The account that Keycloak binds with; without it nobody is bound."""
    bind_password: Secret | None = None
    """Its password; as a reference, ``${NAME}``."""
    users_dn: _Text
    """Where people are: ``ou=people,dc=example,dc=com``."""
    username_attribute: Attribute = "uid"
    """What people log in by; ``sAMAccountName`` of Active Directory."""
    object_classes: Annotated[tuple[Attribute, ...], Many] = ("inetOrgPerson", "organizationalPerson")
    """Which people have, all of them."""
    user_filter: Filter | None = None
    """What else they must match, in parentheses."""
    test_user: _Text | None = None
    """Somebody who must be found; by default anybody is enough."""
    attributes: Annotated[tuple[Attribute, ...], Many] = ("mail", "givenName", "sn")
    """Which an entry must have; only whether it has them is kept."""
    group_attribute: Attribute | None = None
    """``memberOf``, where groups come from the entry; only how many there are is kept."""

    @property
    def label(self) -> str:
        """What reports call it."""
        return self.name

    @property
    def host(self) -> str:
        """The host or IP address to connect to."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port to connect to."""
        return urlsplit(self.url).port or (389 if self.starttls else 636)

    @pydantic.model_validator(mode="after")
    def _never_in_the_clear(self) -> Self:
        if self.url.startswith("ldaps:") == self.starttls:
            raise ValueError(
                "needs either ldaps:// or starttls: true; a password is never sent in the clear"
                if not self.starttls
                else "has starttls and ldaps://; keep one: ldap:// with starttls, or ldaps:// alone"
            )
        if (self.bind_dn is None) != (self.bind_password is None):
            raise ValueError("needs bind_dn and bind_password together, or neither")
        return self


class Ldap(Section):
    """LDAP directories and whom to trust in asking them."""

    sample: ClassVar = "directories: [{name: corporate, url: ldaps://ldap.example.com, users_dn: …}]"

    directories: Annotated[tuple[Directory, ...], Many]
    """Each as Keycloak asks it."""
    ca_file: CaFile | None = None
    """Further CA certificates to trust (PEM), beside the public ones that browsers trust."""
    deadline: Deadline = timedelta(seconds=15)
    """For each directory: the handshake, the bind and the search."""
