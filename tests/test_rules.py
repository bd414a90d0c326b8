"""Waivers and the ledger of them."""

from datetime import date, timedelta

import pytest

from domino_health import Finding, Ref
from domino_health.rules import WARNED_BEFORE_DAYS, Entry, Rules, Standing, Waiver, ledger

DAY = date(2026, 11, 25)
POD = Ref("east", "pod", "ns", "a")


def waiver(subject: str = "*", check: str = "TST-001", last: int = 90) -> Waiver:
    return Waiver(check, subject, "because", "ana", "bo", DAY + timedelta(days=last))


def entry(one: Waiver, *subjects: Ref, judged: bool = True) -> Entry:
    found = {"TST-001": [Finding(subject, "bent") for subject in subjects]} if judged else {}
    (made,) = ledger(Rules(DAY, waivers=(one,)), found, ["TST-001", "TST-002"])
    return made


@pytest.mark.parametrize(
    "pattern",
    ["pod/ns/a", "*", "pod/*", "*/a", "pod/n?/a", "pod/ns/[ab]", "east: pod/ns/a", "east: *", "e*: pod/ns/*"],
)
def test_a_pattern_covers_a_subject_as_reports_name_it(pattern: str) -> None:
    assert waiver(pattern).covers("TST-001", POD)


@pytest.mark.parametrize("pattern", ["", "pod", "pod/ns", "pod/ns/ab", "west: *", "POD/ns/a", "pod/ns/[!a]"])
def test_a_pattern_covers_nothing_else(pattern: str) -> None:
    assert not waiver(pattern).covers("TST-001", POD)


@pytest.mark.parametrize("name", ["[::1]:443", "[fd00::1%eth0]:443", "what?[*]", "[!a"])
def test_a_name_that_is_copied_from_a_report_covers_itself(name: str) -> None:
    endpoint = Ref("", "endpoint", "", name)

    assert waiver(str(endpoint)).covers("TST-001", endpoint)
    assert waiver("endpoint/*").covers("TST-001", endpoint)


def test_a_waiver_is_of_one_check() -> None:
    assert not waiver("*").covers("TST-002", POD)


def test_a_waiver_that_covers_a_finding_is_used_and_names_it() -> None:
    used = entry(waiver(), POD, Ref("west", "pod", "ns", "b"))

    assert (used.standing, used.findings, used.covered) == (
        Standing.USED,
        2,
        ("east: pod/ns/a", "west: pod/ns/b"),
    )


def test_a_waiver_of_which_nothing_was_found_is_unused() -> None:
    assert entry(waiver("pod/other/*"), POD).standing is Standing.UNUSED


def test_of_a_check_that_did_not_assess_nobody_can_say_whether_the_waiver_is_needed() -> None:
    assert entry(waiver(), judged=False).standing is Standing.NOT_JUDGED


def test_what_another_waiver_accepts_by_now_does_not_count_again() -> None:
    expired, renewed = waiver("pod/*", last=-1), waiver("pod/ns/a")
    found = {"TST-001": [Finding(POD, "bent"), Finding(Ref("east", "pod", "ns", "b"), "bent")]}

    first, second = ledger(Rules(DAY, waivers=(expired, renewed)), found, ["TST-001"])

    assert (first.standing, first.findings, first.covered) == (Standing.EXPIRED, 1, ("east: pod/ns/b",))
    assert (second.standing, second.findings) == (Standing.USED, 1)


def test_an_expired_waiver_says_how_many_findings_count_again() -> None:
    expired = entry(waiver(last=-1), POD)

    assert (expired.standing, expired.findings, expired.days_left) == (Standing.EXPIRED, 1, -1)
    assert not expired.expiring


def test_a_waiver_of_a_check_that_does_not_exist_is_told_apart_also_when_it_has_expired() -> None:
    assert entry(waiver(check="TST-999")).standing is Standing.NO_SUCH_CHECK
    assert entry(waiver(check="TST-999", last=-5)).standing is Standing.NO_SUCH_CHECK


@pytest.mark.parametrize(
    ("last", "expiring"),
    [(-1, False), (0, True), (WARNED_BEFORE_DAYS, True), (WARNED_BEFORE_DAYS + 1, False)],
)
def test_a_waiver_that_ends_within_a_month_is_marked(last: int, expiring: bool) -> None:
    assert entry(waiver(last=last), POD).expiring is expiring


def test_the_ledger_has_every_waiver_in_the_profiles_order() -> None:
    waivers = (waiver("b"), waiver("a"), waiver(check="TST-999"))

    assert [each.waiver for each in ledger(Rules(DAY, waivers=waivers), {}, ["TST-001"])] == list(waivers)
