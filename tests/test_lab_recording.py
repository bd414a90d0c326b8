"""Recordings: what they hold, that damage is noticed, and that a recording of a recording is the same."""

import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domino_health import lab
from domino_health.lab import Platform, record
from domino_health.lab.kube_api import AGED
from domino_health.lab.recording import (
    LISTINGS,
    RecordedList,
    Recording,
    RecordingError,
    ServerVersion,
    dump,
    load,
    shifted,
    shipped,
)

HOUR = timedelta(hours=1)
SMALL = Recording(
    recorder="a test",
    recorded=datetime(2026, 11, 24, 12, tzinfo=UTC),
    version=ServerVersion("1", "36", "v1.36.3", "linux/amd64"),
    lists={"/api/v1/pods": RecordedList("PodList", "v1", [{"metadata": {"name": "a"}}])},
)


# What is shipped


@pytest.mark.parametrize("kind", lab.KINDS)
def test_a_shipped_recording_holds_what_fact_types_name_and_nothing_else(kind: str) -> None:
    recording = shipped(kind)

    recorded_of = [each for each in LISTINGS if each.everywhere or each.path in OPERATORS]
    assert recording.lists.keys() == {listing.path for listing in recorded_of}
    assert recording.recorder.startswith("domino_health.lab.record ")
    assert len(recording.lists["/api/v1/pods"].items) > 30
    for listing in recorded_of:
        recorded = recording.lists[listing.path]
        page: Any = msgspec.convert({"metadata": {}, "items": recorded.items}, listing.page)
        assert msgspec.json.decode(msgspec.json.encode(page))["items"] == recorded.items


OPERATORS = (
    "/apis/hephaestus.dominodatalab.com/v1/imagebuilds",
    "/apis/distributed-compute.dominodatalab.com/v1alpha1/rayclusters",
)
"""What the recorded cluster has of what a cluster need not have."""


@pytest.mark.parametrize("kind", lab.KINDS)
def test_a_shipped_recording_names_no_user(kind: str) -> None:
    text = dump_text(shipped(kind))

    assert '"metadata"' in text
    for word in ("username", "grace", "ada", "owner-id", "uid", "kubectl", "env"):
        assert f'"{word}' not in text
        assert f'{word}"' not in text


def dump_text(recording: Recording) -> str:
    return gzip.decompress(dump(recording)).decode()


# The form


def test_a_recording_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "small.json.gz"
    file.write_bytes(dump(SMALL))

    assert load(file) == SMALL


def test_the_same_recording_is_the_same_file(tmp_path: Path) -> None:
    file = tmp_path / "small.json.gz"
    file.write_bytes(dump(SMALL))

    assert dump(load(file)) == dump(SMALL)
    assert dump(SMALL)[4:8] == bytes(4)  # gzip's own time


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    whole = gzip.decompress(dump(SMALL))
    file = tmp_path / "small.json.gz"
    for place, byte in enumerate(whole):
        file.write_bytes(gzip.compress(whole[:place] + bytes([byte ^ 1]) + whole[place + 1 :]))
        with pytest.raises(RecordingError):
            load(file)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it cannot be read"),
        (b"not gzip", "it cannot be read"),
        (dump(SMALL)[:-20], "it cannot be read"),
        (dump(SMALL)[:40] + b"\0\0\0\0" + dump(SMALL)[44:], "it cannot be read"),
        (gzip.compress(b'{"items": []}', mtime=0), "it cannot be read"),
        (
            gzip.compress(b'{"digest": "sha256:0", "content": {}}', mtime=0),
            "its content does not match its digest",
        ),
        (dump(msgspec.structs.replace(SMALL, format=2)), "it is of format 2, not 1"),
    ],
)
def test_a_damaged_recording_is_told_with_its_cure(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "small.json.gz"
    file.write_bytes(content)

    with pytest.raises(
        RecordingError, match=rf"^the lab's recording small\.json\.gz cannot be played: {why}"
    ) as told:
        load(file)

    assert "install domino-health again" in str(told.value)


def test_a_missing_recording_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        load(tmp_path / "none.json.gz")


# Times


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-11-24T12:30:00Z", "2026-11-24T13:30:00Z"),
        ("2026-11-24T23:30:00Z", "2026-11-25T00:30:00Z"),
        ("2026-11-24T12:30:00.000000Z", "2026-11-24T13:30:00.000000Z"),
        ("2026-11-24T12:30:00.123456789Z", "2026-11-24T13:30:00.123456789Z"),
        ("2026-11-24T12:30:00+05:30", "2026-11-24T13:30:00+05:30"),
        ({"a": [{"b": "2026-11-24T12:30:00Z"}]}, {"a": [{"b": "2026-11-24T13:30:00Z"}]}),
        # Not a time, or not all of the text
        ("since 2026-11-24T12:30:00Z", "since 2026-11-24T12:30:00Z"),
        ("2026-11-24", "2026-11-24"),
        ("2026-11-24T12:30:00", "2026-11-24T12:30:00"),
        ("2026-13-24T12:30:00Z", "2026-13-24T12:30:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ({"2026-11-24T12:30:00Z": 1}, {"2026-11-24T12:30:00Z": 1}),
        ([1, 2.5, None, True], [1, 2.5, None, True]),
    ],
)
def test_times_are_shifted_wherever_they_stand(before: Any, after: Any) -> None:
    assert shifted(before, HOUR) == after


