"""Fact types are allow-lists: they read what they name, from the API's own spelling, and nothing else."""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

import domino_health.facts
import identity_samples
import platform_samples
from domino_health.facts.api import Kubernetes
from domino_health.facts.kubernetes import Clock, Pod, PodList
from domino_health.facts.logs import KnownFault, LogCount, LogTail
from domino_health.facts.nodes import NodeList, NodePages
from domino_health.facts.observed import Observed, Outcome, Seen
from domino_health.facts.previous import PreviousFinding, PreviousRun
from domino_health.facts.rights import Right
from domino_health.facts.secrets import TlsSecret
from domino_health.facts.survey import Gateway, Ingress
from domino_health.facts.tls import Certificate, Revocation, TlsEndpoint
from domino_health.vocabulary import Ref

NOW = datetime(2026, 11, 24, 3, 45, tzinfo=UTC)
RUN = "run-66f0a1b2c3d4e5f601234567"

STATUS: dict[str, Any] = {
    "name": "run",
    "ready": True,
    "restartCount": 7,
    "image": "SECRET-image",
    "imageID": f"registry.example.com/init@sha256:{'ab' * 32}",
    "containerID": "containerd://SECRET",
    "state": {
        "waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"},
        "running": {"startedAt": "2026-11-24T03:00:00Z"},
    },
    "lastState": {
        "terminated": {
            "exitCode": 137,
            "signal": 9,
            "reason": "OOMKilled",
            "message": "SECRET-words of the process",
            "startedAt": "2026-11-24T03:00:00Z",
            "finishedAt": "2026-11-24T03:10:00Z",
            "containerID": "containerd://SECRET",
        }
    },
}
# A pod as an API server sends it, with much that nobody here names. Every field that a fact type does name
# stands in it with a value: `podIP` is spelled as the API spells it, and never as a program would.
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": f"{RUN}-x7k2p",
        "generateName": f"{RUN}-",
        "namespace": "domino-compute",
        "uid": "8a0b6c1e-6f3f-4a7e-9d2b-0c5d1e2f3a4b",
        "resourceVersion": "918273",
        "creationTimestamp": "2026-11-24T03:00:00Z",
        "deletionTimestamp": "2026-11-24T03:30:00Z",
        "deletionGracePeriodSeconds": 30,
        "finalizers": ["batch.kubernetes.io/job-tracking"],
        "labels": {
            "dominodatalab.com/workload-type": "Workspace",
            "dominodatalab.com/hardware-tier-id": "gpu-small",
            "dominodatalab.com/project-name": "churn",
            "dominodatalab.com/starting-user-username": "SECRET-jane.doe",
            "dominodatalab.com/project-owner-username": "SECRET-john.roe",
            "pod-template-hash": "6d5f9c7b8d",
            "dominodatalab.com/execution-id": "65f0c0ffee65f0c0ffee65f0",
            "app.kubernetes.io/name": "run",
        },
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "SECRET-applied"},
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "run-6d5f9c7b8d",
                "uid": "1",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
        "managedFields": [{"manager": "SECRET-manager", "fieldsV1": {"f:metadata": {}}}],
    },
    "spec": {
        "containers": [
            {
                "name": "run",
                "image": "registry.example.com/domino/environment:65a0b1c2d3e4f5061728394a-12",
                "command": ["/bin/sh", "-c", "echo SECRET-command"],
                "args": ["SECRET-args"],
                "env": [{"name": "DB_PASSWORD", "value": "SECRET-env"}],
                "resources": {
                    "requests": {"cpu": "500m", "memory": "4Gi"},
                    "limits": {"cpu": "1", "nvidia.com/gpu": "1"},
                },
                "volumeMounts": [{"name": "work", "mountPath": "/mnt/SECRET-mount"}],
            }
        ],
        "initContainers": [
            {
                "name": "init",
                "image": "registry.example.com/init:1",
                "command": ["SECRET"],
                "restartPolicy": "Always",
                "env": [{"value": "SECRET"}],
            }
        ],
        "nodeName": "ip-10-0-1-23.ec2.internal",
        "nodeSelector": {"dominodatalab.com/node-pool": "gpu"},
        "schedulerName": "default-scheduler",
        "priority": -10,
        "overhead": {"cpu": "250m"},
        "resources": {"requests": {"memory": "6Gi"}},
        "serviceAccountName": "SECRET-account",
        "imagePullSecrets": [{"name": "SECRET-pull"}],
        "volumes": [
            {"name": "token", "secret": {"secretName": "SECRET-volume"}},
            {"name": "work", "persistentVolumeClaim": {"claimName": "workspace-65a0b1", "readOnly": True}},
            {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {"SECRET": "SECRET"}}}},
        ],
        "priorityClassName": "domino-critical",
        "schedulingGates": [{"name": "example.com/quota"}],
        "tolerations": [
            {"key": "nvidia.com/gpu", "operator": "Exists", "value": "true", "effect": "NoSchedule"},
        ],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {
                            "matchExpressions": [
                                {"key": "dominodatalab.com/node-pool", "operator": "In", "values": ["gpu"]}
                            ],
                            "matchFields": [{"key": "SECRET", "operator": "In", "values": ["SECRET"]}],
                        }
                    ]
                }
            },
            "podAntiAffinity": {"SECRET": []},
        },
    },
    "status": {
        "phase": "Pending",
        "reason": "Evicted",
        "message": "The node was low on resource: memory.",
        "containerStatuses": [STATUS],
        "initContainerStatuses": [STATUS],
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/7 nodes are available: 7 Insufficient cpu.",
                "lastProbeTime": None,
                "lastTransitionTime": "2026-11-24T03:00:00Z",
            }
        ],
        "nominatedNodeName": "ip-10-0-1-23.ec2.internal",
        "hostIP": "10.0.1.23",
        "podIP": "SECRET-10.1.2.3",
        "qosClass": "Burstable",
    },
}
PODS = {
    "apiVersion": "v1",
    "kind": "PodList",
    "metadata": {"resourceVersion": "918274", "continue": "abc", "remainingItemCount": 1500},
    "items": [POD],
}
CERTIFICATE = Certificate("CN=a", "CN=b", NOW, NOW, "7", "00ff", ("a.example.com",), "RSA", 2048, "sha256")
INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "domino", "namespace": "domino-platform", "annotations": {"a": "SECRET"}},
    "spec": {
        "ingressClassName": "nginx",
        "rules": [{"host": "domino.example.com", "http": {"paths": []}}],
        "tls": [{"hosts": ["domino.example.com"], "secretName": "domino-tls"}],
    },
}
GATEWAY = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "domino", "namespace": "domino-platform"},
    "spec": {"servers": [{"hosts": ["*/domino.example.com"], "port": {"number": 443}}]},
}
SAMPLES: list[msgspec.Struct] = [
    msgspec.json.decode(json.dumps(PODS), type=PodList),
    Clock(skew=-7, source="cluster prod"),
    CERTIFICATE,
    TlsEndpoint(
        name="front end",
        address="a.example.com:443",
        server_name="a.example.com",
        presented=(CERTIFICATE,),
        verified=(CERTIFICATE,),
        chain_errors=("self-signed certificate",),
        name_matches=False,
        protocol="TLSv1.3",
        older="TLSv1.1",
        missing_issuer="CN=Issuer",
        issuer_url="http://ca.example.com/ca.cer",
        in_order=False,
        revocation=Revocation("revoked", "http://ocsp.example.com", "keyCompromise", NOW),
        proxy="http://proxy.example.com:3128",
    ),
    TlsSecret(
        cluster="prod",
        namespace="domino-platform",
        name="hephaestus-root-tls",
        certificates=(CERTIFICATE,),
        authorities=(CERTIFICATE,),
        problem="its ca.crt holds something that is no certificate (PEM)",
        mismatch="unable to get local issuer certificate",
        issuers=("ab" * 32,),
    ),
    LogTail(
        "prod", "domino-platform", "web-1", "run", previous=True, lines=("bye",), cut=True, problem="silent"
    ),
    LogCount(
        "prod",
        "domino-platform",
        "web-1",
        "web",
        "front_end",
        "deployment",
        "web",
        900,
        started_at=NOW,
        read=1 << 19,
        faults=(
            KnownFault("disk", 3, "low", "full", "make room", "no space", allowed=0, usual_at_start=True),
        ),
        cut=True,
        problem="silent",
    ),
    PreviousRun(
        folder="2026-11-24T034500Z",
        began=NOW,
        gate="default",
        exit_status=1,
        states={"SCHED-001": "failed"},
        blind=("SCHED-001",),
        findings=(PreviousFinding("SCHED-001", "prod: pod/ns/a", "high", waived=True),),
    ),
    Right(
        resource="secrets",
        verb="get",
        group="apps",
        namespace="domino-platform",
        name="hephaestus-root-tls",
        in_namespaces=False,
        opt_in="secrets",
        cluster="prod",
        allowed=True,
    ),
    msgspec.json.decode(json.dumps(INGRESS), type=Ingress),
    msgspec.json.decode(json.dumps(GATEWAY), type=Gateway),
    Seen(
        target="prod",
        outcome=Outcome.FAILED,
        how="GET /api/v1/pods",
        at=NOW,
        seconds=0.5,
        reason="connection refused",
        cure="start it",
        details="Traceback",
        objects=(1,),
    ),
    *platform_samples.SAMPLES,
    *identity_samples.SAMPLES,
]
"""Each fact type, with a value in each field; those of Kubernetes decoded from the API's JSON."""
SET_BY_COLLECTORS = {("Pod", "cluster"), *platform_samples.SET_BY_COLLECTORS}
"""What no API sends."""


