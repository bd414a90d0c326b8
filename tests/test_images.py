"""By what images are known, and what nodes and pulls tell of them."""

from datetime import timedelta

import pytest
from checks import images
from checks.pulls import go_duration, pull_of

from builders import pod, runs
from domino_health import MOST_IMAGES, NodeImage
from domino_health.facts.containers import ContainerStatus
from image_builders import GIB, IMAGE, held, pulled, said, workspace
from platform_builders import node


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("bitnami/mongodb:7", "docker.io/bitnami/mongodb:7"),
        ("quay.io/domino/nginx:6.2.0", "quay.io/domino/nginx:6.2.0"),
        ("docker-registry:5000/dominodatalab/model", "docker-registry:5000/dominodatalab/model:latest"),
        ("localhost/a:1", "localhost/a:1"),
        ("quay.io/a@sha256:12", "quay.io/a@sha256:12"),
        ("quay.io/a:1@sha256:12", "quay.io/a@sha256:12"),
    ],
)
def test_an_image_has_one_name_however_it_is_written(written: str, known: str) -> None:
    assert images.canonical(written) == known
    assert images.canonical(known) == known


def test_an_image_is_in_use_by_its_name_and_by_the_digest_that_it_has_become() -> None:
    status = ContainerStatus("run", image_id="docker-pullable://quay.io/a@sha256:12")
    ran = pod(image="quay.io/a:1", node="n", statuses=(status,), cluster="prod")
    over = pod(image="quay.io/b:1", node="n", phase="Succeeded", cluster="prod")

    assert images.in_use([ran, over]) == {("prod", "quay.io/a:1"), ("prod", "quay.io/a@sha256:12")}


def test_the_stock_has_every_name_the_largest_size_and_all_nodes() -> None:
    one = node("n-1", images=[held(size=GIB), NodeImage(("<none>@<none>",), 5), NodeImage(None, 7)])
    other = node("n-2", images=[held(IMAGE, 2 * GIB, "quay.io/other:1")])
    stock = images.stock([one, other])

    assert stock.size("", IMAGE) == stock.size("", "quay.io/other:1") == 2 * GIB
    assert stock.on("", IMAGE) == {"n-1", "n-2"}
    assert set(stock.images) == {("", IMAGE), ("", "quay.io/other:1")}
    assert stock.size("elsewhere", IMAGE) is None


def test_what_a_full_list_does_not_tell_of_is_no_larger_than_the_smallest_that_it_does() -> None:
    many = [held(f"quay.io/a:{at}", GIB + at) for at in range(MOST_IMAGES)]
    full, short = images.stock([node("n-1", images=many)]), images.stock([node("n-1", images=many[1:])])

    assert full.at_most("", IMAGE, ["n-1"]) == GIB
    assert full.at_most("", "quay.io/a:3", ["n-1"]) == GIB + 3
    assert full.at_most("", IMAGE, ["n-2"]) is None, "another node says nothing of this one"
    assert short.at_most("", IMAGE, ["n-1"]) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1.5s", 1.5), ("2m3.25s", 123.25), ("1h0m1s", 3601), ("350ms", 0.35), ("12µs", 0.000012), ("7ns", 0)],
)
def test_a_duration_is_read_as_go_writes_it(text: str, seconds: float) -> None:
    assert go_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "s", "1.5", "1s2", "1x", "-1s", "1" * 50 + "s"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert go_duration(text) is None


def test_a_pull_is_read_in_the_words_of_each_version() -> None:
    since_1_30 = pull_of(pulled("1m2.5s", whole="1m30s", size=734003200))
    since_1_26 = pull_of(pulled("2s", whole="3s", size=None))
    since_1_20 = pull_of(said("Pulled", 'Successfully pulled image "nginx" in 4.2s'))

    assert since_1_30 is not None
    assert (since_1_30.own, since_1_30.whole) == (timedelta(seconds=62.5), timedelta(seconds=90))
    assert (since_1_30.size, since_1_30.image, since_1_30.node) == (734003200, IMAGE, "default-0")
    assert since_1_26 is not None
    assert (since_1_26.whole, since_1_26.size) == (timedelta(seconds=3), None)
    assert since_1_20 is not None
    assert (since_1_20.own, since_1_20.image) == (timedelta(seconds=4.2), "docker.io/library/nginx:latest")
    assert since_1_20.whole == since_1_20.own


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("Pulled", 'Container image "nginx" already present on machine'),
        ("Pulled", 'Successfully pulled image "nginx"'),
        ("Pulled", 'Successfully pulled image "nginx" in a while'),
        ("Pulling", 'Successfully pulled image "nginx" in 4.2s'),
    ],
)
def test_what_tells_of_no_time_is_no_pull(reason: str, message: str) -> None:
    assert pull_of(said(reason, message)) is None


def test_the_images_of_a_pod_are_those_of_its_start_too() -> None:
    assert images.images_of(workspace(statuses=(runs(),))) == {IMAGE}
