"""Which controls a check is evidence for: the suite's files, the site's, and their mistakes."""

from pathlib import Path

import pytest

from domino_health.plugin.suite import known_checks
from domino_health.profile import ProfileError
from domino_health.profile.controls import evidence, frameworks
from suites import FINDS, PROFILE, Suite, a_check, properties

SUITES_OWN = Path(__file__).resolve().parents[1] / "profiles" / "controls"
KNOWN = {"SCHED-001", "IDP-001"}
VALID = """\
framework: ACME
title: a baseline
source: https://acme.example/baseline
controls:
  "4.2":
    title: work gets a node
    checks: [SCHED-001]
"""
NONE = VALID.partition("  ")[0].rstrip() + " {}\n"


def written(directory: Path, text: str = VALID, name: str = "acme.yaml") -> Path:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(text)
    return directory


def mistakes(directory: Path, text: str) -> list[str]:
    """Each mistake of a file, without the path of its directory."""
    with pytest.raises(ProfileError) as caught:
        frameworks([written(directory, text)], KNOWN)
    return str(caught.value).replace(f"{directory}/", "").splitlines()


def test_a_check_is_evidence_for_every_control_that_names_it(tmp_path: Path) -> None:
    more = '  "4.3": {title: more, checks: [IDP-001, SCHED-001]}\n'
    written(tmp_path, VALID + more)
    written(tmp_path, VALID.replace("ACME", "ABC"), "other.yml")

    assert evidence(frameworks([tmp_path], KNOWN)) == {
        "SCHED-001": ("ABC 4.2", "ACME 4.2", "ACME 4.3"),
        "IDP-001": ("ACME 4.3",),
    }


def test_a_file_of_the_site_takes_the_place_of_the_suites_of_the_same_framework(tmp_path: Path) -> None:
    suites = written(tmp_path / "suite", name="a.yaml")
    written(suites, VALID.replace("ACME", "OTHER"), "b.yaml")
    site = written(tmp_path / "site", VALID.replace("4.2", "9.9"), "another-name.yaml")

    controls = evidence(frameworks([suites, site], KNOWN))

    assert controls == {"SCHED-001": ("ACME 9.9", "OTHER 4.2")}


@pytest.mark.parametrize("id", ["BOLT-001", "BOLT-999"])
def test_a_check_of_an_area_that_nobody_here_has_may_be_a_packs(id: str, tmp_path: Path) -> None:
    written(tmp_path, VALID.replace("SCHED-001", id))

    (described,) = frameworks([tmp_path], KNOWN)

    assert list(evidence([described])) == [id]


@pytest.mark.parametrize("id", ["SCHED-999", "SCED-001", "SCHED", "", "-001"])
def test_a_check_that_is_a_slip_of_the_pen_is_a_mistake(id: str, tmp_path: Path) -> None:
    (told,) = mistakes(tmp_path, VALID.replace("[SCHED-001]", f"['{id}']"))

    assert f"no such check: {id}" in told


def test_a_directory_that_is_not_there_describes_nothing_and_one_given_twice_counts_once(
    tmp_path: Path,
) -> None:
    written(tmp_path / "there")

    described = frameworks([tmp_path / "there", tmp_path / "none", tmp_path / "there"], KNOWN)

    assert [each.framework for each in described] == ["ACME"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("SCHED-001", "SCHED-0001", "acme.yaml:7: controls.4.2.checks[0]: no such check: SCHED-0001; did"),
        ("title: work", "titel: work", "acme.yaml:6: controls.4.2.titel: unknown key; did you mean title?"),
        ("source:", "sauce:", "acme.yaml:3: sauce: unknown key; did you mean source?"),
        ("title: a baseline\n", "", "acme.yaml:1: title is missing"),
        ("https://", "http://", "acme.yaml:3: source: must be the address of the standard's own page"),
        ("[SCHED-001]", "[]", "acme.yaml:7: controls.4.2.checks: is empty; name at least one"),
        ("[SCHED-001]", "SCHED-001", "acme.yaml:7: controls.4.2.checks: must be a list"),
        ("[SCHED-001]", "[SCHED-001, SCHED-001]", "acme.yaml:7: controls.4.2.checks[1]: two are called"),
        ("[SCHED-001]", "[true]", "acme.yaml:7: controls.4.2.checks[0]: must be text, but YAML reads"),
        ("    title: work gets a node\n", "", "acme.yaml:5: controls.4.2: title is missing"),
        ("ACME", "' '", "acme.yaml:1: framework: must be a line of text, not blank"),
        ("    checks: [SCHED-001]\n", "    checks: [SCHED-001\n", "acme.yaml:8: not YAML: "),
    ],
)  # fmt: skip
def test_a_mistake_has_its_file_its_line_and_its_cure(old: str, new: str, said: str, tmp_path: Path) -> None:
    (told,) = mistakes(tmp_path, VALID.replace(old, new))

    assert told.startswith(said)


