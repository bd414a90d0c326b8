"""The page: waivers, what was measured, what it is evidence for, what changed, and whose facts it shows."""

import base64
from datetime import date, timedelta

import pytest

from domino_health.facts.observed import Observed, Outcome
from domino_health.facts.previous import PreviousFinding
from domino_health.redact import Redactor
from domino_health.reports import html, texts
from domino_health.reports.record import Replay
from domino_health.results import State
from domino_health.rules import Standing, Waived
from domino_health.vocabulary import Attachment, Severity
from report_dom import Element, page_of, parse
from report_night import a_bad_night
from report_samples import (
    BEGAN,
    a_finding,
    a_ref,
    a_result,
    a_seen,
    a_waiver,
    an_entry,
    many_findings,
    previous,
    seen_before,
)

# Waivers


def waived(number: int = 1, **waiver: object) -> tuple[Waived, ...]:
    return tuple(Waived(finding, a_waiver(**waiver)) for finding in many_findings(number))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("days", "said"), [(21, "21 days left"), (1, "1 day left"), (0, "ends today"), (-1, "expired 1 day ago")]
)
def test_a_waived_finding_stands_under_who_accepted_it_and_until_when(days: int, said: str) -> None:
    ends = BEGAN.date() + timedelta(days=days)
    check = page_of(
        a_result(
            state=State.WAIVED,
            waived=(Waived(a_finding("412 d old"), a_waiver(ticket="CHG-4711", expires=ends)),),
        )
    ).one("details", id="SCHED-001")

    assert check.one("p", "dh-word-of").text == (
        f"accepted for now Approved by Ada Lovelace, CHG-4711; platform team sees to it. Until {ends}, {said}"
    )
    assert check.one("table").text.endswith(
        "high deployment/domino-platform/nucleus-frontend 412 d old 1 object"
    )
    assert "1 waived finding" in [heading.text for heading in check.all("h4")]


def test_findings_of_one_waiver_stand_together_and_are_bounded() -> None:
    page = page_of(a_result(state=State.WAIVED, waived=(*waived(300), *waived(1, reason="another"))))
    check = page.one("details", id="SCHED-001")

    assert len(list(check.all("p", "dh-word-of"))) == 2
    assert [len(list(table.all("tr"))) - 1 for table in check.all("table")] == [25, 175, 1]
    assert "100 more findings (100 high) are not on this page" in check.text


def test_many_waived_findings_share_the_page_with_those_that_count() -> None:
    both = a_result(state=State.FAILED, findings=many_findings(201), waived=waived(201))

    assert html.most_findings([both] * 50) == 40


def test_the_ledger_tells_of_each_waiver_what_must_be_seen_to_first() -> None:
    ledger = (
        an_entry(check="CAP-001", subject="node/*"),
        an_entry(Standing.UNUSED, 0),
        an_entry(check="CAP-001", subject="soon", days_left=30),
        an_entry(Standing.EXPIRED, 0, -5),
        an_entry(Standing.NOT_JUDGED, 0),
        an_entry(Standing.NO_SUCH_CHECK, 0, check="SHCED-001"),
        an_entry(Standing.EXPIRED, 7, -2, ticket="CHG-1", source="waivers/team.yaml"),
    )
    section = page_of(a_result("CAP-001"), ledger=ledger).one("section", **{"aria-labelledby": "dh-waivers"})
    first, *others = list(section.all("tr"))[1:]

    assert "dh-missed" in first.classes
    assert first.text == (
        "expired 7 findings count again SCHED-001 deployment/* "
        + ", ".join(f"prod-1: deployment/domino-platform/d-{number}" for number in range(5))
        + " and 2 more accepted for now Approved by Ada Lovelace, CHG-1; platform team sees to it; "
        "from waivers/team.yaml 2026-11-22 expired 2 days ago"
    )
    assert [next(row.all("span", "dh-mark")).text for row in others] == [
        *("no such check", "used", "expired", "used", "not judged", "unused")
    ]
    assert [row.text for row in section.all("strong")] == ["7 findings count again", "30 days left"]
    assert not any("dh-missed" in row.classes for row in others)
    # What this page has no check of is no link.
    assert {link.attributes["href"] for link in section.all("a")} == {"#CAP-001"}


def test_a_large_ledger_is_bounded() -> None:
    page = page_of(a_result(), ledger=tuple(an_entry(subject=str(n)) for n in range(html.MOST_WAIVERS + 3)))
    section = page.one("section", **{"aria-labelledby": "dh-waivers"})

    assert len(list(section.all("tr"))) == 1 + html.MOST_WAIVERS
    assert "3 more waivers are not on this page: verdict.json has every one" in section.text


def test_without_waivers_nothing_is_said_of_them() -> None:
    assert "aiver" not in page_of(a_result()).one("main").text


