"""What becomes of a check, in every report: the table of outcomes, held with pytest inside pytest."""

import pytest

from suites import FINDS, Junit, Suite, a_check


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    # The page is made by other tests; here it would take most of the time.
    return Suite(pytester, monkeypatch, ["-p", "no:html"])


WELL = a_check("TST-900")
"""Assesses two things and is content, so that a run has something to rest on."""

FIXTURE = """
import pytest

@pytest.fixture
def fix():
    {setup}
    yield 1
    {teardown}
"""


def with_fixture(
    suite: Suite, *checks: str, setup: str = "pass", teardown: str = "pass", things: str = ""
) -> None:
    more = FIXTURE.format(setup=setup, teardown=teardown)
    suite.facts(things or "seen('east', 'a', 'b')", more=more)
    suite.checks(*checks)


USES_FIXTURE = "things: list, fix: int"


# Passed, warned, failed, skipped


def test_a_pass_says_in_every_report_what_it_rests_on(suite: Suite) -> None:
    suite.checks(a_check("TST-001", "return Assessment(things, [], window='52 m', worst='4 m of 10 m')"))

    ran = suite.run("-v")

    assert ran.status == 0
    assert ran.states == {"TST-001": "passed"}
    assert ran.results["TST-001"]["population"] == 2
    assert "PASSED" in ran.out
    assert "TST-001 passed: 2 assessed, none found wanting; 4 m of 10 m" in ran.out
    case = ran.junit.case("TST-001")
    assert case.find("failure") is case.find("error") is case.find("skipped") is None
    said = case.findtext("system-out") or ""
    assert "TST-001 passed: 2 assessed, none found wanting" in said
    assert "worst: 4 m of 10 m" in said
    assert "window: 52 m" in said


def test_findings_below_the_gate_warn_and_leave_it_open(suite: Suite) -> None:
    suite.checks(a_check("TST-001", FINDS, severity="MEDIUM"))

    ran = suite.run("-v")

    assert ran.status == 0
    assert ran.verdict["verdict"] == "open"
    assert ran.states == {"TST-001": "warned"}
    assert "WARNED" in ran.out
    assert "TST-001 warned: 2 findings below high, of 2 assessed" in ran.out
    assert "1 warned" in ran.out
    case = ran.junit.case("TST-001")
    assert case.find("failure") is case.find("error") is case.find("skipped") is None
    assert "medium: east: thing/a: it is bent" in (case.findtext("system-out") or "")


def test_findings_at_the_gate_fail_and_every_offender_is_named(suite: Suite) -> None:
    suite.checks(a_check("TST-001", FINDS), WELL)

    ran = suite.run()

    assert ran.status == 1
    assert ran.verdict["verdict"] == "closed"
    assert ran.verdict["reasons"] == ["TST-001 failed: 2 findings at or above high, of 2 assessed"]
    for text in (ran.out, ran.junit.case("TST-001").findtext("failure") or ""):
        assert "high: east: thing/a: it is bent" in text
        assert "high: east: thing/b: it is bent" in text
        assert "Remediation: mend them." in text


def test_nothing_to_assess_is_skipped_and_alone_keeps_the_gate_closed(suite: Suite) -> None:
    suite.facts("seen('east'), seen('west')")

    ran = suite.run("-rs")

    assert ran.status == 6
    assert ran.states == {"TST-001": "skipped"}
    assert ran.verdict["reasons"] == ["no check assessed anything"]
    assert "nothing to assess" in ran.out


def test_an_absent_section_skips_its_checks_and_says_which(suite: Suite) -> None:
    suite.checks(a_check("TST-001", "return Assessment(certificates, [])", facts="certificates: list"), WELL)

    ran = suite.run("-rs")

    assert ran.status == 0
    assert ran.states == {"TST-001": "skipped", "TST-900": "passed"}
    skipped = ran.junit.case("TST-001").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "the profile has no section tls"
    assert "  TST-001 skipped: the profile has no section tls" in ran.out.splitlines()


# Not knowing


