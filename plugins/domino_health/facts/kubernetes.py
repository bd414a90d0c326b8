"""What is kept of pods, and of a cluster's clock.

Domino's labels are those seen on live executions (domino-blueprints, ddl-cluster-scaler); user names are
left out on purpose.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from domino_health.facts.api import Condition, Kubernetes, ListMeta, Moment, condition_of, lasts
from domino_health.facts.containers import ContainerStatus
from domino_health.facts.placing import Affinity, Toleration, wanted
from domino_health.facts.resources import Container, Resources, is_accelerator, total
from domino_health.vocabulary import Ref

NODE_POOL = "dominodatalab.com/node-pool"
"""The label by which Domino knows a node's pool (Domino's requirements on a cluster)."""
_EXECUTION_NAME = re.compile(r"run-[0-9a-f]{24}(-|$)")
# ModelAPI is left out: a model's Deployment is what stays tomorrow.
_EXECUTION_TYPES = frozenset({"Workspace", "Batch", "Scheduled", "App", "Job"})
_ENVIRONMENT_IMAGE = re.compile(r"/environment:([0-9a-f]{24})(?:-\d+)?$")
# A CronJob names its runs by the minutes since 1970: 29927033. What else ends in digits, a date or seconds,
# is a name that somebody gave. Minutes began with 25 in 2017, and no date of this century does.
_CRONJOB_RUN = re.compile(r"(.+)-(?:2[5-9]|[3-9]\d)\d{6}$")


def is_execution_name(name: str) -> bool:
    """It begins as Domino names what belongs to a run: ``run-`` and 24 hex digits."""
    return bool(_EXECUTION_NAME.match(name))


def environment_of(image: str) -> str:
    """The id of the environment that an image is a revision of: ``…/environment:<24 hex digits>-3``.

    Empty for an image of another kind.
    """
    found = _ENVIRONMENT_IMAGE.search(image)
    return found.group(1) if found else ""


class Owner(Kubernetes, frozen=True):
    """An owner reference."""

    kind: str
    name: str
    controller: bool = False


class Labels(Kubernetes, frozen=True):
    """The labels that checks read, and no others."""

    workload_type: str = msgspec.field(name="dominodatalab.com/workload-type", default="")
    hardware_tier: str = msgspec.field(name="dominodatalab.com/hardware-tier-id", default="")
    project: str = msgspec.field(name="dominodatalab.com/project-name", default="")
    pod_template_hash: str = msgspec.field(name="pod-template-hash", default="")
    execution_id: str = msgspec.field(name="dominodatalab.com/execution-id", default="")
    """The execution that it is of; also on the pods of the cluster that an execution computes on."""


class PodMeta(Kubernetes, frozen=True):
    """``metadata`` of a pod."""

    name: str
    namespace: str
    creation_timestamp: Moment
    deletion_timestamp: Moment | None = None
    """When it should be gone, its grace period included."""
    labels: Labels = Labels()
    owner_references: tuple[Owner, ...] = ()
    finalizers: tuple[str, ...] = ()
    """Who must agree before it is gone."""


class SchedulingGate(Kubernetes, frozen=True):
    """What must be taken away before a scheduler looks at a pod."""

    name: str


class ClaimSource(Kubernetes, frozen=True):
    """The claim that a volume of a pod is of."""

    claim_name: str


class ClaimTemplate(Kubernetes, frozen=True):
    """A claim that is made with the pod, and named after it. Nothing of it is kept: the claim itself is."""


class PodVolume(Kubernetes, frozen=True):
    """A volume of a pod, where it is a claim's. All others (a Secret, a ConfigMap, a token) are left out."""

    name: str = ""
    persistent_volume_claim: ClaimSource | None = None
    ephemeral: ClaimTemplate | None = None


class PodSpec(Kubernetes, frozen=True):
    """``spec`` of a pod."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: str = ""
    node_selector: Mapping[str, str] = {}
    scheduler_name: str = ""
    overhead: Mapping[str, str] = {}
    """What its RuntimeClass adds to the requests."""
    resources: Resources = Resources()
    """Of the pod as a whole, instead of its containers' sum."""
    tolerations: tuple[Toleration, ...] = ()
    affinity: Affinity | None = None
    priority_class_name: str = ""
    priority: int = 0
    """Below zero for what only keeps a place, and gives way to all that is wanted."""
    scheduling_gates: tuple[SchedulingGate, ...] = ()
    volumes: tuple[PodVolume, ...] = ()
    """Those of claims alone."""

    def __post_init__(self) -> None:
        claims = tuple(each for each in self.volumes if each.persistent_volume_claim or each.ephemeral)
        if len(claims) < len(self.volumes):
            msgspec.structs.force_setattr(self, "volumes", claims)  # nobody else has seen it yet


