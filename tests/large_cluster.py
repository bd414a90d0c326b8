"""A large cluster in trouble, as facts: 5,000 nodes and 100,000 pods at scale 1, 40,000 of them broken, and
30,000 claims.

Nothing of it was recorded: shapes are the API's, words are those of a real scheduler, kubelet and quota, and
numbers are made up. It is the same in every run.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from domino_health.facts.builds import ImageBuildList
from domino_health.facts.compute_clusters import RayClusterList
from domino_health.facts.domino import Candidate, DominoNamespace, DominoService, DominoStorage
from domino_health.facts.events import EventList
from domino_health.facts.kubernetes import PodList
from domino_health.facts.logs import KnownFault, LogCount
from domino_health.facts.metrics import NodeMetricsList
from domino_health.facts.network import NetworkPolicyList
from domino_health.facts.nodes import NodeList, NodePages
from domino_health.facts.quotas import LimitRangeList, ResourceQuotaList
from domino_health.facts.releases import HelmReleaseList
from domino_health.facts.scans import ScanReport
from domino_health.facts.services import EndpointSliceList, ServiceList
from domino_health.facts.storage import StorageClassList, VolumeClaimList
from domino_health.facts.tiers import HardwareTier
from domino_health.facts.volumes import VolumeList
from domino_health.facts.workloads import DaemonSetList, DeploymentList, StatefulSetList

NOW = datetime(2026, 11, 24, 3, 45, tzinfo=UTC)
CLUSTER = "prod"
PLATFORM, COMPUTE = "domino-platform", "domino-compute"
NODES, PODS, CLAIMS = 5_000, 100_000, 30_000
PROJECTS, TIERS, MODELS, SERVICES = 40, 4, 200, 100
BUILDS, LOGS, COMPUTE_CLUSTERS = 500, 64, 200
POOL = "dominodatalab.com/node-pool"
GPU = "nvidia.com/gpu"
UNSCHEDULED = (
    "0/5000 nodes are available: {busy} Insufficient cpu, {other} node(s) had untolerated taint(s), 3 "
    "node(s) were unschedulable. preemption: 0/5000 nodes are available: 5000 Preemption is not helpful for "
    "scheduling."
)
Plain = dict[str, Any]
LONG_AGO = "2026-11-01T00:00:00Z"


def facts(scale: float = 1) -> dict[str, list[Any]]:
    """Every fact of Kubernetes by its name, decoded from JSON as a collector would."""
    events: list[Plain] = []
    found = {
        "pods": _decoded(PodList, _told(_pods(round(PODS * scale), round(NODES * scale)), events)),
        "nodes": _decoded(NodeList, map(_node, range(round(NODES * scale)))),
        "events": _decoded(EventList, events),
        "deployments": _decoded(DeploymentList, _deployments()),
        "statefulsets": _decoded(StatefulSetList, [_workload(PLATFORM, "mongodb-replicaset", 3, 3)]),
        "daemonsets": _decoded(DaemonSetList, [_daemonset()]),
        "services": _decoded(ServiceList, map(_service, range(SERVICES))),
        "endpoint_slices": _decoded(EndpointSliceList, map(_slice, range(SERVICES))),
        "node_metrics": _decoded(NodeMetricsList, map(_metrics, range(round(NODES * scale)))),
        "resource_quotas": _decoded(ResourceQuotaList, [_quota(round(PODS * scale))]),
        "limit_ranges": _decoded(LimitRangeList, []),
        "network_policies": _decoded(NetworkPolicyList, [_policy()]),
        "volume_claims": _decoded(VolumeClaimList, map(_claim, range(round(CLAIMS * scale)))),
        "volumes": _decoded(VolumeList, map(_volume, range(round(CLAIMS * scale)))),
        "storage_classes": _decoded(StorageClassList, [_class("dominodisk"), _class("dominoshared")]),
        "image_builds": _decoded(ImageBuildList, map(_build, range(BUILDS))),
        "helm_releases": _decoded(HelmReleaseList, map(_release, range(SERVICES))),
        "compute_clusters": _decoded(RayClusterList, map(_compute_cluster, range(COMPUTE_CLUSTERS))),
    }
    namespaces = (PLATFORM, "platform"), (COMPUTE, "compute")
    found["domino_namespaces"] = [DominoNamespace(name, part, "label", CLUSTER) for name, part in namespaces]  # type: ignore[arg-type]
    database = Candidate("statefulset", PLATFORM, "mongodb-replicaset", 3, 3)
    found["domino_services"] = [DominoService("metadata_database", (database,), "name", cluster=CLUSTER)]
    found["domino_storage"] = [
        DominoStorage("block", "dominodisk", "name", CLUSTER),
        DominoStorage("shared", "dominoshared", "name", CLUSTER),
    ]
    found["hardware_tiers"] = [
        HardwareTier(f"tier-{number}", "default", "2", "8Gi", cluster=CLUSTER, max_executions=25)
        for number in range(TIERS)
    ]
    found["log_counts"] = [_count(number) for number in range(LOGS)]
    found["scan_reports"] = [_report(number) for number in range(2)]  # of three environments
    return found


def _count(number: int) -> LogCount:
    fault = KnownFault("connection-refused", number, "low", "nobody listens", "see who", "dial tcp: refused")
    return LogCount(
        CLUSTER,
        PLATFORM,
        f"service-{number}-0",
        "main",
        "monitoring",
        "statefulset",
        f"service-{number // 2}",
        seconds=900,
        faults=(fault,),
        cut=number % 5 == 0,
        problem="dial tcp: refused" if number % 7 == 0 else "",
    )


def _report(number: int) -> ScanReport:
    name = f"registry.example.com/dominodatalab/environment:{number:024x}-4"
    when = NOW - timedelta(days=40 * number)
    return ScanReport(
        f"{number}.json", "Trivy", when, (name,), (), {"critical": 9}, 3, ("CVE-1",), cluster=CLUSTER
    )


def _decoded(page: type[Any], items: Any) -> list[Any]:
    """By pages of 500, as they come: a list of all at once would be a peak that no run has."""
    decoder = NodePages() if page is NodeList else msgspec.json.Decoder(page)
    found: list[Any] = []
    waiting: list[Plain] = []
    for item in items:
        waiting.append(item)
        if len(waiting) == 500:
            found += decoder.decode(json.dumps({"metadata": {}, "items": waiting}).encode()).items
            waiting = []
    found += decoder.decode(json.dumps({"metadata": {}, "items": waiting}).encode()).items
    for thing in found:
        msgspec.structs.force_setattr(thing, "cluster", CLUSTER)
    return found


def _ago(**ago: float) -> str:
    return (NOW - timedelta(**ago)).isoformat().replace("+00:00", "Z")


def _node(number: int) -> Plain:
    """One in fifty has GPUs, one in ten is the platform's, one in a hundred is not Ready."""
    pool = "default-gpu" if number % 50 == 0 else "platform" if number % 10 == 1 else "default"
    ready = number % 100 != 7
    allocatable = {"cpu": "31850m", "memory": "125Gi", "pods": "110", "ephemeral-storage": "400Gi"}
    if pool == "default-gpu":
        allocatable[GPU] = "4"
    condition = {
        "type": "Ready",
        "status": "True" if ready else "Unknown",
        "reason": "KubeletReady" if ready else "NodeStatusUnknown",
        "message": "kubelet is posting ready status" if ready else "Kubelet stopped posting node status.",
        "lastTransitionTime": _ago(hours=2),
    }
    taints = [{"key": GPU, "value": "true", "effect": "NoSchedule"}] if pool == "default-gpu" else []
    return {
        "metadata": {
            "name": _node_name(number),
            "creationTimestamp": _ago(days=2),
            "labels": {
                POOL: pool,
                "topology.kubernetes.io/zone": f"zone-{'abc'[number % 3]}",
                "node.kubernetes.io/instance-type": "m6i.8xlarge",
                "karpenter.sh/capacity-type": "spot" if number % 4 == 0 else "on-demand",
            },
        },
        "spec": {"taints": taints},
        "status": {
            "conditions": [condition],
            "allocatable": allocatable,
            "images": [*map(_held, range(40)), *map(_old, range(10))],
        },
    }