def test_one_dead_cluster_hides_nothing_of_the_living_one(suite: Suite) -> None:
    suite.facts("seen('east', 'a', 'b'), dead('west')")
    suite.checks(
        a_check("TST-001"), a_check("TST-002", FINDS), a_check("TST-003", FINDS, severity="CRITICAL")
    )

    ran = suite.run()

    assert ran.status == 1
    assert ran.states == {"TST-001": "unknown", "TST-002": "failed", "TST-003": "failed"}
    assert len(ran.results["TST-002"]["findings"]) == 2
    assert [unseen["target"] for unseen in ran.results["TST-002"]["unseen"]] == ["west"]
    assert ran.results["TST-002"]["reason"] == (
        "2 findings at or above high, of 2 assessed; could not look at west: connection refused"
    )
    assert "could not look at things of west (failed): connection refused" in ran.out
    assert "cure: bring it up" in ran.out
    error = ran.junit.case("TST-001").find("error")
    assert error is not None
    assert error.get("message") == "could not look at west: connection refused"


def test_findings_of_the_living_cluster_are_shown_even_where_they_alone_would_only_warn(suite: Suite) -> None:
    bent = "return Assessment(things, [Finding(thing.ref, 'it is bent', Severity.LOW) for thing in things])"
    suite.facts("seen('east', 'a'), dead('west')")
    suite.checks(a_check("TST-001", bent))

    ran = suite.run()

    assert ran.status == 6
    assert ran.states == {"TST-001": "unknown"}
    assert "low: east: thing/a: it is bent" in ran.out


def test_below_the_gate_a_dead_target_is_told_and_closes_nothing(suite: Suite) -> None:
    suite.facts("seen('east', 'a'), dead('west')")
    suite.checks(
        a_check("TST-001", FINDS, severity="LOW"),
        a_check("TST-002", "return Assessment(events, [])", facts="events: list"),
    )
    suite.facts("seen('east', 'a'), dead('west')", events="seen('east', 'e')")

    ran = suite.run("-rs", "-v")

    assert ran.status == 0
    assert ran.states == {"TST-001": "unknown", "TST-002": "passed"}
    assert ran.verdict["unseen"][0]["target"] == "west"
    case = ran.junit.case("TST-001")
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "could not look at west: connection refused"
    assert "low: east: thing/a: it is bent" in (case.findtext("system-out") or "")
    assert "UNKNOWN" in ran.out


def test_when_every_target_is_dead_the_check_is_not_even_called(suite: Suite) -> None:
    suite.facts("dead('east'), dead('west', 'certificate has expired')")
    suite.checks(a_check("TST-001", "raise RuntimeError('was called')"))

    ran = suite.run()

    assert ran.status == 6
    assert ran.states == {"TST-001": "unknown"}
    assert "was called" not in ran.out
    assert ran.results["TST-001"]["reason"] == ("could not look at east: connection refused (and 1 more)")
    assert len(ran.results["TST-001"]["unseen"]) == 2
    assert len(ran.verdict["unseen"]) == 2


def test_a_truncated_target_is_judged_as_far_as_it_was_seen(suite: Suite) -> None:
    suite.facts("dead('east', 'too many', outcome=Outcome.TRUNCATED, had=['a', 'b'])")
    suite.checks(a_check("TST-001"), a_check("TST-002", FINDS))

    ran = suite.run()

    assert ran.states == {"TST-001": "unknown", "TST-002": "failed"}
    assert ran.results["TST-002"]["population"] == 2


def test_a_collector_that_breaks_is_not_silence(suite: Suite) -> None:
    suite.facts("broken('east', KeyError('items'))")

    ran = suite.run()

    assert ran.status == 6
    assert "its collector broke: KeyError: 'items'" in ran.results["TST-001"]["reason"]


def test_a_table_of_targets_that_cannot_be_made_is_not_silence(suite: Suite) -> None:
    suite.facts("1 / 0")

    ran = suite.run()

    assert ran.status == 6
    assert "ZeroDivisionError" in ran.results["TST-001"]["reason"]


