"""SCHED-008 against a real control plane: containers that do not start or stay up, and pods that do not end.

A finalizer holds a pod for real. What only a kubelet says of containers is written into the status of pods
that run, in a kubelet's own shape and words; KWOK leaves a pod that runs alone. They are pods of services
that no role of Domino rests on, so that their trouble is all there is to be found.
"""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import domino_cluster as domino
from control_plane import ControlPlane
from domino_health.facts.rights import Right
from drills import execution, joined, look
from health_account import granted, rights, rules
from health_run import HealthRun
from kube_client import Object, eventually
from objects import made

IMAGE = "quay.io/domino/grafana:6.2.0"
DENIED = (
    f'failed to pull and unpack image "{IMAGE}": failed to resolve reference "{IMAGE}": pull access denied, '
    "repository does not exist or may require authorization: server message: insufficient_scope: "
    "authorization failed"
)


def found(run: HealthRun) -> dict[str, str]:
    """All findings of a run, whatever the check: ``ID severity: message`` by subject."""
    results = json.loads((run.folder / "findings.json").read_text())["results"]
    return {
        "/".join(each["subject"][part] for part in ("kind", "namespace", "name")): (
            f"{result['id']} {each['severity']}: {each['message']}"
        )
        for result in results
        for each in result["findings"]
    }


def pod_of(plane: ControlPlane, service: str) -> Object:
    """The pod of a service that has one."""
    path = f"/api/v1/namespaces/{domino.PLATFORM}/pods"
    names = [each["metadata"]["name"] for each in plane.list(path)]
    return plane.get(f"{path}/{next(name for name in names if name.startswith(f'{service}-'))}")


