"""WORK-002: what a start on a new node would cost."""

from checks import test_cold_starts as cold_starts

from domino_health import MOST_IMAGES, Assessment, Container, Event, Node, Pod
from image_builders import ENVIRONMENT, GIB, IMAGE, held, pulled, workspace
from platform_builders import node

MB = 10**6
TEN_MINUTES = 600 * 50 * MB
"""Bytes that come in ten minutes at the rate that is assumed."""


def assess(nodes: list[Node], *pods: Pod, events: list[Event] | None = None) -> Assessment:
    return cold_starts.test_a_cold_start_does_not_take_long(list(pods) or [workspace()], nodes, events)


def test_ten_minutes_are_allowed_and_no_more() -> None:
    within, beyond = (assess([node(images=[held(size=TEN_MINUTES + more)])]) for more in (0, MB))

    assert (len(within.population), within.findings, within.unseen) == (1, (), ())
    assert within.worst == "the longest 10 m of 10 m"
    (finding,) = beyond.findings
    assert str(finding.subject) == f"environment/{ENVIRONMENT}"
    assert finding.message == (
        "27.9 GiB to pull on a new node of the pool default, 10 m at 47.7 MiB/s, assumed; allowed 10 m. "
        f"The largest is {IMAGE} (27.9 GiB). 1 of its 1 nodes have all of it now"
    )
    assert finding.count == 1


def test_all_images_of_the_pod_are_pulled() -> None:
    side = "quay.io/domino/executor:6.2.0"
    pod = workspace(before=[Container("executor", side)])

    (table,) = assess([node(images=[held(size=3 * GIB), held(side, GIB)])], pod).attachments

    assert table.rows[0][2] == "4.0 GiB"


def test_the_rate_is_that_of_the_pools_own_pulls() -> None:
    nodes = [node(images=[held(size=6 * GIB)]), node("gpu-0", pool="default-gpu")]
    here = [pulled(f"{seconds}s") for seconds in (60, 120, 200)]
    there = [pulled("1s", node="gpu-0") for _ in range(9)]

    (finding,) = assess(nodes, events=[*here, *there]).findings

    assert " 12 m at 8.5 MiB/s, of 3 pulls there; " in finding.message


def test_without_a_pull_there_the_rate_is_the_clusters() -> None:
    nodes = [node(images=[held(size=6 * GIB)]), node("gpu-0", pool="default-gpu")]

    (finding,) = assess(nodes, events=[pulled("120s", node="gpu-0")]).findings
    assert " 12 m at 8.5 MiB/s, of 1 pull in the cluster; " in finding.message
    (table,) = assess(nodes, events=[pulled("120s", cluster="other")]).attachments
    assert table.rows[0][3] == "47.7 MiB/s, assumed"


def test_a_small_pull_tells_no_rate() -> None:
    (table,) = assess([node(images=[held()])], events=[pulled("60s", size=(100 << 20) - 1)]).attachments
    assert table.rows[0][3] == "47.7 MiB/s, assumed"
    (table,) = assess([node(images=[held()])], events=[pulled("60s", size=100 << 20)]).attachments
    assert table.rows[0][3] == "1.7 MiB/s, of 1 pull there"


def test_the_table_says_how_many_nodes_have_it() -> None:
    nodes = [node(images=[held()]), node("default-1"), node("gpu-0", pool="default-gpu", images=[held()])]

    (table,) = assess(nodes).attachments

    assert table.rows[0][-2] == "1 of 2"


def test_two_revisions_of_an_environment_are_told_apart_by_their_largest_image() -> None:
    newer = f"{IMAGE.rpartition('-')[0]}-4"
    nodes = [node(images=[held(), held(newer, 2 * GIB)])]

    (table,) = assess(nodes, workspace(), workspace("run-b", image=newer)).attachments

    assert [row[-1] for row in table.rows] == [f"{newer} (2.0 GiB)", f"{IMAGE} (1.0 GiB)"]


def test_an_image_of_unknown_size_is_not_healthy() -> None:
    assessment = assess([node()])

    assert len(assessment.population) == 0
    (unseen,) = assessment.unseen
    assert unseen.reason == f"no node tells the size of an image of environment/{ENVIRONMENT} ({IMAGE})"


def test_a_full_list_bounds_what_is_not_in_it() -> None:
    many = [held(f"quay.io/a:{at}", GIB) for at in range(MOST_IMAGES)]

    (table,) = assess([node(images=many)]).attachments

    assert table.rows[0][2] == "1.0 GiB"


def test_what_has_no_environment_or_no_pool_is_not_assessed() -> None:
    nodes = [node(images=[held()])]

    assert len(assess(nodes, workspace(image="quay.io/domino/x:1")).population) == 0
    assert len(assess(nodes, workspace(node="gone", selector={})).population) == 0


def test_environments_of_two_clusters_are_told_apart() -> None:
    nodes = [node(images=[held()], cluster=name) for name in "ab"]

    assessment = assess(nodes, *(workspace(cluster=name) for name in "ab"))

    assert len(assessment.population) == 2
