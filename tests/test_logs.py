"""The last words of failing containers: which are read, what is kept of them, and what is never shown."""

from typing import Any

import pytest

from builders import deployment_pod, ended, runs, waits
from builders import pod as a_pod
from domino_health import LogTail, Pod
from domino_health.collectors import logs
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.logs import container_logs, last_words
from domino_health.facts.containers import ContainerState, ContainerStatus
from domino_health.facts.observed import Observed
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

CRASH = waits("CrashLoopBackOff", restarts=3, last=ended(1))


def web(suffix: str, *statuses: ContainerStatus, **more: Any) -> Pod:
    return deployment_pod(
        "web", suffix, statuses=statuses or (CRASH,), **{"cluster": "prod", "node": "n1", **more}
    )


def gather(
    server: FaultServer, trust: Trust, *pods: Pod, opens: tuple[str, ...] = ("domino-platform",)
) -> Observed:
    given: dict[str, Any] = {
        "name": "prod",
        "server": server.url,
        "ca_file": str(trust.ca_file),
        "token": TOKEN,
    }
    if opens:
        given["logs"] = list(opens)
    profile = Profile.model_validate({"version": 1, "clusters": [given]})
    found = Wanted("pods", lambda _: [_pods(*pods)], "clusters", Pod)
    wanted = Wanted("container_logs", container_logs, "clusters", LogTail, ("pods",))
    gathering = Gathering([found, wanted], profile)
    gathering.start()
    return gathering.wait("container_logs")


def _pods(*pods: Pod) -> Any:
    from datetime import timedelta

    from domino_health.collectors.looking import Target

    return Target("prod", "as given", timedelta(seconds=30), lambda *_: list(pods))


# Which are read


def test_nobody_reads_a_log_that_the_profile_does_not_open(stub: StartStub, trust: Trust) -> None:
    server = stub(says(200, {}))

    observed = gather(server, trust, web("a"), opens=())
    other = gather(server, trust, web("a"), opens=("domino-compute",))

    assert observed.absent == (
        "reading logs is opt-in, and the profile opens no namespace (clusters[].logs: [namespace])"
    )
    assert other.absent == "no container has failed whose log could be read"
    assert server.requests == []


def chosen(*pods: Pod) -> list[tuple[str, str, bool]]:
    return [(pod.metadata.name, name, previous) for pod, name, previous in logs._few(iter(pods))]


@pytest.mark.parametrize(
    ("status", "previous"),
    [
        (CRASH, True),
        (ContainerStatus("run", False, 0, ContainerState(terminated=ended(1))), False),
        (
            ContainerStatus("run", True, 1, runs().state, ContainerState(terminated=ended(137, "OOMKilled"))),
            True,
        ),
        (ContainerStatus("run", True, 5, runs().state, ContainerState(terminated=ended(1))), True),
    ],
)
def test_a_container_that_failed_is_asked_for_by_the_run_that_failed(
    status: ContainerStatus, previous: bool
) -> None:
    assert chosen(a_pod("x", node="n", statuses=[status])) == [("x", "run", previous)]


@pytest.mark.parametrize(
    "status",
    [
        runs(),
        waits("ImagePullBackOff"),
        waits("ContainerCreating"),
        ContainerStatus("run", True, 4, runs().state, ContainerState(terminated=ended(1))),
        ContainerStatus("run", False, 0, ContainerState(terminated=ended(0))),
    ],
)
def test_a_container_that_is_well_or_has_never_run_is_left_alone(status: ContainerStatus) -> None:
    assert chosen(a_pod("x", node="n", statuses=[status])) == []


def failed(*containers: str, **more: Any) -> Pod:
    ended_well = [ContainerStatus(name, state=ContainerState(terminated=ended(0))) for name in containers]
    return a_pod(node="n", phase="Failed", statuses=ended_well, **more)


def test_of_an_execution_that_failed_though_all_ended_well_dominos_containers_are_asked() -> None:
    assert [name for _, name, _ in chosen(failed("run", "executor", "nginx"))] == ["executor", "nginx"]
    assert chosen(failed("executor", failed=("Evicted", "x"))) == []
    assert chosen(failed("executor", name="by-hand")) == []
    assert chosen(failed("executor", deleted=True)) == []


