"""What is kept of HelmReleases: the objects by which an operator keeps a Helm release as it should be.

Domino's Platform Operator has had such a kind since 6.0, and Flux has one of the same name. Of either, only
the conditions Ready and Stalled are read, which both set; values and manifests are left out, which carry
secrets.
"""

import msgspec

from domino_health.facts.api import Condition, Kubernetes, ListMeta, Moment, condition_of
from domino_health.vocabulary import Ref

READY, STALLED = "Ready", "Stalled"
_LONGEST = 300
"""Characters that are kept of a condition's message: Helm's may quote a whole diff."""


class ReleaseMeta(Kubernetes, frozen=True):
    """``metadata`` of a release."""

    name: str
    namespace: str
    creation_timestamp: Moment | None = None


class ReleaseSpec(Kubernetes, frozen=True):
    """``spec`` of a release: what Helm calls it, where that differs (Flux)."""

    release_name: str = ""
    target_namespace: str = ""


class ReleaseStatus(Kubernetes, frozen=True):
    """``status`` of a release, as its operator writes it."""

    conditions: list[Condition] = []

    def __post_init__(self) -> None:
        kept = [
            msgspec.structs.replace(each, message=each.message[:_LONGEST])
            for each in self.conditions
            if each.type in (READY, STALLED)
        ]
        msgspec.structs.force_setattr(self, "conditions", kept)


class HelmRelease(Kubernetes, frozen=True):
    """A Helm release, as somebody keeps it who says what is wrong with it."""

    metadata: ReleaseMeta
    spec: ReleaseSpec = ReleaseSpec()
    status: ReleaseStatus = ReleaseStatus()
    group: str = ""
    """API group of the kind; Domino's is not published, and found by asking the API server."""
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The object itself."""
        return Ref(self.cluster, "helmrelease", self.metadata.namespace, self.metadata.name)

    @property
    def release(self) -> str:
        """``namespace/name`` as Helm has them, and writes them on all that it installs."""
        namespace = self.spec.target_namespace or self.metadata.namespace
        # Flux names it so, where it is installed elsewhere and given no name.
        usual = "-".join(filter(None, (self.spec.target_namespace, self.metadata.name)))
        return f"{namespace}/{self.spec.release_name or usual}"

    @property
    def trouble(self) -> Condition | None:
        """The condition that says what is wrong; None where it is well, or nobody has said yet."""
        stalled = condition_of(self.status.conditions, STALLED)
        if stalled and stalled.status == "True":
            return stalled
        ready = condition_of(self.status.conditions, READY)
        return ready if ready and ready.status == "False" else None

    @property
    def says(self) -> str:
        """``Stalled (DriftDetected): …``, or that it is ready."""
        if (trouble := self.trouble) is None:
            ready = condition_of(self.status.conditions, READY)
            return "ready" if ready and ready.status == "True" else "not said"
        kind = STALLED.lower() if trouble.type == STALLED else "not ready"
        reason = f" ({trouble.reason})" if trouble.reason else ""
        return f"{kind}{reason}" + (f": {trouble.message}" if trouble.message else "")


class Served(Kubernetes, frozen=True):
    """A kind that a version of a group serves; ``helmreleases``."""

    resource: str


class ServedVersion(Kubernetes, frozen=True):
    """A version of an API group."""

    version: str
    resources: list[Served] = []


class GroupMeta(Kubernetes, frozen=True):
    """``metadata`` of a group."""

    name: str = ""


class ServedGroup(Kubernetes, frozen=True):
    """An API group; the version that the server prefers comes first."""

    metadata: GroupMeta = GroupMeta()
    versions: list[ServedVersion] = []


class Discovery(Kubernetes, frozen=True):
    """All groups with what they serve, as an API server tells it in one answer (APIGroupDiscoveryList)."""

    kind: str = ""
    items: list[ServedGroup] = []

    def serving(self, resource: str) -> dict[str, str]:
        """The groups that serve a kind, each with the version that is preferred among those that do."""
        return {
            group.metadata.name: next(each.version for each in group.versions if _serves(each, resource))
            for group in self.items
            if any(_serves(each, resource) for each in group.versions)
        }


def _serves(version: ServedVersion, resource: str) -> bool:
    return any(each.resource == resource for each in version.resources)


class HelmReleaseList(Kubernetes, frozen=True):
    """A page of releases."""

    metadata: ListMeta
    items: list[HelmRelease]