def test_a_finding_whose_waiver_has_expired_says_so() -> None:
    entry = an_entry(Standing.EXPIRED, 1, -2)
    found = (a_finding(subject=a_ref("d-0")), a_finding(subject=a_ref("d-1")))
    page = page_of(a_result(state=State.FAILED, findings=found), ledger=(entry,))
    rows = [row.text for row in page.one("table", "dh-findings").all("tr")][1:]

    assert ["its waiver expired on 2026-11-22" in row for row in rows] == [True, False]


# What was measured


def attached(*attachments: Attachment, **more: object) -> Element:
    return page_of(a_result(attachments=attachments), **more).one("details", id="SCHED-001")


@pytest.mark.parametrize(("rows", "is_open"), [(html.SHORT_TABLE, True), (html.SHORT_TABLE + 1, False)])
def test_a_table_is_shown_on_a_pass_too_and_folded_when_it_is_long(rows: int, is_open: bool) -> None:
    check = attached(Attachment.table("Nodes", ["node", "used"], [(f"n{row}", row) for row in range(rows)]))
    (fold,) = (each for each in check.all("details") if list(each.all("table", "dh-attached")))

    assert fold.one("summary").text == f"Nodes: {rows} rows"
    assert ("open" in fold.attributes) is is_open
    assert [row.text for row in fold.all("tr")][:2] == ["nodeused", "n00"]


@pytest.mark.parametrize(("rows", "shown"), [(200, 200), (201, 200)])
def test_of_a_table_200_rows_are_in_the_page(rows: int, shown: int) -> None:
    check = attached(Attachment.table("Nodes", ["node"], [(row,) for row in range(rows)]))

    assert len(list(check.one("table", "dh-attached").all("tr"))) == 1 + shown
    assert ("1 more row is not on this page: findings.json has every one" in check.text) is (rows > shown)


def test_many_long_tables_share_the_page() -> None:
    table = Attachment.table("Nodes", ["node"], [(row,) for row in range(201)])

    assert html.most_rows([a_result(attachments=(table,))] * 100) == 40


def test_a_long_cell_is_cut() -> None:
    cell = (
        attached(Attachment.table("Logs", ["line"], [("x" * 20_000,)])).one("table", "dh-attached").one("td")
    )

    assert cell.text == "x" * texts.LONGEST_CELL + f"… ({20_000 - texts.LONGEST_CELL} characters more)"


def test_a_picture_is_an_image_that_holds_all_of_itself() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><text>s3cr3t &amp; \x1b\ud800 no</text></svg>'
    check = attached(Attachment.plot('Waits "<b>', svg), redactor=Redactor(["s3cr3t"]))
    image = check.one("img")
    kind, _, content = image.attributes["src"].partition(",")

    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(content).decode() == svg.replace("s3cr3t", "***").replace("\x1b\ud800", "��")
    assert image.attributes["alt"] == 'Plot: Waits "<b>'
    assert check.one("figcaption").text == 'Waits "<b>'


def test_pictures_beyond_what_a_page_holds_are_left_out_and_the_page_says_so() -> None:
    svg = f"<svg>{'x' * (texts.LARGEST_PICTURES // 2 - 11)}</svg>"
    check = attached(*(Attachment.plot(str(number), svg) for number in range(3)))

    assert [image.attributes["alt"] for image in check.all("img")] == ["Plot: 0", "Plot: 1"]
    assert [figure.text for figure in check.all("figure")][2] == (
        "2 This page has no room for more pictures: findings.json has it."
    )


# Controls, and what people here know


def test_a_check_says_what_it_is_evidence_for() -> None:
    check = page_of(a_result(controls=("SOC 2 A1.1", "ISO 27001 A.8.6"))).one("details", id="SCHED-001")

    assert [control.text for control in check.one("ul", "dh-controls").all("li")] == [
        *("SOC 2 A1.1", "ISO 27001 A.8.6")
    ]
    assert "Evidence for" in [heading.text for heading in check.all("h4")]
    assert "Evidence for" not in page_of(a_result()).text


def test_notes_of_the_site_stand_above_the_runbook_as_they_are_and_open_where_the_gate_is_closed() -> None:
    note = "# Here\n\nCall <us>.\n"
    page = page_of(
        a_result(state=State.FAILED, findings=(a_finding(),), notes="SCHED-001.md"),
        a_result("CAP-001", State.WARNED, findings=(a_finding(severity=Severity.LOW),), notes="CAP-001.md"),
        runbooks={"SCHED-001": "ours"},
        notes={"SCHED-001": note, "CAP-001": "theirs"},
    )
    closing, warned = page.all("details", "dh-notes")

    assert closing.one("code").verbatim == note
    assert closing.one("summary").text == "Notes of your own: SCHED-001.md"
    assert ["open" in each.attributes for each in (closing, warned)] == [True, False]
    check = page.one("details", id="SCHED-001")
    folds = [each.classes for each in check.all("details") if {"dh-notes", "dh-runbook"} & set(each.classes)]
    assert folds == [["dh-fold", "dh-notes"], ["dh-fold", "dh-runbook"]]


# Whose facts


