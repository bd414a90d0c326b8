"""From what checks return to one verdict, and never to an open gate by accident."""

import itertools
from dataclasses import replace

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
from domino_health.results import ASSESSED, CheckError, Result, State, could_not_look, describe, judge
from domino_health.rules import Gate
from domino_health.vocabulary import CheckSpec

GATE = Gate()
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
    given = {"selected": [each.id for each in results], "known": 40, "gate": GATE, **more}
    return decide(results, **given)  # type: ignore[arg-type]


def test_findings_on_nothing_that_was_assessed_are_nothing_that_a_gate_can_rest_on() -> None:
    warned = judge(spec(), Assessment([], [finding(Severity.LOW)]), (), GATE)

    closed = decide([warned], selected=["TST-001"], known=1, gate=GATE)

    assert (closed.open, closed.assessed) == (False, 0)


def test_findings_with_more_objects_come_first_among_those_of_one_severity() -> None:
    few = Finding(Ref("", "deployment", "ns", "a"), "bent", count=1)
    many = Finding(Ref("", "statefulset", "ns", "z"), "bent", count=3)

    judged = judge(spec(), Assessment(["a", "b"], [few, many]), (), GATE)

    assert judged.findings[0].subject.name == "z"


# The outcome of a check: the table, row by row


def test_findings_at_the_gates_severity_fail() -> None:
    judged = judge(spec(), Assessment(["a", "b"], [finding()]), (), GATE)

    assert judged.state is State.FAILED
    assert judged.closes
    assert judged.reason == "1 finding at or above high, of 2 assessed"
    assert judged.population == 2


def test_what_closes_the_gate_fails_even_where_something_was_not_seen() -> None:
    judged = judge(spec(), Assessment(["a"], [finding()]), [UNSEEN], GATE)

    assert judged.state is State.FAILED
    assert judged.unseen == (UNSEEN,)


@pytest.mark.parametrize("severity", [Severity.HIGH, Severity.CRITICAL])
def test_not_having_seen_a_target_is_unknown_and_closes(severity: Severity) -> None:
    judged = judge(spec(severity=severity), Assessment(["a"], []), [UNSEEN], GATE)

    assert judged.state is State.UNKNOWN
    assert judged.closes
    assert judged.reason == "could not look at west: connection refused"


@pytest.mark.parametrize("severity", [Severity.LOW, Severity.MEDIUM])
def test_below_the_gate_not_having_seen_a_target_closes_nothing(severity: Severity) -> None:
    judged = judge(spec(severity=severity), Assessment(["a"], []), [UNSEEN], GATE)

    assert judged.state is State.UNKNOWN
    assert not judged.closes


def test_what_the_check_itself_could_not_see_counts_as_well() -> None:
    judged = judge(spec(), Assessment(["a"], [], unseen=[UNSEEN, UNSEEN]), (), GATE)

    assert judged.state is State.UNKNOWN
    assert judged.reason.endswith("(and 1 more)")


def test_unknown_goes_before_warned_and_keeps_the_findings() -> None:
    judged = judge(spec(), Assessment(["a"], [finding(Severity.LOW)]), [UNSEEN], GATE)

    assert judged.state is State.UNKNOWN
    assert len(judged.findings) == 1


@pytest.mark.parametrize(
    ("of_check", "of_finding"),
    [
        (Severity.MEDIUM, None),
        (Severity.LOW, None),
        (Severity.CRITICAL, Severity.MEDIUM),
        (Severity.HIGH, Severity.LOW),
    ],
)
def test_findings_below_the_gate_warn(of_check: Severity, of_finding: Severity | None) -> None:
    judged = judge(spec(severity=of_check), Assessment(["a"], [finding(of_finding)]), (), GATE)

    assert judged.state is State.WARNED
    assert not judged.closes
    assert judged.reason == "1 finding below high, of 1 assessed"


def test_one_finding_at_the_gate_is_enough_among_many_below() -> None:
    many = [finding(Severity.LOW, f"pod-{number}") for number in range(9)]

    judged = judge(spec(), Assessment(["a"], [*many, finding(Severity.HIGH)]), (), GATE)

    assert judged.state is State.FAILED
    assert judged.reason == "1 finding at or above high, of 1 assessed"
    assert len(judged.findings) == 10


def test_a_pass_says_how_many_were_assessed() -> None:
    judged = judge(spec(), Assessment(range(12), [], window="52 m", worst="4 m of 10 m"), (), GATE)

    assert judged.state is State.PASSED
    assert judged.reason == "12 assessed, none found wanting"
    assert (judged.population, judged.window, judged.worst) == (12, "52 m", "4 m of 10 m")


def test_nothing_to_assess_is_never_a_pass() -> None:
    judged = judge(spec(), Assessment([], []), (), GATE)

    assert judged.state is State.SKIPPED
    assert judged.reason == "nothing to assess"


def test_a_finding_counts_even_if_nothing_was_said_to_be_assessed() -> None:
    assert judge(spec(), Assessment([], [finding()]), (), GATE).state is State.FAILED


@pytest.mark.parametrize("closes_at", list(Severity))
@pytest.mark.parametrize("severity", list(Severity))
def test_any_gate_closes_at_its_severity_and_above(closes_at: Severity, severity: Severity) -> None:
    gate = Gate(closes_at=closes_at)

    failed = judge(spec(severity=severity), Assessment(["a"], [finding()]), (), gate)
    blind = judge(spec(severity=severity), Assessment(["a"], []), [UNSEEN], gate)

    assert failed.state is (State.FAILED if severity >= closes_at else State.WARNED)
    assert failed.closes is (severity >= closes_at)
    assert blind.closes is (severity >= closes_at)


@pytest.mark.parametrize("returned", [None, True, [], "fine", ([], []), Assessment])
def test_whatever_is_no_assessment_is_refused(returned: object) -> None:
    with pytest.raises(CheckError, match=r"TST-001 returned \w+, not an Assessment"):
        judge(spec(), returned, (), GATE)


def test_a_finding_worse_than_declared_is_refused() -> None:
    with pytest.raises(CheckError, match="TST-001 is high and found something critical: pod/ns/a"):
        judge(spec(), Assessment(["a"], [finding(Severity.CRITICAL)]), (), GATE)


def test_what_is_no_finding_is_refused() -> None:
    with pytest.raises(CheckError, match="TST-001 gave a str for a Finding"):
        judge(spec(), Assessment(["a"], ["it is bent"]), (), GATE)  # type: ignore[list-item]


def test_findings_stand_worst_first_then_by_subject_whatever_order_they_came_in() -> None:
    given = [
        finding(Severity.LOW, "a"),
        finding(Severity.HIGH, "b"),
        finding(None, "a"),
        finding(Severity.MEDIUM, "c"),
    ]

    orders = {
        tuple(judge(spec(), Assessment(["x"], order), (), GATE).findings)
        for order in itertools.permutations(given)
    }

    (ordered,) = orders
    assert [(str(each.severity), each.subject.name) for each in ordered] == [
        ("high", "a"),
        ("high", "b"),
        ("medium", "c"),
        ("low", "a"),
    ]


@pytest.mark.parametrize(("severity", "closes"), [(Severity.HIGH, True), (Severity.MEDIUM, False)])
def test_when_nothing_could_be_looked_at_the_severity_decides(severity: Severity, closes: bool) -> None:
    blind = could_not_look(spec(severity=severity), [UNSEEN], GATE)

    assert blind.state is State.UNKNOWN
    assert blind.closes is closes
    assert blind.unseen == (UNSEEN,)


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
