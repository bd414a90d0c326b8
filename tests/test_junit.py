"""JUnit XML: what CI servers read. Valid, complete, and its counts add up."""

import xml.etree.ElementTree as ET

import pytest

from suites import FINDS, Junit, Suite, a_check, properties


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, monkeypatch)


ONE_OF_EACH = [
    a_check("TST-001"),
    a_check("TST-002", FINDS),
    a_check("TST-003", FINDS, severity="LOW"),
    a_check("TST-004", "return Assessment([], [])"),
    a_check("TST-005", "raise ValueError('boom')"),
    a_check("TST-006", "return Assessment(certificates, [])", facts="certificates: list"),
    a_check("TST-007", "return Assessment(events, [])", facts="events: list"),
    a_check("TST-008", "return Assessment(events, [])", facts="events: list", severity="LOW"),
    a_check("TST-009", "return 1", severity="LOW"),
]


@pytest.fixture
def junit(suite: Suite) -> Junit:
    """Of a run in which every outcome comes up."""
    suite.facts(events="dead('east')")
    suite.checks(*ONE_OF_EACH)
    return suite.run("-p", "no:html").junit


def outcome_of(case: ET.Element) -> str:
    tags = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    return tags[0] if tags else "passed"


def test_each_outcome_has_its_element(junit: Junit) -> None:
    assert {number: outcome_of(junit.case(f"TST-00{number}")) for number in range(1, 10)} == {
        1: "passed",
        2: "failure",
        3: "passed",
        4: "skipped",
        5: "error",
        6: "skipped",
        7: "error",
        8: "skipped",
        9: "error",
    }


def test_the_counts_add_up(junit: Junit) -> None:
    assert {name: junit.suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "9",
        "failures": "1",
        "errors": "3",
        "skipped": "3",
    }


def test_every_testcase_is_named_as_its_module_and_function(junit: Junit) -> None:
    names = [(case.get("classname"), case.get("name")) for case in junit.cases]

    assert names == [("checks.test_things", f"test_tst_00{number}") for number in range(1, 10)]


def test_a_testcase_has_each_property_once(junit: Junit) -> None:
    expected = {
        "TST-001": ("high", "passed"),
        "TST-002": ("high", "failed"),
        "TST-003": ("low", "warned"),
        "TST-004": ("high", "skipped"),
        "TST-005": ("high", "unknown"),
        "TST-008": ("low", "unknown"),
    }

    for id, (severity, outcome) in expected.items():
        assert properties(junit.case(id)) == [
            ("check", id),
            ("severity", severity),
            ("area", "TST"),
            ("outcome", outcome),
        ]


def test_the_message_is_our_one_line(junit: Junit) -> None:
    messages = {
        id: child.get("message")
        for case in junit.cases
        for name, id in properties(case)
        for child in case
        if name == "check" and child.get("message") is not None
    }

    assert messages == {
        "TST-002": "2 findings at or above high, of 2 assessed",
        "TST-004": "nothing to assess",
        "TST-005": "raised in call: ValueError: boom",
        "TST-006": "the profile has no section tls",
        "TST-007": "could not look at east: connection refused",
        "TST-008": "could not look at east: connection refused",
        "TST-009": "raised in call: CheckError: TST-009 returned int, not an Assessment",
    }


def test_each_output_is_there_once(junit: Junit) -> None:
    assert [len(case.findall("system-out")) for case in junit.cases] == [1] * 9


def test_what_was_found_stands_in_the_failure_and_in_the_output(junit: Junit) -> None:
    case = junit.case("TST-002")

    for text in (case.findtext("failure"), case.findtext("system-out")):
        assert "high: east: thing/a: it is bent" in (text or "")


def test_what_raised_is_told_with_its_traceback(junit: Junit) -> None:
    assert "raise ValueError('boom')" in (junit.case("TST-005").findtext("error") or "")


FIXTURE = """
import pytest

@pytest.fixture
def fix():
    yield 1
    {teardown}
"""


