"""InSpec's waiver files: what is taken from them, what is refused, and that what is exported comes back."""

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from domino_health.profile import Loaded
from domino_health.profile.inspec import NOT_GIVEN, exported
from domino_health.rules import Waiver
from profile_texts import load_text, mistakes
from suites import FINDS, PROFILE, Suite, a_check

HEAD = "version: 1\n"
TODAY = datetime.now(UTC).date()

YAML = """\
SCHED-001:
  justification: The GPU pool is being bought. @platform
  expiration_date: 2027-01-31
  run: true
"""
OWN = """\
waivers:
- {check: SCHED-001, subject: '*', reason: r, owner: o, approved_by: a, expires: 2027-01-31}
"""
FULL = YAML + "  owner: ana\n  approved_by: cab\n  ticket: OPS-7\n"
CSV = (
    "control_id,justification,run,expiration_date,,\n"
    "SCHED-001,The GPU pool is being bought. @platform,TRUE,2027-01-31T00:00:00.000Z,,\n"
    ",,,,,\n"
)
"""With empty rows and columns, as InSpec's own examples have them."""


def imports(directory: Path, text: str | bytes, name: str = "w.yaml", **more: Any) -> Loaded:
    """A profile that takes in one file."""
    (directory / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_text(f"{HEAD}inspec_waivers: [{name}]\n", directory, **more)


def refusals(directory: Path, text: str, name: str = "w.yaml") -> list[str]:
    """Each mistake of a file, without its directory's path."""
    from domino_health.profile import ProfileError

    with pytest.raises(ProfileError) as caught:
        imports(directory, text, name)
    return str(caught.value).replace(f"{directory}/", "").splitlines()


# What InSpec 7.1.16 does, as its source has it: lib/inspec/waiver_file_reader.rb and lib/inspec/rule.rb


def inspec_reads(text: str) -> tuple[dict[str, Any], list[str]]:
    """A waiver file in YAML: the data of each control, and the keys that it warns of.

    ``validate_json_yaml`` ends with a usage error where ``justification`` is missing, and logs a warning of
    keys beside ``control_id justification expiration_date run``. ``Secrets::YAML`` permits dates and times.
    """
    data = yaml.safe_load(text) or {}
    assert isinstance(data, dict), "invalid YAML or contents is not a Hash"
    extra = []
    for id, entry in data.items():
        assert isinstance(id, str)
        assert "justification" in entry, "missing required parameter/s"
        extra += sorted(set(entry) - {"control_id", "justification", "expiration_date", "run"})
    return data, extra


def inspec_holds(entry: dict[str, Any], now: datetime) -> bool:
    """``__apply_waivers``: a date is its midnight, and expired when that is before now; none never is."""
    expiry = entry.get("expiration_date")
    return expiry is None or not datetime.combine(expiry, time(), UTC) < now


# Import


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("w.yaml", YAML),
        ("w.yml", YAML.replace("2027-01-31", '"2027-01-31"')),
        ("w.YAML", YAML.replace("2027-01-31", "2027-01-31T00:00:00Z")),
        ("w.json", json.dumps(yaml.safe_load(YAML), default=str)),
        ("w.json", json.dumps(yaml.safe_load(YAML), default=str, indent="\t")),
        ("w.csv", CSV),
    ],
)
def test_a_control_becomes_a_waiver_of_that_check(name: str, text: str, tmp_path: Path) -> None:
    loaded = imports(tmp_path, text, name)

    assert loaded.waivers == (
        Waiver(
            "SCHED-001", "*", "The GPU pool is being bought. @platform", NOT_GIVEN, NOT_GIVEN,
            date(2027, 1, 30), source=name,
        ),
    )  # fmt: skip
    assert loaded.remarks == ()


def test_owner_approver_and_ticket_are_taken_from_keys_of_ours(tmp_path: Path) -> None:
    (waiver,) = imports(tmp_path, FULL).waivers

    assert (waiver.owner, waiver.approved_by, waiver.ticket) == ("ana", "cab", "OPS-7")


