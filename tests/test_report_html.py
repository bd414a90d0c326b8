"""The page: what it says, and in which order."""

from collections import Counter

import pytest

from domino_health.facts.observed import Observed, Outcome
from domino_health.reports import html, texts
from domino_health.results import Result, State
from domino_health.vocabulary import Severity, Unseen
from report_dom import Element, Parser, page_of, parse
from report_night import a_bad_night
from report_samples import (
    RULE,
    a_finding,
    a_record,
    a_ref,
    a_result,
    a_seen,
)


def position(parser: Parser, **attributes: str) -> int:
    return next(
        number
        for number, element in enumerate(parser.order)
        if attributes.items() <= element.attributes.items()
    )


def test_the_verdict_comes_first_then_why_then_the_rest() -> None:
    parser = parse(html.render(a_bad_night()))
    ids = ["dh-blocks", "dh-areas", "dh-closing", "dh-warned", "dh-unknown", "dh-waived", "dh-passed"]
    ids += ["dh-skipped", "dh-facts", "dh-run", "dh-profile", "dh-appendix"]
    positions = [position(parser, id=id) for id in ids]
    assert positions == sorted(positions)
    main = parser.root.one("main")
    assert next(child.tag for child in main.children if isinstance(child, Element)) == "header"
    assert next(parser.root.all("h1")).text == "Gate default is ✕ CLOSED"


@pytest.mark.parametrize(
    ("results", "pytest_status", "word", "meaning"),
    [
        ([a_result()], 0, "OPEN", "Nothing was found that closes this gate."),
        ([a_result(state=State.FAILED)], 1, "CLOSED", "Something is unhealthy."),
        ([a_result()], 2, "CLOSED", "The run was interrupted."),
        ([a_result()], 3, "CLOSED", "An internal error ended the run"),
        ([a_result()], 4, "CLOSED", "The run was not set up properly."),
        ([], 5, "CLOSED", "No check was selected."),
        ([a_result(state=State.UNKNOWN, closes=True)], 0, "CLOSED", "something could not be looked at"),
    ],
)
def test_the_verdict_is_said_in_words(
    results: list[Result], pytest_status: int, word: str, meaning: str
) -> None:
    record = a_record(*results, pytest_status=pytest_status)
    page = parse(html.render(record)).root
    header = page.one("header")
    assert header.one("h1").text.endswith(word)
    assert meaning in header.text
    assert f"Exit status {record.verdict.exit_status} · closes at high or worse" in header.text
    assert [len(list(page.all(id="dh-blocks")))] == [0 if record.verdict.open else 1]


def test_each_reason_leads_to_its_check() -> None:
    page = parse(html.render(a_bad_night())).root
    links = [link.attributes["href"] for link in page.one("ol").all("a")]
    assert links == ["#IDP-001", "#SCHED-001", "#DATA-003", "#STOR-002", "#STOR-004"]
    assert all(len(list(page.all(id=link.removeprefix("#")))) == 1 for link in links)


def test_a_reason_says_the_rule_and_the_worst_value() -> None:
    page = parse(html.render(a_bad_night())).root
    first = next(page.one("ol").all("li"))
    assert first.text == (
        "✕ failed IDP-001 Every TLS endpoint answers with a chain that verifies and is not near its end. "
        "2 findings at or above high, of 6 assessed; worst: the first certificate ended 3 h 12 m ago, on "
        "2026-11-24 00:00 UTC"
    )


def test_without_a_worst_value_a_reason_names_the_worst_finding() -> None:
    failed = a_result(state=State.FAILED, reason="1 finding", findings=(a_finding("0 of 3 replicas"),))
    (reason,) = page_of(failed).one("ol").all("li")
    assert reason.text.endswith("1 finding; deployment/domino-platform/nucleus-frontend: 0 of 3 replicas")


def test_one_dead_target_is_one_reason_and_told_once() -> None:
    blind = {"closes": True, "reason": "could not look at prod: refused"}
    page = page_of(*(a_result(f"CAP-{n:03}", State.UNKNOWN, **blind) for n in range(3)))
    (reason, nothing) = page.one("ol").all("li")
    assert reason.text == "? unknown 3 checks: CAP-000 CAP-001 CAP-002 could not look at prod: refused"
    assert nothing.text == "no check assessed anything"
    assert ["open" in check.attributes for check in page.all("details", "dh-closes")] == [True, False, False]


