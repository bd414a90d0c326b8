"""CAP-008: hardware tiers are in step with the nodes and quotas that they are to run on."""

from datetime import timedelta
from typing import Any

import pytest
from checks import test_tiers as tiers

from builders import NOW, pod
from domino_health import (
    NODE_POOL,
    Assessment,
    Autoscaler,
    HardwareTier,
    Node,
    NodePool,
    Pod,
    ResourceQuota,
    Severity,
    Taint,
    Toleration,
)
from domino_health.facts.kubernetes import Labels, Owner
from domino_health.facts.quotas import NamespacedMeta, QuotaSpec, QuotaStatus
from platform_builders import namespace, node, quota

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
GPU = "nvidia.com/gpu"
TAINT = Taint(GPU, "NoSchedule", "true")
GPUS = {"cpu": "7910m", "memory": "30Gi", "pods": "58", GPU: "1"}
KARPENTER = Autoscaler("karpenter", pools=(NodePool("k", "other"),), cluster="prod")


def tier(id: str = "small-k8s", **more: Any) -> HardwareTier:
    """A tier of one core and 4 GiB in the pool default, unless told otherwise."""
    more = {"node_pool": "default", "cpu": "1", "memory": "4Gi", "cluster": "prod", **more}
    return HardwareTier(id=id, **more)


def gpu_tier(**more: Any) -> HardwareTier:
    return tier("gpu-small-k8s", **{"node_pool": "default-gpu", "gpus": 1, **more})


def worker(name: str = "default-0", **more: Any) -> Node:
    return node(name, **{"cluster": "prod", **more})


def gpu_node(**more: Any) -> Node:
    more = {"pool": "default-gpu", "allocatable": GPUS, "tainted": [TAINT], **more}
    return worker("default-gpu-0", **more)


def runs(id: str = "small-k8s", *, on: str = "default-0", pool: str = "default", **more: Any) -> Pod:
    requests = ({"cpu": "1", "memory": "4Gi"}, {"cpu": "200m", "memory": "2574Mi"})
    labels = Labels("Workspace", id, "churn")
    more = {"cluster": "prod", "requests": requests, "selector": {NODE_POOL: pool}, "labels": labels, **more}
    return pod(f"run-{'ab' * 12}-{id}", node=on, **more)


def group(name: str = "gke-prod-default-pool-1a2b3c4d", most: int = 10, target: int = 1) -> Autoscaler:
    """A cluster-autoscaler with one node group."""
    pool = NodePool(name, nodes=target, target=target, least=0, most=most)
    return Autoscaler("cluster-autoscaler", pools=(pool,), cluster="prod")


def karpenter(pool: str = "default", limit: str | None = "100", used: str = "10", **more: Any) -> Autoscaler:
    limits = {"cpu": limit} if limit else {}
    made = NodePool("k", pool, used={"cpu": used}, limits=limits, **more)
    return Autoscaler("karpenter", pools=(made,), cluster="prod")


def assess(
    *given: HardwareTier,
    nodes: list[Node] | None = None,
    pods: list[Pod] | None = None,
    quotas: list[ResourceQuota] | None = None,
    autoscalers: list[Autoscaler] | None = None,
    **thresholds: Any,
) -> Assessment:
    return tiers.test_hardware_tiers_are_in_step_with_nodes_and_quotas(
        list(given),
        [worker()] if nodes is None else nodes,
        pods or [],
        quotas or [],
        [namespace()],
        autoscalers,
        NOW,
        **thresholds,
    )


def found(assessment: Assessment) -> tuple[Severity | None, str]:
    (finding,) = assessment.findings
    return finding.severity, finding.message


def row(assessment: Assessment, at: int = 0) -> tuple[str, ...]:
    """Of the table: how many run, how many more now and why, how many more with new nodes and why."""
    (table,) = assessment.attachments
    return table.rows[at][3:]


# In step


def test_tiers_that_fit_their_pools_are_no_finding() -> None:
    assessment = assess(
        tier(max_executions=25),
        gpu_tier(),
        nodes=[worker(), gpu_node()],
        pods=[runs()],
        quotas=[quota({"pods": "200", f"requests.{GPU}": "8"})],
    )

    assert not assessment.findings
    assert len(list(assessment.population)) == 2


def test_no_tiers_are_nothing_to_assess() -> None:
    assessment = assess()

    assert not list(assessment.population)
    assert not assessment.attachments


