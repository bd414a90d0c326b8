"""From what checks return to one verdict, and never to an open gate by accident."""

import itertools
from dataclasses import replace
from datetime import date

import pytest

from domino_health import Assessment, Finding, Ref, Severity, Unseen
from domino_health.gate import (
    CLOSED,
    INTERNAL_ERROR,
    INTERRUPTED,
    NOT_KNOWN,
    NOTHING_SELECTED,
    OPEN,
    USAGE,
    Verdict,
    decide,
)
from domino_health.results import ASSESSED, Result, State, describe, judge
from domino_health.rules import Gate, Rules
from domino_health.vocabulary import CheckSpec

GATE = Gate()
DAY = date(2026, 11, 25)
RULES = Rules(DAY)
KNOWN = [*(f"TST-{number:03}" for number in range(1, 37)), "SCHED-001", "SCHED-002", "UPG-001", "UPG-002"]
UNSEEN = Unseen("west", "connection refused", "bring it up", "failed", "pods")


def spec(id: str = "TST-001", severity: Severity = Severity.HIGH) -> CheckSpec:
    return CheckSpec(id, severity, "All is well.", "It matters.", "Mend it.", ("pods",), {})


def finding(severity: Severity | None = None, name: str = "a", message: str = "it is bent") -> Finding:
    return Finding(Ref("", "pod", "ns", name), message, severity)


def result(id: str = "TST-001", state: State = State.PASSED, *, closes: bool | None = None) -> Result:
    told = state is State.FAILED if closes is None else closes
    described = describe(spec(id), state, "because", closes=told)
    return replace(described, population=int(state in ASSESSED))


def verdict(*results: Result, **more: object) -> Verdict:
    given = {"selected": [each.id for each in results], "known": KNOWN, "gate": GATE, **more}
    return decide(results, **given)  # type: ignore[arg-type]


def test_findings_on_nothing_that_was_assessed_are_nothing_that_a_gate_can_rest_on() -> None:
    warned = judge(spec(), Assessment([], [finding(Severity.LOW)]), (), RULES)

    closed = decide([warned], selected=["TST-001"], known=["TST-001"], gate=GATE)

    assert (closed.open, closed.assessed) == (False, 0)


# The verdict


@pytest.mark.parametrize("state", [State.PASSED, State.WARNED, State.WAIVED])
def test_the_gate_opens_when_all_is_well(state: State) -> None:
    decided = verdict(result(state=state))

    assert decided.open
    assert decided.exit_status == OPEN
    assert decided.reasons == ()
    assert decided.word == "open"
    assert decided.rests_on == "rests on 1 of 40 checks"


def test_a_failure_closes_it() -> None:
    decided = verdict(result(state=State.FAILED), result("TST-002"))

    assert not decided.open
    assert decided.exit_status == CLOSED
    assert decided.reasons == ("TST-001 failed: because",)
    assert decided.states == {"failed": 1, "passed": 1}


def test_not_knowing_closes_it_with_a_status_of_its_own() -> None:
    decided = verdict(result(state=State.UNKNOWN, closes=True), result("TST-002"))

    assert decided.exit_status == NOT_KNOWN
    assert decided.reasons == ("TST-001 unknown: because",)
    assert decided.assessed == 1


def test_not_knowing_below_the_gate_does_not_close_it() -> None:
    assert verdict(result(state=State.UNKNOWN, closes=False), result("TST-002")).open


def test_unhealthy_goes_before_not_knowing_and_both_are_told() -> None:
    decided = verdict(
        result("TST-001", State.UNKNOWN, closes=True),
        result("TST-002", State.FAILED),
        selected=["TST-001", "TST-002", "TST-003"],
    )

    assert decided.exit_status == CLOSED
    assert decided.reasons == (
        "TST-002 failed: because",
        "TST-001 unknown: because",
        "TST-003 left no result",
    )


