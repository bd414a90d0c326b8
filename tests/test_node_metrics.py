"""The fact node_metrics: not installed, not answering and not allowed are three different things."""

from typing import Any

import pytest

from domino_health.collectors import kubernetes
from domino_health.collectors.gather import Wanted
from domino_health.facts.metrics import NodeMetrics
from domino_health.facts.observed import Outcome
from fault_server import says
from stubs import StartStub, Trust, gathered, opened, plain_environment, stub, trust  # noqa: F401

METRICS = {
    "metadata": {"name": "n"},
    "timestamp": "2026-11-24T03:00:00Z",
    "window": "20s",
    "usage": {"cpu": "1"},
}

FACT = Wanted("node_metrics", kubernetes.node_metrics, "clusters", NodeMetrics)


def status(code: int, message: str) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


def test_a_cluster_that_serves_no_metrics_has_none_installed(stub: StartStub, trust: Trust) -> None:
    server = stub(says(404, status(404, "the server could not find the requested resource")))

    observed = gathered(server.url, trust, FACT, deadline="5s")

    assert observed.absent == (
        "no metrics API: metrics-server is not installed (GET /apis/metrics.k8s.io/v1beta1/nodes: 404)"
    )
    assert observed.unseen == []


@pytest.mark.parametrize(
    ("code", "outcome"), [(403, Outcome.DENIED), (401, Outcome.DENIED), (500, Outcome.FAILED)]
)
def test_a_refusal_or_a_failure_is_unseen_and_no_skip(
    stub: StartStub, trust: Trust, code: int, outcome: Outcome
) -> None:
    server = stub(says(code, status(code, "no")))

    observed = gathered(server.url, trust, FACT, deadline="5s")

    assert observed.absent == ""
    assert [seen.outcome for seen in observed.targets] == [outcome]


def test_metrics_are_read_with_the_cluster_they_are_of(stub: StartStub, trust: Trust) -> None:
    server = stub(says(200, {"kind": "NodeMetricsList", "metadata": {}, "items": [METRICS]}))

    (metrics,) = gathered(server.url, trust, FACT, deadline="5s").objects
    assert (metrics.cluster, metrics.metadata.name, metrics.usage) == ("prod", "n", {"cpu": "1"})
