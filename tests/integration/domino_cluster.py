"""A Kubernetes cluster with the shape of a Domino deployment, healthy or with known faults.

Namespaces, node labels, workload names, execution labels, container names and image repositories are those
that Domino's documentation and repositories show. What was found nowhere is assumed, and says so: sizes,
platform images, most ``app.kubernetes.io`` labels, and that executions are bare pods that outlive their end.
Its storage is in ``domino_storage``.

Names are the same in every run (ids are hashes), except what controllers make up: the last five characters
of the pods of Deployments, DaemonSets and Jobs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import domino_storage
from control_plane import ControlPlane
from domino_images import on_node, pulled
from kube_client import Object, Objects, eventually

PLATFORM, COMPUTE, SYSTEM = "domino-platform", "domino-compute", "domino-system"
POOL = "dominodatalab.com/node-pool"
GPU = "nvidia.com/gpu"
Labels = dict[str, str]


def hex_id(seed: str) -> str:
    """24 hex digits, as Domino's ids have them; always the same for a seed."""
    return hashlib.sha256(seed.encode()).hexdigest()[:24]


def new(api: str, kind: str, name: str, namespace: str = "", labels: Labels | None = None) -> Object:
    """An object with metadata alone; without a namespace it belongs to the cluster."""
    metadata: Object = {"name": name, "labels": labels or {}}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def namespaces() -> Objects:
    """The three namespaces; no label of Domino's is known for the installer's."""
    platform = new("v1", "Namespace", PLATFORM, labels={"domino-platform": "true"})
    compute = new("v1", "Namespace", COMPUTE, labels={"domino-compute": "true"})
    return [platform, compute, new("v1", "Namespace", SYSTEM)]


def nodes(version: str) -> Objects:
    """Nodes of 8 cores and 32 GiB, with kubelet ``version``: four for the platform, two default, one GPU."""
    order = [("platform", n) for n in range(4)] + [("default", n) for n in range(2)] + [("default-gpu", 0)]
    return [node(pool, n, f"10.0.1.{10 + at}", version) for at, (pool, n) in enumerate(order)]


def node(pool: str, number: int, address: str, version: str) -> Object:
    """One node that KWOK plays; the instance types are the defaults of Domino's Terraform modules."""
    name = f"{pool}-{number}"
    instances = {"platform": "m7i-flex.2xlarge", "default": "m6i.2xlarge", "default-gpu": "g5.2xlarge"}
    labels = {
        POOL: pool,
        "dominodatalab.com/domino-node": "true",
        "kubernetes.io/hostname": name,
        "node.kubernetes.io/instance-type": instances.get(pool, "m6i.2xlarge"),
        "topology.kubernetes.io/zone": f"zone-{'abc'[number % 3]}",
    }
    resources = {"cpu": "8", "memory": "32Gi", "pods": "58", "ephemeral-storage": "400Gi"}
    taints = []
    if pool == "platform":
        labels["dominodatalab.com/calico-controlplane"] = "true"
    if pool == "default-gpu":
        labels[GPU] = "true"
        resources[GPU] = "1"
        taints = [{"key": GPU, "value": "true", "effect": "NoSchedule"}]
    made = new("v1", "Node", name, labels=labels)
    made["metadata"]["annotations"] = {"kwok.x-k8s.io/node": "fake"}
    addresses = [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]
    status = {"addresses": addresses, "nodeInfo": {"kubeletVersion": version}}
    capacity = {"capacity": resources, "allocatable": {**resources, "cpu": "7910m", "memory": "30Gi"}}
    status |= {"images": on_node(images())}
    return {**made, "spec": {"taints": taints}, "status": {**status, **capacity}}


@dataclass(frozen=True)
class Service:
    """A service that is always on. Its size is assumed; databases have no limits, as Domino advises."""

    name: str
    kind: str = "Deployment"
    replicas: int = 1
    memory: str = "1Gi"
    limits: bool = True
    namespace: str = PLATFORM
    port: int = 0
    """Where a probe can only connect, as with a database; else it asks an address of its own (assumed)."""
    labels: Labels = field(default_factory=dict)