def _held(number: int) -> Plain:
    """An image that every node has: of an environment, or of the platform."""
    image = f"registry.example.com/dominodatalab/environment:{number:024x}-4"
    if number >= 3:
        image = f"quay.io/domino/{('nginx', 'executor', f'service-{number}')[min(number - 3, 2)]}:6.2.0"
    return {
        "names": [f"{image.rpartition(':')[0]}@sha256:{number:064x}", image],
        "sizeBytes": 10**8 * (number + 1),
    }


def _old(number: int) -> Plain:
    """A revision that nobody runs any more."""
    image = f"registry.example.com/dominodatalab/environment:{number:024x}-1"
    return {"names": [image], "sizeBytes": 6 * 10**9}


def _node_name(number: int) -> str:
    return f"ip-10-{number // 62500}-{number // 250 % 250}-{number % 250}.ec2.internal"


def _pods(count: int, nodes: int) -> Iterator[Plain]:
    """Of ten: four are well, two executions; four broken, each in its own way; two have ended well."""
    for number in range(count):
        kind, turn = number % 10, number // 10
        node = _node_name(turn % nodes)
        if kind in (0, 1):
            yield _execution(number, node, "Running", [_running("run")])
        elif kind in (2, 3):
            yield _model(number, node, [_running("run")])
        elif kind == 4:
            yield _unscheduled(number)
        elif kind == 5:
            waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}
            yield _model(number, node, [_waiting("run", waiting, turn)])
        elif kind == 6:
            message = f'Back-off pulling image "registry.example.com/environment:{number % 50}"'
            waiting = {"reason": "ImagePullBackOff", "message": message}
            yield _execution(number, node, "Pending", [_waiting("run", waiting, 0)])
        elif kind == 7:
            yield _evicted(number, node) if turn % 2 else _out_of_memory(number, node)
        elif kind == 8:
            yield _execution(number, node, "Succeeded", [_ended("run", 0, "Completed")])
        else:
            yield _execution(number, node, "Failed" if turn % 5 == 0 else "Succeeded", [_ended("run", 0, "")])


