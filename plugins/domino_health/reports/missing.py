"""The rights that a run was refused, whole: what to add to which Role, to be asked for once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from domino_health.facts.observed import Observed, Outcome
from domino_health.facts.rights import Right, rules

RIGHTS = "rights"
"""The fact that says what the account may do."""


@dataclass(frozen=True)
class Missing:
    """What one Role lacks, or one Role in each of several namespaces."""

    cluster: str
    """The profile's name of it."""
    namespaces: tuple[str, ...]
    """Where such a Role belongs; empty where it is a ClusterRole."""
    rules: tuple[str, ...]
    """What to add, each as it stands in YAML: ``{apiGroups: [""], resources: ["pods"], verbs: ["list"]}``."""

    @property
    def where(self) -> str:
        """``cluster prod, in a Role in each of the namespaces a, b``."""
        if not self.namespaces:
            return f"cluster {self.cluster}, in a ClusterRole"
        one = len(self.namespaces) == 1
        role = "a Role in namespace" if one else "a Role in each of the namespaces"
        return f"cluster {self.cluster}, in {role} {', '.join(self.namespaces)}"

    @property
    def block(self) -> str:
        """The rules as a list of YAML, to be put under a Role's ``rules``."""
        return "\n".join(f"- {rule}" for rule in self.rules)


def missing_rights(observed: Mapping[str, Observed], scrub: Callable[[str], str]) -> tuple[Missing, ...]:
    """All that is missing in the clusters where something was denied; nothing where nothing was.

    What is not granted and was not needed in the end keeps nobody from looking, and is not told.

    Args:
        observed: the facts.
        scrub: takes secrets out of a text: a namespace's name may have come from a reference.
    """
    denied = {
        seen.target.partition("/")[0]
        for name, fact in observed.items()
        for seen in fact.targets
        if name != RIGHTS and seen.outcome is Outcome.DENIED
    }
    by_place: dict[tuple[str, str], list[Right]] = {}
    for right in observed[RIGHTS].objects if RIGHTS in observed else ():
        if right.allowed is False and right.cluster in denied:
            by_place.setdefault((right.cluster, right.namespace), []).append(right)
    alike: dict[tuple[str, bool, tuple[str, ...]], list[str]] = {}
    for (cluster, namespace), rights in by_place.items():
        alike.setdefault((cluster, bool(namespace), tuple(rules(rights))), []).append(namespace)
    found = [
        Missing(cluster, tuple(map(scrub, sorted(filter(None, namespaces)))), tuple(map(scrub, lacking)))
        for (cluster, _, lacking), namespaces in alike.items()
    ]
    return tuple(sorted(found, key=lambda missing: (missing.cluster, missing.namespaces)))