def app(name: str, component: str = "") -> Labels:
    """The labels that Helm charts commonly give."""
    part = {"app.kubernetes.io/component": component} if component else {}
    return {"app.kubernetes.io/name": name, **part}


# Labels given here have been seen; the label of any other service is its own name (assumed).
SERVICES = (
    Service("nucleus-frontend", replicas=2, memory="4Gi"),
    Service("nucleus-dispatcher", memory="4Gi", labels=app("nucleus-dispatcher", "dispatcher")),
    Service("keycloakv17", "StatefulSet"),
    Service("mongodb-replicaset", "StatefulSet", 3, "4Gi", limits=False, port=27017),
    Service("rabbitmq-ha-39", "StatefulSet", 3, limits=False, port=5672, labels=app("rabbitmq-ha")),
    Service("vault", "StatefulSet", labels=app("vault")),
    Service("docker-registry", "StatefulSet"),
    Service("hephaestus", labels=app("hephaestus")),
    # Idle builders are scaled to nothing, which is no fault.
    Service("hephaestus-buildkit", "StatefulSet", 0, namespace=COMPUTE, labels=app("hephaestus")),
    Service("prometheus-server", "StatefulSet", memory="4Gi", labels=app("prometheus", "server")),
    Service("grafana"),
    Service("fluentd"),  # a Deployment: assumed
    Service("pusher-service", labels=app("pusher-service")),
    Service("k8s-event-pump"),
    Service("image-cache-api"),
    Service("prometheus-adapter"),
    Service("repoman", labels=app("repoman")),  # a Deployment of this name: assumed, the label has been seen
    Service("data-plane-agent", namespace=COMPUTE),
)
PORTS = {  # a Service's name: the workload behind it, and its port; the last two ports are assumed
    "nucleus-frontend": ("nucleus-frontend", 80),
    "mongodb-replicaset": ("mongodb-replicaset", 27017),
    "docker-registry": ("docker-registry", 5000),
    "keycloak-http": ("keycloakv17", 80),
    "rabbitmq-ha-external": ("rabbitmq-ha-39", 5672),
    # Nothing is behind it as long as the builders are scaled to nothing; assumed, as its port.
    "hephaestus-buildkit": ("hephaestus-buildkit", 1234),
}
BACKUP = "domino-workbench-backup"


def platform_image(name: str) -> str:
    """An image of Domino's own; the registry has been seen, repository and tag are assumed."""
    return f"quay.io/domino/{name}:6.2.0"


def images() -> list[str]:
    """All that runs here, which every node has."""
    names = [*(service.name for service in SERVICES), "fluent-bit", "backup", "nginx", "executor"]
    built = {"environment": {each.environment for each in EXECUTIONS}, "model": {MODEL}}
    return [
        *map(platform_image, names),
        *(built_image(kind, seed) for kind, seeds in built.items() for seed in sorted(seeds)),
    ]


def built_image(repository: str, seed: str) -> str:
    """An image that Domino has built: of an environment, or a model."""
    return f"docker-registry:5000/dominodatalab/{repository}:{hex_id(seed)}-3"


def probes(port: int = 0) -> Object:
    """Build a container's probes by Domino's rule for models (period x failures > 60 s); numbers: assumed.

    The one that restarts waits longer than the one that only keeps traffic away.
    """
    ready: Object = {"tcpSocket": {"port": port}} if port else {"httpGet": {"path": "/ready", "port": 8080}}
    alive: Object = {"tcpSocket": {"port": port}} if port else {"httpGet": {"path": "/alive", "port": 8080}}
    return {
        "readinessProbe": {**ready, "periodSeconds": 10, "failureThreshold": 7},
        "livenessProbe": {**alive, "periodSeconds": 15, "failureThreshold": 10},
    }


