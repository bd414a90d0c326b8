"""Acme's checks for domino-health, and the section that they add to a profile."""

from datetime import timedelta
from typing import Annotated, ClassVar

import pydantic

from domino_health import Duration, Many, Name, Section


class Server(Section):
    """One licence server."""

    name: Name
    """What reports call it."""
    url: Annotated[str, pydantic.Field(pattern=r"^https?://[^\s/@?#]+$")]
    """``http://host:port``, without a path, and without a password: it stands in reports."""

    @property
    def label(self) -> str:
        """Two of one name are a mistake."""
        return self.name


class Acme(Section):
    """Section ``acme``: the licence servers."""

    sample: ClassVar = "servers: [{name: solver, url: http://licences.acme.example:8090}]"

    servers: Annotated[tuple[Server, ...], Many]
    deadline: Duration = timedelta(seconds=10)
    """For each server's whole answer."""


SECTIONS = {"acme": Acme}
