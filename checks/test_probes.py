"""Probes: does Kubernetes know when a service can answer, and when it must be started again?"""

from collections.abc import Iterator
from datetime import timedelta

from checks.serving import Serving, Workload, serving
from domino_health import (
    Assessment,
    Deployment,
    DominoNamespace,
    Duration,
    Finding,
    Probe,
    Service,
    Severity,
    StatefulSet,
    age,
    check,
)


@check("PROBE-001", severity=Severity.MEDIUM)
def test_what_serves_has_a_readiness_probe(
    deployments: list[Deployment],
    statefulsets: list[StatefulSet],
    services: list[Service],
    domino_namespaces: list[DominoNamespace],
) -> Assessment:
    """Every model, and every workload of the platform behind a Service, has a readiness probe.

    Without one Kubernetes sends requests to a pod as soon as its process has started: each start, each
    roll-out and each move to another node answers some of them with 502 or 503. One container with a probe
    is enough: a pod is ready when all of them are. A workload that no Service stands before has no
    requests to lose, and is not assessed.

    Thresholds: none. That models have health settings is Domino's (5.9, model health settings).

    Remediation: give the container that serves a readinessProbe on an address that answers only when it
    can do its work. For a model set its health check in Domino, and publish it again; for a workload of
    Domino's own, ask Domino's support, since an upgrade undoes what is edited by hand.
    """
    assessed = serving([*deployments, *statefulsets], services, domino_namespaces)
    return Assessment(
        assessed,
        [
            Finding(
                each.workload.ref, "no container has a readiness probe: requests come before it can answer"
            )
            for each in assessed
            if not any(one.readiness_probe for one in each.workload.spec.template.spec.lasting)
        ],
    )


@check("PROBE-002", severity=Severity.MEDIUM)
def test_what_serves_has_a_liveness_probe_that_waits_longer_than_the_readiness_probe(
    deployments: list[Deployment],
    statefulsets: list[StatefulSet],
    services: list[Service],
    domino_namespaces: list[DominoNamespace],
) -> Assessment:
    """What serves has a liveness probe, and one that does not restart it as soon as it is not ready.

    Without one a process that hangs stays as it is until somebody notices. One that asks the same as
    the readiness probe and gives up no later restarts a pod that is only busy, while the others take
    its requests and become busy too: an overload becomes an outage.

    A probe gives up after its period times its failure threshold. Two that run commands are not compared,
    for commands are not read; neither are a model's, which Domino makes of one set of health settings.

    Thresholds: none; that a liveness probe should wait longer is Kubernetes' advice (configure probes).

    Remediation: give the container a livenessProbe on an address that needs nothing but the process
    itself; where it is the readiness probe's, raise its failureThreshold well above that one's. Of a
    workload of Domino's own, ask Domino's support.
    """
    assessed = serving([*deployments, *statefulsets], services, domino_namespaces)
    return Assessment(
        assessed, [Finding(each.workload.ref, said) for each in assessed if (said := _hasty(each))]
    )


@check("PROBE-003", severity=Severity.MEDIUM)
def test_a_models_probes_wait_longer_than_a_request_may_take(
    deployments: list[Deployment],
    statefulsets: list[StatefulSet],
    *,
    request_timeout: Duration = timedelta(seconds=60),
) -> Assessment:
    """A model's probes give up only after longer than ``request_timeout``.

    A model handles one request at a time unless it is given more workers, and answers no probe while it
    does. Where a probe gives up sooner than a request may take, a slow answer costs the pod: its
    liveness probe ends it in the middle of it, its readiness probe takes it out of the Service.

    A probe gives up after its period times its failure threshold; just as long as the timeout is too
    short. What the platform's own services may take is not known, so that only models are assessed.

    Thresholds: Domino's rule, "period x failure threshold must exceed the request timeout", and its
    default of 60 s for that timeout (5.9, model health settings). Where models override it, set the
    longest in the profile.

    Remediation: raise the model's failure threshold or its health check period in Domino, or lower its
    request timeout; either restarts the model.
    """
    models = [each for each in serving([*deployments, *statefulsets], (), ()) if any(_probes(each.workload))]
    worst = min(
        (probe.gives_up for each in models for _, _, probe in _probes(each.workload)), default=timedelta(0)
    )
    return Assessment(
        models,
        [
            Finding(each.workload.ref, "; ".join(said))
            for each in models
            if (said := list(_impatient(each.workload, request_timeout)))
        ],
        worst=f"shortest {age(worst)}, more than {age(request_timeout)} wanted" if models else "",
    )


def _hasty(each: Serving) -> str:
    """What is wrong with a workload's liveness probes, or nothing."""
    containers = each.workload.spec.template.spec.lasting
    if not any(container.liveness_probe for container in containers):
        return "no container has a liveness probe: one that hangs is never started again"
    for container in containers:
        alive, ready = container.liveness_probe, container.readiness_probe
        if each.model or not alive or not ready or not alive.asks_the_same(ready):
            continue
        if alive.gives_up <= ready.gives_up:
            after, ready_after = age(alive.gives_up), age(ready.gives_up)
            return (
                f"container {container.name}: the liveness probe asks the same as the readiness probe and "
                f"gives up after {after}, that one after {ready_after}: it restarts what is only busy"
            )
    return ""


def _probes(workload: Workload) -> Iterator[tuple[str, str, Probe]]:
    """Container, kind and probe, of those that act on what runs."""
    for container in workload.spec.template.spec.lasting:
        if container.liveness_probe:
            yield container.name, "liveness", container.liveness_probe
        if container.readiness_probe:
            yield container.name, "readiness", container.readiness_probe


def _impatient(workload: Workload, timeout: timedelta) -> Iterator[str]:
    for container, kind, probe in _probes(workload):
        if probe.gives_up <= timeout:
            after = f"{age(probe.gives_up)} ({probe.period_seconds} s x {probe.failure_threshold})"
            yield (
                f"container {container}: the {kind} probe gives up after {after}, "
                f"and a request may take {age(timeout)}"
            )
