"""WORK-003: clusters that executions compute on come up, whole, and go."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from checks import test_compute_clusters as compute

from builders import NOW, pod
from domino_health import Assessment, ComputeCluster, Finding, Pod, Severity
from domino_health.facts.api import Condition
from domino_health.facts.compute_clusters import (
    ComputeAutoscaling,
    ComputeLabels,
    ComputeMeta,
    ComputeSpec,
    ComputeStatus,
    Workers,
)
from domino_health.facts.containers import ContainerState, ContainerStatus, Terminated, Waiting
from domino_health.facts.kubernetes import Labels

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EXECUTION = "65f0c0ffee65f0c0ffee65f0"
NAME = f"ray-{EXECUTION}"
RUN = pod(f"run-{EXECUTION}-abcde", node="n", labels=Labels("Workspace", execution_id=EXECUTION))


def cluster(
    name: str = NAME,
    status: str = "Running",
    workers: int | None = 2,
    *,
    kind: str = "RayCluster",
    old: timedelta = 30 * MINUTE,
    going: timedelta | None = None,
    execution: str = "",
    project: str = "churn",
    reason: str = "",
    scales_to: int | None = None,
    of: str = "",
) -> ComputeCluster:
    return ComputeCluster(
        ComputeMeta(
            name,
            "domino-compute",
            NOW - old,
            None if going is None else NOW - going,
            ComputeLabels("Workspace", project, execution),
        ),
        ComputeSpec(Workers(workers), None if scales_to is None else ComputeAutoscaling(9)),
        ComputeStatus(status, reason, worker_replicas=scales_to or 0),
        kind,
        of,
    )


def member(
    part: str,
    *,
    of: str = NAME,
    on: str = "ray",
    ready: bool = True,
    since: timedelta = 20 * MINUTE,
    node: str = "n",
    cluster: str = "",
    statuses: Sequence[ContainerStatus] = (),
    execution: str = "",
    phase: str = "Running",
) -> Pod:
    """A pod of a cluster, ready or not for so long."""
    state = Condition("Ready", "True" if ready else "False", last_transition_time=NOW - since)
    return pod(
        f"{of}-{on}-{part}",
        node=node,
        age=since,
        conditions=(state,),
        statuses=statuses,
        cluster=cluster,
        labels=Labels(execution_id=execution),
        phase=phase,
    )


HEAD, FIRST, SECOND = member("head-0"), member("worker-0"), member("worker-1")


def assess(*clusters: ComputeCluster, pods: Sequence[Pod] = ()) -> Assessment:
    return compute.test_compute_clusters_come_up_whole_and_go(list(clusters), list(pods), NOW)


def only(*clusters: ComputeCluster, pods: Sequence[Pod] = ()) -> Finding:
    (finding,) = assess(*clusters, pods=pods).findings
    return finding


def test_a_cluster_that_is_whole_is_healthy_and_shown() -> None:
    assessment = assess(cluster(), pods=[HEAD, FIRST, SECOND])

    assert (len(assessment.population), assessment.findings, assessment.worst) == (1, (), "")
    (table,) = assessment.attachments
    assert table.rows == ((f"raycluster/domino-compute/{NAME}", "Running", "2 of 2", "30 m"),)


def test_without_clusters_nothing_is_assessed() -> None:
    assessment = assess(pods=[RUN])

    assert (len(assessment.population), assessment.findings, assessment.attachments) == (0, (), ())


@pytest.mark.parametrize(("lasts", "found"), [(15 * MINUTE, 0), (15 * MINUTE + timedelta(seconds=1), 1)])
def test_a_head_may_take_its_time_and_no_longer(lasts: timedelta, found: int) -> None:
    head = member("head-0", ready=False, since=lasts, node="")

    assessment = assess(cluster(status="Starting", old=15 * MINUTE), pods=[head, FIRST, SECOND])

    assert len(list(assessment.findings)) == found
    assert assessment.worst == "the longest start 15 m of 15 m"


def test_a_head_that_gets_no_node_is_told_in_the_schedulers_words_by_what_stays_tomorrow() -> None:
    finding = only(cluster(status="Starting"), pods=[member("head-0", ready=False, node="")])

    assert str(finding.subject) == "raycluster/domino-compute/type=Workspace,project=churn"
    assert finding.message.startswith(
        f"{NAME}: its head has not been ready for 20 m: 0/7 nodes are available"
    )
    assert finding.severity is Severity.MEDIUM
    assert [str(each) for each in finding.examples] == [f"raycluster/domino-compute/{NAME}"]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (
            ContainerStatus("ray", state=ContainerState(waiting=Waiting("ImagePullBackOff"))),
            "its container ray waits (ImagePullBackOff)",
        ),
        (
            ContainerStatus("ray", state=ContainerState(terminated=Terminated(exit_code=1))),
            "its container ray ended with exit code 1",
        ),
        (ContainerStatus("ray"), "it runs, and does not say that it is ready"),
    ],
)
def test_what_a_pod_waits_for_is_told(status: ContainerStatus, says: str) -> None:
    finding = only(cluster(), pods=[member("head-0", ready=False, statuses=[status]), FIRST, SECOND])

    assert finding.message.endswith(says)


def test_a_second_head_that_is_ready_is_enough() -> None:
    pods = [HEAD, member("head-1", ready=False), FIRST, SECOND]

    assert assess(cluster(), pods=pods).findings == ()


def test_a_cluster_without_any_pod_asks_for_its_operator() -> None:
    assert only(cluster(status="", old=16 * MINUTE)).message == (
        f"{NAME}: it has no pod 16 m after it was made: is distributed-compute-operator running?"
    )
    assert assess(cluster(status="", old=15 * MINUTE)).findings == ()


@pytest.mark.parametrize(
    ("ready", "severity"), [(0, Severity.MEDIUM), (1, Severity.MEDIUM), (2, Severity.LOW), (3, Severity.LOW)]
)
def test_workers_that_are_not_ready_are_counted_and_half_of_them_still_compute(
    ready: int, severity: Severity
) -> None:
    workers = [member(f"worker-{number}", ready=number < ready, node="") for number in range(4)]

    finding = only(cluster(workers=4), pods=[HEAD, *workers])

    assert finding.message.startswith(
        f"{NAME}: {ready} of 4 workers ready, the first that is not for 20 m: 0/7"
    )
    assert finding.severity is severity


def test_workers_that_were_never_made_are_missed() -> None:
    finding = only(cluster(workers=3), pods=[HEAD, FIRST])

    assert "1 of 3 workers ready" in finding.message
    assert finding.message.endswith("is distributed-compute-operator running, or a quota full?")


def test_workers_may_come_one_after_another() -> None:
    coming = member("worker-1", ready=False, since=10 * MINUTE)

    assert assess(cluster(workers=5, old=3 * HOUR), pods=[HEAD, FIRST, coming]).findings == ()


def test_a_cluster_that_scales_itself_wants_what_it_asks_for_now() -> None:
    assert assess(cluster(workers=1, scales_to=2), pods=[HEAD, FIRST, SECOND]).findings == ()
    assert "2 of 4 workers" in only(cluster(workers=1, scales_to=4), pods=[HEAD, FIRST, SECOND]).message
    assert "1 of 2 workers" in only(cluster(workers=2, scales_to=0), pods=[HEAD, FIRST]).message, (
        "not said yet"
    )


def test_a_cluster_without_workers_is_whole_with_its_head() -> None:
    assert assess(cluster(workers=None), pods=[HEAD]).findings == ()


def test_pods_that_have_ended_are_no_members() -> None:
    ended = member("worker-1", phase="Failed")

    assert "1 of 2 workers ready" in only(cluster(), pods=[HEAD, FIRST, ended]).message


def test_mpi_says_why_it_failed() -> None:
    failed = cluster("mpi-1", "Failed", kind="MPICluster", reason="Entrypoint failed")
    silent = cluster("mpi-1", "Failed", kind="MPICluster")

    assert only(failed).message == "mpi-1: it failed: Entrypoint failed"
    assert only(silent).message == "mpi-1: it failed: its operator does not say why"


@pytest.mark.parametrize(("lasts", "found"), [(15 * MINUTE, 0), (16 * MINUTE, 1)])
def test_a_cluster_that_does_not_go_is_found_with_what_is_left_of_it(lasts: timedelta, found: int) -> None:
    findings = assess(cluster(going=lasts), pods=[HEAD, FIRST]).findings

    assert [each.message for each in findings] == [
        f"{NAME}: it has been told to go for 16 m and is not gone, 2 of its pods are there: "
        "distributed-compute-operator holds it"
    ][:found]


@pytest.mark.parametrize(("old", "found"), [(HOUR, 0), (HOUR + MINUTE, 1)])
def test_a_cluster_whose_execution_has_no_pod_is_left_over(old: timedelta, found: int) -> None:
    own = member("head-0", execution=EXECUTION), member("worker-0", execution=EXECUTION)
    left = cluster(workers=1, old=old, execution=EXECUTION)

    findings = list(assess(left, pods=own).findings)

    assert len(findings) == found
    assert all(each.severity is Severity.LOW and "nobody uses it" in each.message for each in findings)
    assert assess(left, pods=[*own, RUN]).findings == (), "its execution's own pod is there"


@pytest.mark.parametrize(("ended", "found"), [(HOUR, 0), (HOUR + MINUTE, 1)])
def test_a_cluster_is_left_over_since_its_execution_ended(ended: timedelta, found: int) -> None:
    state = ContainerState(terminated=Terminated(0, finished_at=NOW - ended))
    labels = Labels("Batch", execution_id=EXECUTION)
    done = pod(
        "run-1-abcde", phase="Succeeded", labels=labels, statuses=[ContainerStatus("run", state=state)]
    )
    left = cluster(workers=1, old=9 * HOUR, execution=EXECUTION)

    findings = assess(left, pods=[done, HEAD, FIRST]).findings

    assert [each.message for each in findings] == [
        f"{NAME}: nobody uses it: its execution has had no pod for 1 h 1 m"
    ][:found]


def test_an_ended_execution_that_does_not_say_when_counts_from_when_its_pod_was_made() -> None:
    done = pod("run-1", phase="Failed", age=3 * HOUR, labels=Labels("Batch", execution_id=EXECUTION))

    finding = only(cluster(workers=1, old=9 * HOUR, execution=EXECUTION), pods=[done, HEAD, FIRST])

    assert "no pod for 3 h" in finding.message


def test_without_the_label_of_its_execution_nobody_says_that_it_is_left_over() -> None:
    assert assess(cluster(old=9 * HOUR), pods=[HEAD, FIRST, SECOND]).findings == ()


def test_an_execution_of_another_cluster_does_not_use_it() -> None:
    left = cluster(old=2 * HOUR, execution=EXECUTION, of="other")

    assert "nobody uses it" in only(left, pods=[RUN]).message


def test_clusters_of_one_subject_and_trouble_are_one_finding_in_the_words_of_the_longest() -> None:
    young, old = cluster("ray-1", "", old=20 * MINUTE), cluster("ray-2", "", old=40 * MINUTE)

    finding = only(young, old, cluster("ray-3", "", old=MINUTE))

    assert finding.message.startswith("ray-2: it has no pod 40 m after it was made")
    assert finding.message.endswith("(2 clusters)")
    assert (finding.count, [each.name for each in finding.examples]) == (2, ["ray-1", "ray-2"])


def test_kinds_of_the_same_name_are_told_apart_by_the_names_of_their_pods() -> None:
    ray, spark = cluster("c"), cluster("c", kind="SparkCluster")
    pods = [member(part, of="c") for part in ("head-0", "worker-0", "worker-1")]
    masters = [member(part, of="c", on="spark") for part in ("master-0", "worker-0", "worker-1")]

    assert "it has no pod" in only(ray, spark, pods=pods).message
    assert assess(ray, spark, pods=[*pods, *masters]).findings == ()


def test_the_subject_of_a_cluster_that_says_nothing_of_itself_is_unlabelled() -> None:
    bare = ComputeCluster(ComputeMeta("ray-1", "domino-compute", NOW - HOUR), kind="RayCluster")

    assert str(only(bare).subject) == "raycluster/domino-compute/unlabelled"
    assert str(bare.ref) == "raycluster/domino-compute/ray-1"
