"""SCHED-008: containers start and stay up."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from checks import test_containers as containers

from builders import NOW, deployment_pod, ended, pod, runs, waits
from domino_health import Assessment, ContainerStatus, Event, Finding, LogTail, Node, Pod, Ref, Severity
from domino_health.facts.containers import ContainerState, Terminated
from domino_health.facts.kubernetes import Labels
from domino_health.facts.resources import Container, Resources
from platform_builders import event, node, silent

MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
IMAGE = "registry.example.com/team/web:1.2"


def assess(
    *pods: Pod,
    nodes: list[Node] | None = None,
    events: list[Event] | None = None,
    logs: list[LogTail] | None = None,
) -> Assessment:
    return containers.test_containers_start_and_stay_up(list(pods), nodes, events, logs, NOW)


def found(*pods: Pod, nodes: list[Node] | None = None, events: list[Event] | None = None) -> list[Finding]:
    return list(assess(*pods, nodes=nodes, events=events).findings)


def web(*statuses: ContainerStatus, suffix: str = "a", **more: object) -> Pod:
    """A pod of a Deployment that has a node, with one container ``run`` of a known image and limit."""
    more = {"node": "n1", "age": DAY, **more}
    made = deployment_pod("web", suffix, statuses=statuses, **more)
    spec = Container("run", IMAGE, Resources(limits={"memory": "2Gi"}))
    return msgspec.structs.replace(made, spec=msgspec.structs.replace(made.spec, containers=(spec,)))


def crash(code: int = 1, reason: str = "", restarts: int = 7) -> ContainerStatus:
    return waits("CrashLoopBackOff", "back-off 5m0s", restarts=restarts, last=ended(code, reason))


def running(restarts: int = 0, last: Terminated | None = None) -> ContainerStatus:
    made = runs(restarts=restarts)
    return msgspec.structs.replace(made, last_state=ContainerState(terminated=last))


def over(code: int, reason: str = "") -> ContainerStatus:
    return ContainerStatus("run", False, 0, ContainerState(terminated=ended(code, reason)))


# What is healthy


def test_containers_that_run_are_assessed_and_none_is_found_wanting() -> None:
    assessment = assess(web(runs()), pod(said=None))

    assert len(assessment.population) == 2
    assert assessment.findings == ()
    assert assessment.attachments == ()
    assert assessment.worst == "no restart within 1 h"


def test_without_any_pod_there_is_nothing_to_assess() -> None:
    assessment = assess()

    assert len(assessment.population) == 0
    assert assessment.findings == ()


@pytest.mark.parametrize("status", [over(1), over(137, "OOMKilled"), over(0)])
@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_is_not_assessed(status: ContainerStatus, phase: str) -> None:
    assessment = assess(pod(node="n", phase=phase, statuses=[status]))

    assert len(assessment.population) == 0
    assert assessment.findings == ()


@pytest.mark.parametrize(
    "status",
    [
        waits("ContainerCreating"),
        waits("PodInitializing"),
        over(1),
        over(0),
        running(4, ended(1)),
        running(40, ended(1, ago=HOUR + MOMENT)),
        running(1, ended(137, "OOMKilled", ago=HOUR + MOMENT)),
    ],
    ids=["creating", "initialising", "failed", "done", "few restarts", "long ago", "out of memory long ago"],
)
def test_what_is_normal_is_not_found(status: ContainerStatus) -> None:
    assert found(web(status, age=10 * MINUTE + HOUR)) == []


def test_what_a_pod_says_while_it_is_deleted_is_not_judged() -> None:
    assert found(web(crash(), deleted=True)) == []


# Containers that do not start


def test_a_crash_loop_is_told_with_its_exit_code_and_the_next_command() -> None:
    (finding,) = found(web(crash(127)))

    assert finding.subject == Ref("", "deployment", "domino-platform", "web")
    assert finding.message == (
        "1 pod, container run: crash loop (CrashLoopBackOff), up to 7 restarts, the last end 1 m ago. "
        "Exit code 127: its command is not in the image, or not in its PATH. See its last words: "
        "kubectl -n domino-platform logs web-5d9c7b8f4-a -c run --previous"
    )
    assert finding.severity is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "it ends without an error, though it should stay up"),
        (1, "exit code 1: its own error"),
        (126, "may not be executed"),
        (137, "killed by SIGKILL, not for its own memory limit"),
        (139, "SIGSEGV"),
        (143, "SIGTERM"),
        (159, "ended by signal 31"),
        (160, "exit code 160: its own error"),
        (255, "exit code 255: its own error"),
    ],
)
def test_exit_codes_are_put_into_words(code: int, words: str) -> None:
    (finding,) = found(web(crash(code)))

    assert words in finding.message.replace("Exit", "exit")


def test_a_crash_loop_of_too_little_memory_is_told_with_the_limit() -> None:
    (finding,) = found(web(crash(137, "OOMKilled")))

    assert "container run: out of memory (CrashLoopBackOff), up to 7 restarts" in finding.message
    assert "Killed (OOMKilled) at its limit of 2Gi. Raise its memory limit" in finding.message


def test_a_crash_whose_end_nobody_has_kept_says_so() -> None:
    (finding,) = found(web(waits("CrashLoopBackOff", restarts=1)))

    assert "How it ended was not observed" in finding.message


def test_a_probe_that_restarts_it_is_told_from_its_event() -> None:
    broken = web(crash(137))
    said = event(
        "Killing", "Container run failed liveness probe, will be restarted", of=broken, container="run"
    )
    other = event("Killing", "Container x failed startup probe, will be restarted", of=broken, container="x")

    (finding,) = found(broken, events=[other, said])

    assert "Exit code 137: the kubelet restarts it, since its liveness probe fails" in finding.message


@pytest.mark.parametrize(("ago", "told"), [(6 * MINUTE, True), (6 * MINUTE + MOMENT, False)])
def test_a_probe_that_ended_an_earlier_run_is_not_why_the_last_one_ended(ago: timedelta, told: bool) -> None:
    broken = web(crash(1))  # it began six minutes ago
    said = event("Killing", "Container run failed liveness probe", of=broken, ago=ago, container="run")

    (finding,) = found(broken, events=[said])

    assert ("liveness probe fails" in finding.message) is told


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ('failed to resolve "r/x": r/x: not found', "the registry has no such image or tag"),
        (
            "pull access denied, repository does not exist or may require authorization",
            "the registry refuses",
        ),
        ("unexpected status: 401 Unauthorized", "the registry refuses"),
        (
            "tls: failed to verify certificate: x509: unknown authority",
            "does not trust the registry's certificate",
        ),
        ("dial tcp: lookup registry: no such host", "cannot resolve the registry's name"),
        ("dial tcp 10.0.0.1:443: i/o timeout", "the registry does not answer"),
        ("dial tcp 10.0.0.1:443: connect: connection refused", "the registry does not answer"),
        ("pull QPS exceeded", "the node pulls too many at once"),
        ("429 Too Many Requests: toomanyrequests", "limits how often it is asked"),
        ("write /var/lib/containerd: no space left on device", "the node's disk is full"),
        ("no match for platform in manifest", "not made for the node's processor"),
    ],
)
@pytest.mark.parametrize("by", ["status", "event"])
def test_the_registrys_words_are_quoted_and_put_into_plain_ones(words: str, meaning: str, by: str) -> None:
    text = f"rpc error: code = Unknown desc = {words}"
    waiting = (
        waits("ErrImagePull", text) if by == "status" else waits("ImagePullBackOff", "Back-off pulling it")
    )
    broken = web(waiting)
    events = [event("Failed", f'Failed to pull image "x": {text}', of=broken, container="run")]
    events.append(event("Failed", "Error: ImagePullBackOff", of=broken, container="run"))

    (finding,) = found(broken, events=events)

    assert f"{IMAGE}: " in finding.message
    assert meaning in finding.message
    assert words in finding.message


def test_without_the_registrys_words_that_is_said() -> None:
    (finding,) = found(web(waits("ImagePullBackOff", "Back-off pulling")))

    assert "the registry's words were not observed. Kubelet: Back-off pulling" in finding.message


def test_a_token_in_an_address_is_not_quoted() -> None:
    said = "GET https://ada:hunter22@r.example.com/blob?X-Amz-Signature=abc123: 403 Forbidden"

    (finding,) = found(web(waits("ErrImagePull", said)))

    assert "hunter22" not in finding.message
    assert "abc123" not in finding.message
    assert "https://r.example.com/blob" in finding.message


def test_a_missing_secret_is_named_once_for_all_pods() -> None:
    said = 'secret "db-credentials" not found'

    (finding,) = found(*(web(waits("CreateContainerConfigError", said), suffix=f"{n}") for n in range(4)))

    assert finding.message == (
        "4 pods, container run: not configured (CreateContainerConfigError). "
        'Kubelet: secret "db-credentials" not found. '
        "Create what is missing, or correct the reference to it; the kubelet tries again"
    )
    assert [each.name for each in finding.examples] == [f"web-5d9c7b8f4-{n}" for n in range(3)]


def test_what_is_a_pods_own_in_the_kubelets_words_makes_no_cause_of_its_own() -> None:
    said = 'container has runAsNonRoot and image will run as root (pod: "web-{}_ns(8a0b)", container: run)'

    (finding,) = found(
        *(web(waits("CreateContainerConfigError", said.format(n)), suffix=f"{n}") for n in range(2))
    )

    assert "Kubelet: container has runAsNonRoot and image will run as root. Create" in finding.message


@pytest.mark.parametrize("reason", ["CreateContainerError", "RunContainerError", "PostStartHookError"])
def test_a_container_that_cannot_be_started_is_told_in_the_runtimes_words(reason: str) -> None:
    (finding,) = found(web(waits(reason, 'exec: "strat.sh": not found in $PATH')))

    assert (
        f'not started ({reason}). Kubelet: exec: "strat.sh": not found in $PATH. See the' in finding.message
    )


def test_a_command_that_the_runtime_could_not_start_is_found_while_the_pod_goes_on() -> None:
    (finding,) = found(web(over(128, "StartError")))

    assert "container run: not started" in finding.message


def test_every_failing_container_of_a_pod_stands_in_one_finding() -> None:
    statuses = [waits("ImagePullBackOff", "denied", name=name) for name in ("run", "nginx")]

    (finding,) = found(web(*statuses))

    assert finding.count == 1
    assert "containers nginx, run: image not pulled" in finding.message


def test_an_init_container_counts_as_well() -> None:
    broken = web(waits("PodInitializing"))
    status = msgspec.structs.replace(
        broken.status, init_container_statuses=(waits("CrashLoopBackOff", name="fetch", last=ended(1)),)
    )

    (finding,) = found(msgspec.structs.replace(broken, status=status))

    assert "container fetch: crash loop" in finding.message


# Last words


def test_the_last_two_lines_of_a_log_are_quoted_where_they_may_be_read() -> None:
    tail = LogTail(
        "", "domino-platform", "web-5d9c7b8f4-a", "run", True, ("starting", "connecting", "refused")
    )

    (finding,) = assess(web(crash()), logs=[tail]).findings

    assert (
        'its own error. Its last words: "connecting / refused". See its last words: kubectl'
        in finding.message
    )


def test_a_log_of_another_container_or_of_nothing_is_not_quoted() -> None:
    tails = [
        LogTail("", "domino-platform", "web-5d9c7b8f4-a", "nginx", True, ("x",)),
        LogTail("", "domino-platform", "web-5d9c7b8f4-a", "run", True),
    ]

    (finding,) = assess(web(crash()), logs=tails).findings

    assert "Its last words" not in finding.message


def test_a_log_that_could_not_be_read_says_why() -> None:
    tail = LogTail("", "domino-platform", "web-5d9c7b8f4-a", "run", True, problem="500 dial tcp: refused")

    (finding,) = assess(web(crash()), logs=[tail]).findings

    assert "Its log could not be read: 500 dial tcp: refused. See" in finding.message


# Memory and restarts


def test_a_container_killed_for_its_memory_is_found_for_an_hour() -> None:
    def out(ago: timedelta) -> list[Finding]:
        return found(web(running(1, ended(137, "OOMKilled", ago=ago))))

    (finding,) = out(HOUR)
    assert finding.message.startswith(
        "1 pod, container run: out of memory, up to 1 restart, the last end 1 h ago. Killed (OOMKilled) at"
    )
    assert out(HOUR + MOMENT) == []


def test_an_executions_container_that_ran_out_of_memory_while_the_rest_goes_on_is_medium() -> None:
    labels = Labels(workload_type="Workspace", hardware_tier="small", project="churn")

    (finding,) = found(
        pod("run-1", node="n", labels=labels, statuses=[over(137, "OOMKilled"), runs("nginx")])
    )

    assert finding.severity is Severity.MEDIUM
    assert finding.subject.kind == "execution"
    assert "illed (OOMKilled) without a limit of its own: its pod's or its node's memory" in finding.message


@pytest.mark.parametrize(("restarts", "findings"), [(4, 0), (5, 1)])
def test_five_restarts_in_a_young_life_are_found_and_no_fewer(restarts: int, findings: int) -> None:
    assert len(found(web(running(restarts, ended(1)), age=HOUR))) == findings


@pytest.mark.parametrize(("lives", "findings"), [(10 * HOUR, 1), (10 * HOUR + MOMENT, 0)])
def test_an_older_pod_is_judged_by_its_average(lives: timedelta, findings: int) -> None:
    assert len(found(web(running(50, ended(1)), age=lives))) == findings


def test_an_older_pod_is_found_where_the_kubelet_has_held_it_back_lately() -> None:
    broken = web(running(5, ended(143)))

    def said(ago: timedelta, container: str = "run") -> list[Event]:
        words = "Back-off restarting failed container run in pod"
        return [event("BackOff", words, of=broken, ago=ago, container=container)]

    (finding,) = found(broken, events=said(HOUR))
    assert "container run: frequent restarts, up to 5 restarts, the last end 1 m ago" in finding.message
    assert found(broken, events=said(HOUR + MOMENT)) == []
    assert found(broken, events=said(MINUTE, container="nginx")) == []
    assert found(broken) == []


def test_restarts_of_an_unknown_pace_stand_in_every_report() -> None:
    assert assess(web(running(6, ended(1)))).worst == "6 restarts of a container, the last 1 m ago"


# Whole pods


def gone(deleted_for: timedelta, *finalizers: str, phase: str = "Running") -> Pod:
    made = web(runs(), deleted_for=deleted_for, phase=phase)
    return msgspec.structs.replace(
        made, metadata=msgspec.structs.replace(made.metadata, finalizers=finalizers)
    )


def test_ten_minutes_after_its_grace_are_allowed_to_a_pod_and_no_more() -> None:
    assert found(gone(10 * MINUTE)) == []

    (finding,) = found(gone(10 * MINUTE + MOMENT), nodes=[node("n1")])

    assert finding.message == (
        "1 pod Terminating, up to 10 m after the end of the grace period. Its node n1 is Ready: a container "
        "does not end, or a volume is not unmounted. See what holds it: kubectl -n domino-platform get pod "
        "web-5d9c7b8f4-a -o yaml"
    )


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([node("n1", silent(HOUR))], "Its node n1 is not Ready, so that nobody there can say or do anything"),
        ([node("n2")], "Its node n1 is gone"),
        (None, "Whether node n1 is ready was not observed"),
    ],
)
def test_a_pod_that_does_not_end_is_explained_by_its_node(nodes: list[Node] | None, words: str) -> None:
    (finding,) = found(gone(HOUR), nodes=nodes)

    assert words in finding.message


def test_a_finalizer_that_holds_a_pod_is_named() -> None:
    (finding,) = found(gone(HOUR, "example.com/billing", phase="Failed"), nodes=[node("n1")])

    assert "Its node n1 is Ready, and it is held by example.com/billing" in finding.message


def creating(*statuses: ContainerStatus, for_: timedelta = HOUR) -> Pod:
    """A pod that got its node as long ago, a minute after it was made, and has not started."""
    made = web(*statuses, age=for_ + MINUTE, scheduled_after=MINUTE)
    return msgspec.structs.replace(made, status=msgspec.structs.replace(made.status, phase="Pending"))


def test_fifteen_minutes_are_allowed_to_a_start_and_no_more() -> None:
    assert found(creating(waits("ContainerCreating"), for_=15 * MINUTE)) == []

    late = creating(waits("ContainerCreating"), for_=15 * MINUTE + MOMENT)
    mount = event("FailedMount", "Unable to attach or mount volumes: timed out", of=late)
    attach = event("FailedAttachVolume", "Multi-Attach error for volume pvc-1", of=late, ago=MINUTE)
    other = event("Scheduled", "Successfully assigned", of=late, ago=MOMENT, type="Normal")
    (finding,) = found(late, events=[attach, mount, other], nodes=[node("n1")])
    assert finding.severity is None
    assert finding.message == (
        "1 pod not started, up to 15 m after it got its node. FailedAttachVolume: Multi-Attach error for "
        "volume pvc-1. See the events: kubectl -n domino-platform describe pod web-5d9c7b8f4-a"
    )


def test_a_large_image_that_is_pulled_still_is_told_as_such() -> None:
    late = creating(waits("ContainerCreating"))
    mount = event("FailedMount", "timed out", of=late)
    pulling = event("Pulling", 'Pulling image "x:1"', of=late, ago=MINUTE, type="Normal")

    (finding,) = found(late, events=[mount, pulling])
    assert 'Pulling: Pulling image "x:1"' in finding.message


def test_a_start_of_which_nothing_is_said_is_told_by_its_node() -> None:
    (finding,) = found(creating(), nodes=[node("n1", silent(HOUR))])

    assert "Its node n1 is not Ready" in finding.message


def test_an_init_container_that_does_not_end_is_named_and_a_side_car_is_not() -> None:
    first, beside = runs("wait-for-db"), runs("istio-proxy")
    pods = [creating(waits("PodInitializing"))]
    status = msgspec.structs.replace(pods[0].status, init_container_statuses=(beside, first))
    side_car = Container("istio-proxy", restart_policy="Always")
    spec = msgspec.structs.replace(pods[0].spec, init_containers=(side_car, Container("wait-for-db")))
    (finding,) = found(msgspec.structs.replace(pods[0], status=status, spec=spec))

    assert "Its init container wait-for-db has not ended. " in finding.message


def test_what_is_known_to_be_wrong_with_a_container_is_not_told_as_a_slow_start() -> None:
    (finding,) = found(creating(waits("ImagePullBackOff", "not found")))

    assert "image not pulled" in finding.message


def test_a_phase_that_nobody_knows_is_told_with_the_state_of_its_node() -> None:
    (finding,) = found(web(phase="Unknown"), nodes=[node("n1", silent(HOUR))])

    assert finding.message.startswith("1 pod in phase Unknown. Its node n1 is not Ready")
    assert finding.message.endswith("kubectl describe node n1")


# How pods are rolled up


def test_different_troubles_of_one_subject_are_different_findings() -> None:
    findings = found(web(crash()), web(waits("ErrImagePull", "denied"), suffix="b"))

    assert len({finding.subject for finding in findings}) == 1
    assert len(findings) == 2


def test_different_causes_of_one_trouble_are_counted_the_most_common_first() -> None:
    codes: Sequence[int] = (1, 127, 127, 143, 2)

    (finding,) = found(*(web(crash(code), suffix=f"{at}") for at, code in enumerate(codes)))

    assert (
        "not in its PATH (2 times); exit code 1: its own error (1 times); and 2 other causes. See"
        in finding.message
    )


def test_forty_thousand_broken_pods_give_a_page() -> None:
    one = web(crash())
    pods = [
        msgspec.structs.replace(
            one, metadata=msgspec.structs.replace(one.metadata, name=f"web-5d9c7b8f4-{n}")
        )
        for n in range(40_000)
    ]

    assessment = assess(*pods)

    (finding,) = assessment.findings
    assert (finding.count, len(finding.examples)) == (40_000, 3)
    (table,) = assessment.attachments
    assert table.rows == (("crash loop", "40000", "1"),)


def test_the_same_pod_of_two_clusters_is_told_apart() -> None:
    one, two = web(crash(), cluster="east"), web(crash(), cluster="west")
    said = event("Killing", "Container run failed liveness probe", of=one, container="run")

    east, west = sorted(found(one, two, events=[said]), key=lambda finding: finding.subject)

    assert "liveness" in east.message
    assert "liveness" not in west.message
