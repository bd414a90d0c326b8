"""A small suite of checks of its own, run by pytest inside pytest. Its facts come from its conftest alone."""

import contextlib
import json
import signal
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# What a run inside imports is taken away after it, and would be imported anew each time, for a second.
import domino_health.plugin.run  # noqa: F401
from domino_health import plugin  # noqa: F401

PROFILE = """\
version: 1
clusters:
  - name: east
    server: https://127.0.0.1:1
    token: ${SUITE_TOKEN}
  - name: west
    server: https://127.0.0.1:1
"""
"""Two clusters that nobody connects to: the facts of the suites look elsewhere."""

TOKEN = "s3cr3t-t0ken-of-the-suite"
"""What ``${SUITE_TOKEN}`` stands for: the profile's one secret."""

_CONFTEST = '''\
"""A table of facts without a platform."""

from datetime import timedelta

import msgspec

from domino_health import Ref, fact
from domino_health.collectors.looking import CollectionError, Target
from domino_health.facts.kubernetes import Clock
from domino_health.facts.observed import Outcome


class Thing(msgspec.Struct, frozen=True):
    name: str
    cluster: str = ""

    @property
    def ref(self):
        return Ref(self.cluster, "thing", "", self.name)


def seen(cluster, *names):
    things = [Thing(name, cluster) for name in names]
    return Target(cluster, "GET /things", timedelta(seconds=10), lambda deadline, say: things)


def dead(cluster, reason="connection refused", cure="bring it up", outcome=Outcome.FAILED, had=()):
    def look(deadline, say):
        raise CollectionError(reason, cure, outcome, [Thing(name, cluster) for name in had])

    return Target(cluster, "GET /things", timedelta(seconds=10), look)


def broken(cluster, error):
    def look(deadline, say):
        raise error

    return Target(cluster, "GET /things", timedelta(seconds=10), look)


def now_of(look):
    return [Target("east", "GET /version", timedelta(seconds=10), lambda deadline, say: [Clock()])]


clock = fact("clock", now_of, Clock, section="clusters")
things = fact("things", lambda look: [{things}], Thing, section="clusters")
events = fact("events", lambda look: [{events}], Thing, section="clusters")
certificates = fact("certificates", lambda look: [seen("front", "one")], Thing, section="tls")

{more}
'''

_MODULE = '''\
"""Checks of a suite of its own."""

import os
import sys
import warnings

import pytest

from domino_health import Assessment, Finding, Ref, Severity, Unseen, check
'''


def a_check(
    id: str = "TST-001",
    *body: str,
    severity: str = "HIGH",
    facts: str = "things: list",
    mark: str = "",
    test: str = "",
) -> str:
    """The source of a check; without a body it assesses all things and finds nothing wanting.

    Args:
        id: of the check; its function is named after it.
        body: its lines.
        severity: name of a Severity.
        facts: its parameters.
        mark: a line above ``@check``, a pytest mark for example.
        test: name of the function, when another one is wanted.
    """
    lines = body or ("return Assessment(things, [])",)
    name = test or f"test_{id.replace('-', '_').lower()}"
    return "\n".join(
        [
            "",
            "",
            *([mark] if mark else []),
            f'@check("{id}", severity=Severity.{severity})',
            f"def {name}({facts}) -> Assessment:",
            f'    """Things are as {id} wants them.',
            "",
            "    Somebody needs them.",
            "",
            "    Remediation: mend them.",
            '    """',
            textwrap.indent("\n".join(lines), "    "),
            "",
        ]
    )


FINDS = "return Assessment(things, [Finding(thing.ref, 'it is bent') for thing in things])"
"""A body that finds everything wanting."""


HANGS = """
import time
from pathlib import Path

def slow(look):
    def wait(deadline, say):
        Path("looking").touch()
        time.sleep(60)
        return []
    return [Target("east", "GET /slow", timedelta(seconds=60), wait)]

events = fact("events", slow, Thing, section="clusters")
"""
"""A fact ``events`` that is looked at without end; the file ``looking`` tells that it has begun."""


@dataclass(frozen=True)
class Ran:
    """What became of one run, as an operator and as a pipeline see it."""

    status: int
    out: str = field(repr=False)
    """Standard output and standard error."""
    root: Path

    @property
    def folders(self) -> list[Path]:
        """Every folder that runs have written, oldest first."""
        parents = [parent for parent in (self.root / "reports").glob("*") if parent.is_dir()]
        folders = [folder for parent in parents for folder in parent.iterdir()]
        return sorted(folder for folder in folders if folder.is_dir() and not folder.is_symlink())

    @property
    def folder(self) -> Path:
        """The one folder that this run wrote."""
        (folder,) = self.folders
        return folder

    @property
    def verdict(self) -> dict[str, Any]:
        """verdict.json."""
        verdict: dict[str, Any] = json.loads((self.folder / "verdict.json").read_text(encoding="utf-8"))
        return verdict

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """findings.json, by the checks' ids."""
        content = json.loads((self.folder / "findings.json").read_text(encoding="utf-8"))
        return {result["id"]: result for result in content["results"]}

    @property
    def states(self) -> dict[str, str]:
        """What became of each check."""
        return {id: result["state"] for id, result in self.results.items()}

    @property
    def junit(self) -> "Junit":
        """junit.xml."""
        return Junit.read(self.folder / "junit.xml")

    @property
    def last_line(self) -> str:
        """What one reads last."""
        return [line for line in self.out.splitlines() if line.strip()][-1]

    def every_file(self) -> dict[Path, bytes]:
        """All that the runs left behind, decompressed where it must be."""
        import gzip

        files = [path for path in (self.root / "reports").rglob("*") if path.is_file()]
        return {
            path: gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            for path in files
        }


