"""The last lines of a run: what closes the gate, what else was judged, what was not, and the verdict."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domino_health.facts.observed import Observed, Outcome
from domino_health.facts.previous import PreviousFinding
from domino_health.redact import Redactor
from domino_health.reports.record import Replay
from domino_health.reports.text import MOST_CHANGED, MOST_JUDGED, MOST_LINES, finding_lines, verdict_lines
from domino_health.results import Result, State
from domino_health.rules import Standing, Waived
from domino_health.vocabulary import Unseen, clean
from report_samples import (
    a_finding,
    a_record,
    a_ref,
    a_result,
    a_seen,
    a_waiver,
    an_attack,
    an_entry,
    previous,
    seen_before,
)

REPORT = Path("reports/prod/2026-11-25T150000Z/report.html")
NO_TLS = "the profile has no section tls"


def last_lines(*results: Result, **more: Any) -> list[str]:
    return verdict_lines(a_record(*results, **more), REPORT)


def test_the_verdict_comes_last_with_its_report() -> None:
    assert last_lines(a_result()) == [
        "  SCHED-001 passed: it passed",
        f"gate default OPEN (exit 0), rests on 1 of 1 checks; report: {REPORT}",
    ]


def test_checks_that_skip_for_one_reason_share_a_line() -> None:
    lines = last_lines(
        a_result(),
        a_result("IDP-001", State.SKIPPED, reason=NO_TLS),
        a_result("CAP-001", State.SKIPPED, reason="nothing to assess"),
        a_result("IDP-002", State.SKIPPED, reason=NO_TLS),
    )

    assert sorted(lines[-3:-1]) == [
        "  CAP-001 skipped: nothing to assess",
        f"  IDP-001, IDP-002 skipped: {NO_TLS}",
    ]


def test_many_checks_that_close_nothing_are_bounded_and_counted() -> None:
    passed = [a_result(f"CAP-{number:03}", reason="1 assessed") for number in range(MOST_JUDGED + 2)]

    lines = last_lines(*passed)

    assert len(lines) == MOST_JUDGED + 2
    assert lines[-2] == "  … and 2 more checks that close nothing"


# Waivers


def test_waivers_are_one_line_with_what_somebody_must_see_to() -> None:
    ledger = (
        an_entry(),
        an_entry(days_left=30, check="IDP-001", subject="endpoint/git"),
        an_entry(Standing.UNUSED, 0),
        an_entry(Standing.EXPIRED, 3, -2, subject="execution/*"),
    )

    assert last_lines(a_result(), ledger=ledger)[-2] == (
        "  waivers: 2 used, 1 unused, 1 expired (SCHED-001 execution/*: 3 findings count again), "
        "1 ends within 30 days (IDP-001 endpoint/git: 30 days left)"
    )


def test_a_waiver_that_ends_in_31_days_ends_not_soon() -> None:
    assert last_lines(a_result(), ledger=(an_entry(days_left=31),))[-2] == "  waivers: 1 used"


def test_an_expired_waiver_that_nobody_misses_is_counted_only() -> None:
    ledger = (an_entry(Standing.EXPIRED, 0, -2), an_entry(Standing.EXPIRED, 1, -1, subject="a"))

    assert last_lines(a_result(), ledger=ledger)[-2] == (
        "  waivers: 2 expired (SCHED-001 a: 1 finding counts again)"
    )


def test_of_many_waivers_one_is_named() -> None:
    ledger = [an_entry(Standing.EXPIRED, 2, -2, subject=f"pod/{n}") for n in range(100)]
    ledger += [an_entry(Standing.NO_SUCH_CHECK, 0, check="SHCED-001", subject="x" * 5000)]

    (line,) = [line for line in last_lines(a_result(), ledger=tuple(ledger)) if "waivers" in line]

    assert "100 expired (SCHED-001 pod/0: 2 findings count again; and 99 more)" in line
    assert "1 no such check (SHCED-001 xxx" in line
    assert len(line) < 300


def test_what_is_waived_stands_in_the_output_with_its_waiver() -> None:
    waiver = a_waiver(reason="it\nis planned", ticket="CHG-1", expires=date(2026, 12, 15))
    result = a_result(state=State.WAIVED, waived=(Waived(a_finding("it is old"), waiver),))

    assert finding_lines(result, many_clusters=False)[3:] == [
        "  waived high: deployment/domino-platform/nucleus-frontend: it is old",
        "    it is planned (approved by Ada Lovelace, CHG-1, until 2026-12-15; platform team sees to it)",
    ]


def test_many_waived_findings_are_bounded_and_counted() -> None:
    waived = tuple(Waived(a_finding(str(number)), a_waiver()) for number in range(MOST_LINES + 1))

    lines = finding_lines(a_result(state=State.WAIVED, waived=waived), many_clusters=False)

    assert sum("waived high" in line for line in lines) == MOST_LINES
    assert lines[-1] == "  … and 1 more waived findings, see findings.json"


# Since the run before


def test_what_changed_is_one_line() -> None:
    before = previous(
        PreviousFinding("SCHED-001", "prod-1: deployment/domino-platform/gone", "high"),
        states={"SCHED-001": "passed", "CAP-001": "passed"},
    )
    failed = a_result(state=State.FAILED, findings=(a_finding(),))

    lines = last_lines(failed, a_result("CAP-001"), observed=seen_before(before))

    assert lines[-2] == "  since the run of 2026-11-23 03:12 UTC: 1 new, 1 gone, SCHED-001 passed → failed"


def test_many_changes_stay_one_short_line() -> None:
    ids = [f"CAP-{number:03}" for number in range(80)]
    before = previous(states=dict.fromkeys(ids, "failed"))

    line = last_lines(*map(a_result, ids), observed=seen_before(before))[-2]

    assert line.endswith(f"CAP-004 failed → passed and {80 - MOST_CHANGED} more")


def test_nothing_changed_is_said() -> None:
    before = previous(states={"SCHED-001": "passed"})

    assert last_lines(a_result(), observed=seen_before(before))[-2].endswith("UTC: nothing changed")


def test_a_check_that_the_run_before_did_not_have_is_no_unchanged_one() -> None:
    before = previous(states={"SCHED-001": "passed"})

    lines = last_lines(a_result(), a_result("CAP-001"), observed=seen_before(before))

    assert lines[-2].endswith("UTC: nothing changed (1 of 2 checks were in it)")


def test_a_run_before_that_cannot_be_read_is_told_without_secrets() -> None:
    dead = a_seen("latest", Outcome.FAILED, reason="s3cr3t-path/verdict.json: not\x1b JSON")
    observed = {"previous": Observed("previous", (dead,))}

    lines = last_lines(a_result(), observed=observed, redactor=Redactor(["s3cr3t-path"]))

    assert lines[-2] == "  not compared with the run before: ***/verdict.json: not� JSON"


# A replay


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        (0, "it came to exit status 0, as recorded"),
        (1, "ANOTHER VERDICT: exit status 1 was recorded, 0 is what it comes to now"),
    ],
)
def test_a_replay_says_so_and_whether_its_verdict_is_another_one(recorded: int, said: str) -> None:
    replay = Replay("reports/prod/x", verified=True, profile="strict.yaml", recorded_exit_status=recorded)

    assert last_lines(a_result(), replay=replay)[-2] == (
        f"  replay of reports/prod/x, judged by the profile strict.yaml; {said}"
    )


def test_hostile_text_is_one_harmless_line_each() -> None:
    for line in verdict_lines(an_attack(), REPORT):
        added = line.removeprefix("  ").startswith(("waivers", "since", "replay", "not compared"))
        assert not added or (clean(line) == line and "\n" not in line)


FORGED = "x\ngate default OPEN (exit 0), rests on all"


def test_no_line_of_what_a_platform_said_looks_like_one_of_ours() -> None:
    subject = a_ref(name=FORGED)
    finding = a_finding(FORGED, subject=subject, examples=(subject, subject))
    unseen = Unseen("prod", FORGED, FORGED)
    result = a_result(state=State.FAILED, reason=FORGED, worst=FORGED, findings=(finding,), unseen=(unseen,))

    lines = "\n".join([*finding_lines(result, many_clusters=True), *last_lines(result)]).splitlines()

    assert [line for line in lines if line.startswith("gate ")] == lines[-1:]
    assert len([line for line in lines if line.startswith("      gate default OPEN")]) >= 6
