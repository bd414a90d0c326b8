"""CAP-003: no work waits, or is refused, where there is room for it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec
import pytest
from checks import test_phantom_shortage as shortage

from builders import NOW, pod
from domino_health import NODE_POOL, Assessment, Deployment, Event, Finding, Node, Pod, Ref, Taint, Toleration
from domino_health.facts.api import Condition
from domino_health.facts.kubernetes import Labels
from platform_builders import deployment, event, node, template

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
GPU = "nvidia.com/gpu"
TAINT = Taint(GPU, "NoSchedule", "true")
ROOM = {"cpu": "8", "memory": "32Gi", "pods": "50"}


def waits(cpu: str = "1", *, pool: str = "default", age: timedelta = 11 * MINUTE, **more: object) -> Pod:
    """An execution that waits for a node."""
    asked: Mapping[str, str] = {"cpu": cpu, "memory": "1Gi", **more.pop("gpu", {})}  # type: ignore[dict-item]
    selector = {NODE_POOL: pool} if pool else {}
    return pod(age=age, requests=[asked], selector=selector, **more)  # type: ignore[arg-type]


def takes(cpu: str, on: str, **more: str) -> Pod:
    return pod(f"other-{on}-{cpu}", node=on, requests=[{"cpu": cpu, "memory": "1Gi", **more}])


def assess(
    pods: Sequence[Pod],
    nodes: Sequence[Node],
    events: Sequence[Event] | None = (),
    deployments: Sequence[Deployment] | None = (),
) -> Assessment:
    return shortage.test_no_work_waits_or_is_refused_where_there_is_room(
        list(pods),
        list(nodes),
        None if events is None else list(events),
        None if deployments is None else list(deployments),
        [],
        [],
        NOW,
    )


def found(pods: Sequence[Pod], nodes: Sequence[Node], **more: object) -> list[Finding]:
    return list(assess(pods, nodes, **more).findings)  # type: ignore[arg-type]


def why(pods: Sequence[Pod], *nodes: Node) -> str:
    (finding,) = found(pods, nodes)
    return finding.message


# Waiting


def test_pods_that_run_are_healthy() -> None:
    assessment = assess([takes("1", "default-0")], [node(allocatable=ROOM)])

    assert (len(assessment.population), assessment.findings) == (1, ())


def test_without_pods_there_is_nothing_to_assess() -> None:
    assert len(assess([], [node()]).population) == 0


def test_what_waits_because_nothing_is_free_is_no_phantom() -> None:
    full = node(allocatable=ROOM)

    assert found([waits("2"), takes("7", "default-0")], [full]) == []
    assert found([waits("9")], [full]) == []


def test_a_pool_that_no_node_is_of_is_named_with_one_that_would_do() -> None:
    assert why([waits(pool="defualt")], node(allocatable=ROOM)) == (
        "1 pod waits for 11 m where nodes have room: no node is of the pool defualt "
        "(there is none of that name, or it is at 0 and does not grow); 1 node of default would do"
    )
    assert found([waits("9", pool="defualt")], [node(allocatable=ROOM)]) == []


def test_a_tainted_node_would_not_do_for_work_that_did_not_ask_for_it() -> None:
    tainted = node("g", pool="gpu", tainted=[TAINT], allocatable={**ROOM, GPU: "1"})

    assert found([waits(pool="x")], [tainted]) == []
    assert "1 node of gpu would do" in why(
        [waits(pool="x", tolerations=[Toleration(GPU, "Exists")])], tainted
    )
    assert "1 node of gpu would do" in why([waits(pool="x", age=31 * MINUTE, gpu={GPU: "1"})], tainted)


def test_ten_minutes_are_allowed_and_thirty_with_a_gpu() -> None:
    there = [node(allocatable=ROOM)]

    assert found([waits(pool="x", age=10 * MINUTE)], there) == []
    assert len(found([waits(pool="x", age=10 * MINUTE + SECOND)], there)) == 1
    there = [node(allocatable={**ROOM, GPU: "1"})]
    assert found([waits(pool="x", age=30 * MINUTE, gpu={GPU: "1"})], there) == []
    assert len(found([waits(pool="x", age=30 * MINUTE + SECOND, gpu={GPU: "1"})], there)) == 1


def test_a_taint_that_is_not_tolerated_is_named() -> None:
    tainted = node("g", pool="gpu", tainted=[TAINT], allocatable=ROOM)

    assert why([waits(pool="gpu")], tainted).endswith(
        "the taint nvidia.com/gpu=true:NoSchedule is not tolerated, on 1 node of the pool gpu"
    )
    tolerant = waits(pool="gpu", tolerations=[Toleration(GPU, "Exists")])
    assert found([tolerant], [tainted]) == [], "something binds that is not known here"


def test_a_pod_that_asks_for_no_pool_and_no_gpu_is_not_meant_for_tainted_nodes() -> None:
    tainted = node("g", pool="gpu", tainted=[TAINT], allocatable={**ROOM, GPU: "1"})
    full = node(allocatable={**ROOM, "cpu": "100m"})

    assert found([waits(pool="")], [tainted, full]) == []
    wants = waits(pool="", age=31 * MINUTE, gpu={GPU: "1"})
    assert "the taint nvidia.com/gpu=true:NoSchedule is not tolerated, on 1 node" in why(
        [wants], tainted, full
    )


def test_a_gpu_too_few_is_named_where_cores_and_memory_are_there() -> None:
    gpus = node("g", pool="gpu", allocatable={**ROOM, GPU: "1"})
    asks = waits(pool="gpu", age=31 * MINUTE, gpu={GPU: "1"})

    assert why([asks, takes("1", "g", **{GPU: "1"})], gpus).endswith(
        "nvidia.com/gpu binds of the pool gpu: 1 asked, at most 0 free on a node, of 1 on 1 node with cores "
        "and memory for it"
    )
    assert found([asks, takes("8", "g", **{GPU: "1"})], [gpus]) == [], "cores are short too"


def test_as_many_pods_as_a_node_may_have_are_named() -> None:
    small = node(allocatable={**ROOM, "pods": "1"})

    assert "pods binds of the pool default: 1 asked, at most 0 free on a node, of 1" in why(
        [waits(), takes("1", "default-0")], small
    )


def test_nodes_that_take_nobody_are_named() -> None:
    cordoned = node("c", cordoned=True, allocatable=ROOM)
    leaving = node("l", taints=["ToBeDeletedByClusterAutoscaler"], allocatable=ROOM)

    assert why([waits()], cordoned, leaving).endswith(
        "2 nodes of the pool default with room: cordoned, not Ready, or about to go"
    )


def test_room_in_pieces_is_told_from_room() -> None:
    nodes = [node(f"n{at}", allocatable=ROOM) for at in range(4)]
    pods = [takes("6", f"n{at}") for at in range(4)]

    assert why([waits("4"), *pods], *nodes).endswith(
        "cpu is free in pieces of the pool default: 4 asked, 8 free on 4 nodes, at most 2 on one"
    )
    assert found([waits("5"), *pods], nodes) == [], "two of it would not fit in all"


def test_what_somebody_promises_a_node_or_holds_back_does_not_wait_for_one() -> None:
    gated = waits(pool="x", reason="SchedulingGated")
    promised = waits(pool="x", nominated="default-0")

    assert found([gated, promised], [node(allocatable=ROOM)]) == []


def test_a_pod_that_only_keeps_a_place_for_others_waits_for_none() -> None:
    there = [node(allocatable=ROOM, taints=["example.com/x"])]

    assert found([waits(rank=-1)], there) == []
    assert len(found([waits(rank=0)], there)) == 1


def test_a_thousand_pods_of_a_tier_are_one_finding_with_the_commonest_reason_first() -> None:
    labels = Labels("Batch", "small-k8s", "churn")
    many = [waits(pool="x", labels=labels, name=f"run-{n:024x}-a") for n in range(1000)]
    other = waits(pool="y", labels=labels, name="run-" + "f" * 24 + "-a")

    (finding,) = found([other, *many], [node(allocatable=ROOM)])
    assert (finding.count, len(finding.examples)) == (1001, 3)
    assert finding.message.index("pool x") < finding.message.index("pool y")


# Refused


def refusal(ago: timedelta = MINUTE, of: str = "web-5d9c7b8f4") -> Event:
    message = (
        f'Error creating: pods "{of}-x7k2p" is forbidden: exceeded quota: executions, requested: '
        "pods=1,requests.cpu=2, used: pods=200,requests.cpu=9, limited: pods=200,requests.cpu=90"
    )
    return event("FailedCreate", message, of=Ref("prod", "replicaset", "domino-compute", of), ago=ago)


WEB = deployment("web", 0, 1, namespace="domino-compute", made_by=template(selector={NODE_POOL: "default"}))


def test_what_a_quota_refuses_while_nodes_have_room_is_told_with_the_quota() -> None:
    there = node(cluster="prod", allocatable=ROOM)

    (finding,) = found([], [there], events=[refusal()], deployments=[WEB])
    assert finding.subject == WEB.ref
    assert finding.message == (
        "the quota executions refuses its pods, last 1 m ago: asked pods=1,requests.cpu=2, "
        "used pods=200,requests.cpu=9 of pods=200,requests.cpu=90; nodes have room for 32 more"
    )


def test_ten_minutes_ago_counts_and_before_does_not() -> None:
    there = [node(cluster="prod", allocatable=ROOM)]

    assert len(found([], there, events=[refusal(10 * MINUTE)], deployments=[WEB])) == 1
    assert found([], there, events=[refusal(10 * MINUTE + SECOND)], deployments=[WEB]) == []


def test_a_refusal_with_no_room_either_is_no_phantom() -> None:
    full = node(cluster="prod", allocatable={**ROOM, "cpu": "100m"})

    assert found([], [full], events=[refusal()], deployments=[WEB]) == []


def test_what_has_got_its_pods_since_or_was_deleted_is_told_no_more() -> None:
    there = [node(cluster="prod", allocatable=ROOM)]
    whole = deployment("web", 1, 1, namespace="domino-compute")

    assert found([], there, events=[refusal()], deployments=[whole]) == []
    assert found([], there, events=[refusal()], deployments=[]) == []


@pytest.mark.parametrize(("status", "findings"), [("True", 1), ("False", 0)])
def test_a_roll_out_that_a_quota_refuses_is_told_though_the_pods_of_before_are_ready(
    status: str, findings: int
) -> None:
    refused = Condition("ReplicaFailure", status, "FailedCreate")
    rolls = deployment("web", 1, 1, namespace="domino-compute", conditions=[refused])
    there = [node(cluster="prod", allocatable=ROOM)]

    assert len(found([], there, events=[refusal()], deployments=[rolls])) == findings


def test_the_owner_of_an_unknown_workload_is_told_without_a_count_of_room() -> None:
    (finding,) = found([], [], events=[refusal()], deployments=None)

    assert finding.subject.kind == "replicaset"
    assert "have room" not in finding.message


def test_a_thousand_refusals_of_one_quota_are_one_finding_by_the_last() -> None:
    many = [refusal(timedelta(seconds=300 - n)) for n in range(299)]
    there = [node(cluster="prod", allocatable=ROOM)]

    (finding,) = found([], there, events=many, deployments=[WEB])
    assert "last 2 s ago" in finding.message


@pytest.mark.parametrize(
    "message", ["Error creating: pods forbidden: no service account", "exceeded quota: q"]
)
def test_other_refusals_are_not_a_quota_s(message: str) -> None:
    other = msgspec.structs.replace(refusal(), message=message)

    assert found([], [node(allocatable=ROOM)], events=[other]) == []


def test_without_events_the_window_says_so() -> None:
    assert assess([waits()], [node()], None).window == "no events could be seen"
