"""The profile as a whole."""

from typing import Annotated, Any, Literal, Self

import pydantic

from domino_health.profile.base import Many, Section
from domino_health.profile.clusters import Cluster
from domino_health.profile.tls import Tls


class Profile(Section):
    """One environment. A section that is absent switches its checks off, and they say so."""

    version: Literal[1]
    """Of this form. Always 1, so far."""
    description: str = ""
    """A line for reports."""
    lab: Literal["faulty", "healthy"] | None = None
    """Start the embedded demo platform, and let ``${LAB_…}`` name its addresses. Not for real use."""
    clusters: Annotated[tuple[Cluster, ...], Many] | None = None
    tls: Tls | None = None
    thresholds: dict[str, dict[str, Any]] = {}
    """Check id to threshold to value: ``SCHED-001: {max_wait: 5m}``."""

    @pydantic.model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [cluster.name for cluster in self.clusters or ()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two clusters are called {', '.join(twice)}; give each a name of its own")
        return self
