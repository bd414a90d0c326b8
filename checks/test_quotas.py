"""Capacity: how full are the quotas?"""

from collections.abc import Iterator, Sequence

from domino_health import (
    Assessment,
    Attachment,
    DominoNamespace,
    Finding,
    Percentage,
    ResourceQuota,
    Severity,
    Unseen,
    amount,
    check,
    percent,
    quantity,
)


@check("CAP-002", severity=Severity.HIGH)
def test_quotas_have_room(
    resource_quotas: list[ResourceQuota],
    domino_namespaces: list[DominoNamespace],
    *,
    use: Percentage = 0.8,
    use_high: Percentage = 0.9,
) -> Assessment:
    """Every quota of Domino's namespaces has more than a fifth of each resource left.

    What goes over a quota is refused, not queued: an execution ends in an error, a Deployment stays
    without its pods, and nothing of it shows on the nodes. All that a quota counts is judged, Secrets,
    Services and claims too: Domino makes some for each execution.

    Normal, and no finding: a bound of zero, which forbids the resource; and quotas of other namespaces.
    What Kubernetes has not counted yet is unknown.

    Thresholds: ours. From ``use`` of a bound it is medium, from ``use_high`` high.

    Remediation: raise the bound, where the nodes have room for it (CAP-003 says so), or end what is no
    longer used: idle workspaces, apps and models. For counts of Secrets, ConfigMaps or Services see what
    ended executions have left behind.
    """
    names = {(each.cluster, each.name) for each in domino_namespaces}
    quotas = [each for each in resource_quotas if (each.cluster, each.metadata.namespace) in names]
    judged, findings, unseen, rows = [], [], [], []
    fullest = 0.0
    for quota in quotas:
        bounds = list(_bounds(quota))
        if missing := _uncounted(quota):
            unseen.append(_unseen(quota, missing))
        if not bounds:
            continue
        judged.append(quota)
        ref = quota.ref.text(with_cluster=True)
        rows += [(ref, name, said, percent(full)) for name, said, _, full in bounds]
        fullest = max(fullest, *(full for *_, full in bounds))
        over = sorted((each for each in bounds if each[-1] >= use), key=lambda each: -each[-1])
        if over:
            worst = Severity.HIGH if over[0][-1] >= use_high else Severity.MEDIUM
            parts = (f"{name} {said} ({percent(full)}), {left} left" for name, said, left, full in over)
            findings.append(Finding(quota.ref, "; ".join(parts), worst))
    columns = ("quota", "resource", "used", "full")
    return Assessment(
        judged,
        findings,
        unseen=unseen,
        worst=f"fullest {percent(fullest)} of {percent(use)}" if judged else "",
        attachments=[Attachment.table("Quotas", columns, rows)] if rows else [],
    )


def _bounds(quota: ResourceQuota) -> Iterator[tuple[str, str, str, float]]:
    """Resource, ``185 of 200``, what is left and how full, of all that was counted."""
    for name, text in sorted(quota.spec.hard.items()):
        hard = quantity(text)
        if hard <= 0 or name not in quota.status.used:
            continue
        used = quantity(quota.status.used[name])
        said = f"{amount(name, used)} of {amount(name, hard)}"
        yield name, said, amount(name, max(0, hard - used)), used / hard


def _uncounted(quota: ResourceQuota) -> list[str]:
    """What it bounds and Kubernetes has said nothing of."""
    hard = quota.spec.hard.items()
    return sorted(name for name, text in hard if quantity(text) > 0 and name not in quota.status.used)


def _unseen(quota: ResourceQuota, names: Sequence[str]) -> Unseen:
    return Unseen(
        quota.ref.text(with_cluster=True),
        f"Kubernetes has not counted yet what is used of {', '.join(names)} (nothing in status.used)",
        "see whether kube-controller-manager runs, and look again in a minute",
    )
