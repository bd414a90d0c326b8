"""What closes a gate, and with which exit status: every row and every sentence, with pytest inside pytest."""

from datetime import UTC, datetime, timedelta

import pytest

from suites import FINDS, PROFILE, Ran, Suite, a_check

TODAY = datetime.now(UTC).date()


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    # The page is made by other tests; here it would take most of the time.
    return Suite(pytester, monkeypatch, ["-p", "no:html"])


WELL = a_check("IDP-001")
"""Assesses two things and is content: something to rest on. An id that profiles may name."""
RAISES = "raise RuntimeError('bolt')"
NOTHING = "return Assessment([], [])"
BLIND = "return Assessment(things, [], unseen=[Unseen('half', 'too few samples', 'wait')])"


def waiver(check: str = "SCHED-001", subject: str = "*", days: int = 5) -> str:
    """A section of a profile with one waiver, which ends so many days from now."""
    return (
        f"waivers:\n- {{check: {check}, subject: '{subject}', reason: it is rebuilt, owner: ana, "
        f"approved_by: bo, ticket: OPS-7, expires: {TODAY + timedelta(days=days)}}}\n"
    )


def judged(
    suite: Suite, *body: str, severity: str = "HIGH", more: str = "", options: tuple[str, ...] = ()
) -> Ran:
    """One run of a check of that body beside one that is content."""
    suite.profile(PROFILE + more)
    suite.checks(a_check("SCHED-001", *body, severity=severity), WELL)
    return suite.run(*options)


# The table of outcomes, row by row, as JUnit and the exit status tell them


@pytest.mark.parametrize(
    ("body", "severity", "more", "state", "tag", "status"),
    [
        pytest.param(FINDS, "HIGH", "", "failed", "failure", 1, id="findings at the gate's severity"),
        pytest.param(FINDS, "CRITICAL", "", "failed", "failure", 1, id="findings above it"),
        pytest.param(RAISES, "LOW", "", "unknown", "error", 6, id="a check that raised"),
        pytest.param("return None", "LOW", "", "unknown", "error", 6, id="no assessment"),
        pytest.param(BLIND, "HIGH", "", "unknown", "error", 6, id="could not look, at the gate"),
        pytest.param(BLIND, "MEDIUM", "", "unknown", "skipped", 0, id="could not look, below the gate"),
        pytest.param(FINDS, "MEDIUM", "", "warned", None, 0, id="findings below the gate"),
        pytest.param(FINDS, "HIGH", waiver(), "waived", "skipped", 0, id="all findings waived"),
        pytest.param("return Assessment(things, [])", "HIGH", "", "passed", None, 0, id="none found"),
        pytest.param(NOTHING, "HIGH", "", "skipped", "skipped", 0, id="nothing to assess"),
    ],
)
def test_every_outcome_has_its_word_its_tag_and_its_exit_status(
    suite: Suite, body: str, severity: str, more: str, state: str, tag: str | None, status: int
) -> None:
    ran = judged(suite, body, severity=severity, more=more)

    assert (ran.states["SCHED-001"], ran.status) == (state, status)
    case = ran.junit.case("SCHED-001")
    assert [each.tag for each in case if each.tag in ("failure", "error", "skipped")] == (
        [tag] if tag else []
    )
    assert (ran.verdict["verdict"], ran.verdict["exit_status"]) == (
        "open" if not status else "closed",
        status,
    )


# Waivers


def test_a_waived_finding_is_shown_everywhere_with_who_accepted_it_and_until_when(suite: Suite) -> None:
    ran = judged(suite, FINDS, more=waiver())

    until = TODAY + timedelta(days=5)
    assert ran.status == 0
    result = ran.results["SCHED-001"]
    assert result["findings"] == []
    assert [each["finding"]["message"] for each in result["waived"]] == ["it is bent", "it is bent"]
    assert result["waived"][0]["waiver"]["expires"] == str(until)
    (skipped,) = ran.junit.case("SCHED-001").iter("skipped")
    why = f"it is rebuilt (approved by bo, OPS-7), until {until}"
    assert skipped.get("message") == f"SCHED-001 2 findings waived, of 2 assessed: {why}"
    assert "1 waived" in ran.out
    assert f"SCHED-001 waived: 2 findings waived, of 2 assessed: {why}" in ran.out


