"""The clusters that executions compute on: four kinds of one operator, read together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from domino_health.collectors.cluster import how
from domino_health.collectors.kubernetes import Listing
from domino_health.collectors.looking import CollectionError, Deadline, Look, NotInstalledError, Target
from domino_health.facts.compute_clusters import PAGES, ComputeCluster
from domino_health.facts.observed import Outcome
from domino_health.facts.rights import Right

API = "/apis/distributed-compute.dominodatalab.com/v1alpha1"
LISTINGS = {
    (kind := page.__name__.removesuffix("List")): Listing(
        f"Every {kind} of every cluster.",
        f"{kind.lower()}s",
        page,
        API,
        unless_installed=f"no {kind} is known here",
    )
    for page in PAGES
}

Say = Callable[[str], None]


@dataclass(frozen=True)
class ComputeClusters:
    """A collector: what Domino's operator of compute clusters keeps, one target a cluster or namespace."""

    what: str = (
        "The clusters that executions compute on: Spark, Ray, Dask and MPI, as their operator keeps them."
    )

    @property
    def rights(self) -> tuple[Right, ...]:
        """To list all four kinds."""
        return tuple(right for listing in LISTINGS.values() for right in listing.rights)

    def __call__(self, look: Look) -> list[Target[ComputeCluster]]:
        """One target a cluster, or a namespace of it."""
        targets = []
        for cluster in look.profile.clusters or ():
            for namespace in cluster.namespaces or ("",):
                by_kind = {kind: each.target(look, cluster, namespace) for kind, each in LISTINGS.items()}
                within = f"/namespaces/{namespace}" if namespace else ""
                several = ",".join(each.resource for each in LISTINGS.values())
                asked = how(look, cluster, f"{API}{within}/{{{several}}}")
                one = next(iter(by_kind.values()))
                targets.append(replace(one, how=asked, look=partial(_look, by_kind)))
        return targets


compute_clusters = ComputeClusters()


def _look(
    by_kind: dict[str, Target[ComputeCluster]], deadline: Deadline, say: Say
) -> Sequence[ComputeCluster]:
    """All kinds that the operator brings here; where one is refused, the others count."""
    found: list[ComputeCluster] = []
    refused: list[CollectionError] = []
    absent = 0
    for kind, target in by_kind.items():
        try:
            found += _of(kind, target.look(deadline, say))
        except NotInstalledError:
            absent += 1
        except CollectionError as error:
            found += _of(kind, error.seen)
            refused.append(error)
    if absent == len(by_kind):
        raise NotInstalledError(
            "distributed-compute-operator is not installed: nobody computes on clusters here "
            f"(GET {API}: 404)"
        )
    if refused:
        whole = len(refused) + absent == len(by_kind) and not found
        raise CollectionError(
            "; ".join(error.reason for error in refused),
            "; ".join(dict.fromkeys(error.cure for error in refused)),
            refused[0].outcome if whole else Outcome.TRUNCATED,
            found,
        )
    return found


def _of(kind: str, clusters: Sequence[ComputeCluster]) -> Sequence[ComputeCluster]:
    for each in clusters:
        msgspec.structs.force_setattr(each, "kind", kind)  # nobody else has seen it yet
    return clusters