@pytest.mark.parametrize(
    ("given", "last"),
    [
        ("2027-01-31", date(2027, 1, 30)),
        ("2027-03-01", date(2027, 2, 28)),
        ("2027-01-31T00:00:00Z", date(2027, 1, 30)),
        ("2027-01-31T23:59:00Z", date(2027, 1, 30)),
        ("2027-01-31T00:30:00+02:00", date(2027, 1, 29)),
        ('"2027-01-31 12:00"', date(2027, 1, 30)),
        ("0001-01-01", date(1, 1, 1)),
        ("1977-06-01", date(1977, 5, 31)),
    ],
)
def test_it_holds_to_the_end_of_the_day_before_and_never_longer_than_in_inspec(
    given: str, last: date, tmp_path: Path
) -> None:
    (waiver,) = imports(tmp_path, YAML.replace("2027-01-31", given)).waivers

    assert waiver.expires == last


def test_a_date_means_the_same_moment_there_and_here(tmp_path: Path) -> None:
    (waiver,) = imports(tmp_path, YAML).waivers
    entry = inspec_reads(YAML)[0]["SCHED-001"]

    for moment in (datetime(2027, 1, 30, 23, 59, 59, tzinfo=UTC), datetime(2027, 1, 31, 0, 0, 1, tzinfo=UTC)):
        assert inspec_holds(entry, moment) is not waiver.expired(moment.date())


def test_a_paragraph_becomes_a_line(tmp_path: Path) -> None:
    text = YAML.replace("The GPU pool is being bought. @platform", "|\n    one\n    and two\n")

    assert imports(tmp_path, text).waivers[0].reason == "one and two"


def test_json_may_spell_a_letter_in_two_halves(tmp_path: Path) -> None:
    entry = {"SCHED-001": {"justification": "soon 😀\\ud83d", "expiration_date": "2027-01-31"}}

    assert imports(tmp_path, json.dumps(entry), "w.json").waivers[0].reason == "soon 😀\\ud83d"


@pytest.mark.parametrize(
    ("value", "told"),
    [("false", True), ("no", True), ("'N'", True), ("maybe", True), ("true", False), ("'Y'", False)],
)
def test_what_is_not_to_run_is_evaluated_all_the_same_and_the_remark_says_so(
    value: str, told: bool, tmp_path: Path
) -> None:
    loaded = imports(tmp_path, YAML.replace("run: true", f"run: {value}"))

    assert len(loaded.waivers) == 1
    assert loaded.remarks == (
        (f"{tmp_path}/w.yaml:4: SCHED-001.run: is ignored: what is waived is evaluated all the same",)
        if told
        else ()
    )


def test_keys_of_others_are_ignored_as_by_inspec_and_the_remark_says_so(tmp_path: Path) -> None:
    loaded = imports(tmp_path, YAML + "  reviewed: 2026-11-01\n")

    assert loaded.remarks == (f"{tmp_path}/w.yaml:5: SCHED-001.reviewed: is ignored: InSpec has no such key",)


@pytest.mark.parametrize(("name", "text"), [("w.yaml", ""), ("w.json", "{}"), ("w.csv", CSV.splitlines()[0])])
def test_a_file_without_waivers_is_no_mistake(name: str, text: str, tmp_path: Path) -> None:
    loaded = imports(tmp_path, text, name)

    assert loaded.waivers == ()
    assert loaded.remarks == (f"{tmp_path}/{name}: holds no waiver",)


def test_a_control_that_is_no_check_is_left_to_the_ledger(tmp_path: Path) -> None:
    (waiver,) = imports(tmp_path, YAML.replace("SCHED-001", "cis-1.1.1")).waivers

    assert waiver.check == "cis-1.1.1"


