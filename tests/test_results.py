"""The outcome of a check, from what it returns: the table, row by row."""

import itertools
from datetime import date, timedelta

import pytest

from domino_health import Assessment, Finding, Ref, Severity, Unseen
from domino_health.results import CheckError, Result, State, could_not_look, describe, held_to, judge
from domino_health.rules import Gate, Rules, Waiver
from domino_health.vocabulary import Attachment, CheckSpec

DAY = date(2026, 11, 25)
RULES = Rules(DAY)
UNSEEN = Unseen("west", "connection refused", "bring it up", "failed", "pods")


def spec(id: str = "TST-001", severity: Severity = Severity.HIGH) -> CheckSpec:
    return CheckSpec(id, severity, "All is well.", "It matters.", "Mend it.", ("pods",), {})


def finding(severity: Severity | None = None, name: str = "a", message: str = "it is bent") -> Finding:
    return Finding(Ref("", "pod", "ns", name), message, severity)


def test_findings_with_more_objects_come_first_among_those_of_one_severity() -> None:
    few = Finding(Ref("", "deployment", "ns", "a"), "bent", count=1)
    many = Finding(Ref("", "statefulset", "ns", "z"), "bent", count=3)

    judged = judge(spec(), Assessment(["a", "b"], [few, many]), (), RULES)

    assert judged.findings[0].subject.name == "z"


# The outcome of a check: the table, row by row


def test_findings_at_the_gates_severity_fail() -> None:
    judged = judge(spec(), Assessment(["a", "b"], [finding()]), (), RULES)

    assert judged.state is State.FAILED
    assert judged.closes
    assert judged.reason == "1 finding at or above high, of 2 assessed"
    assert judged.population == 2


def test_what_closes_the_gate_fails_even_where_something_was_not_seen() -> None:
    judged = judge(spec(), Assessment(["a"], [finding()]), [UNSEEN], RULES)

    assert judged.state is State.FAILED
    assert judged.unseen == (UNSEEN,)


@pytest.mark.parametrize("severity", [Severity.HIGH, Severity.CRITICAL])
def test_not_having_seen_a_target_is_unknown_and_closes(severity: Severity) -> None:
    judged = judge(spec(severity=severity), Assessment(["a"], []), [UNSEEN], RULES)

    assert judged.state is State.UNKNOWN
    assert judged.closes
    assert judged.reason == "could not look at west: connection refused"


@pytest.mark.parametrize("severity", [Severity.LOW, Severity.MEDIUM])
def test_below_the_gate_not_having_seen_a_target_closes_nothing(severity: Severity) -> None:
    judged = judge(spec(severity=severity), Assessment(["a"], []), [UNSEEN], RULES)

    assert judged.state is State.UNKNOWN
    assert not judged.closes


def test_what_the_check_itself_could_not_see_counts_as_well() -> None:
    judged = judge(spec(), Assessment(["a"], [], unseen=[UNSEEN, UNSEEN]), (), RULES)

    assert judged.state is State.UNKNOWN
    assert judged.reason.endswith("(and 1 more)")


def test_unknown_goes_before_warned_and_keeps_the_findings() -> None:
    judged = judge(spec(), Assessment(["a"], [finding(Severity.LOW)]), [UNSEEN], RULES)

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
    judged = judge(spec(severity=of_check), Assessment(["a"], [finding(of_finding)]), (), RULES)

    assert judged.state is State.WARNED
    assert not judged.closes
    assert judged.reason == "1 finding below high, of 1 assessed"


def test_one_finding_at_the_gate_is_enough_among_many_below() -> None:
    many = [finding(Severity.LOW, f"pod-{number}") for number in range(9)]

    judged = judge(spec(), Assessment(["a"], [*many, finding(Severity.HIGH)]), (), RULES)

    assert judged.state is State.FAILED
    assert judged.reason == "1 finding at or above high, of 1 assessed"
    assert len(judged.findings) == 10


def test_a_pass_says_how_many_were_assessed() -> None:
    judged = judge(spec(), Assessment(range(12), [], window="52 m", worst="4 m of 10 m"), (), RULES)

    assert judged.state is State.PASSED
    assert judged.reason == "12 assessed, none found wanting"
    assert (judged.population, judged.window, judged.worst) == (12, "52 m", "4 m of 10 m")


def test_nothing_to_assess_is_never_a_pass() -> None:
    judged = judge(spec(), Assessment([], []), (), RULES)

    assert judged.state is State.SKIPPED
    assert judged.reason == "nothing to assess"


def test_a_finding_counts_even_if_nothing_was_said_to_be_assessed() -> None:
    assert judge(spec(), Assessment([], [finding()]), (), RULES).state is State.FAILED


