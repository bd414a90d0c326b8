"""What is kept of network policies: whom they are about, and whom they let in."""

from collections.abc import Mapping

import msgspec

from domino_health.facts.api import Kubernetes, ListMeta
from domino_health.vocabulary import Ref


class LabelRequirement(Kubernetes, frozen=True):
    """One line of a label selector."""

    key: str
    operator: str
    """``In``, ``NotIn``, ``Exists`` or ``DoesNotExist``."""
    values: tuple[str, ...] | None = ()


class LabelSelector(Kubernetes, frozen=True):
    """Which pods, or namespaces; an empty one is all of them."""

    match_labels: Mapping[str, str] | None = None
    match_expressions: tuple[LabelRequirement, ...] | None = ()

    def selects(self, labels: Mapping[str, str], *, complete: bool) -> bool | None:
        """Whether it selects what has these labels; None where it depends on one that is not known.

        Args:
            labels: those that are known.
            complete: whether there are no others.
        """
        sure = True
        wanted = [LabelRequirement(key, "In", (value,)) for key, value in (self.match_labels or {}).items()]
        for line in (*wanted, *(self.match_expressions or ())):
            if line.key not in labels and not complete:
                sure = False
            elif not _meets(line, labels):
                return False
        return True if sure else None


def _meets(line: LabelRequirement, labels: Mapping[str, str]) -> bool:
    """By Kubernetes' rules: what has no such label is not in any set."""
    has, values = line.key in labels, line.values or ()
    if line.operator in ("Exists", "DoesNotExist"):
        return has is (line.operator == "Exists")
    return (has and labels[line.key] in values) is (line.operator == "In")


class IpBlock(Kubernetes, frozen=True):
    """A range of addresses."""

    cidr: str = ""
    except_: tuple[str, ...] | None = msgspec.field(name="except", default=())

    @property
    def everybody(self) -> bool:
        """It leaves nobody out."""
        return self.cidr in ("0.0.0.0/0", "::/0") and not self.except_


class Peer(Kubernetes, frozen=True):
    """Somebody who is let in."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    """Without one, pods of the policy's own namespace."""
    ip_block: IpBlock | None = None


class IngressRule(Kubernetes, frozen=True):
    """Some who are let in. Its ports are left out: which of them is the one that matters is not known."""

    from_: tuple[Peer, ...] | None = msgspec.field(name="from", default=None)
    """None, or none at all: everybody."""


class PolicySpec(Kubernetes, frozen=True):
    """``spec`` of a network policy."""

    pod_selector: LabelSelector = LabelSelector()
    policy_types: tuple[str, ...] | None = ()
    ingress: tuple[IngressRule, ...] | None = ()


class PolicyMeta(Kubernetes, frozen=True):
    """``metadata`` of a network policy."""

    name: str
    namespace: str


class NetworkPolicy(Kubernetes, frozen=True):
    """A network policy of Kubernetes itself."""

    metadata: PolicyMeta
    spec: PolicySpec = PolicySpec()
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The policy itself."""
        return Ref(self.cluster, "networkpolicy", self.metadata.namespace, self.metadata.name)

    @property
    def keeps_out(self) -> bool:
        """It is about who may come in: then nobody may whom no policy names."""
        return "Ingress" in (self.spec.policy_types or ("Ingress",))


class NetworkPolicyList(Kubernetes, frozen=True):
    """A page of network policies."""

    metadata: ListMeta
    items: list[NetworkPolicy]
