"""What is kept of a test user's login: how far it came, what the response says. No value of an attribute."""

from datetime import datetime, timedelta

import msgspec

from domino_health.vocabulary import Ref


class SamlLogin(msgspec.Struct, frozen=True, omit_defaults=True):
    """A login by one broker of Keycloak, up to the response that Keycloak would have been given."""

    realm: str
    broker: str
    ended: str
    """``response``; ``own form``: Keycloak asked for the password itself; ``refused``: the identity provider
    asked for it again; ``error page``: neither."""
    said: str = ""
    """The title of the page that it ended at, and its status."""
    asked: str = ""
    """Who asked for the password: ``host:port``."""
    status: str = ""
    """Of the response, the last part of its URN: ``Success``."""
    signature: str = "none"
    """``valid``: by a certificate that the broker trusts; ``invalid``; ``not checked``: it reads
    them elsewhere, by itself; ``none``."""
    signature_problem: str = ""
    signer: str = ""
    """Subject of the certificate that the signature names."""
    issuer: str = ""
    destination: str = ""
    """Where the response says that it is for."""
    expected_destination: str = ""
    audience: tuple[str, ...] = ()
    expected_audience: str = ""
    answers: bool = True
    """Whether it says that it answers what was asked."""
    not_before: datetime | None = None
    not_after: datetime | None = None
    encrypted: bool = False
    """Then nobody but Keycloak knows what is in it."""
    attributes: tuple[str, ...] = ()
    """Their names, friendly ones too."""
    skew: float | None = None
    """Seconds by which the clock that dated the response is ahead of ours."""
    took: timedelta = timedelta(0)

    @property
    def ref(self) -> Ref:
        """The broker that it went by."""
        return Ref("", "broker", self.realm, self.broker)
