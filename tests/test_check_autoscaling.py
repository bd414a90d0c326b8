"""SCHED-010: the autoscaler is alive, and there is room to grow."""

from datetime import timedelta
from typing import Any

import pytest
from checks import test_autoscaling as autoscaling

from builders import NOW
from domino_health import (
    Assessment,
    Autoscaler,
    Condition,
    Deployment,
    Event,
    Finding,
    Node,
    NodePool,
    Ref,
    Severity,
)
from domino_health.facts.workloads import WorkloadLabels
from platform_builders import condition, deployment, event, node

MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)
ALLOWED = 10 * MINUTE
PODS = Ref("prod", "pod", "domino-compute", "run-1")


def group(
    target: int = 1,
    most: int | None = 10,
    least: int = 0,
    *,
    name: str = "asg",
    health: Condition | None = None,
    scale_up: Condition | None = None,
) -> NodePool:
    """A node group of cluster-autoscaler."""
    return NodePool(
        name, nodes=target, target=target, least=least, most=most, health=health, scale_up=scale_up
    )


def pool(used: str = "1", limit: str | None = "100", **more: Any) -> NodePool:
    """A Karpenter NodePool with a limit of CPU."""
    return NodePool("default", used={"cpu": used}, limits={"cpu": limit} if limit else {}, **more)


def cluster_autoscaler(*pools: NodePool, written: timedelta = timedelta(0), **more: Any) -> Autoscaler:
    more = {"state": "Running", "namespace": "kube-system", "cluster": "prod", **more}
    return Autoscaler("cluster-autoscaler", written=NOW - written, pools=pools, **more)


def karpenter(*pools: NodePool, cluster: str = "prod") -> Autoscaler:
    return Autoscaler("karpenter", pools=pools, cluster=cluster)


def runs(name: str = "cluster-autoscaler", ready: int = 1, wanted: int = 1, **more: Any) -> Deployment:
    return deployment(name, ready, wanted, namespace="kube-system", **more)


def down(for_: timedelta, name: str = "cluster-autoscaler") -> Deployment:
    gone = condition(
        "Available",
        "False",
        lasts=for_,
        reason="MinimumReplicasUnavailable",
        message="Deployment does not have minimum availability.",
    )
    return runs(name, 0, conditions=[gone])


def assess(
    *pools: Autoscaler,
    deployments: list[Deployment] | None = None,
    nodes: list[Node] | None = None,
    events: list[Event] | None = None,
    **thresholds: Any,
) -> Assessment:
    return autoscaling.test_the_autoscaler_is_alive_and_has_room_to_grow(
        list(pools), deployments or [], nodes, events, NOW, **thresholds
    )


def found(*pools: Autoscaler, **more: Any) -> list[Finding]:
    return list(assess(*pools, **more).findings)


def only(*pools: Autoscaler, **more: Any) -> Finding:
    (finding,) = found(*pools, **more)
    return finding


def rows(assessment: Assessment) -> list[dict[str, str]]:
    (table,) = assessment.attachments
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


# What is healthy


def test_autoscalers_that_run_and_have_room_are_assessed_with_their_pools() -> None:
    assessment = assess(
        cluster_autoscaler(group(3), group(0, name="idle")),
        karpenter(pool("10")),
        deployments=[runs(), runs("karpenter", 2, 2), runs("nucleus-frontend", 0)],
    )

    assert list(map(str, assessment.population)) == [
        "deployment/kube-system/cluster-autoscaler",
        "deployment/kube-system/karpenter",
        "nodegroup/asg",
        "nodegroup/idle",
        "nodepool/default",
    ]
    assert assessment.findings == ()
    assert assessment.worst == "asg has 30 % of what it may have"


def test_without_any_there_is_nothing_to_assess() -> None:
    assessment = assess(deployments=[runs("nucleus-frontend", 0)])

    assert (list(assessment.population), assessment.findings, assessment.attachments) == ([], (), ())


@pytest.mark.parametrize(
    "normal",
    [
        cluster_autoscaler(group(0)),
        cluster_autoscaler(group(4, 4, 4)),
        cluster_autoscaler(group(1, 1)),
        cluster_autoscaler(group(0, 0)),
        cluster_autoscaler(group(scale_up=condition("ScaleUp", "InProgress", lasts=20 * MINUTE))),
        karpenter(pool("1000", None)),
        karpenter(pool("8", "0")),
        karpenter(),
        karpenter(NodePool("default", limits={"cpu": "100"})),
        karpenter(pool(health=condition("Ready"))),
    ],
    ids=[
        "no nodes",
        "a fixed size",
        "one node at most",
        "closed group",
        "growing",
        "no limit",
        "closed",
        "no pool",
        "nothing used",
        "ready",
    ],
)
def test_what_is_normal_is_no_finding(normal: Autoscaler) -> None:
    assert found(normal) == []