def test_a_check_answers_itself_for_what_could_not_be_seen(suite: Suite) -> None:
    body = (
        "assert [each.target for each in unseen] == ['west']",
        "dead = [Finding(Ref('', 'endpoint', '', each.target), each.reason) for each in unseen]",
        "return Assessment([*things, *unseen], dead)",
    )
    suite.facts("seen('east', 'a'), dead('west')")
    suite.checks(a_check("TST-001", *body, facts="things: list, unseen: list"))

    ran = suite.run()

    assert ran.status == 1
    assert ran.results["TST-001"]["reason"] == "1 finding at or above high, of 2 assessed"
    assert ran.results["TST-001"]["unseen"] == []


def test_a_check_answers_itself_even_when_nothing_at_all_was_seen(suite: Suite) -> None:
    body = (
        "return Assessment(unseen, [Finding(Ref('', 'x', '', each.target), each.reason) for each in unseen])"
    )
    suite.facts("dead('east'), dead('west')")
    suite.checks(a_check("TST-001", body, facts="things: list, unseen: list"))

    ran = suite.run()

    assert ran.status == 1
    assert len(ran.results["TST-001"]["findings"]) == 2


@pytest.mark.parametrize("things", ["dead('east')", "seen('east', 'a'), dead('west')"])
def test_a_check_that_forgets_to_answer_for_dead_targets_is_unknown(suite: Suite, things: str) -> None:
    suite.facts(things)
    suite.checks(
        a_check("TST-001", facts="things: list, unseen: list"),
        a_check("TST-900", "return Assessment([1], [])", facts=""),
    )

    ran = suite.run()

    assert ran.status == 6
    assert ran.states == {"TST-001": "unknown", "TST-900": "passed"}


NOTHING_NEEDED = a_check("TST-900", "return Assessment([1], [])", facts="")


def test_a_finding_of_one_object_answers_for_no_dead_target(suite: Suite) -> None:
    suite.facts("seen('east', 'a'), dead('west')")
    bent = "return Assessment(things, [Finding(things[0].ref, 'bent', Severity.LOW)])"
    suite.checks(a_check("TST-001", bent, facts="things: list, unseen: list"))

    ran = suite.run()

    assert ran.status == 6
    assert [unseen["target"] for unseen in ran.results["TST-001"]["unseen"]] == ["west"]


def test_a_dead_target_that_is_given_back_as_unseen_is_told_once(suite: Suite) -> None:
    suite.facts("seen('east', 'a'), dead('west')")
    body = "return Assessment(things, [], unseen=unseen)"
    suite.checks(a_check("TST-001", body, facts="things: list, unseen: list"))

    ran = suite.run()

    assert ran.status == 6
    assert [unseen["target"] for unseen in ran.results["TST-001"]["unseen"]] == ["west"]


DERIVED = """
import pytest

@pytest.fixture
def live_things(things):
    return list(things.objects)
"""


def test_a_fact_that_comes_through_a_fixture_brings_its_dead_targets(suite: Suite) -> None:
    suite.facts("seen('east', 'a'), dead('west')", more=DERIVED)
    suite.checks(a_check("TST-001", "return Assessment(live_things, [])", facts="live_things: list"))

    ran = suite.run()

    assert ran.status == 6
    assert ran.states == {"TST-001": "unknown"}
    assert ran.results["TST-001"]["population"] == 1


def test_a_fact_that_another_fixture_stands_in_for_brings_its_dead_targets(suite: Suite) -> None:
    suite.facts("seen('east', 'a'), dead('west')")
    suite.checks(a_check("TST-001"))
    (suite.root / "checks" / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture\ndef things(things):\n    return things.objects\n"
    )

    ran = suite.run()

    assert ran.status == 6
    assert [unseen["target"] for unseen in ran.results["TST-001"]["unseen"]] == ["west"]


LIVE = """
import pytest

@pytest.fixture
def live(things):
    if not things.objects:
        pytest.skip("no things")
    return things.objects

@pytest.fixture
def late(request):
    return request.getfixturevalue("events").objects

@pytest.fixture
def derived(events):
    return [1, *events.objects]
"""


def test_a_fixture_that_skips_for_want_of_a_dead_target_has_not_looked(suite: Suite) -> None:
    suite.facts("dead('east'), dead('west')", more=LIVE)
    suite.checks(a_check("TST-001", "return Assessment(live, [])", facts="live: list"), NOTHING_NEEDED)

    ran = suite.run()

    assert ran.status == 6
    assert ran.states["TST-001"] == "unknown"
    assert ran.results["TST-001"]["reason"] == "could not look at east: connection refused (and 1 more)"


