"""Which namespaces and services are Domino's: by the profile's word, else by label, else by the usual names.

Names and labels vary between versions, so none of them is taken for granted. They are those that Domino's
documentation and repositories show, and a field engineer's script (the labels of queue, git and vault).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal

import msgspec

from domino_health.collectors.cluster import connect, how
from domino_health.collectors.kubernetes import Listing
from domino_health.collectors.looking import CollectionError, Deadline, Look, Target
from domino_health.collectors.way_in import NEEDS
from domino_health.facts.domino import (
    ROLES,
    USUAL_NAMES,
    Candidate,
    DominoNamespace,
    DominoService,
    DominoStorage,
    Found,
    Namespace,
    NamespaceList,
    NamespaceMeta,
)
from domino_health.facts.observed import Observed, Outcome
from domino_health.facts.rights import Right
from domino_health.facts.workloads import Deployment, StatefulSet
from domino_health.profile import Profile
from domino_health.profile.clusters import Cluster
from domino_health.profile.domino import Domino, named

Part = Literal["platform", "compute"]
USUAL: Mapping[Part, str] = {"platform": "domino-platform", "compute": "domino-compute"}
"""The names that Domino's installer gives its namespaces by default."""
NAME_THEM = "name platform_namespace and compute_namespaces in the profile's section domino"
INSTANT = timedelta(seconds=30)
"""For what is only thought about. It takes no time; a loaded machine may."""

_NAMESPACE = msgspec.json.Decoder(Namespace)

Say = Callable[[str], None]
Workload = Deployment | StatefulSet


@dataclass(frozen=True)
class Signs:
    """What a role's workload is known by."""

    role: str
    name: str = ""
    """Of its label ``app.kubernetes.io/name``."""
    component: str = ""
    """Of its label ``app.kubernetes.io/component``."""

    def labelled(self, workload: Workload) -> bool:
        """Whether its labels say so."""
        labels = workload.metadata.labels
        return bool(self.name and labels.name == self.name) or bool(
            self.component and labels.component == self.component
        )

    def called(self, workload: Workload) -> bool:
        """Whether its name says so."""
        return bool(re.fullmatch(USUAL_NAMES[self.role], workload.metadata.name))


_LABELLED = (
    Signs("dispatcher", component="dispatcher"),
    Signs("message_queue", name="rabbitmq-ha"),
    Signs("git", name="repoman"),
    Signs("vault", name="vault"),
)
SIGNS: Mapping[str, Signs] = {role: Signs(role) for role in ROLES} | {each.role: each for each in _LABELLED}


@dataclass(frozen=True)
class Namespaces:
    """A collector: Domino's namespaces. All are listed only where the profile does not name both kinds."""

    listing: Listing
    what: str = "Domino's namespaces in every cluster: the profile's, the labelled ones, or the usual names."

    @property
    def rights(self) -> tuple[Right, ...]:
        """To list namespaces."""
        return self.listing.rights

    def rights_for(self, profile: Profile) -> tuple[Right, ...]:
        """The same, unless the profile names Domino's namespaces wherever it looks at a whole cluster."""
        asked = [
            said for cluster, said in _clusters(profile) if not (cluster.namespaces or _names_both(said))
        ]
        return self.rights if asked else ()

    def __call__(self, look: Look) -> list[Target[DominoNamespace]]:
        """One target a cluster."""
        return [self._target(look, cluster, said) for cluster, said in _clusters(look.profile)]

    def _target(self, look: Look, cluster: Cluster, said: Domino) -> Target[DominoNamespace]:
        if _names_both(said):
            work = partial(_found, look, cluster, said, lambda *_: ())
            return Target(cluster.name, "read the profile's section domino", INSTANT, work)
        if cluster.namespaces:
            path = f"/api/v1/namespaces/{{{','.join(cluster.namespaces)}}}"
            work = partial(_found, look, cluster, said, partial(_given, look, cluster))
            return Target(cluster.name, how(look, cluster, path), cluster.deadline, work, NEEDS)
        listing = self.listing.target(look, cluster)
        work = partial(_found, look, cluster, said, listing.look)
        return Target(cluster.name, listing.how, listing.allowed, work, listing.needs)


namespaces = Namespaces(Listing("Every namespace.", "namespaces", NamespaceList, in_namespaces=False))


def services(look: Look) -> list[Target[DominoService]]:
    """Who does what in Domino, in every cluster: the profile's, what is labelled so, or the usual names."""
    return [
        Target(
            cluster.name,
            "the profile's section domino, labels and usual names, held against deployments and statefulsets",
            INSTANT,
            partial(_services, look.facts, cluster, said),
        )
        for cluster, said in _clusters(look.profile)
    ]