def test_several_files_stand_behind_the_profiles_own(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(YAML)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.yaml").write_text(YAML.replace("SCHED-001", "CAP-002"))
    own = OWN.replace("SCHED-001", "IDP-001")

    loaded = load_text(f"{HEAD}inspec_waivers: [a.yaml, sub/b.yaml]\n{own}", tmp_path)

    assert [(each.check, each.source) for each in loaded.waivers] == [
        ("IDP-001", ""), ("SCHED-001", "a.yaml"), ("CAP-002", "sub/b.yaml"),
    ]  # fmt: skip


def test_a_path_is_relative_to_the_file_that_it_stands_in(tmp_path: Path) -> None:
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "w.yaml").write_text(YAML)
    (tmp_path / "common" / "base.yaml").write_text(HEAD + "inspec_waivers: [w.yaml]\n")

    loaded = load_text(HEAD + "extends: common/base.yaml\n", tmp_path)

    assert [each.source for each in loaded.waivers] == ["w.yaml"]


# Refusals


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  expiration_date: 2027-01-31\n", "",
         "w.yaml:1: SCHED-001: expiration_date is missing; a waiver ends: write its date"),
        ("expiration_date", "expiration_dat",
         "w.yaml:1: SCHED-001: expiration_date is missing; did you mean expiration_date?"),
        ("2027-01-31", "",
         "w.yaml:3: SCHED-001.expiration_date: is empty; give it a value, or remove it"),
        ("2027-01-31", "20270131", "w.yaml:3: SCHED-001.expiration_date: not a date: 20270131;"),
        ("2027-01-31", "soon", "w.yaml:3: SCHED-001.expiration_date: not a date: 'soon'; write"),
        ("2027-01-31", "2027-02-30", "w.yaml:3: SCHED-001.expiration_date: YAML takes it for timestamp"),
        ("  justification: The GPU pool is being bought. @platform\n", "",
         "w.yaml:1: SCHED-001: justification is missing; write why"),
        ("The GPU pool is being bought. @platform", "12", "w.yaml:2: SCHED-001.justification: must be text;"),
        ("The GPU pool is being bought. @platform", "' '", "w.yaml:2: SCHED-001.justification: must be text"),
        ("  run: true\n", "  owner: 7\n", "w.yaml:4: SCHED-001.owner: must be text; quote it"),
        ("  run: true\n", "SCHED-001: {}\n", "w.yaml:4: SCHED-001: given twice, first on line 1; keep one"),
        ("  run: true\n", "CAP-002: why\n", "w.yaml:4: CAP-002: must be keys and values, such as"),
        ("  run: true\n", "  run: [\n", "w.yaml:5: not YAML: "),
    ],
)  # fmt: skip
def test_a_mistake_has_its_file_its_line_and_its_cure(old: str, new: str, said: str, tmp_path: Path) -> None:
    (told,) = refusals(tmp_path, YAML.replace(old, new))

    assert told.startswith(said)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("w.yaml", "- a\n", "w.yaml:1: must be controls with keys and values"),
        ("w.json", '{"a":\n}', "w.json:2: not JSON: "),
        ("w.json", '{"a": {"justification": "x"}}', "w.json:1: a: expiration_date is missing"),
        ("w.json", "[" * 20_000, "w.json:1: not JSON: nested too deeply"),
        ("w.csv", "control,justification\n", "w.csv:1: the header has no column control_id"),
        ("w.csv", "control_id,justification\nA-1,x\n", "w.csv:2: A-1: expiration_date is missing"),
        ("w.csv", CSV + CSV.splitlines()[1], "w.csv:4: SCHED-001: given twice, first on line 2; keep one"),
        ("w.csv", CSV.replace("SCHED-001", ""), "w.csv:2: names no control; give its control_id"),
        ("w.csv", 'control_id,justification\n"a"b,c\n', "w.csv:2: not CSV: "),
        ("w.xlsx", "", "prod.yaml:2: inspec_waivers[0]: cannot be used: w.xlsx: must be .yaml, "),
    ],
)  # fmt: skip
def test_what_is_no_waiver_file_is_refused(name: str, text: str, said: str, tmp_path: Path) -> None:
    (told,) = refusals(tmp_path, text, name)

    assert told.startswith(said)