def test_a_check_that_skips_beside_a_dead_target_has_not_looked(suite: Suite) -> None:
    suite.facts("seen('east'), dead('west')")
    suite.checks(a_check("TST-001", "if not things: pytest.skip('nothing to do')"), NOTHING_NEEDED)

    ran = suite.run()

    assert ran.status == 6
    assert ran.states["TST-001"] == "unknown"


def test_a_check_that_a_mark_skips_rests_on_nothing(suite: Suite) -> None:
    suite.facts("dead('east')")
    suite.checks(a_check("TST-001", mark="@pytest.mark.skip(reason='later')"), NOTHING_NEEDED)

    ran = suite.run()

    assert ran.status == 0
    assert ran.states["TST-001"] == "skipped"


def test_a_fact_that_a_fixture_asks_for_late_brings_its_dead_targets(suite: Suite) -> None:
    suite.facts(events="seen('east', 'e'), dead('west')", more=LIVE)
    suite.checks(
        a_check("TST-001", "return Assessment([1, *late], [])", facts="late: list"),
        a_check("TST-002", facts="things: list, events: list | None"),
    )

    ran = suite.run()

    assert ran.status == 6
    assert ran.states == {"TST-001": "unknown", "TST-002": "passed"}


def test_a_fact_that_only_explains_decides_where_a_fixture_rests_on_it(suite: Suite) -> None:
    suite.facts(events="dead('east')", more=LIVE)
    facts = "things: list, derived: list, events: list | None"
    suite.checks(a_check("TST-001", "return Assessment(derived, [])", facts=facts))

    ran = suite.run()

    assert ran.status == 6
    assert ran.states == {"TST-001": "unknown"}


def test_a_check_cannot_take_back_what_was_not_seen(suite: Suite) -> None:
    suite.facts("seen('east', 'a'), dead('west')")
    body = ("unseen.clear()", "return Assessment(things, [])")
    suite.checks(a_check("TST-001", *body, facts="things: list, unseen: list"))

    assert suite.run().status == 6


FROZEN = """
import pytest
from datetime import UTC, datetime

@pytest.fixture
def now():
    return datetime(2020, 1, 1, tzinfo=UTC)

@pytest.fixture
def unseen():
    return []
"""


def test_a_projects_own_now_is_not_the_checks(suite: Suite) -> None:
    suite.facts(more=FROZEN)
    suite.checks(
        a_check(
            "TST-001", "return Assessment(things, [], worst=str(now.year))", facts="things: list, now: object"
        )
    )

    ran = suite.run()

    assert ran.status == 0
    assert int(ran.results["TST-001"]["worst"]) > 2020
    assert ran.verdict["clock"]["source"] == "this machine"


def test_two_facts_of_one_name_are_a_usage_error(suite: Suite) -> None:
    suite.facts("dead('east')")
    suite.checks(a_check("TST-001"))
    suite.checks(a_check("TST-002"), module="test_other", folder="checks/other")
    (suite.root / "checks" / "other" / "conftest.py").write_text(
        (suite.root / "conftest.py").read_text().replace("dead('east')]", "seen('east', 'a')]")
    )

    ran = suite.run()

    assert ran.status == 4
    assert "two facts are called 'clock'" in ran.out or "two facts are called 'things'" in ran.out


def test_what_a_check_says_it_could_not_see_makes_it_unknown(suite: Suite) -> None:
    body = "return Assessment(things, [], unseen=[Unseen('logs', 'half the window is missing', 'keep more')])"
    suite.checks(a_check("TST-001", body))

    ran = suite.run()

    assert ran.status == 6
    assert ran.states == {"TST-001": "unknown"}
    assert "half the window is missing" in ran.out


OPTIONAL = "things: list, events: list | None"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ("seen('east', 'e')", "1 of them"),
        ("seen('east')", "0 of them"),
        ("dead('east')", "cause not observed"),
    ],
)
def test_a_fact_that_only_explains_may_be_missing(suite: Suite, events: str, expected: str) -> None:
    body = (
        "cause = 'cause not observed' if events is None else f'{len(events)} of them'",
        "return Assessment(things, [Finding(thing.ref, cause) for thing in things])",
    )
    suite.facts(events=events)
    suite.checks(a_check("TST-001", *body, facts=OPTIONAL))

    ran = suite.run()

    assert ran.status == 1
    assert ran.results["TST-001"]["findings"][0]["message"] == expected