def test_the_table_says_what_each_pool_may_have_and_what_binds() -> None:
    table = rows(
        assess(
            cluster_autoscaler(
                group(4, 4, 4, name="fixed"),
                group(1, 1, name="single"),
                group(3, 10, 1, scale_up=condition("ScaleUp", "Backoff")),
            ),
            karpenter(
                NodePool("big", "default", 2, limits={"cpu": "100", "memory": "1Ti"}, used={"cpu": "16"}),
                pool("8", None),
                NodePool("closed", limits={"cpu": "0"}),
            ),
            nodes=[node("a", nodepool="default", cluster="prod"), node("b", cluster="prod")],
        )
    )

    assert [tuple(row.values())[1:] for row in table] == [
        ("fixed", "", "4", "4", "4 nodes", "", "of one size"),
        ("single", "", "1", "0", "1 node", "", "one node at most"),
        ("asg", "", "3", "1", "10 nodes", "30 %", "nodes; backing off"),
        ("big", "default", "2", "", "100 cpu", "16 %", "cpu"),
        ("default", "", "1", "", "no limit", "", "may grow without end"),
        ("closed", "", "0", "", "0", "", "closed by a limit of zero"),
    ]
    assert list(table[0]) == [
        "autoscaler",
        "pool",
        "Domino's pool",
        "nodes",
        "min",
        "max or limit",
        "use",
        "what binds",
    ]


# Room


@pytest.mark.parametrize(
    ("used", "severity"),
    [
        ("79999m", None),
        ("80", Severity.MEDIUM),
        ("89999m", Severity.MEDIUM),
        ("90", Severity.HIGH),
        ("120", Severity.HIGH),
    ],
)
def test_a_node_pool_is_found_from_80_per_cent_and_high_from_90(used: str, severity: Severity | None) -> None:
    assert [finding.severity for finding in found(karpenter(pool(used)))] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("target", "severity"),
    [(15, None), (16, Severity.MEDIUM), (17, Severity.MEDIUM), (18, Severity.HIGH), (20, Severity.HIGH)],
)
def test_so_is_a_node_group_by_what_it_is_to_have(target: int, severity: Severity | None) -> None:
    findings = found(cluster_autoscaler(group(target, 20)))

    assert [finding.severity for finding in findings] == ([severity] if severity else [])


def test_the_resource_that_binds_first_is_named() -> None:
    full = NodePool(
        "gpu",
        "default-gpu",
        limits={"cpu": "100", "memory": "100Gi", "nvidia.com/gpu": "8"},
        used={"cpu": "50", "memory": "85Gi", "nvidia.com/gpu": "8"},
    )

    finding = only(karpenter(full))

    assert str(finding.subject) == "nodepool/gpu"
    assert finding.message == (
        "Domino's pool default-gpu: 8 of 8 nvidia.com/gpu: 100 %, allowed less than 80 %; it can grow no more"
    )


def test_a_threshold_may_be_set() -> None:
    assert found(karpenter(pool("80")), pool_use=0.95) == []
    assert only(karpenter(pool("80")), pool_use_high=0.8).severity is Severity.HIGH


@pytest.mark.parametrize(
    ("name", "there"),
    [
        (
            "eks-default-4ac2b3a4-0000-1111-2222-0123456789ab",
            node("ip-10-0-1-1", eks_group="default", pool="default", cluster="prod"),
        ),
        ("aks-cpunp-38371103-vmss", node("aks-cpunp-38371103-vmss00000a", cluster="prod")),
        (
            "https://example.com/p/z/instanceGroups/gke-domino-default-40ce0341-grp",
            node("gke-domino-default-40ce0341-t28s", cluster="prod"),
        ),
    ],
)
def test_domino_s_pool_of_a_node_group_is_told_where_its_nodes_tell_it(name: str, there: Node) -> None:
    full = cluster_autoscaler(group(9, name=name))

    assert only(full, nodes=[there]).message.startswith("Domino's pool default: 9 of 10 nodes")
    other = node(there.metadata.name, eks_group=there.metadata.labels.eks_group, pool="gpu", cluster="prod")
    for unsure in ([], [there, other], None):
        assert only(full, nodes=unsure).message.startswith("9 of 10 nodes: 90 %, allowed less than 80 %")