def workload(service: Service) -> Object:
    """Build the Deployment or StatefulSet of a service."""
    resources: Object = {"requests": {"cpu": "250m", "memory": service.memory}}
    if service.limits:
        resources["limits"] = {"cpu": "1", "memory": service.memory}
    image = platform_image(service.name)
    container: Object = {"name": service.name, "image": image, "resources": resources}
    container |= probes(service.port)
    selector = {"app.kubernetes.io/instance": service.name}  # assumed
    labels = {**(service.labels or app(service.name)), **selector}
    pod = {"nodeSelector": {POOL: "platform"}, "containers": [container]}
    spec: Object = {"replicas": service.replicas, "selector": {"matchLabels": selector}}
    if service.kind == "StatefulSet":
        spec["serviceName"] = service.name
        if templates := domino_storage.template(service.name):
            name = templates[0]["metadata"]["name"]
            container["volumeMounts"] = [{"name": name, "mountPath": "/data"}]
            spec["volumeClaimTemplates"] = templates
    made = new("apps/v1", service.kind, service.name, service.namespace, labels)
    return {**made, "spec": {**spec, "template": {"metadata": {"labels": labels}, "spec": pod}}}


def bounds() -> Objects:
    """Build what bounds users' work, and claims, in the compute namespace; kinds and numbers are assumed.

    Domino installs none. Nothing here must be asked of every pod, or those without requests were refused.
    """
    quota = new("v1", "ResourceQuota", "executions", COMPUTE)
    claims = new("v1", "LimitRange", "claims", COMPUTE)
    largest = {"type": "PersistentVolumeClaim", "max": {"storage": "500Gi"}}
    return [
        {**quota, "spec": {"hard": {"pods": "200", f"requests.{GPU}": "8"}}},
        {**claims, "spec": {"limits": [largest]}},
    ]


def port(name: str) -> Object:
    """Build the Kubernetes Service of that name."""
    target, number = PORTS[name]
    namespace = next(service.namespace for service in SERVICES if service.name == target)
    spec = {"selector": {"app.kubernetes.io/instance": target}, "ports": [{"port": number}]}
    return {**new("v1", "Service", name, namespace), "spec": spec}


def fluent_bit() -> Object:
    """Build the log shipper, which is on every node whatever its taints."""
    requests = {"cpu": "100m", "memory": "128Mi"}
    resources = {"requests": requests, "limits": requests}
    container = {"name": "fluent-bit", "image": platform_image("fluent-bit"), "resources": resources}
    pod = {"tolerations": [{"operator": "Exists"}], "containers": [container]}
    labels = app("fluent-bit")  # assumed
    template = {"metadata": {"labels": labels}, "spec": pod}
    made = new("apps/v1", "DaemonSet", "fluent-bit", PLATFORM, labels)
    return {**made, "spec": {"selector": {"matchLabels": labels}, "template": template}}


