"""PROBE-005: workloads have their replicas, and Services something ready behind them."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from checks import test_replicas as replicas

from builders import NOW, deployment_pod, pod
from domino_health import (
    Assessment,
    DaemonSet,
    Deployment,
    DominoService,
    EndpointSlice,
    Finding,
    Node,
    Pod,
    Ref,
    Service,
    Severity,
    StatefulSet,
)
from domino_health.facts.api import Condition
from domino_health.facts.kubernetes import Owner
from domino_health.facts.services import (
    Endpoint,
    EndpointConditions,
    ServiceMeta,
    ServiceSpec,
    SliceLabels,
    SliceMeta,
)
from domino_health.facts.workloads import DaemonSetSpec, DaemonSetStatus, Selector, Strategy, WorkloadMeta
from platform_builders import DAY, condition, deployment, node, statefulset
from platform_builders import service as role

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
PLATFORM = "domino-platform"
EXECUTION = {"dominodatalab.com/execution-id": "65f0c0ffee65f0c0ffee65f0"}


def assess(
    *workloads: Deployment | StatefulSet | DaemonSet,
    services: Sequence[Service] = (),
    slices: Sequence[EndpointSlice] = (),
    pods: Sequence[Pod] = (),
    nodes: Sequence[Node] | None = (),
    roles: Sequence[DominoService] | None = (),
    **thresholds: int,
) -> Assessment:
    kinds = {kind: [each for each in workloads if type(each) is kind] for kind in map(type, workloads)}
    return replicas.test_workloads_have_their_replicas_and_services_something_ready_behind_them(
        kinds.get(Deployment, []),  # type: ignore[arg-type]
        kinds.get(StatefulSet, []),  # type: ignore[arg-type]
        kinds.get(DaemonSet, []),  # type: ignore[arg-type]
        list(services),
        list(slices),
        list(pods),
        None if nodes is None else list(nodes),
        None if roles is None else list(roles),
        NOW,
        **thresholds,  # type: ignore[arg-type]
    )


def found(*workloads: Deployment | StatefulSet | DaemonSet, **more: object) -> list[Finding]:
    return list(assess(*workloads, **more).findings)  # type: ignore[arg-type]


def daemonset(ready: int, wanted: int) -> DaemonSet:
    meta = WorkloadMeta("fluent-bit", PLATFORM, creation_timestamp=NOW - DAY)
    selector = Selector({"app.kubernetes.io/instance": "fluent-bit"})
    return DaemonSet(meta, DaemonSetSpec(selector), DaemonSetStatus(wanted, ready), "prod")


def service(
    name: str = "web",
    *,
    namespace: str = PLATFORM,
    age: timedelta = DAY,
    type: str = "ClusterIP",
    **selector: str,
) -> Service:
    """A Service before the pods of the workload ``web``."""
    chosen = {f"app.kubernetes.io/{key}": value for key, value in (selector or {"instance": "web"}).items()}
    return Service(ServiceMeta(name, PLATFORM, NOW - age), ServiceSpec(type, chosen), "prod")


def behind(*ready: bool | None, name: str = "web") -> EndpointSlice:
    """An endpoint for each, ready or not."""
    endpoints = tuple(Endpoint(EndpointConditions(each)) for each in ready)
    return EndpointSlice(SliceMeta(PLATFORM, SliceLabels(name)), endpoints, "IPv4", "prod")


def starting(suffix: str, age: timedelta) -> Pod:
    """A pod of ``web`` that is not ready yet."""
    return deployment_pod("web", suffix, node="n", age=age, cluster="prod")


# Workloads


def test_workloads_with_their_replicas_are_healthy() -> None:
    assessment = assess(deployment("web", 2, 2), statefulset(), daemonset(3, 3))

    assert (len(assessment.population), assessment.findings) == (3, ())


def test_without_anything_there_is_nothing_to_assess() -> None:
    assert len(assess().population) == 0


def test_what_has_none_ready_is_high_and_what_has_some_is_medium() -> None:
    down, weak = found(deployment("web", 0, 2), statefulset("mongo", 2, 3))

    assert (down.severity, down.message, down.count) == (Severity.HIGH, "0 of 2 replicas ready", 2)
    assert (weak.severity, weak.message, weak.count) == (Severity.MEDIUM, "2 of 3 replicas ready", 1)
    assert str(weak.subject) == "statefulset/domino-platform/mongo"


def test_a_daemon_set_must_be_on_every_node_that_it_is_meant_for() -> None:
    (finding,) = found(daemonset(4, 5))

    assert str(finding.subject) == "daemonset/domino-platform/fluent-bit"
    assert finding.message == "4 of 5 pods ready"
    assert found(daemonset(0, 0)) == []


def test_what_is_scaled_to_nothing_is_as_somebody_wants_it() -> None:
    assert found(deployment("buildkit", 0, 0)) == []


def test_what_refuses_its_pods_is_quoted() -> None:
    refused = Condition(
        "ReplicaFailure", "True", "FailedCreate", 'pods "web" is forbidden: exceeded quota: q'
    )
    stopped = Condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out progressing")

    (finding,) = found(deployment("web", 0, 1, conditions=[stopped, refused]))
    assert finding.message == '0 of 1 replica ready: pods "web" is forbidden: exceeded quota: q'
    (finding,) = found(deployment("web", 0, 1, conditions=[stopped]))
    assert finding.message == "0 of 1 replica ready: timed out progressing"


def test_a_pod_may_take_ten_minutes_to_be_ready_and_no_more() -> None:
    web = deployment("web", 1, 2)

    assert found(web, pods=[starting("a", 10 * MINUTE)]) == []
    assert len(found(web, pods=[starting("a", 10 * MINUTE + SECOND)])) == 1


def test_a_pod_may_be_not_ready_for_five_minutes_and_no_longer() -> None:
    def unready(lasts: timedelta | None) -> list[Finding]:
        old = starting("a", DAY)
        conditions = (condition("Ready", "False", lasts=lasts),)
        status = msgspec.structs.replace(old.status, conditions=conditions)
        return found(deployment("web", 1, 2), pods=[msgspec.structs.replace(old, status=status)])

    assert unready(5 * MINUTE) == []
    assert len(unready(5 * MINUTE + SECOND)) == len(unready(None)) == 1


def test_one_that_starts_does_not_excuse_another_that_is_missing() -> None:
    assert len(found(deployment("web", 0, 2), pods=[starting("a", MINUTE)])) == 1
    assert found(deployment("web", 0, 2), pods=[starting("a", MINUTE), starting("b", MINUTE)]) == []


def test_pods_that_are_ready_or_have_ended_or_go_start_nothing() -> None:
    ready = starting("a", MINUTE)
    status = msgspec.structs.replace(ready.status, conditions=(Condition("Ready", "True"),))
    ready = msgspec.structs.replace(ready, status=status)
    gone = deployment_pod("web", "b", node="n", age=MINUTE, cluster="prod", deleted=True)
    ended = deployment_pod("web", "c", node="n", age=MINUTE, cluster="prod", phase="Failed")

    assert len(found(deployment("web", 1, 2), pods=[ready, gone, ended])) == 1


@pytest.mark.parametrize("ago", [10, 11])
def test_what_makes_the_next_pod_when_the_one_before_is_gone_is_excused_for_ten_minutes(ago: int) -> None:
    gone = ago * MINUTE
    mongo = pod("mongo-0", namespace=PLATFORM, owner=Owner("StatefulSet", "mongo", controller=True))
    shipper = pod("fluent-bit-x", namespace=PLATFORM, owner=Owner("DaemonSet", "fluent-bit", controller=True))
    web = deployment_pod("web", "a", cluster="prod")
    recreated = deployment("web", 0, 1)
    spec = msgspec.structs.replace(recreated.spec, strategy=Strategy("Recreate"))
    recreated = msgspec.structs.replace(recreated, spec=spec)
    for one, workload in ((mongo, statefulset("mongo", 2, 3)), (shipper, daemonset(4, 5)), (web, recreated)):
        meta = msgspec.structs.replace(one.metadata, deletion_timestamp=NOW - gone)
        goes = msgspec.structs.replace(one, metadata=meta, cluster="prod")
        assert len(found(workload, pods=[goes])) == (ago > 10), workload.ref


@pytest.mark.parametrize(("ready", "findings"), [(False, 0), (True, 1)])
def test_a_daemon_set_s_pod_on_a_node_that_is_not_ready_is_the_node_s_trouble(
    ready: bool, findings: int
) -> None:
    owner = Owner("DaemonSet", "fluent-bit", controller=True)
    shipper = pod("fluent-bit-x", namespace=PLATFORM, owner=owner, node="n", cluster="prod", age=DAY)
    there = node("n", condition("Ready", str(ready)), cluster="prod")
    other = node("n", condition("Ready", "False"), cluster="other")

    assert len(found(daemonset(4, 5), pods=[shipper], nodes=[there, other])) == findings
    assert len(found(daemonset(3, 5), pods=[shipper], nodes=[there])) == 1, "one more is missing"
    assert len(found(daemonset(4, 5), pods=[shipper], nodes=None)) == 1


def nth(n: int, age: timedelta) -> Pod:
    """A pod of the StatefulSet ``mongo`` that is not ready."""
    owner = Owner("StatefulSet", "mongo", controller=True)
    return pod(f"mongo-{n}", namespace=PLATFORM, owner=owner, node="n", age=age, cluster="prod")


@pytest.mark.parametrize(("policy", "findings"), [("OrderedReady", 0), ("Parallel", 1)])
def test_a_stateful_set_that_is_scaled_up_starts_one_after_the_other(policy: str, findings: int) -> None:
    mongo = statefulset("mongo", 0, 3)
    spec = msgspec.structs.replace(mongo.spec, pod_management_policy=policy)
    mongo = msgspec.structs.replace(mongo, spec=spec)

    assert len(found(mongo, pods=[nth(0, 10 * MINUTE)])) == findings
    assert len(found(mongo, pods=[nth(0, 10 * MINUTE + SECOND)])) == 1
    assert len(found(mongo, pods=[nth(0, DAY), nth(1, MINUTE), nth(2, MINUTE)])) == 1
    assert len(found(mongo, pods=[])) == 1, "nobody makes its pods"


@pytest.mark.parametrize("minutes", [10, 11])
def test_a_deployment_that_says_it_is_short_for_long_has_no_excuse_in_pods_made_again(minutes: int) -> None:
    available = condition("Available", "False", lasts=minutes * MINUTE, reason="MinimumReplicasUnavailable")
    web = deployment("web", 0, 1, conditions=[available])

    assert len(found(web, pods=[starting("a", MINUTE)])) == (minutes > 10)


@pytest.mark.parametrize(
    ("type", "status"), [("ReplicaFailure", "True"), ("Progressing", "False")], ids=["refused", "stopped"]
)
@pytest.mark.parametrize("minutes", [10, 11])
def test_a_roll_out_that_does_not_come_is_found_though_the_pods_of_before_are_ready(
    type: str, status: str, minutes: int
) -> None:
    why = condition(type, status, lasts=minutes * MINUTE, message="it  is so")
    roll = deployment("web", 2, 2, conditions=[why])

    findings = found(roll)
    assert len(findings) == (minutes > 10)
    for finding in findings:
        assert finding.severity is Severity.MEDIUM
        assert finding.message == (
            "its pods of before are ready, and its next version does not come for 11 m: it is so"
        )
    assert len(found(roll, roles=[role("web", (2, 2))])) == len(findings), "DOM-002 does not tell of it"
    paused = condition("Progressing", "Unknown", lasts=DAY, reason="DeploymentPaused")
    assert found(deployment("web", 2, 2, conditions=[paused])) == []
    assert found(deployment("web", 0, 0, conditions=[why])) == []


def test_a_workload_itself_may_be_new() -> None:
    assert found(deployment("web", 0, 1, age=10 * MINUTE)) == []
    assert len(found(deployment("web", 0, 1, age=10 * MINUTE + SECOND))) == 1


# What DOM-002 answers for


def test_what_is_a_service_of_domino_s_is_left_to_its_own_check_with_the_service_before_it() -> None:
    web = deployment("front_end-0", 0, 2)
    before = service(instance="front_end-0")

    assert found(web, services=[before], slices=[behind(False)], roles=[role("front_end", (0, 2))]) == []
    assert len(found(web, services=[before], slices=[behind(False)], roles=None)) == 1


def test_two_front_ends_are_wanted_and_none_where_somebody_wants_none() -> None:
    assert found(roles=[role("front_end", (2, 2))]) == []
    assert found(roles=[role("front_end", (0, 0))]) == []
    (finding,) = found(roles=[role("front_end", (1, 1))])
    assert finding.severity is Severity.MEDIUM
    assert (
        finding.message == "front end: 1 replica wanted, fewer than 2: a roll-out or a lost node is an outage"
    )


def test_one_dispatcher_is_normal() -> None:
    assert found(roles=[role("dispatcher", (1, 1))]) == []


# Services


def test_a_service_with_one_ready_endpoint_is_healthy() -> None:
    assert found(services=[service()], slices=[behind(False), behind(True)]) == []


def test_an_endpoint_of_which_nothing_is_known_is_ready_by_the_api_s_rule() -> None:
    assert found(services=[service()], slices=[behind(None)]) == []


def test_a_service_with_pods_and_none_ready_is_high() -> None:
    (finding,) = found(services=[service()], slices=[behind(False, False)])

    assert str(finding.subject) == "service/domino-platform/web"
    assert finding.severity is None, "as the check: high"
    assert finding.message == "2 pods are behind it, and none is ready: every request to it fails"


def test_a_pod_in_slices_of_both_ip_families_is_one_pod() -> None:
    both = [msgspec.structs.replace(behind(False), address_type=family) for family in ("IPv4", "IPv6")]

    (finding,) = found(deployment("web"), services=[service()], slices=both)
    assert finding.message == "1 pod is behind it, and none is ready: every request to it fails"


def test_a_service_before_a_workload_that_is_told_of_is_not_told_of_again() -> None:
    (finding,) = found(deployment("web", 0, 1), services=[service()], slices=[behind(False)])

    assert finding.subject.kind == "deployment"


def test_a_service_of_an_execution_that_is_not_ready_is_the_execution_s() -> None:
    run = "run-65f0c0ffee65f0c0ffee65f0"

    assert found(services=[service(run)], slices=[behind(False, name=run)]) == []


def test_a_service_that_selects_nothing_is_low() -> None:
    (finding,) = found(services=[service()])

    assert finding.severity is Severity.LOW
    assert finding.message == "it selects no pod (app.kubernetes.io/instance=web); it may be left over"


def test_a_service_whose_workload_runs_and_that_selects_nothing_names_it() -> None:
    (finding,) = found(deployment("web"), services=[service(instance="web", part="old")])

    assert finding.message.endswith("; meant may be deployment/domino-platform/web")


@pytest.mark.parametrize(
    "normal",
    [
        service(type="ExternalName"),
        service(age=10 * MINUTE),
        service("run-65f0c0ffee65f0c0ffee65f0"),
        Service(ServiceMeta("by-hand", PLATFORM), ServiceSpec(), "prod"),
        Service(
            ServiceMeta("x", PLATFORM), ServiceSpec(selector={"dominodatalab.com/execution-id": "1"}), "prod"
        ),
    ],
    ids=["external", "new", "a run's", "without a selector", "of an execution"],
)
def test_what_is_normal_of_services_without_endpoints_is_none(normal: Service) -> None:
    assert found(services=[normal]) == []


def test_a_service_before_what_is_scaled_to_nothing_is_normal() -> None:
    assert found(deployment("web", 0, 0), services=[service()]) == []


def test_pods_that_go_are_not_behind_a_service_that_was_scaled_to_nothing() -> None:
    goes = Endpoint(EndpointConditions(ready=False, terminating=True))
    last = EndpointSlice(SliceMeta(PLATFORM, SliceLabels("web")), (goes,), "IPv4", "prod")

    assert found(deployment("web", 0, 0), services=[service()], slices=[last]) == []
    (finding,) = found(deployment("web", 1, 1), services=[service()], slices=[last, behind(False)])
    assert finding.message.startswith("1 pod is behind it, and none is ready")


def test_a_service_before_a_daemon_set_that_no_node_is_there_for_is_normal() -> None:
    exporter = service("exporter", instance="fluent-bit")

    assert found(daemonset(0, 0), services=[exporter]) == []
    (finding,) = found(daemonset(0, 1), services=[exporter])
    assert finding.subject.kind == "daemonset", "and not of the Service again"


def test_a_slice_that_somebody_made_by_hand_is_no_services() -> None:
    assert len(found(services=[service()], slices=[behind(True, name="")])) == 1


def test_a_slice_that_holds_null_holds_nothing() -> None:
    empty = EndpointSlice(SliceMeta(PLATFORM, SliceLabels("web")), None, "IPv4", "prod")

    assert len(found(services=[service()], slices=[empty])) == 1


def test_a_thousand_workloads_and_services_are_held_together_by_namespace() -> None:
    names = [f"web-{n}" for n in range(1000)]
    workloads = [deployment(name, 0, 1) for name in names]
    services = [service(name, instance=name) for name in names]

    subjects = {finding.subject for finding in found(*workloads, services=services)}
    assert subjects == {Ref("prod", "deployment", PLATFORM, name) for name in names}
