"""The last word: exit status, last line, page and verdict.json agree, whatever plugins and machines do."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from domino_health.plugin import whole
from suites import FINDS, HANGS, Suite, a_check, hearing


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, monkeypatch)


COMMAND = [sys.executable, "-m", "pytest", "--profile=./suite.yaml", "checks"]


LATE_STATUS = """
@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main():
    yield
    return 1
"""


def words(folder: Path) -> tuple[str, int, bool | None]:
    """What verdict.json says, and whether the page says that the gate is open; None where there is none."""
    verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    page = folder / "report.html"
    is_open = 'class="dh-verdict dh-open"' in page.read_text(encoding="utf-8") if page.exists() else None
    return verdict["verdict"], verdict["exit_status"], is_open


# A plugin that ends the run with a status of its own


@pytest.mark.parametrize(
    "hook",
    [
        "def pytest_configure():\n    pytest.exit('only on linux runners', returncode=0)",
        "def pytest_sessionstart():\n    pytest.exit('only on linux runners', returncode=0)",
        "def pytest_sessionstart():\n    raise SystemExit(0)",
        "def pytest_sessionfinish():\n    raise SystemExit(0)",
        "def pytest_sessionfinish():\n    pytest.exit('enough', returncode=0)",
        "def pytest_sessionfinish():\n    pytest.skip('not today')",
        "def pytest_unconfigure():\n    raise SystemExit(0)",
        "def pytest_unconfigure():\n    raise RuntimeError('boom')",
        "def pytest_unconfigure():\n    raise pytest.UsageError('x')",
        LATE_STATUS,
        "@pytest.hookimpl(tryfirst=True)\ndef pytest_runtestloop():\n    return True",
    ],
)
@pytest.mark.parametrize("body", [FINDS, "return Assessment(things, [])"], ids=["broken", "well"])
def test_no_plugin_makes_an_exit_status_of_0_without_an_open_gate(suite: Suite, hook: str, body: str) -> None:
    suite.facts(more=f"import pytest\n\n{hook}\n")
    suite.checks(a_check("TST-001", body))

    ran = suite.run_apart()

    harmless = body != FINDS and hook.endswith("pytest_unconfigure():\n    raise SystemExit(0)")
    assert (ran.status == 0) is harmless, ran.out
    for folder in ran.folders:
        word, status, page = words(folder)
        assert (word, status) == ("open" if harmless else "closed", ran.status)
        assert page in (harmless, None)


def test_what_ends_a_run_early_leaves_a_verdict_that_says_so(suite: Suite) -> None:
    suite.facts(
        more="import pytest\n\ndef pytest_sessionstart():\n    pytest.exit('not here', returncode=0)\n"
    )

    ran = suite.run_apart()

    assert ran.status == 3
    assert "the run ended before its checks; the gate is closed (exit 3)" in ran.out
    assert "the run ended before its checks" in ran.verdict["reasons"]


# What happens after the page was written


@pytest.mark.parametrize(
    ("more", "options", "status"),
    [
        ("import warnings\nwarnings.warn('old', DeprecationWarning)", ("--max-warnings=0",), 6),
        ("def pytest_sessionfinish(session):\n    session.exitstatus = 1", (), 1),
        ("def pytest_sessionfinish(session):\n    raise RuntimeError('boom')", (), 3),
    ],
    ids=["--max-warnings", "a status", "an exception"],
)
def test_the_page_says_what_the_exit_status_says(
    suite: Suite, more: str, options: Sequence[str], status: int
) -> None:
    suite.facts(more=more)

    ran = suite.run(*options)

    assert ran.status == status, ran.out
    assert words(ran.folder) == ("closed", status, False)


def test_the_page_of_a_run_whose_latest_cannot_be_set_is_closed_as_well(suite: Suite) -> None:
    (suite.root / "reports" / "suite" / "latest" / "x").mkdir(parents=True)

    ran = suite.run()

    folder = next(folder for folder in ran.folders if folder.name != "latest")
    assert ran.status == 3
    assert words(folder) == ("closed", 3, False)
    assert not list(folder.parent.glob(".latest*"))


def test_a_verdict_that_cannot_be_written_leaves_no_page_that_says_otherwise(suite: Suite) -> None:
    suite.facts(
        more="""
from pathlib import Path

def pytest_sessionfinish():
    for folder in Path("reports/suite").iterdir():
        (folder / "verdict.json").mkdir()
"""
    )

    ran = suite.run()

    assert ran.status == 3
    assert not (ran.folder / "report.html").exists()
    assert ran.last_line.endswith(str(ran.folder))


def test_a_page_behind_a_link_does_not_outlive_a_verdict_that_cannot_be_written(suite: Suite) -> None:
    (suite.root / "mine.html").symlink_to("page.html")
    suite.facts(
        more="""
from pathlib import Path

def pytest_sessionfinish():
    for folder in Path("reports/suite").iterdir():
        (folder / "verdict.json").mkdir()
