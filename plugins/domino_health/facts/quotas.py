"""What is kept of the bounds that a namespace sets: quotas and limit ranges."""

import re
from collections.abc import Mapping

from domino_health.facts.api import Kubernetes, ListMeta
from domino_health.vocabulary import Ref

# What pods ask for. Claims, Secrets and Services may be counted too, and bound no work.
_OF_PODS = re.compile(
    r"pods|count/pods|cpu|memory|ephemeral-storage|hugepages-.+|limits\..+|requests\.(?!storage$).+"
)


class NamespacedMeta(Kubernetes, frozen=True):
    """``metadata`` of what has nothing else that matters."""

    name: str
    namespace: str


# Quotas of these scopes count some pods alone: those without requests, with a deadline, of a priority class.
# Hardware tiers set requests; that executions have a deadline or a priority class has been seen nowhere.
_OF_SOME = frozenset({"BestEffort", "Terminating", "PriorityClass", "CrossNamespacePodAffinity"})


class ScopeExpression(Kubernetes, frozen=True):
    """One of a scope selector's."""

    scope_name: str


class ScopeSelector(Kubernetes, frozen=True):
    """Which pods a quota counts, the longer way to say it."""

    match_expressions: tuple[ScopeExpression, ...] = ()


class QuotaSpec(Kubernetes, frozen=True):
    """``spec`` of a quota."""

    hard: Mapping[str, str] = {}
    """Resource to what all pods of the namespace may ask for together, as Kubernetes writes quantities."""
    scopes: tuple[str, ...] = ()
    """Which of them it counts; without any, all."""
    scope_selector: ScopeSelector | None = None


class QuotaStatus(Kubernetes, frozen=True):
    """``status`` of a quota."""

    used: Mapping[str, str] = {}


class ResourceQuota(Kubernetes, frozen=True):
    """A ResourceQuota."""

    metadata: NamespacedMeta
    spec: QuotaSpec = QuotaSpec()
    status: QuotaStatus = QuotaStatus()
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The quota itself."""
        return Ref(self.cluster, "resourcequota", self.metadata.namespace, self.metadata.name)

    @property
    def bounds(self) -> Mapping[str, str]:
        """What it sets a bound to that pods ask for: not to how many Secrets there are, say.

        Nothing where it counts some pods alone that executions are not known to be among.
        """
        selector = self.spec.scope_selector or ScopeSelector()
        scopes = {*self.spec.scopes, *(each.scope_name for each in selector.match_expressions)}
        if scopes & _OF_SOME:
            return {}
        return {key: value for key, value in self.spec.hard.items() if _OF_PODS.fullmatch(key)}


class Limit(Kubernetes, frozen=True):
    """One of a limit range's ``spec.limits``."""

    type: str
    """``Container``, ``Pod`` or ``PersistentVolumeClaim``."""
    max: Mapping[str, str] = {}
    default: Mapping[str, str] = {}
    """The limit of a container that says none itself."""


class LimitRangeSpec(Kubernetes, frozen=True):
    """``spec`` of a limit range."""

    limits: tuple[Limit, ...] | None = ()
    """The API server writes null for a range that limits nothing: without this, all others were unread."""


class LimitRange(Kubernetes, frozen=True):
    """A LimitRange."""

    metadata: NamespacedMeta
    spec: LimitRangeSpec = LimitRangeSpec()
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The limit range itself."""
        return Ref(self.cluster, "limitrange", self.metadata.namespace, self.metadata.name)

    @property
    def bounds(self) -> Mapping[str, str]:
        """What a pod or a container may have at most, or has if it says nothing. A minimum is no bound."""
        return {
            key: value
            for limit in self.spec.limits or ()
            if limit.type in ("Container", "Pod")
            for key, value in {**limit.default, **limit.max}.items()
        }


class ResourceQuotaList(Kubernetes, frozen=True):
    """A page of quotas."""

    metadata: ListMeta
    items: list[ResourceQuota]


class LimitRangeList(Kubernetes, frozen=True):
    """A page of limit ranges."""

    metadata: ListMeta
    items: list[LimitRange]
