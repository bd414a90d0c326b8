"""Section ``domino``: what Domino is made of here, where labels and usual names do not tell."""

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

import pydantic

from domino_health.profile.base import Many, Section
from domino_health.profile.clusters import Namespace

_NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_WORKLOAD = re.compile(
    rf"(?P<kind>deployment|statefulset)/((?P<namespace>[a-z0-9-]{{1,63}})/)?(?P<name>{_NAME})"
)


@dataclass(frozen=True)
class Named:
    """A workload that a profile names."""

    kind: str
    namespace: str
    """Empty: in the platform's namespace."""
    name: str


def _workload(value: str) -> str:
    if not _WORKLOAD.fullmatch(value):
        raise ValueError(
            "must be deployment/NAME or statefulset/NAME, of the platform's namespace, "
            "or with a namespace between the two, as reports name it: deployment/domino-platform/web"
        )
    return value


Workload = Annotated[
    str,
    pydantic.AfterValidator(_workload),
    pydantic.WithJsonSchema(
        {"type": "string", "pattern": f"^(deployment|statefulset)/([a-z0-9-]{{1,63}}/)?{_NAME}$"}
    ),
]
"""``deployment/NAME`` or ``statefulset/NAMESPACE/NAME``."""


def named(workload: str) -> Named:
    """The parts of a ``Workload``."""
    match = _WORKLOAD.fullmatch(workload)
    assert match is not None, "validated above"
    return Named(match["kind"], match["namespace"] or "", match["name"])


class Services(Section):
    """Who does what in Domino. One that is named here must be there."""

    sample: ClassVar = "front_end: deployment/nucleus-frontend"

    front_end: Workload | None = None
    """Web pages and the API."""
    dispatcher: Workload | None = None
    """Starts executions."""
    keycloak: Workload | None = None
    """Logs people in."""
    metadata_database: Workload | None = None
    """MongoDB."""
    message_queue: Workload | None = None
    """RabbitMQ."""
    git: Workload | None = None
    """Serves Domino's own repositories."""
    vault: Workload | None = None
    """Keeps secrets."""
    image_registry: Workload | None = None
    """The one inside of the cluster."""


class Domino(Section):
    """The platform in the first cluster of the profile. What is not said here is discovered."""

    sample: ClassVar = "platform_namespace: domino-platform"

    platform_namespace: Namespace | None = None
    """Where the services are that are always on."""
    compute_namespaces: Annotated[tuple[Namespace, ...], Many] | None = None
    """Where executions, models and builds run."""
    services: Services | None = None
    """Who does what in it."""