@pytest.mark.parametrize("closes_at", list(Severity))
@pytest.mark.parametrize("severity", list(Severity))
def test_any_gate_closes_at_its_severity_and_above(closes_at: Severity, severity: Severity) -> None:
    rules = Rules(DAY, Gate(closes_at=closes_at))

    failed = judge(spec(severity=severity), Assessment(["a"], [finding()]), (), rules)
    blind = judge(spec(severity=severity), Assessment(["a"], []), [UNSEEN], rules)

    assert failed.state is (State.FAILED if severity >= closes_at else State.WARNED)
    assert failed.closes is (severity >= closes_at)
    assert blind.closes is (severity >= closes_at)


@pytest.mark.parametrize("returned", [None, True, [], "fine", ([], []), Assessment])
def test_whatever_is_no_assessment_is_refused(returned: object) -> None:
    with pytest.raises(CheckError, match=r"TST-001 returned \w+, not an Assessment"):
        judge(spec(), returned, (), RULES)


def test_a_finding_worse_than_declared_is_refused() -> None:
    with pytest.raises(CheckError, match="TST-001 is high and found something critical: pod/ns/a"):
        judge(spec(), Assessment(["a"], [finding(Severity.CRITICAL)]), (), RULES)


def test_what_is_no_finding_is_refused() -> None:
    with pytest.raises(CheckError, match="TST-001 gave a str for a Finding"):
        judge(spec(), Assessment(["a"], ["it is bent"]), (), RULES)  # type: ignore[list-item]