@pytest.mark.parametrize("verified", [True, False])
def test_a_replay_is_told_before_the_verdict(verified: bool) -> None:
    replay = Replay("reports/prod/x", verified, profile="strict.yaml", recorded_exit_status=0)
    main = page_of(a_result(), replay=replay).one("main")
    first = next(child for child in main.children if isinstance(child, Element))

    assert "dh-replay" in first.classes
    proof = (
        "its files are as its SHA256SUMS has them"
        if verified
        else "it has no SHA256SUMS, so nobody can tell whether it was changed"
    )
    assert first.text == (
        "Replay: nothing was looked at. The facts are those of reports/prod/x, seen 2026-11-24 03:12:44 UTC; "
        f"{proof}. Judged by the profile strict.yaml. It came to exit status 0, as recorded."
    )


def test_a_verdict_that_differs_from_the_recorded_one_stands_out() -> None:
    replay = Replay("x", verified=True, profile="as recorded", recorded_exit_status=1)

    (other,) = page_of(a_result(), replay=replay).all("p", "dh-other")
    assert other.text == "ANOTHER VERDICT: exit status 1 was recorded, 0 is what it comes to now."
    same = Replay("x", verified=True, profile="as recorded", recorded_exit_status=0)
    assert not list(page_of(a_result(), replay=same).all("p", "dh-other"))


def test_a_run_that_looked_for_itself_has_no_banner() -> None:
    assert not list(page_of(a_result()).all("aside"))


# Since the run before


def test_what_changed_stands_between_what_blocks_and_the_areas() -> None:
    parser = parse(html.render(a_bad_night()))
    ids = [element.attributes.get("id") for element in parser.order]
    assert ids.index("dh-blocks") < ids.index("dh-since") < ids.index("dh-areas")

    section = parser.root.one("section", **{"aria-labelledby": "dh-since"})
    assert section.text.startswith(
        "Since the run of 2026-11-23 03:12:44 UTC 2 new findings, 1 gone, 2 checks with another outcome. "
        "That run ended with exit status 1."
    )
    assert [line.text for line in section.all("li")] == [
        "outcome STOR-002 passed, now ? unknown",
        "outcome CAP-003 passed, now ! warned",
        "new IDP-001 critical: endpoint/domino.prod.example.com:443",
        "new SCHED-001 high: prod-1: deployment/domino-platform/dispatcher",
        "gone SCHED-001 high: prod-1: deployment/domino-platform/nucleus",
    ]


def test_new_findings_are_marked_where_they_stand() -> None:
    before = previous(
        PreviousFinding("SCHED-001", "prod-1: deployment/domino-platform/old", "high"),
        states={"SCHED-001": "failed"},
    )
    found = (a_finding(subject=a_ref("new")), a_finding(subject=a_ref("old")))
    page = page_of(a_result(state=State.FAILED, findings=found), observed=seen_before(before))

    rows = [row.text for row in page.one("table", "dh-findings").all("tr")][1:]
    assert ["new 2 of 3" in row for row in rows] == [True, False]


def test_another_gate_and_what_was_not_compared_are_said() -> None:
    before = previous(gate="nightly", exit_status=0, states={"SCHED-001": "passed"}, blind=("SCHED-001",))
    page = page_of(a_result(), a_result("CAP-001"), observed=seen_before(before))
    section = page.one("section", **{"aria-labelledby": "dh-since"})

    assert (
        "Nothing has changed. That run ended with exit status 0, judged by another gate: nightly; "
        "1 of 2 checks were in it. What is new or gone is not told where something was not seen, now "
        "or then: SCHED-001."
    ) in section.text


def test_ten_thousand_changes_are_counted_and_few_are_shown() -> None:
    gone = [PreviousFinding("SCHED-001", f"pod/{number}", "high") for number in range(10_000)]
    failed = a_result(state=State.FAILED, findings=many_findings(10_000))
    before = previous(*gone, states={"SCHED-001": "failed"})
    page = page_of(failed, observed=seen_before(before))
    section = page.one("section", **{"aria-labelledby": "dh-since"})

    assert "10,000 new findings, 10,000 gone, 0 checks with another outcome" in section.text
    lines = [line.text for line in section.all("li")]
    assert len(lines) == 2 * (html.MOST_CHANGES + 1)
    assert lines[html.MOST_CHANGES] == "and 9,990 more that are new"
    assert lines[-1] == "and 9,990 more that are gone"


def test_a_run_before_that_cannot_be_read_is_told() -> None:
    dead = a_seen(
        "latest", Outcome.FAILED, reason="it left nothing that can be read", cure="see how it ended"
    )
    page = page_of(a_result(), observed={"previous": Observed("previous", (dead,))})

    assert "Not compared with the run before: it left nothing that can be read" in page.one("main").text
    assert not list(page.all(id="dh-since"))


def test_a_waiver_to_its_last_day_holds_in_the_page_as_in_the_ledger() -> None:
    last = a_waiver(expires=date(2026, 11, 24))
    page = page_of(a_result(state=State.WAIVED, waived=(Waived(a_finding(), last),)))

    assert "Until 2026-11-24, ends today" in page.one("p", "dh-word-of").text
