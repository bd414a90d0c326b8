"""The last words of containers that fail, in the namespaces where the profile allows it.

A log is what users and programs write: passwords, tokens and names stand in it. So reading is opt-in by
namespace, few lines of few containers are read, and what looks like a secret or a person is taken out before
anybody else sees a line (``redact.hide``). No pattern knows every secret: whoever opts in accepts that.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from domino_health.collectors.cluster import Connection, connect, how
from domino_health.collectors.looking import CollectionError, Deadline, Look, NothingToLookAtError, Target
from domino_health.collectors.way_in import NEEDS
from domino_health.facts.kubernetes import Pod
from domino_health.facts.logs import LogCount, LogTail
from domino_health.facts.observed import Outcome
from domino_health.facts.rights import Right
from domino_health.profile.clusters import Cluster
from domino_health.redact import hide
from domino_health.vocabulary import Ref, clean, shorten

MOST = 50
"""Containers of a run: the log is for the finding's reader, not for an archive."""
OF_A_SUBJECT = 2
LINES = 20
BYTES = 64 << 10
"""Counted by the API server from the first of the lines that are asked for: the last may be cut off."""
LONGEST = 300
"""Characters of a line that are kept."""
PATIENCE = timedelta(seconds=5)
"""For one container: a node that does not answer takes the API server half a minute."""
MANY_RESTARTS = 5
USER = "run"
"""The container of user code in an execution; the others are Domino's (compute grid, 4.4)."""

# Colours and titles of a terminal, then what is not printed: secrets must not hide behind either.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b.?|\x9b[0-?]*[@-~]"
)
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


Asked = TypeVar("Asked", LogTail, LogCount)