def decode(changed: dict[str, Any] | None = None, **parts: Any) -> Pod:
    """A waiting pod, from JSON, with its parts replaced."""
    plain: dict[str, dict[str, Any]] = {
        "metadata": {
            "name": "web-6d5f9c7b8d-x7k2p",
            "namespace": "domino-platform",
            "creationTimestamp": "2026-11-24T03:00:00Z",
        },
        "spec": {"containers": [{"name": "c", "image": "nginx"}]},
        "status": {"phase": "Pending"},
    }
    for part, values in parts.items():
        plain[part] = {**plain[part], **values}
    return msgspec.json.decode(json.dumps({**plain, **(changed or {})}), type=Pod)


def fact_types() -> list[type[msgspec.Struct]]:
    """Every Struct that a module of facts defines."""
    modules = [
        importlib.import_module(f"domino_health.facts.{module.name}")
        for module in pkgutil.iter_modules(domino_health.facts.__path__)
    ]
    return [
        thing
        for module in modules
        for thing in vars(module).values()
        if isinstance(thing, type)
        and issubclass(thing, msgspec.Struct)
        and thing.__module__ == module.__name__
        and thing is not Kubernetes
    ]


def values(thing: Any) -> Iterator[tuple[str, str, Any]]:
    """Type, field and value of every Struct within."""
    if isinstance(thing, msgspec.Struct):
        for field in msgspec.structs.fields(thing):
            value = getattr(thing, field.name)
            yield type(thing).__name__, field.name, value
            yield from values(value)
    elif isinstance(thing, list | tuple):
        for item in thing:
            yield from values(item)


