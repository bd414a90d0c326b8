"""Which workloads answer requests: the platform's that a Service stands before, and models."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from checks.parts import platform_of
from domino_health import DaemonSet, Deployment, DominoNamespace, Service, StatefulSet

Workload = Deployment | StatefulSet
Replicated = Workload | DaemonSet
MODEL = "ModelAPI"
"""What Domino calls the pods of a published model in its label dominodatalab.com/workload-type."""


@dataclass(frozen=True)
class Serving:
    """A workload that answers requests."""

    workload: Workload
    model: bool


def is_model(workload: Workload) -> bool:
    """It is a published model."""
    labels = workload.spec.template.metadata.labels
    return MODEL in (labels.workload_type, workload.metadata.labels.workload_type)


def selected_by(service: Service, workload: Replicated) -> bool:
    """Whether a Service stands before the pods of a workload, by what is known of their labels.

    That is what the workload itself selects its pods by, and the two names that charts give: they must share
    one with the Service's selector, and contradict none.
    """
    selector = service.spec.selector or {}
    labels = workload.metadata.labels
    known: Mapping[str, str] = {
        "app.kubernetes.io/name": labels.name,
        "app.kubernetes.io/component": labels.component,
        **workload.spec.selector.match_labels,
    }
    both = [key for key in selector if known.get(key)]
    return bool(both) and all(selector[key] == known[key] for key in both)


def behind(
    services: Iterable[Service], workloads: Iterable[Replicated]
) -> list[tuple[Service, list[Replicated]]]:
    """For each Service with a selector, the workloads of its namespace that it stands before."""
    there: dict[tuple[str, str], list[Replicated]] = defaultdict(list)
    for workload in workloads:
        there[workload.cluster, workload.metadata.namespace].append(workload)
    return [
        (
            service,
            [
                each
                for each in there[service.cluster, service.metadata.namespace]
                if selected_by(service, each)
            ],
        )
        for service in services
        if service.spec.selector
    ]


def serving(
    workloads: Sequence[Workload], services: Iterable[Service], namespaces: Iterable[DominoNamespace]
) -> list[Serving]:
    """The workloads that are to answer requests: models, and what a Service of the platform stands before.

    What is scaled to nothing is among them: it will be scaled up again.
    """
    platform = platform_of(namespaces)
    ours = [each for each in services if (each.cluster, each.metadata.namespace) in platform]
    asked = {workload.ref for _, found in behind(ours, workloads) for workload in found}
    return [
        Serving(workload, is_model(workload))
        for workload in workloads
        if is_model(workload) or workload.ref in asked
    ]