# The pool


def test_a_pool_that_no_node_is_of_is_told_with_the_one_that_was_meant() -> None:
    severity, message = found(assess(tier(node_pool="defualt"), nodes=[worker(), gpu_node()]))

    assert severity is Severity.MEDIUM
    assert message == (
        "no node has the label dominodatalab.com/node-pool=defualt, and no autoscaler is known that could "
        "bring one; is default meant?"
    )


def test_where_no_name_is_near_the_pools_are_named() -> None:
    _, message = found(assess(tier(node_pool="trainium"), nodes=[worker(), gpu_node()]))

    assert message.endswith("; pools with nodes: default, default-gpu")


def test_it_is_high_where_the_autoscaler_tells_all_its_pools_and_none_is_it() -> None:
    severity, message = found(assess(tier(node_pool="defualt"), autoscalers=[KARPENTER]))

    assert severity is Severity.HIGH
    assert "and no pool of the autoscaler's can be it" in message


@pytest.mark.parametrize(
    "autoscaler",
    [
        karpenter("at-nothing", used="0"),
        Autoscaler("karpenter", pools=(NodePool("k"),), cluster="prod"),  # which pool it is, it does not say
        group("asg-at-nothing", target=0),
        group("eks-gpu-8ac1b5c7-1111-2222-3333-444455556666", target=0),
    ],
)
def test_a_pool_at_no_nodes_that_an_autoscaler_may_fill_is_normal(autoscaler: Autoscaler) -> None:
    assert not assess(tier(node_pool="at-nothing"), autoscalers=[autoscaler]).findings


def test_an_autoscaler_of_another_cluster_fills_nothing_here() -> None:
    other = Autoscaler("karpenter", pools=(NodePool("k", "at-nothing"),), cluster="edge")

    assert found(assess(tier(node_pool="at-nothing"), autoscalers=[other]))[0] is Severity.MEDIUM


def test_a_tier_for_which_domino_names_no_pool_is_not_judged_by_one() -> None:
    assessment = assess(tier(node_pool=""))

    assert not assessment.findings
    assert row(assessment) == ("0", "not known", "", "not known", "")


def test_a_cluster_of_which_no_node_was_seen_is_not_judged() -> None:
    assessment = assess(tier(), nodes=[worker(cluster="edge")])

    assert not list(assessment.population)
    assert not assessment.findings


# The size


def test_a_tier_that_is_larger_than_every_node_can_never_start() -> None:
    severity, message = found(assess(tier("large-k8s", cpu="8", memory="27Gi")))

    assert severity is Severity.HIGH
    assert message == "fits no node of the pool default: 8 of cpu, where nodes have at most 7.91"


@pytest.mark.parametrize(("memory", "fits"), [("28146Mi", True), ("28147Mi", False)])
def test_the_side_cars_have_their_place_to_the_mebibyte(memory: str, fits: bool) -> None:
    # 30 GiB are 28146 MiB and the reserve of 2574 MiB
    assessment = assess(tier(memory=memory))

    if fits:
        assert not assessment.findings
    else:
        severity, message = found(assessment)
        assert severity is Severity.MEDIUM
        assert message == (
            "fits no node of the pool default with the 2.5 GiB of Domino's side-cars: 30.0 GiB of memory, "
            "where nodes have at most 30.0 GiB, 1.0 MiB less"
        )


def test_daemon_sets_take_their_part() -> None:
    owner = Owner("DaemonSet", "fluent-bit", controller=True)
    daemon = pod("d", cluster="prod", node="default-0", owner=owner, requests=({"memory": "1Mi"},))

    assert not assess(tier(memory="28145Mi"), pods=[daemon]).findings
    assert assess(tier(memory="28146Mi"), pods=[daemon]).findings


def test_a_full_node_is_no_small_one() -> None:
    assert not assess(tier(memory="20Gi"), pods=[runs() for _ in range(6)]).findings


def test_one_node_must_have_all_of_it() -> None:
    wide, high = {"cpu": "16", "memory": "4Gi", "pods": "9"}, {"cpu": "1", "memory": "60Gi", "pods": "9"}
    nodes = [worker("a", allocatable=wide), worker("b", allocatable=high)]

    assert found(assess(tier(cpu="8", memory="16Gi"), nodes=nodes))[0] is Severity.HIGH


