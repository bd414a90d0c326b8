"""The clusters that executions compute on: not installed, denied in part and unreadable are told apart."""

from typing import Any

import pytest

from domino_health.collectors.compute_clusters import API, compute_clusters
from domino_health.collectors.gather import Wanted
from domino_health.facts.compute_clusters import ComputeCluster
from domino_health.facts.observed import Observed, Outcome
from fault_server import Answer, Exchange
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    StartStub,
    Trust,
    gathered,
    opened,
    page_of,
    plain_environment,
    status,
    stub,
    trust,
)

pytestmark = pytest.mark.usefixtures("plain_environment")

KINDS = ("sparkclusters", "rayclusters", "daskclusters", "mpiclusters")
CLUSTER: dict[str, Any] = {
    "metadata": {"name": "a", "namespace": "domino-compute", "creationTimestamp": "2026-11-24T03:00:00Z"},
    "spec": {"worker": {"replicas": 2}},
}


ABSENT, DENIED = status(404, "NotFound"), status(403, "Forbidden")


def answers(**by_kind: tuple[int, Any]) -> Answer:
    """Of each kind; what is not given is not there."""
    given = dict.fromkeys(KINDS, ABSENT) | by_kind

    def answer(exchange: Exchange) -> None:
        exchange.answer(*given[exchange.request.path.rpartition("/")[2]])

    return answer


def looked(answer: Answer, stub: StartStub, trust: Trust, **more: Any) -> Observed:
    return gathered(
        stub(answer).url,
        trust,
        Wanted("compute_clusters", compute_clusters, "clusters", ComputeCluster),
        **more,
    )


def test_all_kinds_are_read_and_each_says_what_it_is(stub: StartStub, trust: Trust) -> None:
    observed = looked(answers(**dict.fromkeys(KINDS, page_of(CLUSTER))), stub, trust)

    assert observed.unseen == []
    assert [(each.kind, each.on, each.cluster, each.wanted) for each in observed.objects] == [
        ("SparkCluster", "spark", "prod", 2),
        ("RayCluster", "ray", "prod", 2),
        ("DaskCluster", "dask", "prod", 2),
        ("MPICluster", "mpi", "prod", 2),
    ]


def test_an_operator_of_fewer_kinds_is_no_fault(stub: StartStub, trust: Trust) -> None:
    observed = looked(answers(rayclusters=page_of(CLUSTER), sparkclusters=page_of()), stub, trust)

    assert observed.unseen == []
    assert [each.kind for each in observed.objects] == ["RayCluster"]


def test_no_kind_at_all_is_no_operator(stub: StartStub, trust: Trust) -> None:
    (target,) = looked(answers(), stub, trust).targets

    assert target.outcome is Outcome.NOT_INSTALLED
    assert target.reason.startswith("distributed-compute-operator is not installed")
    assert f"{API}: 404" in target.reason


def test_a_kind_that_is_denied_takes_nothing_from_the_others(stub: StartStub, trust: Trust) -> None:
    observed = looked(answers(rayclusters=page_of(CLUSTER), mpiclusters=DENIED), stub, trust)

    (unseen,) = observed.unseen
    assert [each.kind for each in observed.objects] == ["RayCluster"]
    assert "403" in unseen.reason
    assert 'resources: ["mpiclusters"], verbs: ["list"]' in unseen.cure


def test_all_that_is_there_denied_is_denied(stub: StartStub, trust: Trust) -> None:
    (target,) = looked(answers(rayclusters=DENIED, sparkclusters=DENIED), stub, trust).targets

    assert target.outcome is Outcome.DENIED
    assert "rayclusters" in target.cure
    assert "sparkclusters" in target.cure


def test_a_page_that_is_none_is_a_failure(stub: StartStub, trust: Trust) -> None:
    (target,) = looked(answers(rayclusters=(200, {"items": [{"metadata": {}}]})), stub, trust).targets

    assert target.outcome is Outcome.FAILED
    assert "that are not what a Kubernetes API sends" in target.reason


def test_in_namespaces_each_is_asked_by_itself(stub: StartStub, trust: Trust) -> None:
    observed = looked(
        answers(rayclusters=page_of(CLUSTER), sparkclusters=page_of(CLUSTER), daskclusters=page_of(CLUSTER)),
        stub,
        trust,
        namespaces=["domino-compute"],
    )

    (target,) = observed.targets
    assert target.target == "prod/domino-compute"
    assert target.how.endswith(
        f"{API}/namespaces/domino-compute/{{sparkclusters,rayclusters,daskclusters,mpiclusters}}"
    )


@pytest.mark.parametrize(("said", "wanted"), [({}, 0), ({"worker": {"replicas": 0}}, 0)])
def test_a_cluster_that_asks_for_no_workers_wants_none(
    said: dict[str, Any], wanted: int, stub: StartStub, trust: Trust
) -> None:
    observed = looked(answers(rayclusters=page_of({**CLUSTER, "spec": said})), stub, trust)

    assert [each.wanted for each in observed.objects] == [wanted]