def test_a_selected_check_without_a_result_closes_it() -> None:
    decided = verdict(result(), selected=["TST-001", "TST-003", "TST-002"])

    assert decided.exit_status == NOT_KNOWN
    assert decided.reasons == ("TST-002 left no result", "TST-003 left no result")
    assert decided.selected == 3


def test_a_module_that_could_not_be_collected_closes_it() -> None:
    decided = verdict(result(), broken=["checks/test_x.py could not be collected"])

    assert decided.exit_status == NOT_KNOWN
    assert decided.reasons == ("checks/test_x.py could not be collected",)


@pytest.mark.parametrize("results", [(), (result(state=State.SKIPPED),)])
def test_when_no_check_assessed_anything_it_is_closed(results: tuple[Result, ...]) -> None:
    decided = verdict(*results)

    assert decided.exit_status == NOT_KNOWN
    assert decided.reasons == ("no check assessed anything",)
    assert decided.rests_on == "rests on 0 of 40 checks"


def test_only_blind_checks_below_the_gate_assess_nothing_either() -> None:
    assert verdict(result(state=State.UNKNOWN, closes=False)).exit_status == NOT_KNOWN


@pytest.mark.parametrize("status", [INTERRUPTED, INTERNAL_ERROR, USAGE, NOTHING_SELECTED])
@pytest.mark.parametrize("state", [State.PASSED, State.FAILED, State.UNKNOWN])
def test_pytests_own_statuses_go_before_ours_and_keep_the_gate_closed(status: int, state: State) -> None:
    decided = verdict(result(state=state, closes=state is not State.PASSED), pytest_status=status)

    assert not decided.open
    assert decided.exit_status == status
    assert any("run" in reason or "selected" in reason for reason in decided.reasons)


def test_pytests_one_is_no_verdict_of_its_own() -> None:
    # pytest counts an unknown check as a failure, and so it ends with 1; the gate tells the two apart.
    assert verdict(result(state=State.UNKNOWN, closes=True), pytest_status=1).exit_status == NOT_KNOWN
    assert verdict(result(state=State.FAILED), pytest_status=1).exit_status == CLOSED


def test_a_failure_that_only_pytest_knows_of_keeps_the_gate_closed() -> None:
    decided = verdict(result(), pytest_status=1)

    assert not decided.open
    assert decided.exit_status == NOT_KNOWN
    assert decided.reasons == ("pytest counted a failure that no check accounts for",)


@pytest.mark.parametrize("status", [6, 42, -15])
def test_a_status_that_nobody_knows_keeps_the_gate_closed(status: int) -> None:
    decided = verdict(result(), pytest_status=status)

    assert not decided.open
    assert decided.exit_status == NOT_KNOWN
    assert decided.reasons == (f"pytest ended with status {status}",)


def test_the_same_results_give_the_same_verdict() -> None:
    several = [result(), result("TST-002", State.FAILED), result("TST-003", State.UNKNOWN, closes=True)]

    assert verdict(*several) == verdict(*[replace(each) for each in several])


STATES = [
    (State.PASSED, False),
    (State.WARNED, False),
    (State.WAIVED, False),
    (State.SKIPPED, False),
    (State.UNKNOWN, False),
    (State.UNKNOWN, True),
    (State.FAILED, True),
]


@pytest.mark.parametrize("status", [0, 1, 2, 3, 4, 5, 6, 42])
@pytest.mark.parametrize("missing", [False, True])
def test_the_gate_is_open_only_if_something_was_assessed_and_nothing_speaks_against_it(
    status: int, missing: bool
) -> None:
    for first, second in itertools.product(STATES, repeat=2):
        results = [
            result(f"TST-00{number}", state, closes=closes)
            for number, (state, closes) in enumerate((first, second))
        ]
        selected = [each.id for each in results] + ["TST-009"] * missing

        decided = verdict(*results, selected=selected, pytest_status=status)

        assessed = {State.PASSED, State.WARNED, State.WAIVED} & {first[0], second[0]}
        spoken_against = first[1] or second[1] or missing or status != 0
        assert decided.open is (bool(assessed) and not spoken_against), (first, second)
        assert decided.open is (decided.exit_status == OPEN)
        assert bool(decided.reasons) is not decided.open


