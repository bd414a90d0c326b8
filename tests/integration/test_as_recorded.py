"""The lab's recordings are still what a real control plane answers today.

It comes before the drills, by its name: they leave a cluster that is healthy, and not always to the letter.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import demo_platform as demo
import domino_cluster as domino
from control_plane import ControlPlane
from domino_health import Pod
from domino_health.lab import record
from domino_health.lab.recording import Recording, load, shipped

NAMESPACES = (domino.PLATFORM, domino.COMPUTE, domino.SYSTEM)
TIME = re.compile(r'"\d{4}-\d\d-\d\dT[^"]*"')
ANEW = "make them anew: python tests/integration/make_recordings.py"


@pytest.fixture(scope="module")
def cluster(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    domino.install(control_plane)
    with demo.healthy(control_plane):
        yield control_plane


@pytest.fixture(scope="module")
def faulty(cluster: ControlPlane) -> Iterator[ControlPlane]:
    domino.install(cluster, faults=True)
    with demo.faults(cluster):
        yield cluster
    domino.remove_faults(cluster)


def recorded(plane: ControlPlane, folder: Path) -> Recording:
    """The cluster as it is now, by the same command that made the shipped recordings."""
    output = folder / "again.json.gz"
    arguments = ["--kubeconfig", str(plane.kubeconfig()), "--output", str(output)]
    for namespace in NAMESPACES:  # other tests may have left something elsewhere
        arguments += ["--namespace", namespace]
    assert record.main(arguments) == 0
    return load(output)


def timeless(item: object) -> str:
    """An item as text, without its times, and without memory: how much is free depends on who came where."""
    text = TIME.sub('""', msgspec.json.encode(item, order="deterministic").decode())
    return text.replace("1 Insufficient memory, ", "").replace("2 Insufficient memory, ", "")


def steady(recording: Recording) -> Counter[str]:
    """Every pod without what changes from run to run, and how many there are of each.

    Names that controllers make up give way to what the pods belong to, times and hashes are left out, and
    of the node it is kept whether there is one.
    """
    return Counter(
        timeless(
            {
                "subject": str(pod.subject),
                "workload": pod.metadata.labels.workload_type,
                "tier": pod.metadata.labels.hardware_tier,
                "project": pod.metadata.labels.project,
                "owners": sorted(owner.kind for owner in pod.metadata.owner_references),
                "deleted": pod.metadata.deletion_timestamp is not None,
                "spec": msgspec.structs.replace(pod.spec, node_name="some" if pod.spec.node_name else ""),
                "phase": pod.status.phase,
                "conditions": sorted(pod.status.conditions, key=lambda condition: condition.type),
            }
        )
        for pod in pods(recording)
    )


def others(recording: Recording) -> dict[str, list[str]]:
    """All but pods and events, without times and what is used of quotas: a controller counts it late.

    In any order, for endpoints have names that a controller makes up, and conditions stand in the order in
    which they came to be. Whether a claim that is bound was once given to its driver, or found its volume
    before that, is told by annotations, and is a race.
    """
    for listed in lists_of(recording):
        for item in listed:
            if conditions := item.get("status", {}).get("conditions"):
                conditions.sort(key=lambda condition: condition["type"])
    for quota in (lists := recording.lists)["/api/v1/resourcequotas"].items:
        quota.pop("status", None)
    for claim in lists["/api/v1/persistentvolumeclaims"].items:
        if claim["status"]["phase"] == "Bound":
            claim["metadata"].pop("annotations", None)
    left_out = ("/api/v1/pods", "/api/v1/events")
    return {
        path: sorted(map(timeless, listed.items)) for path, listed in lists.items() if path not in left_out
    }


def lists_of(recording: Recording) -> list[list[dict[str, Any]]]:
    return [listed.items for listed in recording.lists.values()]


def pods(recording: Recording) -> list[Pod]:
    return [msgspec.convert(item, Pod) for item in recording.lists["/api/v1/pods"].items]


def compare(again: Recording, kind: str) -> None:
    was = shipped(kind)
    assert again.version.git_version == was.version.git_version, ANEW
    assert again.lists.keys() == was.lists.keys(), ANEW
    assert steady(again) == steady(was), ANEW
    assert others(again) == others(was), ANEW


def test_a_healthy_cluster_is_what_was_recorded(cluster: ControlPlane, tmp_path: Path) -> None:
    compare(recorded(cluster, tmp_path), "healthy")


def test_a_faulty_cluster_is_what_was_recorded(faulty: ControlPlane, tmp_path: Path) -> None:
    again = recorded(faulty, tmp_path)

    compare(again, "faulty")
    stuck = [pod for pod in pods(again) if not pod.spec.node_name]
    assert len(stuck) == 6  # or the comparison would be of two healthy clusters
    for pod in stuck:
        assert "nodes are available" in pod.why_unscheduled
    registry = next(
        item
        for item in again.lists["/apis/apps/v1/statefulsets"].items
        if item["metadata"]["name"] == domino.BROKEN
    )
    assert registry.get("status", {}) == {}, "no replica of it is ready"
    assert again.lists["/api/v1/resourcequotas"].items == again.lists["/api/v1/limitranges"].items == []


def test_what_is_shipped_is_of_domino_alone() -> None:
    for kind in ("faulty", "healthy"):
        assert {pod.metadata.namespace for pod in pods(shipped(kind))} <= set(NAMESPACES)


def test_a_reader_who_may_not_list_is_told_and_nothing_is_written(
    control_plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "none.json.gz"

    status = record.main(["--kubeconfig", str(control_plane.kubeconfig("nobody")), "--output", str(output)])

    assert (status, output.exists()) == (1, False)
    assert 'User "nobody" cannot list resource "pods"' in capsys.readouterr().err
