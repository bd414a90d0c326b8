"""Section ``clusters``: the Kubernetes clusters of this environment."""

import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Self

import pydantic

from domino_health.profile.base import CaFile, Deadline, ExistingFile, Many, Name, Secret, Section

_A_NAMESPACE = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_AN_OBJECT = "[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"


def _https(value: str) -> str:
    if not value.startswith("https://"):
        raise ValueError("must begin with https://; a token is never sent in the clear")
    # Not urlsplit: it breaks on what is no address, and that is told of by whoever connects.
    if re.search(r"[?#]|^https:/*[^/]*@", value):
        raise ValueError("write https://host:port alone; a credential goes in token")
    return value


def _namespace(value: str) -> str:
    # It becomes a part of the path that is asked for.
    if not re.fullmatch(_A_NAMESPACE, value):
        raise ValueError("not a namespace; its name is of lowercase letters, digits and dashes")
    return value


Namespace = Annotated[
    str,
    pydantic.AfterValidator(_namespace),
    pydantic.WithJsonSchema({"type": "string", "pattern": f"^{_A_NAMESPACE}$"}),
]
"""The name of a namespace of Kubernetes."""


def _secret_name(value: str) -> str:
    # Both become parts of the path that is asked for.
    namespace, slash, name = value.partition("/")
    if not slash or not re.fullmatch(_AN_OBJECT, name):
        raise ValueError("must be namespace/name, as in domino-platform/hephaestus-root-tls")
    _namespace(namespace)
    return value


SecretName = Annotated[
    str,
    pydantic.AfterValidator(_secret_name),
    pydantic.WithJsonSchema({"type": "string", "pattern": f"^{_A_NAMESPACE}/{_AN_OBJECT}$"}),
]
"""``namespace/name`` of a Secret."""


Server = Annotated[
    str,
    pydantic.AfterValidator(_https),
    pydantic.WithJsonSchema({"type": "string", "pattern": "^https://[^/?#@]*(/[^?#]*)?$"}),
]
"""Where an API server answers."""


def _ways_in(schema: dict[str, Any]) -> None:
    """Say in a JSON schema what ``_one_way_in`` holds."""
    inside = {"properties": {"in_cluster": {"const": True}}, "required": ["in_cluster"]}
    schema["allOf"] = [
        *({"not": {"required": ["server", other]}} for other in ("kubeconfig", "context")),
        *({"not": {"allOf": [inside, {"required": [way]}]}} for way in ("server", "kubeconfig", "context")),
    ]
    schema["dependencies"] = {"token": ["server"], "ca_file": ["server"]}


class Cluster(Section):
    """One cluster, reached by kubeconfig, from inside, or by address and token.

    With none of ``kubeconfig``, ``context``, ``in_cluster`` and ``server``, the current context of
    kubectl's own configuration (``KUBECONFIG``, else ``~/.kube/config``) is used.
    """

    model_config = pydantic.ConfigDict(json_schema_extra=_ways_in)
    sample: ClassVar = "name: prod"

    name: Name
    """What reports call it."""
    kubeconfig: ExistingFile | None = None
    """A kubeconfig file."""
    context: str | None = None
    """A context of the kubeconfig; by default its current one."""
    in_cluster: bool = False
    """Use the service account of the pod that the suite runs in."""
    server: Server | None = None
    """``https://host:port`` of the API server, with ``token``."""
    token: Secret | None = None
    """Bearer token; as a reference: ``${NAME}`` or ``${file:PATH}``."""
    ca_file: CaFile | None = None
    """CA certificates that sign the API server's own, for ``server``; by default the public ones."""
    namespaces: Annotated[tuple[Namespace, ...], Many] | None = None
    """Look only into these namespaces, for an account that may not list the whole cluster."""
    secrets: Annotated[tuple[SecretName, ...], Many] | None = None
    """TLS Secrets to look at: ``namespace/name``. No Secret is read that is not named here."""
    logs: Annotated[tuple[Namespace, ...], Many] | None = None
    """Namespaces whose logs may be read: the last lines of failing containers, and those of Domino's services
    for known faults. No other log is read."""
    deadline: Deadline = timedelta(seconds=60)
    """For each listing; a cluster that takes longer could not be looked at."""

    @property
    def label(self) -> str:
        """What reports call it."""
        return self.name

    @pydantic.model_validator(mode="after")
    def _one_way_in(self) -> Self:
        ways = {
            "server": self.server is not None,
            "in_cluster": self.in_cluster,
            "kubeconfig or context": self.kubeconfig is not None or self.context is not None,
        }
        chosen = [way for way, used in ways.items() if used]
        if len(chosen) > 1:
            raise ValueError(f"gives several ways in ({', '.join(chosen)}); keep one")
        if self.server is None and (self.token is not None or self.ca_file is not None):
            raise ValueError("token and ca_file go with server; a kubeconfig has its own")
        return self
