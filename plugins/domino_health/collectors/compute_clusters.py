"""The clusters that executions compute on: four kinds of one operator, read together."""

from dataclasses import dataclass, replace
from functools import partial

from domino_health.collectors.cluster import how
from domino_health.collectors.kubernetes import Listing
from domino_health.collectors.looking import Look, Target
from domino_health.collectors.together import read_together
from domino_health.facts.compute_clusters import PAGES, ComputeCluster
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

ABSENT = f"distributed-compute-operator is not installed: nobody computes on clusters here (GET {API}: 404)"


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
                targets.append(replace(one, how=asked, look=partial(read_together, by_kind, "kind", ABSENT)))
        return targets


compute_clusters = ComputeClusters()
