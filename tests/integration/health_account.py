"""An account for the suite: the rights that its facts say they need, granted to a user, and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from functools import partial

import yaml

from control_plane import ControlPlane
from domino_health.collectors.looking import rights_of
from domino_health.facts.rights import Right
from domino_health.plugin.facts import facts_of
from domino_health.plugin.suite import table_of_facts
from kube_client import Object, eventually

RBAC = "rbac.authorization.k8s.io"


def rights() -> list[Right]:
    """What all facts of the suite need, unless a profile asks for more."""
    facts = facts_of(table_of_facts()).values()
    return sorted({right for fact in facts for right in rights_of(fact.collect) if not right.opt_in})


def rules(rights: Collection[Right]) -> list[Object]:
    """As a role has them."""
    return [yaml.safe_load(right.rule()) for right in rights]


@contextlib.contextmanager
def granted(plane: ControlPlane, user: str, rules: list[Object], *namespaces: str) -> Iterator[None]:
    """Give a user these rules, in the whole cluster or in these namespaces alone, for as long as it lasts."""
    objects: list[Object] = []
    for namespace in namespaces or ("",):
        where = {"namespace": namespace} if namespace else {}
        kind = "Role" if namespace else "ClusterRole"
        metadata = {"name": f"drill-{user}", **where}
        common = {"apiVersion": f"{RBAC}/v1", "metadata": metadata}
        role_ref = {"apiGroup": RBAC, "kind": kind, "name": metadata["name"]}
        subjects = [{"kind": "User", "name": user}]
        objects.append({**common, "kind": kind, "rules": rules})
        objects.append({**common, "kind": f"{kind}Binding", "roleRef": role_ref, "subjects": subjects})
    for each in objects:
        plane.create(each, exist_ok=True)
    try:
        for namespace in namespaces or ("",):
            within = f"/namespaces/{namespace}" if namespace else ""
            path = f"/api/v1{within}/pods?limit=1"
            eventually(partial(plane.get, path, user=user), what=f"the right to list {path}")
        yield
    finally:
        for each in reversed(objects):
            plane.delete(each)
