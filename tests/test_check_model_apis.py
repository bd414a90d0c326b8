"""MODEL-003 and MODEL-004: models stay up, and can be reached."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from checks import test_model_apis as models

from builders import pod
from domino_health import Assessment, Deployment, NetworkPolicy, Node, Pod, Severity
from domino_health.facts.api import Condition
from domino_health.facts.kubernetes import Labels, Owner
from domino_health.facts.network import (
    IngressRule,
    IpBlock,
    LabelRequirement,
    LabelSelector,
    Peer,
    PolicyMeta,
    PolicySpec,
)
from platform_builders import deployment, namespace, node, template

MODEL = "model-65f0c0ffee65f0c0ffee65f0"
COMPUTE = "domino-compute"
READY = Condition("Ready", "True")


def model(wanted: int = 2, *, name: str = MODEL, cluster: str = "prod") -> Deployment:
    made_by = template(workload_type="ModelAPI")
    return deployment(name, wanted, wanted, namespace=COMPUTE, made_by=made_by, cluster=cluster)


def instance(number: int = 0, on: str = "default-0", *, ready: bool = True, **more: object) -> Pod:
    """A pod of the model."""
    given: dict[str, object] = {
        "owner": Owner("ReplicaSet", f"{MODEL}-5d9c", controller=True),
        "labels": Labels("ModelAPI", pod_template_hash="5d9c"),
        "node": on,
        "cluster": "prod",
        "conditions": (READY,) if ready else (),
        "age": timedelta(days=1),
    }
    return pod(f"{MODEL}-5d9c-{number:05}", **{**given, **more})  # type: ignore[arg-type]


def spread(
    wanted: int = 2, *pods: Pod, nodes: Sequence[Node] | None = None, min_instances: int = 2
) -> Assessment:
    return models.test_models_have_instances_on_different_nodes(
        [model(wanted), deployment()],
        list(pods),
        None if nodes is None else list(nodes),
        min_instances=min_instances,
    )


def test_two_instances_are_enough_and_one_is_not() -> None:
    two, one = spread(2, instance(0), instance(1, "default-1")), spread(1, instance(0))

    assert (len(two.population), two.findings) == (1, ())
    assert two.worst == "the fewest instances 2 of 2"
    (finding,) = one.findings
    assert str(finding.subject) == f"deployment/domino-compute/{MODEL}"
    assert finding.message == "1 instance, at least 2 wanted: it is down with one node"


def test_a_model_that_is_stopped_is_not_assessed() -> None:
    assert len(spread(0).population) == 0


def test_instances_that_share_a_node_are_found() -> None:
    (finding,) = spread(2, instance(0), instance(1)).findings

    assert finding.message == "all 2 instances are on the node default-0, and are down with it"
    assert (finding.count, finding.severity) == (2, None)


@pytest.mark.parametrize("other", [instance(1, ready=False), instance(1, deleted=True)])
def test_where_they_sit_is_judged_when_all_are_ready(other: Pod) -> None:
    assert spread(2, instance(0), other).findings == ()


def test_instances_on_preemptible_nodes_alone_are_low() -> None:
    both = instance(0), instance(1, "default-1")
    spot = [node(f"default-{n}", cluster="prod", karpenter_capacity="spot") for n in range(2)]
    mixed = [spot[0], node("default-1", cluster="prod")]

    (finding,) = spread(2, *both, nodes=spot).findings
    assert finding.severity is Severity.LOW
    assert finding.message == "all 2 instances are on preemptible nodes, which may go at once"
    assert spread(2, *both, nodes=mixed).findings == ()
    assert spread(2, *both, nodes=spot[:1]).findings == (), "nobody knows the other node"


PLATFORM_BY_NAME = LabelSelector({"kubernetes.io/metadata.name": "domino-platform"})
OWN = LabelSelector({"app.kubernetes.io/instance": MODEL})


def policy(
    *peers: Peer,
    name: str = "strict",
    of: LabelSelector | None = None,
    types: tuple[str, ...] = ("Ingress",),
    ingress: tuple[IngressRule, ...] | None = None,
    namespace: str = COMPUTE,
    cluster: str = "prod",
) -> NetworkPolicy:
    """One about every pod of the compute namespace, unless told otherwise, that lets in those peers."""
    rules = ((IngressRule(peers),) if peers else ()) if ingress is None else ingress
    spec = PolicySpec(of or LabelSelector(), types, rules)
    return NetworkPolicy(PolicyMeta(name, namespace), spec, cluster)


def reach(*policies: NetworkPolicy) -> Assessment:
    namespaces = [namespace("domino-platform", "platform"), namespace()]
    return models.test_no_network_policy_keeps_callers_from_models([model()], list(policies), namespaces)


def verdict(*policies: NetworkPolicy) -> str:
    assessment = reach(*policies)
    found = list(assessment.findings), list(assessment.unseen)
    assert len(assessment.population) == (not found[1])
    return "kept out" if found[0] else "not told" if found[1] else "let in"


def test_without_a_policy_everybody_may_call() -> None:
    assert verdict() == "let in"


def test_a_policy_that_lets_nobody_in_keeps_callers_out() -> None:
    (finding,) = reach(policy()).findings

    assert str(finding.subject) == f"deployment/domino-compute/{MODEL}"
    assert (
        finding.message
        == "nobody in the namespace domino-platform may reach it, by the network policy strict"
    )
    assert [str(each) for each in finding.examples] == ["networkpolicy/domino-compute/strict"]


@pytest.mark.parametrize(
    "peer",
    [
        Peer(namespace_selector=PLATFORM_BY_NAME),
        Peer(namespace_selector=LabelSelector({"domino-platform": "true"})),
        Peer(namespace_selector=LabelSelector()),
        Peer(namespace_selector=PLATFORM_BY_NAME, pod_selector=LabelSelector({"app": "nginx"})),
        Peer(ip_block=IpBlock("0.0.0.0/0")),
    ],
)
def test_who_lets_the_platforms_namespace_in_lets_callers_in(peer: Peer) -> None:
    assert verdict(policy(peer)) == "let in"


@pytest.mark.parametrize(
    "peer",
    [
        Peer(pod_selector=LabelSelector()),
        Peer(namespace_selector=LabelSelector({"kubernetes.io/metadata.name": "monitoring"})),
        Peer(namespace_selector=LabelSelector({"domino-platform": "false"})),
    ],
)
def test_who_lets_others_in_does_not(peer: Peer) -> None:
    assert verdict(policy(peer)) == "kept out"


@pytest.mark.parametrize(
    "peer",
    [
        Peer(ip_block=IpBlock("10.0.0.0/8")),
        Peer(ip_block=IpBlock("0.0.0.0/0", ("10.0.0.0/8",))),
        Peer(namespace_selector=LabelSelector({"team": "ml"})),
    ],
)
def test_addresses_and_labels_that_are_not_known_leave_it_open(peer: Peer) -> None:
    assert verdict(policy(peer)) == "not told"
    (unseen,) = reach(policy(peer)).unseen
    assert unseen.target == f"prod: deployment/domino-compute/{MODEL}"
    assert unseen.reason.endswith("that are not known: networkpolicy/domino-compute/strict")


def test_a_rule_without_a_peer_lets_everybody_in() -> None:
    assert verdict(policy(ingress=(IngressRule(),))) == "let in"
    assert verdict(policy(ingress=(IngressRule(()),))) == "let in"


def test_policies_add_up() -> None:
    lets_in = policy(Peer(namespace_selector=PLATFORM_BY_NAME), name="platform", of=OWN)

    assert verdict(policy(), lets_in) == "let in"
    assert verdict(policy(), policy(Peer(pod_selector=LabelSelector()), name="own")) == "kept out"


def test_a_policy_that_may_be_about_it_decides_nothing_alone() -> None:
    perhaps = LabelSelector({"team": "ml"})

    assert verdict(policy(of=perhaps)) == "not told"
    assert verdict(policy(Peer(namespace_selector=PLATFORM_BY_NAME), of=perhaps)) == "let in"
    assert verdict(policy(), policy(Peer(namespace_selector=PLATFORM_BY_NAME), of=perhaps)) == "not told"
    assert verdict(policy(), policy(name="too", of=perhaps)) == "kept out"


@pytest.mark.parametrize(
    "elsewhere",
    [
        policy(of=LabelSelector({"app.kubernetes.io/instance": "another"})),
        policy(of=LabelSelector({"dominodatalab.com/workload-type": "Workspace"})),
        policy(types=("Egress",)),
        policy(namespace="domino-platform"),
        policy(cluster="other"),
    ],
)
def test_policies_about_others_and_about_what_leaves_do_not_matter(elsewhere: NetworkPolicy) -> None:
    assert verdict(elsewhere) == "let in"


def test_a_policy_of_no_type_is_about_who_comes_in() -> None:
    assert verdict(policy(types=())) == "kept out"


def test_without_a_platform_in_the_cluster_there_is_nobody_to_let_in() -> None:
    assessment = models.test_no_network_policy_keeps_callers_from_models([model()], [policy()], [namespace()])

    assert len(assessment.population) == 0


@pytest.mark.parametrize(
    ("operator", "values", "labels", "selects"),
    [
        ("In", ("a", "b"), {"k": "a"}, True),
        ("In", ("b",), {"k": "a"}, False),
        ("NotIn", ("b",), {"k": "a"}, True),
        ("NotIn", ("a",), {"k": "a"}, False),
        ("NotIn", ("a",), {}, True),
        ("Exists", (), {"k": ""}, True),
        ("Exists", (), {}, False),
        ("DoesNotExist", (), {}, True),
        ("DoesNotExist", (), {"k": ""}, False),
    ],
)
def test_a_selector_selects_by_kubernetes_rules(
    operator: str, values: tuple[str, ...], labels: Mapping[str, str], *, selects: bool
) -> None:
    selector = LabelSelector(None, (LabelRequirement("k", operator, values),))

    assert selector.selects(labels, complete=True) is selects
    assert selector.selects({}, complete=False) is None