@pytest.mark.parametrize("teardown", ["raise RuntimeError('boom')", "pytest.skip('late')"])
@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("return Assessment(things, [])", "passed"),
        ("return Assessment([], [])", "skipped"),
        (FINDS, "failed"),
        ("raise ValueError('first')", "unknown"),
    ],
)
def test_a_teardown_that_goes_wrong_leaves_a_valid_file(
    suite: Suite, teardown: str, body: str, outcome: str
) -> None:
    suite.facts(more=FIXTURE.format(teardown=teardown))
    suite.checks(a_check("TST-001", body, facts="things: list, fix: int"), a_check("TST-002"))

    ran = suite.run()

    expected = "unknown" if "raise" in teardown and outcome in ("passed", "skipped") else outcome
    cases = [case for case in ran.junit.cases if ("check", "TST-001") in properties(case)]
    # pytest gives a failed check whose teardown raises a testcase for each: a schema allows no two in one.
    assert len(cases) == (2 if outcome == "failed" and "raise" in teardown else 1)
    for case in cases:
        assert [value for name, value in properties(case) if name == "outcome"] == [expected]
    errors = [error.get("message") for case in cases for error in case.iter("error")]
    assert ("raised in teardown: RuntimeError: boom" in errors) is ("raise" in teardown)
    failures = [failure.get("message") for case in cases for failure in case.iter("failure")]
    assert failures == (["2 findings at or above high, of 2 assessed"] if outcome == "failed" else [])


HOSTILE = r"'\x1b[31m\x00\x0b\ufffe<script>alert(1)</script>]]>&amp;\"\ud800'"


HOSTILE_BODIES = [
    f"return Assessment(things, [Finding(Ref('', 'thing', {HOSTILE}, {HOSTILE}), {HOSTILE})])",
    f"return Assessment(things, [], unseen=[Unseen({HOSTILE}, {HOSTILE}, {HOSTILE})])",
    f"return Assessment(things, [], window={HOSTILE}, worst={HOSTILE})",
    f"raise ValueError({HOSTILE})",
    f"pytest.skip({HOSTILE})",
    f"import logging\nlogging.getLogger().error({HOSTILE})\nreturn Assessment(things, [])",
    f"warnings.warn({HOSTILE})\nreturn Assessment(things, [])",
    f"print({HOSTILE}.replace(chr(0xd800), ''))\nreturn Assessment(things, [])",
]


def test_hostile_texts_leave_the_file_valid_the_terminal_quiet_and_the_other_checks_alone(
    suite: Suite,
) -> None:
    hostile = [a_check(f"TST-{number:03}", *body.split("\n")) for number, body in enumerate(HOSTILE_BODIES)]
    suite.checks(*hostile, a_check("TST-900"))

    ran = suite.run_apart("-rA", "-v")

    assert ran.status == 1
    assert [*ran.states.values()].count("passed") == 5
    assert "\x1b" not in ran.out
    assert "\x00" not in ran.out
    assert len(ran.junit.cases) == len(HOSTILE_BODIES) + 1
    page = (ran.folder / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    assert "\x1b" not in page


def test_hostile_names_of_facts_leave_every_report_whole(suite: Suite) -> None:
    suite.facts(f"seen({HOSTILE}, {HOSTILE}), dead({HOSTILE}, {HOSTILE}, {HOSTILE})")
    suite.checks(a_check("TST-001", FINDS))

    ran = suite.run("-v")

    assert ran.status == 1
    assert ran.verdict["verdict"] == "closed"
    assert "\x1b" not in ran.out
    assert ran.junit.case("TST-001").find("failure") is not None


def test_a_collector_that_breaks_with_a_hostile_text_leaves_every_report_whole(suite: Suite) -> None:
    suite.facts(f"broken('east', ValueError({HOSTILE}))")

    ran = suite.run("-v")

    assert ran.status == 6
    assert "\x1b" not in ran.out
    assert ran.junit.case("TST-001").find("error") is not None


def test_thousands_of_findings_are_cut_in_text_and_complete_in_the_evidence(suite: Suite) -> None:
    suite.facts("seen('east', *map(str, range(3000)))")
    suite.checks(a_check("TST-001", FINDS))

    ran = suite.run()

    assert "… and 2950 more findings, see findings.json" in (
        ran.junit.case("TST-001").findtext("failure") or ""
    )
    assert len(ran.results["TST-001"]["findings"]) == 3000


@pytest.mark.parametrize("family", ["xunit1", "xunit2", "legacy"])
def test_every_family_of_junit_works(suite: Suite, family: str) -> None:
    suite.checks(*ONE_OF_EACH)

    ran = suite.run("-o", f"junit_family={family}", "-o", "junit_logging=no")

    assert len(ran.junit.cases) == 9
    assert "it is bent" in (ran.junit.case("TST-003").findtext("system-out") or "")


def test_a_module_that_cannot_be_collected_is_an_error_of_a_valid_file(suite: Suite) -> None:
    suite.checks("\nimport no_such_module\n", a_check("TST-001"))

    ran = suite.run()

    assert ran.status == 2
    assert [outcome_of(case) for case in ran.junit.cases] == ["error"]


def test_a_run_without_a_check_leaves_a_valid_empty_file(suite: Suite) -> None:
    ran = suite.run("-k", "nomatch")

    assert ran.status == 5
    assert ran.junit.cases == ()
