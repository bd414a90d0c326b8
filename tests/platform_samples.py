"""Samples of the facts about a platform: every optional field has a value, spelled as the API sends it."""

import json
from typing import Any

import msgspec

from domino_health.facts.domino import Candidate, DominoNamespace, DominoService, NamespaceList
from domino_health.facts.nodes import NodeList
from domino_health.facts.quotas import LimitRangeList, ResourceQuotaList
from domino_health.facts.workloads import DeploymentList, StatefulSetList

ANNOTATIONS = {"kubectl.kubernetes.io/last-applied-configuration": "SECRET-applied"}

NODE: dict[str, Any] = {
    "metadata": {
        "name": "ip-10-0-1-23.ec2.internal",
        "uid": "SECRET-uid",
        "creationTimestamp": "2026-11-24T03:00:00Z",
        "deletionTimestamp": "2026-11-24T03:30:00Z",
        "labels": {"dominodatalab.com/node-pool": "default-gpu", "kubernetes.io/hostname": "SECRET-host"},
        "annotations": ANNOTATIONS,
    },
    "spec": {
        "podCIDR": "SECRET-10.1.0.0/24",
        "providerID": "aws:///SECRET",
        "unschedulable": True,
        "taints": [{"key": "nvidia.com/gpu", "value": "SECRET", "effect": "NoSchedule"}],
    },
    "status": {
        "addresses": [{"type": "InternalIP", "address": "SECRET-10.0.1.23"}],
        "images": [{"names": ["SECRET/image:1"]}],
        "nodeInfo": {"kernelVersion": "SECRET", "systemUUID": "SECRET"},
        "conditions": [
            {
                "type": "MemoryPressure",
                "status": "True",
                "reason": "KubeletHasInsufficientMemory",
                "message": "kubelet has insufficient memory available",
                "lastHeartbeatTime": "2026-11-24T03:29:00Z",
                "lastTransitionTime": "2026-11-24T03:20:00Z",
            }
        ],
    },
}


def workload(**selector: Any) -> dict[str, Any]:
    """A Deployment or StatefulSet."""
    return {
        "metadata": {
            "name": "nucleus-dispatcher",
            "namespace": "domino-platform",
            "generation": 3,
            "labels": {
                "app.kubernetes.io/name": "nucleus-dispatcher",
                "app.kubernetes.io/component": "dispatcher",
                "helm.sh/chart": "SECRET-chart",
            },
            "annotations": ANNOTATIONS,
        },
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": selector},
            "template": {"spec": {"containers": [{"name": "main", "env": [{"value": "SECRET-env"}]}]}},
        },
        "status": {"replicas": 3, "readyReplicas": 2, "availableReplicas": 2, "observedGeneration": 3},
    }


NAMESPACE = {
    "metadata": {
        "name": "domino-field",
        "labels": {"domino-platform": "false", "domino-compute": "true", "owner": "SECRET-jane.doe"},
        "annotations": ANNOTATIONS,
    },
    "spec": {"finalizers": ["kubernetes"]},
    "status": {"phase": "Active"},
}
QUOTA = {
    "metadata": {"name": "executions", "namespace": "domino-compute", "annotations": ANNOTATIONS},
    "spec": {
        "hard": {"pods": "200", "requests.nvidia.com/gpu": "8"},
        "scopes": ["NotBestEffort"],
        "scopeSelector": {"matchExpressions": [{"operator": "Exists", "scopeName": "NotTerminating"}]},
    },
    "status": {"hard": {"pods": "200"}, "used": {"pods": "17"}},
}
LIMIT_RANGE = {
    "metadata": {"name": "executions", "namespace": "domino-compute", "annotations": ANNOTATIONS},
    "spec": {
        "limits": [
            {"type": "Container", "max": {"cpu": "64"}, "default": {"cpu": "2"}, "min": {"cpu": "50m"}},
        ]
    },
}


def page(type: type[Any], item: dict[str, Any]) -> Any:
    """A list of one, as an API server sends it."""
    return msgspec.json.decode(json.dumps({"metadata": {"resourceVersion": "1"}, "items": [item]}), type=type)


SAMPLES: list[msgspec.Struct] = [
    page(NodeList, NODE),
    page(DeploymentList, workload()),
    page(StatefulSetList, workload()),
    page(NamespaceList, NAMESPACE),
    page(ResourceQuotaList, QUOTA),
    page(LimitRangeList, LIMIT_RANGE),
    DominoNamespace("domino-compute", "compute", "label", "prod"),
    DominoService(
        role="vault",
        candidates=(Candidate("statefulset", "domino-platform", "vault", wanted=3, ready=2),),
        found_by="profile",
        named="statefulset/vault",
        cluster="prod",
    ),
]
SET_BY_COLLECTORS = {
    (kind, "cluster")
    for kind in ("Node", "Deployment", "StatefulSet", "Namespace", "ResourceQuota", "LimitRange")
}
"""What no API sends."""
