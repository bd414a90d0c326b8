"""IMG-002: images are pulled in time."""

from datetime import timedelta

from checks import test_pulls as check_pulls

from builders import NOW, waits
from domino_health import Assessment, Event, Pod
from image_builders import ENVIRONMENT, GIB, IMAGE, MINUTE, pulled, said, workspace
from platform_builders import node

PULLING = f'Pulling image "{IMAGE}"'


def assess(*events: Event, pods: list[Pod] | None = None) -> Assessment:
    return check_pulls.test_images_are_pulled_in_time(list(events), pods, [node()], NOW)


def test_two_minutes_are_allowed_and_no_more() -> None:
    within, beyond = assess(pulled("2m0s")), assess(pulled("2m0.1s"), pulled("3s"))

    assert (len(within.population), within.findings) == (1, ())
    assert (within.worst, within.window) == ("slowest 2 m of 2 m", "events of the last 5 m")
    (finding,) = beyond.findings
    assert str(finding.subject) == f"environment/{ENVIRONMENT}"
    assert finding.message == (
        "1 of 2 pulls took up to 2 m for 1.0 GiB (8.5 MiB/s), on node default-0 of the pool default. "
        "Allowed 2 m"
    )


def test_waiting_for_other_pulls_counts_and_is_told() -> None:
    (finding,) = assess(pulled("1m0s", whole="5m0s", size=None)).findings

    assert finding.message == (
        "1 of 1 pulls took up to 5 m, 4 m of it waiting for other pulls, on node default-0 of the pool "
        "default. Allowed 2 m"
    )


def test_each_image_is_told_by_itself() -> None:
    other = "quay.io/domino/executor:6.2.0"
    found = assess(pulled("5m0s"), pulled("4m0s"), pulled("3m0s", image=other)).findings

    assert [(str(each.subject), each.count) for each in found] == [
        (f"environment/{ENVIRONMENT}", 2),
        ("repository/quay.io/domino/executor", 1),
    ]


def test_a_pull_that_goes_on_counts_with_its_time_so_far() -> None:
    creating = workspace(statuses=(waits("ContainerCreating"),))
    within = assess(said("Pulling", PULLING, ago=2 * MINUTE), pods=[creating])
    beyond = assess(said("Pulling", PULLING, ago=3 * MINUTE), pods=[creating])

    assert (len(within.population), within.findings) == (1, ())
    (finding,) = beyond.findings
    assert finding.message == f"1 goes on for 3 m, for pod {creating.metadata.name}. Allowed 2 m"
    assert finding.examples == (creating.ref,)


def test_a_pull_has_ended_when_its_end_is_told_or_its_container_is_there() -> None:
    began = said("Pulling", PULLING, ago=9 * MINUTE)
    failed = said("Failed", "Failed to pull image", ago=8 * MINUTE)
    creating = workspace(statuses=(waits("ContainerCreating"),))

    assert len(assess(began, failed, pods=[creating]).population) == 0
    assert len(assess(began, pods=[workspace()]).population) == 0
    assert len(assess(began, pods=None).population) == 0, "nobody says whether its pod still waits"


def test_the_table_has_every_image_that_was_pulled() -> None:
    (table,) = assess(pulled("10s"), pulled("20s"), pulled("1m0s", whole="1m30s", size=3 * GIB)).attachments

    assert table.rows == (
        (f"environment/{ENVIRONMENT}", "3", "20 s", "1 m 30 s", "30 s", "3.0 GiB", "51.2 MiB/s"),
    )


def test_without_a_pull_there_is_nothing_to_assess() -> None:
    present = said("Pulled", f'Container image "{IMAGE}" already present on machine')

    assert len(assess(present).population) == 0
    assert len(assess().population) == 0


def test_a_pull_of_a_namesake_that_was_there_before_is_none_of_this_pod() -> None:
    creating = workspace(statuses=(waits("ContainerCreating"),), age=MINUTE)

    assert len(assess(said("Pulling", PULLING, ago=timedelta(minutes=30)), pods=[creating]).population) == 0
