"""Samples of the facts about a platform: every optional field has a value, spelled as the API sends it."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from domino_health.facts.builds import ImageBuildList
from domino_health.facts.ca_bundles import ApiServiceList, CaBundle, WebhookConfigurationList
from domino_health.facts.compute_clusters import RayClusterList
from domino_health.facts.domino import Candidate, DominoNamespace, DominoService, DominoStorage, NamespaceList
from domino_health.facts.events import EventList
from domino_health.facts.metrics import NodeMetricsList
from domino_health.facts.network import NetworkPolicyList
from domino_health.facts.nodes import NodeList
from domino_health.facts.pools import Autoscaler, NodePoolList
from domino_health.facts.quotas import LimitRangeList, ResourceQuotaList
from domino_health.facts.releases import Discovery, HelmReleaseList
from domino_health.facts.scans import ScanReport
from domino_health.facts.services import EndpointSliceList, ServiceList
from domino_health.facts.storage import StorageClassList, VolumeClaimList
from domino_health.facts.tiers import HardwareTier
from domino_health.facts.tls import Certificate
from domino_health.facts.volumes import VolumeList
from domino_health.facts.workloads import DaemonSetList, DeploymentList, StatefulSetList

ANNOTATIONS = {"kubectl.kubernetes.io/last-applied-configuration": "SECRET-applied"}
HELM = {"meta.helm.sh/release-name": "nucleus", "meta.helm.sh/release-namespace": "domino-platform"}

NODE: dict[str, Any] = {
    "metadata": {
        "name": "ip-10-0-1-23.ec2.internal",
        "uid": "SECRET-uid",
        "creationTimestamp": "2026-11-24T03:00:00Z",
        "deletionTimestamp": "2026-11-24T03:30:00Z",
        "labels": {
            "dominodatalab.com/node-pool": "default-gpu",
            "karpenter.sh/nodepool": "gpu",
            "node.kubernetes.io/instance-type": "g5.2xlarge",
            "topology.kubernetes.io/zone": "eu-west-1a",
            "dominodatalab.com/capacity-type": "spot",
            "karpenter.sh/capacity-type": "spot",
            "eks.amazonaws.com/capacityType": "SPOT",
            "eks.amazonaws.com/nodegroup": "default-gpu",
            "cloud.google.com/gke-spot": "true",
            "cloud.google.com/gke-preemptible": "true",
            "kubernetes.azure.com/scalesetpriority": "spot",
            "kubernetes.io/hostname": "SECRET-host",
        },
        "annotations": ANNOTATIONS,
    },
    "spec": {
        "podCIDR": "SECRET-10.1.0.0/24",
        "providerID": "aws:///SECRET",
        "unschedulable": True,
        "taints": [
            {
                "key": "nvidia.com/gpu",
                "value": "true",
                "effect": "NoSchedule",
                "timeAdded": "2026-11-24T03:00:00Z",
            }
        ],
    },
    "status": {
        "addresses": [{"type": "InternalIP", "address": "SECRET-10.0.1.23"}],
        "images": [{"names": ["registry.example.com/dominodatalab/image:1"], "sizeBytes": 734003200}],
        "allocatable": {"cpu": "7910m", "memory": "30Gi", "nvidia.com/gpu": "1", "pods": "58"},
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


HANDLERS: dict[str, Any] = {
    "httpGet": {
        "path": "/healthz",
        "port": 8080,
        "scheme": "HTTPS",
        "httpHeaders": [{"name": "Authorization", "value": "SECRET"}],
    },
    "tcpSocket": {"port": "web"},
    "grpc": {"port": 9000, "service": "live"},
    "exec": {"command": ["redis-cli", "-a", "SECRET"]},
}
PROBE: dict[str, Any] = {
    **HANDLERS,
    "initialDelaySeconds": 30,
    "periodSeconds": 15,
    "timeoutSeconds": 5,
    "failureThreshold": 7,
    "successThreshold": 1,
}
CONTAINER: dict[str, Any] = {
    "name": "main",
    "image": "quay.io/domino/nucleus-dispatcher:6.2.0",
    "env": [{"value": "SECRET-env"}],
    "resources": {"requests": {"cpu": "250m"}},
    "readinessProbe": PROBE,
    "livenessProbe": PROBE,
    "startupProbe": PROBE,
}
TEMPLATE: dict[str, Any] = {
    "metadata": {
        "labels": {
            "dominodatalab.com/workload-type": "ModelAPI",
            "dominodatalab.com/starting-user-username": "SECRET-jane.doe",
        }
    },
    "spec": {
        "containers": [CONTAINER],
        "initContainers": [{**CONTAINER, "restartPolicy": "Always"}],
        "nodeSelector": {"dominodatalab.com/node-pool": "platform"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "overhead": {"cpu": "250m"},
        "resources": {"requests": {"memory": "6Gi"}},
        "priorityClassName": "domino-critical",
        "serviceAccountName": "SECRET",
    },
}


def workload(**selector: Any) -> dict[str, Any]:
    """A Deployment or StatefulSet."""
    return {
        "metadata": {
            "name": "nucleus-dispatcher",
            "namespace": "domino-platform",
            "creationTimestamp": "2026-11-24T03:00:00Z",
            "generation": 3,
            "labels": {
                "app.kubernetes.io/name": "nucleus-dispatcher",
                "app.kubernetes.io/component": "dispatcher",
                "dominodatalab.com/workload-type": "ModelAPI",
                "helm.sh/chart": "SECRET-chart",
            },
            "annotations": ANNOTATIONS | HELM,
        },
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": selector},
            "template": TEMPLATE,
            "strategy": {"type": "Recreate"},
            "podManagementPolicy": "Parallel",
        },
        "status": {
            "replicas": 3,
            "readyReplicas": 2,
            "availableReplicas": 2,
            "observedGeneration": 3,
            "desiredNumberScheduled": 3,
            "numberReady": 2,
            "conditions": [
                {
                    "type": "Available",
                    "status": "False",
                    "reason": "MinimumReplicasUnavailable",
                    "message": "Deployment does not have minimum availability.",
                    "lastTransitionTime": "2026-11-24T03:20:00Z",
                }
            ],
        },
    }


SERVICE = {
    "metadata": {
        "name": "nucleus-frontend",
        "namespace": "domino-platform",
        "creationTimestamp": "2026-11-24T03:00:00Z",
        "annotations": ANNOTATIONS,
    },
    "spec": {
        "type": "NodePort",
        "clusterIP": "SECRET-10.96.0.1",
        "selector": {"app.kubernetes.io/instance": "nucleus-frontend"},
        "ports": [{"port": 80}],
    },
}
SLICE = {
    "metadata": {
        "name": "nucleus-frontend-x7k2p",
        "namespace": "domino-platform",
        "labels": {"kubernetes.io/service-name": "nucleus-frontend"},
    },
    "addressType": "IPv4",
    "endpoints": [
        {
            "addresses": ["SECRET-10.1.2.3"],
            "conditions": {"ready": False, "serving": True, "terminating": True},
        }
    ],
    "ports": [{"port": 80}],
}
EVENT = {
    "metadata": {
        "name": "run-66f0a1b2c3d4e5f601234567-x7k2p.17a",
        "namespace": "domino-compute",
        "creationTimestamp": "2026-11-24T03:00:00Z",
    },
    "involvedObject": {
        "kind": "Pod",
        "namespace": "domino-compute",
        "name": "run-66f0a1b2c3d4e5f601234567-x7k2p",
        "uid": "SECRET",
        "fieldPath": "spec.containers{run}",
    },
    "reason": "FailedScheduling",
    "message": "0/7 nodes are available: 7 Insufficient cpu.",
    "type": "Warning",
    "count": 3,
    "firstTimestamp": "2026-11-24T03:00:00Z",
    "lastTimestamp": "2026-11-24T03:05:00Z",
    "eventTime": "2026-11-24T03:00:00.123456Z",
    "series": {"count": 4, "lastObservedTime": "2026-11-24T03:06:00.123456Z"},
    "reportingComponent": "default-scheduler",
    "reportingInstance": "SECRET-host",
    "source": {"component": "default-scheduler", "host": "ip-10-0-1-23.ec2.internal"},
}
METRICS = {
    "metadata": {"name": "default-0", "creationTimestamp": "2026-11-24T03:00:00Z"},
    "timestamp": "2026-11-24T03:00:00Z",
    "window": "20.05s",
    "usage": {"cpu": "123456789n", "memory": "1048576Ki"},
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

KARPENTER_POOL = {
    "metadata": {"name": "gpu", "annotations": ANNOTATIONS},
    "spec": {
        "template": {
            "metadata": {
                "labels": {"dominodatalab.com/node-pool": "default-gpu", "owner": "SECRET-jane.doe"}
            },
            "spec": {"nodeClassRef": {"name": "SECRET"}, "expireAfter": "720h"},
        },
        "limits": {"nvidia.com/gpu": 8, "cpu": "100"},
        "weight": 10,
    },
    "status": {
        "resources": {"nodes": "2", "cpu": "16", "nvidia.com/gpu": "2"},
        "conditions": [{"type": "Ready", "status": "True", "reason": "Ready"}],
    },
}
CONDITION = {
    "type": "ScaleUp",
    "status": "Backoff",
    "reason": "QUOTA_EXCEEDED",
    "message": "Quota 'CPUS' exceeded.",
    "lastTransitionTime": "2026-11-24T03:20:00Z",
}
AUTOSCALER = {
    "name": "cluster-autoscaler",
    "state": "Running",
    "written": "2026-11-24T03:30:00Z",
    "health": {"type": "Health", "status": "Healthy"},
    "namespace": "domino-platform",
    "pools": [
        {
            "name": "eks-default-0c1d2e3f-aaaa-bbbb-cccc-000000000000",
            "pool": "default",
            "nodes": 2,
            "target": 3,
            "least": 1,
            "most": 10,
            "limits": {"cpu": "100"},
            "used": {"cpu": "16"},
            "health": {"type": "Health", "status": "Healthy"},
            "scaleUp": CONDITION,
        }
    ],
    "cluster": "prod",
}

MOMENT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
HOOKS = {
    "metadata": {"name": "hephaestus", "annotations": ANNOTATIONS},
    "webhooks": [
        {
            "name": "imagebuild.hephaestus.dominodatalab.com",
            "clientConfig": {
                "caBundle": "bm9uZQ==",
                "service": {"namespace": "domino-platform", "name": "hephaestus-webhook", "path": "/SECRET"},
            },
            "failurePolicy": "Ignore",
            "rules": [{"apiGroups": ["SECRET"]}],
        }
    ],
}
API = {
    "metadata": {"name": "v1beta1.custom.metrics.k8s.io"},
    "spec": {
        "service": {"namespace": "domino-platform", "name": "prometheus-adapter", "port": 443},
        "caBundle": "bm9uZQ==",
        "insecureSkipTLSVerify": True,
        "group": "SECRET",
    },
    "status": {"conditions": [{"type": "Available", "message": "SECRET"}]},
}
POLICY = {
    "metadata": {"name": "models", "namespace": "domino-compute", "annotations": ANNOTATIONS},
    "spec": {
        "podSelector": {"matchLabels": {"app": "model"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "ports": [{"port": 8888, "protocol": "SECRET"}],
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {"domino-platform": "true"}},
                        "podSelector": {
                            "matchExpressions": [{"key": "app", "operator": "In", "values": ["nginx"]}]
                        },
                    },
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                ],
            }
        ],
        "egress": [{"to": [{"podSelector": {"matchLabels": {"SECRET": "SECRET"}}}]}],
    },
}

COMPUTE_CLUSTER = {
    "kind": "RayCluster",
    "metadata": {
        "name": "ray-65f0c0ffee65f0c0ffee65f0",
        "namespace": "domino-compute",
        "creationTimestamp": "2026-11-24T03:00:00Z",
        "deletionTimestamp": "2026-11-24T05:00:00Z",
        "labels": {
            "dominodatalab.com/workload-type": "Workspace",
            "dominodatalab.com/project-name": "churn",
            "dominodatalab.com/execution-id": "65f0c0ffee65f0c0ffee65f0",
            "dominodatalab.com/starting-user-username": "SECRET-jane.doe",
        },
        "annotations": ANNOTATIONS,
    },
    "spec": {
        "worker": {"replicas": 3, "volumes": [{"name": "SECRET"}]},
        "autoscaling": {"maxReplicas": 5, "averageUtilization": 50},
        "envVars": [{"name": "TOKEN", "value": "SECRET"}],
        "kerberosKeytab": {"contents": "SECRET", "mountPath": "/SECRET"},
    },
    "status": {
        "clusterStatus": "Failed",
        "reason": "Entrypoint failed",
        "image": "docker-registry:5000/dominodatalab/environment:65f0c0ffee65f0c0ffee65f0-3",
        "workerReplicas": 2,
        "nodes": ["SECRET"],
        "startTime": "2026-11-24T03:10:00Z",
    },
}
RELEASE = {
    "metadata": {
        "name": "keycloak",
        "namespace": "domino-platform",
        "creationTimestamp": "2026-11-24T03:00:00Z",
        "annotations": ANNOTATIONS,
    },
    "spec": {
        "releaseName": "keycloakv17",
        "targetNamespace": "platform",
        "interval": "5m",
        "values": {"password": "SECRET"},
        "manifest": "SECRET",
    },
    "status": {
        "conditions": [
            {
                "type": "Stalled",
                "status": "True",
                "reason": "DriftDetected",
                "message": "it has drifted",
                "lastTransitionTime": "2026-11-24T04:00:00Z",
            },
            {"type": "TestSuccess", "status": "False", "message": "SECRET"},
        ],
        "history": [{"digest": "SECRET"}],
    },
}
GROUPS = {
    "kind": "APIGroupDiscoveryList",
    "metadata": {},
    "items": [
        {
            "metadata": {"name": "helm.toolkit.fluxcd.io", "annotations": ANNOTATIONS},
            "versions": [{"version": "v2", "resources": [{"resource": "helmreleases", "verbs": ["list"]}]}],
        }
    ],
}
BUILD = {
    "metadata": {
        "name": "65f0c0ffee65f0c0ffee65f0-3",
        "namespace": "domino-compute",
        "creationTimestamp": "2026-11-24T03:00:00Z",
        "deletionTimestamp": "2026-11-24T03:30:00Z",
        "labels": {"owner": "SECRET-jane.doe"},
        "annotations": ANNOTATIONS,
    },
    "spec": {
        "context": "https://SECRET:SECRET@nucleus-frontend/build",
        "dockerfileContents": "FROM a\nRUN pip install --token=SECRET",
        "images": ["docker-registry:5000/dominodatalab/environment:65f0c0ffee65f0c0ffee65f0-3"],
        "buildArgs": ["TOKEN=SECRET"],
        "logKey": "SECRET-key",
        "registryAuth": [{"server": "r", "basicAuth": {"username": "SECRET", "password": "SECRET"}}],
        "secrets": [{"name": "SECRET", "namespace": "domino-compute"}],
    },
    "status": {
        "allocationTime": "12.345s",
        "buildTime": "1m2.5s",
        "builderAddr": "tcp://hephaestus-buildkit-0.hephaestus-buildkit.domino-compute:1234",
        "compressedImageSizeBytes": "3221225472",
        "digest": "SECRET",
        "labels": {"maintainer": "SECRET-jane.doe"},
        "conditions": [
            {
                "type": "ImageReady",
                "status": "False",
                "reason": "ExecutionError",
                "message": 'process "/bin/sh -c echo \\"SECRET\\" SECRET" did not complete: exit code: 1',
                "lastTransitionTime": "2026-11-24T03:20:00Z",
            }
        ],
        "transitions": [
            {"previousPhase": "", "phase": "Initializing", "occurredAt": "2026-11-24T03:00:01Z"},
            {"previousPhase": "Initializing", "phase": "Failed", "occurredAt": "2026-11-24T03:20:00Z"},
        ],
        "phase": "Failed",
    },
}


CLAIM = {
    "metadata": {
        "name": "workspace-66f0a1b2c3d4e5f601234567",
        "namespace": "domino-compute",
        "creationTimestamp": "2026-11-24T03:00:00Z",
        "deletionTimestamp": "2026-11-24T03:30:00Z",
        "labels": {
            "dominodatalab.com/type": "Workspace",
            "dominodatalab.com/external-data-volume": "NFS",
            "dominodatalab.com/starting-user-username": "SECRET-jane.doe",
        },
        "annotations": {
            **ANNOTATIONS,
            "volume.kubernetes.io/storage-provisioner": "ebs.csi.aws.com",
            "volume.kubernetes.io/selected-node": "default-0",
        },
    },
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "dominodisk",
        "volumeName": "pvc-8a0b6c1e",
        "volumeMode": "Filesystem",
        "resources": {"requests": {"storage": "20Gi"}, "limits": {"storage": "30Gi"}},
    },
    "status": {
        "phase": "Bound",
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "10Gi"},
        "conditions": [
            {
                "type": "ControllerResizeError",
                "status": "True",
                "reason": "",
                "message": "rpc error: code = ResourceExhausted",
                "lastTransitionTime": "2026-11-24T03:20:00Z",
            }
        ],
    },
}
SOURCES = {
    "csi": {
        "driver": "nfs.csi.k8s.io",
        "volumeHandle": "nfs-server##share##",
        "fsType": "ext4",
        "nodeStageSecretRef": {"name": "SECRET", "namespace": "SECRET"},
        "volumeAttributes": {
            "server": "nfs.example.com",
            "share": "/export",
            "subdir": "domino",
            "subDir": "domino",
            "source": "//smb.example.com/share",
            "shareName": "share",
            "storageAccount": "account",
            "secretName": "SECRET",
            "fsName": "cephfs",
            "rootPath": "/volumes/domino",
            "internalName": "trident_pvc_8a0b6c1e",
            "protocol": "file",
            "storage.kubernetes.io/csiProvisionerIdentity": "SECRET",
        },
    },
    "nfs": {"server": "nfs.example.com", "path": "/export/domino"},
    "awsElasticBlockStore": {"volumeID": "vol-0a1b", "fsType": "ext4"},
    "gcePersistentDisk": {"pdName": "disk-1"},
    "azureDisk": {"diskName": "disk-2", "diskURI": "/subscriptions/SECRET"},
    "azureFile": {"shareName": "share", "secretName": "SECRET"},
    "cephfs": {"path": "/domino", "monitors": ["SECRET-10.0.0.1"], "secretRef": {"name": "SECRET"}},
    "glusterfs": {"path": "domino", "endpoints": "SECRET"},
    "hostPath": {"path": "/data"},
    "local": {"path": "/mnt/disk"},
}
VOLUME = {
    "metadata": {
        "name": "pvc-8a0b6c1e",
        "creationTimestamp": "2026-11-24T03:00:00Z",
        "deletionTimestamp": "2026-11-24T03:30:00Z",
        "labels": {"dominodatalab.com/volume-state": "salvaged", "owner": "SECRET-jane.doe"},
        "annotations": {**ANNOTATIONS, "dominodatalab.com/last-used": "2026-11-20T03:00:00Z"},
    },
    "spec": {
        "capacity": {"storage": "10Gi"},
        "accessModes": ["ReadWriteMany"],
        "volumeMode": "Block",
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "dominodisk",
        "claimRef": {
            "kind": "PersistentVolumeClaim",
            "namespace": "domino-compute",
            "name": "workspace-66f0a1b2c3d4e5f601234567",
            "uid": "SECRET",
        },
        **SOURCES,
    },
    "status": {
        "phase": "Failed",
        "reason": "VolumeFailedDelete",
        "message": "error deleting EBS volume",
        "lastPhaseTransitionTime": "2026-11-24T03:20:00Z",
    },
}
STORAGE_CLASS = {
    "metadata": {
        "name": "dominodisk",
        "annotations": {**ANNOTATIONS, "storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": "ebs.csi.aws.com",
    "parameters": {
        "type": "gp3",
        "skuName": "Premium_LRS",
        "provisioningMode": "efs-ap",
        "backendType": "ontap-nas",
        "csi.storage.k8s.io/provisioner-secret-name": "SECRET",
    },
    "reclaimPolicy": "Retain",
    "volumeBindingMode": "WaitForFirstConsumer",
    "allowVolumeExpansion": True,
    "mountOptions": ["SECRET"],
}


def page(type: type[Any], item: dict[str, Any]) -> Any:
    """A list of one, as an API server sends it."""
    return msgspec.json.decode(json.dumps({"metadata": {"resourceVersion": "1"}, "items": [item]}), type=type)


SAMPLES: list[msgspec.Struct] = [
    page(NodeList, NODE),
    page(DeploymentList, workload(app="dispatcher")),
    page(StatefulSetList, workload(app="dispatcher")),
    page(DaemonSetList, workload(app="dispatcher")),
    page(ServiceList, SERVICE),
    page(EndpointSliceList, SLICE),
    page(EventList, EVENT),
    page(NodeMetricsList, METRICS),
    page(NodePoolList, KARPENTER_POOL),
    msgspec.json.decode(json.dumps(AUTOSCALER), type=Autoscaler),
    page(NamespaceList, NAMESPACE),
    page(ResourceQuotaList, QUOTA),
    page(LimitRangeList, LIMIT_RANGE),
    page(VolumeClaimList, CLAIM),
    page(VolumeList, VOLUME),
    page(StorageClassList, STORAGE_CLASS),
    page(ImageBuildList, BUILD),
    page(RayClusterList, COMPUTE_CLUSTER),
    page(HelmReleaseList, RELEASE),
    msgspec.convert(GROUPS, Discovery),
    page(NetworkPolicyList, POLICY),
    page(WebhookConfigurationList, HOOKS),
    page(ApiServiceList, API),
    CaBundle(
        cluster="prod",
        kind="apiservice",
        name="v1beta1.custom.metrics.k8s.io",
        service="domino-platform/prometheus-adapter",
        webhooks=("a",),
        needed=False,
        certificates=(Certificate("CN=a", "CN=b", MOMENT, MOMENT, "7", "00ff"),),
        problem="it has no caBundle",
    ),
    ScanReport(
        origin="vulnerabilityreport/domino-compute/replicaset-model-run",
        scanner="Trivy",
        when=datetime(2026, 11, 24, 3, 0, tzinfo=UTC),
        names=("docker-registry:5000/dominodatalab/environment:65f0c0ffee65f0c0ffee65f0-3",),
        digests=(f"sha256:{'0' * 64}",),
        counts={"critical": 2, "high": 7},
        fixable_critical=1,
        fixable=("CVE-2026-0001",),
        cluster="prod",
    ),
    DominoNamespace("domino-compute", "compute", "label", "prod"),
    DominoStorage("block", "dominodisk", "name", "prod"),
    DominoService(
        role="vault",
        candidates=(
            Candidate(
                "statefulset", "domino-platform", "vault", wanted=3, ready=2, release="domino-platform/vault"
            ),
        ),
        found_by="profile",
        named="statefulset/vault",
        cluster="prod",
    ),
    HardwareTier(
        id="gpu-small-k8s",
        node_pool="default-gpu",
        cpu="2",
        memory="10Gi",
        name="GPU (small)",
        cpu_limit="4",
        memory_limit="12Gi",
        gpus=1,
        gpu_resource="amd.com/gpu",
        max_executions=10,
        max_executions_per_user=25,
        cluster="prod",
    ),
]
SET_BY_COLLECTORS = {("HelmRelease", "group")} | {
    (kind, "cluster")
    for kind in (
        "Node",
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "Service",
        "EndpointSlice",
        "Event",
        "NodeMetrics",
        "Namespace",
        "ResourceQuota",
        "LimitRange",
        "VolumeClaim",
        "Volume",
        "StorageClass",
        "ImageBuild",
        "ComputeCluster",
        "HelmRelease",
        "NetworkPolicy",
    )
}
"""What no API sends."""