def test_two_of_a_subject_and_fifty_in_all_are_asked_for_each_subject_before_any_twice() -> None:
    many = [web(f"{n}") for n in range(9)]
    others = [
        a_pod(f"by-hand-{n:03}", namespace="z", node="n", statuses=[CRASH], cluster="prod") for n in range(60)
    ]

    few = chosen(*many, *others)

    assert len(few) == 50
    assert sum(name.startswith("web") for name, _, _ in few) == 1
    assert [name for name, _, _ in chosen(*many)] == ["web-5d9c7b8f4-0", "web-5d9c7b8f4-1"]


def test_what_is_asked_for_is_bounded_and_by_name(stub: StartStub, trust: Trust) -> None:
    server = stub(says(200, b"connecting\nrefused\n"))

    observed = gather(server, trust, web("a"))

    (tail,) = observed.objects
    assert tail == LogTail(
        "prod", "domino-platform", "web-5d9c7b8f4-a", "run", previous=True, lines=("connecting", "refused")
    )
    (request,) = server.requests
    assert request.method == "GET"
    assert request.path == "/api/v1/namespaces/domino-platform/pods/web-5d9c7b8f4-a/log"
    assert request.query == {"container": "run", "tailLines": "20", "limitBytes": "65536", "previous": "true"}


# What comes back


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        (400, "BadRequest", 'previous terminated container "run" in pod "web" not found'),
        (
            400,
            "BadRequest",
            'container "run" in pod "web" is waiting to start: trying and failing to pull image',
        ),
        (404, "NotFound", 'pods "web" not found'),
    ],
)
def test_nothing_to_see_is_no_error(
    status: int, reason: str, said: str, stub: StartStub, trust: Trust
) -> None:
    observed = gather(stub(says(status, {"message": said, "reason": reason})), trust, web("a"))

    assert (observed.objects, observed.unseen) == ([], [])


def test_a_denied_log_has_one_cure_for_all_of_the_namespace(stub: StartStub, trust: Trust) -> None:
    server = stub(says(403, {"message": "pods is forbidden", "reason": "Forbidden"}))

    (unseen,) = gather(server, trust, web("a"), web("b")).unseen

    assert unseen.target == "prod/domino-platform"
    assert unseen.outcome == "denied"
    assert unseen.cure == (
        'grant the account this rule: {apiGroups: [""], resources: ["pods/log"], verbs: ["get"]} '
        "(in namespace domino-platform)"
    )
    assert len(server.requests) == 1


def test_a_node_that_does_not_answer_is_asked_once_and_the_others_are_read(
    stub: StartStub, trust: Trust
) -> None:
    def answer(exchange: Exchange) -> None:
        if "web-" in exchange.request.path:
            exchange.answer(
                500, {"message": 'Get "https://10.0.0.1:10250/containerLogs": connection refused'}
            )
        else:
            exchange.answer(200, b"bye\n")

    other = a_pod("z", namespace="domino-platform", cluster="prod", node="n2", statuses=[CRASH])
    server = stub(answer)

    observed = gather(server, trust, web("a"), web("b"), other)

    found = {tail.pod: tail for tail in observed.objects}
    assert "connection refused" in found["web-5d9c7b8f4-a"].problem
    assert found["web-5d9c7b8f4-b"].problem == found["web-5d9c7b8f4-a"].problem
    assert found["z"].lines == ("bye",)
    assert len(server.requests) == 2
    assert observed.unseen == []


def test_lines_too_long_for_all_are_asked_for_again_for_the_last_one(stub: StartStub, trust: Trust) -> None:
    def answer(exchange: Exchange) -> None:
        last = exchange.request.query["tailLines"] == "1"
        exchange.answer(200, b"the last\n" if last else b"x" * logs.BYTES)

    (tail,) = gather(stub(answer), trust, web("a")).objects

    assert (tail.lines, tail.cut) == (("the last",), True)


# What is kept


def test_the_last_twenty_lines_are_kept_and_each_is_bounded() -> None:
    lines, cut = last_words("\n".join([*(f"line {n}" for n in range(30)), "word " * 100]).encode())

    assert len(lines) == 20
    assert cut
    assert len(lines[-1]) == logs.LONGEST + 1
    assert last_words(b"a\n\n \nb\n") == (("a", "b"), False)