def test_a_file_that_is_not_there_is_refused_at_the_profiles_line(tmp_path: Path) -> None:
    assert mistakes(HEAD + "inspec_waivers: [gone.yaml]\n", tmp_path) == [
        (2, "inspec_waivers[0]",
         f"cannot be used: {tmp_path}/gone.yaml: cannot be read: no such file or directory"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("w.yaml", "must be a list: write it as `- item`"),
        ("[]", "is empty; name at least one, or remove it"),
        ("[3]", "must be the path of a file"),
    ],
)
def test_the_key_is_a_list_of_files(text: str, message: str, tmp_path: Path) -> None:
    ((_, _, told),) = mistakes(f"{HEAD}inspec_waivers: {text}\n", tmp_path)

    assert told == message


def test_a_file_must_not_come_from_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAIVERS", "w.yaml")

    ((_, path, told),) = mistakes(HEAD + "inspec_waivers: ['${WAIVERS}']\n", tmp_path)

    assert path == "inspec_waivers[0]"
    assert told.startswith("must not come from a reference")


def test_a_waiver_in_two_places_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("\n" + YAML)

    from domino_health.profile import ProfileError

    with pytest.raises(ProfileError) as caught:
        load_text(f"{HEAD}inspec_waivers: [w.yaml]\n{OWN}", tmp_path)

    assert str(caught.value) == (
        f"{tmp_path}/w.yaml:2: waivers[1]: two are called SCHED-001 *, the first at {tmp_path}/prod.yaml:4; "
        "keep one, or give them different names"
    )


# What is kept


def test_what_is_kept_of_the_profile_has_them_spelled_out_and_needs_no_file(tmp_path: Path) -> None:
    loaded = imports(tmp_path, FULL)
    (tmp_path / "w.yaml").unlink()
    kept = yaml.safe_load(loaded.resolved)

    assert "inspec_waivers" not in kept
    again = load_text(loaded.resolved, tmp_path, offline=True)
    assert again.waivers == loaded.waivers
    assert again.resolved == load_text(loaded.resolved, tmp_path).resolved == loaded.resolved


