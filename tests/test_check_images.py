"""IMG-001 and IMG-004: what nodes hold."""

from checks import test_images as check_images

from domino_health import MOST_IMAGES, Assessment, Event, Node, Pod, Severity
from image_builders import ENVIRONMENT, GIB, IMAGE, held, pulled, workspace
from platform_builders import node

OLD = IMAGE.replace("-3", "-2")


def sizes(nodes: list[Node], pods: list[Pod] | None = None, events: list[Event] | None = None) -> Assessment:
    return check_images.test_images_are_small_enough_to_start_from(
        nodes, [workspace()] if pods is None else pods, events, max_size=10 * GIB
    )


def idle(*nodes: Node, pods: tuple[Pod, ...] = (workspace(),)) -> Assessment:
    return check_images.test_nodes_do_not_hold_many_images_that_nobody_runs(
        list(nodes), list(pods), max_idle=GIB
    )


def test_ten_gib_are_allowed_and_no_more() -> None:
    within, beyond = (sizes([node(images=[held(size=10 * GIB + more)])]) for more in (0, 1))

    assert (len(within.population), within.findings) == (1, ())
    assert within.worst == "the largest 10.0 GiB of 10.0 GiB"
    (finding,) = beyond.findings
    assert str(finding.subject) == f"environment/{ENVIRONMENT}"
    assert finding.message == f"{IMAGE} is 10.0 GiB, at most 10.0 GiB on 1 node"
    assert finding.severity is Severity.MEDIUM


def test_an_image_that_nobody_runs_is_low() -> None:
    (finding,) = sizes([node(images=[held(OLD, 12 * GIB)])], pods=[]).findings

    assert finding.severity is Severity.LOW
    assert finding.message.endswith(" on 1 node. No pod runs it now")


def test_revisions_of_an_environment_are_one_finding_with_the_one_that_runs_in_front() -> None:
    nodes = [node(f"n-{n}", images=[held(size=11 * GIB), held(OLD, 12 * GIB)]) for n in range(2)]

    (finding,) = sizes(nodes).findings
    assert finding.message == (
        f"{IMAGE} is 11.0 GiB, at most 10.0 GiB on 2 nodes; 1 more of its revisions are too large"
    )
    assert finding.count == 2


def test_an_image_has_one_size_under_all_its_names() -> None:
    by_digest = f"docker-registry:5000/dominodatalab/environment@sha256:{'ab' * 32}"

    assessment = sizes([node(images=[held(by_digest, 11 * GIB, IMAGE)])])

    assert len(assessment.population) == 1
    assert [str(each.subject) for each in assessment.findings] == [f"environment/{ENVIRONMENT}"]


def test_a_pull_tells_the_size_of_an_image_that_no_node_tells_of() -> None:
    (finding,) = sizes([node()], events=[pulled(size=11 * GIB)]).findings

    assert finding.message == f"{IMAGE} is 11.0 GiB, at most 10.0 GiB"


def test_an_image_that_runs_and_has_no_known_size_is_not_healthy() -> None:
    (unseen,) = sizes([node(images=[held(OLD)])]).unseen

    assert unseen.reason == f"1 run on nodes that do not tell their size: {IMAGE}"


def test_a_full_list_of_small_images_tells_enough_of_those_that_are_not_in_it() -> None:
    small = [held(f"quay.io/a:{at}", GIB) for at in range(MOST_IMAGES)]
    large = [held(f"quay.io/a:{at}", 11 * GIB) for at in range(MOST_IMAGES)]

    assert sizes([node(images=small)]).unseen == ()
    assert len(list(sizes([node(images=large)]).unseen)) == 1


def test_without_an_image_there_is_nothing_to_assess() -> None:
    assert len(sizes([node()], pods=[]).population) == 0
    assert len(idle(node()).population) == 0


def test_a_node_may_hold_so_much_that_nobody_runs_and_no_more() -> None:
    within, beyond = (idle(node(images=[held(), held(OLD, GIB + more)])) for more in (0, 1))

    assert (len(within.population), within.findings) == (1, ())
    assert within.worst == "the most on one node 1.0 GiB of 1.0 GiB"
    (finding,) = beyond.findings
    assert str(finding.subject) == "node-pool/default"
    assert finding.message == (
        f"1 node holds more than 1.0 GiB of images that no pod runs, default-0 1.0 GiB: {OLD} (1.0 GiB)"
    )


def test_what_runs_anywhere_in_the_cluster_is_wanted_on_every_node() -> None:
    both = [node(f"default-{n}", images=[held(size=2 * GIB)]) for n in range(2)]

    assert idle(*both).findings == ()
    (finding,) = idle(*both, pods=()).findings
    assert finding.count == 2
    assert finding.message.startswith("2 nodes hold more than 1.0 GiB")


def test_a_node_that_tells_of_as_many_as_it_may_holds_at_least_that() -> None:
    (finding,) = idle(node(images=[held(f"quay.io/a:{at}") for at in range(MOST_IMAGES)])).findings

    assert f"default-0 at least {MOST_IMAGES}.0 GiB: quay.io/a:0 (1.0 GiB), " in finding.message


def test_the_images_that_take_most_on_all_nodes_are_named_and_one_without_its_tag_too() -> None:
    untagged = held("<none>@<none>", 3 * GIB, "<none>:<none>")
    both = [node(f"default-{n}", images=[held(OLD, 2 * GIB)]) for n in range(2)]

    _, table = idle(*both, node("default-2", images=[untagged])).attachments

    assert table.rows == (("", OLD, "2.0 GiB", "2"), ("", "without a name", "3.0 GiB", "1"))


def test_a_node_that_tells_of_none_is_not_healthy() -> None:
    (unseen,) = idle(node(), node("default-1", images=[held()])).unseen

    assert (unseen.target, unseen.reason) == ("what nodes hold", "1 of its nodes tell of no image")
