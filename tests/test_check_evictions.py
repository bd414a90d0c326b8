"""SCHED-002: pods are not put out of their nodes."""

from datetime import timedelta

import msgspec
import pytest
from checks import test_evictions as evictions
from checks.pressure import cause

from builders import NOW, deployment_pod, pod
from domino_health import Assessment, Event, Finding, Pod, Ref, Severity
from domino_health.facts.api import Condition
from platform_builders import event, namespace

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NAMESPACES = [namespace("domino-platform", "platform", cluster="")]
LOW = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 81492Ki."
DISK = "The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 0."


def evicted(number: int = 0, words: str = LOW, *, ago: timedelta = MINUTE) -> Pod:
    """An execution that a kubelet has put out."""
    one = pod(f"run-{number:024x}-abcde", node="n", phase="Failed", failed=("Evicted", words), age=2 * HOUR)
    return targeted(one, "TerminationByKubelet", ago=ago)


def targeted(one: Pod, reason: str, *, ago: timedelta = MINUTE) -> Pod:
    """The same, with the condition that says who puts it out."""
    condition = Condition("DisruptionTarget", "True", reason, "somebody says so", NOW - ago)
    conditions = (*one.status.conditions, condition)
    return msgspec.structs.replace(one, status=msgspec.structs.replace(one.status, conditions=conditions))


def own(*, ago: timedelta = MINUTE, suffix: str = "a") -> Pod:
    """A pod of the platform's own that a kubelet has put out."""
    one = deployment_pod("web", suffix, node="n", phase="Failed", failed=("Evicted", DISK), age=2 * HOUR)
    return targeted(one, "TerminationByKubelet", ago=ago)


def assess(pods: list[Pod], *events: Event) -> Assessment:
    return evictions.test_pods_are_not_put_out_of_their_nodes(pods, list(events), NAMESPACES, NOW)


def found(pods: list[Pod], *events: Event) -> list[Finding]:
    return list(assess(pods, *events).findings)


def test_pods_that_stay_are_healthy() -> None:
    assessment = assess([pod(node="n")])

    assert (len(assessment.population), assessment.findings, assessment.worst) == (1, (), "none put out")


def test_without_pods_there_is_nothing_to_assess() -> None:
    assert len(assess([]).population) == 0


def test_five_of_others_are_allowed_and_six_are_medium() -> None:
    assert found([evicted(n) for n in range(5)]) == []

    (finding,) = found([evicted(n) for n in range(6)])
    assert (finding.severity, finding.count, len(finding.examples)) == (Severity.MEDIUM, 6, 3)
    assert finding.message == f"6 pods were put out, last 1 m ago: memory pressure on its node. Last: {LOW}"


def test_each_cluster_has_its_own_five() -> None:
    west = [msgspec.structs.replace(evicted(number), cluster="west") for number in range(3)]

    assert found([*(evicted(number) for number in range(3)), *west]) == []


def test_one_of_the_platform_s_own_is_high() -> None:
    (finding,) = found([own()])

    assert str(finding.subject) == "deployment/domino-platform/web"
    assert finding.severity is Severity.HIGH
    assert finding.message.startswith("1 pod was put out, last 1 m ago: disk pressure on its node. Last: ")


def test_an_hour_ago_counts_and_before_does_not() -> None:
    assert len(found([own(ago=HOUR)])) == 1
    assert found([own(ago=HOUR + timedelta(seconds=1))]) == []


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("PreemptionByScheduler", "preemption by a pod of higher priority"),
        ("DeletionByTaintManager", "a taint of its node"),
        ("TerminationByKubelet", "pressure on its node"),
    ],
)
def test_who_puts_a_pod_out_is_told_by_its_condition(reason: str, why: str) -> None:
    (finding,) = found([targeted(deployment_pod("web", "a", node="n", deleted=True), reason)])

    assert f"1 m ago: {why}." in finding.message


def test_a_kubelet_that_shuts_down_is_not_under_pressure() -> None:
    said = ("Terminated", "Pod was terminated in response to imminent node shutdown.")
    one = deployment_pod("web", "a", node="n", phase="Failed", failed=said, age=2 * HOUR)

    (finding,) = found([targeted(one, "TerminationByKubelet")])
    assert "1 m ago: its node was shut down." in finding.message


