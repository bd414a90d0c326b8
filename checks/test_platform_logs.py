"""Domino itself: do the logs of its services tell of a known fault?"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domino_health import (
    Assessment,
    Attachment,
    Finding,
    KnownFault,
    LogCount,
    Ref,
    Severity,
    Unseen,
    age,
    check,
    size,
)

EXAMPLES = 3


@dataclass
class Read:
    """A workload of which a log was read."""

    logs: list[LogCount] = field(default_factory=list)

    @property
    def first(self) -> LogCount:
        """One of its containers, for what is the same of all."""
        return self.logs[0]

    def faults(self, now: datetime) -> dict[str, list[tuple[LogCount, KnownFault]]]:
        """By signature: what counts, and where it stands."""
        found: dict[str, list[tuple[LogCount, KnownFault]]] = defaultdict(list)
        for log in self.logs:
            young = log.started_at is not None and now - log.started_at < timedelta(seconds=log.seconds)
            for fault in log.faults:
                if not (young and fault.usual_at_start):
                    found[fault.id].append((log, fault))
        return found


@check("DOM-004", severity=Severity.MEDIUM)
def test_logs_tell_of_no_known_fault(
    log_counts: list[LogCount], now: datetime, *, allowed_lines: int = 5
) -> Assessment:
    """The logs of Domino's services, of what runs beside them and of models tell of no known fault.

    Services log to stdout, and most that ends in a bad evening is written there first: no memory left, a
    certificate that has expired, a database that takes no more connections. Looked for are the words that the
    software itself writes, from a list that comes with the suite (its runbook has them all) and the profile's
    own (section logs), in the last 15 minutes, of at most 3 pods of a workload and 1 MiB of a pod. Searched
    is every Deployment, StatefulSet and DaemonSet of a namespace that the profile opens, and nothing that
    users run but models. Where more was written the newest lines are read, and a count is "at least". Lines
    that say themselves that they are information are not counted; nor is what healthy software says while it
    starts, in a container that is younger than that.

    Reading is opt-in, namespace by namespace (clusters[].logs): a log may hold what users write. Of a log
    counts are kept, and one line for each fault, without what looks like a secret or a person.

    Thresholds: ours; Domino publishes none. More than ``allowed_lines`` lines are a finding: one each 3
    minutes is a client that tries again and gets through, more is one that does not. For some faults (no
    memory, a full disk) a single one counts. Connections that are refused, and requests that are put off, are
    low: most clients try again.

    Remediation: see the line that is quoted, and the runbook's section of that name for causes and cures.
    What is no fault here goes into ignore of the profile's section logs.
    """
    read: dict[Ref, Read] = defaultdict(Read)
    for log in log_counts:
        if not log.problem:
            read[log.ref].logs.append(log)
    counted = {ref: each.faults(now) for ref, each in read.items()}
    findings = [
        _finding(ref, faults)
        for ref, by_id in counted.items()
        for faults in by_id.values()
        if _lines(faults) > _allowed(faults[0][1], allowed_lines)
    ]
    window = age(timedelta(seconds=max((log.seconds for log in log_counts), default=0)))
    lines = sum(_lines(faults) for by_id in counted.values() for faults in by_id.values())
    return Assessment(
        list(read),
        findings,
        unseen=_unread([log for log in log_counts if log.problem and log.ref not in read]),
        window=f"logs of the last {window}" if log_counts else "",
        worst=f"{_count(lines, 'line')} of known faults" if read else "",
        attachments=[_table(read, counted)] if read else [],
    )


def _allowed(fault: KnownFault, usual: int) -> int:
    return usual if fault.allowed is None else fault.allowed


def _lines(faults: Sequence[tuple[LogCount, KnownFault]]) -> int:
    return sum(fault.lines for _, fault in faults)


def _finding(ref: Ref, faults: Sequence[tuple[LogCount, KnownFault]]) -> Finding:
    log, fault = faults[0]
    lines = _lines(faults)
    least = "at least " if any(each.cut for each, _ in faults) else ""
    pods = sorted({Ref(each.cluster, "pod", each.namespace, each.pod) for each, _ in faults})
    said = next((each.sample for _, each in faults if each.sample), "")
    quoted = f' For example, {log.container} of {log.pod}: "{said}".' if said else ""
    remedy = f" {fault.remedy[:1].upper()}{fault.remedy[1:]}." if fault.remedy else ""
    return Finding(
        ref,
        f"{log.title}: {least}{_count(lines, 'line')} in the last {age(timedelta(seconds=log.seconds))}, of "
        f"{_count(len(pods), 'pod')}: {fault.cause} ({fault.id}).{quoted}{remedy}",
        Severity(fault.severity),
        count=lines,
        examples=tuple(pods[:EXAMPLES]),
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def _unread(logs: Sequence[LogCount]) -> Iterator[Unseen]:
    """One for each reason in a cluster, whoever it befalls."""
    reasons: dict[tuple[str, str], list[Ref]] = defaultdict(list)
    for log in logs:
        reasons[log.cluster, log.problem].append(log.ref)
    for (cluster, reason), refs in reasons.items():
        distinct = sorted(set(refs))
        more = f" and {len(distinct) - EXAMPLES} more" if len(distinct) > EXAMPLES else ""
        yield Unseen(
            f"{cluster}: logs of {', '.join(map(str, distinct[:EXAMPLES]))}{more}",
            reason,
            "see whether the node's kubelet answers (kubectl logs); for more pods than a run reads, open "
            "namespaces by profiles of their own",
        )


def _table(
    read: dict[Ref, Read], counted: dict[Ref, dict[str, list[tuple[LogCount, KnownFault]]]]
) -> Attachment:
    rows = [
        (
            each.first.title,
            ref.text(with_cluster=True),
            len({log.pod for log in each.logs}),
            size(sum(log.read for log in each.logs)) + (", cut" if any(log.cut for log in each.logs) else ""),
            ", ".join(f"{id} {_lines(faults)}" for id, faults in sorted(counted[ref].items())) or "none",
        )
        for ref, each in sorted(read.items())
    ]
    return Attachment.table("Known faults in logs", ("service", "workload", "pods", "read", "lines"), rows)
