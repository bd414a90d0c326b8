"""The last lines of a run: what closes the gate, what else was judged, what was not, and the verdict."""

from pathlib import Path

from domino_health.gate import decide
from domino_health.reports.text import MOST_JUDGED, verdict_lines
from domino_health.results import Result, State
from domino_health.rules import Gate
from report_samples import a_result

REPORT = Path("reports/prod/2026-11-25T150000Z/report.html")
NO_TLS = "the profile has no section tls"


def last_lines(*results: Result) -> list[str]:
    verdict = decide(results, selected=[result.id for result in results], known=len(results), gate=Gate())
    return verdict_lines(verdict, results, REPORT)


def test_the_verdict_comes_last_with_its_report() -> None:
    assert (
        last_lines(a_result())[-1] == f"gate default OPEN (exit 0), rests on 1 of 1 checks; report: {REPORT}"
    )


def test_checks_that_skip_for_one_reason_share_a_line() -> None:
    lines = last_lines(
        a_result(),
        a_result("IDP-001", State.SKIPPED, reason=NO_TLS),
        a_result("CAP-001", State.SKIPPED, reason="nothing to assess"),
        a_result("IDP-002", State.SKIPPED, reason=NO_TLS),
    )

    assert lines[-3:-1] == [f"  IDP-001, IDP-002 skipped: {NO_TLS}", "  CAP-001 skipped: nothing to assess"]


def test_many_checks_that_close_nothing_are_bounded_and_counted() -> None:
    passed = [a_result(f"CAP-{number:03}", reason="1 assessed") for number in range(MOST_JUDGED + 2)]

    lines = last_lines(*passed)

    assert len(lines) == MOST_JUDGED + 2
    assert lines[-2] == "  … and 2 more checks that close nothing"