def _execution(number: int, node: str, phase: str, statuses: list[Plain], **status: Any) -> Plain:
    gpu = number % 97 == 0
    asked = {"cpu": "2", "memory": "8Gi", **({GPU: "1"} if gpu else {})}
    side = {"requests": {"cpu": "100m", "memory": "1287Mi"}}
    image = f"registry.example.com/dominodatalab/environment:{number % 3:024x}-4"
    labels = {
        "dominodatalab.com/workload-type": ("Workspace", "Batch", "App")[number % 3],
        "dominodatalab.com/hardware-tier-id": f"tier-{number % TIERS}",
        "dominodatalab.com/project-name": f"project-{number % PROJECTS}",
    }
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": _ago(minutes=50)}
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": _ago(minutes=44)}
    up = statuses and all(each["ready"] for each in statuses)
    return {
        "metadata": {
            "name": f"run-{number:024x}-abcde",
            "namespace": COMPUTE,
            "creationTimestamp": _ago(minutes=52 + number % 50),
            "labels": labels,
        },
        "spec": {
            "nodeName": node,
            "schedulerName": "default-scheduler",
            "nodeSelector": {POOL: "default-gpu" if gpu else "default"},
            "tolerations": [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}] if gpu else [],
            "volumes": [{"name": "work", "persistentVolumeClaim": {"claimName": f"workspace-{number:024x}"}}],
            "containers": [
                {"name": "run", "image": image, "resources": {"requests": asked, "limits": asked}},
                {"name": "nginx", "image": "quay.io/domino/nginx:6.2.0", "resources": side},
                {"name": "executor", "image": "quay.io/domino/executor:6.2.0", "resources": side},
            ],
        },
        "status": {
            "phase": phase,
            "conditions": [scheduled, ready] if up else [scheduled],
            "containerStatuses": statuses,
            **status,
        },
    }


def _model(number: int, node: str, statuses: list[Plain]) -> Plain:
    made = _execution(number, node, "Running", statuses)
    name = f"model-{number % MODELS:024x}-5d9c7b8f4"
    made["metadata"]["name"] = f"{name}-{number:05d}"
    made["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": name, "controller": True}]
    made["metadata"]["labels"] |= {
        "dominodatalab.com/workload-type": "ModelAPI",
        "pod-template-hash": "5d9c7b8f4",
    }
    return made