def test_a_fact_that_only_explains_is_none_where_its_section_is_absent(suite: Suite) -> None:
    suite.checks(
        a_check(
            "TST-001",
            "assert certificates is None",
            "return Assessment(things, [])",
            facts="things: list, certificates: list | None",
        )
    )

    ran = suite.run()

    assert ran.status == 0
    assert ran.states == {"TST-001": "passed"}


def test_a_fact_that_only_explains_does_not_make_a_check_unknown(suite: Suite) -> None:
    suite.facts(events="dead('east')")
    suite.checks(a_check("TST-001", facts=OPTIONAL))

    ran = suite.run()

    assert ran.status == 0
    assert ran.states == {"TST-001": "passed"}
    assert ran.verdict["unseen"][0]["fact"] == "events"


# By whose clock


CLOCK = """
clock = fact("clock", lambda look: [{target}], Clock, section="clusters")
"""
HOUR_AHEAD = (
    "from datetime import UTC, datetime, timedelta",
    "ahead = now - datetime.now(UTC)",
    "assert timedelta(minutes=59) < ahead <= timedelta(hours=1), ahead",
    "return Assessment(things, [])",
)


def test_now_is_told_by_the_clusters_clock(suite: Suite) -> None:
    target = (
        "Target('east', 'GET', timedelta(seconds=5),"
        " lambda deadline, say: [Clock(skew=3600, source='cluster east')])"
    )
    suite.facts(more=CLOCK.format(target=target))
    suite.checks(a_check("TST-001", *HOUR_AHEAD, facts="things: list, now: object"))

    ran = suite.run()

    assert ran.status == 0
    assert ran.verdict["clock"] == {"source": "cluster east", "skew_seconds": 3600}


@pytest.mark.parametrize("profile", ["", "version: 1\ntls: {endpoints: ['127.0.0.1:1']}\n"])
def test_without_a_clusters_clock_it_is_told_by_ours(suite: Suite, profile: str) -> None:
    body = (
        "from datetime import UTC, datetime",
        "assert abs((now - datetime.now(UTC)).total_seconds()) < 60",
    )
    facts = "certificates: list, now: object" if profile else "things: list, now: object"
    suite.facts(more=CLOCK.format(target="dead('east')"))
    suite.checks(a_check("TST-001", *body, "return Assessment([now], [])", facts=facts))
    if profile:
        suite.profile(profile)

    ran = suite.run()

    assert ran.status == 0
    assert ran.verdict["clock"] == {"source": "this machine", "skew_seconds": 0}


def test_a_clock_that_is_none_costs_no_report(suite: Suite) -> None:
    suite.facts(more="clock = fact('clock', lambda look: [seen('east', 'a')], Thing, section='clusters')")
    suite.checks(a_check("TST-001", facts="things: list, now: object"), WELL)

    ran = suite.run()

    assert ran.status == 6
    assert ran.states == {"TST-001": "unknown", "TST-900": "passed"}
    assert ran.verdict["clock"] == {"source": "this machine", "skew_seconds": 0}


# A check that does not keep its word

BROKEN = {
    "raises": "raise ValueError('boom')",
    "asserts": "assert len(things) == 3",
    "returns nothing": "pass",
    "returns a list": "return [things]",
    "returns a coroutine": "async def later(): pass\nreturn later().close()",
    "findings that are none": "return Assessment(things, ['bent'])",
    "findings without a subject": "return Assessment(things, [Finding('thing', 'bent')])",
    "examples that are no refs": "return Assessment(things, [Finding(things[0].ref, '', examples=(1,))])",
    "a population that has no size": "return Assessment(iter(things), [])",
    "a finding too severe": "return Assessment(things, [Finding(things[0].ref, '', Severity.CRITICAL)])",
    "leaves by sys.exit(0)": "sys.exit(0)",
    "fails": "pytest.fail('boom')",
    "expects to fail": "pytest.xfail('we know')",
    "an exception without a text": "class Mute(Exception):\n    def __str__(self): 1 / 0\nraise Mute",
    "a group of exceptions": "raise ExceptionGroup('several', [ValueError('boom'), KeyError('bang')])",
    "recursion without end": "def again(): again()\nagain()",
}


