"""Section ``keycloak``: the realm that people log into Domino by, and an account that may look at it."""

from datetime import timedelta
from typing import Annotated, ClassVar

import pydantic

from domino_health.profile.base import CaFile, Deadline, Secret, Section
from domino_health.profile.clusters import Server

_Text = Annotated[str, pydantic.Field(min_length=1, max_length=255)]


class TestLogin(Section):
    """A user whose login is tried, up to the response that Keycloak would be given. Naming one is consent."""

    __test__: ClassVar = False  # pytest's: no class of tests
    sample: ClassVar = "broker: corporate"

    broker: _Text
    """The alias of the identity provider in Keycloak."""
    username: _Text
    """Of a user of the identity provider's who needs no second factor."""
    password: Secret
    """As a reference, ``${NAME}``. It is typed into the identity provider's own form alone."""
    client_id: _Text = "account-console"
    """The client that the login is for; every realm has this one."""
    redirect_uri: Server | None = None
    """Where that client lets people come back to; nobody does. By default the account console."""


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
    test_login: TestLogin | None = None
    """Try a login (IDP-011). A session is begun at the identity provider; in Keycloak nobody is changed."""
    ca_file: CaFile | None = None
    """Further CA certificates to trust (PEM) at ``url``, beside the public ones that browsers trust."""
    deadline: Deadline = timedelta(seconds=30)
    """For all questions together."""