USUAL_CLASSES: Mapping[Literal["block", "shared"], str] = {"block": "dominodisk", "shared": "dominoshared"}
"""The storage classes of Domino's requirements on a cluster."""


def storage(look: Look) -> list[Target[DominoStorage]]:
    """The storage classes that Domino needs in every cluster, by the profile's names or the usual ones."""
    return [
        Target(
            cluster.name,
            "the profile's section domino, else Domino's usual names",
            INSTANT,
            partial(_storage, look.facts, cluster, said),
        )
        for cluster, said in _clusters(look.profile)
    ]


def _storage(
    facts: Mapping[str, Observed], cluster: Cluster, said: Domino, _deadline: Deadline, _say: Say
) -> list[DominoStorage]:
    """A data plane, which has no platform's namespace, needs no class of its own for what is shared."""
    _require(facts["domino_namespaces"], {cluster.name})
    parts = {each.part for each in facts["domino_namespaces"].objects if each.cluster == cluster.name}
    words = said.storage_classes.model_dump(exclude_none=True) if said.storage_classes else {}
    needed = {role for role in USUAL_CLASSES if parts and (role == "block" or "platform" in parts)}
    return [
        DominoStorage(role, words.get(role, usual), "profile" if role in words else "name", cluster.name)
        for role, usual in USUAL_CLASSES.items()
        if role in needed or role in words
    ]


def _names_both(said: Domino) -> bool:
    return bool(said.platform_namespace and said.compute_namespaces)


def _clusters(profile: Profile) -> list[tuple[Cluster, Domino]]:
    """Each cluster, and what the profile says of Domino there: it speaks of the first one."""
    clusters = profile.clusters or ()
    said = profile.domino or Domino()
    return [(cluster, Domino() if at else said) for at, cluster in enumerate(clusters)]


def _speaks_of(profile: Profile, cluster: Cluster) -> bool:
    """Whether the section domino is about this cluster, so that to name something there would help."""
    return cluster == (profile.clusters or ())[0]


def _given(look: Look, cluster: Cluster, deadline: Deadline, say: Say) -> list[Namespace]:
    """The namespaces that a profile looks into, each with its labels where they may be read.

    Raises:
        CollectionError: neither labels nor names tell which of them are Domino's.
    """
    connection = connect(look, cluster, deadline, say)
    there, denied = [], None
    for name in cluster.namespaces or ():
        found: Namespace | None = None
        try:
            found = connection.find(f"/api/v1/namespaces/{name}", _NAMESPACE, deadline)
        except CollectionError as error:
            if error.outcome is not Outcome.DENIED:
                raise
            denied = error
        there.append(found or Namespace(NamespaceMeta(name)))
    ours = namespaces_of(cluster, there)
    if not ours and (denied or _speaks_of(look.profile, cluster)):
        names = ", ".join(cluster.namespaces or ())
        unread = f", and labels may not be read: {denied.reason}" if denied else " or labels"
        raise CollectionError(
            f"which of the namespaces {names} are Domino's cannot be told by these names{unread}",
            denied.cure if denied else NAME_THEM,
        )
    return there


def _found(
    look: Look,
    cluster: Cluster,
    said: Domino,
    see: Callable[[Deadline, Say], Sequence[Namespace]],
    deadline: Deadline,
    say: Say,
) -> list[DominoNamespace]:
    try:
        there = see(deadline, say)
    except CollectionError as error:
        # Half a list would make a cluster without Domino of it.
        outcome = Outcome.FAILED if error.outcome is Outcome.TRUNCATED else error.outcome
        helps = _speaks_of(look.profile, cluster) and NAME_THEM not in error.cure
        raise CollectionError(
            error.reason, f"{error.cure}; or {NAME_THEM}" if helps else error.cure, outcome
        ) from None
    return namespaces_of(cluster, there, said)


def namespaces_of(
    cluster: Cluster, there: Sequence[Namespace], said: Domino | None = None
) -> list[DominoNamespace]:
    """Domino's among those that are there: the profile's, the labelled ones, or the usual names."""
    said = said or Domino()
    platform = (said.platform_namespace,) if said.platform_namespace else ()
    return [
        *_of_part("platform", cluster, platform, there),
        *_of_part("compute", cluster, said.compute_namespaces or (), there),
    ]