def test_a_run_judges_by_them_and_a_replay_gives_the_same_without_the_file(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = Suite(pytester, monkeypatch, ["-p", "no:html"])
    ends = str(TODAY + timedelta(days=1))
    text = YAML.replace("2027-01-31", ends).replace("run: true", "run: false").replace("SCHED", "TST")
    (suite.root / "w.yaml").write_text(text + "CAP-999: {justification: old, expiration_date: 1977-06-01}\n")
    suite.profile(PROFILE + "inspec_waivers: [w.yaml]\n")
    suite.checks(a_check("TST-001", FINDS), a_check("TST-002"))

    ran = suite.run()

    assert (ran.status, ran.states["TST-001"]) == (0, "waived")
    assert len(ran.results["TST-001"]["waived"]) == 2, "it was evaluated all the same"
    assert "remark: w.yaml:4: TST-001.run: is ignored" in ran.out
    ledger = [(each["check"], each["standing"], each["source"]) for each in ran.verdict["waivers"]]
    assert ledger == [("TST-001", "used", "w.yaml"), ("CAP-999", "no such check", "w.yaml")]
    folder = ran.folder
    (suite.root / "w.yaml").unlink()
    again = suite.run(profile=(f"--replay={folder}",))
    assert again.status == 0, again.out
    (replayed,) = (folder.parent / "replays").glob("2*")
    for name in ("findings.json", "profile.yaml"):
        assert (replayed / name).read_bytes() == (folder / name).read_bytes(), name


def test_one_that_has_expired_is_taken_in_and_the_finding_counts(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = Suite(pytester, monkeypatch, ["-p", "no:html"])
    (suite.root / "w.yaml").write_text(YAML.replace("2027-01-31", str(TODAY)))
    suite.profile(PROFILE + "inspec_waivers: [w.yaml]\n")
    suite.checks(a_check("SCHED-001", FINDS))

    ran = suite.run()

    assert ran.status == 1
    assert [each["standing"] for each in ran.verdict["waivers"]] == ["expired"]


def test_show_profile_says_which_file_a_value_is_from(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = Suite(pytester, monkeypatch)
    (suite.root / "w.yaml").write_text(YAML)
    suite.profile(PROFILE + "inspec_waivers: [w.yaml]\n")

    ran = suite.run("--show-profile", where="")

    origins = {line.partition("#")[0].strip(): line.partition("# ")[2] for line in ran.out.splitlines()}
    assert origins["- check: SCHED-001"] == "w.yaml:1"
    assert origins["expires: '2027-01-30'"] == "w.yaml:3"
    assert origins[f"owner: {NOT_GIVEN}"] == "default"


# Export


WHOLE = Waiver("SCHED-001", "*", "a pool: is bought, 'soon' # ü", "ana", "cab", date(2026, 12, 31), "OPS-7")
NARROW = Waiver("IDP-001", "endpoint/*", "it moves", "bo", "cab", date(2026, 12, 31))


def test_what_is_exported_is_a_waiver_file_by_inspecs_own_rules() -> None:
    text, left_out = exported([WHOLE, NARROW, Waiver("CAP-002", "*", "no", "o", "a", date(2027, 2, 28))])

    entries, warned_of = inspec_reads(text)

    assert left_out == (NARROW,)
    assert entries["SCHED-001"] == {
        "justification": WHOLE.reason,
        "expiration_date": date(2027, 1, 1),
        "run": True,
        "owner": "ana",
        "approved_by": "cab",
        "ticket": "OPS-7",
    }
    assert entries["CAP-002"]["expiration_date"] == date(2027, 3, 1)
    assert set(entries) == {"SCHED-001", "CAP-002"}
    assert set(warned_of) == {"owner", "approved_by", "ticket"}


def test_a_waiver_for_some_findings_never_becomes_one_for_all() -> None:
    text, left_out = exported([NARROW])

    assert inspec_reads(text) == ({}, [])
    assert left_out == (NARROW,)
    assert "#   IDP-001 endpoint/*: it moves (to the end of 2026-12-31, bo, approved by cab)\n" in text


@pytest.mark.parametrize(
    "moment", [datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC)]
)
def test_it_holds_there_as_long_as_here(moment: datetime) -> None:
    entry = inspec_reads(exported([WHOLE])[0])[0]["SCHED-001"]

    assert inspec_holds(entry, moment) is not WHOLE.expired(moment.date())


@pytest.mark.parametrize(
    "waiver",
    [
        WHOLE,
        Waiver("SCHED-001", "*", "true", "no", "null", date(2024, 2, 28)),
        Waiver("SCHED-001", "*", "2027-01-31", "1.0", "- x", date(2026, 12, 31)),
        Waiver("SCHED-001", "*", "two  spaces, ${NAME} and $${x}", NOT_GIVEN, NOT_GIVEN, date(2020, 1, 1)),
        Waiver("SCHED-001", "*", "w " * 400 + "w", "o", "a", date.max - timedelta(days=1)),
    ],
)
def test_what_is_exported_comes_back_as_it_was(waiver: Waiver, tmp_path: Path) -> None:
    (back,) = imports(tmp_path, exported([waiver])[0]).waivers

    assert back == Waiver(**{**vars(waiver), "source": "w.yaml"})


def test_the_last_day_of_all_becomes_no_later_one() -> None:
    last = Waiver("SCHED-001", "*", "r", "o", "a", date.max)

    assert inspec_reads(exported([last])[0])[0]["SCHED-001"]["expiration_date"] == date.max


def test_the_command_prints_it_and_warns_of_what_is_left_out(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = Suite(pytester, monkeypatch)
    suite.profile(PROFILE + OWN + OWN.partition("\n")[2].replace("*", "pod/a"))

    result = pytester.runpytest_inprocess("--profile=./suite.yaml", "--export-waivers")

    assert result.ret == 0
    assert set(inspec_reads(str(result.stdout))[0]) == {"SCHED-001"}
    result.stderr.fnmatch_lines(
        ["domino-health: 1 of 2 waivers are for some findings of a check; InSpec would*"]
    )
    assert suite.ran(0, "").folders == []


def test_the_command_needs_a_profile(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--export-waivers")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--export-waivers: say which one, by --profile NAME"])
