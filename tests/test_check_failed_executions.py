"""SCHED-009: each failed execution is explained, and what the platform did is found."""

from collections.abc import Sequence

import msgspec
import pytest
from checks import test_failed_executions as failures

from builders import NOW, deployment_pod, ended, pod
from domino_health import Assessment, ContainerStatus, Event, LogTail, Pod, Severity
from domino_health.facts.api import Condition
from domino_health.facts.containers import ContainerState, Terminated, Waiting
from domino_health.facts.kubernetes import Labels
from platform_builders import event

LABELS = Labels("Batch", "small-k8s", "churn")


def over(name: str, how: Terminated) -> ContainerStatus:
    """A container that has ended."""
    return ContainerStatus(name, False, 0, ContainerState(terminated=how))


def failed(*statuses: ContainerStatus, reason: tuple[str, str] = ("", ""), number: int = 0) -> Pod:
    """A failed execution."""
    name = f"run-{number:024x}-abcde"
    return pod(name, node="n", phase="Failed", labels=LABELS, statuses=statuses, failed=reason)


def assess(
    *pods: Pod, events: Sequence[Event] | None = (), logs: Sequence[LogTail] | None = None
) -> Assessment:
    given = None if events is None else list(events)
    tails = None if logs is None else list(logs)
    return failures.test_no_execution_failed_by_the_platform(list(pods), given, tails, NOW)


def tail(container: str, *lines: str, number: int = 0, cluster: str = "") -> LogTail:
    """The last words of a container of a failed execution."""
    return LogTail(cluster, "domino-compute", f"run-{number:024x}-abcde", container, lines=lines)


def why(*statuses: ContainerStatus, reason: tuple[str, str] = ("", ""), events: Sequence[Event] = ()) -> str:
    return failures.explain(failed(*statuses, reason=reason), events).cause


USERS = over("run", ended(1))


def test_user_code_that_failed_is_counted_and_no_finding() -> None:
    assessment = assess(failed(USERS), failed(USERS, number=1))

    assert (len(assessment.population), assessment.findings) == (2, ())
    assert assessment.worst == "2 of 2 by the user's code"
    (table,) = assessment.attachments
    assert table.rows == (("the user's code", "2"),)


def test_what_runs_ended_well_or_is_no_execution_is_not_assessed() -> None:
    others = [pod(node="n"), pod(node="n", phase="Succeeded"), deployment_pod("web", "a", phase="Failed")]

    assert len(assess(*others).population) == 0


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("Evicted", "evicted"),
        ("NodeLost", "node lost"),
        ("Preempting", "preemption"),
        ("UnexpectedAdmissionError", "node refused it"),
        ("TopologyAffinityError", "node refused it"),
        ("OutOfcpu", "node refused it"),
        ("OutOfnvidia.com/gpu", "node refused it"),
        ("DeadlineExceeded", "its own deadline"),
    ],
)
def test_kubernetes_own_reason_comes_first(reason: str, cause: str) -> None:
    assert why(USERS, reason=(reason, "words")) == cause


def test_its_own_deadline_is_no_fault_of_the_platform() -> None:
    assert assess(failed(reason=("DeadlineExceeded", ""))).findings == ()


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("PreemptionByScheduler", "preemption"),
        ("DeletionByTaintManager", "evicted"),
        ("TerminationByKubelet", "evicted"),
        ("EvictionByEvictionAPI", "moved away by a drain or an autoscaler"),
        ("DeletionByPodGC", "node lost"),
        ("SomethingNew", "evicted"),
    ],
)
def test_one_that_was_put_out_is_told_by_its_condition_whatever_its_containers_say(
    reason: str, cause: str
) -> None:
    one = failed(over("run", ended(143)))
    target = Condition("DisruptionTarget", "True", reason, "somebody says so")
    put_out = msgspec.structs.replace(one, status=msgspec.structs.replace(one.status, conditions=(target,)))

    explained = failures.explain(put_out, ())
    assert (explained.cause, explained.words) == (cause, "somebody says so")
    assert len(list(assess(put_out).findings)) == 1


@pytest.mark.parametrize(
    ("reason", "cause"), [("Terminated", "node lost"), ("Preempting", "preemption"), ("Evicted", "evicted")]
)
def test_a_kubelet_s_own_reason_tells_a_shutdown_from_pressure(reason: str, cause: str) -> None:
    one = failed(over("run", ended(143)), reason=(reason, "the kubelet says so"))
    target = Condition("DisruptionTarget", "True", "TerminationByKubelet", "somebody says so")
    put_out = msgspec.structs.replace(one, status=msgspec.structs.replace(one.status, conditions=(target,)))

    assert failures.explain(put_out, ()).cause == cause


def test_out_of_memory_names_the_hardware_tier_that_is_too_small() -> None:
    (finding,) = assess(failed(over("run", ended(137, "OOMKilled")))).findings

    assert finding.message == (
        "1 execution failed, out of memory: container run reached its limit of memory of the hardware "
        "tier small-k8s"
    )
    assert finding.severity is None, "as the check: medium"