def test_a_gpu_tier_on_a_pool_without_gpus_can_never_start() -> None:
    _, message = found(assess(gpu_tier(node_pool="default")))

    assert message == f"fits no node of the pool default: 1 of {GPU}, where nodes have none"


@pytest.mark.parametrize(("age", "findings"), [(10 * MINUTE, 0), (10 * MINUTE + SECOND, 1)])
def test_a_node_that_has_just_joined_may_have_no_gpu_yet(age: timedelta, findings: int) -> None:
    name = "gke-prod-gpu-pool-1a2b3c4d"
    joins = worker(f"{name}-x1y2", pool="default-gpu", age=age)
    growing = [group(name)]

    given = gpu_tier(max_executions=4)
    assert len(list(assess(given, nodes=[joins], autoscalers=growing).findings)) == findings
    larger = gpu_tier(memory="100Gi")
    assert len(list(assess(larger, nodes=[joins], autoscalers=growing).findings)) == 1


def test_where_karpenter_makes_the_nodes_it_may_make_a_larger_one() -> None:
    assert not assess(tier(memory="100Gi"), nodes=[worker(nodepool="k")]).findings


def test_where_a_node_group_has_no_node_it_may_be_a_larger_one() -> None:
    severity, message = found(assess(tier(memory="100Gi"), autoscalers=[group("asg", target=0)]))

    assert severity is Severity.MEDIUM
    assert message.endswith(", unless a node group that has no node now is larger")


# The limits


@pytest.mark.parametrize(
    ("limit", "severity"),
    [
        ("1999m", None),
        ("2", Severity.MEDIUM),
        ("4999m", Severity.MEDIUM),
        ("5", Severity.HIGH),
    ],
)
def test_a_limit_far_above_the_request_is_told_by_how_far(limit: str, severity: Severity | None) -> None:
    assessment = assess(tier(cpu_limit=limit))

    assert [finding.severity for finding in assessment.findings] == ([severity] if severity else [])


def test_both_limits_are_told_and_the_worse_decides() -> None:
    severity, message = found(assess(tier(cpu_limit="2", memory_limit="20Gi")))

    assert severity is Severity.HIGH
    assert message == (
        "its limit of cpu is 2 times its request: 2 of 1; "
        "its limit of memory is 5 times its request: 20.0 GiB of 4.0 GiB"
    )
    assert not assess(tier(cpu_limit="3"), ratio=3.01).findings
    assert found(assess(tier(cpu_limit="3"), ratio_high=3.0))[0] is Severity.HIGH


# The number


@pytest.mark.parametrize(
    ("hard", "holds"),
    [
        ({"pods": "24"}, "24 of it (pods 24)"),
        ({"count/pods": "24"}, "24 of it (count/pods 24)"),
        ({"cpu": "24"}, "24 of it (cpu 24)"),
        ({"requests.cpu": "24500m"}, "24 of it (requests.cpu 24.5)"),
        ({"limits.memory": "99Gi"}, "24 of it (limits.memory 99.0 GiB)"),
        ({"requests.memory": "160Gi"}, "24 of it (requests.memory 160.0 GiB)"),  # 6.5 GiB with side-cars
    ],
)
def test_a_quota_that_holds_fewer_than_domino_allows_is_told(hard: dict[str, str], holds: str) -> None:
    severity, message = found(assess(tier(max_executions_per_user=25), quotas=[quota(hard)]))

    assert severity is Severity.MEDIUM
    assert (
        message
        == f"resourcequota/domino-compute/q holds {holds}, and Domino allows 25 at once: the others fail"
    )


@pytest.mark.parametrize(
    "hard",
    [
        {"pods": "25"},
        {"requests.cpu": "25"},
        {f"requests.{GPU}": "1"},  # of which it asks for none
        {"secrets": "1", "requests.storage": "1Gi"},
    ],
)
def test_a_quota_that_holds_as_many_is_no_finding(hard: dict[str, str]) -> None:
    assert not assess(tier(max_executions=25), quotas=[quota(hard)]).findings


def test_without_a_bound_of_dominos_a_quota_is_no_finding_unless_it_holds_none() -> None:
    assert not assess(tier(), quotas=[quota({"pods": "1"})]).findings
    severity, message = found(assess(tier(memory="27Gi"), quotas=[quota({"requests.memory": "16Gi"})]))
    assert severity is Severity.HIGH
    assert message == "resourcequota/domino-compute/q holds none of it (requests.memory 16.0 GiB)"


