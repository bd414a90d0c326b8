"""A result and a verdict in plain lines: for the terminal, and for JUnit's system-out."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from domino_health.gate import Verdict
from domino_health.results import Result, State
from domino_health.vocabulary import Finding, Unseen

MOST_LINES = 50
"""Findings shown in text. All of them are in findings.json and in the page."""
MOST_JUDGED = 20
"""Checks that close nothing, a line each. All of them are in the page."""


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
    for unseen in result.unseen[:MOST_LINES]:
        lines += _unseen(unseen)
    if result.findings:
        lines.append(f"  Remediation: {plain(result.remediation)}")
        lines += [f"  Runbook: {result.runbook}"] if result.runbook else []
    return lines


def _finding(finding: Finding, many_clusters: bool) -> list[str]:
    lines = [f"  {finding.severity}: {finding.subject.text(with_cluster=many_clusters)}: {finding.message}"]
    if finding.examples and finding.examples != (finding.subject,):
        shown = ", ".join(str(example) for example in finding.examples)
        more = (
            f" and {finding.count - len(finding.examples)} more"
            if finding.count > len(finding.examples)
            else ""
        )
        lines.append(f"    {shown}{more}")
    return lines


def _unseen(unseen: Unseen) -> list[str]:
    fact = f"{unseen.fact} of " if unseen.fact else ""
    return [
        f"  could not look at {fact}{unseen.target} ({unseen.outcome}): {unseen.reason}",
        f"    cure: {unseen.cure}",
    ]


def verdict_lines(verdict: Verdict, results: Sequence[Result], report: Path | None) -> list[str]:
    """The last lines of a run: what closes the gate, what else was judged, and the verdict.

    Args:
        verdict: of the run.
        results: what closes first.
        report: the page to read on, if there is one.
    """
    judged = [result for result in results if not result.closes and result.state is not State.SKIPPED]
    lines = [f"  {reason}" for reason in verdict.reasons]
    lines += [f"  {_judged(result)}" for result in judged[:MOST_JUDGED]]
    if len(judged) > MOST_JUDGED:
        lines.append(f"  … and {len(judged) - MOST_JUDGED} more checks that close nothing")
    lines += [f"  {line}" for line in _skipped(results)]
    where = f"; report: {report}" if report else "; no report"
    last = (
        f"gate {verdict.gate} {verdict.word.upper()} (exit {verdict.exit_status}), {verdict.rests_on}{where}"
    )
    return [*lines, last]


def _judged(result: Result) -> str:
    worst = f"; {result.worst}" if result.worst else ""
    return f"{result.id} {result.state.value}: {result.reason}{worst}"


def _skipped(results: Sequence[Result]) -> Iterator[str]:
    """What did not assess anything, a line for each reason: many checks share an absent section."""
    ids: dict[str, list[str]] = {}
    for result in results:
        if result.state is State.SKIPPED:
            ids.setdefault(result.reason, []).append(result.id)
    for reason, skipped in ids.items():
        yield f"{', '.join(skipped)} skipped: {reason}"
