"""What a run is judged by, as a profile writes it: gates, severities, waivers."""

from datetime import date
from pathlib import Path

import pytest

from domino_health import Severity
from domino_health.profile.judging import SHIPPED
from domino_health.rules import Gate, Waiver
from profile_texts import load_text, mistakes

HEAD = "version: 1\n"
WAIVER = {
    "check": "SCHED-001",
    "subject": "pod/*",
    "reason": "it is rebuilt",
    "owner": "ana",
    "approved_by": "bo",
    "expires": "2026-12-31",
}


def waivers(**changed: str | None) -> str:
    """A profile with one waiver, keys changed or, with None, left out."""
    given = {key: value for key, value in {**WAIVER, **changed}.items() if value is not None}
    return HEAD + "waivers:\n- " + "\n  ".join(f"{key}: {value}" for key, value in given.items()) + "\n"


# Gates


def test_every_profile_has_the_shipped_gates(tmp_path: Path) -> None:
    gates = load_text(HEAD, tmp_path).gates

    assert gates == SHIPPED
    assert gates["default"] == Gate()
    assert gates["upgrade"].requires == ("SCHED", "CAP", "STOR", "PROBE", "DOM", "UPG", "UPG-001", "UPG-002")
    assert not gates["audit"].counts_waivers


def test_a_gate_of_the_profile_stands_beside_them(tmp_path: Path) -> None:
    text = HEAD + "gates:\n  release: {closes_at: medium, requires: [SCHED, CAP-002], waivers: false}\n"

    gates = load_text(text, tmp_path).gates

    assert gates["release"] == Gate("release", Severity.MEDIUM, ("SCHED", "CAP-002"), counts_waivers=False)
    assert set(gates) == {*SHIPPED, "release"}


def test_a_gate_of_the_profile_takes_the_place_of_a_shipped_one(tmp_path: Path) -> None:
    gates = load_text(HEAD + "gates:\n  upgrade: {closes_at: critical}\n", tmp_path).gates

    assert gates["upgrade"] == Gate("upgrade", Severity.CRITICAL)


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("{closes_at: hgh}", "gates.x.closes_at", "must be 'low', 'medium', 'high' or 'critical'"),
        ("{closes: high}", "gates.x.closes", "unknown key; did you mean closes_at?"),
        ("{requires: SCHED}", "gates.x.requires", "must be a list: write it as `- item`"),
        ("{requires: [SCHED, SCHED]}", "gates.x.requires", "names one twice"),
        ("{requires: [SCHD]}", "gates.x.requires[0]", "no such area: SCHD; did you mean SCHED?"),
        (
            "{requires: [SCHED-002]}",
            "gates.x.requires[0]",
            "no such check: SCHED-002; did you mean SCHED-001?",
        ),
        ("{waivers: maybe}", "gates.x.waivers", "must be true or false"),
        ("high", "gates.x", "must be keys and values, such as `closes_at: medium`"),
    ],
)
def test_a_mistake_in_a_gate_is_told_with_its_place(
    tmp_path: Path, text: str, path: str, message: str
) -> None:
    assert mistakes(f"{HEAD}gates:\n  x: {text}\n", tmp_path) == [(3, path, message)]


# Severities


def test_the_profiles_severities_are_kept_by_check(tmp_path: Path) -> None:
    loaded = load_text(HEAD + "severities: {SCHED-001: medium, CAP-002: critical}\n", tmp_path)

    assert loaded.severities == {"SCHED-001": Severity.MEDIUM, "CAP-002": Severity.CRITICAL}


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("{SCHED-01: low}", "severities.SCHED-01", "no such check; did you mean SCHED-001?"),
        ("{SCHED-001: urgent}", "severities.SCHED-001", "must be 'low', 'medium', 'high' or 'critical'"),
        ("{SCHED-001: HIGH}", "severities.SCHED-001", "must be 'low', 'medium', 'high' or 'critical'"),
        ("[low]", "severities", "must be keys and values"),
    ],
)
def test_a_mistake_in_a_severity_is_told_with_its_place(
    tmp_path: Path, text: str, path: str, message: str
) -> None:
    assert mistakes(f"{HEAD}severities: {text}\n", tmp_path) == [(2, path, message)]


# Waivers