def test_two_failures_with_the_same_words_stay_two_reasons() -> None:
    page = page_of(*(a_result(f"CAP-{n:03}", State.FAILED, reason="1 finding") for n in range(2)))
    assert len(list(page.one("ol").all("li"))) == 2


def test_what_the_verdict_rests_on_when_and_how_long() -> None:
    page = parse(html.render(a_bad_night())).root
    assert page.one("p", "dh-rests").text == (
        "The verdict rests on 11 of 80 checks (17 selected). Looked at 2026-11-24 03:12:44 UTC, took 41 s. "
        "Ages by the clock of cluster prod-1, 12 s ahead of this machine's."
    )


def test_areas_count_every_check_and_those_that_block_come_first() -> None:
    record = a_bad_night()
    rows = [row.text.split() for row in next(parse(html.render(record)).root.all("table")).all("tr")]
    assert [" ".join(row) for row in rows[:5]] == [
        "Area ✕ failed ? unknown ! warned ~ waived ✓ passed - skipped checks",
        "DATA 0 1 0 0 0 0 1",
        "IDP 1 0 0 1 1 0 3",
        "SCHED 1 0 0 0 0 0 1",
        "STOR 0 2 0 0 1 0 3",
    ]
    states = Counter(result.state for result in record.results)
    assert rows[-1] == ["All", *(str(states[state]) for state in texts.SYMBOLS), str(len(record.results))]


def test_what_blocks_is_open_and_what_passed_is_folded() -> None:
    page = parse(html.render(a_bad_night())).root
    opened = {
        check.attributes["id"]: "open" in check.attributes
        for check in page.all("details", "dh-check")
        if "id" in check.attributes
    }
    assert [id for id, is_open in opened.items() if is_open] == [
        "IDP-001",
        "SCHED-001",
        "DATA-003",
        "STOR-002",
        "CAP-003",
        "MON-004",
    ]
    assert list(opened)[:6] == ["IDP-001", "SCHED-001", "DATA-003", "STOR-002", "STOR-004", "CAP-003"]


@pytest.mark.parametrize("state", State)
def test_a_folded_line_says_all_that_matters(state: State) -> None:
    page = page_of(a_result("CAP-001", state, worst="4 m of 10 m", window="the last hour", population=1200))
    line = next(page.one("details", id="CAP-001").all("summary")).text
    for part in (f"{texts.SYMBOLS[state]} {state.value}", "CAP-001", "No pod waits longer than max_wait"):
        assert part in line
    for part in ("worst: 4 m of 10 m", "window: the last hour", "severity high"):
        assert part in line
    assert ("1,200 assessed" in line) == (state is not State.SKIPPED)
    assert ("closes the gate" in line) == (state is State.FAILED)


def test_every_state_and_every_exit_status_has_its_word() -> None:
    assert set(texts.SYMBOLS) == set(State)
    assert list(html.MEANINGS) == list(range(7))


def test_a_check_tells_everything() -> None:
    page = page_of(
        a_result(
            state=State.FAILED,
            findings=(
                a_finding(
                    "2 of 3 replicas", count=12, examples=(a_ref("a", kind="pod"), a_ref("b", kind="pod"))
                ),
                a_finding("0 of 1 replicas", Severity.MEDIUM, examples=(a_ref(),)),
            ),
            thresholds={"max_wait": "10m"},
            details="Traceback: boom",
        )
    )
    check = page.one("details", id="SCHED-001")
    assert [heading.text for heading in check.all("h4")] == [
        "2 findings: 1 high, 1 medium",
        "What to do",
        "Why it matters",
        "Thresholds used",
    ]
    rows = [row.text for row in check.one("table").all("tr")]
    assert rows == [
        "Severity Subject Finding Objects",
        "high deployment/domino-platform/nucleus-frontend 2 of 3 replicas "
        "pod/domino-platform/a, pod/domino-platform/b and 10 more 12 objects",
        "medium deployment/domino-platform/nucleus-frontend 0 of 1 replicas 1 object",
    ]
    assert [cell.attributes for cell in check.one("table").all("th")][:2] == [{"scope": "col"}] * 2
    assert "Raise the node pool's maximum" in check.text
    assert check.one("dl").text == "max_wait10m"
    assert [paragraph.text for paragraph in check.all("p")][1:3] == [
        "A pod without a node is a workspace that somebody is waiting for.",
        "Thresholds: ours.",
    ]
    assert "open" not in check.one("details", "dh-fold").attributes
    assert check.one("pre").text == "Traceback: boom"
    assert "checks/test_sched-001.py::test_it" in check.text


