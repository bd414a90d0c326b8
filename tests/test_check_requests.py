"""CAP-006: users' work says what it needs."""

import msgspec
from checks import test_requests as requests

from builders import pod
from domino_health import Assessment, Pod
from domino_health.facts.kubernetes import Labels
from domino_health.facts.resources import Container, Resources

ALL = {"cpu": "1", "memory": "1Gi"}
LIMIT = {"memory": "1Gi"}


def assess(*pods: Pod) -> Assessment:
    return requests.test_users_work_has_requests_and_limits(list(pods))


def said(*pods: Pod) -> list[str]:
    return [finding.message for finding in assess(*pods).findings]


def test_an_execution_with_requests_and_a_limit_of_memory_is_healthy() -> None:
    assessment = assess(pod(requests=[ALL], limits=[LIMIT]))

    assert (len(assessment.population), assessment.findings) == (1, ())


def test_what_is_missing_is_named_with_its_container() -> None:
    assert said(pod(requests=[{"cpu": "1"}], limits=[{"cpu": "1"}])) == [
        "1 pod: container run: no limit of memory, container run: no request of memory"
    ]
    assert said(pod(requests=[{}])) == [
        "1 pod: container run: no limit of memory, container run: no request of cpu, "
        "container run: no request of memory"
    ]


def test_a_model_is_users_work_and_the_platform_s_databases_are_not() -> None:
    model = pod("model-1-x", labels=Labels("ModelAPI"), requests=[{}])
    database = pod("mongodb-0", namespace="domino-platform", requests=[{}])

    assert len(assess(model, database).population) == 1
    assert len(said(model, database)) == 1


def test_what_domino_adds_is_not_the_user_s_to_say() -> None:
    one = pod(requests=[ALL], limits=[LIMIT])
    containers = (*one.spec.containers, Container("executor"), Container("nginx"), Container("istio-proxy"))
    beside = msgspec.structs.replace(one, spec=msgspec.structs.replace(one.spec, containers=containers))

    assert said(beside) == []


def test_what_is_said_for_the_pod_as_a_whole_counts() -> None:
    one = pod(requests=[{}])
    spec = msgspec.structs.replace(one.spec, resources=Resources(ALL, LIMIT))

    assert said(msgspec.structs.replace(one, spec=spec)) == []


def test_what_has_ended_is_not_assessed() -> None:
    assert len(assess(pod(node="n", phase="Succeeded", requests=[{}])).population) == 0


def test_a_thousand_pods_of_a_tier_are_one_finding() -> None:
    labels = Labels("Batch", "small-k8s", "churn")
    pods = [pod(f"run-{n:024x}-abcde", labels=labels, requests=[{}]) for n in range(1000)]

    (finding,) = assess(*pods).findings
    assert (finding.count, len(finding.examples)) == (1000, 3)


def test_without_users_work_there_is_nothing_to_assess() -> None:
    assert len(assess().population) == 0
