"""Facts for unit tests, made by hand: what matters to a test is named there, all else is ordinary."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from domino_health import Certificate, Pod, TlsEndpoint
from domino_health.facts.kubernetes import (
    Condition,
    Container,
    Labels,
    Owner,
    PodMeta,
    PodSpec,
    PodStatus,
    Resources,
)

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
    """
    if node:
        conditions: tuple[Condition, ...] = (Condition("PodScheduled", "True"),)
    elif said is None:
        conditions = ()
    else:
        conditions = (Condition("PodScheduled", "False", reason, said),)
    return Pod(
        metadata=PodMeta(
            name=name,
            namespace=namespace,
            creation_timestamp=NOW - age,
            deletion_timestamp=NOW if deleted else None,
            labels=labels or Labels(),
            owner_references=(owner,) if owner else (),
        ),
        spec=PodSpec(
            containers=tuple(Container(resources=Resources(requests=each)) for each in requests),
            node_name=node,
            node_selector=selector or {},
            scheduler_name=scheduler,
            init_containers=tuple(before),
            overhead=overhead or {},
            resources=Resources(requests=whole or {}),
        ),
        status=PodStatus(
            phase="Running" if node and phase == "Pending" else phase,
            conditions=conditions,
            nominated_node_name=nominated,
        ),
        cluster=cluster,
    )


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
    )


def endpoint(
    name: str = "front",
    *presented: Certificate,
    verified: Sequence[Certificate] | None = None,
    errors: Sequence[str] = (),
    server_name: str = "domino.example.com",
    name_matches: bool = True,
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
        protocol="TLSv1.3",
    )