# What the gate requires


REQUIRED = Gate("upgrade", requires=("SCHED", "UPG-001"))


def upgrade(*results: Result, **more: object) -> Verdict:
    return verdict(*results, gate=REQUIRED, **more)


def test_what_is_required_and_assessed_opens() -> None:
    decided = upgrade(result("SCHED-001"), result("SCHED-002", State.SKIPPED), result("UPG-001"))

    assert (decided.open, decided.exit_status, decided.reasons) == (True, OPEN, ())


@pytest.mark.parametrize("state", [State.PASSED, State.WARNED, State.WAIVED])
def test_a_required_check_counts_as_soon_as_it_has_assessed(state: State) -> None:
    assert upgrade(result("SCHED-001"), result("UPG-001", state)).open


def test_a_required_check_that_was_not_selected_closes() -> None:
    decided = upgrade(result("SCHED-001"))

    assert decided.exit_status == NOT_KNOWN
    assert decided.reasons == ("UPG-001 is required by gate upgrade, and was not selected",)


def test_a_required_check_that_is_skipped_closes_whether_or_not_its_result_says_so() -> None:
    silent = upgrade(result("SCHED-001"), result("UPG-001", State.SKIPPED))
    told = upgrade(result("SCHED-001"), result("UPG-001", State.SKIPPED, closes=True))

    assert (silent.exit_status, told.exit_status) == (NOT_KNOWN, NOT_KNOWN)
    assert silent.reasons == ("UPG-001 is required by gate upgrade, and did not assess: because",)
    assert told.reasons == ("UPG-001 skipped: because; gate upgrade requires it",), "it is told once"


def test_a_required_check_that_left_no_result_is_told_once() -> None:
    decided = upgrade(result("SCHED-001"), selected=["SCHED-001", "UPG-001"])

    assert decided.reasons == ("UPG-001 left no result",)


def test_an_area_of_which_nothing_was_selected_closes() -> None:
    decided = upgrade(result("UPG-001"))

    assert decided.exit_status == NOT_KNOWN
    assert decided.reasons == ("area SCHED is required by gate upgrade, and none of its checks was selected",)


def test_what_this_version_does_not_have_is_told_from_what_was_not_selected() -> None:
    decided = upgrade(result("TST-001"), known=["TST-001", "UPG-002"])

    assert decided.exit_status == NOT_KNOWN
    assert decided.reasons == (
        "area SCHED is required by gate upgrade, and this version has no check of it",
        "UPG-001 is required by gate upgrade, and there is no such check in this version",
    )


def test_an_area_of_which_nothing_assessed_anything_closes() -> None:
    decided = upgrade(result("SCHED-001", State.SKIPPED), result("UPG-001"))

    assert decided.reasons == (
        "area SCHED is required by gate upgrade, and none of its checks assessed anything",
    )


def test_an_unknown_check_of_a_required_area_closes_though_another_one_assessed() -> None:
    blind = result("SCHED-002", State.UNKNOWN, closes=True)  # as judging has it where the area is required

    decided = upgrade(result("SCHED-001"), blind, result("UPG-001"))

    assert decided.reasons == ("SCHED-002 unknown: because",)


def test_something_unhealthy_goes_before_what_is_required() -> None:
    decided = upgrade(result("SCHED-001", State.FAILED))

    assert decided.exit_status == CLOSED
    assert decided.reasons[0].startswith("SCHED-001 failed")
    assert len(decided.reasons) == 2


@pytest.mark.parametrize("status", [INTERRUPTED, INTERNAL_ERROR, USAGE, NOTHING_SELECTED])
def test_pytests_own_statuses_go_before_what_is_required(status: int) -> None:
    assert upgrade(result("SCHED-001"), pytest_status=status).exit_status == status


def test_the_verdict_names_its_gate() -> None:
    assert upgrade(result("SCHED-001"), result("UPG-001")).gate == "upgrade"
