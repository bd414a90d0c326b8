"""What changed since the run before: new, gone, and ended otherwise; only what was looked at both times."""

from typing import Any

import pytest

from domino_health.facts.observed import Observed, Outcome
from domino_health.facts.previous import PreviousFinding, PreviousRun
from domino_health.reports.changes import Changed, changes, since_previous
from domino_health.results import Result, State
from domino_health.rules import Waived
from domino_health.vocabulary import Finding, Severity, Unseen
from report_samples import a_finding, a_record, a_ref, a_result, a_seen, a_waiver, previous, seen_before

OLD, NEW = "prod-1: deployment/domino-platform/old", "prod-1: deployment/domino-platform/new"


def of(name: str, message: str = "2 of 3 replicas") -> Finding:
    return a_finding(message, subject=a_ref(name))


def then(
    *subjects: str, state: str = "failed", waived: bool = False, blind: tuple[str, ...] = ()
) -> PreviousRun:
    found = (PreviousFinding("SCHED-001", subject, "high", waived) for subject in subjects)
    return previous(*found, states={"SCHED-001": state}, blind=blind)


def failed(*findings: Finding, **more: Any) -> Result:
    return a_result(state=State.FAILED, findings=findings, **more)


def compared(before: PreviousRun, result: Result) -> tuple[list[str], list[str]]:
    """Names of the new findings, and subjects of those that are gone."""
    found = changes(before, [result])
    return [finding.subject.name for _, finding in found.new], [old.subject for old in found.gone]


def test_a_finding_is_new_or_gone_by_its_subject_whatever_it_says() -> None:
    assert compared(then(OLD, "x"), failed(of("old", "worse than before"), of("new"))) == (["new"], ["x"])


def test_the_same_findings_are_no_change() -> None:
    found = changes(then(OLD), [failed(of("old"))])

    assert found.none
    assert found.partly == ()


@pytest.mark.parametrize("waived_then", [True, False])
def test_a_finding_that_is_waived_or_counts_again_is_neither_new_nor_gone(waived_then: bool) -> None:
    waived = a_result(state=State.WAIVED, waived=(Waived(of("old"), a_waiver()),))

    assert compared(then(OLD, waived=waived_then), waived) == ([], [])
    assert compared(then(OLD, waived=waived_then), failed(of("old"))) == ([], [])


def test_a_finding_that_is_waived_from_its_first_day_is_not_new() -> None:
    waived = a_result(state=State.WAIVED, waived=(Waived(of("new"), a_waiver()),))

    assert compared(then(state="passed"), waived) == ([], [])


@pytest.mark.parametrize("state", ["unknown", "skipped"])
def test_a_check_that_was_not_judged_before_has_nothing_new(state: str) -> None:
    found = changes(then(state=state), [failed(of("new"))])

    assert (found.new, found.gone) == ((), ())
    assert found.states == (Changed("SCHED-001", state, State.FAILED),)


@pytest.mark.parametrize("state", [State.UNKNOWN, State.SKIPPED])
def test_of_a_check_that_is_not_judged_now_nothing_is_gone(state: State) -> None:
    assert compared(then(OLD), a_result(state=state)) == ([], [])


def test_a_check_that_one_of_the_runs_did_not_have_is_not_compared() -> None:
    other = previous(PreviousFinding("CAP-001", OLD, "high"), states={"CAP-001": "failed"})

    found = changes(other, [failed(of("new"))])

    assert found.none


def test_what_could_not_be_seen_is_not_gone_and_is_said() -> None:
    blind = failed(of("new"), unseen=(Unseen("prod-2", "refused", "start it"),))

    assert compared(then(OLD), blind) == (["new"], [])
    assert changes(then(OLD), [blind]).partly == ("SCHED-001",)


def test_what_could_not_be_seen_before_is_not_new_and_is_said() -> None:
    before = then(OLD, blind=("SCHED-001",))

    assert compared(before, failed(of("new"))) == ([], [OLD])
    assert changes(before, [failed(of("new"))]).partly == ("SCHED-001",)


def test_the_same_subject_of_another_check_is_new() -> None:
    before = previous(
        PreviousFinding("CAP-001", OLD, "high"), states={"SCHED-001": "passed", "CAP-001": "failed"}
    )
    results = [failed(of("old")), a_result("CAP-001", State.FAILED, findings=(of("old"),))]

    assert [(id, each.subject.name) for id, each in changes(before, results).new] == [("SCHED-001", "old")]


def test_without_a_run_before_there_is_nothing_to_tell() -> None:
    absent = {"previous": Observed("previous", (), "there is no earlier run of this profile")}

    assert since_previous(a_record(a_result(), observed=absent)) == (None, "")
    assert since_previous(a_record(a_result())) == (None, "")


def test_a_run_before_that_cannot_be_read_says_why() -> None:
    dead = a_seen("latest", Outcome.FAILED, reason="not JSON")

    observed = {"previous": Observed("previous", (dead,))}

    assert since_previous(a_record(a_result(), observed=observed)) == (None, "not JSON")


def test_the_run_before_is_found_among_the_facts() -> None:
    before = previous(states={"SCHED-001": "passed"})
    worse = a_result(state=State.WARNED, findings=(a_finding(severity=Severity.LOW),))

    found, why_not = since_previous(a_record(worse, observed=seen_before(before)))

    assert why_not == ""
    assert found is not None
    assert found.before == before
    assert [id for id, _ in found.new] == ["SCHED-001"]


def test_a_run_before_with_none_of_these_checks_is_not_compared() -> None:
    other = previous(states={"CAP-001": "passed"})

    told = since_previous(a_record(a_result("SCHED-001"), observed=seen_before(other)))

    assert told == (None, "it had none of these checks")