def ago(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat(timespec="seconds").replace("+00:00", "Z")


def ended(code: int, reason: str = "Error") -> Object:
    times = {"startedAt": ago(minutes=3), "finishedAt": ago(minutes=2)}
    return {"terminated": {"exitCode": code, "reason": reason, **times}}


def waits(reason: str, message: str, restarts: int = 0, last: Object | None = None) -> Object:
    waiting = {"waiting": {"reason": reason, "message": message}}
    return {"state": waiting, "ready": False, "restartCount": restarts, "lastState": last or {}}


def said(plane: ControlPlane, pod: Object, container: str, reason: str, message: str) -> Object:
    """Write an event as a kubelet would."""
    name = pod["metadata"]["name"]
    made = domino.new("v1", "Event", f"{name}.drill", pod["metadata"]["namespace"])
    about = {"kind": "Pod", "apiVersion": "v1", "name": name, "namespace": pod["metadata"]["namespace"]}
    made |= {"involvedObject": {**about, "fieldPath": f"spec.containers{{{container}}}"}}
    made |= {"reason": reason, "message": message, "type": "Warning", "source": {"component": "kubelet"}}
    return plane.create(
        {**made, "firstTimestamp": ago(minutes=1), "lastTimestamp": ago(minutes=1), "count": 1}
    )


@contextlib.contextmanager
def broken(plane: ControlPlane, pod: Object, container: str, status: Object) -> Iterator[None]:
    """What a pod says of one of its containers, until the end of the context."""
    before = pod["status"]["containerStatuses"]
    after = [{**each, **status} if each["name"] == container else each for each in before]
    plane.patch_status(pod, {"containerStatuses": after})
    try:
        yield
    finally:
        plane.patch_status(pod, {"containerStatuses": before})


@contextlib.contextmanager
def running(plane: ControlPlane, asked: domino.Execution) -> Iterator[Object]:
    """One more execution: its kind cannot be mended, for a container that is never restarted stays ended."""
    objects = domino.execution(asked)
    for obj in objects:
        plane.create(obj)
    path = plane.path(objects[-1])
    try:
        eventually(lambda: plane.get(path)["status"]["phase"] == "Running", what=f"{path}, running")
        yield plane.get(path)
    finally:
        for obj in objects:
            plane.delete(obj)


def test_a_healthy_domino_gives_no_finding(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path)

    assert run.exit_status == 0, run.output
    assert found(run) == {}
    assert run.result("SCHED-008")["state"] == "passed"
    assert run.result("SCHED-008")["population"] >= 30


def test_each_way_not_to_start_or_stay_up_is_found_with_its_cause(
    platform: ControlPlane, tmp_path: Path
) -> None:
    """*Patched*: a kubelet's status and event, on five services and an execution."""
    loop = "back-off 5m0s restarting failed container"
    statuses = {
        "grafana": waits("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"'),
        "fluentd": waits("CrashLoopBackOff", loop, 12, ended(127)),
        "pusher-service": waits("CrashLoopBackOff", loop, 4, ended(137, "OOMKilled")),
        "k8s-event-pump": waits("CreateContainerConfigError", 'secret "event-pump-credentials" not found'),
        "image-cache-api": {"restartCount": 5, "lastState": ended(143)},
    }
    pods = {service: pod_of(platform, service) for service in statuses}
    event = said(platform, pods["grafana"], "grafana", "Failed", f'Failed to pull image "{IMAGE}": {DENIED}')
    with contextlib.ExitStack() as stack:
        stack.callback(platform.delete, event)
        workspace = stack.enter_context(running(platform, domino.Execution("out of memory", "Workspace")))
        for service, status in statuses.items():
            stack.enter_context(broken(platform, pods[service], service, status))
        after = [
            {**each, **({"state": ended(137, "OOMKilled")} if each["name"] == "run" else {})}
            for each in workspace["status"]["containerStatuses"]
        ]
        platform.patch_status(workspace, {"containerStatuses": after})

        run = look(platform, tmp_path)

    assert run.exit_status == 1, run.output
    messages = found(run)
    expected = {
        f"deployment/{domino.PLATFORM}/grafana": (
            "SCHED-008 high: 1 pod, container grafana: image not pulled (ImagePullBackOff).",
            "the registry refuses: no such repository, or no right to it (pull secret)",
            "pull access denied",
        ),
        f"deployment/{domino.PLATFORM}/fluentd": (
            "SCHED-008 high: 1 pod, container fluentd: crash loop (CrashLoopBackOff), up to 12 restarts",
            "Exit code 127: its command is not in the image",
            f"logs {pods['fluentd']['metadata']['name']} -c fluentd --previous",
        ),
        f"deployment/{domino.PLATFORM}/pusher-service": (
            "SCHED-008 high: 1 pod, container pusher-service: out of memory (CrashLoopBackOff)",
            "Killed (OOMKilled) at its limit of 1Gi",
        ),
        f"deployment/{domino.PLATFORM}/k8s-event-pump": (
            "SCHED-008 high: 1 pod, container k8s-event-pump: not configured",
            'secret "event-pump-credentials" not found',
        ),
        f"deployment/{domino.PLATFORM}/image-cache-api": (
            "SCHED-008 high: 1 pod, container image-cache-api: frequent restarts, up to 5 restarts",
            "Exit code 143: it was told to stop (SIGTERM)",
        ),
    }
    execution = next(subject for subject in messages if subject.startswith("execution/"))
    expected[execution] = ("SCHED-008 medium: 1 pod, container run: out of memory", "at its limit of 4Gi")
    assert set(messages) == set(expected)
    for subject, words in expected.items():
        assert all(each in messages[subject] for each in words), messages[subject]


def test_a_pod_that_its_node_does_not_start_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    """A node without a kubelet starts nothing; what a kubelet would say of the volume is written for it."""
    silent = domino.node("drill", 0, "10.0.9.9", platform.get("/version")["gitVersion"])
    del silent["metadata"]["annotations"]
    pod = execution("without its volume", pool="drill")
    words = 'MountVolume.MountDevice failed for volume "pvc-1": rpc error: code = DeadlineExceeded'
    with made(platform, silent):
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"}
        platform.patch_status(silent, {"conditions": [ready]})
        joined(platform, silent)
        path = platform.path(pod)
        with made(platform, pod), contextlib.ExitStack() as stack:
            # Nobody is there to say that it has ended.
            stack.callback(platform.request, "DELETE", path, {"gracePeriodSeconds": 0})
            eventually(lambda: platform.get(path)["spec"].get("nodeName"), what=f"a node for {path}")
            stack.callback(platform.delete, said(platform, pod, "", "FailedMount", words))
            run = look(platform, tmp_path, "thresholds: {SCHED-008: {max_creating: 0s}}\n")

    assert set(run.found()) == {"SCHED-008"}
    messages = found(run)
    workspace, shipper = (messages[subject] for subject in sorted(messages, reverse=True))
    assert workspace.startswith("SCHED-008 medium: 1 pod not started, up to ")
    assert f"after it got its node. FailedMount: {words}. See the events: kubectl -n " in workspace
    assert "Its node drill-0 is Ready" in shipper


def test_a_pod_that_a_finalizer_holds_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    """Deleted for real, without a grace period; the threshold is what is made short."""
    pod = domino.new("v1", "Pod", "held", domino.COMPUTE)
    pod["metadata"]["finalizers"] = ["example.com/billing"]
    pod["spec"] = {"containers": [{"name": "main", "image": "busybox"}]}
    path = platform.path(platform.create(pod))
    try:
        eventually(lambda: platform.get(path)["status"]["phase"] == "Running", what="a pod that runs")
        platform.request("DELETE", path, {"gracePeriodSeconds": 0})
        strict = look(platform, tmp_path, "thresholds: {SCHED-008: {max_terminating: 0s}}\n")
        patient = look(platform, tmp_path)
    finally:
        platform.request("PATCH", path, {"metadata": {"finalizers": None}}, "merge-patch+json")
    eventually(lambda: platform.find(path) is None, what="the end of the pod")

    assert patient.exit_status == 0, patient.output
    assert strict.exit_status == 1, strict.output
    (message,) = found(strict).values()
    assert message.startswith("SCHED-008 high: 1 pod Terminating, up to "), message
    assert "is Ready, and it is held by example.com/billing. See what holds it: kubectl" in message


def test_a_pod_of_an_unknown_phase_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    """*Patched*: the phase that a pod had whose node had gone, and that old controllers still write."""
    pod = pod_of(platform, "grafana")
    platform.patch_status(pod, {"phase": "Unknown"})
    try:
        run = look(platform, tmp_path)
    finally:
        platform.patch_status(pod, {"phase": "Running"})

    assert run.exit_status == 1, run.output
    messages = found(run)
    assert set(messages) == {f"deployment/{domino.PLATFORM}/grafana"}
    (message,) = messages.values()
    assert "1 pod in phase Unknown. Its node " in message


LAST = ("\x1b[31mconnecting to postgres://grafana:hunter2@db:5432/grafana\x1b[0m", "fatal: user=ada refused")


@pytest.fixture
def spoken(platform: ControlPlane) -> Iterator[Object]:
    """A pod in a crash loop, on a node whose kubelet is KWOK's server, and what it has written to its log."""
    pod = pod_of(platform, "grafana")
    node = platform.get(f"/api/v1/nodes/{pod['spec']['nodeName']}")
    address, port = platform.kubelet
    own = {"addresses": node["status"]["addresses"], "daemonEndpoints": {"kubeletEndpoint": None}}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
    words = (*("filler " * 9 for _ in range(30)), *LAST)
    platform.previous_log.write_text("".join(f"{now} stdout F {line}\n" for line in words))
    platform.container_log.write_text(f"{now} stdout F of the run that is not asked for\n")
    addresses = [{"type": "InternalIP", "address": address}]
    endpoint = {"kubeletEndpoint": {"Port": port}}
    platform.patch_status(node, {"addresses": addresses, "daemonEndpoints": endpoint})
    try:
        with broken(platform, pod, "grafana", waits("CrashLoopBackOff", "back-off", 7, ended(1))):
            yield pod
    finally:
        platform.patch_status(node, own)


def may_read(plane: ControlPlane, path: str) -> bool:
    headers = {"Authorization": f"Bearer {plane.tokens['health-reader']}"}
    return bool(plane.http.request("GET", plane.url + path, headers=headers).status == 200)


def test_the_last_words_of_a_container_are_quoted_without_its_secrets(
    platform: ControlPlane, spoken: Object, tmp_path: Path
) -> None:
    """*Patched*: the crash. The log is KWOK's, given as a kubelet gives it, through the API server."""
    opened = f", logs: [{domino.PLATFORM}]"
    denied = look(platform, tmp_path, cluster=opened)
    log = Right("pods/log", "get")
    with granted(platform, "health-reader", rules([*rights(), log]), domino.PLATFORM):
        path = f"{platform.path(spoken)}/log?previous=true"
        eventually(lambda: may_read(platform, path), what="the right to read logs")
        run = look(platform, tmp_path, cluster=opened)

    assert set(found(denied)) == set(found(run)) == {f"deployment/{domino.PLATFORM}/grafana"}
    (message,) = found(run).values()
    assert (
        'Its last words: "connecting to postgres://***@db:5432/grafana / fatal: user=*** refused"' in message
    )
    (without,) = found(denied).values()
    assert "Its last words" not in without
    assert log.rule() in denied.output
    kept = gzip.decompress((run.folder / "facts" / "container_logs.json.gz").read_bytes())
    (tail,) = json.loads(kept)["targets"][0]["objects"]
    assert len(tail["lines"]) == 20
    files = [file for file in run.folder.rglob("*") if file.is_file()]
    for file in files:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        assert b"hunter2" not in content, file
        assert b"user=ada" not in content, file