def test_gpus_are_counted_by_their_own_name() -> None:
    quotas = [quota({f"requests.{GPU}": "8", "pods": "200"})]

    _, message = found(assess(gpu_tier(max_executions=10), nodes=[gpu_node()], quotas=quotas))

    assert f"holds 8 of it (requests.{GPU} 8)" in message


def test_quotas_of_other_namespaces_clusters_and_scopes_bind_nothing() -> None:
    scoped = ResourceQuota(
        NamespacedMeta("q", "domino-compute"),
        QuotaSpec({"pods": "1"}, ("BestEffort",)),
        QuotaStatus(),
        "prod",
    )
    quotas = [quota({"pods": "1"}, "domino-platform"), quota({"pods": "1"}, cluster="edge"), scoped]

    assert not assess(tier(max_executions=25), quotas=quotas).findings


def test_of_several_compute_namespaces_those_with_executions_count() -> None:
    given = ([tier(max_executions=25)], [worker()])
    spaces = [namespace(), namespace("domino-field")]
    quotas = [quota({"pods": "1"}, "domino-field")]
    judge = tiers.test_hardware_tiers_are_in_step_with_nodes_and_quotas

    assert not judge(*given, [runs()], quotas, spaces, None, NOW).findings
    assert judge(*given, [], quotas, spaces, None, NOW).findings, "where nothing runs, any of them may"


def test_a_pool_that_may_not_grow_as_far_is_low() -> None:
    name = "gke-prod-default-pool-1a2b3c4d"
    nodes = [worker(f"{name}-x1y2")]

    # 4 of 6.5 GiB on each node of 30 GiB
    assert not assess(tier(max_executions=40), nodes=nodes, autoscalers=[group(name)]).findings
    severity, message = found(assess(tier(max_executions=41), nodes=nodes, autoscalers=[group(name)]))
    assert severity is Severity.LOW
    assert message == (
        f"its pool takes 40 of it at most (the most that {name} may have), and Domino allows 41 at once: the "
        "others wait"
    )


def test_a_node_pool_with_a_limit_may_not_grow_further() -> None:
    nodes = [worker(nodepool="k")]

    assert found(assess(tier(max_executions=101), nodes=nodes, autoscalers=[karpenter()]))[0] is Severity.LOW
    assert not assess(tier(max_executions=100), nodes=nodes, autoscalers=[karpenter()]).findings
    assert not assess(tier(max_executions=999), nodes=nodes, autoscalers=[karpenter(limit=None)]).findings


# The table


def test_the_table_tells_how_many_more_start_and_what_binds() -> None:
    assessment = assess(tier(), pods=[runs(), runs(phase="Succeeded")])

    # of 30 GiB one has taken 6.5, and each of three more takes as much
    expected = "memory on nodes of default"
    assert row(assessment) == ("1", "3", expected, "3", f"{expected}; no autoscaler is known")
    (table,) = assessment.attachments
    assert table.rows[0][:3] == ("prod: hardwaretier/small-k8s", "default", "1 cpu, 4.0 GiB memory")


def test_what_binds_may_be_the_cores_or_the_places_for_pods() -> None:
    assert row(assess(tier(cpu="4")))[1:3] == ("1", "cpu on nodes of default")
    few = worker(allocatable={"cpu": "64", "memory": "512Gi", "pods": "2"})
    assert row(assess(tier(), nodes=[few]))[1:3] == ("2", "pods on nodes of default")


def test_a_quota_may_bind_first() -> None:
    full = quota({"pods": "200"}, pods="199")

    assert row(assess(tier(), quotas=[full]))[1:] == ("1", "the quota q (pods)", "1", "the quota q (pods)")
    over = quota({"pods": "200"}, pods="300")
    assert row(assess(tier(), quotas=[over]))[1] == "0"


def test_a_taint_that_its_executions_do_not_tolerate_keeps_them_off() -> None:
    tainted = worker(tainted=[Taint("team", "NoSchedule", "a")])

    assert row(assess(tier(), nodes=[tainted], pods=[runs()]))[1:3] == (
        "0",
        "the taint team=a:NoSchedule, on all nodes that take pods",
    )
    tolerant = runs(tolerations=[Toleration("team", "Exists")])
    assert row(assess(tier(), nodes=[tainted], pods=[tolerant]))[1] == "3"