@dataclass(frozen=True)
class Junit:
    """A JUnit file, held against what CI servers want of it."""

    suite: ET.Element
    cases: tuple[ET.Element, ...]

    @classmethod
    def read(cls, path: Path) -> "Junit":
        """Parse a file; it must be valid."""
        root = ET.parse(path).getroot()
        junit = cls(root[0], tuple(root.iter("testcase")))
        problems = junit.problems(root)
        assert not problems, problems
        return junit

    def problems(self, root: ET.Element) -> list[str]:
        """What Jenkins' schema (junit-10.xsd, as pytest keeps it) and simple arithmetic would refuse."""
        wrong = [f"<{element.tag}> holds {child.tag}" for element, child in _misplaced(root)]
        for case in self.cases:
            missing = {"name", "classname", "time"} - set(case.attrib)
            wrong += [f"a testcase has no {name}" for name in sorted(missing)]
            tags = [child.tag for child in case]
            wrong += [f"two <{tag}> in one testcase" for tag in ("failure", "skipped") if tags.count(tag) > 1]
        counted = {
            "tests": len(self.cases),
            "failures": len(list(root.iter("failure"))),
            "errors": len(list(root.iter("error"))),
            "skipped": len(list(root.iter("skipped"))),
        }
        for name, number in counted.items():
            if self.suite.get(name) != str(number):
                wrong.append(f"{name}={self.suite.get(name)}, but there are {number}")
        return wrong

    def case(self, id: str) -> ET.Element:
        """The one testcase of a check."""
        (case,) = [case for case in self.cases if ("check", id) in properties(case)]
        return case


_INSIDE = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out", "system-err"},
    "properties": {"property"},
    "testcase": {"properties", "skipped", "error", "failure", "system-out", "system-err"},
}


def _misplaced(root: ET.Element) -> list[tuple[ET.Element, ET.Element]]:
    return [
        (element, child)
        for element in root.iter()
        for child in element
        if child.tag not in _INSIDE.get(element.tag, set())
    ]


def properties(case: ET.Element) -> list[tuple[str, str]]:
    """Name and value of each property of a testcase."""
    return [(each.attrib["name"], each.attrib["value"]) for each in case.iter("property")]


@contextlib.contextmanager
def hearing(number: signal.Signals) -> Iterator[None]:
    """What is started here hears a signal, though whoever started us ignores it (nohup, a shell's ``&``)."""
    before = signal.getsignal(number)
    if before == signal.SIG_IGN:
        # Python's own, so that a run in this process is interrupted, too; what is started has the default.
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, before)


class Suite:
    """A suite in pytester's directory."""

    def __init__(
        self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: Sequence[str] = ()
    ) -> None:
        self.pytester = pytester
        self.options = options
        self.root = pytester.path
        monkeypatch.setenv("SUITE_TOKEN", TOKEN)
        monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
        monkeypatch.delenv("CI", raising=False)
        self.profile()

    def profile(self, text: str = PROFILE, name: str = "suite.yaml") -> None:
        """Write a profile."""
        (self.root / name).write_text(text, encoding="utf-8")

    def facts(
        self, things: str = "seen('east', 'a', 'b')", events: str = "seen('east')", more: str = ""
    ) -> None:
        """Write the table of facts: what the collector of each names as its targets."""
        text = _CONFTEST.replace("{things}", things).replace("{events}", events)
        (self.root / "conftest.py").write_text(text.replace("{more}", more), encoding="utf-8")

    def checks(self, *sources: str, module: str = "test_things", folder: str = "checks") -> None:
        """Write a module of checks."""
        path = self.root / folder / f"{module}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(_MODULE + "".join(sources), encoding="utf-8")

    def run(
        self, *args: str, profile: Sequence[str] = ("--profile=./suite.yaml",), where: str = "checks"
    ) -> Ran:
        """Run it in this process."""
        self._default()
        arguments = [*profile, *self.options, *args, *([where] if where else [])]
        result = self.pytester.runpytest_inprocess(*arguments, no_reraise_ctrlc=True)
        return self.ran(int(result.ret), f"{result.stdout}\n{result.stderr}")

    def run_apart(self, *args: str, profile: Sequence[str] = ("--profile=./suite.yaml",)) -> Ran:
        """Run it in a process of its own."""
        self._default()
        result = self.pytester.runpytest_subprocess(*profile, *args, "checks", timeout=30)
        return self.ran(int(result.ret), f"{result.stdout}\n{result.stderr}")

    def ran(self, status: int, out: str) -> Ran:
        """What became of a run that was started otherwise."""
        return Ran(status, out, self.root)

    def _default(self) -> None:
        if not (self.root / "conftest.py").exists():
            self.facts()
        if not (self.root / "checks").exists():
            self.checks(a_check())