@pytest.mark.parametrize("expires", ["2026-12-31", '"2026-12-31"'])
def test_a_waiver_is_what_it_says(tmp_path: Path, expires: str) -> None:
    loaded = load_text(waivers(expires=expires, ticket="OPS-7"), tmp_path)

    assert loaded.waivers == (
        Waiver("SCHED-001", "pod/*", "it is rebuilt", "ana", "bo", date(2026, 12, 31), "OPS-7"),
    )


@pytest.mark.parametrize("key", sorted(WAIVER))
def test_a_waiver_says_all_that_an_auditor_asks(tmp_path: Path, key: str) -> None:
    told = mistakes(waivers(**{key: None}), tmp_path)

    assert told == [(3, "waivers[0]", f"{key} is missing")]


def test_a_waiver_may_name_a_check_that_does_not_exist(tmp_path: Path) -> None:
    """It waives nothing. The ledger says so, and a check that is gone makes no profile useless."""
    assert load_text(waivers(check="SCHED-999"), tmp_path).waivers[0].check == "SCHED-999"


@pytest.mark.parametrize(
    ("changed", "path", "message"),
    [
        (
            {"expires": "2026-13-01"},
            "waivers[0].expires",
            "YAML takes it for timestamp, and it is none; quote it",
        ),
        ({"expires": "soon"}, "waivers[0].expires", "not a date: 'soon'; write it as 2027-01-31"),
        ({"expires": "20261231"}, "waivers[0].expires", "must be a valid date"),
        (
            {"expires": "2026-12-31T10:00:00Z"},
            "waivers[0].expires",
            "must be a date alone, such as 2027-01-31: it holds to that day's end, UTC",
        ),
        ({"reason": "' '"}, "waivers[0].reason", "must be a line of text, not blank"),
        ({"owner": '"a\\nb"'}, "waivers[0].owner", "must be a line of text, not blank"),
        ({"approved": "bo"}, "waivers[0].approved", "unknown key; did you mean approved_by?"),
        ({"ticket": "12"}, "waivers[0].ticket", "must be text, but YAML reads it as 12; quote it"),
    ],
)
def test_a_mistake_in_a_waiver_is_told_with_its_place(
    tmp_path: Path, changed: dict[str, str], path: str, message: str
) -> None:
    ((_, where, told),) = mistakes(waivers(**changed), tmp_path)

    assert (where, told) == (path, message)


def test_two_waivers_of_one_thing_are_a_mistake(tmp_path: Path) -> None:
    text = waivers() + waivers(reason="another one").removeprefix(HEAD + "waivers:\n")

    ((line, path, message),) = mistakes(text, tmp_path)

    assert (line, path) == (9, "waivers[1]")
    assert message.startswith("two are called SCHED-001 pod/*, the first on line 3")


def test_an_empty_list_of_waivers_is_a_mistake(tmp_path: Path) -> None:
    assert mistakes(HEAD + "waivers: []\n", tmp_path) == [
        (2, "waivers", "is empty; name at least one, or remove it")
    ]


# What a run is judged by is kept with it


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("thresholds: {SCHED-001: {max_wait: '${A_VALUE}'}}", "thresholds.SCHED-001.max_wait"),
        ("severities: {SCHED-001: '${A_VALUE}'}", "severities.SCHED-001"),
        ("gates: {x: {closes_at: '${A_VALUE}'}}", "gates.x.closes_at"),
        ("gates: {x: {requires: ['${A_VALUE}']}}", "gates.x.requires[0]"),
    ],
)
@pytest.mark.parametrize("value", ["medium", "", None])
def test_what_judges_cannot_come_from_a_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, path: str, value: str | None
) -> None:
    monkeypatch.delenv("A_VALUE", raising=False)
    if value is not None:
        monkeypatch.setenv("A_VALUE", value)

    told = mistakes(f"{HEAD}{text}\n", tmp_path)

    assert [(where, message[:33]) for _, where, message in told if where == path] == [
        (path, "must not come from a reference: a")
    ]


def test_a_waiver_cannot_come_from_a_reference_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_DATE", "2026-12-31")

    told = mistakes(waivers(expires="${A_DATE}"), tmp_path)

    assert [path for _, path, _ in told] == ["waivers[0].expires"]


def test_a_gate_may_be_called_as_one_of_its_own_keys(tmp_path: Path) -> None:
    told = mistakes(HEAD + "gates:\n  requires: {close_at: low}\n", tmp_path)

    assert told == [(3, "gates.requires.close_at", "unknown key; did you mean closes_at?")]
