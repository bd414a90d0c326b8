"""WORK-001: workspaces start in time, and what takes the time is told."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from checks import starts
from checks import test_workspaces as workspaces

from builders import NOW, ended, runs, waits
from domino_health import Assessment, Event, Node, Pod
from domino_health.facts.api import Condition
from domino_health.facts.containers import ContainerState, ContainerStatus
from image_builders import ENVIRONMENT, IMAGE, MINUTE, pulled, said, workspace
from platform_builders import node

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
RUN = "run-{:024x}-abcde"


def started(
    number: int = 1,
    *,
    scheduled: timedelta = SECOND,
    mounted: timedelta | None = 10 * SECOND,
    running: timedelta | None = MINUTE,
    ready: timedelta | None = MINUTE,
    age: timedelta = HOUR,
    image: str = IMAGE,
    on: str = "default-0",
    restarts: int = 0,
    **more: object,
) -> Pod:
    """A workspace that came up so long after its creation, by phase."""
    began = NOW - age
    conditions = []
    if mounted is not None:
        conditions.append(Condition("PodReadyToStartContainers", "True", "", "", began + mounted))
    if ready is not None:
        conditions.append(Condition("Ready", "True", "", "", began + ready))
    else:
        conditions.append(Condition("Ready", "False", "ContainersNotReady", "", began))
    status = (
        runs(for_=age - running, restarts=restarts)
        if running is not None
        else ContainerStatus("run", restart_count=restarts, state=ContainerState())
    )
    given: dict[str, Any] = {"age": age, "image": image, "node": on, "statuses": (status,)}
    given |= {"conditions": conditions, "scheduled_after": scheduled, **more}
    return workspace(RUN.format(number), **given)


def starting(reason: str, *more: ContainerStatus, mounted: bool = True) -> Pod:
    """A workspace of which a container waits for that reason, for 6 minutes now."""
    there = Condition(starts.READY_TO_START, str(mounted), "", "", NOW - 6 * MINUTE + 10 * SECOND)
    statuses = (waits(reason), *more)
    return started(running=None, ready=None, age=6 * MINUTE, statuses=statuses, conditions=(there,))


def assess(*pods: Pod, events: Sequence[Event] | None = (), nodes: list[Node] | None = None) -> Assessment:
    return workspaces.test_workspaces_start_in_time(
        list(pods), [node()] if nodes is None else nodes, None if events is None else list(events), NOW
    )


def phases(pod: Pod, *events: Event) -> dict[str, timedelta]:
    start = starts.start_of(pod, events, NOW)
    assert start is not None
    return dict(start.phases)


def test_five_minutes_are_allowed_and_no_more() -> None:
    within, beyond = (
        assess(started(running=5 * MINUTE, ready=5 * MINUTE + more)) for more in (timedelta(0), SECOND)
    )

    assert (len(within.population), within.findings, within.unseen) == (1, (), ())
    assert within.worst == "p95 5 m of 5 m"
    (finding,) = beyond.findings
    assert str(finding.subject) == f"environment/{ENVIRONMENT}"
    assert finding.message == (
        "p50 5 m 1 s, p95 5 m 1 s of 1 start on the pool default; allowed for p95: 5 m. Most of it: pulling "
        "images (IMG-001, IMG-002) or its containers starting, which cannot be told apart, up to 4 m 50 s"
    )


def test_each_phase_is_told_apart_by_conditions_containers_and_events() -> None:
    pod = started(scheduled=MINUTE, mounted=2 * MINUTE, running=6 * MINUTE, ready=7 * MINUTE)

    told = phases(pod, pulled("2m0s", whole="3m0s", of=pod.metadata.name))

    assert told == dict.fromkeys(starts.PHASES, MINUTE) | {"images": 3 * MINUTE}
    assert list(told) == list(starts.PHASES)


def test_without_events_pulling_and_starting_are_one_phase() -> None:
    pod = started(scheduled=MINUTE, mounted=2 * MINUTE, running=6 * MINUTE, ready=7 * MINUTE)

    assert phases(pod)["images, containers"] == 4 * MINUTE


def test_an_image_that_was_there_already_took_no_time() -> None:
    pod = started()

    told = phases(pod, said("Pulled", f'Container image "{IMAGE}" already present on machine'))

    assert told["images"] == timedelta(0)
    assert told["containers"] == 50 * SECOND


def test_pulls_take_no_more_than_the_phase_that_they_are_part_of() -> None:
    told = phases(started(), pulled("1h0m0s"))

    assert told["images"] == 50 * SECOND
    assert sum(told.values(), timedelta(0)) == MINUTE


def test_before_1_29_volumes_are_not_told_apart_from_what_follows() -> None:
    told = phases(started(mounted=None))

    assert told == {"node": SECOND, "volumes, images, containers": 59 * SECOND, "ready": timedelta(0)}


def test_times_that_run_backwards_are_no_negative_phase() -> None:
    told = phases(started(scheduled=20 * SECOND, mounted=10 * SECOND))

    assert told["volumes"] == timedelta(0)
    assert sum(told.values(), timedelta(0)) == MINUTE


@pytest.mark.parametrize(
    ("pod", "phase"),
    [
        (workspace(node="", age=6 * MINUTE, said="0/7 nodes are available", statuses=()), "node"),
        (started(mounted=None, running=None, ready=None, age=6 * MINUTE), "volumes, images, containers"),
        (starting("ContainerCreating", mounted=False), "volumes"),
        (started(running=None, ready=None, age=6 * MINUTE), "images, containers"),
        (started(ready=None, age=6 * MINUTE), "ready"),
    ],
)
def test_a_start_that_goes_on_counts_with_its_time_so_far(pod: Pod, phase: str) -> None:
    start = starts.start_of(pod, (), NOW)

    assert start is not None
    assert (start.ended, start.lasts, start.slowest) == (False, 6 * MINUTE, phase)
    (finding,) = assess(pod).findings
    assert "of 1 start on the pool default, 1 of them not ready yet; " in finding.message


def test_an_image_that_is_pulled_now_is_what_a_start_waits_for() -> None:
    pod = starting("ContainerCreating")
    pulling = said("Pulling", f'Pulling image "{IMAGE}"', of=pod.metadata.name, ago=5 * MINUTE)

    assert phases(pod, pulling) == {
        "node": SECOND,
        "volumes": 9 * SECOND,
        "images": 5 * MINUTE,
        "containers": 50 * SECOND,
    }
    (finding,) = assess(pod, events=[pulling]).findings
    assert finding.message.endswith(
        f"Most of it: pulling images (IMG-001, IMG-002), up to 5 m. Being pulled for 5 m: {IMAGE}"
    )


def test_an_image_that_cannot_be_pulled_is_what_a_start_waits_for() -> None:
    assert phases(starting("ImagePullBackOff")) == {
        "node": SECOND,
        "volumes": 9 * SECOND,
        "images": 6 * MINUTE - 10 * SECOND,
    }


def test_a_pull_that_goes_on_after_others_of_which_events_are_gone_is_not_told_apart() -> None:
    pod = starting("ContainerCreating", runs("executor"))
    pulling = said("Pulling", f'Pulling image "{IMAGE}"', of=pod.metadata.name, ago=5 * MINUTE)

    assert "images, containers" in phases(pod, pulling)


def test_before_1_29_the_first_pull_tells_when_volumes_were_there() -> None:
    pod = started(scheduled=MINUTE, mounted=None, running=6 * MINUTE, ready=7 * MINUTE)
    asked = said("Pulling", f'Pulling image "{IMAGE}"', of=pod.metadata.name, ago=HOUR - 2 * MINUTE)
    came = pulled("3m0s", of=pod.metadata.name, ago=HOUR - 5 * MINUTE)

    told = phases(pod, asked, came)

    assert told == dict.fromkeys(starts.PHASES, MINUTE) | {"images": 3 * MINUTE}
    assert told != phases(pod, came)


def test_the_pull_of_a_sidecar_tells_nothing_of_volumes() -> None:
    pod = started(mounted=None, running=None, ready=None, age=6 * MINUTE)
    came = pulled("3m0s", of=pod.metadata.name, container="executor")

    assert "volumes" not in phases(pod, came)


def test_the_image_that_took_longest_is_named_though_it_is_a_sidecars() -> None:
    sidecar = "quay.io/domino/executor:6.2.0"
    pod = started(running=6 * MINUTE, ready=6 * MINUTE)
    came = [
        pulled("10s", of=pod.metadata.name),
        pulled("5m0s", image=sidecar, of=pod.metadata.name, container="executor"),
    ]

    (finding,) = assess(pod, events=came).findings

    assert str(finding.subject) == f"environment/{ENVIRONMENT}"
    assert finding.message.endswith(
        f"up to 5 m 10 s. The longest pull took 5 m: {sidecar}, 1.0 GiB at 3.4 MiB/s"
    )


def test_a_pull_whose_size_is_not_told_is_named_without_it() -> None:
    pod = started(running=6 * MINUTE, ready=6 * MINUTE)

    (finding,) = assess(pod, events=[pulled("5m0s", size=None, of=pod.metadata.name)]).findings

    assert finding.message.endswith(f". The longest pull took 5 m: {IMAGE}")


def test_a_start_that_goes_on_and_is_in_time_is_not_yet_to_be_judged() -> None:
    assert len(assess(started(running=None, ready=None, age=4 * MINUTE)).population) == 0


@pytest.mark.parametrize(
    "pod",
    [
        started(restarts=1),
        started(phase="Succeeded"),
        started(deleted=True),
        started(ready=3 * HOUR, age=4 * HOUR),
        started(ready=None, age=4 * HOUR),
    ],
)
def test_a_start_that_cannot_be_told_any_more_is_counted_and_not_judged(pod: Pod) -> None:
    assessment = assess(pod, started(2))

    assert len(assessment.population) == 1
    assert assessment.window.startswith("1 of 2 workspaces of the last 7 d tell their start; ")


def test_one_in_twenty_may_take_longer_and_two_may_not() -> None:
    quick = [started(number) for number in range(19)]
    slow = [started(number, running=HOUR - MINUTE, ready=HOUR - MINUTE, age=2 * HOUR) for number in (20, 21)]

    assert assess(*quick, slow[0]).findings == ()
    (finding,) = assess(*quick[1:], *slow).findings
    assert finding.message.startswith("p50 1 m, p95 59 m of 20 starts on the pool default; ")
    assert finding.message.endswith(", up to 58 m 50 s, in 2 of 2")
    assert finding.count == 2


def test_a_slow_environment_and_a_slow_pool_do_not_hide_among_quick_ones() -> None:
    other = IMAGE.replace("c0ffee", "decade")
    quick = [started(number) for number in range(30)]
    slow: dict[str, Any] = {"running": 6 * MINUTE, "ready": 6 * MINUTE}
    nodes = [node(), node("gpu-0", pool="default-gpu")]

    found = assess(*quick, started(41, image=other, **slow), started(42, on="gpu-0", **slow), nodes=nodes)

    assert [(str(each.subject), "on the pool default-gpu" in each.message) for each in found.findings] == [
        ("environment/65f0decade65f0decade65f0", False),
        (f"environment/{ENVIRONMENT}", True),
    ]


def test_only_workspaces_of_the_last_days_are_asked() -> None:
    old = started(age=timedelta(days=7) + SECOND)
    batch = started(kind="Batch")

    assert len(assess(old, batch).population) == 0
    assert assess(old, batch).window == ""
    assert len(assess(started(age=timedelta(days=7))).population) == 1


def test_what_was_measured_is_attached() -> None:
    pod = started(running=6 * MINUTE, ready=6 * MINUTE)
    waterfall, words, bars, table = assess(
        pod, started(2), events=[pulled("3m0s", of=pod.metadata.name)]
    ).attachments

    assert ">images: run-0" in waterfall.svg
    assert words.columns == (
        *("workspace", "on", "whole", "node", "volumes", "images", "images, containers", "containers"),
        *("ready", "is ready"),
    )
    assert words.rows[0] == (
        *(str(pod.ref), "default-0", "6 m", "1 s", "9 s", "3 m", "", "2 m 50 s", "0 s", ""),
    )
    assert "allowed 5 m" in waterfall.svg
    assert "node: p50 1 s" in bars.svg
    assert table.columns[4:] == ("node", "volumes", "images", "images, containers", "containers", "ready")
    assert table.rows[0][:4] == (f"environment/{ENVIRONMENT}", "default", "2", "1 m / 6 m")


def test_a_container_that_has_ended_has_not_started() -> None:
    status = ContainerStatus("run", state=ContainerState(terminated=ended(1)))
    pod = started(statuses=(status,), ready=None, age=6 * MINUTE)

    start = starts.start_of(pod, (), NOW)
    assert start is not None
    assert start.slowest == "images, containers"


def test_without_nodes_the_pool_is_the_one_that_the_pod_asks_for() -> None:
    (finding,) = assess(started(running=6 * MINUTE, ready=6 * MINUTE), events=None, nodes=[]).findings

    assert " on the pool default; " in finding.message
