"""Known faults in the logs of all services that run in the namespaces where the profile allows to read them.

A log is matched as it comes, and let go: what is kept are counts, and one line for each fault, from which
what looks like a secret or a person is taken out. Reading is opt-in by namespace, as for ``logs``.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from urllib.parse import urlencode

import msgspec

from domino_health.collectors.cluster import Connection, connect, how
from domino_health.collectors.logs import patience, read_each
from domino_health.collectors.looking import Deadline, Look, NothingToLookAtError, Target
from domino_health.collectors.signatures import count
from domino_health.collectors.way_in import NEEDS
from domino_health.facts.containers import ContainerStatus
from domino_health.facts.domino import ROLES
from domino_health.facts.kubernetes import Pod
from domino_health.facts.logs import SERVICES, LogCount
from domino_health.facts.observed import Observed
from domino_health.facts.rights import Right
from domino_health.profile.clusters import Cluster
from domino_health.profile.logs import Logs, Signature
from domino_health.vocabulary import Ref

MOST_PODS = 200
"""Of a run, so that it reads 200 MiB at most."""
OF_A_WORKLOAD = 3
BYTES = 1 << 20
"""Of a pod, over its containers, and over both times that a container is asked for."""
LINES = 5000
"""Of a container. The API server counts bytes from the first of the lines that are asked for: only a bound on
lines leaves out the oldest."""
PATIENCE = timedelta(seconds=10)
"""For one container: a node that does not answer takes the API server half a minute."""
MODEL = "ModelAPI"
"""What Domino calls the pods of a published model in its label dominodatalab.com/workload-type."""
MONITORS = re.compile(r"(prometheus|grafana|fluentd|fluent-?bit)(-.*)?")
"""Domino's monitoring, by the names of its workloads in the platform's namespace (metrics to monitor)."""
ORDER = {**dict.fromkeys(ROLES, 0), "monitoring": 1, "other": 2, "model": 3}
"""Whose logs are read first."""
NO_ROOM = f"the logs of {MOST_PODS} other pods are read, and no more in a run"
_KINDS = frozenset({"deployment", "statefulset", "daemonset"})


@dataclass(frozen=True)
class Part:
    """A container to read: its node, what is known of it before, and its part of the pod's bytes."""

    node: str
    asked: LogCount
    most: int


@dataclass(frozen=True)
class PlatformLogs:
    """A collector: one target for each namespace that the profile opens."""

    what: str = (
        "Known faults in the logs of Domino's services, of others beside them and of models, counted, in the "
        "namespaces that the profile opens; of the logs themselves one line each is kept, without what looks "
        "like a secret or a person."
    )
    opt_in: str = "clusters[].logs"
    """The profile's key without which nobody looks."""
    rights: tuple[Right, ...] = (Right("pods/log", "get", opt_in="logs"),)

    def __call__(self, look: Look) -> list[Target[LogCount]]:
        """One target a namespace, whether something of Domino's is known to run there or not.

        Raises:
            NothingToLookAtError: no namespace is opened.
        """
        opened = {
            (cluster.name, namespace): cluster
            for cluster in look.profile.clusters or ()
            for namespace in cluster.logs or ()
        }
        if not opened:
            raise NothingToLookAtError(
                f"reading logs is opt-in, and the profile opens no namespace ({self.opt_in}: [namespace])"
            )
        logs = look.profile.logs or Logs()
        parts: dict[tuple[str, str], list[Part]] = {key: [] for key in opened}
        running = (
            pod for pod in look.facts["pods"].objects if (pod.cluster, pod.metadata.namespace) in opened
        )
        for part in chosen(running, look.facts, logs.window):
            parts[part.asked.cluster, part.asked.namespace].append(part)
        return [_target(look, opened[key], key[1], some, logs) for key, some in parts.items()]


log_counts = PlatformLogs()