def test_a_control_given_twice_is_a_mistake(tmp_path: Path) -> None:
    again = '  "4.2": {title: again, checks: [IDP-001]}\n'

    assert mistakes(tmp_path, VALID + again) == [
        "acme.yaml:8: controls.4.2: given twice, first on line 5; keep one"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "acme.yaml: must be keys and values; begin with framework: and its name"),
        ("- a\n", "acme.yaml:1: must be keys and values; begin with framework: and its name"),
        (NONE, "acme.yaml:4: controls: is empty; name at least one control"),
    ],
)  # fmt: skip
def test_a_file_that_describes_nothing_is_a_mistake(text: str, said: str, tmp_path: Path) -> None:
    assert mistakes(tmp_path, text) == [said]


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, VALID.replace("SCHED-001", "SCHED-999"), "b.yaml")

    told = mistakes(tmp_path, VALID.replace("title: a", "titel: a"))

    assert [line.partition(":")[0] for line in told] == ["acme.yaml", "b.yaml"]


def test_two_files_of_one_framework_are_a_mistake(tmp_path: Path) -> None:
    written(tmp_path, name="twin.yaml")

    assert mistakes(tmp_path, VALID) == [
        "twin.yaml:1: framework: acme.yaml describes ACME as well; keep one file"
    ]


def test_a_file_that_is_no_text_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_bytes(b"framework: \xff\n")

    with pytest.raises(ProfileError, match=r"acme\.yaml:1: cannot be read: byte 0xff is not UTF-8"):
        frameworks([tmp_path], KNOWN)


def test_the_suites_own_files_hold_and_every_check_in_them_has_a_reason() -> None:
    described = frameworks([SUITES_OWN], known_checks())

    assert {each.framework for each in described} == {"SOC 2", "ISO 27001", "NIST 800-53", "21 CFR"}
    for path in SUITES_OWN.glob("*.yaml"):
        for line in path.read_text().splitlines():
            if line.strip().startswith("- "):
                assert line.partition("#")[2].strip(), f"{path.name}: {line}"


# In a run


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, monkeypatch, ["-p", "no:html"])


def test_a_run_says_of_each_check_what_it_is_evidence_for(suite: Suite) -> None:
    (suite.root / "profiles").mkdir()
    written(suite.root / "profiles" / "controls", VALID.replace("4.2", "9.9"))
    suite.profile(PROFILE)
    suite.checks(a_check("SCHED-001", FINDS), a_check("TST-001"))

    ran = suite.run()

    controls = ran.results["SCHED-001"]["controls"]
    assert "ACME 9.9" in controls
    assert "SOC 2 A1.1" in controls
    given = properties(ran.junit.case("SCHED-001"))
    assert [value for name, value in given if name == "control"] == controls
    assert ran.results["TST-001"]["controls"] == []


def test_a_mistake_in_a_file_of_the_site_ends_a_run_before_it_begins(suite: Suite) -> None:
    (suite.root / "profiles").mkdir()
    written(suite.root / "profiles" / "controls", VALID.replace("SCHED-001", "SCHED-0001"))

    ran = suite.run()

    assert ran.status == 4
    assert "controls.4.2.checks[0]: no such check: SCHED-0001; did you mean SCHED-001?" in ran.out
    assert ran.folders == []


def test_explain_names_the_controls(suite: Suite) -> None:
    (suite.root / "profiles").mkdir()
    written(suite.root / "profiles" / "controls")

    ran = suite.run("--explain=SCHED-001", profile=(), where="")

    assert ran.status == 0
    assert "  ACME 4.2\n" in ran.out
    assert "  SOC 2 A1.1\n" in ran.out