@pytest.mark.parametrize("severity", ["HIGH", "LOW"])
def test_a_check_that_breaks_its_word_is_unknown_and_closes_the_gate(suite: Suite, severity: str) -> None:
    broken = {f"TST-{number:03}": body for number, body in enumerate(BROKEN.values())}
    suite.checks(*[a_check(id, *body.split("\n"), severity=severity) for id, body in broken.items()], WELL)

    ran = suite.run()

    assert ran.status == 6
    assert ran.states == {**dict.fromkeys(broken, "unknown"), "TST-900": "passed"}
    assert len(ran.verdict["reasons"]) == len(broken)
    for id, body in broken.items():
        result = ran.results[id]
        assert result["reason"].startswith("raised in call: "), body
        assert result["closes"], body
        # Where we noticed that a check broke its contract is nothing to it; where it raised is.
        assert bool(result["details"]) is ("CheckError" not in result["reason"]), body
        error = ran.junit.case(id).find("error")
        assert error is not None, body
        assert error.get("message") == result["reason"], body


def test_the_reason_of_a_check_that_raises_is_one_clean_line(suite: Suite) -> None:
    suite.checks(a_check("TST-001", r"raise ValueError('a\x1b[31mb\x00\nsecond line ' + 'x' * 5000)"), WELL)

    ran = suite.run()

    reason = ran.results["TST-001"]["reason"]
    assert "\n" not in reason
    assert "\x1b" not in reason
    assert len(reason) < 2200


def test_texts_without_end_are_bounded_in_every_report(suite: Suite) -> None:
    long = "'x' * 1_000_000"
    finding = f"Finding(Ref('', 'thing', '', {long}), {long})"
    suite.checks(
        a_check("TST-001", f"return Assessment(things, [{finding}], worst={long}, window={long})"),
        a_check("TST-002", f"raise ValueError({long})"),
        a_check("TST-003", f"return Assessment(things, [], unseen=[Unseen({long}, {long}, {long})])"),
    )

    ran = suite.run()

    assert ran.status == 1
    assert sum(map(len, ran.every_file().values())) < 1_000_000


@pytest.mark.parametrize(("number", "last"), [(20, "t19"), (21, "1 more tables and pictures left out")])
def test_attachments_without_end_are_bounded(suite: Suite, number: int, last: str) -> None:
    tables = f"[Attachment.table(f't{{n}}', ['a'], [[n]]) for n in range({number})]"
    suite.checks(
        a_check(
            "TST-001",
            "from domino_health import Attachment",
            f"return Assessment(things, [], attachments={tables})",
        )
    )

    attached = suite.run().results["TST-001"]["attachments"]

    assert (len(attached), attached[-1]["title"]) == (number, last)


def test_a_coroutine_is_no_assessment(suite: Suite) -> None:
    source = a_check("TST-001").replace("\ndef test_", "\nasync def test_")
    suite.checks(source, WELL)

    ran = suite.run()

    assert ran.status == 6
    assert ran.states["TST-001"] == "unknown"


def test_a_check_that_yields_cannot_be_collected_and_keeps_the_gate_closed(suite: Suite) -> None:
    suite.checks(a_check("TST-001", "yield Assessment(things, [])"), WELL)

    ran = suite.run()

    assert ran.status == 2
    assert ran.verdict["verdict"] == "closed"
    assert "checks/test_things.py could not be collected" in ran.verdict["reasons"]


def test_a_warning_does_not_break_a_check(suite: Suite) -> None:
    suite.checks(a_check("TST-001", "warnings.warn('old', stacklevel=1)", "return Assessment(things, [])"))

    assert suite.run().status == 0


# Skipping


