"""Capacity: does users' work say what it needs?"""

from collections import defaultdict

from domino_health import Assessment, Finding, Pod, Ref, Severity, check

DOMINOS = frozenset({"nginx", "executor", "istio-proxy", "istio-init", "istio-validation"})
"""Containers that Domino adds to an execution (compute grid, 4.4): theirs is not the user's to say."""
EXAMPLES = 3
MODEL = "ModelAPI"


@check("CAP-006", severity=Severity.LOW)
def test_users_work_has_requests_and_limits(pods: list[Pod]) -> Assessment:
    """Every execution and model asks for CPU and memory, and has a limit of memory.

    Without a request the scheduler counts nothing, and puts it where no room is; without a limit of memory
    one notebook can take that of all others on its node. Hardware tiers set both, so that what has none was
    started around them, or by a tier that leaves them out.

    Normal, and no finding: no limit of CPU, which only slows; the containers that Domino adds; databases and
    search of the platform, which Domino leaves without limits on purpose (size the infrastructure, 6.0).

    Thresholds: none; that there should be both is ours.

    Remediation: set cores and memory of the hardware tier, with a limit of memory; a LimitRange in the
    compute namespace gives a default to what says nothing.
    """
    work = [
        pod
        for pod in pods
        if not pod.finished and (pod.execution or pod.metadata.labels.workload_type == MODEL)
    ]
    lacking: dict[Ref, dict[Ref, list[str]]] = defaultdict(dict)
    for pod in work:
        if lacks := _lacks(pod):
            lacking[pod.subject][pod.ref] = lacks
    findings = []
    for owner, found in lacking.items():
        said = sorted({each for lacks in found.values() for each in lacks})
        who = "1 pod" if len(found) == 1 else f"{len(found)} pods"
        message = f"{who}: {', '.join(said)}"
        findings.append(Finding(owner, message, count=len(found), examples=tuple(sorted(found)[:EXAMPLES])))
    return Assessment(work, findings)


def _lacks(pod: Pod) -> list[str]:
    """What its containers do not say; what is said for the pod as a whole counts for each."""
    whole = pod.spec.resources
    found = []
    for container in pod.spec.containers:
        if container.name in DOMINOS:
            continue
        requests = {**whole.requests, **container.resources.requests}
        limits = {**whole.limits, **container.resources.limits}
        missing = [f"no request of {each}" for each in ("cpu", "memory") if each not in requests]
        missing += [] if "memory" in limits else ["no limit of memory"]
        found += [f"container {container.name or 'run'}: {each}" for each in missing]
    return found
