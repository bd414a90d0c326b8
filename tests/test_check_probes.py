"""PROBE-001 to 003: the probes that workloads have, by their templates."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from checks import test_probes as probes

from domino_health import Assessment, Deployment, DominoNamespace, Finding, Probe, Ref, Service, StatefulSet
from domino_health.facts.resources import Resources
from domino_health.facts.services import ServiceMeta, ServiceSpec
from domino_health.facts.workloads import Exec, HttpGet, ServingContainer, TcpSocket, Template
from platform_builders import deployment, namespace, statefulset, template

READY = Probe(http_get=HttpGet("/ready", 8080), period_seconds=10, failure_threshold=7)
ALIVE = Probe(http_get=HttpGet("/alive", 8080), period_seconds=15, failure_threshold=10)
NAMESPACES = [namespace("domino-platform", "platform"), namespace()]
WEB = Ref("prod", "deployment", "domino-platform", "web")


def made_by(ready: Probe | None = READY, alive: Probe | None = ALIVE, *, model: bool = False) -> Template:
    """A template of two containers, of which one has these probes."""
    main = ServingContainer("main", "", Resources(), "", ready, alive)
    return template(main, ServingContainer("nginx"), workload_type="ModelAPI" if model else "")


def service(name: str = "web", namespace: str = "domino-platform", **selector: str) -> Service:
    """A Service before the pods of ``web``."""
    chosen = {f"app.kubernetes.io/{key}": value for key, value in (selector or {"instance": "web"}).items()}
    return Service(ServiceMeta(name, namespace), ServiceSpec(selector=chosen), "prod")


def web(ready: Probe | None = READY, alive: Probe | None = ALIVE) -> Deployment:
    return deployment("web", made_by=made_by(ready, alive))


def model(ready: Probe | None = READY, alive: Probe | None = ALIVE) -> Deployment:
    return deployment("model-1", namespace="domino-compute", made_by=made_by(ready, alive, model=True))


def readiness(
    *workloads: Deployment, sets: Sequence[StatefulSet] = (), services: Sequence[Service] | None = None
) -> Assessment:
    there = [service()] if services is None else services
    return probes.test_what_serves_has_a_readiness_probe(list(workloads), list(sets), list(there), NAMESPACES)


def liveness(*workloads: Deployment, namespaces: list[DominoNamespace] = NAMESPACES) -> list[Finding]:
    check = probes.test_what_serves_has_a_liveness_probe_that_waits_longer_than_the_readiness_probe
    return list(check(list(workloads), [], [service()], namespaces).findings)


def patience(*workloads: Deployment, **thresholds: timedelta) -> Assessment:
    check = probes.test_a_models_probes_wait_longer_than_a_request_may_take
    return check(list(workloads), [], **thresholds)


# PROBE-001


def test_what_serves_with_a_readiness_probe_in_one_of_its_containers_is_healthy() -> None:
    assessment = readiness(web(), model())

    assert len(assessment.population) == 2
    assert assessment.findings == ()


def test_what_serves_without_a_readiness_probe_is_found() -> None:
    (one, other) = readiness(web(None), model(None)).findings

    assert (one.subject, other.subject.name) == (WEB, "model-1")
    assert "no container has a readiness probe" in one.message


def test_a_stateful_set_behind_a_service_serves_as_well() -> None:
    mongo = statefulset("web", made_by=made_by(None))

    assert [each.subject.kind for each in readiness(sets=[mongo]).findings] == ["statefulset"]


def test_a_probe_of_a_side_car_counts_and_one_of_an_init_container_does_not() -> None:
    probed = ServingContainer("proxy", "", Resources(), "Always", READY)
    by = template(ServingContainer("main"))
    with_side_car = replace_init(by, probed)
    only_at_start = replace_init(by, ServingContainer("proxy", "", Resources(), "", READY))

    assert readiness(deployment("web", made_by=with_side_car)).findings == ()
    assert len(list(readiness(deployment("web", made_by=only_at_start)).findings)) == 1


def replace_init(by: Template, container: ServingContainer) -> Template:
    return msgspec.structs.replace(by, spec=msgspec.structs.replace(by.spec, init_containers=(container,)))


@pytest.mark.parametrize(
    "before",
    [
        [],
        [service(instance="other")],
        [service(namespace="domino-compute")],
        [service(instance="web", component="worker"), service(part="x")],
    ],
    ids=["none", "another's", "another namespace's", "unknown labels"],
)
def test_what_no_service_stands_before_has_no_requests_to_lose(before: list[Service]) -> None:
    workload = deployment("web", made_by=made_by(None))
    labelled = replace_component(workload, "server")

    assert len(readiness(labelled, services=before).population) == 0


def replace_component(workload: Deployment, component: str) -> Deployment:
    labels = msgspec.structs.replace(workload.metadata.labels, component=component)
    metadata = msgspec.structs.replace(workload.metadata, labels=labels)
    return msgspec.structs.replace(workload, metadata=metadata)


def test_a_workload_that_users_run_behind_a_service_of_their_own_is_not_the_platforms() -> None:
    there = deployment("web", namespace="domino-compute", made_by=made_by(None))

    assert len(readiness(there, services=[service(namespace="domino-compute")]).population) == 0


def test_without_anything_that_serves_there_is_nothing_to_assess() -> None:
    assert len(readiness().population) == 0


# PROBE-002


def test_what_serves_without_a_liveness_probe_is_found() -> None:
    (found,) = liveness(web(alive=None))

    assert found.subject == WEB
    assert "no container has a liveness probe" in found.message


def test_a_liveness_probe_that_asks_the_same_must_wait_longer() -> None:
    assert liveness(web(as_probe(70), as_probe(71))) == []
    (found,) = liveness(web(as_probe(70), as_probe(70)))
    assert found.message == (
        "container main: the liveness probe asks the same as the readiness probe and gives up after "
        "1 m 10 s, that one after 1 m 10 s: it restarts what is only busy"
    )


def as_probe(seconds: int) -> Probe:
    """A probe that gives up after that long."""
    return Probe(tcp_socket=TcpSocket(8080), period_seconds=1, failure_threshold=seconds)


def test_a_liveness_probe_that_asks_another_address_may_give_up_sooner() -> None:
    assert liveness(web(READY, Probe(http_get=HttpGet("/alive", 8080), failure_threshold=1))) == []


def test_commands_are_not_read_and_so_not_compared() -> None:
    assert liveness(web(Probe(exec=Exec()), Probe(exec=Exec()))) == []


def test_a_models_probes_are_made_of_one_set_of_settings_and_not_compared() -> None:
    assert liveness(model(READY, READY)) == []


# PROBE-003


def test_a_model_whose_probes_give_up_after_the_timeout_and_no_sooner_is_found() -> None:
    assert patience(model(as_probe(61), as_probe(61))).findings == ()

    (found,) = patience(model(as_probe(61), as_probe(60))).findings
    assert found.subject.name == "model-1"
    assert found.message == (
        "container main: the liveness probe gives up after 1 m (1 s x 60), and a request may take 1 m"
    )


def test_both_probes_of_a_model_are_told_of_in_one_finding() -> None:
    (found,) = patience(model(as_probe(10), as_probe(30))).findings

    assert "the liveness probe gives up after 30 s" in found.message
    assert "the readiness probe gives up after 10 s" in found.message
    assert patience(model(as_probe(10), as_probe(30))).worst == "shortest 10 s, more than 1 m wanted"


def test_a_longer_timeout_of_the_profile_asks_for_more_patience() -> None:
    assert len(list(patience(model(), request_timeout=timedelta(minutes=5)).findings)) == 1


def test_the_platforms_own_services_and_models_without_probes_are_not_held_to_a_models_timeout() -> None:
    assessment = patience(web(as_probe(1), as_probe(1)), model(None, None))

    assert len(assessment.population) == 0
    assert assessment.worst == ""
