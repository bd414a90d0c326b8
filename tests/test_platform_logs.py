"""Logs of Domino's services: whose are read and in which order, how much of them, and what is kept."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

import msgspec
import pytest

from builders import NOW, deployment_pod, waits
from builders import pod as a_pod
from domino_health import Candidate, DominoNamespace, DominoService, LogCount, Pod
from domino_health.collectors import platform_logs
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.looking import CollectionError, Target
from domino_health.facts.containers import ContainerState, ContainerStatus, Running
from domino_health.facts.kubernetes import Labels, Owner
from domino_health.facts.observed import Observed, Outcome, Seen
from domino_health.profile import Profile
from fault_server import Exchange, FaultServer, says
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    TOKEN,
    StartStub,
    Trust,
    opened,
    plain_environment,
    stub,
    trust,
)

pytestmark = pytest.mark.usefixtures("plain_environment")

MEMORY = b"java.lang.OutOfMemoryError: Java heap space\n"
STARTED = NOW - timedelta(hours=1)


def running(name: str) -> ContainerStatus:
    return ContainerStatus(name, True, 0, ContainerState(running=Running(STARTED)))


def web(suffix: str, *names: str, workload: str = "web", **more: Any) -> Pod:
    statuses = [running(name) for name in names or ("web",)]
    given = {"cluster": "prod", "node": "n1", "phase": "Running", "statuses": statuses, **more}
    return deployment_pod(workload, suffix, **given)


def elsewhere(pod: Pod, namespace: str) -> Pod:
    return msgspec.structs.replace(pod, metadata=msgspec.structs.replace(pod.metadata, namespace=namespace))


def model(number: int, **more: Any) -> Pod:
    labels = Labels("ModelAPI", pod_template_hash="5d9c7b8f4")
    name = f"model-{number:03}"
    owner = Owner("ReplicaSet", f"{name}-5d9c7b8f4", controller=True)
    statuses = [running(name)]
    given = {"cluster": "prod", "node": "n1", "phase": "Running", "statuses": statuses, **more}
    return a_pod(f"{name}-5d9c7b8f4-a", labels=labels, owner=owner, **given)


def service(role: str = "front_end", name: str = "web", cluster: str = "prod") -> DominoService:
    candidate = Candidate("deployment", "domino-platform", name, 1, 1)
    return DominoService(role, (candidate,), "name", cluster=cluster)


def given(name: str, things: Sequence[Any] | CollectionError, type: Any) -> Wanted:
    def look(*_: Any) -> Sequence[Any]:
        if isinstance(things, CollectionError):
            raise things
        return things

    target = Target("prod", "as given", timedelta(seconds=30), look)
    return Wanted(name, lambda _: [target], "clusters", type)


def namespace(name: str, part: Literal["platform", "compute"]) -> DominoNamespace:
    return DominoNamespace(name, part, "name", "prod")


FRONT_END = service()
NAMESPACES = [namespace("domino-platform", "platform"), namespace("domino-compute", "compute")]


def gather(
    server: FaultServer,
    trust: Trust,
    *pods: Pod,
    opens: tuple[str, ...] = ("domino-platform",),
    services: Sequence[DominoService] | CollectionError = (FRONT_END,),
    logs: dict[str, Any] | None = None,
) -> Observed:
    cluster: dict[str, Any] = {
        "name": "prod",
        "server": server.url,
        "ca_file": str(trust.ca_file),
        "token": TOKEN,
    }
    cluster |= {"logs": list(opens)} if opens else {}
    profile = {"version": 1, "clusters": [cluster]} | ({"logs": logs} if logs else {})
    needed = ("pods", "domino_namespaces", "domino_services")
    gathering = Gathering(
        [
            given("pods", pods, Pod),
            given("domino_namespaces", NAMESPACES, DominoNamespace),
            given("domino_services", services, DominoService),
            Wanted("log_counts", platform_logs.log_counts, "clusters", LogCount, needed),
        ],
        Profile.model_validate(profile),
    )
    gathering.start()
    return gathering.wait("log_counts")


# Whose


def test_nobody_reads_a_log_that_the_profile_does_not_open(stub: StartStub, trust: Trust) -> None:
    server = stub(says(200, MEMORY))

    observed = gather(server, trust, web("a"), opens=())
    other = gather(server, trust, web("a"), opens=("domino-compute",))

    assert observed.absent == (
        "reading logs is opt-in, and the profile opens no namespace (clusters[].logs: [namespace])"
    )
    assert (other.absent, other.objects, other.unseen) == ("", [], [])
    assert server.requests == []


def chosen(*pods: Pod, services: Sequence[DominoService] = (FRONT_END,)) -> list[platform_logs.Part]:
    objects = {"domino_services": services, "domino_namespaces": NAMESPACES}
    facts = {
        name: Observed(
            name, (Seen(target="prod", outcome=Outcome.SEEN, how="", at=NOW, seconds=0, objects=tuple(each)),)
        )
        for name, each in objects.items()
    }
    return platform_logs.chosen(pods, facts, timedelta(minutes=15))


def names(parts: Sequence[platform_logs.Part]) -> list[tuple[str, str]]:
    return [(part.asked.service, part.asked.pod) for part in parts]


def test_services_monitoring_others_and_models_are_read_in_this_order_and_nothing_that_users_run() -> None:
    pods = [
        model(1),
        web("a", workload="grafana"),
        web("a", workload="fluent-bit"),
        web("a", workload="prometheus-adapter"),
        elsewhere(web("a", workload="grafana"), "monitoring"),
        web("a", workload="mygrafana"),
        web("a"),
        elsewhere(web("a", workload="hephaestus"), "domino-compute"),
        web("a", cluster="dr"),
        a_pod(
            "alone", labels=Labels(), node="n", phase="Running", statuses=[running("alone")], cluster="prod"
        ),
        a_pod(node="n", phase="Running", statuses=[running("run")], cluster="prod"),
    ]

    assert names(chosen(*pods)) == [
        ("front_end", "web-5d9c7b8f4-a"),
        ("monitoring", "fluent-bit-5d9c7b8f4-a"),
        ("monitoring", "grafana-5d9c7b8f4-a"),
        ("monitoring", "prometheus-adapter-5d9c7b8f4-a"),
        ("other", "web-5d9c7b8f4-a"),
        ("other", "hephaestus-5d9c7b8f4-a"),
        ("other", "mygrafana-5d9c7b8f4-a"),
        ("other", "grafana-5d9c7b8f4-a"),
        ("model", "model-001-5d9c7b8f4-a"),
    ]


@pytest.mark.parametrize(
    "more", [{"deleted": True}, {"statuses": []}, {"statuses": [waits("CrashLoopBackOff", restarts=3)]}]
)
def test_what_does_not_run_has_no_log_of_now(more: dict[str, Any]) -> None:
    assert chosen(web("a", **more)) == []


def test_every_workload_is_read_once_before_any_twice_and_none_four_times() -> None:
    pods = [*(web(str(number)) for number in range(5)), *(model(number) for number in range(206))]

    parts = chosen(*pods)

    assert len({part.asked.pod for part in parts if not part.asked.problem}) == platform_logs.MOST_PODS == 200
    assert names(parts)[:2] == [("front_end", "web-5d9c7b8f4-0"), ("model", "model-000-5d9c7b8f4-a")]
    left = [part.asked for part in parts if part.asked.problem]
    assert [each.workload for each in left] == [f"model-{number:03}" for number in range(199, 206)]
    assert left[0].problem == "the logs of 200 other pods are read, and no more in a run"
    assert [part.asked.pod for part in chosen(*pods[:5])] == [
        f"web-5d9c7b8f4-{number}" for number in range(3)
    ]


# How much


def test_what_is_asked_for_is_bounded_in_time_lines_and_bytes(stub: StartStub, trust: Trust) -> None:
    server = stub(says(200, MEMORY))

    observed = gather(server, trust, web("a", "web", "istio-proxy"), logs={"window": "30m"})

    queries = [request.query for request in server.requests]
    bounds = {"sinceSeconds": "1800", "tailLines": "5000", "limitBytes": str(1 << 18)}
    assert queries == [{"container": "web", **bounds}, {"container": "istio-proxy", **bounds}]
    assert {request.path for request in server.requests} == {
        "/api/v1/namespaces/domino-platform/pods/web-5d9c7b8f4-a/log"
    }
    count, _ = observed.objects
    assert str(count.ref) == "deployment/domino-platform/web"
    assert (count.title, count.seconds, count.started_at, count.read) == (
        "front end",
        1800,
        STARTED,
        len(MEMORY),
    )
    assert [(fault.id, fault.lines) for fault in count.faults] == [("java-out-of-memory", 1)]
    assert not count.cut


def test_of_a_log_that_is_too_long_the_newest_lines_are_read_and_that_is_said(
    stub: StartStub, trust: Trust
) -> None:
    most = platform_logs.BYTES // 2

    def answer(exchange: Exchange) -> None:
        whole = exchange.request.query["tailLines"] == "5000"
        exchange.answer(200, (b"x" * 1023 + b"\n") * (most >> 10) if whole else MEMORY)

    server = stub(answer)

    (count,) = gather(server, trust, web("a")).objects

    assert [request.query["tailLines"] for request in server.requests] == ["5000", "256"]
    assert (count.cut, len(count.faults), count.read) == (True, 1, len(MEMORY))


@pytest.mark.parametrize(("written", "cut"), [(4999, False), (5000, True)])
def test_as_many_lines_as_were_asked_for_may_not_be_all(
    written: int, cut: bool, stub: StartStub, trust: Trust
) -> None:
    (count,) = gather(stub(says(200, b"x\n" * written)), trust, web("a")).objects

    assert (count.cut, count.faults) == (cut, ())


def test_one_line_without_an_end_is_read_once_more_and_no_oftener(stub: StartStub, trust: Trust) -> None:
    server = stub(says(200, b"x" * (platform_logs.BYTES // 2)))

    (count,) = gather(server, trust, web("a")).objects

    assert [request.query["tailLines"] for request in server.requests] == ["5000", "1"]
    assert count.cut


# What comes back


def test_a_signature_is_looked_for_in_the_services_that_it_is_of(stub: StartStub, trust: Trust) -> None:
    own = {"id": "own", "patterns": ("heap space",), "cause": "x", "services": ("dispatcher",)}
    logs = {"signatures": (own,), "ignore": ("java-out-of-memory",)}
    dispatcher = service("dispatcher", "dispatcher")

    observed = gather(
        stub(says(200, MEMORY)),
        trust,
        web("a"),
        web("a", workload="dispatcher"),
        services=[FRONT_END, dispatcher],
        logs=logs,
    )

    found = {count.service: [fault.id for fault in count.faults] for count in observed.objects}
    assert found == {"front_end": [], "dispatcher": ["own"]}


def test_a_container_that_is_gone_meanwhile_is_no_error(stub: StartStub, trust: Trust) -> None:
    server = stub(says(404, {"message": 'pods "web" not found', "reason": "NotFound"}))

    observed = gather(server, trust, web("a"))

    assert (observed.objects, observed.unseen) == ([], [])


def test_a_denied_log_has_one_cure_for_all_of_the_namespace(stub: StartStub, trust: Trust) -> None:
    server = stub(says(403, {"message": "pods is forbidden", "reason": "Forbidden"}))

    (unseen,) = gather(server, trust, web("a"), web("b")).unseen

    assert (unseen.target, unseen.outcome) == ("prod/domino-platform", "denied")
    assert 'resources: ["pods/log"], verbs: ["get"]' in unseen.cure
    assert len(server.requests) == 1


def test_a_node_that_does_not_answer_is_asked_once(stub: StartStub, trust: Trust) -> None:
    def answer(exchange: Exchange) -> None:
        if "web-" in exchange.request.path:
            exchange.answer(
                500, {"message": 'Get "https://10.0.0.1:10250/containerLogs": connection refused'}
            )
        else:
            exchange.answer(200, b"fine\n")

    server = stub(answer)
    other = web("a", workload="grafana", node="n2")

    observed = gather(server, trust, web("a"), web("b"), other)

    problems = {count.pod: count.problem for count in observed.objects}
    assert "connection refused" in problems["web-5d9c7b8f4-a"] == problems["web-5d9c7b8f4-b"]
    assert problems["grafana-5d9c7b8f4-a"] == ""
    assert len(server.requests) == 2


def test_without_knowing_whose_the_pods_are_the_rest_is_read_and_that_is_said(
    stub: StartStub, trust: Trust
) -> None:
    server = stub(says(200, MEMORY))
    failed = CollectionError("deployments may not be listed", "grant it")

    observed = gather(server, trust, web("a"), web("a", workload="grafana"), services=failed)

    assert [(count.service, count.title) for count in observed.objects] == [
        ("monitoring", "monitoring"),
        ("other", "web"),
    ]
    (unseen,) = observed.unseen
    assert (unseen.target, unseen.cure) == ("prod", "grant it")
    assert unseen.reason == "needs domino_services: deployments may not be listed"


def test_no_secret_is_kept(stub: StartStub, trust: Trust) -> None:
    server = stub(says(200, b"\x1b[31mjava.lang.OutOfMemoryError\x1b[0m for user=ada password=hunter2\n"))

    (count,) = gather(server, trust, web("a")).objects

    assert count.faults[0].sample == "java.lang.OutOfMemoryError for user=*** password=***"