def test_findings_stand_worst_first_then_by_subject_whatever_order_they_came_in() -> None:
    given = [
        finding(Severity.LOW, "a"),
        finding(Severity.HIGH, "b"),
        finding(None, "a"),
        finding(Severity.MEDIUM, "c"),
    ]

    orders = {
        tuple(judge(spec(), Assessment(["x"], order), (), RULES).findings)
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
    blind = could_not_look(spec(severity=severity), [UNSEEN], RULES)

    assert blind.state is State.UNKNOWN
    assert blind.closes is closes
    assert blind.unseen == (UNSEEN,)


# Severities of the profile


def test_the_profiles_severity_replaces_the_checks_and_that_of_every_finding() -> None:
    rules = Rules(DAY, severities={"TST-001": Severity.MEDIUM})
    found = [finding(), finding(Severity.LOW, "b")]

    judged = judge(spec(severity=Severity.HIGH), Assessment(["a"], found), (), rules)

    assert (judged.severity, judged.state) == (Severity.MEDIUM, State.WARNED)
    assert [each.severity for each in judged.findings] == [Severity.MEDIUM, Severity.MEDIUM]


def test_a_severity_that_the_profile_raises_closes_the_gate() -> None:
    rules = Rules(DAY, severities={"TST-001": Severity.CRITICAL})

    judged = judge(spec(severity=Severity.LOW), Assessment(["a"], [finding()]), (), rules)

    assert judged.state is State.FAILED


def test_what_a_check_declares_is_held_whatever_the_profile_says() -> None:
    rules = Rules(DAY, severities={"TST-001": Severity.CRITICAL})

    with pytest.raises(CheckError, match="found something critical"):
        judge(spec(severity=Severity.HIGH), Assessment(["a"], [finding(Severity.CRITICAL)]), (), rules)


@pytest.mark.parametrize(("given", "closes"), [(Severity.MEDIUM, False), (Severity.CRITICAL, True)])
def test_the_profiles_severity_decides_what_not_knowing_is_worth(given: Severity, closes: bool) -> None:
    rules = Rules(DAY, severities={"TST-001": given})

    assert could_not_look(spec(), [UNSEEN], rules).closes is closes
    assert judge(spec(), Assessment(["a"], []), [UNSEEN], rules).closes is closes


# What a gate requires


@pytest.mark.parametrize("wanted", ["TST", "TST-001"])
def test_not_knowing_what_the_gate_requires_closes_it_however_low_the_severity(wanted: str) -> None:
    rules = Rules(DAY, Gate(requires=(wanted,)))

    assert could_not_look(spec(severity=Severity.LOW), [UNSEEN], rules).closes
    assert judge(spec(severity=Severity.LOW), Assessment(["a"], []), [UNSEEN], rules).closes


@pytest.mark.parametrize(("wanted", "closes"), [("TST-001", True), ("TST", False), ("TST-002", False)])
def test_a_check_that_the_gate_requires_by_name_closes_it_where_it_is_skipped(
    wanted: str, closes: bool
) -> None:
    skipped = describe(spec(), State.SKIPPED, "nothing to assess")

    assert held_to(skipped, Gate(requires=(wanted,))).closes is closes


# Waivers


def waiver(subject: str = "pod/ns/a", *, last: int = 0, check: str = "TST-001", **more: str) -> Waiver:
    """One that ends ``last`` days after the run's."""
    given = {"reason": "it is rebuilt", "owner": "ana", "approved_by": "bo", **more}
    return Waiver(check, subject, expires=DAY + timedelta(days=last), **given)


def waived(*waivers: Waiver, findings: list[Finding] | None = None, gate: Gate | None = None) -> Result:
    found = [finding()] if findings is None else findings
    return judge(spec(), Assessment(["a", "b"], found), (), Rules(DAY, gate or Gate(), waivers=waivers))


def test_where_all_findings_are_waived_the_check_is_and_closes_nothing() -> None:
    judged = waived(waiver(ticket="OPS-7"))

    assert (judged.state, judged.closes) == (State.WAIVED, False)
    assert judged.reason == (
        "1 finding waived, of 2 assessed: it is rebuilt (approved by bo, OPS-7), until 2026-11-25"
    )
    assert judged.findings == ()
    assert [str(each.finding.subject) for each in judged.waived] == ["pod/ns/a"]
    assert judged.waived[0].finding.severity is Severity.HIGH, "it was evaluated all the same"


def test_a_finding_that_no_waiver_covers_fails_beside_those_that_one_does() -> None:
    judged = waived(waiver(), findings=[finding(), finding(name="b")])

    assert judged.state is State.FAILED
    assert judged.reason == "1 finding at or above high, of 2 assessed; 1 finding waived"


def test_a_finding_below_the_gate_warns_beside_waived_ones() -> None:
    judged = waived(waiver(), findings=[finding(), finding(Severity.LOW, "b")])

    assert judged.state is State.WARNED
    assert judged.reason.endswith("; 1 finding waived")


def test_what_was_not_seen_is_no_waivers_to_accept() -> None:
    judged = judge(spec(), Assessment(["a"], [finding()]), [UNSEEN], Rules(DAY, waivers=(waiver("*"),)))

    assert (judged.state, judged.closes) == (State.UNKNOWN, True)
    assert len(judged.waived) == 1


@pytest.mark.parametrize(("last", "state"), [(0, State.WAIVED), (1, State.WAIVED), (-1, State.FAILED)])
def test_a_waiver_holds_to_the_end_of_its_last_day(last: int, state: State) -> None:
    judged = waived(waiver(last=last))

    assert judged.state is state
    assert ("the waiver of 1 finding expired on 2026-11-24" in judged.reason) is (state is State.FAILED)


def test_an_expired_waiver_says_nothing_where_another_one_holds() -> None:
    judged = waived(waiver(last=-1), waiver("pod/*", last=3))

    assert judged.state is State.WAIVED
    assert "expired" not in judged.reason


def test_of_two_waivers_for_one_finding_the_one_that_lasts_longer_is_named() -> None:
    judged = waived(waiver(last=1, owner="short"), waiver("*", last=9, owner="long"))

    assert judged.waived[0].waiver.owner == "long"


@pytest.mark.parametrize(
    ("check", "subject"),
    [("TST-002", "*"), ("TST-001", "pod/ns/b"), ("TST-001", "ns/a"), ("TST-001", "POD/NS/A")],
)
def test_a_waiver_of_something_else_waives_nothing(check: str, subject: str) -> None:
    assert waived(waiver(subject, check=check)).state is State.FAILED


def test_a_gate_that_counts_no_waivers_fails_and_says_that_there_are_some() -> None:
    judged = waived(waiver(), gate=Gate("audit", counts_waivers=False))

    assert judged.state is State.FAILED
    assert judged.waived == ()
    assert judged.reason.endswith("; 1 finding waived, but gate audit counts no waivers")


def test_a_reason_names_the_waiver_that_ends_first_and_how_many_more_there_are() -> None:
    found = [finding(), finding(name="b"), finding(name="c")]

    judged = waived(
        waiver(last=9), waiver("pod/ns/b", last=2, reason="soon"), waiver("pod/ns/c", last=5), findings=found
    )

    assert judged.reason == (
        "3 findings waived, of 2 assessed: soon (approved by bo), until 2026-11-27"
        " (and 2 more waivers, which end later)"
    )


# What was measured


def test_attachments_are_kept_on_a_pass_too() -> None:
    table = Attachment.table("Ends", ["what", "days"], [["front end", 12]])

    judged = judge(spec(), Assessment(["a"], [], attachments=[table]), (), RULES)

    assert judged.state is State.PASSED
    assert judged.attachments == (Attachment("Ends", ("what", "days"), (("front end", "12"),)),)
