"""A run that is killed leaves no half file under a final name, and no ``latest`` that points nowhere."""

import gzip
import json
import signal
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

from suites import FINDS, Suite, a_check

DIES = """
import os
import signal
from pathlib import Path

_rename, _count = os.replace, 0

def dying(source, target, **more):
    global _count
    _count += 1
    if _count == {at} and "{when}" == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    _rename(source, target, **more)
    if _count == {at} and "{when}" == "after":
        os.kill(os.getpid(), signal.SIGKILL)

os.replace = dying
Path.replace = lambda self, target: (dying(self, target), Path(target))[1]
"""
"""A conftest that has the process killed around its n-th renaming: each report gets its name by one."""

CUT = """
import os
import signal

from _pytest.junitxml import LogXML
from pytest_html.basereport import BaseReport

def write(self, rendered_report):
    with self._report_path.open("w", encoding="utf-8") as file:
        file.write(rendered_report[: len(rendered_report) // 2])
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

def finish(self):
    with open(self.logfile, "w", encoding="utf-8") as file:
        file.write('<?xml version="1.0"?><testsuites><testsuite>')
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

{which}
"""
"""A conftest that has the process killed in the middle of pytest's, or pytest-html's, writing."""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    made = Suite(pytester, monkeypatch)
    made.checks(a_check("TST-001", FINDS))
    return made


def broken(folder: Path) -> list[str]:
    """The files of a run, by their final names, that are not whole."""
    wrong = []
    for path in folder.rglob("*"):
        if not path.is_file() or path.name.startswith("."):
            continue
        content = path.read_bytes()
        try:
            if path.suffix == ".json":
                json.loads(content)
            elif path.suffix == ".gz":
                json.loads(gzip.decompress(content))
            elif path.suffix == ".xml":
                ET.fromstring(content)
            elif path.suffix == ".yaml":
                assert yaml.safe_load(content)["version"] == 1
            elif path.suffix == ".html":
                assert content.rstrip().endswith(b"</html>")
            elif path.name == "SHA256SUMS":
                assert content.endswith(b"\n")
            else:
                wrong.append(f"{path.name} is nothing that a run writes")
        except (ValueError, AssertionError, EOFError, ET.ParseError) as error:
            wrong.append(f"{path.name}: {error}")
    return wrong


def hold(suite: Suite) -> None:
    """Hold all that a killed run has left against what may be left."""
    for folder in suite.ran(0, "").folders:
        assert broken(folder) == []
        if (folder / "SHA256SUMS").exists():
            assert (folder / "verdict.json").exists(), "the digests come last"
    for latest in suite.root.glob("reports/*/latest"):
        assert latest.resolve().is_dir()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_any_renaming_leaves_whole_files_alone(suite: Suite, when: str) -> None:
    for at in range(1, 30):
        suite.facts(more=DIES.format(at=at, when=when))
        ran = suite.run_apart("-p", "no:cacheprovider")
        hold(suite)
        if ran.status != -signal.SIGKILL:
            break
    assert ran.status == 1, ran.out
    assert at > 8, "profile, findings, two facts, JUnit, the page, latest, verdict, digests"


@pytest.mark.parametrize(
    "which", ["LogXML.pytest_sessionfinish = finish", "BaseReport._write_report = write"]
)
def test_a_kill_in_the_middle_of_pytests_own_writing_leaves_no_half_report(suite: Suite, which: str) -> None:
    suite.facts(more=CUT.format(which=which))

    ran = suite.run_apart("-p", "no:cacheprovider")

    assert ran.status == -signal.SIGKILL
    hold(suite)
    assert not (ran.folder / "verdict.json").exists(), "there is no verdict of a run that did not come to one"


def test_what_a_killed_run_has_left_is_no_hindrance_to_the_next_one(suite: Suite) -> None:
    suite.facts(more=DIES.format(at=5, when="before"))
    assert suite.run_apart("-p", "no:cacheprovider").status == -signal.SIGKILL
    suite.facts()

    ran = suite.run()

    assert ran.status == 1
    latest = (suite.root / "reports" / "suite" / "latest").resolve()
    assert (latest / "SHA256SUMS").exists()
