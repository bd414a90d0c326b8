"""How long until a page with very many findings is drawn, how large it is, and how long writing it takes.

    python benchmarks/page.py [FINDINGS] [CHECKS]

A suite of its own finds them (10,000 by 80 checks), some of them waived, each check with a picture and a long
table, and all of them new since the run before. Chromium draws its page and the demo's; both runs, and both
pages, are real ones. Times are wall clock, so only the ratios mean something, and only those of one run.

Needs chromium and PyPI's playwright.
"""

import contextlib
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pytest

FINDINGS, CHECKS = 10_000, 80
ROUNDS = 7
TARGET = 2.0
"""Seconds within which the large page must be drawn."""

PROFILE = """\
version: 1
waivers:
  - check: CAP-001
    subject: "*"
    reason: the benchmark needs waived findings too
    owner: platform team
    approved_by: nobody
    expires: 2099-12-31
"""

CONFTEST = """\
import os
from datetime import timedelta

import msgspec

from domino_health import Ref, fact
from domino_health.collectors.looking import Target


class Thing(msgspec.Struct, frozen=True):
    name: str

    @property
    def ref(self):
        return Ref("prod", "execution", "domino-compute", self.name)


def look(deadline, say):
    return [Thing(f"type=Workspace,tier=large-{n},project=churn-{os.environ['ROUND']}") for n in range(%d)]


things = fact("things", lambda _: [Target("prod", "GET /things", timedelta(seconds=60), look)], Thing)
"""

HEAD = """\
from datetime import timedelta

from domino_health import Assessment, Attachment, Bar, Finding, Severity, check, timeline

SAID = (
    "52 m without a node, at most 10 m: insufficient cpu. Scheduler: 0/41 nodes are available: 3 node(s) had "
    "untolerated taint {dominodatalab.com/gpu: true}, 38 Insufficient cpu."
)


def attached():
    bars = [Bar(f"step {n}", timedelta(seconds=n), timedelta(seconds=n + 3), "3 s") for n in range(40)]
    yield Attachment.plot("Start-up", timeline("Start-up", bars))
    yield Attachment.table("Steps", ["step", "took"], [(n, "3 s") for n in range(1000)])
"""

CHECK = '''

@check("CAP-%(id)03d", severity=Severity.HIGH)
def test_cap_%(id)03d(things: list) -> Assessment:
    """No thing waits longer than it may.

    Somebody waits for it.

    Remediation: mend it.
    """
    found = [Finding(each.ref, SAID, count=3, examples=(each.ref,) * 3) for each in things]
    return Assessment(things, found, attachments=attached())
'''


@dataclass(frozen=True)
class Page:
    """What became of one."""

    write: float
    """Seconds for all reports: the page, JUnit, findings.json, the facts."""
    paint: float
    """Seconds from navigation to the first paint."""
    drawn: float
    """Seconds from navigation until it is loaded and a frame of it is on the screen."""
    size: int


class _Stopwatch:
    """Times the end of the session, around all others: what is registered last is called first."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(self._Around(self))

    class _Around:
        def __init__(self, stopwatch: "_Stopwatch") -> None:
            self._stopwatch = stopwatch

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_sessionfinish(self) -> Generator[None, None, None]:
            began = time.monotonic()
            yield
            self._stopwatch.seconds = time.monotonic() - began


def run(folder: Path, arguments: Sequence[str], results: Any) -> None:
    """One run, in a process of its own; it gives the seconds that its reports took."""
    os.chdir(folder)
    stopwatch = _Stopwatch()
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        pytest.main(["-p", "no:cacheprovider", *arguments], plugins=[stopwatch])
    results.put(stopwatch.seconds)


def report(folder: Path, *arguments: str, number: int = 0) -> tuple[Path, float]:
    """The page of a run, and how long its reports took."""
    os.environ["ROUND"] = str(number)
    processes = multiprocessing.get_context("spawn")
    results = processes.SimpleQueue()
    process = processes.Process(target=run, args=(folder, arguments, results))
    process.start()
    seconds = results.get()
    process.join()
    (latest,) = folder.glob("reports/*/latest")
    return latest.resolve() / "report.html", seconds


def large(folder: Path, findings: int, checks: int) -> tuple[Path, float]:
    """The page of the second of two runs that found as much, and nothing alike."""
    (folder / "checks").mkdir()
    (folder / "many.yaml").write_text(PROFILE)
    (folder / "conftest.py").write_text(CONFTEST % -(-findings // checks))
    bodies = [CHECK % {"id": number} for number in range(1, checks + 1)]
    (folder / "checks" / "test_many.py").write_text(HEAD + "".join(bodies))
    report(folder, "--profile=./many.yaml", "checks", number=1)
    return report(folder, "--profile=./many.yaml", "checks", number=2)


def drawn(browser: Any, path: Path) -> tuple[float, float]:
    """Seconds until the first paint, and until the page stands on the screen: medians."""
    times = []
    for _ in range(ROUNDS):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.goto(path.as_uri(), wait_until="load")
        times.append(
            page.evaluate(
                """() => new Promise(done => new PerformanceObserver(paints => {
                    const first = paints.getEntries()[0].startTime
                    requestAnimationFrame(() => requestAnimationFrame(() => done([first, performance.now()])))
                }).observe({type: 'paint', buffered: true}))"""
            )
        )
        context.close()
    paint, whole = zip(*times, strict=True)
    return median(paint) / 1000, median(whole) / 1000


def main() -> None:
    """Print a line for each page, and how many times the demo's the large one is."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (not needed by the runs' processes)

    given = list(map(int, sys.argv[1:]))
    findings, checks = [*given, *(FINDINGS, CHECKS)[len(given) :]]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    quiet = ["quic", "background-networking", "component-update", "sync", "gpu"]
    arguments = ["--no-sandbox", *(f"--disable-{thing}" for thing in quiet)]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        folders = {name: Path(folder, name) for name in ("demo", "large")}
        for each in folders.values():
            each.mkdir()
        written = {
            "demo": report(folders["demo"], "--profile=demo"),
            "large": large(folders["large"], findings, checks),
        }
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        pages = {
            name: Page(seconds, *drawn(browser, path), path.stat().st_size)
            for name, (path, seconds) in written.items()
        }
        browser.close()
    print(f"large: {findings} findings by {checks} checks")
    for name, page in pages.items():
        ratios = [
            getattr(page, what) / getattr(pages["demo"], what) for what in ("paint", "drawn", "size", "write")
        ]
        paint, whole, size, write = (f"{ratio:.1f}" for ratio in ratios)
        print(
            f"{name:5}  first paint {page.paint:5.2f} s ({paint} times the demo's)  "
            f"drawn {page.drawn:5.2f} s ({whole})  {page.size / 1024:6.0f} KiB ({size})  "
            f"reports written in {page.write:5.2f} s ({write})"
        )
    if pages["large"].drawn > TARGET:
        raise SystemExit(f"the large page takes longer than {TARGET:g} s to be drawn")


if __name__ == "__main__":
    main()
