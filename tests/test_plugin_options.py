"""pytest's options around a run: what areas and severities select, and what is refused."""

import pytest

from domino_health.plugin import suite as installed
from suites import FINDS, PROFILE, Ran, Suite, a_check

INSTALLED = len(installed.known_checks())
FOUR = (
    a_check("TST-001", severity="LOW"),
    a_check("TST-002", severity="HIGH"),
    a_check("OTH-001", severity="HIGH"),
    a_check("OTH-002", severity="CRITICAL"),
)


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    suite = Suite(pytester, monkeypatch)
    suite.checks(*FOUR)
    return suite


def selected(ran: Ran) -> list[str]:
    """The checks that a run speaks for, which its last line counts."""
    ids = sorted(ran.results)
    assert ran.verdict["checks"]["selected"] == len(ids)
    assert f"rests on {len(ids)} of {len(FOUR) + INSTALLED} checks" in ran.last_line
    return ids


# By area and severity


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("TST", ["TST-001", "TST-002"]),
        ("low", ["TST-001"]),
        ("high", ["OTH-001", "TST-002"]),
        ("high or critical", ["OTH-001", "OTH-002", "TST-002"]),
        ("TST and not low", ["TST-002"]),
        ("not TST", ["OTH-001", "OTH-002"]),
    ],
)
def test_areas_and_severities_select_and_the_verdict_speaks_for_these(
    suite: Suite, expression: str, ids: list[str]
) -> None:
    ran = suite.run("--strict-markers", "-m", expression)

    assert ran.status == 0, ran.out
    assert selected(ran) == ids


@pytest.mark.parametrize("expression", ["tst", "HIGH", "TST and critical", "SCHED"])
def test_what_selects_nothing_opens_no_gate(suite: Suite, expression: str) -> None:
    ran = suite.run("-m", expression)

    assert ran.status == 5
    assert ran.verdict["verdict"] == "closed"


def test_the_profiles_severities_select(suite: Suite) -> None:
    suite.profile(PROFILE + "severities:\n  SCHED-001: low\n")
    scheduling = f"{installed.SUITE}/checks/test_scheduling.py"

    assert list(suite.run("-m", "low", where=scheduling).results) == ["SCHED-001"]
    assert suite.run("-m", "high", "-k", "SCHED-001", where=scheduling).status == 5


def test_an_area_and_a_word_of_its_name_select_together(suite: Suite) -> None:
    ran = suite.run("-m", "TST", "-k", "TST-002 or OTH-001")

    assert selected(ran) == ["TST-002"]


def test_the_marks_are_told_to_those_who_ask(suite: Suite) -> None:
    ran = suite.run("--markers")

    assert "@pytest.mark.SCHED: checks of area SCHED" in ran.out
    assert "@pytest.mark.critical: checks that are critical by this profile" in ran.out


def test_a_mark_that_nobody_knows_is_pytests_own_error_and_opens_no_gate(suite: Suite) -> None:
    suite.checks(a_check("TST-001"), a_check("TST-002", mark="@pytest.mark.slwo"))

    ran = suite.run("--strict-markers")

    assert ran.status == 2
    assert "'slwo' not found in `markers` configuration option" in ran.out
    assert ran.verdict["verdict"] == "closed"
    assert "checks/test_things.py could not be collected" in ran.verdict["reasons"]


# A part, and the rest of it


def test_a_stop_says_of_each_that_it_left_no_result_whatever_selected_it(suite: Suite) -> None:
    suite.checks(a_check("TST-001", FINDS), a_check("TST-002"), a_check("OTH-001"))

    ran = suite.run("-x", "-m", "TST")

    assert ran.status == 1
    assert ran.verdict["reasons"] == [
        "TST-001 failed: 2 findings at or above high, of 2 assessed",
        "TST-002 left no result",
    ]


@pytest.mark.parametrize("name", ["html", "junitxml", "terminal", "cacheprovider"])
def test_a_plugin_that_is_switched_off_opens_no_gate_and_closes_none(suite: Suite, name: str) -> None:
    ran = suite.run("-p", f"no:{name}", "-m", "TST")

    assert ran.status == ran.verdict["exit_status"] == 0
    assert selected(ran) == ["TST-001", "TST-002"]
    assert (ran.folder / "report.html").exists() is (name != "html")
    assert (ran.folder / "junit.xml").exists() is (name != "junitxml")


# --gate


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("x", "--gate=x: profile suite has no such gate; known: audit, default, nightly, upgrade"),
        ("", "--gate=: profile suite has no such gate; known: "),
    ],
)
def test_a_gate_that_the_profile_has_not_is_a_usage_error(suite: Suite, given: str, says: str) -> None:
    ran = suite.run(f"--gate={given}")

    assert ran.status == 4
    assert says in ran.out
    assert ran.folders == []


def test_a_gate_does_not_widen_what_is_selected(suite: Suite) -> None:
    ran = suite.run("--gate=upgrade", "-m", "TST")

    assert ran.status == 6
    assert sorted(ran.results) == ["TST-001", "TST-002"]
    assert any(
        reason.startswith("area SCHED is required by gate upgrade") for reason in ran.verdict["reasons"]
    )