def test_the_verdict_keeps_the_ledger_of_all_waivers(suite: Suite) -> None:
    others = "".join(
        waiver(check, subject, days).removeprefix("waivers:\n")
        for check, subject, days in [
            ("SCHED-001", "thing/gone", 90),
            ("SCHED-001", "thing/old", -1),
            ("TST-999", "*", 90),
            ("CAP-999", "*", -3),
        ]
    )
    suite.profile(PROFILE + waiver() + others)
    suite.checks(a_check("SCHED-001", FINDS), WELL)

    ran = suite.run()

    kept = [
        (each["check"], each["standing"], each["findings"], each["expiring"])
        for each in ran.verdict["waivers"]
    ]
    assert kept == [
        ("SCHED-001", "used", 2, True),
        ("SCHED-001", "unused", 0, False),
        ("SCHED-001", "expired", 0, False),
        ("TST-999", "no such check", 0, False),
        ("CAP-999", "no such check", 0, False),
    ]


@pytest.mark.parametrize(("days", "status"), [(0, 0), (-1, 1)])
def test_a_waiver_holds_to_the_end_of_its_last_day_utc(suite: Suite, days: int, status: int) -> None:
    ran = judged(suite, FINDS, more=waiver(days=days))

    assert ran.status == status
    expired = f"the waiver of 2 findings expired on {TODAY - timedelta(days=1)}"
    assert (expired in ran.out) is bool(status)


def test_one_finding_that_is_not_waived_closes_the_gate(suite: Suite) -> None:
    ran = judged(suite, FINDS, more=waiver(subject="thing/a"))

    assert ran.status == 1
    assert "SCHED-001 failed: 1 finding at or above high, of 2 assessed; 1 finding waived" in ran.out


def test_a_waiver_excuses_neither_a_dead_target_nor_a_check_that_raises(suite: Suite) -> None:
    suite.facts("seen('east', 'a'), dead('west')")

    assert judged(suite, FINDS, more=waiver()).states["SCHED-001"] == "unknown"
    assert judged(suite, RAISES, more=waiver()).status == 6


def test_a_gate_that_counts_no_waivers_is_closed_by_a_waived_finding(suite: Suite) -> None:
    ran = judged(suite, FINDS, more=waiver(), options=("--gate", "audit"))

    assert ran.status == 1
    assert ran.verdict["gate"] == "audit"
    assert "2 findings waived, but gate audit counts no waivers" in ran.out


# Severities


def test_the_profiles_severity_is_the_one_that_every_report_shows(suite: Suite) -> None:
    ran = judged(suite, FINDS, more="severities: {SCHED-001: medium}\n")

    assert ran.status == 0
    assert ran.states["SCHED-001"] == "warned"
    assert ran.results["SCHED-001"]["severity"] == "medium"
    assert {each["severity"] for each in ran.results["SCHED-001"]["findings"]} == {"medium"}
    assert ("severity", "medium") in [
        (each.attrib["name"], each.attrib["value"]) for each in ran.junit.case("SCHED-001").iter("property")
    ]


def test_a_check_that_raises_and_is_skipped_has_the_profiles_severity_too(suite: Suite) -> None:
    for body in (RAISES, "pytest.skip('not today')"):
        ran = judged(suite, body, more="severities: {SCHED-001: low}\n")
        assert ran.folders
        result = {each["id"]: each for each in _last(ran)}["SCHED-001"]
        assert result["severity"] == "low"


def _last(ran: Ran) -> list[dict[str, str]]:
    import json

    results: list[dict[str, str]] = json.loads((ran.folders[-1] / "findings.json").read_text())["results"]
    return results


# Gates by name


@pytest.mark.parametrize(("closes_at", "status"), [("medium", 1), ("high", 0)])
def test_a_gate_of_the_profile_closes_at_its_own_severity(suite: Suite, closes_at: str, status: int) -> None:
    gates = f"gates: {{release: {{closes_at: {closes_at}}}}}\n"

    ran = judged(suite, FINDS, severity="MEDIUM", more=gates, options=("--gate=release",))

    assert ran.status == status
    assert (ran.verdict["gate"], ran.verdict["closes_at"]) == ("release", closes_at)
    assert ran.last_line.startswith(f"gate release {'CLOSED' if status else 'OPEN'} (exit {status})")