@dataclass(frozen=True)
class Logs:
    """A collector: one target for each namespace that the profile opens."""

    what: str = (
        "The last lines of containers that fail, in the namespaces that the profile opens; without what "
        "looks like a secret or a person."
    )
    opt_in: str = "clusters[].logs"
    """The profile's key without which nobody looks."""
    rights: tuple[Right, ...] = (Right("pods/log", "get", opt_in="logs"),)

    def __call__(self, look: Look) -> list[Target[LogTail]]:
        """One target a namespace in which a container has failed.

        Raises:
            NothingToLookAtError: no namespace is opened, or nothing fails there.
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
        pods = look.facts["pods"].objects
        chosen: dict[tuple[str, str], list[tuple[Pod, str, bool]]] = {}
        for each in _few(pod for pod in pods if (pod.cluster, pod.metadata.namespace) in opened):
            chosen.setdefault((each[0].cluster, each[0].metadata.namespace), []).append(each)
        if not chosen:
            raise NothingToLookAtError("no container has failed whose log could be read")
        return [_target(look, opened[key], key[1], few) for key, few in chosen.items()]


container_logs = Logs()


def _few(pods: Iterator[Pod]) -> list[tuple[Pod, str, bool]]:
    """Which containers to ask for, and whether of their run before: all subjects once, before any twice."""
    seen: Counter[tuple[Ref, str]] = Counter()
    ranked: list[tuple[int, int, tuple[Pod, str, bool]]] = []
    for pod in sorted(
        pods, key=lambda pod: (pod.finished, pod.cluster, pod.metadata.namespace, pod.metadata.name)
    ):
        for container, previous in _failing(pod):
            rank = seen[pod.subject, container]
            if rank < OF_A_SUBJECT:
                ranked.append((rank, len(ranked), (pod, container, previous)))
            seen[pod.subject, container] += 1
    return [each for _, _, each in sorted(ranked, key=lambda each: each[:2])[:MOST]]


def _failing(pod: Pod) -> list[tuple[str, bool]]:
    """Its containers that have ended in a bad way, and whether they run again.

    Of an execution that failed without any of these: Domino's own, of which one may know why.
    """
    if pod.metadata.deletion_timestamp or pod.status.phase == "Succeeded":
        return []
    failing = list(_ended_badly(pod))
    if failing or not pod.execution or pod.status.phase != "Failed" or pod.status.reason:
        return failing
    return [
        (status.name, False) for status in pod.statuses if status.name != USER and status.state.terminated
    ]


def _ended_badly(pod: Pod) -> Iterator[tuple[str, bool]]:
    for status in pod.statuses:
        ended, before, waits = status.state.terminated, status.last_state.terminated, status.state.waiting
        if ended:
            if ended.exit_code:
                yield status.name, False
        elif before and (
            (waits and waits.reason == "CrashLoopBackOff")
            or before.reason == "OOMKilled"
            or status.restart_count >= MANY_RESTARTS
        ):
            yield status.name, True


def _target(
    look: Look, cluster: Cluster, namespace: str, few: list[tuple[Pod, str, bool]]
) -> Target[LogTail]:
    pods = ",".join(sorted({pod.metadata.name for pod, _, _ in few}))
    path = f"/api/v1/namespaces/{namespace}/pods/{{{pods}}}/log?tailLines={LINES}&limitBytes={BYTES}"
    work = partial(_look, look, cluster, few)
    return Target(f"{cluster.name}/{namespace}", how(look, cluster, path), cluster.deadline, work, NEEDS)


def _look(
    look: Look,
    cluster: Cluster,
    few: list[tuple[Pod, str, bool]],
    deadline: Deadline,
    say: Callable[[str], None],
) -> list[LogTail]:
    connection = connect(look, cluster, deadline, say)
    asked = [
        (
            pod.spec.node_name,
            LogTail(cluster.name, pod.metadata.namespace, pod.metadata.name, container, previous),
        )
        for pod, container, previous in few
    ]
    return read_each(asked, partial(_read, connection, deadline=deadline), deadline, say)


def read_each(
    few: Sequence[tuple[str, Asked]],
    read: Callable[[Asked], Asked | None],
    deadline: Deadline,
    say: Callable[[str], None],
) -> list[Asked]:
    """What ``read`` makes of each, one after the other. A node that does not answer is asked once.

    Args:
        few: the node of each, and what is to be read.
        read: gives None where there is nothing to see.
        deadline: for all of them.
        say: is told how far it has come.

    Raises:
        CollectionError: reading is denied; or the time is up, with what was read before.
    """
    found: list[Asked] = []
    silent: dict[str, str] = {}
    for number, (node, asked) in enumerate(few):
        say(f"{number} of {len(few)}")
        if not deadline.seconds_left:
            late = deadline.passed()
            raise CollectionError(
                f"{late.reason}; {number} of {len(few)} read", late.cure, Outcome.TRUNCATED, found
            )
        if node not in silent:
            try:
                if (seen := read(asked)) is not None:
                    found.append(seen)
                continue
            except CollectionError as error:
                if error.outcome is Outcome.DENIED:
                    raise
                silent[node] = shorten(hide(clean(error.reason)), LONGEST)
        found.append(msgspec.structs.replace(asked, problem=silent[node]))
    return found


def patience(most: timedelta, deadline: Deadline) -> Deadline:
    """For one container: as long as it may take, and no longer than is left for all."""
    return Deadline(min(most, timedelta(seconds=deadline.remaining())))


def _read(connection: Connection, asked: LogTail, deadline: Deadline) -> LogTail | None:
    """What is kept of one log; None where there is none to see."""
    body = b""
    cut = False
    for lines in (LINES, 1):  # the last line is what matters, and was cut off if the others were that long
        query = {"container": asked.container, "tailLines": lines, "limitBytes": BYTES}
        if asked.previous:
            query["previous"] = "true"
        path = f"/api/v1/namespaces/{asked.namespace}/pods/{asked.pod}/log?{urlencode(query)}"
        answer = connection.log(path, patience(PATIENCE, deadline))
        if answer is None:
            return None
        body = answer
        if len(body) < BYTES:
            break
        cut = True
    kept, shortened = last_words(body)
    return msgspec.structs.replace(asked, lines=kept, cut=cut or shortened)


def without_escapes(text: str) -> str:
    """``text`` without a terminal's colours and titles."""
    return _ESCAPES.sub("", text)


def last_words(body: bytes, longest: int = LONGEST) -> tuple[tuple[str, ...], bool]:
    """The lines of a log as they may be kept, and whether any of them was shortened."""
    text = _UNSEEN.sub("", without_escapes(body.decode(errors="replace")))
    kept, shortened = [], False
    for line in hide(text).splitlines():
        short = clean(line.replace("\t", " ")).strip()
        shortened |= len(short) > longest
        if short:
            kept.append(short if len(short) <= longest else f"{short[:longest]}…")
    return tuple(kept[-LINES:]), shortened or len(kept) > LINES
