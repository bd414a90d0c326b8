"""Section ``saml``: the identity providers that Domino's Keycloak sends people to."""

import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Self

import pydantic

from domino_health.profile.base import AnyPath, CaFile, Deadline, Many, Name, Section


def _page(value: str) -> str:
    if not value.startswith("https://"):
        raise ValueError("must begin with https://; or name a file in metadata_file")
    if re.search(r"#|\s|^https:/*[^/?]*@", value):
        raise ValueError("write https://host/path alone, without a password and without a fragment")
    return value


WebPage = Annotated[
    str,
    pydantic.AfterValidator(_page),
    pydantic.WithJsonSchema({"type": "string", "pattern": r"^https://[^/?#@\s]+([/?][^#\s]*)?$"}),
]
"""``https://host/path?query``."""


def _one_source(schema: dict[str, Any]) -> None:
    """Say in a JSON schema what ``_one_metadata`` holds."""
    schema["oneOf"] = [{"required": ["metadata_url"]}, {"required": ["metadata_file"]}]


class IdentityProvider(Section):
    """One identity provider, by its SAML metadata."""

    model_config = pydantic.ConfigDict(json_schema_extra=_one_source)
    sample: ClassVar = "name: corporate idp"

    name: Name
    """What reports call it."""
    metadata_url: WebPage | None = None
    """Where it publishes its metadata."""
    metadata_file: AnyPath | None = None
    """In its place, a file that somebody has fetched or was sent."""
    signed_by: CaFile | None = None
    """Certificates (PEM), by one of which the metadata must be signed. The one inside proves nothing."""
    entity_id: Annotated[str, pydantic.Field(min_length=1)] | None = None
    """What it must call itself; needed where the document describes several."""
    broker: Annotated[str, pydantic.Field(min_length=1)] | None = None
    """The alias of the identity provider in Keycloak; by default the one with this entity id."""

    @property
    def label(self) -> str:
        """What reports call it."""
        return self.name

    @pydantic.model_validator(mode="after")
    def _one_metadata(self) -> Self:
        if (self.metadata_url is None) == (self.metadata_file is None):
            raise ValueError("needs one of metadata_url and metadata_file")
        return self


class Saml(Section):
    """Identity providers and whom to trust in asking them."""

    sample: ClassVar = (
        "identity_providers: [{name: corporate idp, metadata_url: https://idp.example.com/metadata}]"
    )

    identity_providers: Annotated[tuple[IdentityProvider, ...], Many]
    """Each by its metadata."""
    ca_file: CaFile | None = None
    """Further CA certificates to trust (PEM) at ``metadata_url``, beside the public ones of browsers."""
    deadline: Deadline = timedelta(seconds=15)
    """For each document."""
