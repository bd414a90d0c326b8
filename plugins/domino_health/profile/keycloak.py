"""Section ``keycloak``: the realm that people log into Domino by, and an account that may look at it."""

from datetime import timedelta
from typing import Annotated, ClassVar

import pydantic

from domino_health.profile.base import CaFile, Deadline, Secret, Section
from domino_health.profile.clusters import Server

_Text = Annotated[str, pydantic.Field(min_length=1, max_length=255)]


class Keycloak(Section):
    """Domino's Keycloak, asked by its admin API. Nothing is ever changed there."""

    sample: ClassVar = "url: https://domino.example.com/auth"

    url: Server
    """``https://host/auth``; without ``/auth`` where Keycloak is not behind that path."""
    client_secret: Secret
    """Of the client whose service account looks; as a reference, ``${NAME}``."""
    client_id: _Text = "domino-health"
    """Of that client. Its account needs view-realm and view-identity-providers of ``realm-management``."""
    realm: _Text = "DominoRealm"
    """Which people log into Domino by."""
    account_realm: _Text | None = None
    """Where that client is; by default in ``realm`` itself."""
    domino_client: _Text | None = None
    """``domino-play``: look at what Keycloak tells Domino of users, too. Needs view-clients, by which the
    account could read clients' secrets as well; they are never asked for."""
    external_organizations: bool = False
    """Whether Domino takes organisations from logins (``authentication.oidc.externalOrgsEnabled``)."""
    external_roles: bool = False
    """Whether Domino takes system roles from logins (``authentication.oidc.externalRolesEnabled``)."""
    ca_file: CaFile | None = None
    """Further CA certificates to trust (PEM) at ``url``, beside the public ones that browsers trust."""
    deadline: Deadline = timedelta(seconds=30)
    """For all questions together."""