# Pools that cannot grow


@pytest.mark.parametrize(
    "lasting",
    [
        lambda lasts: karpenter(
            pool(health=condition("Ready", "False", lasts=lasts, reason="NodeClassNotReady"))
        ),
        lambda lasts: karpenter(pool(health=condition("Ready", "Unknown", lasts=lasts))),
        lambda lasts: cluster_autoscaler(group(health=condition("Health", "Unhealthy", lasts=lasts))),
        lambda lasts: cluster_autoscaler(group(scale_up=condition("ScaleUp", "Backoff", lasts=lasts))),
    ],
    ids=["not Ready", "unknown", "unhealthy", "backoff"],
)
def test_ten_minutes_of_trouble_are_allowed_and_no_more(lasting: Any) -> None:
    assert found(lasting(ALLOWED)) == []
    assert only(lasting(ALLOWED + MOMENT)).severity is Severity.MEDIUM
    assert only(lasting(None)).severity is Severity.MEDIUM, "nobody knows since when"


def test_the_cloud_s_error_is_quoted_and_its_length_is_bounded() -> None:
    backoff = condition(
        "ScaleUp",
        "Backoff",
        lasts=20 * MINUTE,
        reason="QUOTA_EXCEEDED",
        message="Quota 'CPUS' exceeded.\n" + "x" * 5000,
    )

    message = only(cluster_autoscaler(group(scale_up=backoff))).message

    assert message.startswith(
        "backing off after a failed scale-up for 20 m (QUOTA_EXCEEDED, Quota 'CPUS' exceeded. xxx"
    )
    assert len(message) < 500


def test_all_that_ails_a_pool_is_one_finding() -> None:
    finding = only(karpenter(pool("95", health=condition("Ready", "False", lasts=ALLOWED * 2, reason="No"))))

    assert finding.severity is Severity.HIGH
    assert finding.message.startswith("95 of 100 cpu: 95 %, allowed less than 80 %; not Ready for 20 m (No, ")


# What the autoscaler said


def test_what_it_said_last_of_a_failure_is_quoted() -> None:
    said = [
        event("NotTriggerScaleUp", "older", of=PODS, ago=20 * MINUTE, reporter="cluster-autoscaler"),
        event(
            "NotTriggerScaleUp",
            "pod didn't trigger scale-up: 1 max node group size reached",
            of=PODS,
            ago=5 * MINUTE,
            type="Normal",
            reporter="cluster-autoscaler",
        ),
        event("TriggeredScaleUp", of=PODS, ago=MINUTE, type="Normal", reporter="cluster-autoscaler"),
        event("FailedScheduling", "0/7 nodes", of=PODS, ago=MINUTE, reporter="default-scheduler"),
        event("FailedScheduling", "exceed limits", of=PODS, ago=MINUTE, reporter="karpenter"),
    ]

    message = only(cluster_autoscaler(group(10)), events=said).message

    assert message.endswith(
        "it can grow no more. cluster-autoscaler said 5 m ago of pod/domino-compute/run-1: "
        "NotTriggerScaleUp, pod didn't trigger scale-up: 1 max node group size reached"
    )
    assert only(karpenter(pool("95")), events=said).message.endswith("FailedScheduling, exceed limits")
    assert found(cluster_autoscaler(group(1)), events=said) == [], "by itself it is no finding"


# The autoscaler itself


def test_ten_minutes_without_a_ready_pod_are_allowed_and_no_more() -> None:
    alive = cluster_autoscaler(group())
    assert found(alive, deployments=[down(ALLOWED)]) == []

    finding = only(alive, deployments=[down(ALLOWED + MOMENT)])

    assert str(finding.subject) == "deployment/kube-system/cluster-autoscaler"
    assert finding.severity is None
    assert finding.message == (
        "cluster-autoscaler is down: 0 of 1 pods ready for 10 m (MinimumReplicasUnavailable, Deployment does "
        "not have minimum availability). No pool grows or shrinks until it is back"
    )


def test_its_status_may_be_ten_minutes_old_and_no_more() -> None:
    assert found(cluster_autoscaler(written=ALLOWED)) == []

    finding = only(cluster_autoscaler(written=ALLOWED + MINUTE))

    assert str(finding.subject) == "autoscaler/cluster-autoscaler"
    assert finding.message == (
        "cluster-autoscaler is silent: its status was last written 11 m ago, allowed 10 m; no Deployment "
        "of it is to be seen: it is down, or was switched off. If it was, delete its ConfigMap "
        "cluster-autoscaler-status in namespace kube-system"
    )
    assert finding.severity is Severity.MEDIUM, "a managed cluster shows no Deployment"


