"""Section ``domino``: what Domino is made of here, where labels and usual names do not tell."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Self

import pydantic

from domino_health.profile.base import CaFile, Deadline, Many, Secret, Section
from domino_health.profile.clusters import Namespace, Server
from domino_health.profile.tiers import AtLeastOne, Tier

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


def _object_name(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        raise ValueError("not a storage class; its name is of lowercase letters, digits, '-' and '.'")
    return value


ClassName = Annotated[
    str,
    pydantic.AfterValidator(_object_name),
    pydantic.WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"}),
]
"""The name of a storage class."""


class StorageClasses(Section):
    """The storage classes that Domino is installed with. One that is named here must be there."""

    sample: ClassVar = "block: dominodisk"

    block: ClassName | None = None
    """Disks of one node each, for databases and executions; by default ``dominodisk``."""
    shared: ClassName | None = None
    """Files that all nodes have at once; by default ``dominoshared``."""


def _its_api(schema: dict[str, Any]) -> None:
    """Say in a JSON schema what ``_one_credential`` holds."""
    schema["dependencies"] = {key: ["url"] for key in ("token", "api_key", "ca_file")}
    schema["not"] = {"required": ["token", "api_key"]}


class Domino(Section):
    """The platform in the first cluster of the profile. What is not said here is discovered."""

    model_config = pydantic.ConfigDict(json_schema_extra=_its_api)
    sample: ClassVar = "platform_namespace: domino-platform"

    platform_namespace: Namespace | None = None
    """Where the services are that are always on."""
    compute_namespaces: Annotated[tuple[Namespace, ...], Many] | None = None
    """Where executions, models and builds run."""
    services: Services | None = None
    """Who does what in it."""
    storage_classes: StorageClasses | None = None
    """By which its volumes are made."""
    url: Server | None = None
    """Where people log in: ``https://host``. Domino's API is asked there, with ``token`` or ``api_key``."""
    token: Secret | None = None
    """Bearer token of an account that may read hardware tiers; as a reference, ``${NAME}``."""
    api_key: Secret | None = None
    """In its place, the key of an older Domino's account, sent as ``X-Domino-Api-Key``; as a reference."""
    ca_file: CaFile | None = None
    """Further CA certificates to trust (PEM) at ``url``, beside the public ones that browsers trust."""
    deadline: Deadline = timedelta(seconds=30)
    """For each question to Domino's API."""
    hardware_tiers: Annotated[tuple[Tier, ...], Many] | None = None
    """The hardware tiers. Where they are named here, Domino's API is not asked for them."""
    max_executions_per_user: AtLeastOne | None = None
    """As Domino's configuration has it (``…userExecutionsQuota.maximumExecutionsPerUser``)."""

    @pydantic.model_validator(mode="after")
    def _one_credential(self) -> Self:
        given = [key for key in ("token", "api_key", "ca_file") if getattr(self, key) is not None]
        if self.url is None and given:
            raise ValueError(f"{' and '.join(given)} must have a url to go with: https://domino.example.com")
        if self.token is not None and self.api_key is not None:
            raise ValueError("gives a token and an api_key; keep one: the token, where Domino knows it")
        return self
