"""What an account may do in a cluster, as RBAC writes it."""

import json

import msgspec


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
        named = f", resourceNames: [{json.dumps(self.name)}]" if self.name else ""
        return (
            f"{{apiGroups: [{json.dumps(self.group)}], resources: [{json.dumps(self.resource)}]{named}, "
            f"verbs: [{json.dumps(self.verb)}]}}"
        )