def test_one_that_is_ready_and_silent_hangs() -> None:
    finding = only(cluster_autoscaler(written=MINUTE * 40, state="Initializing"), deployments=[runs()])

    assert str(finding.subject) == "deployment/kube-system/cluster-autoscaler"
    assert "its status (Initializing) was last written 40 m ago" in finding.message
    assert "its pod is ready all the same: it hangs, or may not write" in finding.message
    young = only(cluster_autoscaler(written=MINUTE * 40), deployments=[down(MINUTE)])
    assert "; its pod is not ready. " in young.message


def test_one_that_is_down_and_silent_is_found_once() -> None:
    finding = only(cluster_autoscaler(written=MINUTE * 40), deployments=[down(MINUTE * 41)])

    assert "0 of 1 pods ready for 41 m" in finding.message
    assert "its status was last written 40 m ago, allowed 10 m" in finding.message


def test_one_of_two_pods_is_enough_for_karpenter() -> None:
    assert found(karpenter(), deployments=[runs("karpenter", 1, 2)]) == []

    assert only(karpenter(), deployments=[down(MINUTE * 20, "karpenter")]).message.startswith(
        "karpenter is down: 0 of 1 pods ready for 20 m"
    )


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("cluster-autoscaler", ""),
        ("prod-aws-cluster-autoscaler", "aws-cluster-autoscaler"),
        ("scaler", "cluster-autoscaler"),
        ("scaler", "karpenter"),
    ],
)
def test_a_deployment_is_known_by_its_name_or_its_chart_s(name: str, label: str) -> None:
    gone = down(MINUTE * 20, name)
    labelled = deployment(
        name, 0, namespace="kube-system", labels=WorkloadLabels(label), conditions=gone.status.conditions
    )

    assert only(karpenter(), deployments=[labelled]).subject.name == name


@pytest.mark.parametrize("name", ["cluster-proportional-autoscaler", "karpenter-dashboard", "autoscaler"])
def test_others_of_a_similar_name_are_not(name: str) -> None:
    assert found(karpenter(), deployments=[down(MINUTE * 20, name)]) == []


def test_one_that_has_stopped_scaling_for_ill_health_is_found() -> None:
    def ill(lasts: timedelta | None) -> Autoscaler:
        return cluster_autoscaler(health=condition("Health", "Unhealthy", lasts=lasts))

    assert found(ill(ALLOWED)) == []
    assert "it calls the cluster unhealthy for 20 m" in only(ill(2 * ALLOWED)).message
    assert "it calls the cluster unhealthy, as it does" in only(ill(None)).message


def test_one_that_was_scaled_to_nothing_is_somebody_s_will() -> None:
    assessment = assess(
        cluster_autoscaler(group(10), written=MINUTE * 60), deployments=[runs(ready=0, wanted=0)]
    )

    assert (list(assessment.population), assessment.findings) == ([], ())
    assert rows(assessment)[0]["what binds"] == "nodes; not judged: off, or left behind"


def test_an_old_status_is_left_behind_where_karpenter_has_taken_over() -> None:
    old = cluster_autoscaler(group(10), written=MINUTE * 60)

    assert found(old, karpenter(pool())) == []
    assert len(found(old, karpenter())) == 2, "Karpenter that has no pool has not taken over"
    assert len(found(old, karpenter(pool(), cluster="other"))) == 2, "nor has one of another cluster"
    assert len(found(old, karpenter(pool()), deployments=[runs()])) == 2, "it is wanted still"


def test_with_several_clusters_the_table_says_which() -> None:
    assessment = assess(karpenter(pool()), karpenter(pool("95"), cluster="dr"))

    assert [row["cluster"] for row in rows(assessment)] == ["dr", "prod"]
    assert [finding.subject.cluster for finding in assessment.findings] == ["dr"]


def test_many_pools_are_many_rows_and_each_that_is_full_is_found() -> None:
    many = [group(10, name=f"asg-{n}") for n in range(2000)]
    nodes = [node(f"n-{n}", cluster="prod") for n in range(5000)]
    said = [event("FailedScaleUp", str(n), of=PODS, reporter="cluster-autoscaler") for n in range(5000)]

    assessment = assess(cluster_autoscaler(*many), nodes=nodes, events=said)

    assert len(list(assessment.findings)) == len(rows(assessment)) == 2000