def test_escapes_and_what_is_not_printed_are_taken_out() -> None:
    said = "\x1b[31;1mfatal\x1b[0m \x1b]0;title\x07er\x00r\u202eor\x9b2J\r\nnext\x1b]8;;http://x\nlast"

    assert last_words(said.encode()) == (("fatal error", "next", "last"), False)


@pytest.mark.parametrize(
    "body", [b"", b"\n", b"\xff\xfe\x00", "ünï\udcff".encode(errors="surrogatepass"), b"\x80bye"]
)
def test_whatever_bytes_come_are_text(body: bytes) -> None:
    lines, _ = last_words(body)

    assert all(line.isprintable() for line in lines)


KEY = "PRIVATE" + " KEY-----"


@pytest.mark.parametrize(
    "line",
    [
        "postgres://domino:hunter2@db:5432/x failed",
        "postgres://domino:hun@ter2/hunter2@db:5432/x",
        "GET https://example.com/x?sig=hunter2&x=hunter2 403",
        "password=hunter2",
        "PASSWORD : hunter2",
        "Password: two hunter2",
        "DB_PASSWORD='a hunter2 c'",
        '{"password":"hun\\"hunter2","a":1}',
        '{\\"password\\":\\"hunter2\\"}',
        "{'secret': 'hunter2'}",
        "MONGO_KEY: hunter2",
        "api_key => hunter2",
        "pass\x1b[0mword=hunter2",
        "pass\u200bword=hunter2",
        "Authorization: Basic hunter2hunter2",
        "authorization: AWS4 Credential=a hunter2",
        "Cookie: a=b; c=hunter2",
        "Bearer HUNTER2-hunter2",
        "--db-password hunter2 --verbose",
        "--token=hunter2",
        "X-Api-Key: hunter2",
        "eyJhbGciOiJIUzI1NiJ9.hunter2.hunter2",
        "AKIAIOSFODNN7hunter2".upper().replace("HUNTER2", "HUNTER")
        + " wJalrXUtnFEMI/K7MDENG/bPxRhunter2EXAMPLE",
        "ghp_hunter2hunter2hunter2",
        "digest 0123456789hunter2abcdef0123456789abcdef",
        f"-----BEGIN RSA {KEY}\nhunter2\n-----END RSA {KEY}",
        f"hunter2\n-----END {KEY}\nbye",
        f"-----BEGIN {KEY}\nhunter2",
        "mail to hunter2@example.com",
        "mail to hunter2%40example.com",
        'password authentication failed for user "hunter2"',
        "Failed password for invalid user hunter2 from 10.0.0.1",
        "user=hunter2 does not exist",
        "open /home/hunter2/.ssh: denied",
        "username: hunter2",
        "GET /u/hunter2/project 500",
        "open /mnt/hunter2/project/train.py: no space left on device",
        "/domino/datasets/local/hunter2/x: denied",
        "/domino/datasets/hunter2/project/x: denied",
        "bind cn=Jane hunter2,ou=People,dc=acme,dc=com failed",
        "bind uid=hunter2,ou=People failed",
        "CN=hunter2: no such object",
        "run started by hunter2 has failed",
        "workspace deleted by user hunter2",
        "password is hunter2",
        "passwd hunter2",
        "password=" + "x" * 1990 + "hunter2",
    ],
)
def test_no_secret_and_no_person_is_kept(line: str) -> None:
    lines, _ = last_words(line.encode())

    assert "hunter2" not in " ".join(lines).lower()
    assert lines, "that something was said is kept"


@pytest.mark.parametrize(
    "line",
    [
        "java.lang.OutOfMemoryError: Java heap space",
        "panic: dial tcp 10.0.0.1:27017: connect: connection refused",
        "ModuleNotFoundError: No module named 'numpy'",
        'File "/opt/conda/lib/python3.11/site-packages/foo.py", line 3, in run',
        'level=error ts=2026-11-24T03:45:00Z msg="connection refused" component=api',
        "basic authentication failed",
        "the password is incorrect",
        "token is expired",
        "token was not found",
        "open /mnt/data/train.csv: no space left on device",
        "/u is not there, /mnt is full",
        "GET https://10.0.0.1:10250/containerLogs/domino/x?tailLines=20&limitBytes=16384: i/o timeout",
    ],
)
def test_what_tells_of_the_failure_is_left(line: str) -> None:
    assert last_words(line.encode()) == ((line,), False)
