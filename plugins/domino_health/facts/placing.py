"""What decides on which nodes a pod may run: taints, tolerations, selectors and affinity."""

from collections.abc import Iterable, Mapping

from domino_health.facts.api import Kubernetes, Moment


class Taint(Kubernetes, frozen=True):
    """What keeps pods off a node that do not tolerate it."""

    key: str
    effect: str = ""
    value: str = ""
    time_added: Moment | None = None
    """Set by Kubernetes for those of effect NoExecute alone."""

    def __str__(self) -> str:
        """As kubectl writes it: ``nvidia.com/gpu=true:NoSchedule``."""
        return f"{self.key}{self.value and '='}{self.value}:{self.effect}"


class Toleration(Kubernetes, frozen=True):
    """A taint that a pod does not mind."""

    key: str = ""
    """Empty, with ``Exists``: every one."""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    """Empty: every effect."""

    def tolerates(self, taint: Taint) -> bool:
        """By Kubernetes' rules for Exists and Equal. Of Gt and Lt, new in 1.35, the key alone is compared."""
        if self.effect and self.effect != taint.effect:
            return False
        if not self.key:
            return self.operator == "Exists"
        return self.key == taint.key and (self.operator != "Equal" or self.value == taint.value)


class Requirement(Kubernetes, frozen=True):
    """One line of a node selector: a label, and the values that it may have."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


class Term(Kubernetes, frozen=True):
    """Requirements that a node must all meet."""

    match_expressions: tuple[Requirement, ...] = ()


class NodeSelector(Kubernetes, frozen=True):
    """Terms of which a node must meet one."""

    node_selector_terms: tuple[Term, ...] = ()


class NodeAffinity(Kubernetes, frozen=True):
    """Which nodes a pod must have. What it would rather have is left out."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None


class Affinity(Kubernetes, frozen=True):
    """``affinity`` of a pod, towards nodes alone."""

    node_affinity: NodeAffinity | None = None

    @property
    def terms(self) -> tuple[Term, ...]:
        """Of which a node must meet one; none where every node will do."""
        selector = self.node_affinity and (
            self.node_affinity.required_during_scheduling_ignored_during_execution
        )
        return selector.node_selector_terms if selector else ()


def untolerated(taints: Iterable[Taint], tolerations: Iterable[Toleration]) -> list[Taint]:
    """The taints that keep a pod off a node; PreferNoSchedule keeps nobody off."""
    tolerations = tuple(tolerations)
    return [
        taint
        for taint in taints
        if taint.effect in ("NoSchedule", "NoExecute")
        and not any(one.tolerates(taint) for one in tolerations)
    ]


def wanted(selector: Mapping[str, str], affinity: Affinity | None, label: str) -> frozenset[str]:
    """The values of a node's label that a pod insists on, by selector or affinity; none if it does not."""
    if label in selector:
        return frozenset((selector[label],))
    values: set[str] = set()
    for term in affinity.terms if affinity else ():
        said = [line for line in term.match_expressions if line.key == label and line.operator == "In"]
        if not said:
            return frozenset()  # by this term, a node with any value will do
        values.update(*(line.values for line in said))
    return frozenset(values)