def chosen(pods: Iterable[Pod], facts: Mapping[str, Observed], window: timedelta) -> list[Part]:
    """Which containers to read: of every workload one pod, before a second one of any.

    Domino's services by their roles come before monitoring, that before all others (builders, agents,
    ingress), and models come last. What users run is not read. A workload for which there is no room is among
    them, with that as its problem.
    """
    roles = {
        service.ref_of(candidate): service.role
        for service in facts["domino_services"].objects
        for candidate in service.candidates
    }
    platform = {
        (each.cluster, each.name) for each in facts["domino_namespaces"].objects if each.part == "platform"
    }
    known = [
        (pod, service)
        for pod in pods
        if not pod.metadata.deletion_timestamp and _running(pod)
        if (service := _service(pod, roles, platform))
    ]
    known.sort(key=lambda each: (ORDER[each[1]], each[0].subject, each[0].metadata.name))
    seen: Counter[Ref] = Counter()
    ranked: list[tuple[int, Pod, str]] = []
    for pod, service in known:
        if seen[pod.subject] < OF_A_WORKLOAD:
            ranked.append((seen[pod.subject], pod, service))
        seen[pod.subject] += 1
    ranked.sort(key=lambda each: each[0])
    left_out = [each for each in ranked[MOST_PODS:] if each[0] == 0]
    return [
        *(part for _, pod, service in ranked[:MOST_PODS] for part in _parts(pod, service, window)),
        *(_parts(pod, service, window, problem=NO_ROOM)[0] for _, pod, service in left_out),
    ]


def _running(pod: Pod) -> list[ContainerStatus]:
    return [status for status in pod.status.container_statuses if status.state.running]


def _service(pod: Pod, roles: Mapping[Ref, str], platform: Set[tuple[str, str]]) -> str:
    """What its workload does in Domino; empty for what is no service: executions, jobs, bare pods."""
    if pod.metadata.labels.workload_type == MODEL:
        return "model"
    subject = pod.subject
    if role := roles.get(subject):
        return role
    if subject.kind not in _KINDS:
        return ""
    ours = (pod.cluster, pod.metadata.namespace) in platform
    return "monitoring" if ours and MONITORS.fullmatch(subject.name) else "other"


def _parts(pod: Pod, service: str, window: timedelta, problem: str = "") -> list[Part]:
    running, subject = _running(pod), pod.subject
    return [
        Part(
            pod.spec.node_name,
            LogCount(
                pod.cluster,
                pod.metadata.namespace,
                pod.metadata.name,
                status.name,
                service,
                subject.kind,
                subject.name,
                round(window.total_seconds()),
                status.state.running.started_at if status.state.running else None,
                problem=problem,
            ),
            BYTES // (2 * len(running)),
        )
        for status in running
    ]


def _target(look: Look, cluster: Cluster, namespace: str, parts: list[Part], logs: Logs) -> Target[LogCount]:
    pods = ",".join(sorted({part.asked.pod for part in parts if not part.asked.problem}))
    query = urlencode({"sinceSeconds": round(logs.window.total_seconds()), "tailLines": LINES})
    path = f"/api/v1/namespaces/{namespace}/pods/{{{pods}}}/log?{query}"
    work = partial(_look, look, cluster, parts, logs.searched())
    return Target(f"{cluster.name}/{namespace}", how(look, cluster, path), cluster.deadline, work, NEEDS)


def _look(
    look: Look,
    cluster: Cluster,
    parts: list[Part],
    signatures: Sequence[Signature],
    deadline: Deadline,
    say: Callable[[str], None],
) -> list[LogCount]:
    connection = connect(look, cluster, deadline, say)
    most = {(part.asked.pod, part.asked.container): part.most for part in parts}

    def read(asked: LogCount) -> LogCount | None:
        if asked.problem:
            return asked
        wanted = [each for each in signatures if asked.service in (each.services or SERVICES)]
        return _read(connection, asked, most[asked.pod, asked.container], wanted, deadline)

    return read_each([(part.node, part.asked) for part in parts], read, deadline, say)


def _read(
    connection: Connection, asked: LogCount, most: int, signatures: Sequence[Signature], deadline: Deadline
) -> LogCount | None:
    """What is counted in one log; None where there is none to see any more."""
    body, lines, cut = b"", LINES, False
    for _ in range(2):  # of the lines that are too much for the bytes, the newest half is read instead
        query = {"sinceSeconds": asked.seconds, "tailLines": lines, "limitBytes": most}
        path = f"/api/v1/namespaces/{asked.namespace}/pods/{asked.pod}/log"
        asking = urlencode({"container": asked.container, **query})
        answer = connection.log(f"{path}?{asking}", patience(PATIENCE, deadline))
        if answer is None:
            return None
        body, there = answer, answer.count(b"\n")
        cut |= there >= lines
        if len(body) < most:
            break
        cut, lines = True, max(1, there // 2)
    faults = count(body, signatures)
    return msgspec.structs.replace(asked, read=len(body), faults=faults, cut=cut)