@pytest.mark.parametrize(
    "check",
    [
        a_check("TST-001", mark="@pytest.mark.skip(reason='not today')"),
        a_check("TST-001", mark="@pytest.mark.skipif(True, reason='not today')"),
        a_check("TST-001", "pytest.skip('not today')"),
        a_check("TST-001", "pytest.importorskip('no_such_module', reason='not today')"),
    ],
)
def test_a_check_that_skips_assesses_nothing_and_says_why(suite: Suite, check: str) -> None:
    suite.checks(check, WELL)

    ran = suite.run("-rs")

    assert ran.status == 0
    assert ran.states == {"TST-001": "skipped", "TST-900": "passed"}
    assert ran.verdict["checks"]["assessed"] == 1
    assert ran.results["TST-001"]["reason"] == "skipped: not today"
    assert "not today" in ran.out


def test_skipping_alone_keeps_the_gate_closed(suite: Suite) -> None:
    suite.checks(a_check("TST-001", "pytest.skip('not today')"))

    assert suite.run().status == 6


def test_a_module_that_is_skipped_as_a_whole_keeps_the_gate_closed(suite: Suite) -> None:
    suite.checks("\npytest.skip('not today', allow_module_level=True)\n", WELL)
    suite.checks(a_check("TST-001"), module="test_others")

    ran = suite.run()

    assert ran.status == 6
    assert any("test_things.py" in reason for reason in ran.verdict["reasons"])


@pytest.mark.parametrize(
    ("mark", "body", "state"),
    [
        ("@pytest.mark.xfail(reason='known')", FINDS, "failed"),
        ("@pytest.mark.xfail(reason='known')", "raise ValueError('boom')", "unknown"),
        ("@pytest.mark.xfail(reason='known')", "return Assessment(things, [])", "passed"),
        ("@pytest.mark.xfail(reason='known', strict=True)", "return Assessment(things, [])", "passed"),
        ("@pytest.mark.xfail(reason='known', run=False)", "return Assessment(things, [])", "unknown"),
    ],
)
def test_xfail_neither_excuses_nor_accuses_a_check(suite: Suite, mark: str, body: str, state: str) -> None:
    suite.checks(a_check("TST-001", body, mark=mark), WELL)

    ran = suite.run()

    assert ran.states["TST-001"] == state
    assert ran.status == {"failed": 1, "unknown": 6, "passed": 0}[state]
    assert ran.junit.case("TST-001").find("skipped") is None


# Fixtures


def test_a_fixture_that_raises_makes_its_check_unknown(suite: Suite) -> None:
    with_fixture(suite, a_check("TST-001", facts=USES_FIXTURE), WELL, setup="raise RuntimeError('boom')")

    ran = suite.run()

    assert ran.status == 6
    assert ran.states == {"TST-001": "unknown", "TST-900": "passed"}
    assert ran.results["TST-001"]["reason"] == "raised in setup: RuntimeError: boom"
    error = ran.junit.case("TST-001").find("error")
    assert error is not None
    assert error.get("message") == "raised in setup: RuntimeError: boom"


def test_a_fixture_that_nobody_knows_makes_its_check_unknown(suite: Suite) -> None:
    suite.checks(a_check("TST-001", facts="pods_of_another_world: list"), WELL)

    ran = suite.run()

    assert ran.status == 6
    assert ran.states["TST-001"] == "unknown"


def test_a_fact_that_is_asked_for_too_late_makes_the_check_unknown_and_nobody_wait(suite: Suite) -> None:
    more = """
import pytest

@pytest.fixture
def fix(request):
    return request.getfixturevalue("events")
"""
    suite.facts(more=more)
    suite.checks(a_check("TST-001", facts=USES_FIXTURE), WELL)

    ran = suite.run()

    assert ran.status == 6
    assert ran.states == {"TST-001": "unknown", "TST-900": "passed"}


def test_a_fixture_that_skips_skips_its_check(suite: Suite) -> None:
    with_fixture(suite, a_check("TST-001", facts=USES_FIXTURE), WELL, setup="pytest.skip('not here')")

    ran = suite.run()

    assert ran.status == 0
    assert ran.states == {"TST-001": "skipped", "TST-900": "passed"}


