"""IMG-003 and IMG-005: what runs, and where it comes from."""

import pytest
from checks import test_image_names as names

from builders import deployment_pod, pod
from domino_health import Assessment, Patterns, Pod
from domino_health.facts.kubernetes import Labels
from domino_health.facts.resources import Container
from image_builders import ENVIRONMENT, IMAGE, workspace
from platform_builders import namespace

PLATFORM = namespace("domino-platform", "platform", cluster="")
MODEL = Labels("ModelAPI", "small-k8s", "churn")


def pinned(*pods: Pod) -> Assessment:
    return names.test_platform_and_model_images_are_pinned(list(pods), [PLATFORM])


def allowed(*pods: Pod, patterns: Patterns | None = None) -> Assessment:
    given = {} if patterns is None else {"allowed": patterns}
    return names.test_executions_and_models_run_images_from_where_they_may(list(pods), [PLATFORM], **given)


@pytest.mark.parametrize(
    "image", ["quay.io/domino/web:6.2.0", "quay.io/domino/web@sha256:12", "a:1", "r:5000/a:1"]
)
def test_a_version_or_a_digest_pins_an_image(image: str) -> None:
    assessment = pinned(deployment_pod("web", "a", node="n", image=image))

    assert (len(assessment.population), assessment.findings) == (1, ())


@pytest.mark.parametrize("image", ["quay.io/domino/web:latest", "quay.io/domino/web", "r:5000/a", "nginx"])
def test_latest_and_no_tag_are_not_pinned(image: str) -> None:
    two = [deployment_pod("web", each, node="n", image=image) for each in "ab"]

    (finding,) = pinned(*two).findings
    assert str(finding.subject) == "deployment/domino-platform/web"
    assert finding.message == f"not pinned, container run: {image}"
    assert finding.count == 2


def test_containers_of_the_start_and_models_must_be_pinned_as_well() -> None:
    before = deployment_pod("web", "a", node="n", image="a:1", before=[Container("init", "busybox")])
    model = pod("model-1", labels=MODEL, node="n", image="r/model:latest")

    first, second = pinned(before, model).findings
    assert first.message == "not pinned, container init: busybox"
    assert str(second.subject) == "pod/domino-compute/model-1"


def test_executions_what_has_ended_and_what_is_not_dominos_are_left_alone() -> None:
    ended = deployment_pod("web", "a", node="n", image="a", phase="Succeeded")
    elsewhere = pod("x", namespace="kube-system", node="n", image="a")

    assert len(pinned(workspace(image="a"), ended, elsewhere).population) == 0


@pytest.mark.parametrize(
    "image",
    [IMAGE, "1.dkr.ecr.eu-west-1.amazonaws.com/x/model:1", "quay.io/domino/ray-cluster-environment:1"],
)
def test_what_domino_builds_and_ships_may_run(image: str) -> None:
    assessment = allowed(workspace(image=image))

    assert (len(assessment.population), assessment.findings) == (1, ())


def test_anything_else_may_not() -> None:
    (finding,) = allowed(workspace(image="docker.io/somebody/miner:1")).findings

    assert str(finding.subject) == "repository/docker.io/somebody/miner"
    assert finding.message == (
        "run by execution/domino-compute/type=Workspace,tier=small-k8s,project=churn, "
        "and from no repository that is allowed"
    )
    assert finding.count == 1


def test_a_mirror_of_the_platform_is_allowed_and_its_neighbour_is_not() -> None:
    mirror = deployment_pod("web", "a", node="n", image="registry.example.com/mirror/web:1")

    assert allowed(mirror, workspace(image="registry.example.com/mirror/executor:1")).findings == ()
    assert len(list(allowed(mirror, workspace(image="registry.example.com/other/executor:1")).findings)) == 1
    elsewhere = workspace(image="registry.example.com/mirror/executor:1", cluster="other")
    assert len(list(allowed(mirror, elsewhere).findings)) == 1, "a mirror of another cluster"


def test_the_profile_says_what_else_may_run() -> None:
    pods = [workspace(), workspace("run-2", image="registry.example.com/ds/torch:2")]

    assert allowed(*pods, patterns=("registry.example.com/*", "*/environment")).findings == ()
    (finding,) = allowed(*pods, patterns=("registry.example.com/*",)).findings
    assert str(finding.subject) == f"environment/{ENVIRONMENT}"
