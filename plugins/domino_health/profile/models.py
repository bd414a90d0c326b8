"""The profile as a whole."""

from typing import Annotated, Any, Literal

import pydantic

from domino_health.profile.base import ExistingDirectory, ExistingFile, Many, Section
from domino_health.profile.clusters import Cluster
from domino_health.profile.domino import Domino
from domino_health.profile.judging import GateSection, SeverityName, WaiverSection
from domino_health.profile.keycloak import Keycloak
from domino_health.profile.ldap import Ldap
from domino_health.profile.logs import Logs
from domino_health.profile.saml import Saml
from domino_health.profile.scans import Scans
from domino_health.profile.tls import Tls


def _one(value: Any) -> Any:
    if type(value) is not int or value != 1:  # true and 1.0 are equal to 1
        raise ValueError("must be 1 (without quotes)")
    return value


class Profile(Section):
    """One environment. A section that is absent switches its checks off, and they say so."""

    version: Annotated[Literal[1], pydantic.BeforeValidator(_one)]
    """Of this form. Always 1, so far."""
    description: str = ""
    """A line for reports."""
    lab: Literal["faulty", "healthy"] | None = None
    """Start the embedded demo platform, and let ``${LAB_…}`` name its addresses. Not for real use."""
    extends: Annotated[str, pydantic.Field(min_length=1)] | None = None
    """Another profile, of which it takes what it does not say itself: a name beside it, or a path."""
    clusters: Annotated[tuple[Cluster, ...], Many] | None = None
    """The Kubernetes clusters of this environment."""
    domino: Domino | None = None
    """What Domino is made of here, where labels and usual names do not tell."""
    tls: Tls | None = None
    """The TLS endpoints that people and pods log in through."""
    saml: Saml | None = None
    """The identity providers that Domino's Keycloak sends people to."""
    keycloak: Keycloak | None = None
    """The realm that people log into Domino by, and an account that may look at it."""
    ldap: Ldap | None = None
    """The directories that Keycloak's user federation asks."""
    scans: Scans | None = None
    """Where the vulnerability reports of images are."""
    logs: Logs | None = None
    """What the logs of Domino's services are searched for."""
    thresholds: dict[str, dict[str, Any]] = {}
    """Check id to threshold to value: ``SCHED-001: {max_wait: 5m}``."""
    severities: dict[str, SeverityName] = {}
    """Check id to the severity of whatever it finds: ``SCHED-001: medium``."""
    gates: dict[str, GateSection] = {}
    """Name to what closes it; beside those that are shipped."""
    waivers: Annotated[tuple[WaiverSection, ...], Many] | None = None
    """Findings that someone accepted, for a reason, until a date."""
    inspec_waivers: Annotated[tuple[ExistingFile, ...], Many] | None = None
    """Waiver files of InSpec (YAML, JSON, CSV), taken in among the waivers."""
    packs: Annotated[tuple[str, ...], Many] | None = None
    """Python packages of further checks."""
    knowledge: ExistingDirectory | None = None
    """The site's own notes: ``SCHED-001.md`` for what people here know of that check."""