def backup_cron_job() -> Object:
    """Build the daily backup; its hour is assumed."""
    container = {"name": "backup", "image": platform_image("backup")}
    pod = {"restartPolicy": "Never", "nodeSelector": {POOL: "platform"}, "containers": [container]}
    spec = {"schedule": "7 3 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    return {**new("batch/v1", "CronJob", BACKUP, PLATFORM), "spec": spec}


def backup_job(cron_job: Object) -> Object:
    """Build one run of the backup, owned as if the CronJob's controller had made it."""
    made = new("batch/v1", "Job", f"{BACKUP}-29000000", PLATFORM)
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": BACKUP, "controller": True}
    made["metadata"]["ownerReferences"] = [{**owner, "uid": cron_job["metadata"]["uid"]}]
    return {**made, "spec": cron_job["spec"]["jobTemplate"]["spec"]}


@dataclass(frozen=True)
class Execution:
    """What a user starts; ``seed`` makes its ids. Names of projects and tiers are examples."""

    seed: str
    workload_type: str
    tier: str = "small-k8s"
    cpu: str = "1"
    memory: str = "4Gi"
    pool: str = "default"
    gpus: int = 0
    tolerates_gpu: bool = True
    project: str = "churn-forecast"
    environment: str = "standard-environment"
    ends: str = ""  # Succeeded, or Failed: in Domino that is the user's code, not the platform
    image: str = ""  # in the place of the environment's

    @property
    def run(self) -> str:
        """The pod's name without its end, which is also its service account's."""
        return f"run-{hex_id(self.seed)}"

    @property
    def pod_name(self) -> str:
        """The run's name and five characters."""
        return f"{self.run}-{hex_id(self.seed + ' pod')[:5]}"


EXECUTIONS = (
    Execution("workspace", "Workspace"),
    Execution("batch", "Batch"),
    Execution("scheduled", "Scheduled", project="nightly-scoring"),
    Execution("app", "App", project="claims-dashboard"),
    Execution("training", "Workspace", "gpu-small-k8s", pool="default-gpu", gpus=1, project="image-tagging"),
    Execution("batch that ended", "Batch", ends="Succeeded"),
    Execution("batch whose code failed", "Batch", ends="Failed"),
)
MODEL = f"model-{hex_id('model')}"
# Fault (a): three of one tier, environment and project, too large for every node.
OVERSIZED = tuple(
    Execution(f"oversized {n}", "Workspace", "large-k8s", "500", project="genome-search") for n in range(3)
)
# Fault (b): asks for a GPU and does not tolerate the taint of the nodes that have one.
UNTOLERATING = Execution(
    "untolerating", "Workspace", "gpu-small-k8s", pool="default-gpu", gpus=1, tolerates_gpu=False
)
# Fault (c): a model API for a node pool that, for two letters, does not exist.
MISSPELLED_MODEL = f"model-{hex_id('misspelled model')}"
MISSPELLED_POOL = "defualt"
# Fault (d): nothing bounds the compute namespace. Fault (e): nobody makes this one's pods, whose service
# account is missing. Faults (f) and (g) are of the storage.
BROKEN = "docker-registry"
MISSING_ACCOUNT = "docker-registry-s3"
# Fault (h): an image that Domino has not built, and that came slowly. Fault (i): a service without a version.
STRAY = Execution("stray", "Batch", project="claims-dashboard", image="docker.io/library/alpine:3.20")
LOOSE, LOOSE_IMAGE = "grafana", "quay.io/domino/grafana:latest"
STUCK = (*(asked.pod_name for asked in (*OVERSIZED, UNTOLERATING)), MISSPELLED_MODEL)


def domino_labels(seed: str, project: str, workload_type: str, tier: str) -> Labels:
    """Give the labels of an execution; the tier's has been seen on cluster workers, here it is assumed."""
    found = {
        "billing-tag": "research",
        "execution-id": hex_id(seed),
        "workload-id": hex_id(f"{seed} workload"),
        "project-id": hex_id(f"project {project}"),
        "project-name": project,
        "project-owner-id": hex_id("user ada"),
        "project-owner-username": "ada",
        "starting-user-id": hex_id("user grace"),
        "starting-user-username": "grace",
        "workload-type": workload_type,
        "workload-engine": "cg2",
        "hardware-tier-id": tier,
    }
    return {f"dominodatalab.com/{name}": value for name, value in found.items()}


def containers(repository: str, seed: str, run: Object) -> Objects:
    """User code, and the two that Domino adds: of what those reserve, the sum is known, the split assumed."""
    image = built_image(repository, seed)
    side = {"requests": {"cpu": "100m", "memory": "1287Mi"}}
    return [
        {"name": "run", "image": image, "resources": {"requests": run, "limits": run}},
        {"name": "nginx", "image": platform_image("nginx"), "resources": side},
        {"name": "executor", "image": platform_image("executor"), "resources": side},
    ]


def execution(asked: Execution) -> Objects:
    """Build the service account and the pod of an execution."""
    spec: Object = {"restartPolicy": "Never", "serviceAccountName": asked.run}
    spec["nodeSelector"] = {POOL: asked.pool}
    resources = {"cpu": asked.cpu, "memory": asked.memory}
    if asked.gpus:
        resources[GPU] = str(asked.gpus)
        if asked.tolerates_gpu:
            spec["tolerations"] = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]
    spec["containers"] = containers("environment", asked.environment, resources)
    if asked.image:
        spec["containers"][0]["image"] = asked.image
    labels = domino_labels(asked.seed, asked.project, asked.workload_type, asked.tier)
    pod = new("v1", "Pod", asked.pod_name, COMPUTE, labels)
    return [new("v1", "ServiceAccount", asked.run, COMPUTE), {**pod, "spec": spec}]


def pod_of(asked: Execution) -> Object:
    """Build the pod of an execution alone, which then needs no service account."""
    _, pod = execution(asked)
    del pod["spec"]["serviceAccountName"]
    return pod