@pytest.mark.parametrize(("many", "cells"), [(True, ["high", "prod-1"]), (False, ["high"])])
def test_the_cluster_is_named_where_there_are_several(many: bool, cells: list[str]) -> None:
    page = page_of(a_result(state=State.FAILED, findings=(a_finding(),)), many_clusters=many)
    row = list(page.one("table", "dh-findings").all("tr"))[1]
    assert [cell.text for cell in row.all("td")][:-2] == cells


def test_red_is_for_what_closes_the_gate_alone() -> None:
    def hot(state: State) -> list[str]:
        found = (a_finding(severity=Severity.CRITICAL), a_finding(severity=Severity.MEDIUM))
        return [cell.text for cell in page_of(a_result(state=state, findings=found)).all("span", "dh-hot")]

    assert hot(State.FAILED) == ["critical"]
    assert hot(State.WAIVED) == []


def test_a_cure_is_code_that_can_be_copied() -> None:
    unseen = Unseen("prod-2", "403 Forbidden", RULE, "denied", "pods")
    check = page_of(a_result(state=State.UNKNOWN, closes=True, unseen=(unseen,))).one(
        "details", id="SCHED-001"
    )
    (code,) = check.one("pre").all("code")
    assert code.verbatim == RULE
    assert check.one("ul").text.startswith("prod-2 denied, looking for pods 403 Forbidden")


def test_facts_say_how_when_and_how_much() -> None:
    dead = a_seen(
        "prod-2", Outcome.TIMED_OUT, reason="no answer", cure="look at it", seconds=10.0, details="Trace"
    )
    observed = {
        "pods": Observed("pods", (a_seen(objects=range(1204)), dead)),
        "groups": Observed("groups", (), "the profile has no section ldap"),
    }
    pods, groups = page_of(a_result(), observed=observed).all("details", "dh-fact")
    assert ("open" in pods.attributes, "open" in groups.attributes) == (True, False)
    assert pods.one("h3").text == "pods"
    assert pods.one("span", "dh-line").text == "1,204 objects 2 targets 1 not seen"
    rows = [row.text for row in pods.one("table").all("tr")][1:]
    how = "api/v1/pods?limit=500 2026-11-24 03:12:44 UTC"
    assert rows == [
        f"prod-2 ? timed out GET https://prod-2/{how} 10 s 0",
        "no answer Curelook at it Details: what was raised Trace",
        f"prod-1 ✓ seen GET https://prod-1/{how} 0.4 s 1,204",
    ]
    assert "not looked for: the profile has no section ldap" in groups.text


def test_the_profile_is_in_the_page_folded() -> None:
    fold = page_of(a_result(), resolved="version: 1\ntls:\n  ca_file: ${CA}\n").one(id="dh-profile")
    assert "open" not in fold.attributes
    assert fold.one("code").verbatim == "version: 1\ntls:\n  ca_file: ${CA}\n"


def test_a_run_without_any_result_has_a_page() -> None:
    page = page_of(pytest_status=5)
    assert "No check left a result." in page.text
    assert "no check was selected" in page.text


def test_double_backticks_are_code_and_a_lone_one_is_not() -> None:
    page = page_of(a_result(title="Waits ``max`` for ``<b>`` at ``most."))
    title = page.one("details", id="SCHED-001").one("span", "dh-title")
    assert [code.text for code in title.all("code")] == ["max", "<b>"]
    assert title.text == "Waits max for <b> at ``most."


def test_the_runbook_of_a_check_that_found_something_is_in_the_page() -> None:
    page = page_of(
        a_result(state=State.FAILED, findings=(a_finding(),)),
        a_result("IDP-001"),
        runbooks={"SCHED-001": "# SCHED-001\n\n$ kubectl get pods <NAME>\n"},
    )

    (runbook,) = page.all("details", "dh-runbook")
    assert runbook.one("code").verbatim == "# SCHED-001\n\n$ kubectl get pods <NAME>\n"
