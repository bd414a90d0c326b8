"""What is kept of image builds, and what an image's name tells."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from builders import NOW
from domino_health import Ref
from domino_health.facts.builds import BuildCondition, ImageBuild, go_duration
from domino_health.facts.images import digest_of, image_name, image_subject, repository_of
from scan_builders import build

DIGEST = f"sha256:{'0' * 64}"


def decode(**status: Any) -> ImageBuild:
    """A build, from JSON."""
    made = {"name": "b", "namespace": "domino-compute", "creationTimestamp": "2026-03-14T11:00:00Z"}
    return msgspec.json.decode(json.dumps({"metadata": made, "status": status}), type=ImageBuild)


# Names of images


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("registry:5000/acme/environment:5f-3", "registry:5000/acme/environment"),
        ("registry:5000/acme/environment", "registry:5000/acme/environment"),
        (f"registry:5000/acme/model:1@{DIGEST}", "registry:5000/acme/model"),
        (f"acme/model@{DIGEST}", "acme/model"),
        ("python:3.11", "python"),
        ("", ""),
    ],
)
def test_a_repository_is_an_image_s_name_without_tag_and_digest(image: str, repository: str) -> None:
    assert repository_of(image) == repository


@pytest.mark.parametrize(
    ("image", "kind", "name"),
    [
        (f"r/environment:{'a' * 24}-3", "environment", "a" * 24),
        (f"r/model:{'b' * 24}-v2-20260314_x7k2p", "model", "b" * 24),
        (f"r/model:{'b' * 25}", "repository", "r/model"),
        ("quay.io/domino/base:1", "repository", "quay.io/domino/base"),
    ],
)
def test_what_stays_of_an_image_is_its_environment_its_model_or_its_repository(
    image: str, kind: str, name: str
) -> None:
    assert image_subject("prod", image) == Ref("prod", kind, "", name)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("docker.io/library/python", "python:latest"),
        ("index.docker.io/library/python:3", "python:3"),
        ("docker.io/acme/tool:1", "acme/tool:1"),
        (f"r:5000/environment:1@{DIGEST}", "r:5000/environment:1"),
        (f"r:5000/environment@{DIGEST}", ""),
        ("r:5000/environment", "r:5000/environment:latest"),
        ("", ""),
    ],
)
def test_a_name_is_spelled_in_one_way(image: str, name: str) -> None:
    assert image_name(image) == name


@pytest.mark.parametrize(
    ("image", "digest"),
    [
        (f"r:5000/environment@{DIGEST}", DIGEST),
        (f"docker-pullable://r/environment@{DIGEST}", DIGEST),
        (f"docker://{DIGEST}", DIGEST),
        (DIGEST, DIGEST),
        ("r:5000/environment:1", ""),
        (f"{DIGEST}0", ""),
        ("sha256:00", ""),
        ("", ""),
    ],
)
def test_a_digest_is_found_as_kubelets_and_scanners_write_it(image: str, digest: str) -> None:
    assert digest_of(image) == digest


# Go's durations, and sizes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12.345s", 12.345),
        ("1m2.5s", 62.5),
        ("1h0m0s", 3600),
        ("850ms", 0.85),
        ("1.5µs", 0.0000015),
        ("0s", 0),
        ("", None),
        ("soon", None),
        ("1m 2s", None),
        ("1.2.3s", None),
        (f"{'9' * 400}h", None),
    ],
)
def test_durations_as_go_writes_them_are_read(text: str, seconds: float | None) -> None:
    duration = go_duration(text)

    assert duration == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(("text", "size"), [("3221225472", 3 << 30), ("0", 0), ("", None), ("x", None)])
def test_a_size_is_a_number_or_not_known(text: str, size: int | None) -> None:
    assert decode(compressedImageSizeBytes=text).size == size


# Times


def test_a_build_tells_how_long_it_waited_and_was_built() -> None:
    good = build(lasts=timedelta(minutes=7))
    bad = build(phase="Failed", lasts=timedelta(minutes=3), failed="x")
    now = build(phase="Running", ago=timedelta(minutes=10))

    assert (good.waited, good.took(NOW)) == (timedelta(seconds=20), timedelta(minutes=7))
    assert bad.took(NOW) == timedelta(minutes=3)
    assert now.took(NOW) == timedelta(minutes=9, seconds=40)
    assert build(phase="Initializing").took(NOW) is None
    assert (build(phase="").waited, build(phase="").took(NOW)) == (None, None)


def test_transitions_without_a_time_tell_nothing() -> None:
    made = decode(
        phase="Running", transitions=[{"previousPhase": "", "phase": "Running", "occurredAt": None}]
    )

    assert made.since == made.metadata.creation_timestamp
    assert made.took(NOW) is None


# Words


def said(message: str) -> str:
    return BuildCondition("ImageReady", "False", message=message).message


def test_the_user_s_instruction_and_tokens_are_taken_out_at_the_door() -> None:
    quoted = r'failed: process "/bin/sh -c echo \"a\" hunter2" did not complete successfully: exit code: 1'
    older = "failed: executor failed running [/bin/sh -c test [ hunter2 ]: x]: exit code: 2"

    assert said(quoted) == "failed: an instruction did not complete successfully: exit code: 1"
    assert said(older) == "failed: an instruction: exit code: 2"
    assert said('process "/bin/sh -c hunter2') == "an instruction", "one that was cut off"
    assert said("build failed: cannot parse build args: invalid value hunter2") == (
        "build failed: cannot parse build args: …"
    )
    assert said("GET https://bob:hunter2@r.example.com/token?key=hunter2: 401") == (
        "GET https://r.example.com/token 401"
    )


def test_words_are_bounded_and_read_back_as_they_were_kept() -> None:
    kept = said(f'process "{"x" * 50_000}" failed, {"y" * 50_000}')

    assert kept.startswith("an instruction failed, y")
    assert len(kept) == 2000
    assert said(kept) == kept


def test_only_a_failed_build_s_condition_is_its_cause() -> None:
    pushed = {"type": "ImageReady", "status": "Unknown", "message": "Image has been built and pushed"}

    assert decode(phase="Running", conditions=[pushed]).why_failed == ""
    assert decode(phase="Failed").why_failed == ""
    assert decode(
        phase="Failed", conditions=[{**pushed, "status": "False", "message": " a\n b "}]
    ).why_failed == ("a b")