def _unscheduled(number: int) -> Plain:
    busy = number % 4000
    message = UNSCHEDULED.format(busy=busy, other=4997 - busy)
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    condition["lastTransitionTime"] = _ago(minutes=50)
    made = _execution(number, "", "Pending", [], conditions=[condition])
    del made["spec"]["nodeName"]
    return made


def _evicted(number: int, node: str) -> Plain:
    message = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 81492Ki."
    made = _execution(number, node, "Failed", [], reason="Evicted", message=message)
    if number % 100 == 17:  # some of the platform's own
        name = f"service-{number % SERVICES}-5d9c7b8f4"
        made["metadata"] |= {"name": f"{name}-{number:05d}", "namespace": PLATFORM}
        made["metadata"]["labels"] = {"pod-template-hash": "5d9c7b8f4"}
        made["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": name, "controller": True}]
    return made


def _out_of_memory(number: int, node: str) -> Plain:
    return _execution(number, node, "Failed", [_ended("run", 137, "OOMKilled")])


def _running(name: str) -> Plain:
    running = {"startedAt": _ago(minutes=45)}
    return {"name": name, "ready": True, "restartCount": 0, "state": {"running": running}}


def _waiting(name: str, waiting: Plain, restarts: int) -> Plain:
    last = {"terminated": _ended(name, 1, "Error")["state"]["terminated"]} if restarts else {}
    return {
        "name": name,
        "ready": False,
        "restartCount": restarts % 60,
        "state": {"waiting": waiting},
        "lastState": last,
    }


def _ended(name: str, code: int, reason: str) -> Plain:
    ended = {"exitCode": code, "reason": reason, "startedAt": _ago(minutes=45), "finishedAt": _ago(minutes=9)}
    return {"name": name, "ready": False, "restartCount": 0, "state": {"terminated": ended}}


def _told(pods: Iterator[Plain], events: list[Plain]) -> Iterator[Plain]:
    """The pods; an event for each that is broken, a thousand of a quota that refuses a model's pods, and a
    thousand of a driver that makes no volumes.
    """
    events += _refusals()
    events += _unprovisioned()
    for number, pod in enumerate(pods):
        if event := _event_of(number, pod):
            events.append(event)
        yield pod


def _event_of(number: int, pod: Plain) -> Plain | None:
    metadata = pod["metadata"]
    about = {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"]}
    run = {**about, "fieldPath": "spec.containers{run}"}
    match number % 10:
        case 0:
            image, took = pod["spec"]["containers"][0]["image"], f"{number % 7}m12.5s"
            message = (
                f'Successfully pulled image "{image}" in {took} ({took} including waiting). '
                f"Image size: {10**9 * (number % 30 + 1)} bytes."
            )
            return {**_event(run, "Pulled", message, "kubelet"), "type": "Normal"}
        case 4:
            message = pod["status"]["conditions"][0]["message"]
            return _event(about, "FailedScheduling", message, "default-scheduler")
        case 5:
            message = "Readiness probe failed: HTTP probe failed with statuscode: 503"
            return _event(run, "Unhealthy", message, "kubelet")
        case 6:
            message = pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"]
            return _event(run, "BackOff", message, "kubelet")
        case 7 if pod["status"].get("reason") == "Evicted":
            return _event(about, "Evicted", pod["status"]["message"], "kubelet")
    return None


def _refusals() -> Iterator[Plain]:
    for number in range(1000):
        name = f"model-{number % MODELS:024x}-5d9c7b8f4"
        about = {"kind": "ReplicaSet", "namespace": COMPUTE, "name": name}
        message = (
            f'Error creating: pods "{name}-{number:05d}" is forbidden: exceeded quota: executions, '
            "requested: pods=1, used: pods=100000, limited: pods=100000"
        )
        yield _event(about, "FailedCreate", message, "replicaset-controller")


def _unprovisioned() -> Iterator[Plain]:
    for number in range(4, 10_000, 10):
        namespace, name, of = _claim_of(number)
        about = {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": name}
        message = f'failed to provision volume with StorageClass "{of}": VolumeLimitExceeded'
        yield _event(about, "ProvisioningFailed", message, "ebs.csi.aws.com_controller-0_8a0b6c1e")


def _event(about: Plain, reason: str, message: str, component: str) -> Plain:
    return {
        "metadata": {"namespace": about["namespace"], "creationTimestamp": _ago(minutes=30)},
        "involvedObject": about,
        "reason": reason,
        "message": message,
        "type": "Warning",
        "count": 7,
        "firstTimestamp": _ago(minutes=30),
        "lastTimestamp": _ago(minutes=4),
        "source": {"component": component},
    }


def _workload(namespace: str, name: str, wanted: int, ready: int, kind: str = "") -> Plain:
    labels = {"app.kubernetes.io/name": name}
    probe = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 10, "failureThreshold": 7}
    asked = {"requests": {"cpu": "250m", "memory": "1Gi"}}
    container = {"name": "main", "image": "quay.io/domino/main:6.2.0", "resources": asked}
    if ready == wanted:
        container |= {"readinessProbe": probe}
    template = {"metadata": {"labels": {"dominodatalab.com/workload-type": kind}}}
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "creationTimestamp": LONG_AGO,
        },
        "spec": {
            "replicas": wanted,
            "selector": {"matchLabels": {"app.kubernetes.io/instance": name}},
            "template": {**template, "spec": {"containers": [container]}},
        },
        "status": {"readyReplicas": ready},
    }


