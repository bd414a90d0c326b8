"""WORK-001, WORK-002 and IMG-001 to 005 against a real control plane.

What a kubelet alone says (which images a node has, how long a pull took) is written as a kubelet would:
KWOK's pull nothing, and start a pod as soon as it has a node.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import domino_cluster as domino
from control_plane import ControlPlane
from demo_platform import Start, took
from domino_images import on_node, pulled
from drills import execution, look
from kube_client import Object, Objects
from objects import made, runs

ENVIRONMENT = domino.hex_id("standard-environment")
IMAGE = domino.built_image("environment", "standard-environment")
OLD = IMAGE.replace("-3", "-{}")
AREAS = ("WORK-001", "WORK-002", *(f"IMG-{number:03}" for number in range(1, 6)))


@contextmanager
def holding(plane: ControlPlane, name: str, images: Objects) -> Iterator[None]:
    """Images that a node tells of beside those that it has, meanwhile."""
    node = plane.get(f"/api/v1/nodes/{name}")
    plane.patch_status(node, {"images": [*images, *node["status"]["images"]]})
    try:
        yield
    finally:
        plane.patch_status(node, {"images": node["status"]["images"]})


def large(image: str, size: int) -> Object:
    return {**on_node([image])[0], "sizeBytes": size}


def test_a_healthy_domino_gives_no_finding(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path)

    assert run.exit_status == 0, run.output
    assert run.found() == {}
    assert {run.result(id)["state"] for id in AREAS} == {"passed"}
    assert run.result("WORK-001")["population"] == 2
    assert run.result("WORK-001")["window"].startswith("2 of 2 workspaces of the last 7 d tell their start; ")
    assert run.result("IMG-004")["population"] == 7


def test_an_image_that_is_too_large_is_found_by_its_environment(
    platform: ControlPlane, tmp_path: Path
) -> None:
    """*Patched*: what a node says that it has."""
    bigger = "docker-registry:5000/dominodatalab/environment:" + domino.hex_id("genomics") + "-1"
    asked = execution("genomics", environment="genomics")
    asked["spec"]["containers"][0]["image"] = bigger
    with made(platform, asked), holding(platform, "default-0", [large(bigger, 14 << 30)]):
        runs(platform, asked)
        run = look(platform, tmp_path)
        cold = look(platform, tmp_path, "thresholds: {WORK-002: {max_cold_start: 3m}}\n")

    assert run.found() == {"IMG-001": [f"environment/{domino.hex_id('genomics')}"]}
    assert run.only("IMG-001") == f"medium: {bigger} is 14.0 GiB, at most 10.0 GiB on 1 node"
    assert cold.found()["WORK-002"] == [f"environment/{domino.hex_id('genomics')}"]
    said = cold.only("WORK-002")
    assert said.startswith("low: 14.2 GiB to pull on a new node of the pool default, "), said
    assert (
        f", of 1 pull there; allowed 3 m. The largest is {bigger} (14.0 GiB). 1 of its 2 nodes have" in said
    )


def test_a_node_full_of_old_revisions_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    """*Patched*: what a node says that it has."""
    revisions = [large(OLD.format(number), 6 * 10**9) for number in range(10, 19)]
    with holding(platform, "default-1", revisions):
        run = look(platform, tmp_path)

    assert run.found() == {"IMG-004": ["node-pool/default"]}
    largest = ", ".join(f"{each['names'][-1]} (5.6 GiB)" for each in revisions[:3])
    assert run.only("IMG-004") == (
        f"low: 1 node holds more than 46.6 GiB of images that no pod runs, default-1 50.5 GiB: {largest}"
    )


def test_a_slow_pull_is_found_with_its_size_and_its_rate(platform: ControlPlane, tmp_path: Path) -> None:
    """*Patched*: the kubelet's event."""
    pod = execution("slow pull")
    with made(platform, pod):
        runs(platform, pod)
        event = pulled(platform.get(platform.path(pod)), "run", IMAGE, "6m40s")
        with made(platform, event):
            run = look(platform, tmp_path)

    assert run.found() == {"IMG-002": [f"environment/{ENVIRONMENT}"]}
    said = run.only("IMG-002")
    assert said.startswith("medium: 1 of 3 pulls took up to 6 m 40 s for 3.2 GiB (8.1 MiB/s), on node "), said
    assert said.endswith(" of the pool default. Allowed 2 m"), said


