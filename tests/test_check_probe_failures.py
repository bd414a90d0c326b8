"""PROBE-004: no probe fails now, and none restarts what it watches."""

from datetime import timedelta

import msgspec
import pytest
from checks import test_probe_failures as failures

from builders import NOW, deployment_pod, ended, pod, runs, waits
from domino_health import Assessment, ContainerStatus, Event, Finding, Pod, Ref, Severity
from domino_health.facts.api import Condition
from domino_health.facts.containers import ContainerState
from domino_health.facts.kubernetes import Owner
from platform_builders import DAY, event

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
NOT_READY = "Readiness probe failed: HTTP probe failed with statuscode: 503"
DEAD = 'Liveness probe failed: Get "http://10.1.2.3:8080/alive": context deadline exceeded'
WEB = Ref("", "deployment", "domino-platform", "web")


def web(suffix: str = "aaaaa", *, ready: bool = False, status: ContainerStatus | None = None) -> Pod:
    """A pod that runs for an hour."""
    made = deployment_pod("web", suffix, node="n", statuses=[status or runs("main")])
    conditions = (*made.status.conditions, Condition("Ready", "True" if ready else "False"))
    return msgspec.structs.replace(made, status=msgspec.structs.replace(made.status, conditions=conditions))


def unhealthy(of: Pod, message: str = NOT_READY, *, ago: timedelta = MINUTE, times: int = 3) -> Event:
    return event("Unhealthy", message, of=of, ago=ago, times=times, container="main")


def assess(pods: list[Pod], *events: Event) -> Assessment:
    return failures.test_no_probe_fails(pods, list(events), NOW)


def found(pods: list[Pod], *events: Event) -> list[Finding]:
    return list(assess(pods, *events).findings)


def test_pods_whose_probes_say_nothing_are_healthy() -> None:
    assessment = assess([web(ready=True)])

    assert (len(assessment.population), assessment.findings) == (1, ())
    assert assessment.window == "no event is kept"


def test_a_readiness_probe_that_fails_now_is_quoted() -> None:
    one = web()

    (finding,) = found([one], unhealthy(one))
    assert finding.subject == WEB
    assert finding.severity is Severity.HIGH
    assert finding.message == (
        "1 pod fails its readiness probe, 3 times, last 1 m ago: HTTP probe failed with statuscode: 503"
    )
    assert finding.examples == (one.ref,)


def test_ten_minutes_ago_is_now_and_before_is_not() -> None:
    one = web()

    assert len(found([one], unhealthy(one, ago=10 * MINUTE))) == 1
    assert found([one], unhealthy(one, ago=10 * MINUTE + SECOND)) == []


def test_the_noise_of_a_start_is_no_failure_until_ten_minutes_are_over() -> None:
    young = web(status=runs("main", for_=11 * MINUTE))
    older = web(status=runs("main", for_=11 * MINUTE + SECOND))

    assert found([young], unhealthy(young), unhealthy(young, DEAD)) == []
    assert len(found([older], unhealthy(older))) == 1


def test_what_is_started_over_and_over_has_no_start_to_excuse_it() -> None:
    again = web(status=runs("main", for_=2 * MINUTE, restarts=1))

    assert len(found([again], unhealthy(again))) == 1


def test_a_pod_that_is_ready_again_is_found_only_where_its_probe_comes_and_goes() -> None:
    ready = web(ready=True)

    assert found([ready], unhealthy(ready, times=19)) == []
    (finding,) = found([ready], unhealthy(ready, times=20))
    assert finding.severity is Severity.MEDIUM
    assert "1 pod fails its readiness probe (it comes and goes), 20 times" in finding.message


def test_events_that_a_kubelet_combines_are_read_as_the_others() -> None:
    one, ready = web(), web("bbbbb", ready=True)
    combined = "(combined from similar events): "

    (finding,) = found([one], unhealthy(one, combined + NOT_READY))
    assert finding.message == (
        "1 pod fails its readiness probe, 3 times, last 1 m ago: HTTP probe failed with statuscode: 503"
    )
    (finding,) = found([ready], unhealthy(ready, combined + DEAD))
    assert "fails its liveness probe" in finding.message


@pytest.mark.parametrize(("times", "findings"), [(480, 1), (479, 0)])
def test_what_a_kubelet_has_counted_for_a_day_must_be_as_often_an_hour(times: int, findings: int) -> None:
    ready = web(ready=True)
    said = unhealthy(ready, times=times)
    assert said.last_timestamp is not None

    assert len(found([ready], msgspec.structs.replace(said, first_timestamp=said.last_timestamp - DAY))) == (
        findings
    )