def _of_part(
    part: Part, cluster: Cluster, said: Sequence[str], there: Sequence[Namespace]
) -> list[DominoNamespace]:
    labelled = [each.metadata.name for each in there if _is_labelled(each, part)]
    usual = [each.metadata.name for each in there if each.metadata.name == USUAL[part]]
    ways: tuple[tuple[Sequence[str], Found], ...] = ((said, "profile"), (labelled, "label"), (usual, "name"))
    names, found_by = next((way for way in ways if way[0]), ((), "name"))
    return [DominoNamespace(name, part, found_by, cluster.name) for name in sorted(names)]


def _is_labelled(namespace: Namespace, part: Part) -> bool:
    """Domino's own toolkit asks for the label alone; ``false`` is somebody's no."""
    labels = namespace.metadata.labels
    value = labels.platform if part == "platform" else labels.compute
    return value is not None and value.casefold() != "false"


def _services(
    facts: Mapping[str, Observed], cluster: Cluster, said: Domino, _deadline: Deadline, _say: Say
) -> list[DominoService]:
    _require(facts["domino_namespaces"], {cluster.name})
    platform = {
        each.name
        for each in facts["domino_namespaces"].objects
        if (each.cluster, each.part) == (cluster.name, "platform")
    }
    words: dict[str, str] = said.services.model_dump(exclude_none=True) if said.services else {}
    elsewhere = {named(word).namespace for word in words.values()} - {""}
    workloads: list[Workload] = []
    for name in ("deployments", "statefulsets"):
        for namespace in sorted(platform | elsewhere):
            _require(facts[name], {cluster.name, f"{cluster.name}/{namespace}"})
        workloads += [each for each in facts[name].objects if each.cluster == cluster.name]
    ours = [each for each in workloads if each.metadata.namespace in platform]
    if said.platform_namespace and not ours:
        raise CollectionError(
            f"namespace {said.platform_namespace} has no Deployment and no StatefulSet: is it Domino's?",
            "mend platform_namespace in the profile's section domino",
        )
    if not (platform or words):
        return []  # another cluster: of a data plane, say
    return [
        _named(role, cluster, word, workloads, platform)
        if (word := words.get(role))
        else discovered(role, cluster, ours)
        for role in ROLES
    ]


def _require(fact: Observed, names: set[str]) -> None:
    """Take care that one of these targets was seen, whole.

    Raises:
        CollectionError: it was not, or nobody looks there.
    """
    targets = [target for target in fact.targets if target.target in names]
    for target in targets:
        if target.outcome is not Outcome.SEEN:
            outcome = Outcome.FAILED if target.outcome is Outcome.TRUNCATED else target.outcome
            raise CollectionError(f"needs {fact.fact}: {target.reason}", target.cure, outcome)
    if not targets:
        where = max(names, key=len)
        raise CollectionError(
            f"needs {fact.fact} of {where}, where nobody looks",
            "add the namespace to namespaces of this cluster in the profile",
        )


def _named(
    role: str, cluster: Cluster, word: str, workloads: Iterable[Workload], platform: set[str]
) -> DominoService:
    """The role that the profile gives to a workload, which may be missing."""
    wanted = named(word)
    there = [
        each
        for each in workloads
        if (_kind(each), each.metadata.name) == (wanted.kind, wanted.name)
        and (each.metadata.namespace == wanted.namespace or _anywhere(wanted.namespace, each, platform))
    ]
    return _service(role, cluster, there, "profile", word)


def _anywhere(namespace: str, workload: Workload, platform: set[str]) -> bool:
    return not namespace and workload.metadata.namespace in platform


def discovered(role: str, cluster: Cluster, workloads: Sequence[Workload]) -> DominoService:
    """Who does this in Domino, by label or by name; without candidates where nobody is known to."""
    signs = SIGNS[role]
    if labelled := [each for each in workloads if signs.labelled(each)]:
        return _service(role, cluster, labelled, "label")
    if called := [each for each in workloads if signs.called(each)]:
        return _service(role, cluster, called, "name")
    return _service(role, cluster, (), None)


def _service(
    role: str, cluster: Cluster, workloads: Iterable[Workload], found_by: Found | None, word: str = ""
) -> DominoService:
    candidates = (
        Candidate(
            _kind(each),
            each.metadata.namespace,
            each.metadata.name,
            each.spec.replicas,
            each.status.ready_replicas,
            each.metadata.release,
        )
        for each in workloads
    )
    ordered = sorted(candidates, key=lambda each: (each.kind, each.namespace, each.name))
    return DominoService(role, tuple(ordered), found_by, word, cluster.name)


def _kind(workload: Workload) -> Literal["deployment", "statefulset"]:
    return "deployment" if isinstance(workload, Deployment) else "statefulset"