@pytest.mark.parametrize(
    ("body", "state", "status"),
    [
        ("return Assessment(things, [])", "unknown", 6),
        ("return Assessment([], [])", "unknown", 6),
        ("raise ValueError('first')", "unknown", 6),
        (FINDS, "failed", 1),
    ],
)
def test_a_teardown_that_raises_takes_a_pass_back_but_never_a_failure(
    suite: Suite, body: str, state: str, status: int
) -> None:
    check = a_check("TST-001", body, facts=USES_FIXTURE)
    with_fixture(suite, check, WELL, teardown="raise RuntimeError('boom')")

    ran = suite.run()

    assert ran.status == status
    assert ran.states == {"TST-001": state, "TST-900": "passed"}
    assert "RuntimeError: boom" in ran.out


def test_the_first_reason_stands_when_the_teardown_raises_as_well(suite: Suite) -> None:
    check = a_check("TST-001", "raise ValueError('first')", facts=USES_FIXTURE)
    with_fixture(suite, check, WELL, teardown="raise RuntimeError('boom')")

    ran = suite.run()

    assert "first" in ran.results["TST-001"]["reason"]


@pytest.mark.parametrize(
    ("things", "body", "state", "status"),
    [
        ("dead('east')", "return Assessment(things, [])", "unknown", 6),
        ("seen('east', 'a')", FINDS, "failed", 1),
        ("seen('east', 'a')", "raise ValueError('boom')", "unknown", 6),
        ("seen('east', 'a')", "return Assessment(things, [])", "passed", 0),
    ],
)
def test_a_teardown_that_skips_takes_nothing_back(
    suite: Suite, things: str, body: str, state: str, status: int
) -> None:
    well = a_check("TST-900", "return Assessment([1], [])", facts="")
    with_fixture(
        suite, a_check("TST-001", body, facts=USES_FIXTURE), well, teardown="pytest.skip('x')", things=things
    )

    ran = suite.run()

    assert ran.states == {"TST-001": state, "TST-900": "passed"}
    assert ran.status == status


def test_a_session_fixture_that_breaks_at_the_very_end_closes_the_gate(suite: Suite) -> None:
    more = FIXTURE.replace("@pytest.fixture", "@pytest.fixture(scope='session')")
    suite.facts(more=more.format(setup="pass", teardown="raise RuntimeError('boom')"))
    suite.checks(a_check("TST-001", facts=USES_FIXTURE), WELL)

    ran = suite.run()

    assert ran.status == 6
    assert ran.verdict["verdict"] == "closed"


# Others that have a say


def test_a_subtest_that_fails_closes_the_gate(suite: Suite) -> None:
    body = ("with subtests.test('one'):", "    assert not things", "return Assessment(things, [])")
    suite.checks(a_check("TST-001", *body, facts="things: list, subtests: object"), WELL)

    ran = suite.run()

    assert ran.status == 6
    assert ran.verdict["verdict"] == "closed"
    assert ran.states["TST-001"] == "unknown"


def test_subtests_and_setup_only_leave_a_junit_file_that_adds_up(suite: Suite) -> None:
    body = ("with subtests.test('one'):", "    pass", "return Assessment(things, [])")
    suite.checks(a_check("TST-001", *body, facts="things: list, subtests: object"))

    assert suite.run().junit.cases  # reading it is a test of it
    ran = suite.run("--setup-only")

    assert Junit.read(ran.folders[-1] / "junit.xml").cases


def test_a_plugin_that_fails_a_check_after_it_returned_makes_it_unknown(suite: Suite) -> None:
    suite.facts(
        more="""
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    yield
    if "001" in item.name:
        raise RuntimeError("a thread of it died")
"""
    )
    suite.checks(a_check("TST-001"), WELL)

    ran = suite.run()

    assert ran.status == 6
    assert ran.states == {"TST-001": "unknown", "TST-900": "passed"}


def test_a_plugin_that_calls_every_failure_a_pass_opens_no_gate(suite: Suite) -> None:
    suite.facts(
        more="""
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.outcome = "passed"
    return report
"""
    )
    suite.checks(a_check("TST-001", FINDS), a_check("TST-002", "raise ValueError('boom')"), WELL)

    ran = suite.run()

    assert ran.status == 1
    assert ran.verdict["verdict"] == "closed"
    assert ran.states["TST-001"] == "failed"