def test_a_shift_has_whole_seconds() -> None:
    assert shifted("2026-11-24T12:30:00Z", timedelta(seconds=1.9)) == "2026-11-24T12:30:01Z"
    assert shifted("2026-11-24T12:30:00Z", -HOUR) == "2026-11-24T11:30:00Z"


# The recorder, on the lab itself


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    platform = lab.start("faulty", denied=())
    yield platform
    platform.stop()


def run(platform: Platform, output: Path, *more: str) -> int:
    arguments = ["--kubeconfig", platform.variables["LAB_KUBECONFIG"], "--output", str(output), *more]
    return record.main(arguments)


def test_a_recording_of_the_lab_is_what_the_lab_plays(
    platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "again.json.gz"

    assert run(platform, output, "--context", "demo") == 0

    again, played = load(output), shipped("faulty")
    later = datetime.now(UTC) - AGED - played.recorded
    assert abs(datetime.now(UTC) - again.recorded) < timedelta(minutes=1)
    assert again.version == played.version
    assert again.lists.keys() == played.lists.keys()
    for path, recorded in again.lists.items():
        assert without_times(recorded.items) == without_times(played.lists[path].items)
    first, second = (
        datetime.fromisoformat(recording.lists["/api/v1/pods"].items[0]["metadata"]["creationTimestamp"])
        for recording in (played, again)
    )
    assert abs(first + later - second) < timedelta(minutes=1)
    assert f"recorded from Kubernetes {played.version.git_version} into {output}: " in capsys.readouterr().out


def without_times(items: list[Any]) -> list[Any]:
    times = re.compile(r'"\d{4}-\d\d-\d\dT[^"]*"')
    return [times.sub('""', json.dumps(item)) for item in items]


def test_one_namespace_may_be_recorded_alone(platform: Platform, tmp_path: Path) -> None:
    output = tmp_path / "compute.json.gz"

    assert run(platform, output, "--namespace", "domino-compute", "--namespace", "nowhere") == 0

    lists = load(output).lists
    assert [item["metadata"]["name"] for item in lists["/api/v1/namespaces"].items] == ["domino-compute"]
    assert len(lists.pop("/api/v1/nodes").items) == 7, "nodes are in no namespace"
    del lists["/api/v1/namespaces"]
    of_the_cluster = {listing.path for listing in LISTINGS if not listing.in_namespaces}
    for path, recorded in lists.items():
        if path in of_the_cluster:
            continue
        assert {item["metadata"]["namespace"] for item in recorded.items} <= {"domino-compute"}, path
    assert lists["/api/v1/pods"].items


def test_a_refused_list_gives_no_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    platform = lab.start("faulty", denied=["/api/v1/pods"])
    output = tmp_path / "none.json.gz"

    status = run(platform, output)
    platform.stop()

    assert status == 1
    assert not output.exists()
    said = capsys.readouterr().err
    assert said.startswith("nothing recorded: GET /api/v1/pods: 403 pods is forbidden")
    assert 'grant the account this rule: {apiGroups: [""], resources: ["pods"], verbs: ["list"]}' in said


def test_bad_usage_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        record.main(["--kubeconfig", str(tmp_path / "none"), "--output", str(tmp_path / "x")])

    assert ended.value.code == 2
    assert "no such file" in capsys.readouterr().err


def test_help_says_what_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        record.main(["--help"])

    assert "only the fields that a fact type names are kept" in capsys.readouterr().out


def test_the_recorded_file_is_json_for_whoever_wants_to_read_it_before_sharing(tmp_path: Path) -> None:
    content = json.loads(gzip.decompress(dump(SMALL)))

    assert content["digest"].startswith("sha256:")
    assert content["content"]["lists"]["/api/v1/pods"]["items"] == [{"metadata": {"name": "a"}}]
