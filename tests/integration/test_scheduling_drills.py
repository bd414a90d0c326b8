"""SCHED-001 against a real scheduler's own words, RBAC's own refusals, and the audit log's own record."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import domino_cluster
from control_plane import ControlPlane
from domino_health.collectors.cluster import REVIEWS
from health_run import HealthRun, run_health
from kube_client import Object, eventually

# What a reader of pods needs, as the docs say it.
ROLE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
IMPATIENT = "thresholds:\n  SCHED-001: {max_wait: 0s, max_wait_gpu: 0s}\n"


def profile(plane: ControlPlane, user: str = "health-reader", more: str = "") -> str:
    return f"version: 1\nclusters:\n  - {{name: drill, kubeconfig: {plane.kubeconfig(user)}}}\n{more}"


def look(directory: Path, profile: str) -> HealthRun:
    """A run of SCHED-001 alone: the faults here, and the rights, are those of pods."""
    return run_health(directory, profile, "-k", "SCHED-001")


@pytest.fixture(scope="module")
def platform(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """A healthy Domino-shaped cluster, and an account that may list pods and nothing else."""
    domino_cluster.install(control_plane)
    rights: list[Object] = [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "health-reader"},
            "rules": [ROLE],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "health-reader"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "health-reader",
            },
            "subjects": [{"kind": "User", "name": "health-reader"}],
        },
    ]
    for right in rights:
        control_plane.create(right, exist_ok=True)
    eventually(
        lambda: control_plane.get("/api/v1/pods?limit=1", user="health-reader"), what="the right to list"
    )
    yield control_plane
    domino_cluster.remove_faults(control_plane)
    for right in rights:
        control_plane.delete(right)


def test_a_healthy_domino_gives_no_finding(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(tmp_path, profile(platform, more=IMPATIENT))

    assert run.exit_status == 0, run.output
    result = run.result("SCHED-001")
    assert result["state"] == "passed"
    assert result["population"] >= 30


def test_each_pod_that_cannot_start_is_found_with_the_schedulers_words(
    platform: ControlPlane, tmp_path: Path
) -> None:
    domino_cluster.install(platform, faults=True)

    run = look(tmp_path, profile(platform, more=IMPATIENT))

    assert run.exit_status == 1, run.output
    found = dict(zip(run.subjects("SCHED-001"), run.result("SCHED-001")["findings"], strict=True))
    too_much = next(finding for subject, finding in found.items() if "tier=large-k8s" in subject)
    no_toleration = next(finding for subject, finding in found.items() if "tier=gpu-small-k8s" in subject)
    typo = next(
        finding
        for subject, finding in found.items()
        if subject.startswith("deployment/domino-compute/model-")
    )
    assert len(found) == 3, "and nothing else"
    assert (too_much["count"], no_toleration["count"], typo["count"]) == (3, 1, 2)
    assert "2 with insufficient cpu (requested: 500 + " in too_much["message"]
    assert "1 with an untolerated taint" in no_toleration["message"]
    assert "6 not matching the selector dominodatalab.com/node-pool=defualt" in typo["message"]
    assert all("Scheduler: 0/7 nodes are available" in finding["message"] for finding in found.values())
    how = msgspec.json.decode(gzip.decompress((run.folder / "facts" / "pods.json.gz").read_bytes()))
    asked = f"GET {platform.url}/api/v1/pods?limit=500 (context health-reader of "
    assert how["targets"][0]["how"].startswith(asked), "whose pods they are can be proved"


def test_a_young_pending_pod_is_no_finding(platform: ControlPlane, tmp_path: Path) -> None:
    domino_cluster.install(platform, faults=True)

    run = look(tmp_path, profile(platform))

    assert run.exit_status == 0, run.output
    assert run.result("SCHED-001")["findings"] == []
    assert "of 30 m" in run.result("SCHED-001")["worst"] or "of 10 m" in run.result("SCHED-001")["worst"]


def test_an_account_without_rights_could_not_look_and_is_told_the_rule(
    platform: ControlPlane, tmp_path: Path
) -> None:
    run = look(tmp_path, profile(platform, user="nobody"))

    assert run.exit_status == 6, run.output
    result = run.result("SCHED-001")
    assert result["state"] == "unknown"
    (unseen,) = result["unseen"]
    assert unseen["outcome"] == "denied"
    assert 'User "nobody" cannot list resource "pods"' in unseen["reason"]
    assert '{apiGroups: [""], resources: ["pods"], verbs: ["list"]}' in unseen["cure"]


def test_the_rule_that_is_told_is_enough(platform: ControlPlane, tmp_path: Path) -> None:
    """``health-reader`` holds exactly the rule that ``nobody`` is told to ask for."""
    told = '{apiGroups: [""], resources: ["pods"], verbs: ["list"]}'
    denied = look(tmp_path, profile(platform, user="nobody")).result("SCHED-001")["unseen"][0]["cure"]

    granted = look(tmp_path, profile(platform))

    assert told in denied
    assert granted.result("SCHED-001")["unseen"] == []


def test_rights_in_some_namespaces_see_these_and_say_which_they_did_not(
    platform: ControlPlane, tmp_path: Path
) -> None:
    objects: list[Object] = [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "one-namespace", "namespace": "domino-platform"},
            "rules": [ROLE],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "one-namespace", "namespace": "domino-platform"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one-namespace"},
            "subjects": [{"kind": "User", "name": "nobody"}],
        },
    ]
    for one in objects:
        platform.create(one)
    path = "/api/v1/namespaces/domino-platform/pods?limit=1"
    eventually(lambda: platform.get(path, user="nobody"), what="the right to list")
    namespaces = profile(platform, user="nobody").replace(
        "name: drill,", "name: drill, namespaces: [domino-platform, domino-compute],"
    )

    run = look(tmp_path, namespaces)

    for one in objects:
        platform.delete(one)
    result = run.result("SCHED-001")
    assert run.exit_status == 6, run.output
    assert result["population"] > 0, "what was seen is judged"
    assert [unseen["target"] for unseen in result["unseen"]] == ["drill/domino-compute"]
    assert "in namespace domino-compute" in result["unseen"][0]["cure"]


def test_a_namespace_that_is_not_there_is_no_empty_one(platform: ControlPlane, tmp_path: Path) -> None:
    names = "name: drill, namespaces: [domino-platform, domino-system, domino-compte],"
    misspelled = profile(platform, user="admin").replace("name: drill,", names)

    run = look(tmp_path, misspelled)

    result = run.result("SCHED-001")
    assert run.exit_status == 6, run.output
    (unseen,) = result["unseen"]  # domino-system is empty, and that is all right
    assert unseen["target"] == "drill/domino-compte"
    assert 'namespaces "domino-compte" not found' in unseen["reason"]


def test_a_dead_cluster_hides_nothing_of_a_living_one(platform: ControlPlane, tmp_path: Path) -> None:
    domino_cluster.install(platform, faults=True)
    two = profile(platform, more="  - {name: dead, server: 'https://127.0.0.1:1'}\n" + IMPATIENT)

    run = look(tmp_path, two)

    result = run.result("SCHED-001")
    assert run.exit_status == 1, run.output
    assert len(result["findings"]) == 3
    assert [unseen["target"] for unseen in result["unseen"]] == ["dead"]
    assert "drill: execution/domino-compute" in run.output, "with several clusters names say which"


def test_a_run_only_gets_lists_and_asks(platform: ControlPlane, tmp_path: Path) -> None:
    before = len(platform.audit("health-reader"))

    run_health(tmp_path, profile(platform))

    requests = platform.audit("health-reader")[before:]
    assert requests, "the audit log saw the run"
    written = [request for request in requests if request.verb not in ("get", "list")]
    assert {request.uri for request in written} == {REVIEWS}, "a question, of which nothing is stored"
    assert {request.user_agent for request in requests} == {"domino-health"}


def test_without_a_scheduler_pods_wait_for_one(platform: ControlPlane, tmp_path: Path) -> None:
    _, pod = domino_cluster.execution(domino_cluster.EXECUTIONS[0])
    pod["metadata"]["name"] += "x"
    pod["metadata"]["labels"]["dominodatalab.com/project-name"] = "no-scheduler"
    platform.stop("kube-scheduler")
    try:
        platform.create(pod)
        impatient = profile(platform, more="thresholds: {SCHED-001: {max_wait: 0s, max_wait_gpu: 0s}}")

        run = look(tmp_path, impatient)
    finally:
        platform.start("kube-scheduler")
        platform.delete(pod)

    findings = dict(zip(run.subjects("SCHED-001"), run.result("SCHED-001")["findings"], strict=True))
    message = findings["scheduler/default-scheduler"]["message"]
    assert run.exit_status == 1, run.output
    assert findings["scheduler/default-scheduler"]["examples"][0]["name"] == pod["metadata"]["name"]
    assert "no scheduler has looked at it; is default-scheduler running?" in message.casefold()


def test_what_the_scheduler_says_of_claims_selectors_and_gates_is_put_into_words(
    platform: ControlPlane, tmp_path: Path
) -> None:
    image = {"name": "main", "image": "busybox"}
    claim = {"persistentVolumeClaim": {"claimName": "drill"}}
    specs: dict[str, Object] = {
        "without-its-claim": {"containers": [image], "volumes": [{"name": "work", **claim}]},
        "in-a-zone-without-nodes": {"containers": [image], "nodeSelector": {"zone": "nowhere"}},
        "held-by-a-gate": {"containers": [image], "schedulingGates": [{"name": "example.com/quota"}]},
    }
    pods = []
    for name, spec in specs.items():
        pod = domino_cluster.new("v1", "Pod", name, domino_cluster.COMPUTE)
        pods.append(platform.create({**pod, "spec": spec}))
    paths = [platform.path(pod) for pod in pods]
    try:
        eventually(
            lambda: all(platform.get(path)["status"].get("conditions") for path in paths),
            what=f"the scheduler's words on {paths}",
        )
        run = look(tmp_path, profile(platform, more="thresholds: {SCHED-001: {max_wait: 0s}}"))
    finally:
        for pod in pods:
            platform.delete(pod)

    messages = [finding["message"] for finding in run.result("SCHED-001")["findings"]]
    for words in (
        "The volume claim does not exist. Scheduler: ",
        "not matching the selector zone=nowhere. Scheduler: ",
        "Held back by the scheduling gate example.com/quota. Scheduler: ",
    ):
        assert sum(words in message for message in messages) == 1, messages


def test_a_claim_that_nobody_provisions_is_told_from_a_scheduler_that_is_down(
    platform: ControlPlane, tmp_path: Path
) -> None:
    """The scheduler chooses a node and waits for its volume: for ten minutes it says nothing of the pod."""
    storage = domino_cluster.new("storage.k8s.io/v1", "StorageClass", "nobody-provisions")
    storage |= {"provisioner": "example.com/nobody", "volumeBindingMode": "WaitForFirstConsumer"}
    claim = domino_cluster.new("v1", "PersistentVolumeClaim", "waits", domino_cluster.COMPUTE)
    claim["spec"] = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "nobody-provisions",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    pod = domino_cluster.new("v1", "Pod", "waits-for-its-volume", domino_cluster.COMPUTE)
    pod["spec"] = {
        "containers": [{"name": "main", "image": "busybox"}],
        "volumes": [{"name": "work", "persistentVolumeClaim": {"claimName": "waits"}}],
    }
    for each in (storage, claim, pod):
        platform.create(each)
    try:
        eventually(
            lambda: platform.get(platform.path(pod))["status"].get("nominatedNodeName"), what="a chosen node"
        )
        run = look(tmp_path, profile(platform, more="thresholds: {SCHED-001: {max_wait: 0s}}"))
    finally:
        for each in (pod, claim, storage):
            platform.delete(each)

    found = dict(zip(run.subjects("SCHED-001"), run.result("SCHED-001")["findings"], strict=True))
    message = found["pod/domino-compute/waits-for-its-volume"]["message"]
    assert " is chosen, and binding has not ended: see the events of its volume claims" in message
    assert not [subject for subject in found if subject.startswith("scheduler/")]
