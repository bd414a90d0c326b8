"""A result and a verdict in plain lines: for the terminal, and for JUnit's system-out."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from domino_health.gate import Verdict
from domino_health.reports.changes import since_previous
from domino_health.reports.missing import Missing
from domino_health.reports.record import Record, Replay
from domino_health.reports.waivers import on_whose_word, summary
from domino_health.results import Result, State
from domino_health.rules import Waived
from domino_health.vocabulary import Finding, Unseen, clean

MOST_LINES = 50
"""Findings shown in text. All of them are in findings.json and in the page."""
MOST_JUDGED = 20
"""Checks that close nothing, a line each. All of them are in the page."""
MOST_CHANGED = 5
"""Checks whose state changed, in one line."""


def plain(docstring: str) -> str:
    """A docstring's sentence without its markup: ``max_wait`` in double backticks as max_wait."""
    return docstring.replace("``", "")


def finding_lines(result: Result, many_clusters: bool) -> list[str]:
    """A result: what it is, what was found, what could not be seen, what to do."""
    lines = [
        f"{result.id} {result.state.value}: {result.reason}",
        f"  {plain(result.title)}",
        f"  check={result.id} severity={result.severity} area={result.area} population={result.population}",
    ]
    if result.worst:
        lines.append(f"  worst: {result.worst}")
    if result.window:
        lines.append(f"  window: {result.window}")
    for finding in result.findings[:MOST_LINES]:
        lines += _finding(finding, many_clusters)
    if len(result.findings) > MOST_LINES:
        lines.append(f"  … and {len(result.findings) - MOST_LINES} more findings, see findings.json")
    for waived in result.waived[:MOST_LINES]:
        lines += _waived(waived, many_clusters)
    if len(result.waived) > MOST_LINES:
        lines.append(f"  … and {len(result.waived) - MOST_LINES} more waived findings, see findings.json")
    for unseen in result.unseen[:MOST_LINES]:
        lines += _unseen(unseen)
    if result.findings:
        lines.append(f"  Remediation: {plain(result.remediation)}")
        lines += [f"  Runbook: {result.runbook}"] if result.runbook else []
        lines += [f"  Notes of your own: knowledge/{result.notes}, beside the report"] if result.notes else []
    return _indented(lines)


def _indented(lines: Sequence[str]) -> list[str]:
    """What a platform said may be of many lines: none of them must look like one of ours, a verdict say."""
    return [line.replace("\n", "\n      ") for line in lines]


def _finding(finding: Finding, many_clusters: bool, before: str = "") -> list[str]:
    lines = [
        f"  {before}{finding.severity}: {finding.subject.text(with_cluster=many_clusters)}: {finding.message}"
    ]
    if finding.examples and finding.examples != (finding.subject,):
        shown = ", ".join(str(example) for example in finding.examples)
        more = (
            f" and {finding.count - len(finding.examples)} more"
            if finding.count > len(finding.examples)
            else ""
        )
        lines.append(f"    {shown}{more}")
    return lines


def _waived(waived: Waived, many_clusters: bool) -> list[str]:
    waiver = waived.waiver
    return [
        *_finding(waived.finding, many_clusters, "waived "),
        f"    {' '.join(waiver.reason.split())} ({on_whose_word(waiver)}; {waiver.owner} sees to it)",
    ]


def _unseen(unseen: Unseen) -> list[str]:
    fact = f"{unseen.fact} of " if unseen.fact else ""
    return [
        f"  could not look at {fact}{unseen.target} ({unseen.outcome}): {unseen.reason}",
        f"    cure: {unseen.cure}",
    ]


def verdict_lines(record: Record, report: Path | None) -> list[str]:
    """The last lines of a run: what closes the gate, what else was judged, and the verdict.

    Args:
        record: of the run.
        report: the page to read on, if there is one.
    """
    verdict, results = record.verdict, record.results
    judged = [result for result in results if not result.closes and result.state is not State.SKIPPED]
    lines = [f"  {reason}" for reason in verdict.reasons]
    lines += [f"  {_judged(result)}" for result in judged[:MOST_JUDGED]]
    if len(judged) > MOST_JUDGED:
        lines.append(f"  … and {len(judged) - MOST_JUDGED} more checks that close nothing")
    lines += [f"  {line}" for line in _skipped(results)]
    waivers = f"waivers: {summary(record.ledger)}" if record.ledger else ""
    for line in (waivers, _since(record), _replayed(record)):
        fit = " ".join(clean(record.redactor.scrub(line)).split())
        lines += [f"  {fit}"] if fit else []
    for lacking in record.missing_rights:
        lines += _missing(lacking)
    where = f"; report: {report}" if report else "; no report"
    last = (
        f"gate {verdict.gate} {verdict.word.upper()} (exit {verdict.exit_status}), {verdict.rests_on}{where}"
    )
    return _indented([*lines, last])


def _missing(missing: Missing) -> Iterator[str]:
    """Rules that can be copied as they are: YAML allows a list any indentation."""
    yield f"  rights that are missing: {missing.where}"
    yield from (f"    {line}" for line in missing.block.splitlines())


def _judged(result: Result) -> str:
    worst = f"; {result.worst}" if result.worst else ""
    return f"{result.id} {result.state.value}: {result.reason}{worst}"


def _skipped(results: Sequence[Result]) -> Iterator[str]:
    """What did not assess anything, a line for each reason: many checks share an absent section.

    One that closes the gate, which requires it, stands among the reasons.
    """
    ids: dict[str, list[str]] = {}
    for result in results:
        if result.state is State.SKIPPED and not result.closes:
            ids.setdefault(result.reason, []).append(result.id)
    for reason, skipped in ids.items():
        yield f"{', '.join(skipped)} skipped: {reason}"


def _since(record: Record) -> str:
    """What changed since the run before, in one line; nothing where there was none."""
    changes, why_not = since_previous(record)
    if changes is None:
        return f"not compared with the run before: {why_not}" if why_not else ""
    states = [f"{each.id} {each.before} → {each.now.value}" for each in changes.states]
    more = f" and {len(states) - MOST_CHANGED} more" if len(states) > MOST_CHANGED else ""
    parts = [
        f"{len(changes.new):,} new" if changes.new else "",
        f"{len(changes.gone):,} gone" if changes.gone else "",
        ", ".join(states[:MOST_CHANGED]) + more,
    ]
    changed = ", ".join(part for part in parts if part) or "nothing changed"
    if changes.compared < changes.of:
        changed += f" ({changes.compared} of {changes.of} checks were in it)"
    return f"since the run of {changes.before.began:%Y-%m-%d %H:%M} UTC: {changed}"


def _replayed(record: Record) -> str:
    """Of which run the facts are, and whether the verdict is another one now."""
    if record.replay is None:
        return ""
    replay = record.replay
    return f"replay of {replay.of}, judged by the profile {replay.profile}; {differs(replay, record.verdict)}"


def differs(replay: Replay, verdict: Verdict) -> str:
    """How the verdict stands to the one that was recorded."""
    before, now = replay.recorded_exit_status, verdict.exit_status
    if before == now:
        return f"it came to exit status {now}, as recorded"
    return f"ANOTHER VERDICT: exit status {before} was recorded, {now} is what it comes to now"
