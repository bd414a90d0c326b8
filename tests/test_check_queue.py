"""SCHED-007: executions do not queue for long."""

from datetime import timedelta

import msgspec
from checks import test_queue as queue

from builders import NOW, deployment_pod, pod
from domino_health import Assessment, Pod
from domino_health.facts.kubernetes import Labels

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def ran(after: timedelta, *, tier: str = "small-k8s", age: timedelta = HOUR, number: int = 0) -> Pod:
    """An execution that got its node after so long."""
    labels = Labels("Batch", tier)
    return pod(f"run-{number:024x}-abcde", node="n", age=age, labels=labels, scheduled_after=after)


def assess(*pods: Pod, min_n: int = 20) -> Assessment:
    return queue.test_executions_do_not_queue_for_long(list(pods), NOW, min_n=min_n)


def test_executions_that_get_their_nodes_in_time_are_healthy() -> None:
    assessment = assess(*(ran(MINUTE) for _ in range(20)))

    assert (len(assessment.population), assessment.findings, assessment.unseen) == (20, (), ())
    assert assessment.worst == "p95 1 m of 5 m"
    assert assessment.window == "20 executions, the oldest of 1 h ago"
    (table,) = assessment.attachments
    assert table.rows[0][1:] == ("20", "1 m", "1 m", "1 m", "0")


def test_five_minutes_are_allowed_and_no_more() -> None:
    assert assess(*(ran(5 * MINUTE) for _ in range(20))).findings == ()
    assert len(list(assess(*(ran(5 * MINUTE + timedelta(seconds=1)) for _ in range(20))).findings)) == 1


def test_one_in_twenty_may_take_longer_and_two_may_not() -> None:
    quick = [ran(MINUTE) for _ in range(19)]

    assert assess(*quick, ran(HOUR)).findings == ()
    (finding,) = assess(*quick[1:], ran(HOUR), ran(HOUR)).findings
    assert str(finding.subject) == "hardware-tier/small-k8s"
    assert finding.message == "p50 1 m, p95 1 h, p99 1 h of 20 executions; allowed for p95: 5 m"
    assert finding.count == 2


def test_what_waits_still_counts_with_its_wait_so_far() -> None:
    labels = Labels("Batch", "small-k8s")
    waiting = [pod(f"run-{n:024x}-a", age=HOUR, labels=labels) for n in range(2)]

    (finding,) = assess(*(ran(MINUTE) for _ in range(18)), *waiting).findings
    assert ", 2 of them wait still; " in finding.message


def test_a_slow_tier_does_not_hide_among_quick_ones() -> None:
    slow = [ran(HOUR, tier="gpu") for _ in range(20)]
    quick = [ran(MINUTE) for _ in range(1000)]

    assert [str(each.subject) for each in assess(*slow, *quick).findings] == ["hardware-tier/gpu"]


def test_tiers_too_small_to_judge_are_judged_together() -> None:
    mixed = [ran(HOUR, tier=f"tier-{n % 5}") for n in range(20)]

    assert [str(each.subject) for each in assess(*mixed).findings] == ["queue/executions"]


def test_a_slow_tier_of_one_cluster_does_not_hide_the_queue_of_another() -> None:
    slow = [ran(HOUR, tier="gpu") for _ in range(20)]
    west = [msgspec.structs.replace(ran(HOUR, tier=f"tier-{n % 5}"), cluster="west") for n in range(20)]

    found = [each.subject.text(with_cluster=True) for each in assess(*slow, *west).findings]
    assert found == ["hardware-tier/gpu", "west: queue/executions"]


def test_a_few_that_were_all_quick_are_healthy() -> None:
    few = assess(*(ran(5 * MINUTE) for _ in range(19)))

    assert (len(few.population), few.unseen, few.worst) == (19, (), "p95 5 m of 5 m")
    (unseen,) = assess(ran(HOUR)).unseen
    assert unseen.reason == "1 execution, of 1 h, and a percentile needs 20"


def test_nineteen_are_too_few_where_one_was_slow_and_none_is_nothing_to_assess() -> None:
    few = assess(*(ran(MINUTE) for _ in range(18)), ran(HOUR))
    (unseen,) = few.unseen
    assert (len(few.population), few.findings, few.worst) == (0, (), "")
    assert unseen.reason == "19 executions to be seen, the slowest of 1 h, and a percentile needs 20"

    none = assess()
    assert (len(none.population), none.unseen, none.attachments) == (0, (), ())


def test_the_platforms_own_pods_do_not_queue() -> None:
    assert assess(deployment_pod("web", "a", node="n", scheduled_after=HOUR)).window == ""


def test_what_ended_or_goes_without_a_node_and_what_nobody_says_when_is_left_out() -> None:
    ended, gone = pod(phase="Failed"), pod(deleted=True)
    silent = pod(node="n")

    assert assess(ended, gone, silent).window == ""


def test_a_clock_that_ran_back_makes_no_wait_negative() -> None:
    assert assess(*(ran(-MINUTE) for _ in range(20))).worst == "p95 0 s of 5 m"