def test_a_workspace_that_was_slow_is_found_with_the_phase(platform: ControlPlane, tmp_path: Path) -> None:
    """The threshold is what is made short: no workspace here is old enough to have been slow."""
    run = look(platform, tmp_path, "thresholds: {WORK-001: {p95: 0s}}\n")

    found = run.result("WORK-001")["findings"]
    assert {each["subject"]["name"] for each in found} <= {ENVIRONMENT}
    assert set(run.found()) <= {"WORK-001"}
    assert all("Most of it: " in each["message"] for each in found)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (Start(volumes=400), "its volumes being attached and mounted (STOR-001, SCHED-008), up to 6 m 40 s"),
        (
            Start(images=400),
            "pulling images (IMG-001, IMG-002), up to 6 m 40 s. The longest pull took 6 m 40 s",
        ),
        (Start(images=41, containers=400), "its containers starting, up to 6 m 40 s"),
        (Start(ready=400), "the first answer that it is ready, up to 6 m 40 s"),
    ],
    ids=["volumes", "images", "containers", "ready"],
)
def test_each_phase_that_is_slow_is_told_from_the_others(
    platform: ControlPlane, tmp_path: Path, start: Start, said: str
) -> None:
    """*Patched*: when the pod's phases ended, and the kubelet's event of the pull."""
    asked = domino.Execution("slow start", "Workspace", project="drill", environment="slow-start")
    pod = domino.pod_of(asked)
    with made(platform, pod):
        runs(platform, pod)
        events = domino.pulls(platform, asked, f"{start.images}s")
        with made(platform, *events), took(platform, asked, start):
            run = look(platform, tmp_path, "thresholds: {IMG-002: {max_pull: 1h}}\n")

    assert run.found() == {"WORK-001": [f"environment/{domino.hex_id('slow-start')}"]}
    assert f"Most of it: {said}" in run.only("WORK-001")


def test_a_workspace_that_gets_no_node_counts_with_its_time_so_far(
    platform: ControlPlane, tmp_path: Path
) -> None:
    asked = replace(domino.OVERSIZED[0], project="drill", environment="drill")
    pod = domino.pod_of(asked)
    with made(platform, pod):
        run = look(platform, tmp_path, "thresholds: {WORK-001: {p95: 0s}}\n")

    said = [each["message"] for each in run.result("WORK-001")["findings"]]
    assert any("Most of it: waiting for a node" in each and "not ready yet" in each for each in said), said


@pytest.mark.parametrize("image", ["docker.io/library/alpine:3.20", "quay.io/dominos/environment-x:1"])
def test_an_execution_that_runs_somebody_elses_image_is_found(
    platform: ControlPlane, tmp_path: Path, image: str
) -> None:
    pod = execution("stray", image=image)
    with made(platform, pod):
        runs(platform, pod)
        run = look(platform, tmp_path)
        patterns = f"['*/environment', '*/model', '{image.rpartition(':')[0]}']"
        allowed = f"thresholds: {{IMG-003: {{allowed: {patterns}}}}}\n"
        mended = look(platform, tmp_path, allowed)

    assert run.found() == {"IMG-003": [f"repository/{image.rpartition(':')[0]}"]}
    assert "and from no repository that is allowed" in run.only("IMG-003")
    assert "IMG-003" not in mended.found()


def test_a_service_without_a_version_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    platform.apply(domino.with_image(domino.LOOSE, domino.LOOSE_IMAGE))
    try:
        domino.settle(platform)
        run = look(platform, tmp_path)
    finally:
        platform.apply(domino.with_image(domino.LOOSE, domino.platform_image(domino.LOOSE)))
        domino.settle(platform)

    assert run.found() == {"IMG-005": [f"deployment/{domino.PLATFORM}/{domino.LOOSE}"]}
    assert run.only("IMG-005") == f"medium: not pinned, container grafana: {domino.LOOSE_IMAGE}"
