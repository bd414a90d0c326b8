"""What Domino is made of here: its namespaces and its services, as discovery has found them."""

import re
from typing import Literal

import msgspec

from domino_health.facts.api import Kubernetes, ListMeta
from domino_health.vocabulary import Ref

ROLES = {
    "front_end": "front end",
    "dispatcher": "dispatcher",
    "keycloak": "Keycloak",
    "metadata_database": "metadata database",
    "message_queue": "message queue",
    "git": "git",
    "vault": "vault",
    "image_registry": "image registry",
}
"""What a service does in Domino, as a profile writes it, and as people say it. Names vary, roles stay."""


USUAL_NAMES = {
    "front_end": "nucleus-frontend",
    "dispatcher": "nucleus-dispatcher",
    "keycloak": r"keycloak(v\d+)?",
    "metadata_database": "mongodb(-replicaset)?",
    "message_queue": r"rabbitmq-ha(-\d+)?",
    "git": "repoman",
    "vault": "vault",
    "image_registry": "docker-registry",
}
"""Patterns of what the workloads of these roles are called."""
USUAL_RELEASES = USUAL_NAMES | dict.fromkeys(("front_end", "dispatcher"), "nucleus")
"""Of what their Helm releases are called. Domino does not publish that; by Helm's convention a workload has
its release's name, or begins with it."""


class NamespaceLabels(Kubernetes, frozen=True):
    """The labels by which Domino marks its namespaces; ``true`` everywhere that they were seen."""

    platform: str | None = msgspec.field(name="domino-platform", default=None)
    compute: str | None = msgspec.field(name="domino-compute", default=None)


class NamespaceMeta(Kubernetes, frozen=True):
    """``metadata`` of a namespace."""

    name: str
    labels: NamespaceLabels = NamespaceLabels()


class Namespace(Kubernetes, frozen=True):
    """A namespace."""

    metadata: NamespaceMeta
    cluster: str = ""


class NamespaceList(Kubernetes, frozen=True):
    """A page of namespaces."""

    metadata: ListMeta
    items: list[Namespace]


Found = Literal["profile", "label", "name"]
"""By what something was taken for Domino's."""


class DominoNamespace(msgspec.Struct, frozen=True, omit_defaults=True):
    """A namespace of Domino's."""

    name: str
    part: Literal["platform", "compute"]
    """What is in it: the services that are always on, or what users start."""
    found_by: Found
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The namespace itself."""
        return Ref(self.cluster, "namespace", "", self.name)


class Candidate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A workload that may do what a role asks for."""

    kind: Literal["deployment", "statefulset"]
    namespace: str
    name: str
    wanted: int = 1
    """Replicas that it is to have."""
    ready: int = 0
    """Replicas that are ready."""
    release: str = ""
    """The Helm release that installed it, ``namespace/name``; empty where none says so."""


class DominoService(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of Domino's roles in one cluster, and who does it there."""

    role: str
    """One of ``ROLES``."""
    candidates: tuple[Candidate, ...] = ()
    """None: not installed, or named by the profile and not there. Several: which one does it is not known."""
    found_by: Found | None = None
    named: str = ""
    """What the profile says that it is: ``statefulset/domino-platform/vault``."""
    cluster: str = ""

    @property
    def title(self) -> str:
        """As people say it."""
        return ROLES.get(self.role, self.role)

    @property
    def ref(self) -> Ref:
        """The role, which stays whatever does it."""
        return Ref(self.cluster, "role", "", self.role)

    def released_as(self, name: str) -> bool:
        """Whether a Helm release of this name is its own, as such releases are usually called."""
        return bool(re.fullmatch(USUAL_RELEASES.get(self.role, ""), name))

    def ref_of(self, candidate: Candidate) -> Ref:
        """The workload."""
        return Ref(self.cluster, candidate.kind, candidate.namespace, candidate.name)


class DominoStorage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A storage class that Domino needs in a cluster, by the name that it should have there."""

    role: Literal["block", "shared"]
    """What it is for: disks of one node each, or files that all nodes have at once."""
    name: str
    found_by: Found
    """The profile, which is to be held to its word, or Domino's own name, which sites change."""
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The class, whether it is there or not."""
        return Ref(self.cluster, "storageclass", "", self.name)