class PodStatus(Kubernetes, frozen=True):
    """``status`` of a pod."""

    phase: str = ""
    reason: str = ""
    """Why a pod has failed as a whole: ``Evicted``, ``NodeLost``, ``UnexpectedAdmissionError``."""
    message: str = ""
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    nominated_node_name: str = ""
    """Where it is to go, when somebody has made room there, or its volume."""


class Pod(Kubernetes, frozen=True):
    """A pod."""

    metadata: PodMeta
    spec: PodSpec
    status: PodStatus = PodStatus()
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The pod itself."""
        return Ref(self.cluster, "pod", self.metadata.namespace, self.metadata.name)

    @property
    def finished(self) -> bool:
        """Its containers have ended and will not start again: nobody waits for it."""
        return self.status.phase in ("Succeeded", "Failed")

    @property
    def has_accelerator(self) -> bool:
        """It asks for a GPU, a slice of one, or another accelerator (AWS Neuron)."""
        containers = (*self.spec.containers, *self.spec.init_containers)
        return any(
            is_accelerator(resource) and amount not in ("0", "")
            for container in containers
            for amounts in (container.resources.requests, container.resources.limits)
            for resource, amount in amounts.items()
        )

    @property
    def pool(self) -> str:
        """The node pool that it insists on, by selector or affinity; empty for none, or for several."""
        pools = wanted(self.spec.node_selector, self.spec.affinity, NODE_POOL)
        return next(iter(pools)) if len(pools) == 1 else ""

    def asked(self) -> dict[str, int]:
        """What it asks for, in thousandths by resource, as the scheduler counts it: side-cars, overhead and
        all.
        """
        spec = self.spec
        whole = spec.resources.requests
        return total("requests", spec.containers, spec.init_containers, spec.overhead, whole)

    def limited(self) -> dict[str, int]:
        """Its limits together, in thousandths; what a container does not limit is not in it."""
        spec = self.spec
        return total("limits", spec.containers, spec.init_containers, spec.overhead, spec.resources.limits)

    def condition(self, type: str) -> Condition | None:
        """The condition of that type, where somebody has set one."""
        return condition_of(self.status.conditions, type)

    def since(self, condition: Condition | None, now: datetime) -> timedelta:
        """How long a condition has been as it is; of one that nobody has set, since the pod was made."""
        return lasts(condition, self.metadata.creation_timestamp, now)

    @property
    def ready(self) -> bool:
        """Its kubelet says that it is."""
        ready = self.condition("Ready")
        return ready is not None and ready.status == "True"

    @property
    def static(self) -> bool:
        """It is its node's own: a file there, and no scheduler, has made it."""
        return any(owner.kind == "Node" for owner in self.metadata.owner_references)

    @property
    def placeholder(self) -> bool:
        """It only keeps a place on a node for what is wanted, and gives way to it (overprovisioning)."""
        return self.spec.priority < 0

    @property
    def gated(self) -> bool:
        """No scheduler is to look at it yet."""
        said = self._unscheduled
        return said is not None and said.reason == "SchedulingGated"

    @property
    def statuses(self) -> Iterator[ContainerStatus]:
        """What became of its containers, those of its start first."""
        yield from self.status.init_container_statuses
        yield from self.status.container_statuses

    @property
    def claims(self) -> tuple[str, ...]:
        """The volume claims that it mounts, by their names in its namespace."""
        named = (
            each.persistent_volume_claim.claim_name
            if each.persistent_volume_claim
            else f"{self.metadata.name}-{each.name}"
            for each in self.spec.volumes
            if each.persistent_volume_claim or each.ephemeral
        )
        return tuple(dict.fromkeys(named))

    def waiting(self, now: datetime) -> timedelta:
        """How long it has been without a node; zero when it has one, has ended or is being deleted."""
        if self.spec.node_name or self.finished or self.metadata.deletion_timestamp:
            return timedelta(0)
        return max(now - self.metadata.creation_timestamp, timedelta(0))

    def starting(self, now: datetime) -> timedelta:
        """How long it has had a node and not started: a container is not made, or an init one not ended."""
        if not self.spec.node_name or self.status.phase != "Pending":
            return timedelta(0)
        scheduled = self.condition("PodScheduled")
        return self.since(scheduled if scheduled and scheduled.status == "True" else None, now)

    @property
    def scheduler(self) -> str:
        """Who is to give it a node."""
        return self.spec.scheduler_name or "default-scheduler"

    @property
    def silent(self) -> bool:
        """Nobody has said a word of why it has no node."""
        return not (self.spec.node_name or self.status.nominated_node_name or self._unscheduled)

    @property
    def judged(self) -> bool:
        """A scheduler has looked at it. Static pods have none, and a gate is the API server's own word."""
        if self.static or self.spec.node_name:  # asked of every pod of a cluster, and most of them run
            return not self.static
        return not self.gated and bool(self.status.nominated_node_name or self._unscheduled)

    @property
    def why_unscheduled(self) -> str:
        """The scheduler's own words, or what is known where it has said nothing."""
        if condition := self._unscheduled:
            return condition.message or condition.reason or "the scheduler gave no reason"
        if self.status.nominated_node_name:
            node = self.status.nominated_node_name
            return f"node {node} is chosen, and binding has not ended: see the events of its volume claims"
        return f"no scheduler has looked at it; is {self.scheduler} running?"

    @property
    def _unscheduled(self) -> Condition | None:
        said = (
            each for each in self.status.conditions if each.type == "PodScheduled" and each.status != "True"
        )
        return next(said, None)

    def requests(self, resource: str) -> str:
        """What it asks for of a resource, as it stands there: ``500 + 100m, or 50 by an init container``.

        Empty where it asks for none.
        """
        overhead = self.spec.overhead.get(resource, "")
        more = [f"{overhead} overhead"] if overhead else []
        if whole := self.spec.resources.requests.get(resource):
            return " + ".join([whole, *more])
        beside = [each for each in self.spec.init_containers if each.side_car]
        before = [each for each in self.spec.init_containers if not each.side_car]
        asked = [each.resources.requests.get(resource, "") for each in (*self.spec.containers, *beside)]
        together = " + ".join([*filter(None, asked), *more])
        first = [amount for each in before if (amount := each.resources.requests.get(resource))]
        alone = " or ".join(f"{amount} by an init container" for amount in first)
        return ", or ".join(filter(None, (together, alone)))

    @property
    def execution(self) -> bool:
        """It is a Domino execution: a workspace, job or app that a user started."""
        of_type = self.metadata.labels.workload_type in _EXECUTION_TYPES
        return of_type or is_execution_name(self.metadata.name)

    @property
    def subject(self) -> Ref:
        """What stays tomorrow: an execution's tier, environment and project, else the pod's owner.

        A Deployment is told from its ReplicaSet's name and the pod's hash, a CronJob from its Job's
        name, so that no other kind must be read.
        """
        namespace = self.metadata.namespace
        if self.execution:
            return Ref(self.cluster, "execution", namespace, self._execution_name())
        owner = next((owner for owner in self.metadata.owner_references if owner.controller), None)
        if owner is None or owner.kind == "Node":
            return self.ref
        kind, name = owner.kind.lower(), owner.name
        suffix = f"-{self.metadata.labels.pod_template_hash}"
        if kind == "replicaset" and len(suffix) > 1 and name.endswith(suffix):
            kind, name = "deployment", name.removesuffix(suffix)
        elif kind == "job" and (run := _CRONJOB_RUN.match(name)):
            kind, name = "cronjob", run.group(1)
        return Ref(self.cluster, kind, namespace, name)

    @property
    def environment(self) -> str:
        """The id of the Domino environment that it runs in, by its image; empty for none."""
        return next(filter(None, (environment_of(each.image) for each in self.spec.containers)), "")

    def _execution_name(self) -> str:
        """As a label selector would say it; what the pod does not tell is left out."""
        parts = {
            "type": self.metadata.labels.workload_type,
            "tier": self.metadata.labels.hardware_tier,
            "environment": self.environment,
            "project": self.metadata.labels.project,
        }
        return ",".join(f"{key}={value}" for key, value in parts.items() if value) or "unlabelled"


class PodList(Kubernetes, frozen=True):
    """A page of pods."""

    metadata: ListMeta
    items: list[Pod]


class Clock(Kubernetes, frozen=True, omit_defaults=False):
    """How far a cluster's clock is from this machine's. No skew is written as well: it was measured."""

    skew: int = 0
    """Seconds that the cluster's clock is ahead of this machine's, to about one (HTTP's Date)."""
    source: str = "this machine"
    """Whose clock it is."""
