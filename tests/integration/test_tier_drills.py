"""CAP-007 and CAP-008 against a real control plane: its scheduler, its DaemonSets, its quotas.

Hardware tiers are Domino's, and no Domino is here: the profile names them, or a STUB of Domino's API does.
What a tier is said to fit is held against what the real scheduler makes of an execution of it.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

import domino_cluster as domino
from certificates import authority, write_bundle, write_chain
from control_plane import ControlPlane
from drills import execution, look, patch_node, waits
from fault_server import FaultServer, says
from health_run import HealthRun
from kube_client import Object, eventually
from objects import made, runs

SMALL = "{id: small-k8s, node_pool: default, cpu: 1, memory: 4Gi}"
LARGE = "{id: large-k8s, node_pool: default, cpu: 6, memory: 27Gi}"
GPU = "{id: gpu-small-k8s, node_pool: default-gpu, cpu: 2, memory: 10Gi, gpus: 1, max_executions: 8}"
LARGEST = 30 * 1024 - 128 - 2574
"""MiB of memory that a tier may ask for on these nodes: 30 GiB, without the log shipper and the side-cars."""
TOKEN = "c2VydmljZS1hY2NvdW50"


def tiers(*those: str) -> str:
    return "domino:\n  hardware_tiers:\n" + "".join(f"    - {each}\n" for each in those)


def row(run: HealthRun, tier: str) -> list[str]:
    """Of the table of CAP-008: what is told of a tier."""
    (table,) = run.result("CAP-008")["attachments"]
    (found,) = [each for each in table["rows"] if each[0].endswith(f"hardwaretier/{tier}")]
    return list(found)


@contextlib.contextmanager
def one_more_node(plane: ControlPlane, number: int, **capacity: str) -> Iterator[str]:
    """A node of the pool default, with its log shipper, for as long as it lasts."""
    made = domino.node("default", number, f"10.0.2.{number}", plane.get("/version")["gitVersion"])
    for kind in ("capacity", "allocatable"):
        made["status"][kind] |= capacity
    name = made["metadata"]["name"]
    plane.create(made)
    try:
        eventually(lambda: any(_is_on(each, name) for each in shippers(plane)), what=f"the shipper on {name}")
        domino.settle(plane)
        yield name
    finally:
        plane.delete(made)
        eventually(
            lambda: not any(each["spec"].get("nodeName") == name for each in shippers(plane)),
            120,  # orphans are looked for every 20 s, and quarantined for 40
            what=f"the end of the pods on {name}",
        )


def shippers(plane: ControlPlane) -> list[Object]:
    return [
        each
        for each in plane.list(f"/api/v1/namespaces/{domino.PLATFORM}/pods")
        if each["metadata"]["name"].startswith("fluent-bit-")
    ]


def _is_on(pod: Object, node: str) -> bool:
    return bool(pod["spec"].get("nodeName") == node and pod["status"].get("phase") == "Running")


def is_on(plane: ControlPlane, pod: Object) -> str:
    """Wait until a pod runs; the name of its node."""
    runs(plane, pod)
    return str(plane.get(plane.path(pod))["spec"]["nodeName"])


def test_a_healthy_domino_with_its_tiers_gives_no_finding(platform: ControlPlane, tmp_path: Path) -> None:
    said = f"{tiers(SMALL, LARGE, GPU)}  max_executions_per_user: 25\n"
    run = look(platform, tmp_path, said)

    assert run.exit_status == 0, run.output
    assert run.found() == {}
    assert {id: run.result(id)["state"] for id in ("CAP-007", "CAP-008")} == {
        "CAP-007": "passed",
        "CAP-008": "passed",
    }
    assert run.result("CAP-008")["population"] == 3
    assert row(run, "gpu-small-k8s")[1:6] == [
        "default-gpu",
        "2 cpu, 10.0 GiB memory, 1 nvidia.com/gpu",
        "1",
        "0",
        "nvidia.com/gpu on nodes of default-gpu",
    ]


def test_without_its_tiers_cap_008_is_skipped_and_says_what_it_needs(
    platform: ControlPlane, tmp_path: Path
) -> None:
    run = look(platform, tmp_path, "domino: {platform_namespace: domino-platform}\n")

    assert run.found() == {}
    result = run.result("CAP-008")
    assert result["state"] == "skipped"
    assert "name them in domino.hardware_tiers" in result["reason"]


def test_an_account_without_rights_gets_no_pass(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path, tiers(SMALL), user="nobody")

    assert run.result("CAP-007")["state"] == "unknown"
    assert run.result("CAP-008")["state"] == "unknown"


def test_the_largest_tier_that_fits_is_the_one_that_the_scheduler_takes(
    platform: ControlPlane, tmp_path: Path
) -> None:
    """To the mebibyte: what the check passes runs on an empty node, and what it finds waits."""
    fits = f"{{id: fits, node_pool: default, cpu: 2, memory: {LARGEST}Mi}}"
    too_large = f"{{id: too-large, node_pool: default, cpu: 2, memory: {LARGEST + 1}Mi}}"

    run = look(platform, tmp_path, tiers(SMALL, fits, too_large))

    assert run.found() == {"CAP-008": ["hardwaretier/too-large"]}
    assert run.only("CAP-008") == (
        "medium: fits no node of the pool default with the 2.5 GiB of Domino's side-cars: 29.9 GiB of "
        "memory, where nodes have at most 29.9 GiB, 1.0 MiB less"
    )
    with one_more_node(platform, 7) as node:
        waiting = execution("one too much", tier="large-k8s", cpu="2", memory=f"{LARGEST + 1}Mi")
        with made(platform, waiting):
            waits(platform, waiting)
            assert "3 Insufficient memory" in domino.unschedulable(platform.get(platform.path(waiting)))
        running = execution("just enough", tier="large-k8s", cpu="2", memory=f"{LARGEST}Mi")
        with made(platform, running):
            assert is_on(platform, running) == node


@pytest.mark.parametrize(
    ("tier", "told"),
    [
        (
            "{id: broken, node_pool: defualt, cpu: 1, memory: 4Gi}",
            "medium: no node has the label dominodatalab.com/node-pool=defualt, and no autoscaler is known "
            "that could bring one; is default meant?",
        ),
        (
            "{id: broken, node_pool: default, cpu: 16, memory: 4Gi}",
            "high: fits no node of the pool default: 16 of cpu, where nodes have at most 7.81",
        ),
        (
            "{id: broken, node_pool: default, cpu: 1, memory: 4Gi, gpus: 1}",
            "high: fits no node of the pool default: 1 of nvidia.com/gpu, where nodes have none",
        ),
        (
            "{id: broken, node_pool: default, cpu: 1, cpu_limit: 4, memory: 4Gi, memory_limit: 20Gi}",
            "high: its limit of cpu is 4 times its request: 4 of 1; its limit of memory is 5 times its "
            "request: 20.0 GiB of 4.0 GiB",
        ),
        (
            "{id: broken, node_pool: default-gpu, cpu: 1, memory: 4Gi, gpus: 1, max_executions: 9}",
            "medium: resourcequota/domino-compute/executions holds 8 of it (requests.nvidia.com/gpu 8), and "
            "Domino allows 9 at once: the others fail",
        ),
    ],
    ids=["no such pool", "too large", "no GPU there", "limits", "quota"],
)
def test_a_tier_that_is_out_of_step_is_found_by_its_name(
    platform: ControlPlane, tmp_path: Path, tier: str, told: str
) -> None:
    # Its nodes are minutes old, and one with GPUs would be given the time for its driver to come up.
    strict = "thresholds: {CAP-008: {joins_within: 0s}}\n"
    run = look(platform, tmp_path, f"{tiers(SMALL, tier)}{strict}")

    assert run.found() == {"CAP-008": ["hardwaretier/broken"]}
    assert run.only("CAP-008") == told


def test_what_runs_on_a_large_node_that_is_drained_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    with one_more_node(platform, 8, cpu="32", memory="128Gi") as node:
        pod = execution("genome assembly", tier="large-k8s", cpu="8", memory="64Gi")
        with made(platform, pod):
            assert is_on(platform, pod) == node
            assert look(platform, tmp_path, tiers(SMALL)).found() == {}
            patch_node(platform, node, {"spec": {"unschedulable": True}})
            run = look(platform, tmp_path, tiers(SMALL))

    assert list(run.found()) == ["CAP-007"]
    (subject,) = run.subjects("CAP-007")
    assert subject.startswith("execution/domino-compute/type=Batch,tier=large-k8s,")
    assert run.only("CAP-007") == (
        "medium: 1 pod runs in the pool default and would find no node there again: 8.2 of cpu, where nodes "
        "have at most 7.81 and 66.5 GiB of memory, where nodes have at most 29.9 GiB (not counted: "
        "default-8, cordoned or about to go)"
    )


def test_tiers_come_from_dominos_api_where_the_profile_has_a_token(
    platform: ControlPlane, tmp_path: Path
) -> None:
    """The API is a STUB, which answers in the form that Domino's own code reads."""
    tier = {
        "id": "broken",
        "name": "Broken",
        "nodePool": "defualt",
        "hwtResources": {"cores": 1, "memory": {"value": 4, "unit": "GiB"}},
    }
    root = authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_chain(tmp_path / "server.pem", root.issue("domino", "127.0.0.1")))
    ca_file = write_bundle(tmp_path / "ca.pem", root)
    said = f"  token: ${{DOMINO_TOKEN}}\n  ca_file: {ca_file}\n"

    with FaultServer(context, says(200, {"hardwareTiers": [tier]})) as api:
        host = api.url.removeprefix("https://")
        found = look(platform, tmp_path, f"domino:\n  url: {api.url}\n{said}", DOMINO_TOKEN=TOKEN)
        assert [each.headers["authorization"] for each in api.requests] == [f"Bearer {TOKEN}"]
        api.answer = says(401, f"no {TOKEN}")
        refused = look(platform, tmp_path, f"domino:\n  url: {api.url}\n{said}", DOMINO_TOKEN=TOKEN)

    assert found.found() == {"CAP-008": ["hardwaretier/broken"]}
    result = refused.result("CAP-008")
    assert (result["state"], refused.exit_status) == ("unknown", 6), refused.output
    (unseen,) = result["unseen"]
    assert (unseen["outcome"], unseen["target"]) == ("denied", host)
    assert "the credential is not known or has expired" in unseen["reason"]
    for run in (found, refused):
        assert TOKEN not in run.output
        assert not any(TOKEN in file.read_text(errors="replace") for file in run.folder.glob("*.*"))
