"""The site's own notes of a check: shown, kept with the run, and the same on a replay."""

import json
from pathlib import Path

import pytest

from domino_health.plugin.knowledge import LONGEST, kept, page_of
from domino_health.redact import Redactor
from suites import FINDS, PROFILE, TOKEN, Ran, Suite, a_check

NOTE = f"Ask ana.\nShe knows why. Her token was {TOKEN}.\x1b[31m\n"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    made = Suite(pytester, monkeypatch, ["-p", "no:html"])
    made.profile(PROFILE + "knowledge: notes\n")
    made.checks(a_check("TST-001", FINDS), a_check("TST-002"), a_check("TST-003", FINDS))
    (made.root / "notes").mkdir()
    for id in ("TST-001", "TST-002", "TST-999"):
        (made.root / "notes" / f"{id}.md").write_text(NOTE, encoding="utf-8")
    return made


def replayed(suite: Suite, folder: Path, *options: str) -> tuple[Ran, Path]:
    """A replay of a run's folder, and the folder that it wrote."""
    before = set((suite.root / "reports").rglob("verdict.json"))
    again = suite.run(*options, profile=(f"--replay={folder}",))
    written = set((suite.root / "reports").rglob("verdict.json")) - before
    return again, next(iter(written)).parent if written else Path()


def test_a_run_keeps_the_pages_of_its_checks_without_secrets_and_control_characters(suite: Suite) -> None:
    ran = suite.run()

    assert [each.name for each in sorted((ran.folder / "knowledge").iterdir())] == [
        "TST-001.md",
        "TST-002.md",
    ]
    page = (ran.folder / "knowledge" / "TST-001.md").read_text(encoding="utf-8")
    assert page == "Ask ana.\nShe knows why. Her token was ***.�[31m\n"
    assert {id: result["notes"] for id, result in ran.results.items()} == {
        "TST-001": "TST-001.md", "TST-002": "TST-002.md", "TST-003": "",
    }  # fmt: skip
    assert "  knowledge/TST-002.md\n" in (ran.folder / "SHA256SUMS").read_text()
    assert "Notes of your own: knowledge/TST-001.md, beside the report" in ran.out


def test_a_profile_without_knowledge_keeps_none(suite: Suite) -> None:
    suite.profile()

    ran = suite.run()

    assert not (ran.folder / "knowledge").exists()
    assert {result["notes"] for result in ran.results.values()} == {""}


def test_a_replay_shows_what_was_known_then(suite: Suite) -> None:
    ran = suite.run()
    first = ran.folder
    for page in (suite.root / "notes").iterdir():
        page.write_text("quite another thing")

    again, folder = replayed(suite, first)

    assert again.status == ran.status == 1
    for name in ("findings.json", "knowledge/TST-001.md", "knowledge/TST-002.md"):
        assert (folder / name).read_bytes() == (first / name).read_bytes(), name


def test_a_replay_of_a_replay_has_the_same_bytes_still(suite: Suite) -> None:
    (suite.root / "notes" / "TST-001.md").write_text("é" * (LONGEST + 1), encoding="utf-8")
    _, first = replayed(suite, suite.run().folder)

    _, second = replayed(suite, first)

    for name in ("findings.json", "knowledge/TST-001.md"):
        assert (second / name).read_bytes() == (first / name).read_bytes(), name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda folder: (folder / "knowledge/TST-001.md").write_text("x"),
            "knowledge/TST-001.md was changed",
        ),
        (lambda folder: (folder / "knowledge/TST-003.md").write_text("x"), "knowledge/TST-003.md is not in"),
    ],
)
def test_a_page_that_was_changed_or_added_since_is_refused(suite: Suite, change, said: str) -> None:  # type: ignore[no-untyped-def]
    folder = suite.run().folder
    change(folder)

    again, _ = replayed(suite, folder)

    assert again.status == 4
    assert said in again.out


def test_a_page_of_a_passed_check_is_there_when_a_replay_fails_it(suite: Suite) -> None:
    suite.checks(a_check("TST-001", FINDS, severity="MEDIUM"))
    ran = suite.run()
    assert ran.status == 0

    again, folder = replayed(suite, ran.folder, "--gate=audit")

    assert again.status == 1
    (result,) = json.loads((folder / "findings.json").read_text())["results"]
    assert result["notes"] == "TST-001.md"


def test_the_page_shows_them(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = Suite(pytester, monkeypatch)
    suite.profile(PROFILE + "knowledge: notes\n")
    (suite.root / "notes").mkdir()
    (suite.root / "notes" / "TST-001.md").write_text("Ask <b>ana</b>.")
    suite.checks(a_check("TST-001", FINDS))

    ran = suite.run()

    assert "Ask &lt;b&gt;ana&lt;/b&gt;." in (ran.folder / "report.html").read_text(encoding="utf-8")


def test_explain_names_the_page(suite: Suite) -> None:
    (suite.root / "notes" / "SCHED-001.md").write_text(NOTE)

    with_page = suite.run("--explain=SCHED-001", where="")
    without = suite.run("--explain=IDP-001", where="")

    assert f"Site notes: {suite.root / 'notes' / 'SCHED-001.md'}" in with_page.out
    assert "Site notes" not in without.out


# The page's text


def test_what_is_no_file_is_no_page(tmp_path: Path) -> None:
    (tmp_path / "TST-001.md").mkdir()

    assert page_of("TST-001", tmp_path) is None
    assert page_of("TST-002", tmp_path) is None
    assert page_of("TST-001", None) is None


def test_a_page_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    assert kept(tmp_path / "TST-001.md", Redactor()).startswith("(This page could not be read: no such file")


@pytest.mark.parametrize("letter", ["x", "é", "😀", "\x07"])
@pytest.mark.parametrize("more", [0, 1, 5 * LONGEST])
def test_a_page_is_kept_whole_up_to_its_bound_and_cut_beyond_it(
    letter: str, more: int, tmp_path: Path
) -> None:
    page = tmp_path / "TST-001.md"
    page.write_text(letter * (LONGEST + more), encoding="utf-8")

    text = kept(page, Redactor())

    assert len(text) == LONGEST
    assert text.endswith("was left out of the report.)\n") is bool(more)
    page.write_text(text, encoding="utf-8")
    assert kept(page, Redactor()) == text


def test_bytes_that_are_no_text_break_nothing(tmp_path: Path) -> None:
    page = tmp_path / "TST-001.md"
    page.write_bytes(b"a\xff\r\nb")

    assert kept(page, Redactor()) == "a�\nb"
