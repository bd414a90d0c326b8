"""What an account may do in a cluster, as RBAC writes it."""

import json
from collections.abc import Iterable

import msgspec

ANY_GROUP = "*"
"""Of a kind whose API group is known only when the server was asked.

A right to that group is enough: where an account has no other, a review says that it lacks this one, which is
told only where something is denied.
"""


class Right(msgspec.Struct, frozen=True, order=True, omit_defaults=True):
    """One verb on one kind of object."""

    resource: str
    """Plural, perhaps with a sub-resource: ``pods``, ``pods/log``."""
    verb: str = "list"
    group: str = ""
    """API group; empty for the core."""
    namespace: str = ""
    """Where; empty for the whole cluster, and for what is in no namespace."""
    name: str = ""
    """Of one object alone; empty for all."""
    in_namespaces: bool = True
    """Whether such objects are in namespaces; nodes are not."""
    opt_in: str = ""
    """The profile's word without which nobody asks for it; empty for what every run may need."""
    cluster: str = ""
    """The profile's name of it."""
    allowed: bool | None = None
    """What the API server says; None as long as it was not asked."""

    def rule(self) -> str:
        """As it stands in a Role: ``{apiGroups: [""], resources: ["pods"], verbs: ["list"]}``."""
        return _rule(self.group, (self.resource,), (self.name,), (self.verb,))


def rules(rights: Iterable[Right]) -> list[str]:
    """The fewest rules of one Role that grant these rights, and no others; sorted."""
    verbs: dict[tuple[str, str, str], set[str]] = {}
    for right in rights:
        verbs.setdefault((right.group, right.resource, right.name), set()).add(right.verb)
    names: dict[tuple[str, str, tuple[str, ...], bool], set[str]] = {}
    for (group, resource, name), may in verbs.items():
        names.setdefault((group, resource, tuple(sorted(may)), bool(name)), set()).add(name)
    resources: dict[tuple[str, tuple[str, ...], tuple[str, ...]], set[str]] = {}
    for (group, resource, may_do, _), of in names.items():
        resources.setdefault((group, tuple(sorted(of)), may_do), set()).add(resource)
    return [
        _rule(group, kinds, of, may_do)
        for group, kinds, of, may_do in sorted(
            (group, tuple(sorted(kinds)), of, may_do) for (group, of, may_do), kinds in resources.items()
        )
    ]


def _rule(group: str, resources: Iterable[str], names: Iterable[str], verbs: Iterable[str]) -> str:
    named = f", resourceNames: {_list(names)}" if any(names) else ""
    return f"{{apiGroups: {_list([group])}, resources: {_list(resources)}{named}, verbs: {_list(verbs)}}}"


def _list(words: Iterable[str]) -> str:
    return json.dumps(list(words))