def model(name: str, pool: str) -> Object:
    """Build a published model: two instances, with probes."""
    labels = domino_labels(name, "churn-forecast", "ModelAPI", "small-k8s")
    parts = containers("model", name, {"cpu": "1", "memory": "2Gi"})  # the same containers: assumed
    parts[0] |= probes(8080)
    selector = {"dominodatalab.com/workload-id": labels["dominodatalab.com/workload-id"]}
    template = {"metadata": {"labels": labels}, "spec": {"nodeSelector": {POOL: pool}, "containers": parts}}
    spec = {"replicas": 2, "selector": {"matchLabels": selector}, "template": template}
    return {**new("apps/v1", "Deployment", name, COMPUTE, labels), "spec": spec}


def with_account(name: str, account: str) -> Object:
    """Build the workload of a service whose pods are of that service account."""
    made = workload(next(service for service in SERVICES if service.name == name))
    made["spec"]["template"]["spec"]["serviceAccountName"] = account
    return made


def with_image(name: str, image: str) -> Object:
    """Build the workload of a service that runs another image."""
    made = workload(next(service for service in SERVICES if service.name == name))
    made["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return made


def fault_objects() -> Objects:
    """Build what ``faults`` adds; six of its seven pods never get a node."""
    asked = [obj for each in (*OVERSIZED, UNTOLERATING, STRAY) for obj in execution(each)]
    return [*asked, model(MISSPELLED_MODEL, MISSPELLED_POOL), *domino_storage.faults()]


def install(plane: ControlPlane, *, faults: bool = False) -> None:
    """Create the cluster, or what is missing of it, and wait until all of it is where it stays.

    Faults are put into the healthy cluster.
    """
    version = plane.get("/version")["gitVersion"]
    for obj in (*namespaces(), *nodes(version)):
        plane.create(obj, exist_ok=True)
    # A pod made sooner would be told of the taints that every node has while it is new.
    settle(plane)
    for obj in domino_storage.storage():
        plane.create(obj, exist_ok=True)
    objects = [*map(workload, SERVICES), *map(port, PORTS), fluent_bit(), model(MODEL, "default")]
    objects += [obj for asked in EXECUTIONS for obj in execution(asked)]
    for obj in (*objects, *(() if faults else bounds())):
        plane.create(obj, exist_ok=True)
    plane.create(backup_job(plane.create(backup_cron_job(), exist_ok=True)), exist_ok=True)
    settle(plane)
    for asked in EXECUTIONS:
        tell_of_pulls(plane, asked, took="41.2s" if asked.workload_type == "Workspace" else "")
        if asked.ends:
            end(plane, asked)
    if faults:
        for obj in bounds():
            plane.delete(obj)
        for obj in fault_objects():
            plane.create(obj, exist_ok=True)
        plane.apply(with_account(BROKEN, MISSING_ACCOUNT))
        plane.apply(with_image(LOOSE, LOOSE_IMAGE))
        settle(plane)
        tell_of_pulls(plane, STRAY, took="9m12.4s")


def remove_faults(plane: ControlPlane) -> None:
    """Take away what ``faults`` added, bring back what they took, and wait until all is as it was."""
    for obj in fault_objects():
        plane.delete(obj)
    for event in plane.list(f"/api/v1/namespaces/{COMPUTE}/events"):
        if event["metadata"]["name"].startswith(STRAY.run):
            plane.delete({"apiVersion": "v1", "kind": "Event", **event})
    for obj in bounds():
        plane.create(obj, exist_ok=True)
    plane.apply(with_account(BROKEN, "default"))
    plane.apply(with_image(LOOSE, platform_image(LOOSE)))
    settle(plane)


def tell_of_pulls(plane: ControlPlane, asked: Execution, took: str) -> None:
    """Let a kubelet say that the image of an execution was pulled, or was there as those beside it."""
    for event in pulls(plane, asked, took):
        plane.create(event, exist_ok=True)


def pulls(plane: ControlPlane, asked: Execution, took: str, size: int = 0) -> Objects:
    """Build what a kubelet says then."""
    pod = plane.get(f"/api/v1/namespaces/{COMPUTE}/pods/{asked.pod_name}")
    return [
        pulled(pod, each["name"], each["image"], took if each["name"] == "run" else "", size)
        for each in pod["spec"]["containers"]
    ]


def end(plane: ControlPlane, asked: Execution) -> None:
    """Let a running execution come to its end, in the way its kubelet would report it."""
    pod = plane.get(f"/api/v1/namespaces/{COMPUTE}/pods/{asked.pod_name}")
    if pod["status"]["phase"] != "Running":
        return
    failed = asked.ends == "Failed"
    statuses, conditions = pod["status"]["containerStatuses"], pod["status"]["conditions"]
    for status in statuses:
        started = status["state"]["running"]["startedAt"]
        code = int(failed and status["name"] == "run")
        ended = {"exitCode": code, "reason": "Error" if code else "Completed"}
        ended |= {"startedAt": started, "finishedAt": started}
        status |= {"ready": False, "state": {"terminated": ended}}
    for condition in conditions:
        if condition["type"] in ("Ready", "ContainersReady"):
            condition |= {"status": "False", "reason": "PodFailed" if failed else "PodCompleted"}
    plane.patch_status(pod, {"phase": asked.ends, "containerStatuses": statuses, "conditions": conditions})


def settle(plane: ControlPlane, timeout: float = 60) -> None:
    """Wait until nodes are ready, workloads complete, and pods running, ended, or stuck if they should be."""
    try:
        eventually(lambda: not unsettled(plane), timeout)
    except TimeoutError as error:
        raise TimeoutError(f"not settled within {timeout:g} s: {', '.join(unsettled(plane))}") from error


def unsettled(plane: ControlPlane) -> list[str]:
    """List the paths of Domino's objects that are not (yet) where they stay."""
    paths = ["/api/v1/nodes"]
    for namespace in (PLATFORM, COMPUTE):
        paths += [f"/api/v1/namespaces/{namespace}/pods", f"/apis/batch/v1/namespaces/{namespace}/jobs"]
        paths.append(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")
        kinds = ("deployments", "statefulsets", "daemonsets")
        paths += [f"/apis/apps/v1/namespaces/{namespace}/{kind}" for kind in kinds]
    found = [(path, obj) for path in paths for obj in plane.list(path)]
    return [f"{path}/{obj['metadata']['name']}" for path, obj in found if not is_settled(path, obj)]


def is_settled(path: str, obj: Object) -> bool:
    """Whether an object of the collection at ``path`` is where it stays."""
    status, spec = obj["status"], obj["spec"]
    stuck = obj["metadata"]["name"].startswith(STUCK)
    settled: object
    match path.rsplit("/", 1)[1]:
        case "nodes":  # born with this taint, which goes when KWOK has said that the node is ready
            settled = all(taint["key"] != "node.kubernetes.io/not-ready" for taint in spec.get("taints", ()))
        case "pods":
            settled = unschedulable(obj) if stuck else status["phase"] in ("Running", "Succeeded", "Failed")
        case "persistentvolumeclaims":
            waits = obj["metadata"]["name"] == domino_storage.UNPROVISIONED
            settled = status["phase"] == ("Pending" if waits else "Bound")
        case "jobs":
            settled = "completionTime" in status
        case "daemonsets":
            settled = status["numberReady"] == status["desiredNumberScheduled"] > 0
        case _:
            known = status.get("observedGeneration") == obj["metadata"]["generation"]
            broken = spec["template"]["spec"].get("serviceAccountName") == MISSING_ACCOUNT
            ready = 0 if stuck or broken else spec["replicas"]
            waits = not stuck or status.get("unavailableReplicas") == spec["replicas"]
            counts = {status.get(name, 0) for name in ("replicas", "updatedReplicas")}
            rolled_out = stuck or broken or counts == {spec["replicas"]}
            settled = known and waits and rolled_out and status.get("readyReplicas", 0) == ready
    return bool(settled)


def unschedulable(pod: Object) -> str:
    """What the scheduler says about a pod that it has no node for; empty when it has, or was not asked."""
    for condition in pod["status"].get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return str(condition["message"])
    return ""
