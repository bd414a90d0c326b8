"""The page: that much does not make it heavy, and that nothing hostile in it does harm."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from domino_health.facts.observed import Observed, Outcome
from domino_health.facts.previous import PreviousFinding
from domino_health.plugin.evaluate import wire
from domino_health.redact import Redactor
from domino_health.reports import html, texts
from domino_health.reports.record import Record, Replay
from domino_health.results import State
from domino_health.rules import Entry, Standing, Waived
from domino_health.vocabulary import Attachment, Unseen
from report_dom import page_of, parse
from report_night import a_bad_night
from report_samples import (
    HOSTILE,
    a_finding,
    a_record,
    a_ref,
    a_result,
    a_seen,
    a_waiver,
    an_attack,
    many_findings,
    previous,
    seen_before,
)

# What is too much


def test_many_findings_are_bounded_and_the_page_says_so() -> None:
    record = a_record(a_result(state=State.FAILED, findings=many_findings(10_000)))
    text = html.render(record)
    assert len(text) < 300_000
    check = parse(text).root.one("details", id="SCHED-001")
    in_view, folded = check.all("table")
    assert len(list(in_view.all("tr"))) == 1 + html.IN_VIEW
    assert len(list(folded.all("tr"))) == 1 + html.MOST_FINDINGS - html.IN_VIEW
    assert "10,000 findings: 3 critical, 9,997 high" in check.text
    assert "9,800 more findings (9,800 high) are not on this page: findings.json has every one" in check.text


def test_many_checks_with_many_findings_share_the_page() -> None:
    failed = [a_result(f"CAP-{n:03}", State.FAILED, findings=many_findings(201)) for n in range(100)]
    assert html.most_findings(failed) == 40
    assert html.most_findings(failed * 10) == html.IN_VIEW
    assert html.most_findings([]) == html.MOST_FINDINGS
    assert len(list(page_of(*failed).all("table", "dh-findings"))) == 200


@pytest.mark.parametrize(("number", "is_many"), [(html.MANY, False), (html.MANY + 1, True)])
def test_of_many_open_checks_only_those_near_the_screen_are_laid_out(number: int, is_many: bool) -> None:
    failed = (a_result(f"CAP-{n:03}", State.FAILED) for n in range(number))
    passed = (a_result(f"DOM-{n:03}") for n in range(50))
    assert ("dh-many" in page_of(*failed, *passed).one("main").classes) is is_many


def test_many_targets_are_bounded_and_those_not_seen_come_first() -> None:
    number = html.MOST_TARGETS + 20
    unseen = tuple(Unseen(f"ns-{n}", "denied", "ask") for n in range(number))
    targets = (*(a_seen(f"ns-{n}") for n in range(number)), a_seen("dead", Outcome.FAILED))
    page = page_of(a_result(state=State.UNKNOWN, unseen=unseen), observed={"pods": Observed("pods", targets)})
    assert len(list(page.one("ul").all("li"))) == html.MOST_TARGETS
    assert "20 more targets are not on this page: findings.json" in page.text
    rows = list(page.one("details", "dh-fact").one("table").all("tr"))
    assert len(rows) == 1 + html.MOST_TARGETS
    assert rows[1].text.startswith("dead")
    assert "21 more targets are not on this page: facts/" in page.text


def test_of_a_long_traceback_the_end_stays() -> None:
    details = "first line\n" + "x" * 30_000 + "\nKeyError: 'region'"
    shown = page_of(a_result(state=State.UNKNOWN, details=details)).one("details", id="SCHED-001").one("pre")
    assert shown.text.startswith("(10,030 characters before) …xxx")
    assert shown.text.endswith("KeyError: 'region'")


def test_a_long_reason_is_cut_above_and_stands_below() -> None:
    reason = "word " * 200
    page = page_of(a_result(state=State.FAILED, reason=reason))
    assert "characters more)" in page.one("ol").text
    assert reason.strip() in page.one("details", id="SCHED-001").text


# What means harm


def test_hostile_text_makes_no_element_and_no_attribute() -> None:
    kind = parse(html.render(replace(a_bad_night(), replay=Replay("x", True, "x", 0))))
    evil = parse(html.render(an_attack()))
    harmless = {element.tag for element in kind.order}
    assert {element.tag for element in evil.order} <= harmless
    assert not harmless & {"script", "svg", "iframe", "object", "link", "base", "form"}
    names = {name for element in evil.order for name in element.attributes}
    assert names <= {name for element in kind.order for name in element.attributes}
    assert not any(name.startswith("on") or name == "style" for name in names)
    assert {element.tag for element in evil.order if "src" in element.attributes} == {"img"}


def test_hostile_text_can_be_read_as_it_is() -> None:
    text = parse(html.render(an_attack())).root.text
    assert "<script>document.title='owned'</script>" in text
    assert "{{ 7 * 7 }}" in text


def test_no_character_stops_the_page_from_being_written() -> None:
    text = html.render(an_attack())
    assert text.encode()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", text)


def test_nothing_turns_the_text_around() -> None:
    text = html.render(an_attack())
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", text)
    hebrew = "\u05e9\u05dc\u05d5\u05dd"
    page = page_of(a_result(state=State.FAILED, findings=(a_finding(subject=a_ref(hebrew)),)))
    assert hebrew in page.one("table", "dh-findings").one("th", scope="row").one("bdi").text


@pytest.mark.parametrize("padding", [0, texts.LONGEST_REASON - 4, texts.LONGEST_TEXT - 4])
def test_no_secret_is_shown_not_even_half_of_one(padding: int) -> None:
    said = "x" * padding + "s3cr3t<&>word"
    seen = a_seen(said, Outcome.FAILED, how=said, reason=said, cure=said, details=said)
    waiver = a_waiver(subject=said, reason=said, owner=said, approved_by=said, ticket=said, source=said)
    result = a_result(state=State.FAILED, reason=said, title=said, details=said, thresholds={"a": said})
    result = replace(
        result,
        waived=(Waived(a_finding(said), waiver),),
        attachments=(Attachment(said, (said,), ((said,),), "<svg/>"),),
        controls=(said,),
        notes=said,
    )
    before = previous(PreviousFinding(result.id, said, said), gate=said, states={result.id: "passed"})
    text = html.render(
        a_record(
            result,
            resolved=said,
            source=said,
            observed={"pods": Observed("pods", (seen,)), **seen_before(before)},
            ledger=(Entry(waiver, Standing.EXPIRED, 1, -1, (said,)),),
            notes={result.id: said},
            replay=Replay(said, verified=False, profile=said, recorded_exit_status=0),
            redactor=Redactor(["s3cr3t<&>word"]),
        )
    )
    assert "s3c" not in text


@pytest.mark.parametrize("record", [a_bad_night(), an_attack()], ids=["night", "attack"])
def test_the_page_loads_nothing(record: Record) -> None:
    text = html.render(record)
    parser = parse(text)
    assert all(
        element.attributes["href"].startswith("#") for element in parser.order if "href" in element.attributes
    )
    assert not {"srcset", "poster", "data", "action"} & {
        name for element in parser.order for name in element.attributes
    }
    pictures = [element.attributes["src"] for element in parser.order if "src" in element.attributes]
    assert pictures
    assert all(re.fullmatch(r"data:image/svg\+xml;base64,[A-Za-z0-9+/=]+", picture) for picture in pictures)
    (style,) = parser.root.all("style")
    assert not re.search(r"url\(|@import|@font-face|expression\(", style.verbatim)


# The appendix


def test_the_appendix_has_a_column_for_our_outcome() -> None:
    header = ["<th>Result</th>", "<th>Test</th>", "<th>Duration</th>", "<th>Links</th>"]
    html.results_table_header(header)
    assert header[1] == '<th class="sortable" data-column-type="outcome">Outcome</th>'
    report = SimpleNamespace(nodeid="checks/a.py::test", domino_health=wire(a_result(state=State.WARNED)))
    cells = ["<td>Passed</td>", "<td>checks/a.py::test</td>", "<td>1 ms</td>", "<td></td>"]
    html.results_table_row(report, cells)
    assert len(cells) == len(header)
    assert cells[:3] == [
        "<td>Passed</td>",
        '<td class="col-outcome">warned</td>',
        '<td class="col-testId">checks/a.py::test</td>',
    ]


def test_the_appendix_says_what_closes_the_gate_and_takes_a_report_without_a_result() -> None:
    cells = ["", "", "", ""]
    html.results_table_row(
        SimpleNamespace(nodeid="a", domino_health=wire(a_result(state=State.FAILED))), cells
    )
    assert cells[1] == '<td class="col-outcome">failed, closes the gate</td>'
    cells = ["", "", "", ""]
    html.results_table_row(SimpleNamespace(nodeid="checks"), cells)
    assert cells[1:3] == ['<td class="col-outcome"></td>', '<td class="col-testId">checks</td>']


def test_the_appendix_escapes_names() -> None:
    cells = ["", "<td>raw</td>", "", ""]
    html.results_table_row(SimpleNamespace(nodeid=HOSTILE, domino_health={"state": HOSTILE}), cells)
    for cell in cells[1:3]:
        assert cell.count("<") == 2
        assert cell.encode()


def test_the_appendix_keeps_the_beginning_of_a_checks_output_and_all_of_what_is_no_check() -> None:
    long = "x" * (html.LONGEST_LOG + 1)
    logs = [long, "y" * html.LONGEST_LOG]
    html.results_table_log(SimpleNamespace(domino_health={}), logs)
    assert logs == [long[:-1] + "… (1 characters more: junit.xml has all of it)\n", "y" * html.LONGEST_LOG]
    logs = [long]
    html.results_table_log(SimpleNamespace(), logs)
    assert logs == [long]
