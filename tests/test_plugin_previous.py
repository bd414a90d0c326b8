"""The run before this one: gathered in every run, kept among its facts, and told of in its reports."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from domino_health.collectors.looking import (
    CollectionError,
    Deadline,
    Look,
    NothingToLookAtError,
    Shared,
    Target,
)
from domino_health.collectors.previous import previous
from domino_health.facts.previous import PreviousRun
from domino_health.profile import Profile
from suites import FINDS, Ran, Suite, a_check


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, monkeypatch)


DECLARED = """
from domino_health.collectors.previous import previous
from domino_health.facts.previous import PreviousRun

before = fact("previous", previous, PreviousRun)
"""


def kept(ran: Ran) -> dict[str, Any]:
    """The fact, as the last run has kept it."""
    content: dict[str, Any] = json.loads(
        gzip.decompress((newest(ran) / "facts" / "previous.json.gz").read_bytes())
    )
    return content


def newest(ran: Ran) -> Path:
    return (ran.root / "reports" / "suite" / "latest").resolve()


def said(ran: Ran) -> list[str]:
    return [
        line.strip() for line in ran.out.splitlines() if "since the run of" in line or "not compared" in line
    ]


def test_the_first_run_has_none_before_it_and_says_nothing_of_it(suite: Suite) -> None:
    ran = suite.run()

    assert kept(ran)["absent"] == "there is no earlier run of this profile"
    assert said(ran) == []
    assert ran.verdict["unseen"] == []


def test_the_second_run_tells_what_changed(suite: Suite) -> None:
    suite.checks(a_check("TST-001", FINDS), a_check("TST-002"))
    first = newest(suite.run())
    suite.facts("seen('east', 'b', 'c')")

    ran = suite.run()

    (before,) = kept(ran)["targets"][0]["objects"]
    assert before["folder"] == first.name
    assert [(each["check"], each["subject"]) for each in before["findings"]] == [
        ("TST-001", "east: thing/a"),
        ("TST-001", "east: thing/b"),
    ]
    (line,) = said(ran)
    assert line.endswith("UTC: 1 new, 1 gone")
    assert "1 new finding, 1 gone" in (newest(ran) / "report.html").read_text()


def test_what_was_not_seen_then_is_remembered(suite: Suite) -> None:
    suite.facts("seen('east', 'a'), dead('west')")
    suite.checks(a_check("TST-001", FINDS))
    suite.run()

    ran = suite.run()

    (before,) = kept(ran)["targets"][0]["objects"]
    assert before["blind"] == ["TST-001"]


def test_a_run_before_that_left_nothing_readable_opens_and_closes_no_gate(suite: Suite) -> None:
    (newest(suite.run()) / "findings.json").write_text("{")

    ran = suite.run()

    assert ran.status == 0
    (line,) = said(ran)
    assert "the run before this one left nothing that can be read" in line


def test_a_check_may_ask_for_it(suite: Suite) -> None:
    suite.facts(more=DECLARED)
    suite.checks(a_check("TST-001", "return Assessment(previous, [])", facts="previous: list"))

    first, second = suite.run(), suite.run()

    assert "TST-001 skipped: there is no earlier run of this profile" in first.out
    assert "TST-001 passed: 1 assessed" in second.out


def test_another_fact_of_its_name_is_a_usage_error(suite: Suite) -> None:
    suite.facts(more='before = fact("previous", now_of, Clock)\n')
    suite.checks(a_check("TST-001", "return Assessment(previous, [])", facts="previous: list"))

    ran = suite.run()

    assert ran.status == 4
    assert "two facts are called 'previous'" in ran.out


def test_a_replay_compares_with_the_run_that_was_the_one_before_then(suite: Suite) -> None:
    suite.checks(a_check("TST-001", FINDS))
    suite.run()
    suite.facts("seen('east', 'a', 'b', 'c')")
    recorded = suite.run()
    suite.run()

    folder = sorted(each for each in recorded.folders if each.name != "replays")[1]
    ran = suite.run(profile=(f"--replay={folder}",))

    (line,) = said(ran)
    assert line.endswith("UTC: 1 new")
    replayed = next((ran.root / "reports" / "suite" / "replays").iterdir())
    assert (replayed / "findings.json").read_bytes() == (folder / "findings.json").read_bytes()


FINDINGS = '{"results": []}'
VERDICT = '{"began": "2026-11-24T03:00:00Z", "gate": "open", "exit_status": 0}'


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A profile's reports, and another one's beside them, each with a run."""
    for folder in ("prod/run", "other/run"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "findings.json").write_text(FINDINGS)
        (tmp_path / folder / "verdict.json").write_text(VERDICT)
    return tmp_path / "prod"


def look(reports: Path) -> Target[PreviousRun]:
    (target,) = previous(Look(Profile(version=1), Shared(), reports=reports))
    return target


def read(reports: Path) -> PreviousRun:
    target = look(reports)
    (run,) = target.look(Deadline(target.allowed), lambda _: None)
    return run


@pytest.mark.parametrize("kind", ["a link", "a file", "a directory"])
def test_latest_names_a_run_beside_it_in_whichever_form_the_file_system_has(reports: Path, kind: str) -> None:
    if kind == "a link":
        (reports / "latest").symlink_to("run")
    elif kind == "a file":
        (reports / "latest").write_text("run\n")
    else:  # a copy that has followed the link
        (reports / "run").rename(reports / "latest")

    assert read(reports).folder == ("latest" if kind == "a directory" else "run")


@pytest.mark.parametrize(
    "name", ["../other/run", ".", "..", "", "none", "latest", "a\0b", "a" * 255, "a" * 5000]
)
@pytest.mark.parametrize("kind", ["a link", "a file"])
def test_latest_leads_nowhere_but_to_a_run_beside_it(reports: Path, name: str, kind: str) -> None:
    pointer = reports / "latest"
    if kind == "a link" and name and "\0" not in name and len(name) < 256:
        pointer.symlink_to(name)
    else:
        pointer.write_text(name)

    with pytest.raises(NothingToLookAtError, match="latest names no run beside it"):
        look(reports)


def test_a_pipe_called_latest_is_not_waited_for(reports: Path) -> None:
    os.mkfifo(reports / "latest")

    with pytest.raises(NothingToLookAtError, match="names no run"):
        look(reports)


@pytest.mark.parametrize(("bytes_more", "told"), [(0, None), (1, "more than 1 MiB")])
def test_findings_without_end_are_not_read(
    reports: Path, monkeypatch: pytest.MonkeyPatch, bytes_more: int, told: str | None
) -> None:
    monkeypatch.setattr("domino_health.collectors.previous._LARGEST", 1 << 20)
    (reports / "run" / "findings.json").write_text(FINDINGS.ljust((1 << 20) + bytes_more))
    (reports / "latest").symlink_to("run")

    if told is None:
        assert read(reports).findings == ()
    else:
        with pytest.raises(CollectionError, match=told):
            read(reports)


def test_a_run_that_began_in_no_time_zone_cannot_be_compared(reports: Path) -> None:
    (reports / "run" / "verdict.json").write_text(VERDICT.replace("Z", ""))
    (reports / "latest").symlink_to("run")

    with pytest.raises(CollectionError, match="timezone"):
        read(reports)