def _deployments() -> Iterator[Plain]:
    for number in range(SERVICES):
        yield _workload(PLATFORM, f"service-{number}", 2, 2 - number % 2)
    for number in range(MODELS):
        yield _workload(COMPUTE, f"model-{number:024x}", 150, 100, "ModelAPI")


def _daemonset() -> Plain:
    made = _workload(PLATFORM, "fluent-bit", 1, 1)
    made["spec"]["template"]["spec"]["tolerations"] = [{"operator": "Exists"}]
    return {**made, "status": {"desiredNumberScheduled": 5000, "numberReady": 4950}}


def _service(number: int) -> Plain:
    name = f"service-{number}"
    spec = {"type": "ClusterIP", "selector": {"app.kubernetes.io/instance": name}}
    return {
        "metadata": {"name": name, "namespace": PLATFORM, "creationTimestamp": LONG_AGO},
        "spec": spec,
    }


def _slice(number: int) -> Plain:
    labels = {"kubernetes.io/service-name": f"service-{number}"}
    endpoints = [{"conditions": {"ready": number % 4 != 1}}]
    return {"metadata": {"namespace": PLATFORM, "labels": labels}, "endpoints": endpoints}


def _metrics(number: int) -> Plain:
    usage = {"cpu": f"{number % 32 * 10**9}n", "memory": f"{number % 125}Gi"}
    return {
        "metadata": {"name": _node_name(number)},
        "timestamp": _ago(seconds=20),
        "window": "20s",
        "usage": usage,
    }


def _build(number: int) -> Plain:
    """Of ten: eight have succeeded, one has failed and one hangs, of 60 environments."""
    phase = {8: "Failed", 9: "Running"}.get(number % 10, "Succeeded")
    words = "build failed: buildkit solve issue: failed to solve: write /layer: no space left on device"
    failed = {"type": "ImageReady", "status": "False", "reason": "ExecutionError", "message": words}
    phases = ("Initializing", 120), ("Running", 119), *([] if phase == "Running" else [(phase, 90)])
    return {
        "metadata": {
            "name": f"build-{number}",
            "namespace": COMPUTE,
            "creationTimestamp": _ago(minutes=120 + number),
        },
        "spec": {"images": [f"registry.example.com/dominodatalab/environment:{number % 60:024x}-4"]},
        "status": {
            "phase": phase,
            "allocationTime": "42.5s",
            "conditions": [failed] if phase == "Failed" else [],
            "transitions": [
                {"phase": each, "occurredAt": _ago(minutes=minutes + number)} for each, minutes in phases
            ],
        },
    }