def test_of_a_tier_that_nobody_uses_its_neighbours_tell_or_nobody_does() -> None:
    tainted = worker(tainted=[Taint("team", "NoSchedule", "a")])
    neighbour = runs("medium-k8s", tolerations=[Toleration("team", "Exists")])

    assert row(assess(tier(), nodes=[tainted], pods=[neighbour]))[1:3] == ("3", "memory on nodes of default")
    assert row(assess(tier(), nodes=[tainted]))[1:3] == (
        "4",
        "memory on nodes of default (if it tolerates team=a:NoSchedule: none of it was seen)",
    )


def test_a_tier_with_a_gpu_is_taken_to_tolerate_its_taint() -> None:
    assert row(assess(gpu_tier(), nodes=[gpu_node()]))[1:3] == ("1", f"{GPU} on nodes of default-gpu")


@pytest.mark.parametrize("more", [{"cordoned": True}, {"ready": False}, {"deleted": True}])
def test_nodes_that_take_no_pods_are_told(more: dict[str, Any]) -> None:
    assert row(assess(tier(), nodes=[worker(**more)]))[1:3] == (
        "0",
        "no node of the pool default takes pods (cordoned, or not Ready)",
    )


def test_new_nodes_of_a_group_are_as_its_smallest_one() -> None:
    name = "gke-prod-default-pool-1a2b3c4d"
    nodes = [
        worker(f"{name}-x1y2"),
        worker(f"{name}-x1y3", allocatable={"cpu": "4", "memory": "16Gi", "pods": "9"}),
    ]

    # 4 and 2 now, and 2 on each of eight new ones
    assert row(assess(tier(), nodes=nodes, autoscalers=[group(name, 10, 2)]))[1:] == (
        "6",
        "memory on nodes of default",
        "22",
        f"the most that {name} may have",
    )


def test_new_nodes_are_not_as_one_that_is_too_small_or_has_no_gpu_yet() -> None:
    name = "gke-prod-default-pool-1a2b3c4d"
    nodes = [
        worker(f"{name}-x1y2"),
        worker(f"{name}-x1y3", allocatable={"cpu": "500m", "memory": "16Gi", "pods": "9"}),
    ]

    # 4 now, and 4 on each of eight new ones
    assert row(assess(tier(), nodes=nodes, autoscalers=[group(name, 10, 2)]))[3] == "36"
    assert row(assess(tier(), nodes=nodes[1:], autoscalers=[group(name, 10, 2)]))[3] == "0"


def test_a_node_pool_grows_as_far_as_its_limit_or_without_bound() -> None:
    nodes = [worker(nodepool="k")]

    # 4 now, and 90 cores that are left
    assert row(assess(tier(), nodes=nodes, autoscalers=[karpenter()]))[3:] == (
        "94",
        "the most that k may have",
    )
    assert row(assess(tier(), nodes=nodes, autoscalers=[karpenter(limit=None)]))[3:] == (
        "without bound",
        "the NodePool k has no limits",
    )
    gpus_only = NodePool("k", "default", limits={GPU: "4"})
    assert row(
        assess(tier(), nodes=nodes, autoscalers=[Autoscaler("karpenter", pools=(gpus_only,), cluster="prod")])
    )[3:] == ("without bound", "the NodePool k has no limit of what it asks for")


def test_a_pool_at_no_nodes_of_a_node_pool_has_room_by_its_limit() -> None:
    assessment = assess(tier(node_pool="at-nothing"), autoscalers=[karpenter("at-nothing", used="0")])

    most = "the most that k may have, or fewer: the size of its nodes is not known"
    assert row(assessment)[1:] == ("0", "the pool at-nothing has no node", "100", most)


def test_a_quota_binds_what_has_no_bound() -> None:
    assessment = assess(
        tier(),
        nodes=[worker(nodepool="k")],
        autoscalers=[karpenter(limit=None)],
        quotas=[quota({"pods": "7"})],
    )

    assert row(assessment)[3:] == ("7", "the quota q (pods)")


def test_a_group_that_does_not_tell_its_pool_is_not_known() -> None:
    assert row(assess(tier(), autoscalers=[group("asg")]))[3:] == (
        "not known",
        "no node tells which node group fills the pool",
    )


def test_many_tiers_are_each_their_own_finding() -> None:
    assessment = assess(*(tier(f"t{n}", node_pool="gone") for n in range(50)))

    findings = list(assessment.findings)
    assert len(findings) == 50
    assert str(findings[0].subject) == "hardwaretier/t0"