@pytest.mark.parametrize("reason", ["EvictionByEvictionAPI", "DeletionByPodGC"])
def test_what_somebody_moves_is_as_somebody_wants_it(reason: str) -> None:
    assert found([targeted(deployment_pod("web", "a", node="n", deleted=True), reason)]) == []


def test_a_preempted_pod_that_is_gone_is_told_by_its_event() -> None:
    gone = Ref("", "pod", "domino-platform", "web-5d9c7b8f4-x7k2p")
    words = "Preempted by pod 1234 on node n"

    (finding,) = found([], event("Preempted", words, of=gone, type="Normal"))
    assert str(finding.subject) == "deployment/domino-platform/web"
    assert finding.message == (
        f"1 pod was put out, last 5 m ago: preemption by a pod of higher priority. Last: {words}"
    )


@pytest.mark.parametrize(("rank", "findings"), [(-1, 0), (0, 1)])
def test_what_only_keeps_a_place_gives_way_as_it_is_meant_to(rank: int, findings: int) -> None:
    gone = Ref("", "pod", "domino-platform", "room-5d9c7b8f4-x7k2p")
    next_one = deployment_pod("room", "b", rank=rank)
    goes = targeted(deployment_pod("room", "c", node="n", deleted=True, rank=rank), "PreemptionByScheduler")
    low = targeted(deployment_pod("room", "c", node="n", deleted=True, rank=rank), "TerminationByKubelet")

    said = event("Preempted", "Preempted by pod 1234 on node n", of=gone, type="Normal")
    assert len(found([next_one], said)) == findings
    assert len(found([goes])) == findings
    assert len(found([low])) == 1


def test_an_autoscaler_that_packs_is_as_somebody_wants_it() -> None:
    moved = Ref("", "pod", "domino-platform", "web-5d9c7b8f4-x7k2p")

    assert found([], event("Evicted", "Evicted pod: Underutilized", of=moved, type="Normal")) == []
    assert len(found([], event("Evicted", LOW, of=moved))) == 1


def test_executions_that_are_gone_are_told_together() -> None:
    runs = [Ref("", "pod", "domino-compute", f"run-{number:024x}-x7k2p") for number in range(6)]

    (finding,) = found([], *(event("Preempted", "Preempted by pod 1 on node n", of=run) for run in runs))
    assert (str(finding.subject), finding.count) == ("execution/domino-compute/unlabelled", 6)


def test_a_deletion_that_was_called_off_puts_nobody_out() -> None:
    of = Ref("", "pod", "domino-platform", "web-5d9c7b8f4-x7k2p")

    assert found([], event("TaintManagerEviction", "Cancelling deletion of Pod a/b", of=of)) == []
    assert len(found([], event("TaintManagerEviction", "Marking for deletion Pod a/b", of=of))) == 1


def test_a_pod_and_its_event_are_one() -> None:
    one = own()

    (finding,) = found([one], event("Evicted", DISK, of=one))
    assert finding.count == 1


def test_an_older_kubernetes_without_the_condition_says_it_by_the_reason() -> None:
    one = deployment_pod("web", "a", node="n", phase="Failed", failed=("Evicted", LOW), age=MINUTE)

    assert len(found([one])) == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (LOW, "memory pressure on its node"),
        (DISK, "disk pressure on its node"),
        ("The node had condition: [DiskPressure]. ", "disk pressure on its node"),
        ("The node was low on resource: pids. ", "PID pressure on its node"),
        ('Usage of EmptyDir volume "work" exceeds the limit "1Gi". ', "more disk than it may use"),
        ("Pod was terminated in response to imminent node shutdown.", "its node was shut down"),
        ("Preempted in order to admit critical pod", "its node made room for a critical pod"),
        ("something new", ""),
        ("", ""),
    ],
)
def test_a_kubelet_s_words_are_put_in_short(words: str, why: str) -> None:
    assert cause(words) == why


def test_without_events_pods_are_judged_and_the_window_says_so() -> None:
    assessment = evictions.test_pods_are_not_put_out_of_their_nodes([own()], None, NAMESPACES, NOW)

    assert len(list(assessment.findings)) == 1
    assert assessment.window == "no events could be seen"
