"""JUnit XML of what a profile adds to a check: waivers and controls, hostile ones too."""

from datetime import UTC, datetime, timedelta

import pytest

from suites import FINDS, PROFILE, Suite, a_check

HOSTILE = "<script>alert(1)</script>]]>&amp;{{ 7 * 7 }}'"
SOON = datetime.now(UTC).date() + timedelta(days=400)
WAIVERS = """
waivers:
  - check: TST-001
    subject: "thing/*"
    reason: "{reason}"
    owner: "platform team"
    approved_by: "Ada Lovelace"
    expires: {expires}
    ticket: CHG-4711
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    suite = Suite(pytester, monkeypatch)
    suite.checks(a_check("TST-001", FINDS), a_check("TST-002"))
    return suite


def test_a_waived_check_is_skipped_with_its_id_reason_and_expiry(suite: Suite) -> None:
    suite.profile(PROFILE + WAIVERS.format(reason="known to be bent", expires=SOON))

    ran = suite.run()

    assert ran.status == 0
    case = ran.junit.case("TST-001")
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.get("message") == (
        "TST-001 2 findings waived, of 2 assessed: known to be bent (approved by Ada Lovelace, CHG-4711), "
        f"until {SOON}"
    )
    out = case.findtext("system-out") or ""
    assert "waived high: east: thing/a: it is bent" in out
    assert (
        f"known to be bent (approved by Ada Lovelace, CHG-4711, until {SOON}; platform team sees to it)"
        in out
    )
    assert "  waivers: 1 used" in ran.out


def test_an_expired_waiver_is_told_and_its_findings_count_again(suite: Suite) -> None:
    suite.profile(PROFILE + WAIVERS.format(reason="known", expires="2020-02-29"))

    ran = suite.run()

    assert ran.status == 1
    failure = ran.junit.case("TST-001").find("failure")
    assert failure is not None
    assert "the waiver of 2 findings expired on 2020-02-29" in (failure.get("message") or "")
    assert "waivers: 1 expired (TST-001 thing/*: 2 findings count again)" in ran.out
    page = (ran.folder / "report.html").read_text()
    assert "its waiver expired on 2020-02-29" in page


def test_a_hostile_waiver_leaves_every_report_whole(suite: Suite) -> None:
    suite.profile(PROFILE + WAIVERS.format(reason=HOSTILE, expires=SOON))

    ran = suite.run("-v")

    assert ran.status == 0, ran.out
    assert "\x1b" not in ran.out
    assert ran.junit.case("TST-001").find("skipped") is not None
    page = (ran.folder / "report.html").read_text()
    assert "<script>alert(1)" not in page
    assert "\x1b" not in page


def test_hostile_attachments_leave_every_report_whole(suite: Suite) -> None:
    body = (
        "from domino_health import Attachment",
        r"evil = '\x1b[31m\x00\ufffe<script>alert(1)</script>]]>\ud800' + 'A' * 20_000",
        "table = Attachment.table(evil, [evil], [[evil]])",
        "plot = Attachment.plot(evil, '<svg>' + evil + '</svg>')",
        "return Assessment(things, [], attachments=[table, plot])",
    )
    suite.checks(a_check("TST-001", "\n".join(body)))

    ran = suite.run("-v")

    assert ran.status == 0, ran.out
    assert "\x1b" not in ran.out
    assert ran.junit.case("TST-001").find("skipped") is None
    page = (ran.folder / "report.html").read_text()
    assert "<script>alert(1)" not in page
    assert 'src="data:image/svg+xml;base64,' in page
    (table, plot) = ran.results["TST-001"]["attachments"]
    assert len(table["rows"]) == 1
    assert plot["svg"].startswith("<svg>")