@pytest.mark.parametrize(("ago", "findings"), [(MINUTE, 1), (MINUTE + SECOND, 0)])
def test_what_was_said_of_a_pod_of_the_same_name_before_is_not_its_own(ago: timedelta, findings: int) -> None:
    owner = Owner("StatefulSet", "rabbitmq-ha", controller=True)
    one = pod("rabbitmq-ha-0", node="n", age=MINUTE, owner=owner, statuses=[waits("ContainerCreating")])

    assert len(found([one], unhealthy(one, ago=ago))) == findings
    of_a_slow_clock = msgspec.structs.replace(unhealthy(one), last_timestamp=NOW - ago)
    assert len(found([one], of_a_slow_clock)) == 1


def test_a_liveness_probe_that_restarts_is_told_with_what_it_has_restarted() -> None:
    one, other = web("a", ready=True), web("b", ready=True)
    said = "Container main failed liveness probe, will be restarted"
    killed = event("Killing", said, of=one, type="Normal")

    (finding,) = found([one, other], unhealthy(one, DEAD), unhealthy(other, DEAD), killed)
    assert finding.severity is Severity.HIGH
    assert finding.count == 2
    assert finding.message.startswith(
        "2 pods fail their liveness probe, which has 1 pod started again, 6 times, last 1 m ago: Get "
    )


def test_a_liveness_probe_that_has_restarted_nothing_yet_is_medium() -> None:
    ready = web(ready=True)
    killed = event("Killing", "Container main failed liveness probe, will be restarted", of=ready)

    (finding,) = found([ready], unhealthy(ready, DEAD, times=1))
    assert finding.severity is Severity.MEDIUM
    (finding,) = found([ready], unhealthy(ready, DEAD, times=1), killed)
    assert finding.severity is Severity.HIGH


@pytest.mark.parametrize(("ran", "failures"), [(11, 0), (10, 1)])
def test_a_restart_is_excused_like_a_start_unless_the_run_before_was_one(ran: int, failures: int) -> None:
    before = msgspec.structs.replace(ended(137), started_at=NOW - DAY - ran * MINUTE, finished_at=NOW - DAY)
    status = runs("main", for_=2 * MINUTE, restarts=1)
    status = msgspec.structs.replace(status, last_state=ContainerState(terminated=before))
    one = web(status=status)

    assert len(found([one], unhealthy(one))) == failures


def test_both_kinds_of_one_owner_are_one_finding_the_worst_first() -> None:
    one = web()

    (finding,) = found([one], unhealthy(one), unhealthy(one, DEAD))
    assert finding.count == 1
    assert finding.message.index("liveness") < finding.message.index("readiness")


def test_a_kill_for_another_reason_is_no_restart_of_a_probes() -> None:
    one = web(ready=True)

    assert found([one], event("Killing", "Stopping container main", of=one, type="Normal")) == []


def test_what_fails_in_an_execution_is_medium() -> None:
    run = pod(node="n", statuses=[runs("main")])
    run = msgspec.structs.replace(run, status=msgspec.structs.replace(run.status, conditions=()))

    (finding,) = found([run], unhealthy(run))
    assert finding.severity is Severity.MEDIUM


@pytest.mark.parametrize("gone", [{"phase": "Failed"}, {"deleted": True}])
def test_of_pods_that_have_ended_or_go_nothing_is_assessed(gone: dict[str, object]) -> None:
    ended = deployment_pod("web", "a", node="n", **gone)

    assessment = assess([ended], unhealthy(ended))
    assert (len(assessment.population), assessment.findings) == (0, ())


def test_an_event_of_a_pod_that_is_no_more_says_nothing() -> None:
    assert found([web()], unhealthy(web("gone"))) == []


def test_a_page_that_a_probe_answers_is_cut() -> None:
    one = web()

    (finding,) = found([one], unhealthy(one, "Readiness probe failed: " + "<p>" * 5000))
    assert len(finding.message) < 400


def test_a_hundred_pods_of_one_owner_are_one_finding_with_three_examples() -> None:
    many = [web(f"{n:05}") for n in range(100)]

    (finding,) = found(many, *map(unhealthy, many))
    assert (finding.count, len(finding.examples)) == (100, 3)
    assert finding.message.startswith("100 pods fail their readiness probe, 300 times")


def test_the_window_is_that_of_the_events() -> None:
    one = web(ready=True)

    assert assess([one], unhealthy(one, ago=52 * MINUTE)).window == "events of the last 52 m"