def test_a_gate_that_the_profile_does_not_have_is_a_usage_error_and_nothing_runs(suite: Suite) -> None:
    ran = judged(suite, FINDS, options=("--gate=upgrde",))

    assert ran.status == 4
    assert "--gate=upgrde: profile suite has no such gate; did you mean upgrade?" in ran.out
    assert ran.folders == []


def test_a_gate_without_a_profile_is_a_usage_error(suite: Suite) -> None:
    ran = suite.run("--gate=upgrade", profile=())

    assert ran.status == 4
    assert "--gate goes with --profile or --replay" in ran.out


REQUIRES = "gates: {release: {requires: [SCHED, IDP-001]}}\n"


def test_a_gate_that_requires_what_has_assessed_is_open(suite: Suite) -> None:
    assert judged(suite, more=REQUIRES, options=("--gate=release",)).status == 0


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("-k=SCHED", "IDP-001 is required by gate release, and was not selected"),
        ("-k=IDP", "area SCHED is required by gate release, and none of its checks was selected"),
    ],
)
def test_a_part_of_the_checks_does_not_open_a_gate_that_requires_more(
    suite: Suite, option: str, reason: str
) -> None:
    ran = judged(suite, more=REQUIRES, options=("--gate=release", option))

    assert ran.status == 6
    assert reason in ran.verdict["reasons"]


def test_a_required_area_of_which_nothing_assessed_closes(suite: Suite) -> None:
    ran = judged(suite, NOTHING, more=REQUIRES, options=("--gate=release",))

    assert ran.status == 6
    assert ran.verdict["reasons"] == [
        "area SCHED is required by gate release, and none of its checks assessed anything"
    ]


def test_a_required_area_with_an_unknown_check_closes_however_low_its_severity(suite: Suite) -> None:
    ran = judged(suite, BLIND, severity="LOW", more=REQUIRES, options=("--gate=release",))

    assert ran.status == 6
    assert ran.junit.case("SCHED-001").find("error") is not None


def test_a_required_check_that_had_nothing_to_assess_closes(suite: Suite) -> None:
    suite.profile(PROFILE + REQUIRES)
    suite.checks(a_check("SCHED-001"), a_check("IDP-001", NOTHING))

    ran = suite.run("--gate=release")

    assert ran.status == 6
    assert ran.verdict["reasons"] == ["IDP-001 skipped: nothing to assess; gate release requires it"]
    assert ran.out.count("IDP-001 skipped: nothing to assess") == 1, "it is told once"
    assert ran.results["IDP-001"]["closes"]


def test_the_upgrade_gate_stays_closed_as_long_as_an_area_is_missing(suite: Suite) -> None:
    ran = judged(suite, options=("--gate=upgrade",))

    assert ran.status == 6
    reasons = ran.verdict["reasons"]
    assert "UPG-001 is required by gate upgrade, and there is no such check in this version" in reasons
    assert "area UPG is required by gate upgrade, and this version has no check of it" in reasons


# Which status goes before which


def test_something_unhealthy_goes_before_not_knowing(suite: Suite) -> None:
    suite.checks(a_check("SCHED-001", FINDS), a_check("IDP-001", RAISES))

    assert suite.run().status == 1


def test_an_interruption_goes_before_something_unhealthy(suite: Suite) -> None:
    suite.checks(a_check("SCHED-001", FINDS), a_check("IDP-001", "raise KeyboardInterrupt"))

    ran = suite.run()

    assert (ran.status, ran.verdict["exit_status"]) == (2, 2)
    assert ran.states == {"SCHED-001": "failed"}


def test_an_internal_error_goes_before_something_unhealthy(suite: Suite) -> None:
    suite.checks(a_check("SCHED-001", FINDS))
    suite.facts(more="def pytest_runtest_logfinish(nodeid):\n    raise RuntimeError('a plugin')")

    assert suite.run().status == 3


def test_a_bad_profile_goes_before_everything(suite: Suite) -> None:
    ran = judged(suite, FINDS, more="gates: {release: {requires: [NOPE]}}\n", options=("-k", "nothing"))

    assert ran.status == 4


def test_nothing_selected_goes_before_what_is_required(suite: Suite) -> None:
    ran = judged(suite, more=REQUIRES, options=("--gate=release", "-k", "nothing"))

    assert ran.status == 5
    assert ran.verdict["verdict"] == "closed"