def _release(number: int) -> Plain:
    """Of ten one has drifted."""
    drifted = {"type": "Stalled", "status": "True", "reason": "Drift", "message": "Deployment differs"}
    well = {"type": "Ready", "status": "True", "reason": "InSync", "message": "as it should be"}
    metadata = {"name": f"service-{number}", "namespace": PLATFORM}
    return {"metadata": metadata, "status": {"conditions": [well if number % 10 else drifted]}}


def _compute_cluster(number: int) -> Plain:
    """Of ten one has no pod, though it is old; the others are of executions that have ended."""
    labels = {"dominodatalab.com/execution-id": f"{number:024x}"} if number % 10 else {}
    return {
        "metadata": {
            "name": f"ray-{number:024x}",
            "namespace": COMPUTE,
            "creationTimestamp": _ago(minutes=120 + number),
            "labels": labels,
        },
        "spec": {"worker": {"replicas": 4}},
        "status": {"clusterStatus": "Running" if number % 10 else "Pending"},
    }


def _policy() -> Plain:
    """One that keeps everybody but the namespace's own pods from one model."""
    selector = {"app.kubernetes.io/instance": f"model-{7:024x}"}
    spec = {"podSelector": {"matchLabels": selector}, "policyTypes": ["Ingress"], "ingress": []}
    return {"metadata": {"name": "model-7", "namespace": COMPUTE}, "spec": spec}


def _quota(pods: int) -> Plain:
    return {
        "metadata": {"name": "executions", "namespace": COMPUTE},
        "spec": {"hard": {"pods": str(pods), "requests.cpu": "200k"}},
        "status": {"used": {"pods": str(pods), "requests.cpu": "100k"}},
    }


def _claim_of(number: int) -> tuple[str, str, str]:
    """Namespace and name of a claim, and its class: an execution's, or one of ten that the platform has."""
    if number == 0:
        return PLATFORM, "datadir-mongodb-replicaset-0", "dominodisk"
    if number in (1, 2):
        twin = "" if number == 1 else f"-{COMPUTE}"
        return (COMPUTE if twin else PLATFORM), f"domino-shared-store{twin}", "dominoshared"
    return COMPUTE, f"workspace-{number:024x}", "dominodisk"


def _claim(number: int) -> Plain:
    """One in ten waits for its volume, one in fifty has lost it or does not grow."""
    namespace, name, of = _claim_of(number)
    phase = "Pending" if number % 10 == 4 else "Lost" if number % 50 == 7 else "Bound"
    asked = "20Gi" if number % 50 == 8 else "10Gi"
    return {
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": LONG_AGO},
        "spec": {
            "accessModes": ["ReadWriteMany" if of == "dominoshared" else "ReadWriteOnce"],
            "storageClassName": of,
            "volumeName": f"pvc-{number:032x}" if phase != "Pending" else "",
            "resources": {"requests": {"storage": asked}},
        },
        "status": {"phase": phase, "capacity": {"storage": "10Gi"}},
    }


def _volume(number: int) -> Plain:
    """Of a claim, or left over; the database's, and what is shared, on a network file system."""
    namespace, name, of = _claim_of(number)
    phase = {5: "Released", 6: "Failed"}.get(number % 20, "Bound")
    driver = "efs.csi.aws.com" if number < 3 else "ebs.csi.aws.com"
    state = "salvaged" if number % 20 == 9 else "available" if number % 20 == 10 else ""
    return {
        "metadata": {
            "name": f"pvc-{number:032x}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"dominodatalab.com/volume-state": state},
            "annotations": {
                "dominodatalab.com/last-used": LONG_AGO if number % 3 else "2026-01-01T00:00:00Z"
            },
        },
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Delete" if number % 40 == 5 else "Retain",
            "storageClassName": of,
            "claimRef": {"namespace": namespace, "name": name},
            "csi": {"driver": driver, "volumeHandle": f"fs-{number}"},
        },
        "status": {"phase": phase, "message": "in use", "lastPhaseTransitionTime": LONG_AGO},
    }


def _class(name: str) -> Plain:
    driver = "efs.csi.aws.com" if name == "dominoshared" else "ebs.csi.aws.com"
    return {"metadata": {"name": name}, "provisioner": driver, "volumeBindingMode": "Immediate"}
