"""From the results of all checks to one verdict. Pure: no pytest, no clock, no files."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from domino_health.results import ASSESSED, Result, State
from domino_health.rules import Gate
from domino_health.vocabulary import Severity, area_of

OPEN, CLOSED, INTERRUPTED, INTERNAL_ERROR, USAGE, NOTHING_SELECTED, NOT_KNOWN = range(7)
"""Exit statuses. 0 to 5 are pytest's own and keep their meaning; 6 is closed only for not knowing."""


@dataclass(frozen=True)
class Verdict:
    """May we go on, and why not."""

    gate: str
    closes_at: Severity
    open: bool
    exit_status: int
    reasons: tuple[str, ...]
    """Why it is closed; empty when it is open."""
    known: int
    """How many checks there are."""
    selected: int
    """How many of them this run was asked for."""
    assessed: int
    """How many saw all they asked for and judged it: what the verdict rests on."""
    states: Mapping[str, int]
    """How many checks ended in each state."""

    @property
    def word(self) -> str:
        """``open`` or ``closed``."""
        return "open" if self.open else "closed"

    @property
    def rests_on(self) -> str:
        """What the verdict speaks for."""
        return f"rests on {self.assessed} of {self.known} checks"


def decide(
    results: Sequence[Result],
    *,
    selected: Collection[str],
    known: Collection[str],
    gate: Gate,
    broken: Sequence[str] = (),
    pytest_status: int = OPEN,
) -> Verdict:
    """One verdict. A gate never opens by accident: what left no result closes it.

    Args:
        results: one for each check that ran.
        selected: ids of the checks that should have run.
        known: ids of all checks there are.
        gate: what closes it.
        broken: what else went wrong (modules that could not be collected), a line each.
        pytest_status: the exit status that pytest came to. 2, 3, 4 and 5 stand.
    """
    unhealthy = [_reason(result) for result in results if result.state is State.FAILED]
    blind = [_blind(result, gate) for result in results if result.closes and result.state is not State.FAILED]
    missing = sorted(set(selected) - {result.id for result in results})
    blind += [f"{id} left no result" for id in missing]
    blind += broken
    blind += _wanting(results, set(selected), known, gate)
    assessed = sum(map(_assessed, results))
    if not assessed and not unhealthy:
        blind.append("no check assessed anything")

    if pytest_status in (INTERRUPTED, INTERNAL_ERROR, USAGE, NOTHING_SELECTED):
        status = pytest_status
        stopped = {
            INTERRUPTED: "the run was interrupted",
            INTERNAL_ERROR: "an internal error ended the run",
            USAGE: "the run was not set up properly",
            NOTHING_SELECTED: "no check was selected",
        }
        blind.insert(0, stopped[status])
    else:
        if pytest_status == CLOSED and not unhealthy and not blind:
            blind.append("pytest counted a failure that no check accounts for")
        elif pytest_status not in (OPEN, CLOSED):
            blind.append(f"pytest ended with status {pytest_status}")
        status = CLOSED if unhealthy else NOT_KNOWN if blind else OPEN
    return Verdict(
        gate=gate.name,
        closes_at=gate.closes_at,
        open=status == OPEN,
        exit_status=status,
        reasons=(*unhealthy, *blind),
        known=len(known),
        selected=len(selected),
        assessed=assessed,
        states=Counter(result.state.value for result in results),
    )


def close(verdict: Verdict, status: int, reasons: Sequence[str]) -> Verdict:
    """The verdict after what went wrong when it stood already: a report that could not be written, say."""
    return replace(verdict, open=False, exit_status=status, reasons=(*verdict.reasons, *reasons))


def _reason(result: Result) -> str:
    return f"{result.id} {result.state.value}: {result.reason}"


def _blind(result: Result, gate: Gate) -> str:
    """Why what is no failure closes it. A skip closes nothing, but where the gate requires the check."""
    required = f"; gate {gate.name} requires it" if result.state is State.SKIPPED else ""
    return f"{_reason(result)}{required}"


def _assessed(result: Result) -> bool:
    return result.state in ASSESSED and result.population > 0


def _wanting(
    results: Sequence[Result], selected: Collection[str], known: Collection[str], gate: Gate
) -> Iterator[str]:
    """What the gate requires and no reason speaks of yet: checks and areas that did not assess."""
    by_id = {result.id: result for result in results}
    areas = {area_of(id) for id in known}
    for wanted in gate.requires:
        area = [result for result in results if result.area == wanted]
        if "-" in wanted and wanted not in by_id:
            if wanted not in selected:
                why = "was not selected" if wanted in known else "there is no such check in this version"
                yield f"{wanted} is required by gate {gate.name}, and {why}"
        elif "-" in wanted:
            if not (_assessed(by_id[wanted]) or by_id[wanted].closes):
                yield f"{wanted} is required by gate {gate.name}, and did not assess: {by_id[wanted].reason}"
        elif not any(_assessed(result) or result.closes for result in area):
            if wanted not in areas:
                why = "this version has no check of it"
            else:
                why = "none of its checks assessed anything" if area else "none of its checks was selected"
            yield f"area {wanted} is required by gate {gate.name}, and {why}"