"""
    )

    assert suite.run("--html=mine.html").status == 3

    assert not (suite.root / "page.html").exists()


def test_latest_names_the_last_run_also_where_it_broke(suite: Suite) -> None:
    assert suite.run().status == 0
    suite.facts(more="def pytest_sessionfinish():\n    raise RuntimeError('boom')\n")

    assert suite.run().status == 3

    assert words(suite.root / "reports" / "suite" / "latest") == ("closed", 3, False)


def test_an_earlier_runs_page_is_not_named_as_this_ones(suite: Suite) -> None:
    page = suite.root / "mine.html"
    page.write_text("of an earlier run")
    page.chmod(0o444)
    suite.facts(
        more="""
def pytest_html_results_summary():
    raise RuntimeError("boom")
"""
    )

    ran = suite.run("--html=mine.html")

    assert ran.status == 3
    assert page.read_text() == "of an earlier run"
    assert "mine.html" not in ran.last_line


# Names


@pytest.mark.parametrize("name", ["..", ".", "a\nb"])
def test_a_profiles_name_that_is_no_folders_is_refused(suite: Suite, name: str) -> None:
    (suite.root / f"{name}.yaml").write_text((suite.root / "suite.yaml").read_text())

    ran = suite.run(profile=[f"--profile=./{name}.yaml"])

    assert ran.status == 4
    assert "a profile cannot be called" in ran.out
    assert not (suite.root / "reports").exists()


def test_a_name_with_a_dollar_is_refused_before_reports_go_elsewhere(suite: Suite) -> None:
    (suite.root / "$HOME.yaml").write_text((suite.root / "suite.yaml").read_text())

    ran = suite.run(profile=["--profile=./$HOME.yaml"])

    assert ran.status == 4
    assert "take a $ for the beginning of a variable's name" in ran.out
    assert not (suite.root / "reports").exists()


# What keeps a run from beginning


@pytest.mark.parametrize(
    ("hook", "status"),
    [
        ("def pytest_sessionstart():\n    raise pytest.UsageError('not like this')", 4),
        ("def pytest_sessionstart():\n    raise KeyboardInterrupt", 2),
    ],
)
def test_a_run_that_does_not_begin_has_a_verdict_and_is_the_latest(
    suite: Suite, hook: str, status: int
) -> None:
    assert suite.run().status == 0
    suite.facts(more=f"import pytest\n\n{hook}\n")

    ran = suite.run_apart()

    assert ran.status == status, ran.out
    assert words(suite.root / "reports" / "suite" / "latest") == ("closed", status, None)


@pytest.mark.parametrize("body", ["import pytest\npytest.importorskip('nosuch')\n", "raise SystemExit(0)\n"])
def test_a_conftest_that_ends_the_run_at_import_is_a_usage_error(suite: Suite, body: str) -> None:
    (suite.root / "conftest.py").write_text(body)

    ran = suite.run_apart()

    assert ran.status == 4, ran.out
    assert "ended the run while it was imported" in ran.out
    assert "Traceback" not in ran.out


def test_a_runbook_that_cannot_be_read_costs_no_report(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    page = suite.root / "TST-001.md"
    page.write_bytes(b"# caf\xe9\n")
    monkeypatch.setattr("domino_health.plugin.ending.runbook", lambda _: page)
    suite.checks(a_check("TST-001", FINDS))

    ran = suite.run()

    assert ran.status == 1
    assert words(ran.folder) == ("closed", 1, False)


# Output that nobody takes


def shell(suite: Suite, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in the suite's folder; ``$RUN`` is the run."""
    suite._default()
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        cwd=suite.root,
        env={**os.environ, "RUN": " ".join(COMMAND)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_program_that_takes_the_output_gets_the_verdict(suite: Suite) -> None:
    suite._default()

    with contextlib.redirect_stdout(io.StringIO()) as out:
        status = pytest.main(["--profile=./suite.yaml", "-p", "no:terminal", "checks"])

    assert status == 0
    assert "gate default OPEN (exit 0)" in out.getvalue()


@pytest.mark.parametrize(
    "line",
    [
        "$RUN | true",
        "$RUN | head -1",
        "$RUN >/dev/full",
        "PYTHONUNBUFFERED=1 $RUN -n2 >/dev/full",
        "$RUN >&-",
        "$RUN 2>&-",
        "$RUN <&- >&- 2>&-",
    ],
)
def test_where_the_terminal_breaks_the_run_has_not_found_anything_unhealthy(suite: Suite, line: str) -> None:
    done = shell(suite, line)

    ran = suite.ran(done.returncode, done.stdout + done.stderr)
    word, status, page = words(ran.folder)
    assert ran.status == status, ran.out
    assert status in (0, 3)
    assert (word == "open") is (status == 0)
    assert page in (status == 0, None)


def test_a_report_that_goes_where_the_terminals_lines_go_takes_no_place_of_theirs(tmp_path: Path) -> None:
    """Written beside and renamed it would: that of /dev/stdout itself, or of the file that is behind it."""
    with (tmp_path / "out.txt").open("w") as out:
        assert Path(f"/dev/fd/{out.fileno()}").is_file()
        assert not whole._may_be_replaced(Path(f"/dev/fd/{out.fileno()}"))
        assert not whole._may_be_replaced(Path(f"/proc/self/fd/{out.fileno()}"))
    assert whole._may_be_replaced(tmp_path / "out.txt")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_knows_few_letters_gets_the_verdict_all_the_same(suite: Suite, encoding: str) -> None:
    suite.checks(a_check("TST-001", "return Assessment(things, [], worst='4 m of 10 ✓')"))

    done = shell(suite, f"PYTHONIOENCODING={encoding} $RUN -p no:terminal")

    assert done.returncode == 0, done.stderr
    assert "gate default OPEN (exit 0)" in done.stdout
    assert "Traceback" not in done.stderr


# Signals


def interrupted(suite: Suite, *numbers: signal.Signals, pause: float = 0.05) -> tuple[int, str]:
    """Send signals to a run that looks at something which hangs."""
    suite.facts(more=HANGS)
    suite.checks(a_check("TST-001", facts="things: list, events: list"))
    with subprocess.Popen(
        COMMAND, cwd=suite.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            for _ in range(400):
                if (suite.root / "looking").exists():
                    break
                assert process.poll() is None, "it ended before it began to look"
                time.sleep(0.05)
            time.sleep(0.3)
            for number in numbers:
                process.send_signal(number)
                time.sleep(pause)
            out, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    return process.returncode, out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_impatient_second_signal_costs_nothing(suite: Suite, number: signal.Signals) -> None:
    with hearing(number):
        status, out = interrupted(suite, number, number)

    ran = suite.ran(status, out)
    assert status == 2, out
    assert words(ran.folder) == ("closed", 2, False)
    assert ran.last_line.startswith("gate default CLOSED (exit 2)")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_verdict_changes_nothing_of_it(suite: Suite, number: signal.Signals) -> None:
    suite.facts(more="import time\n\ndef pytest_unconfigure():\n    time.sleep(1)\n")
    suite._default()
    with (
        hearing(number),
        subprocess.Popen(
            [*COMMAND[:1], "-u", *COMMAND[1:]], cwd=suite.root, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("gate default"):
                    break
            process.send_signal(number)
            process.communicate(timeout=30)
        finally:
            process.kill()

    ran = suite.ran(int(process.returncode), "")
    assert ran.status == 0
    assert words(ran.folder) == ("open", 0, True)


def test_what_was_to_be_ignored_is_ignored(suite: Suite) -> None:
    signal_before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does, which children inherit
    try:
        with hearing(signal.SIGTERM):
            status, _ = interrupted(suite, signal.SIGHUP, signal.SIGTERM, pause=0.5)
    finally:
        signal.signal(signal.SIGHUP, signal_before)

    (folder,) = suite.ran(status, "").folders
    assert status == 2
    assert json.loads((folder / "verdict.json").read_text())["verdict"] == "closed"


def test_a_reader_that_is_stuck_does_not_keep_the_run_from_ending(suite: Suite) -> None:
    names = ", ".join(f"'{number}'" for number in range(60))
    suite.facts(f"seen('east', {names})")
    long = "[Finding(thing.ref, 'bent ' * 390) for thing in things]"  # more than a pipe takes in
    suite.checks(a_check("TST-001", f"return Assessment(things, {long})"))
    with (
        hearing(signal.SIGTERM),
        subprocess.Popen(COMMAND, cwd=suite.root, stdout=subprocess.PIPE, text=True) as process,
    ):
        try:
            for _ in range(600):
                if list(suite.root.glob("reports/suite/*/report.html")) or process.poll() is not None:
                    break
                time.sleep(0.05)
            for _ in range(100):  # nobody reads
                time.sleep(0.1)
                process.send_signal(signal.SIGTERM)
                if process.poll() is not None:
                    break
            assert process.poll() is not None, "it can only be killed"
        finally:
            process.kill()

    ran = suite.ran(int(process.returncode), "")
    assert words(ran.folder)[0] == "closed"
    assert ran.status in (2, 3, -signal.SIGTERM), "the last of them may come when all is over"


# Machines at their limits


def test_a_full_disk_leaves_no_file_that_says_open(suite: Suite) -> None:
    # No file may be larger than 8 blocks: the page is cut off in the middle, as on a disk that is full.
    done = shell(suite, "trap '' XFSZ; ulimit -f 8; $RUN")

    ran = suite.ran(done.returncode, done.stdout + done.stderr)
    assert ran.status == 3, ran.out
    assert ran.last_line.startswith("gate default CLOSED (exit 3)")
    assert words(ran.folder) == ("closed", 3, None)
