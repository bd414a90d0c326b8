"""Facts for unit tests, made by hand: what matters to a test is named there, all else is ordinary."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any

from domino_health import Certificate, Pod, TlsEndpoint
from domino_health.facts.api import Condition
from domino_health.facts.containers import ContainerState, ContainerStatus, Running, Terminated, Waiting
from domino_health.facts.kubernetes import ClaimSource, Labels, Owner, PodMeta, PodSpec, PodStatus, PodVolume
from domino_health.facts.placing import Toleration
from domino_health.facts.resources import Container, Resources

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
"""What the tests' facts are old by."""

SAID_1_36 = (
    "0/7 nodes are available: 2 Insufficient cpu, 5 node(s) had untolerated taint(s). no new claims to "
    "deallocate, preemption: 0/7 nodes are available: 2 No preemption victims found for incoming pod, "
    "5 Preemption is not helpful for scheduling."
)
"""As the scheduler of Kubernetes 1.36 words it: taints go unnamed, and dynamic resources come in between."""

SAID_1_28 = (
    "0/7 nodes are available: 2 Insufficient cpu, 5 node(s) had untolerated taint {domino: platform}. "
    "preemption: 0/7 nodes are available: 2 No preemption victims found for incoming pod, 5 Preemption is "
    "not helpful for scheduling."
)
"""The same as the scheduler of Kubernetes 1.28 words it."""


def pod(
    name: str = "run-65f0c0ffee65f0c0ffee65f0-abcde",
    *,
    cluster: str = "",
    namespace: str = "domino-compute",
    age: timedelta = timedelta(hours=1),
    said: str | None = SAID_1_36,
    reason: str = "Unschedulable",
    node: str = "",
    phase: str = "Pending",
    deleted: bool = False,
    owner: Owner | None = None,
    labels: Labels | None = None,
    requests: Sequence[Mapping[str, str]] = ({"cpu": "1"},),
    selector: Mapping[str, str] | None = None,
    scheduler: str = "default-scheduler",
    nominated: str = "",
    before: Sequence[Container] = (),
    overhead: Mapping[str, str] | None = None,
    whole: Mapping[str, str] | None = None,
    limits: Sequence[Mapping[str, str]] = (),
    tolerations: Sequence[Toleration] = (),
    statuses: Sequence[ContainerStatus] = (),
    failed: tuple[str, str] = ("", ""),
    scheduled_after: timedelta | None = None,
    deleted_for: timedelta | None = None,
    priority: str = "",
    rank: int = 0,
    claims: Sequence[str] = (),
    image: str = "",
    conditions: Sequence[Condition] = (),
) -> Pod:
    """A pod that has waited for a node since it was made; with a ``node``, one that runs.

    Args:
        name: of the pod; by default that of an execution.
        cluster: as the profile calls it.
        namespace: where it is.
        age: since its creation, by ``NOW``.
        said: what its PodScheduled condition says; None for no condition at all.
        reason: of that condition.
        node: where it runs.
        phase: of its life.
        deleted: whether it is being deleted.
        owner: what made it.
        labels: those that checks read.
        requests: of each of its containers.
        selector: which nodes it wants.
        scheduler: that is to find it a node.
        nominated: the node that it is promised.
        before: its init containers.
        overhead: what its RuntimeClass adds.
        whole: requests of the pod as a whole.
        limits: of each of its containers, beside the requests.
        tolerations: the taints that it does not mind.
        statuses: what became of its containers.
        failed: reason and message of its status: ``("Evicted", "The node was low on …")``.
        scheduled_after: from its creation until it got its node.
        deleted_for: how long ago it should have been gone; ``deleted`` is for just now.
        priority: the name of its priority class.
        rank: the number that it stands for.
        claims: the volume claims that it mounts.
        image: of its containers.
        conditions: beside the scheduler's word.
    """
    if node:
        since = None if scheduled_after is None else NOW - age + scheduled_after
        scheduled: tuple[Condition, ...] = (Condition("PodScheduled", "True", "", "", since),)
    elif said is None:
        scheduled = ()
    else:
        scheduled = (Condition("PodScheduled", "False", reason, said),)
    return Pod(
        metadata=PodMeta(
            name=name,
            namespace=namespace,
            creation_timestamp=NOW - age,
            deletion_timestamp=NOW - (deleted_for or timedelta(0)) if deleted or deleted_for else None,
            labels=labels or Labels(),
            owner_references=(owner,) if owner else (),
        ),
        spec=PodSpec(
            containers=_containers(requests, limits, image),
            node_name=node,
            node_selector=selector or {},
            scheduler_name=scheduler,
            init_containers=tuple(before),
            overhead=overhead or {},
            resources=Resources(requests=whole or {}),
            tolerations=tuple(tolerations),
            priority_class_name=priority,
            priority=rank,
            volumes=tuple(PodVolume(name, ClaimSource(name)) for name in claims),
        ),
        status=PodStatus(
            reason=failed[0],
            message=failed[1],
            container_statuses=tuple(statuses),
            phase="Running" if node and phase == "Pending" else phase,
            conditions=(*scheduled, *conditions),
            nominated_node_name=nominated,
        ),
        cluster=cluster,
    )