def optional_fields() -> list[tuple[type[msgspec.Struct], str, Any]]:
    missing = msgspec.NODEFAULT
    return [
        (
            kind,
            field.name,
            field.default_factory() if field.default_factory is not missing else field.default,
        )
        for kind in fact_types()
        for field in msgspec.structs.fields(kind)
        if not field.required
    ]


# Allow-lists


@pytest.mark.parametrize(
    ("kind", "name", "default"),
    [each for each in optional_fields() if (each[0].__name__, each[1]) not in SET_BY_COLLECTORS],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_every_optional_field_is_read_from_the_spelling_that_it_has_outside(
    kind: type[msgspec.Struct], name: str, default: Any
) -> None:
    """A wrong spelling (``podIp``) would leave the default in it, silently and for ever."""
    shown = [
        value
        for sample in SAMPLES
        for where, field, value in values(sample)
        if (where, field) == (kind.__name__, name)
    ]

    assert any(value != default for value in shown), f"give {kind.__name__}.{name} a value in SAMPLES"


@pytest.mark.parametrize("kind", fact_types(), ids=lambda kind: kind.__name__)
def test_every_fact_type_is_frozen(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.frozen


def test_what_no_type_names_is_neither_kept_nor_written_again() -> None:
    pods = msgspec.json.decode(json.dumps(PODS), type=PodList)

    written = msgspec.json.encode(pods).decode()

    assert json.dumps(PODS).count("SECRET") > 10
    assert "SECRET" not in written
    assert "SECRET" not in repr(pods)


def test_what_is_written_reads_back_the_same() -> None:
    pods = msgspec.json.decode(json.dumps(PODS), type=PodList)
    msgspec.structs.force_setattr(pods.items[0], "cluster", "prod")

    again = msgspec.json.decode(msgspec.json.encode(pods), type=PodList)

    assert again == pods
    assert again.items[0].cluster == "prod"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_every_fact_reads_back_the_same(sample: msgspec.Struct) -> None:
    written = msgspec.json.encode(sample)

    assert msgspec.json.encode(msgspec.json.decode(written, type=type(sample))) == written


def test_what_is_at_its_default_is_not_written() -> None:
    written = json.loads(msgspec.json.encode(decode()))

    assert set(written) == {"metadata", "spec", "status"}
    assert set(written["metadata"]) == {"name", "namespace", "creationTimestamp"}
    assert set(written["spec"]) == {"containers"}


@pytest.mark.parametrize("zone", ["", " "])
def test_a_time_without_a_zone_is_no_time(zone: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(metadata={"creationTimestamp": f"2026-11-24T03:00:00{zone}"})


@pytest.mark.parametrize(
    "time", ["2026-11-24T03:00:00Z", "2026-11-24T04:00:00+01:00", "2026-11-24T03:00:00.000000Z"]
)
def test_times_are_compared_whatever_their_zone(time: str) -> None:
    pod = decode(metadata={"creationTimestamp": time})

    assert pod.waiting(NOW) == timedelta(minutes=45)


# What stays tomorrow


def owner(kind: str, name: str, *, controller: bool = True) -> dict[str, Any]:
    return {
        "ownerReferences": [
            {"apiVersion": "x/v1", "kind": kind, "name": name, "uid": "1", "controller": controller}
        ]
    }


def hashed(value: str) -> dict[str, Any]:
    return {"labels": {"pod-template-hash": value}}


@pytest.mark.parametrize(
    ("metadata", "kind", "name"),
    [
        ({**owner("ReplicaSet", "web-6d5f9c7b8d"), **hashed("6d5f9c7b8d")}, "deployment", "web"),
        ({**owner("ReplicaSet", "web-6d5f9c7b8d"), **hashed("other")}, "replicaset", "web-6d5f9c7b8d"),
        (owner("ReplicaSet", "web-6d5f9c7b8d"), "replicaset", "web-6d5f9c7b8d"),
        (owner("ReplicaSet", "handmade"), "replicaset", "handmade"),
        (owner("StatefulSet", "mongodb"), "statefulset", "mongodb"),
        (owner("DaemonSet", "fluentd"), "daemonset", "fluentd"),
        (owner("Job", "migrate"), "job", "migrate"),
        (owner("Job", "backup-29398545"), "cronjob", "backup"),
        (owner("Job", "backup-29927033"), "cronjob", "backup"),
        (owner("Job", "migrate-20251125"), "job", "migrate-20251125"),  # a date
        (owner("Job", "import-1764086400"), "job", "import-1764086400"),  # seconds
        (owner("Job", "backup-2024"), "job", "backup-2024"),
        (owner("Job", "backup-v2-29398545"), "cronjob", "backup-v2"),
        (owner("Job", "29398545"), "job", "29398545"),
        (owner("StatefulSet", "db-29398545"), "statefulset", "db-29398545"),
        (owner("SparkApplication", "etl"), "sparkapplication", "etl"),
        (owner("Node", "ip-10-0-1-23"), "pod", "web-6d5f9c7b8d-x7k2p"),
        (owner("ReplicaSet", "web-6d5f9c7b8d", controller=False), "pod", "web-6d5f9c7b8d-x7k2p"),
        ({"ownerReferences": []}, "pod", "web-6d5f9c7b8d-x7k2p"),
        ({}, "pod", "web-6d5f9c7b8d-x7k2p"),
    ],
)  # fmt: skip
def test_a_pod_is_told_by_what_stays_tomorrow(metadata: dict[str, Any], kind: str, name: str) -> None:
    assert decode(metadata=metadata).subject == Ref("", kind, "domino-platform", name)


def test_of_several_owners_the_controller_counts() -> None:
    owners = [
        {"kind": "ConfigMap", "name": "other", "uid": "1"},
        {"kind": "StatefulSet", "name": "mongodb", "uid": "2", "controller": True},
    ]

    assert decode(metadata={"ownerReferences": owners}).subject.name == "mongodb"


def test_an_execution_is_told_by_its_tier_environment_and_project() -> None:
    pod = msgspec.json.decode(json.dumps(POD), type=Pod)

    assert pod.execution
    assert pod.subject == Ref(
        "",
        "execution",
        "domino-compute",
        "type=Workspace,tier=gpu-small,environment=65a0b1c2d3e4f5061728394a,project=churn",
    )


@pytest.mark.parametrize(
    ("labels", "name", "execution"),
    [
        ({"dominodatalab.com/workload-type": "Workspace"}, "any", True),
        ({"dominodatalab.com/workload-type": "Batch"}, "any", True),
        ({"dominodatalab.com/workload-type": "Scheduled"}, "any", True),
        ({"dominodatalab.com/workload-type": "App"}, "any", True),
        ({"dominodatalab.com/workload-type": "Job"}, "any", True),
        ({"dominodatalab.com/workload-type": "ModelAPI"}, "any", False),
        ({}, RUN, True),
        ({}, f"{RUN}-x7k2p", True),
        ({}, f"{RUN}0", False),
        ({}, RUN[:-1], False),
        ({}, "run-of-the-mill", False),
        ({}, f"my-{RUN}", False),
        ({}, "web", False),
    ],
)
def test_an_execution_is_known_by_its_label_or_its_name(
    labels: dict[str, str], name: str, execution: bool
) -> None:
    pod = decode(metadata={"name": name, "labels": labels})

    assert pod.execution is execution
    assert (pod.subject.kind == "execution") is execution


def test_an_execution_that_tells_nothing_is_told_as_unlabelled() -> None:
    assert decode(metadata={"name": RUN}).subject.name == "unlabelled"


def test_a_model_api_is_told_by_its_deployment() -> None:
    labels = {"dominodatalab.com/workload-type": "ModelAPI", "pod-template-hash": "6d5f9c7b8d"}
    pod = decode(metadata={"labels": labels, **owner("ReplicaSet", "model-65a0b1c2-6d5f9c7b8d")})

    assert str(pod.subject) == "deployment/domino-platform/model-65a0b1c2"


def test_an_image_that_many_nodes_have_is_kept_once_over_all_pages() -> None:
    image = {"names": ["quay.io/domino/nginx:6.2.0"], "sizeBytes": 12}
    node = {
        "metadata": {"name": "a", "creationTimestamp": "2026-11-24T03:00:00Z"},
        "status": {"images": [image, {"names": None, "sizeBytes": 7}]},
    }
    page = json.dumps({"metadata": {}, "items": [node, node]}).encode()
    pages = NodePages()

    (one, two), (three, _) = pages.decode(page).items, pages.decode(page).items

    assert one == msgspec.json.decode(page, type=NodeList).items[0]
    assert one.status.images[0] is two.status.images[0] is three.status.images[0]
    with pytest.raises(msgspec.DecodeError):
        pages.decode(b"{")


def test_a_pods_claims_are_those_that_it_names_and_those_that_are_named_after_it() -> None:
    volumes = [
        {"name": "token", "projected": {"sources": []}},
        {"name": "work", "persistentVolumeClaim": {"claimName": "workspace-1"}},
        {"name": "again", "persistentVolumeClaim": {"claimName": "workspace-1"}},
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
    ]

    pod = decode(spec={"volumes": volumes})

    assert pod.claims == ("workspace-1", "web-6d5f9c7b8d-x7k2p-scratch")
    assert [each.name for each in pod.spec.volumes] == ["work", "again", "scratch"]
    assert decode().claims == ()


@pytest.mark.parametrize(
    ("image", "environment"),
    [
        ("registry.example.com/domino/environment:65a0b1c2d3e4f5061728394a-12", "65a0b1c2d3e4f5061728394a"),
        ("registry.example.com:5000/environment:65a0b1c2d3e4f5061728394a", "65a0b1c2d3e4f5061728394a"),
        ("registry.example.com/environment:latest", ""),
        ("registry.example.com/environment:65a0b1c2d3e4f5061728394a-12@sha256:00", ""),
        ("nginx", ""),
        ("", ""),
    ],
)
def test_the_environment_is_told_from_the_image(image: str, environment: str) -> None:
    pod = decode(metadata={"name": RUN}, spec={"containers": [{"image": "sidecar"}, {"image": image}]})

    assert pod.subject.name == (f"environment={environment}" if environment else "unlabelled")


def test_a_subject_names_its_cluster() -> None:
    pod = decode()
    msgspec.structs.force_setattr(pod, "cluster", "prod")

    assert pod.subject.text(with_cluster=True) == "prod: pod/domino-platform/web-6d5f9c7b8d-x7k2p"


# Accelerators


@pytest.mark.parametrize(
    ("resource", "amount", "accelerator"),
    [
        ("nvidia.com/gpu", "1", True),
        ("nvidia.com/gpu.shared", "1", True),
        ("nvidia.com/mig-1g.5gb", "1", True),
        ("amd.com/gpu", "1", True),
        ("google.com/tpu", "4", True),
        ("habana.ai/gaudi", "1", True),
        ("gpu.intel.com/i915", "1", True),
        ("aws.amazon.com/neuron", "1", True),
        ("aws.amazon.com/neuroncore", "1", True),
        ("nvidia.com/gpu", "0", False),
        ("nvidia.com/gpu", "", False),
        ("nvidia.com/gpumem", "1", False),
        ("cpu", "1", False),
        ("ephemeral-storage", "1", False),
        ("smarter-devices/fuse", "1", False),
        ("hugepages-2Mi", "1", False),
        ("gpu", "1", False),
    ],
)
@pytest.mark.parametrize("containers", ["containers", "initContainers"])
@pytest.mark.parametrize("amounts", ["requests", "limits"])
def test_a_pod_that_asks_for_an_accelerator_is_known(
    containers: str, amounts: str, resource: str, amount: str, accelerator: bool
) -> None:
    pod = decode(spec={containers: [{}, {"resources": {amounts: {"cpu": "1", resource: amount}}}]})

    assert pod.has_accelerator is accelerator


# Waiting


@pytest.mark.parametrize(
    ("ago", "waited"),
    [
        (timedelta(0), timedelta(0)),
        (timedelta(seconds=1), timedelta(seconds=1)),
        (timedelta(days=3), timedelta(days=3)),
        (timedelta(seconds=-1), timedelta(0)),
        (timedelta(days=-3), timedelta(0)),
    ],
)
def test_a_pod_waits_since_it_was_made_and_never_less_than_nothing(ago: timedelta, waited: timedelta) -> None:
    pod = decode(metadata={"creationTimestamp": (NOW - ago).isoformat()})

    assert pod.waiting(NOW) == waited


@pytest.mark.parametrize(
    "parts",
    [
        {"spec": {"nodeName": "node-1"}},
        {"status": {"phase": "Succeeded"}},
        {"status": {"phase": "Failed"}},
        {"metadata": {"deletionTimestamp": "2026-11-24T03:30:00Z"}},
    ],
)
def test_a_pod_that_has_a_node_has_ended_or_is_being_deleted_waits_for_nothing(parts: dict[str, Any]) -> None:
    assert decode(**parts).waiting(NOW) == timedelta(0)


@pytest.mark.parametrize(
    ("phase", "finished"), [("Succeeded", True), ("Failed", True), ("Running", False), ("", False)]
)
def test_a_pod_has_finished_when_its_containers_will_not_start_again(phase: str, finished: bool) -> None:
    assert decode(status={"phase": phase}).finished is finished


def test_a_pod_without_a_status_waits() -> None:
    pod = decode({"status": {}})

    assert not pod.finished
    assert pod.waiting(NOW) == timedelta(minutes=45)


def condition(**more: str) -> dict[str, Any]:
    return {
        "conditions": [
            {"type": "Initialized", "status": "True"},
            {"type": "PodScheduled", "status": "False", **more},
        ]
    }


@pytest.mark.parametrize(
    ("status", "scheduler", "why"),
    [
        (condition(reason="Unschedulable", message="0/7 nodes"), "", "0/7 nodes"),
        (condition(reason="SchedulingGated"), "", "SchedulingGated"),
        (condition(status="Unknown", message="lost"), "", "lost"),
        ({}, "", "no scheduler has looked at it; is default-scheduler running?"),
        ({}, "volcano", "no scheduler has looked at it; is volcano running?"),
        (condition(status="True"), "", "no scheduler has looked at it; is default-scheduler running?"),
    ],
)
def test_why_a_pod_has_no_node_is_said_in_the_schedulers_words(
    status: dict[str, Any], scheduler: str, why: str
) -> None:
    assert decode(status=status, spec={"schedulerName": scheduler}).why_unscheduled == why


def test_a_scheduler_that_says_no_without_a_word_leaves_no_empty_reason() -> None:
    assert decode(status=condition()).why_unscheduled


# What became of looking


def seen(outcome: Outcome, *objects: object) -> Seen:
    return Seen(target="prod", outcome=outcome, how="GET", at=NOW, seconds=0.1, objects=objects)


@pytest.mark.parametrize(
    ("outcomes", "blind", "unseen"),
    [
        ([], True, []),
        ([Outcome.SEEN], False, []),
        ([Outcome.TRUNCATED], False, ["truncated"]),
        ([Outcome.SEEN, Outcome.DENIED], False, ["denied"]),
        ([Outcome.DENIED], True, ["denied"]),
        ([Outcome.TIMED_OUT, Outcome.FAILED], True, ["timed out", "failed"]),
    ],
)
def test_one_target_that_was_seen_is_enough_to_judge_and_every_other_one_is_told(
    outcomes: list[Outcome], blind: bool, unseen: list[str]
) -> None:
    observed = Observed("pods", tuple(map(seen, outcomes)))

    assert observed.blind is blind
    assert [each.outcome for each in observed.unseen] == unseen
    assert {each.fact for each in observed.unseen} <= {"pods"}


def test_objects_of_all_targets_are_one_list() -> None:
    observed = Observed("pods", (seen(Outcome.SEEN, 1, 2), seen(Outcome.TRUNCATED, 3), seen(Outcome.FAILED)))

    assert observed.objects == [1, 2, 3]


def test_the_chain_of_an_endpoint_is_its_verified_path_or_else_what_it_presented() -> None:
    other = Certificate("CN=root", "CN=root", NOW, NOW, "8", "11")
    endpoint = TlsEndpoint("a", "a:443", "a", presented=(CERTIFICATE,))

    assert endpoint.chain == (CERTIFICATE,)
    assert msgspec.structs.replace(endpoint, verified=(CERTIFICATE, other)).chain == (CERTIFICATE, other)
    assert str(endpoint.ref) == "endpoint/a"


@pytest.mark.parametrize("sample", platform_samples.SAMPLES, ids=lambda sample: type(sample).__name__)
def test_of_a_platform_too_only_what_is_named_is_kept(sample: msgspec.Struct) -> None:
    source = (platform_samples.NODE, platform_samples.workload(), platform_samples.NAMESPACE)

    assert all("SECRET" in json.dumps(each) for each in source)
    assert "SECRET" not in msgspec.json.encode(sample).decode()
    assert "SECRET" not in repr(sample)
