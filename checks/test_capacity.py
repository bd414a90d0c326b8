"""Capacity: is what users may take bounded, and is there enough of it?"""

from collections import defaultdict
from collections.abc import Iterator

from domino_health import (
    Assessment,
    Attachment,
    DominoNamespace,
    Finding,
    LimitRange,
    ResourceQuota,
    Severity,
    Unseen,
    check,
)

GKE = "gke-resource-quotas"
"""GKE's own, in every namespace of a small cluster, for its control plane: 1500 pods and more."""


@check("CAP-001", severity=Severity.MEDIUM)
def test_work_in_compute_namespaces_is_bounded(
    domino_namespaces: list[DominoNamespace],
    resource_quotas: list[ResourceQuota],
    limit_ranges: list[LimitRange],
    unseen: list[Unseen],
) -> Assessment:
    """Every compute namespace bounds what users start, by a ResourceQuota or a LimitRange.

    Executions, models and builds run in the compute namespaces. With neither a quota nor a limit range
    one user, or one loop in a script, may ask for every node that the cluster can have, and the
    autoscaler buys them. A quota that counts only Secrets or claims, and a limit range for claims or of
    minimums alone, bound no work; nor does a quota of a scope that executions are not known to be in
    (BestEffort, Terminating, a priority class); nor GKE's own (gke-resource-quotas), which counts pods by
    the thousand and no GPU. A namespace is judged only where both kinds were seen, or one that bounds.

    Thresholds: none. That a bound is wanted is ours: Domino installs none, and bounds executions for
    each user by settings of its own (userExecutionsQuota), which are not seen here. Where you rely on
    them alone, waive it and say so.

    Remediation: give the namespace a ResourceQuota for pods and requests (also requests.nvidia.com/gpu),
    well above what hardware tiers and Domino's own limits add up to: an execution over a quota is refused,
    not queued. A LimitRange bounds each pod instead. Domino's services in other namespaces need neither.
    """
    compute = [each for each in domino_namespaces if each.part == "compute"]
    there: dict[tuple[str, str], list[ResourceQuota | LimitRange]] = defaultdict(list)
    everywhere: list[ResourceQuota | LimitRange] = [*resource_quotas, *limit_ranges]
    for bound in everywhere:
        there[bound.cluster, bound.metadata.namespace].append(bound)
    hidden = {target.target for target in unseen}
    judged, findings, rows = [], [], []
    for namespace in compute:
        cluster, name = namespace.cluster, namespace.name
        bounds = [row for bound in there[cluster, name] for row in _rows(bound)]
        set_here = any(bound.bounds and bound.metadata.name != GKE for bound in there[cluster, name])
        if not set_here and not hidden.isdisjoint((cluster, f"{cluster}/{name}")):
            continue  # a bound of it may stand where nobody could look
        judged.append(namespace)
        rows += bounds
        if not set_here:
            own = ", but for GKE's own quota of its objects" if bounds else ""
            message = f"neither a ResourceQuota nor a LimitRange bounds what users start here{own}"
            findings.append(Finding(namespace.ref, message))
    columns = ("bound", "resource", "at most", "used")
    return Assessment(
        judged,
        findings,
        unseen=unseen,
        attachments=[Attachment.table("Bounds", columns, rows)] if rows else [],
    )


def _rows(bound: ResourceQuota | LimitRange) -> Iterator[tuple[str, str, str, str]]:
    for resource, amount in sorted(bound.bounds.items()):
        used = bound.status.used.get(resource, "") if isinstance(bound, ResourceQuota) else ""
        yield bound.ref.text(with_cluster=True), resource, amount, used
