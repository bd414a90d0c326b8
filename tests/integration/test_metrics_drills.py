"""CAP-005 against a real API server's aggregation of the metrics API.

Nothing runs on KWOK's nodes, so that a real metrics-server would have nothing to measure: a STUB answers
in its place, behind the aggregation and the rights that are the API server's own.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import domino_cluster as domino
from certificates import authority, write_chain
from control_plane import ControlPlane
from drills import look
from fault_server import Exchange, FaultServer
from kube_client import Object, eventually
from objects import made

GROUP = "/apis/metrics.k8s.io/v1beta1"
MEMORY = 30 << 20
"""KiB of memory that a node here has for pods."""


class Metrics:
    """What the STUB says: that it serves nodes, and what each of them uses."""

    def __init__(self, nodes: list[str]) -> None:
        self.shares = dict.fromkeys(nodes, 0.1)
        """Of its memory, by node."""

    def __call__(self, exchange: Exchange) -> None:
        """Discovery, by which the API server knows that it is there, and the list."""
        if exchange.request.path == f"{GROUP}/nodes":
            exchange.answer(200, self._list(), content_type="application/json")
        elif exchange.request.path == GROUP:
            nodes = {"name": "nodes", "singularName": "", "namespaced": False, "kind": "NodeMetrics"}
            resources: Object = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP[6:]}
            resources["resources"] = [{**nodes, "verbs": ["get", "list"]}]
            exchange.answer(200, resources, content_type="application/json")
        else:
            exchange.answer(404)

    def _list(self) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        items = [
            {
                "metadata": {"name": name},
                "timestamp": now,
                "window": "20s",
                "usage": {"cpu": "312456789n", "memory": f"{int(MEMORY * share)}Ki"},
            }
            for name, share in self.shares.items()
        ]
        return {"kind": "NodeMetricsList", "apiVersion": GROUP[6:], "metadata": {}, "items": items}


@contextmanager
def served(plane: ControlPlane, server: FaultServer) -> Iterator[None]:
    """The metrics API is the server's, by a Service that leads to loopback, until the end."""
    service = domino.new("v1", "Service", "metrics-server", "kube-system")
    service["spec"] = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": server.port}]}
    api = domino.new("apiregistration.k8s.io/v1", "APIService", "v1beta1.metrics.k8s.io")
    api["spec"] = {
        "group": "metrics.k8s.io",
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": {"namespace": "kube-system", "name": "metrics-server", "port": server.port},
    }
    try:
        with made(plane, service, api):
            yield
    finally:
        eventually(lambda: plane.find(GROUP) is None, what="the end of the API")


@pytest.fixture
def metrics(platform: ControlPlane, tmp_path: Path) -> Iterator[Metrics]:
    """What the STUB says, as it can be changed; the API server has it already."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain = authority().issue("metrics-server", "localhost")
    context.load_cert_chain(write_chain(tmp_path / "metrics-server.pem", chain))
    said = Metrics([node["metadata"]["name"] for node in platform.list("/api/v1/nodes")])
    with FaultServer(context, said) as server, served(platform, server):
        eventually(lambda: platform.find(f"{GROUP}/nodes") is not None, what="the metrics API")
        yield said


def test_nodes_with_memory_to_spare_are_healthy(
    platform: ControlPlane, metrics: Metrics, tmp_path: Path
) -> None:
    metrics.shares["default-1"] = 0.79

    run = look(platform, tmp_path)

    assert run.found() == {}
    assert (run.result("CAP-005")["state"], run.result("CAP-005")["population"]) == ("passed", 7)


def test_a_node_at_the_edge_of_its_memory_is_found(
    platform: ControlPlane, metrics: Metrics, tmp_path: Path
) -> None:
    metrics.shares["default-1"] = 0.92

    run = look(platform, tmp_path)

    assert run.found() == {"CAP-005": ["node-pool/default"]}
    assert run.only("CAP-005") == (
        "high: 1 node uses 80 % or more of its memory, of 2: at most 92 % of 30.0 GiB on default-1"
    )


def test_a_node_that_the_metrics_server_does_not_reach_is_unknown(
    platform: ControlPlane, metrics: Metrics, tmp_path: Path
) -> None:
    del metrics.shares["default-1"]

    run = look(platform, tmp_path, "thresholds: {CAP-005: {fresh: 1s}}\n")

    assert run.found() == {}
    (unseen,) = run.result("CAP-005")["unseen"]
    assert "default-1" in unseen["reason"]


def test_an_account_without_the_right_gets_no_pass(
    platform: ControlPlane, metrics: Metrics, tmp_path: Path
) -> None:
    result = look(platform, tmp_path, user="nobody").result("CAP-005")

    assert result["state"] == "unknown"
    assert "metrics.k8s.io" in str(result["unseen"])