@pytest.mark.parametrize(("code", "cause"), [(0, "a container of Domino's"), (137, "out of memory")])
def test_a_side_car_that_ends_with_user_code_out_of_memory_is_not_the_cause(code: int, cause: str) -> None:
    run = ended(code, "OOMKilled" if code else "")

    assert why(over("executor", ended(143)), over("istio-proxy", ended(1)), over("run", run)) == cause


def test_a_container_of_domino_s_that_broke_is_told_from_one_that_ends_with_the_user_s_code() -> None:
    executor = over("executor", ended(2))

    assert why(executor, over("run", ended(0))) == "a container of Domino's"
    assert why(executor, USERS) == "the user's code"
    assert why(over("nginx", ended(0)), USERS) == "the user's code"


def test_what_could_not_be_started_is_not_the_user_s_code() -> None:
    assert why(over("run", ended(128, "StartError"))) == "not started"
    assert why(over("run", ended(137, "ContainerStatusUnknown"))) == "node lost"


def test_a_container_that_never_started_says_what_it_waits_for() -> None:
    image = ContainerStatus("run", state=ContainerState(waiting=Waiting("ImagePullBackOff", "no such tag")))
    config = ContainerStatus("run", state=ContainerState(waiting=Waiting("CreateContainerConfigError", "x")))

    assert (why(image), why(config)) == ("image", "not started")


@pytest.mark.parametrize(
    ("reason", "message", "cause"),
    [
        ("Failed", 'Failed to pull image "x": not found', "image"),
        ("FailedMount", "MountVolume.SetUp failed", "volume"),
        ("FailedAttachVolume", "Multi-Attach error", "volume"),
        ("FailedCreatePodSandBox", "cni: no addresses", "network"),
        ("NodeNotReady", "Node is not ready", "node lost"),
        ("Preempted", "Preempted by pod x", "preemption"),
        ("Pulled", "image already present", "not explained"),
        ("Failed", "Error: context deadline exceeded", "not explained"),
    ],
)
def test_events_explain_what_containers_do_not(reason: str, message: str, cause: str) -> None:
    creating = ContainerStatus("run", state=ContainerState(waiting=Waiting("ContainerCreating")))

    assert why(creating, events=[event(reason, message, of=failed())]) == cause


def test_what_nobody_explains_is_low_and_says_so() -> None:
    (finding,) = assess(failed(), events=None).findings

    assert finding.severity is Severity.LOW
    assert finding.message == (
        "1 execution failed and cannot be explained: no container says why, and no event is kept"
    )


def test_events_of_other_pods_explain_nothing() -> None:
    other = event("FailedMount", "x", of=failed(number=7))

    (finding,) = assess(failed(), events=[other]).findings
    assert "cannot be explained" in finding.message


def test_a_thousand_of_a_tier_and_a_cause_are_one_finding() -> None:
    many = [failed(over("run", ended(137, "OOMKilled")), number=n) for n in range(1000)]
    evicted = [failed(reason=("Evicted", "low on resource: memory"), number=2000)]

    out_of_memory, put_out = sorted(assess(*many, *evicted).findings, key=lambda each: -each.count)
    assert (out_of_memory.count, len(out_of_memory.examples)) == (1000, 3)
    assert put_out.message == "1 execution failed, evicted: memory pressure on its node"


def message(*pods: Pod, logs: Sequence[LogTail] | None) -> str:
    (finding,) = assess(*pods, logs=logs).findings
    return finding.message


BROKEN = (over("nginx", ended(0)), over("executor", ended(2)), over("run", ended(0)))


def test_a_container_of_dominos_that_broke_is_quoted() -> None:
    said = "1 execution failed, a container of Domino's: container executor: Error, exit code 2"
    logs = [tail("nginx", "fine"), tail("executor", "begins", "uploading", "refused ***")]

    assert message(failed(*BROKEN), logs=logs) == f'{said}. Last words of executor: "uploading / refused ***"'
    for none in (None, [], [tail("nginx", "fine")], [tail("executor")], [tail("executor", "x", number=1)]):
        assert message(failed(*BROKEN), logs=none) == said


def test_what_is_not_explained_is_quoted_where_one_of_dominos_containers_says_something() -> None:
    said = "1 execution failed and cannot be explained: no container says why, and no event is kept"
    ended_well = failed(over("run", ended(0)), over("executor", ended(0)))

    assert message(ended_well, logs=[tail("executor", "no space")]) == (
        f'{said}. Last words of executor: "no space"'
    )
    assert message(ended_well, logs=[tail("executor", "x", cluster="dr")]) == said


def test_the_user_s_own_container_is_never_quoted() -> None:
    mine = [tail("run", "my own words")]

    assert assess(failed(USERS), logs=mine).findings == ()
    for one in (failed(), failed(*BROKEN), failed(over("run", ended(137, "OOMKilled")))):
        assert "my own words" not in message(one, logs=mine)