def _containers(
    requests: Sequence[Mapping[str, str]], limits: Sequence[Mapping[str, str]], image: str
) -> tuple[Container, ...]:
    nothing: Mapping[str, str] = {}
    both = zip_longest(requests, limits, fillvalue=nothing)
    return tuple(Container("run", image, Resources(asked, limit)) for asked, limit in both)


def runs(name: str = "run", *, for_: timedelta = timedelta(hours=1), restarts: int = 0) -> ContainerStatus:
    """A container that runs and is ready."""
    return ContainerStatus(name, True, restarts, ContainerState(running=Running(NOW - for_)))


def waits(
    reason: str, message: str = "", *, name: str = "run", restarts: int = 0, last: Terminated | None = None
) -> ContainerStatus:
    """A container that waits, ``CrashLoopBackOff`` or so; ``last`` is how it ended before."""
    state, before = ContainerState(waiting=Waiting(reason, message)), ContainerState(terminated=last)
    return ContainerStatus(name, False, restarts, state, before)


def ended(code: int = 0, reason: str = "", *, ago: timedelta = timedelta(minutes=1)) -> Terminated:
    """How a container ended."""
    reason = reason or ("Error" if code else "Completed")
    return Terminated(code, 0, reason, NOW - ago - timedelta(minutes=5), NOW - ago)


def deployment_pod(deployment: str, suffix: str, **more: object) -> Pod:
    """A pod of a Deployment, ``suffix`` being the end of its name."""
    return pod(
        f"{deployment}-5d9c7b8f4-{suffix}",
        namespace="domino-platform",
        owner=Owner("ReplicaSet", f"{deployment}-5d9c7b8f4", controller=True),
        labels=Labels(pod_template_hash="5d9c7b8f4"),
        **more,  # type: ignore[arg-type]
    )


def certificate(
    subject: str = "CN=domino.example.com",
    *,
    left: timedelta = timedelta(days=90),
    begins: timedelta = timedelta(days=-90),
    issuer: str = "CN=Example Issuing CA",
    names: Sequence[str] = ("domino.example.com",),
    key: str = "RSA",
    bits: int = 2048,
    digest: str = "sha256",
) -> Certificate:
    """A certificate that ends ``left`` after ``NOW`` and ``begins`` that far from it."""
    return Certificate(
        subject=subject,
        issuer=issuer,
        not_before=NOW + begins,
        not_after=NOW + left,
        serial="0a1b",
        sha256="00" * 32,
        names=tuple(names),
        key=key,
        bits=bits,
        digest=digest,
    )


def endpoint(
    name: str = "front",
    *presented: Certificate,
    verified: Sequence[Certificate] | None = None,
    errors: Sequence[str] = (),
    server_name: str = "domino.example.com",
    name_matches: bool = True,
    **more: Any,
) -> TlsEndpoint:
    """A TLS endpoint, healthy unless told otherwise; what it presents is what was verified."""
    chain = presented or (certificate(),)
    return TlsEndpoint(
        name=name,
        address=f"{server_name}:443",
        server_name=server_name,
        presented=chain,
        verified=tuple(chain if verified is None else verified),
        chain_errors=tuple(errors),
        name_matches=name_matches,
        **{"protocol": "TLSv1.3", **more},
    )
