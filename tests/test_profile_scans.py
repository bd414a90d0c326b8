"""Section ``scans``: where reports are must be said, and whether they are there is told later."""

from pathlib import Path

import pytest

from domino_health.profile.scans import Scans
from profile_texts import mistakes, profile

NOWHERE = "says not where reports are; write reports: [DIRECTORY], or operator: true"


def scans(text: str, directory: Path) -> Scans:
    section = profile(f"version: 1\nscans: {text}\n", directory).scans
    assert section is not None
    return section


def test_reports_are_relative_to_the_profile_and_need_not_be_there_yet(tmp_path: Path) -> None:
    section = scans("{reports: [nightly, /mnt/scans/base.json, ~/scans]}", tmp_path)

    assert section.reports == (tmp_path / "nightly", Path("/mnt/scans/base.json"), Path.home() / "scans")
    assert section.operator is None


def test_the_operator_alone_will_do(tmp_path: Path) -> None:
    section = scans("{operator: true}", tmp_path)

    assert (section.reports, section.operator) == (None, True)


@pytest.mark.parametrize("text", ["{deadline: 5s}", "{operator: false}", "{}"])
def test_a_section_that_says_nothing_of_where_reports_are_is_a_mistake(text: str, tmp_path: Path) -> None:
    assert mistakes(f"version: 1\nscans: {text}\n", tmp_path) == [(2, "scans", NOWHERE)]


@pytest.mark.parametrize("path", ["7", "''", "' '", "{a: b}"])
def test_a_path_is_a_text(path: str, tmp_path: Path) -> None:
    text = f"version: 1\nscans: {{reports: [{path}]}}\n"

    assert mistakes(text, tmp_path) == [(2, "scans.reports[0]", "must be a path")]
