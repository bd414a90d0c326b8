"""Model APIs: do they stay up when a node goes, and can who asks them reach them?"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from checks.serving import is_model
from domino_health import (
    Assessment,
    Deployment,
    DominoNamespace,
    Finding,
    NetworkPolicy,
    Node,
    Pod,
    Ref,
    Severity,
    Unseen,
    check,
)

EXAMPLES = 3


@check("MODEL-003", severity=Severity.MEDIUM)
def test_models_have_instances_on_different_nodes(
    deployments: list[Deployment],
    pods: list[Pod],
    nodes: list[Node] | None,
    *,
    min_instances: int = 2,
) -> Assessment:
    """Every model API has ``min_instances`` instances, on nodes that are not all taken away at once.

    A model with one instance is down with its node, and during each update of that. Two on the same node are
    no better. Domino spreads instances where it can, and does not insist unless it is told to
    (strictNodeAntiAffinity), so that a full pool puts them together.

    Assessed are models that are to run; one that is scaled to nothing is stopped. Instances that wait or are
    not ready are the matter of SCHED-001 and PROBE-005, and are not counted here: where they sit is judged
    when as many as are wanted are ready. All of them on preemptible nodes is low, where nodes may be seen.

    Thresholds: 2 instances are Domino's default, and fewer are no high availability by its own words
    (model API settings).

    Remediation: raise the instances in the model's settings. For instances on one node, see whether the pool
    has another with room, then restart the model; set strictNodeAntiAffinity where it must hold. A model
    that may be down for minutes, and is meant to, is a waiver.
    """
    models = [each for each in deployments if is_model(each) and each.wanted > 0]
    there: dict[Ref, list[Pod]] = defaultdict(list)
    for pod in pods:
        if pod.ready and pod.metadata.labels.pod_template_hash and not pod.metadata.deletion_timestamp:
            there[pod.subject].append(pod)
    known = {(node.cluster, node.metadata.name): node for node in nodes or ()}
    return Assessment(
        models,
        [found for model in models for found in _spread(model, there[model.ref], known, min_instances)],
        worst=f"the fewest instances {min(model.wanted for model in models)} of {min_instances}"
        if models
        else "",
    )


def _spread(
    model: Deployment, ready: Sequence[Pod], nodes: Mapping[tuple[str, str], Node], wanted: int
) -> Iterator[Finding]:
    if model.wanted < wanted:
        some = "1 instance" if model.wanted == 1 else f"{model.wanted} instances"
        yield Finding(model.ref, f"{some}, at least {wanted} wanted: it is down with one node")
        return
    if len(ready) < model.wanted:
        return
    on = {pod.spec.node_name for pod in ready}
    examples = tuple(sorted(pod.ref for pod in ready)[:EXAMPLES])
    if len(on) == 1:
        message = f"all {len(ready)} instances are on the node {on.pop()}, and are down with it"
        yield Finding(model.ref, message, count=len(ready), examples=examples)
        return
    under = [nodes.get((model.cluster, name)) for name in on]
    if all(node is not None and node.preemptible for node in under):
        message = f"all {len(ready)} instances are on preemptible nodes, which may go at once"
        yield Finding(model.ref, message, Severity.LOW, count=len(ready), examples=examples)


@check("MODEL-004", severity=Severity.MEDIUM)
def test_no_network_policy_keeps_callers_from_models(
    deployments: list[Deployment],
    network_policies: list[NetworkPolicy],
    domino_namespaces: list[DominoNamespace],
) -> Assessment:
    """No network policy keeps what calls models, in the platform's namespaces, from a model's pods.

    Requests come through Domino's entrance, which is in the platform's namespace, and model APIs are in a
    compute namespace. A policy that selects a model's pods keeps out everybody whom no policy lets in:
    callers then see timeouts and 502, and every pod is ready. So do prediction capture and monitoring.

    Policies add up. A finding is certain: of the policies that surely select the model's pods, and of those
    that may, none lets in pods of a platform's namespace, whatever their labels. What rests on labels that
    are not known (of a policy that may not select it, of addresses) is said to be unknown. Ports are not
    looked at, nor policies of Calico's and Cilium's own kinds.

    Thresholds: none.

    Remediation: let the platform's namespace in: an ingress rule with a namespaceSelector of
    kubernetes.io/metadata.name, or of Domino's own label domino-platform. See which policy it is, and who has
    made it: Domino's own let its services through.
    """
    callers: dict[str, list[DominoNamespace]] = defaultdict(list)
    for each in domino_namespaces:
        if each.part == "platform":
            callers[each.cluster].append(each)
    within: dict[tuple[str, str], list[NetworkPolicy]] = defaultdict(list)
    for policy in network_policies:
        if policy.keeps_out:
            within[policy.cluster, policy.metadata.namespace].append(policy)
    judged, findings, unseen = [], [], []
    for model in deployments:
        if not (is_model(model) and model.wanted > 0 and callers[model.cluster]):
            continue
        about = _about(model, within[model.cluster, model.metadata.namespace])
        lets_in = [(selects, _lets_in(policy, callers[model.cluster])) for policy, selects in about]
        sure = [policy for policy, selects in about if selects]
        if (True, True) in lets_in or (all(lets for _, lets in lets_in) and not sure):
            judged.append(model)
        elif sure and all(lets is False for _, lets in lets_in):
            judged.append(model)
            findings.append(_kept_out(model, sure, callers[model.cluster]))
        else:
            unseen.append(_not_told(model, [policy for policy, _ in about]))
    return Assessment(judged, findings, unseen=unseen)


def _about(model: Deployment, policies: Sequence[NetworkPolicy]) -> list[tuple[NetworkPolicy, bool]]:
    """The policies that select its pods, surely or perhaps: not all labels of its pods are known."""
    labels = dict(model.spec.selector.match_labels)
    own = model.spec.template.metadata.labels
    known = {
        "dominodatalab.com/workload-type": own.workload_type,
        "dominodatalab.com/hardware-tier-id": own.hardware_tier,
        "dominodatalab.com/project-name": own.project,
    }
    labels = {**{key: value for key, value in known.items() if value}, **labels}
    selected = ((policy, policy.spec.pod_selector.selects(labels, complete=False)) for policy in policies)
    return [(policy, selects is True) for policy, selects in selected if selects is not False]


def _lets_in(policy: NetworkPolicy, callers: Sequence[DominoNamespace]) -> bool | None:
    """Whether it lets in some pods of a caller's namespace; None where that cannot be told."""
    answers: list[bool | None] = [False]
    for rule in policy.spec.ingress or ():
        if not rule.from_:
            return True
        for peer in rule.from_:
            if peer.ip_block is not None:
                answers.append(True if peer.ip_block.everybody else None)
            elif peer.namespace_selector is not None:
                answers += [
                    peer.namespace_selector.selects(_labels(each), complete=False) for each in callers
                ]
            else:
                answers.append(policy.metadata.namespace in [each.name for each in callers])
    return True if True in answers else None if None in answers else False


def _labels(namespace: DominoNamespace) -> Mapping[str, str]:
    """What is known of a platform's namespace: Kubernetes gives every one its name."""
    by_label = {"domino-platform": "true"} if namespace.found_by == "label" else {}
    return {"kubernetes.io/metadata.name": namespace.name, **by_label}


def _kept_out(
    model: Deployment, policies: Sequence[NetworkPolicy], callers: Sequence[DominoNamespace]
) -> Finding:
    names = ", ".join(each.name for each in callers)
    those = ", ".join(sorted(policy.metadata.name for policy in policies)[:EXAMPLES])
    message = f"nobody in the namespace {names} may reach it, by the network policy {those}"
    examples = tuple(sorted(policy.ref for policy in policies)[:EXAMPLES])
    return Finding(model.ref, message, examples=examples)


def _not_told(model: Deployment, policies: Sequence[NetworkPolicy]) -> Unseen:
    those = ", ".join(sorted(str(policy.ref) for policy in policies)[:EXAMPLES])
    return Unseen(
        model.ref.text(with_cluster=True),
        f"whether the platform may reach it rests on labels or addresses that are not known: {those}",
        "call the model, or see the policy: kubectl describe networkpolicy",
    )
