"""A run with a profile, to its exit status: no gate opens by accident, and no report is lost."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from domino_health.plugin import suite as installed
from suites import FINDS, HANGS, PROFILE, TOKEN, Junit, Ran, Suite, a_check, hearing


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, monkeypatch)


WELL = a_check("TST-900")
INSTALLED = len(installed.known_checks())
ONE_ENDPOINT = "version: 1\ntls:\n  endpoints: ['127.0.0.1:1']\n"
"""For the installed checks: an endpoint that refuses at once, and no cluster."""
THREE = (a_check("TST-001", FINDS), a_check("TST-002"), a_check("TST-003", FINDS))


# What a run leaves behind


def test_a_run_writes_everything_that_proves_its_verdict(suite: Suite) -> None:
    ran = suite.run()

    assert sorted(path.name for path in ran.folder.iterdir()) == [
        *["SHA256SUMS", "facts", "findings.json", "junit.xml"],
        *["profile.yaml", "report.html", "verdict.json"],
    ]
    facts = sorted(path.name for path in (ran.folder / "facts").iterdir())
    assert facts == ["previous.json.gz", "things.json.gz"]
    assert "token: ${SUITE_TOKEN}" in (ran.folder / "profile.yaml").read_text()


def test_the_last_line_is_the_verdict_and_names_a_report_that_is_there(suite: Suite) -> None:
    ran = suite.run()

    assert ran.last_line.startswith("gate default OPEN (exit 0), rests on 1 of ")
    assert Path(ran.last_line.rpartition("report: ")[2]) == ran.folder / "report.html"


def test_pytest_tells_its_own_reports_by_the_names_that_they_have(suite: Suite) -> None:
    ran = suite.run()

    assert f"generated xml file: {ran.folder / 'junit.xml'} " in ran.out
    assert f"Generated html report: {(ran.folder / 'report.html').as_uri()} " in ran.out


def test_the_verdict_says_how_many_checks_it_rests_on(suite: Suite) -> None:
    suite.checks(*[a_check(f"TST-{number:03}") for number in range(50)])

    ran = suite.run()

    checks = ran.verdict["checks"]
    assert checks["selected"] == checks["assessed"] == 50
    assert checks["known"] == 50 + INSTALLED, "no more can be assessed than are known"


def test_two_runs_within_a_second_get_two_folders_and_latest_names_the_newer(suite: Suite) -> None:
    first, second = suite.run(), suite.run()

    assert (first.status, second.status) == (0, 0)
    folders = second.folders
    assert len(folders) == 2
    latest = suite.root / "reports" / "suite" / "latest"
    assert latest.resolve() == max(folders, key=lambda folder: (folder / "verdict.json").stat().st_mtime_ns)
    assert not latest.readlink().is_absolute(), "the reports can be moved"
    assert all((folder / "junit.xml").exists() for folder in folders)


def test_every_profile_has_its_own_reports(suite: Suite) -> None:
    suite.profile(name="other.yaml")

    suite.run()
    suite.run(profile=["--profile=./other.yaml"])

    assert sorted(path.name for path in (suite.root / "reports").iterdir()) == ["other", "suite"]


def test_reports_stand_where_pytest_was_called(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = suite.root / "elsewhere"
    elsewhere.mkdir()
    suite.facts()
    suite.checks(WELL)
    monkeypatch.chdir(elsewhere)

    ran = suite.run(profile=["--profile=../suite.yaml"], where="../checks")

    assert ran.status == 0
    assert (elsewhere / "reports" / "suite" / "latest" / "verdict.json").exists()


# Which profile


@pytest.mark.parametrize(
    "given", [["--profile=./suite.yaml"], ["--profile", "./suite.yaml"], ["--profile=suite.yaml"]]
)
def test_a_profile_may_be_a_path_with_and_without_a_space(suite: Suite, given: list[str]) -> None:
    ran = suite.run(profile=given)

    assert ran.status == 0
    assert [case.get("classname") for case in ran.junit.cases] == ["checks.test_things"]


@pytest.mark.parametrize("given", [["--profile=suite"], ["--profile", "suite"]])
def test_a_profile_may_be_a_name_in_profiles(suite: Suite, given: list[str]) -> None:
    (suite.root / "profiles").mkdir()
    suite.profile(name="profiles/suite.yaml")

    assert suite.run(profile=given).status == 0


def test_a_profile_elsewhere_with_a_space_runs_the_installed_checks_under_their_names(
    suite: Suite, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # pytest takes the path for a test's and moves its rootdir there.
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "suite.yaml"
    elsewhere.write_text(ONE_ENDPOINT)

    ran = suite.run(profile=["--profile", str(elsewhere)], where="")

    assert ran.status == 1
    assert {case.get("classname") for case in ran.junit.cases} >= {
        "checks.test_identity",
        "checks.test_scheduling",
    }


def test_the_installed_checks_run_from_anywhere_with_the_profiles_thresholds(suite: Suite) -> None:
    suite.profile(ONE_ENDPOINT + "thresholds:\n  IDP-001: {warn_before: 60d}\n")

    ran = suite.run(where="")

    assert ran.status == 1
    assert (ran.states["SCHED-001"], ran.states["IDP-001"]) == ("skipped", "failed")
    thresholds = ran.results["IDP-001"]["thresholds"]
    assert (thresholds["fail_before"], thresholds["warn_before"]) == ("7d", "60d")
    assert ran.results["SCHED-001"]["test"] == "checks/test_scheduling.py::test_pods_get_a_node_in_time"
    assert "warn_before: 60d" in (ran.folder / "profile.yaml").read_text()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("--profile=prdo", "no such profile"),
        ("--profile=./prdo.yaml", "prdo.yaml: no such file"),
        ("--profile=", "names no profile"),
        ("--profile=.", ""),
        ("--profile=./checks", ""),
    ],
)
def test_a_profile_that_is_not_there_is_a_usage_error(suite: Suite, given: str, says: str) -> None:
    ran = suite.run(profile=[given])

    assert ran.status == 4
    assert says in ran.out
    assert "Traceback" not in ran.out
    assert ran.folders == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: 2",
        "version: 1\nclusterz: []",
        "version: 1\nclusters: [",
        "version: 1\nclusters: []",
        "version: 1\nthresholds: {SCHED-999: {max_wait: 5m}}",
        "version: 1\nthresholds: {SCHED-001: {max_wait: 600}}",
        "version: 1\nclusters: [{name: a, server: 'https://x', token: plain-text}]",
        "version: 1\nclusters: [{name: a, server: 'https://x', token: '${NOT_SET_ANYWHERE}'}]",
        "\x00",
    ],
)
def test_a_broken_profile_is_a_usage_error_and_nothing_runs(suite: Suite, text: str) -> None:
    suite.profile(text)

    ran = suite.run()

    assert ran.status == 4
    assert "ERROR: suite.yaml" in ran.out
    assert "Traceback" not in ran.out
    assert "plain-text" not in ran.out
    assert ran.folders == []


def test_a_profile_that_is_not_text_is_a_usage_error(suite: Suite) -> None:
    (suite.root / "suite.yaml").write_bytes(b"\xff\xfe\x00")

    assert suite.run().status == 4


def test_thresholds_of_a_check_that_is_not_installed_are_refused(suite: Suite) -> None:
    # Of a module that is given as an argument nothing is known when the profile is read.
    suite.profile(f"{PROFILE}thresholds:\n  TST-001: {{max_wait: 5m}}\n")

    ran = suite.run()

    assert ran.status == 4
    assert "thresholds.TST-001: no such check" in ran.out


# What may run


def test_a_test_without_a_check_is_a_usage_error_and_opens_no_gate(suite: Suite) -> None:
    suite.checks(WELL, "\n\ndef test_plain():\n    pass\n")

    ran = suite.run()

    assert ran.status == 4
    assert "these tests have no @check" in ran.out
    assert "checks/test_things.py::test_plain" in ran.out
    assert "Traceback" not in ran.out
    assert ran.verdict["verdict"] == "closed"


def test_a_test_case_of_unittest_is_no_check_either(suite: Suite) -> None:
    source = "\nimport unittest\n\nclass TestIt(unittest.TestCase):\n    def test_it(self): pass\n"
    suite.checks(WELL, source)

    assert suite.run().status == 4


def test_two_checks_of_one_id_are_a_usage_error(suite: Suite) -> None:
    suite.checks(a_check("TST-001"))
    suite.checks(a_check("TST-001"), module="test_others")

    ran = suite.run()

    assert ran.status == 4
    assert "TST-001 is used twice" in ran.out
    assert "checks/test_things.py::test_tst_001" in ran.out
    assert "checks/test_others.py::test_tst_001" in ran.out
    assert ran.verdict["verdict"] == "closed"


@pytest.mark.parametrize("mark", ["'one', [1, 2]", "'things', [[1], [2]]"])
def test_a_parametrized_check_is_a_usage_error(suite: Suite, mark: str) -> None:
    facts = "things: list, one: int" if "one" in mark else "things: list"
    suite.checks(a_check("TST-001", facts=facts, mark=f"@pytest.mark.parametrize({mark})"))

    assert suite.run().status == 4


def test_a_check_cannot_be_given_its_facts_by_a_mark(suite: Suite) -> None:
    # One value makes one item: it would judge what the module says instead of what is there.
    suite.facts("dead('east')")
    suite.checks(a_check("TST-001", mark="@pytest.mark.parametrize('things', [['made up']])"))

    ran = suite.run()

    assert ran.status != 0
    assert ran.verdict["verdict"] == "closed"


@pytest.mark.parametrize(
    "source", ["\ndef broken(:\n", "\nimport no_such_module\n", "\nraise SystemExit(0)\n", "\n1 / 0\n"]
)
def test_a_module_that_cannot_be_imported_keeps_the_gate_closed(suite: Suite, source: str) -> None:
    suite.checks(WELL)
    suite.checks(source, module="test_broken")

    ran = suite.run()

    assert ran.status == (3 if "SystemExit" in source else 2)
    assert ran.verdict["verdict"] == "closed"


def test_a_module_that_cannot_be_imported_closes_it_even_if_the_others_go_on(suite: Suite) -> None:
    suite.checks(WELL)
    suite.checks("\nimport no_such_module\n", module="test_broken")

    ran = suite.run("--continue-on-collection-errors")

    assert ran.status == 6
    assert ran.states == {"TST-900": "passed"}
    assert "checks/test_broken.py could not be collected" in ran.verdict["reasons"]


@pytest.mark.parametrize(
    "check",
    [
        a_check("TST-1"),
        a_check("TST-001").replace("    Remediation: mend them.\n", ""),
        a_check("TST-001", facts="things"),
        a_check("TST-001", facts="things: list = ()"),
    ],
)
def test_a_malformed_check_keeps_the_gate_closed(suite: Suite, check: str) -> None:
    suite.checks(check, WELL)

    ran = suite.run()

    assert ran.status == 2
    assert "ValueError: @check(" in ran.out


def fake_suite(root: Path, monkeypatch: pytest.MonkeyPatch, *sources: str) -> None:
    """Have ``sources`` for the installed checks, each a module."""
    package = root / "installed" / "checks"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for number, source in enumerate(sources):
        header = "import pytest\nfrom domino_health import Assessment, Finding, Severity, check\n"
        (package / f"test_{number}.py").write_text(header + source)
    for name in [name for name in sys.modules if name.partition(".")[0] == "checks"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(installed, "SUITE", package.parent)
    monkeypatch.syspath_prepend(package.parent)


@pytest.mark.parametrize(
    ("sources", "says"),
    [
        ([a_check("TST-001"), a_check("TST-001")], "TST-001 is used twice: by checks.test_0.test_tst_001"),
        (["\nimport no_such_module\n"], "checks.test_0 cannot be imported: ModuleNotFoundError"),
        (["\ndef broken(:\n"], "checks.test_0 cannot be imported: SyntaxError"),
        (["\npytest.skip('x', allow_module_level=True)\n"], "checks.test_0 cannot be imported: Skipped"),
        (["\nraise SystemExit(0)\n"], "checks.test_0 cannot be imported: SystemExit"),
        ([a_check("TST-001", test="things_are_well")], "TST-001 would never run: pytest collects neither"),
    ],
)
def test_broken_installed_checks_are_a_usage_error(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, sources: list[str], says: str
) -> None:
    fake_suite(suite.root, monkeypatch, *sources)

    ran = suite.run()

    assert ran.status == 4
    assert says in ran.out
    assert "Traceback" not in ran.out


# What is selected


def test_nothing_selected_keeps_the_gate_closed_with_pytests_status(suite: Suite) -> None:
    ran = suite.run("-k", "nomatch")

    assert ran.status == 5
    assert ran.verdict["verdict"] == "closed"
    assert "no check was selected" in ran.out


def test_a_part_of_the_checks_speaks_for_a_part(suite: Suite) -> None:
    suite.checks(*THREE)

    for selection in (
        ["-k", "tst_002"],
        ["-k", "TST-002"],
        ["--deselect", "checks/test_things.py::test_tst_001", "-k", "not 003"],
    ):
        ran = suite.run(*selection)

        assert ran.status == 0
        assert ran.last_line.startswith(f"gate default OPEN (exit 0), rests on 1 of {3 + INSTALLED} checks")


def test_a_mark_selects(suite: Suite) -> None:
    (suite.root / "pytest.ini").write_text("[pytest]\nmarkers = quick: takes no time\n")
    suite.checks(a_check("TST-001", FINDS), a_check("TST-002", mark="@pytest.mark.quick"))

    ran = suite.run("-m", "quick")

    assert ran.status == 0
    assert ran.states == {"TST-002": "passed"}


def test_one_check_by_its_node_id(suite: Suite) -> None:
    suite.checks(*THREE)

    ran = suite.run(where="checks/test_things.py::test_tst_002")

    assert ran.status == 0
    assert ran.states == {"TST-002": "passed"}


def test_an_installed_check_by_its_node_id_keeps_its_name(suite: Suite) -> None:
    suite.profile(ONE_ENDPOINT)

    ran = suite.run(where=f"{installed.SUITE}/checks/test_scheduling.py::test_pods_get_a_node_in_time")

    assert ran.status == 6
    assert ran.states == {"SCHED-001": "skipped"}
    assert [case.get("classname") for case in ran.junit.cases] == ["checks.test_scheduling"]


@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
def test_what_a_stop_kept_from_running_keeps_the_gate_closed(suite: Suite, option: str) -> None:
    suite.checks(*THREE)

    ran = suite.run(option)

    assert ran.status == 1
    assert ran.verdict["reasons"] == [
        "TST-001 failed: 2 findings at or above high, of 2 assessed",
        "TST-002 left no result",
        "TST-003 left no result",
    ]


def test_a_stop_after_not_knowing_is_not_taken_for_unhealthy(suite: Suite) -> None:
    suite.facts("dead('east')")
    suite.checks(a_check("TST-001"), a_check("TST-002"))

    ran = suite.run("-x")

    assert ran.status == 6
    assert len(ran.verdict["reasons"]) == 3


def test_the_last_failures_alone_speak_for_themselves(suite: Suite) -> None:
    suite.checks(a_check("TST-001", FINDS), a_check("TST-002"))

    first = suite.run()
    second = suite.run("--lf")

    assert (first.status, second.status) == (1, 1)
    assert "rests on 1 of " in second.last_line


@pytest.mark.parametrize(
    "options", [["--collect-only"], ["--co", "-q"], ["--collect-only", "--junitxml=x.xml"]]
)
def test_collecting_alone_writes_no_report_and_no_verdict(suite: Suite, options: list[str]) -> None:
    ran = suite.run(*options)

    assert ran.status == 0
    assert "test_tst_001" in ran.out
    assert "gate" not in ran.out
    assert not (suite.root / "reports").exists()


@pytest.mark.parametrize("option", ["--help", "--markers", "--fixtures", "--setup-plan"])
def test_asking_about_pytest_itself_writes_no_report_and_no_verdict(suite: Suite, option: str) -> None:
    ran = suite.run(option)

    assert "gate default" not in ran.out
    assert ran.folders == []


# pytest's options


@pytest.mark.parametrize(
    "options", [["-n", "2"], ["-n2", "--dist=load"], ["-n", "auto"], ["-d", "--tx=2*popen"]]
)
def test_xdist_is_set_aside_with_a_line_that_says_so(suite: Suite, options: list[str]) -> None:
    pytest.importorskip("xdist")
    suite.checks(*THREE)

    ran = suite.run(*options)

    assert ran.status == 1
    assert "-n is set to 0" in ran.out
    assert len(ran.folders) == 1
    assert len(ran.results) == 3
    assert (ran.folder / "facts" / "things.json.gz").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["-p", "no:html"],
        ["-p", "no:junitxml"],
        ["-p", "no:terminal"],
        ["-p", "no:cacheprovider"],
        ["-p", "no:xdist"],
        ["-p", "no:warnings"],
        ["-p", "no:logging"],
        ["-p", "no:skipping"],
        ["-q"],
        ["-qq"],
        ["-v"],
        ["-vv"],
        ["-s"],
        ["-rA"],
        ["--no-summary"],
        ["--no-header"],
        ["--tb=no"],
        ["--tb=native"],
        ["--showlocals"],
        ["--runxfail"],
        ["--durations=3"],
        ["--color=yes"],
        ["-W", "error"],
        ["-p", "domino_health.plugin"],
        ["--import-mode=importlib"],
        ["--junitxml=x.xml", "--html=y.html"],
    ],
    ids=" ".join,
)
def test_no_option_of_pytest_changes_the_verdict(suite: Suite, options: list[str]) -> None:
    suite.checks(a_check("TST-001", FINDS), a_check("TST-002"), a_check("TST-003", "raise ValueError"))

    ran = suite.run(*options)

    assert ran.status == 1
    assert ran.states == {"TST-001": "failed", "TST-002": "passed", "TST-003": "unknown"}
    assert f"gate default CLOSED (exit 1), rests on 2 of {3 + INSTALLED} checks" in ran.last_line
    said, _, named = ran.last_line.rpartition("report: ")
    assert said
    assert Path(named.removesuffix("\x1b[0m")).exists(), "what the last line names is there"


def test_too_many_warnings_close_the_gate_where_somebody_asks_for_that(suite: Suite) -> None:
    suite.checks(a_check("TST-001", "warnings.warn('old')", "return Assessment(things, [])"))

    ran = suite.run("--max-warnings=0")

    assert ran.status == 6
    assert ran.last_line.startswith("gate default CLOSED (exit 6)")
    assert ran.verdict["verdict"] == "closed"
    assert ran.verdict["reasons"] == ["pytest ended with status 6"]


@pytest.mark.parametrize(
    ("body", "theirs", "status"),
    [(FINDS, 0, 1), (FINDS, 5, 1), ("raise ValueError", 0, 6), ("return Assessment(things, [])", 1, 1)],
)
def test_a_plugin_may_close_the_gate_at_the_end_but_not_open_it(
    suite: Suite, body: str, theirs: int, status: int
) -> None:
    suite.facts(more=f"def pytest_sessionfinish(session):\n    session.exitstatus = {theirs}\n")
    suite.checks(a_check("TST-001", body))

    ran = suite.run()

    assert ran.status == status
    assert ran.verdict["exit_status"] == status
    assert ran.verdict["verdict"] == "closed"


def test_reports_that_the_user_asked_for_stand_where_he_asked(suite: Suite) -> None:
    suite.checks(*THREE)

    ran = suite.run("--junitxml=sub/x.xml", "--html=y.html", "--self-contained-html")

    assert len(Junit.read(suite.root / "sub" / "x.xml").cases) == 3
    assert "CLOSED" in (suite.root / "y.html").read_text(encoding="utf-8").upper()
    assert {path.name for path in ran.folder.iterdir()} == {
        *["SHA256SUMS", "facts", "findings.json", "profile.yaml", "verdict.json"]
    }


def test_reports_behind_a_link_stand_where_it_leads(suite: Suite) -> None:
    (suite.root / "artifacts").mkdir()
    for name in ("x.xml", "y.html"):
        (suite.root / name).symlink_to(f"artifacts/{name}")

    assert suite.run("--junitxml=x.xml", "--html=y.html").status == 0

    assert len(Junit.read(suite.root / "artifacts" / "x.xml").cases) == 1
    assert "OPEN" in (suite.root / "artifacts" / "y.html").read_text(encoding="utf-8").upper()
    assert (suite.root / "x.xml").is_symlink()


@pytest.mark.parametrize("option", ["--junitxml", "--html"])
@pytest.mark.parametrize(("length", "status"), [(255, 0), (256, 3)])
def test_a_reports_name_that_no_file_can_have_costs_no_other_report(
    suite: Suite, option: str, length: int, status: int
) -> None:
    """The longest name that a file can have is one of 255 bytes."""
    ran = suite.run(f"{option}={'x' * length}")

    assert ran.status == status
    assert ran.last_line.startswith("gate default")
    other = {"--junitxml": "report.html", "--html": "junit.xml"}[option]
    assert (ran.folder / other).is_file()
    assert ran.verdict["exit_status"] == status
    assert (ran.folder / "SHA256SUMS").is_file()


@pytest.mark.parametrize(
    ("ini", "options", "environment"),
    [("filterwarnings = error", (), ""), ("", ("-W", "error"), ""), ("", (), "error")],
    ids=["pytest.ini", "-W", "PYTHONWARNINGS"],
)
def test_filters_of_warnings_do_not_reach_the_collectors(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, ini: str, options: tuple[str, ...], environment: str
) -> None:
    (suite.root / "pytest.ini").write_text(f"[pytest]\n{ini}\n")
    if environment:
        monkeypatch.setenv("PYTHONWARNINGS", environment)
    suite.facts(
        more="""
import time
import warnings
import warnings

def warning(look):
    def old(deadline, say):
        end = time.monotonic() + 0.5  # into each of the phases that pytest has filters of its own for
        while time.monotonic() < end:
            warnings.warn(f"old {time.monotonic()}", DeprecationWarning)
            time.sleep(0.001)
        return [Thing("a")]
    return [Target("east", "GET", timedelta(seconds=5), old)]

things = fact("things", warning, Thing, section="clusters")
"""
    )

    with warnings.catch_warnings(record=True):  # between pytest's phases these are in force
        warnings.simplefilter("error")
        ran = suite.run_apart(*options) if environment else suite.run(*options)

    assert ran.status == 0, ran.out


# Interrupted


@pytest.mark.parametrize(
    "body",
    [
        "raise KeyboardInterrupt",
        "pytest.exit('enough')",
        "pytest.exit('enough', returncode=0)",
        "pytest.exit('enough', returncode=1)",
    ],
)
def test_an_interruption_keeps_the_gate_closed_and_writes_every_report(suite: Suite, body: str) -> None:
    suite.checks(a_check("TST-001"), a_check("TST-002", body), a_check("TST-003"))

    ran = suite.run()

    assert ran.status == 2
    assert ran.verdict["verdict"] == "closed"
    assert ran.verdict["exit_status"] == 2
    assert ran.states == {"TST-001": "passed"}
    assert ran.verdict["reasons"] == [
        "the run was interrupted",
        "TST-002 left no result",
        "TST-003 left no result",
    ]
    assert (ran.folder / "report.html").exists()
    assert ran.junit.case("TST-001") is not None


@pytest.mark.parametrize("returncode", [None, 0, 1, 7])
def test_an_exit_in_the_very_last_teardown_opens_no_gate(suite: Suite, returncode: int | None) -> None:
    more = f"""
import pytest

@pytest.fixture
def fix():
    yield 1
    pytest.exit("enough", returncode={returncode})
"""
    suite.facts(more=more)
    suite.checks(a_check("TST-001", facts="things: list, fix: int"))

    ran = suite.run()

    assert ran.status != 0
    assert ran.verdict["verdict"] == "closed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_gathering_ends_in_reports_and_a_closed_gate(
    suite: Suite, number: signal.Signals
) -> None:
    suite.facts(more=HANGS)
    suite.checks(a_check("TST-001"), a_check("TST-002", facts="things: list, events: list"))
    command = [sys.executable, "-m", "pytest", "--profile=./suite.yaml", "checks"]

    with (
        hearing(number),
        subprocess.Popen(
            command, cwd=suite.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        try:
            await_file(suite.root / "looking", process)
            time.sleep(0.3)
            process.send_signal(number)
            process.send_signal(number)
            out, _ = process.communicate(timeout=20)
        finally:
            process.kill()

    assert process.returncode == 2, out
    ran = suite.ran(process.returncode, out)
    assert ran.verdict["verdict"] == "closed"
    assert "the run was interrupted" in ran.verdict["reasons"]
    assert ran.states == {"TST-001": "passed"}
    assert (ran.folder / "report.html").stat().st_size > 1000
    assert ran.junit.case("TST-001") is not None
    assert ran.last_line.startswith("gate default CLOSED (exit 2)") or "KeyboardInterrupt" in ran.out


def await_file(path: Path, process: "subprocess.Popen[str]") -> None:
    for _ in range(200):
        if path.exists():
            return
        assert process.poll() is None, "it ended before it began to look"
        time.sleep(0.1)
    pytest.fail("it did not begin to look within 20 s")


def test_a_signal_while_the_reports_are_written_does_not_cost_them(suite: Suite) -> None:
    suite.facts(
        more="""
import os
import signal

def pytest_sessionfinish():
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)
"""
    )

    ran = suite.run_apart()

    assert ran.status == 0
    assert ran.junit.case("TST-001") is not None
    assert (ran.folder / "report.html").exists()


def test_signals_are_taken_as_before_when_the_run_has_ended(suite: Suite) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    suite.run()

    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


# Reports that cannot be written


def test_where_no_report_can_be_written_nothing_runs(suite: Suite) -> None:
    (suite.root / "reports").write_text("in the way")

    ran = suite.run()

    assert ran.status == 3
    assert "reports cannot be written" in ran.out
    assert "Traceback" not in ran.out
    assert "OPEN" not in ran.out


BLOCKED = """
from pathlib import Path

import pytest

@pytest.fixture
def fix():
    for folder in Path("reports/suite").iterdir():
        (folder / "{file}").mkdir()
"""


@pytest.mark.parametrize("file", ["findings.json", "verdict.json", "junit.xml", "report.html"])
def test_a_report_that_cannot_be_written_costs_no_other_one_and_closes_the_gate(
    suite: Suite, file: str
) -> None:
    suite.facts(more=BLOCKED.format(file=file))
    suite.checks(a_check("TST-001", facts="things: list, fix: object"))

    ran = suite.run()

    assert ran.status == 3
    assert ran.last_line.startswith("gate default CLOSED (exit 3)")
    assert "reports could not be written: IsADirectoryError" in ran.out
    others = {"findings.json", "verdict.json", "junit.xml"} - {file}
    assert {path.name for path in ran.folder.iterdir() if path.is_file()} >= others
    if file != "verdict.json":
        assert ran.verdict["verdict"] == "closed"
        assert ran.verdict["exit_status"] == 3


def test_where_the_facts_cannot_be_written_everything_else_is(suite: Suite) -> None:
    suite.facts(more=BLOCKED.format(file="facts").replace(".mkdir()", ".touch()"))
    suite.checks(a_check("TST-001", facts="things: list, fix: object"))

    ran = suite.run()

    assert ran.status == 3
    assert ran.verdict["exit_status"] == 3
    assert ran.states == {"TST-001": "passed"}
    assert (ran.folder / "profile.yaml").is_file()


def test_latest_that_cannot_be_set_closes_the_gate(suite: Suite) -> None:
    (suite.root / "reports" / "suite" / "latest" / "x").mkdir(parents=True)

    ran = suite.run()

    assert ran.status == 3
    assert "reports could not be written" in ran.out


@pytest.mark.parametrize("error", ["RuntimeError('boom')", "OSError(28, 'No space left on device')"])
def test_a_plugin_that_breaks_at_the_end_costs_no_report_and_closes_the_gate(
    suite: Suite, error: str
) -> None:
    suite.facts(more=f"def pytest_sessionfinish():\n    raise {error}\n")

    ran = suite.run()

    assert ran.status == 3
    assert ran.last_line.startswith("gate default CLOSED (exit 3)")
    assert ran.verdict["verdict"] == "closed"
    assert ran.junit.case("TST-001") is not None


def test_an_internal_error_keeps_the_gate_closed_and_leaves_a_verdict(suite: Suite) -> None:
    suite.facts(more="def pytest_runtest_logfinish():\n    raise RuntimeError('boom')\n")

    ran = suite.run()

    assert ran.status == 3
    assert ran.verdict["verdict"] == "closed"
    assert ran.verdict["reasons"] == ["an internal error ended the run"]


# Secrets

OTHERS = {
    "an exception": "raise ValueError(os.environ['SUITE_TOKEN'])",
    "a chain of exceptions": (
        "try:\n    raise KeyError(os.environ['SUITE_TOKEN'])\n"
        "except KeyError as error:\n    raise ValueError('no') from error"
    ),
    "a local variable": "secret = os.environ['SUITE_TOKEN']\nassert secret == 'x'",
    "a finding": "return Assessment(things, [Finding(things[0].ref, os.environ['SUITE_TOKEN'])])",
    "a subject": "return Assessment(things, [Finding(Ref('', 'x', '', os.environ['SUITE_TOKEN']), 'm')])",
    "an example": (
        "it = Ref('', 'x', '', os.environ['SUITE_TOKEN'])\n"
        "return Assessment(things, [Finding(things[0].ref, 'm', count=2, examples=(it,))])"
    ),
    "what could not be seen": (
        "secret = os.environ['SUITE_TOKEN']\n"
        "return Assessment(things, [], unseen=[Unseen(secret, secret, secret)])"
    ),
    "the worst value": "return Assessment(things, [], worst=os.environ['SUITE_TOKEN'])",
    "standard output": "print(os.environ['SUITE_TOKEN'])\nreturn Assessment(things, [])",
    "standard error": "print(os.environ['SUITE_TOKEN'], file=sys.stderr)\nreturn Assessment(things, [])",
    "output before it raises": "print(os.environ['SUITE_TOKEN'])\nraise ValueError",
    "a log record": (
        "import logging\nlogging.getLogger().error(os.environ['SUITE_TOKEN'])\nreturn Assessment(things, [])"
    ),
    "a warning": "warnings.warn(os.environ['SUITE_TOKEN'])\nreturn Assessment(things, [])",
    "a skip": "pytest.skip(os.environ['SUITE_TOKEN'])",
    "a long text": "raise ValueError('x' * 1950 + os.environ['SUITE_TOKEN'] * 9)",
}


def test_a_secret_is_shown_nowhere(suite: Suite) -> None:
    bodies = [body.split("\n") for body in OTHERS.values()]
    suite.checks(*[a_check(f"TST-{number:03}", *body) for number, body in enumerate(bodies)])

    ran = suite.run("-rA", "-v", "--showlocals", "-o", "junit_logging=all")

    assert len(ran.states) == len(OTHERS)
    assert_shown_nowhere(ran)


@pytest.mark.parametrize(
    "finding", ["x.ref, 'x' * 1985 + secret", "Ref('', 'x', '', 'x' * 385 + secret), ''"]
)
def test_a_secret_that_is_cut_in_two_is_shown_nowhere(suite: Suite, finding: str) -> None:
    body = (
        "secret = os.environ['SUITE_TOKEN']",
        f"return Assessment(things, [Finding({finding}) for x in things])",
    )
    suite.checks(a_check("TST-001", *body))

    ran = suite.run("-v")

    assert_shown_nowhere(ran)


def test_a_secret_in_the_words_of_an_exit_is_shown_nowhere(suite: Suite) -> None:
    suite.checks(a_check("TST-001", "pytest.exit(os.environ['SUITE_TOKEN'])"))

    ran = suite.run("-v")

    assert ran.status == 2
    assert_shown_nowhere(ran)


def assert_shown_nowhere(ran: Ran) -> None:
    files = ran.every_file()
    assert files
    # Half of a secret goes unnoticed where a text was cut before it was looked through.
    for part in (TOKEN, TOKEN[: len(TOKEN) // 2]):
        assert [line for line in ran.out.splitlines() if part in line] == []
        assert [path for path, content in files.items() if part.encode() in content] == []


def test_a_secret_in_a_collectors_words_is_shown_nowhere(suite: Suite) -> None:
    suite.facts(
        "dead('east', os.environ['SUITE_TOKEN'], os.environ['SUITE_TOKEN']),"
        "broken('west', ValueError(os.environ['SUITE_TOKEN'])),"
        "seen('north', os.environ['SUITE_TOKEN'])",
        more="import os\n",
    )

    ran = suite.run("-rA", "-v", "--showlocals")

    assert ran.status == 6
    assert_shown_nowhere(ran)


NOTHING = """
import os

from domino_health.collectors.looking import NothingToLookAtError

def nothing(look):
    raise NothingToLookAtError(os.environ["SUITE_TOKEN"] + chr(0xd800))

things = fact("things", nothing, Thing)
"""


def test_a_secret_in_why_there_is_nothing_to_look_at_is_shown_nowhere(suite: Suite) -> None:
    suite.facts(more=NOTHING)

    ran = suite.run("-rA")

    assert ran.status == 6
    assert ran.states == {"TST-001": "skipped"}
    assert_shown_nowhere(ran)


def test_a_secret_in_a_fixture_is_shown_nowhere(suite: Suite) -> None:
    more = """
import os
import pytest

@pytest.fixture
def fix():
    print(os.environ["SUITE_TOKEN"])
    yield 1
    print(os.environ["SUITE_TOKEN"])
    raise RuntimeError(os.environ["SUITE_TOKEN"])
"""
    suite.facts(more=more)
    suite.checks(a_check("TST-001", facts="things: list, fix: int"))

    ran = suite.run("-rA", "-v", "--showlocals", "-o", "junit_logging=all")

    assert_shown_nowhere(ran)


@pytest.mark.parametrize("options", [(), ("--tb=native",), ("--full-trace",)])
def test_a_secret_in_an_internal_error_is_shown_nowhere(suite: Suite, options: tuple[str, ...]) -> None:
    more = "import os\n\ndef pytest_runtest_logstart():\n    raise RuntimeError(os.environ['SUITE_TOKEN'])\n"
    suite.facts(more=more)

    ran = suite.run_apart(*options)

    assert ran.status == 3
    assert "INTERNALERROR" in ran.out
    assert_shown_nowhere(ran)


def test_a_secret_in_what_others_keep_of_a_test_is_shown_nowhere(suite: Suite) -> None:
    suite.checks(
        a_check(
            "TST-001",
            "record_property('token', os.environ['SUITE_TOKEN'])",
            "record_testsuite_property('token', os.environ['SUITE_TOKEN'])",
            "return Assessment(things, [])",
            facts="things: list, record_property: object, record_testsuite_property: object",
        )
    )
    suite.checks("\npytest.skip(os.environ['SUITE_TOKEN'], allow_module_level=True)\n", module="test_later")

    assert_shown_nowhere(suite.run("-rA", "-v"))


def test_a_secret_in_a_targets_name_is_not_in_the_progress(suite: Suite) -> None:
    slow = """
import os
import time

def slow(look):
    def wait(deadline, say):
        say(os.environ["SUITE_TOKEN"])
        time.sleep(1)
        return []
    return [Target(os.environ["SUITE_TOKEN"], "GET /slow", timedelta(seconds=60), wait)]

events = fact("events", slow, Thing, section="clusters")
"""
    suite.facts(more=slow)
    suite.checks(a_check("TST-001", facts="things: list, events: list"))
    (suite.root / "eager.py").write_text("import domino_health.plugin.progress as p\n\np.PLAIN_EVERY = 0.1\n")

    ran = suite.run_apart("-p", "eager")

    assert "looking: " in ran.out
    assert_shown_nowhere(ran)


@pytest.mark.parametrize("secret", ["open", "closed", "default", "passed"])
def test_a_secret_that_is_a_word_of_ours_leaves_the_verdict_readable(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("SUITE_TOKEN", secret)

    ran = suite.run()

    page = (ran.folder / "report.html").read_text()
    assert 'class="dh-verdict dh-open"' in page
    assert "<bdi>default</bdi>" in page


def test_a_secret_that_keeps_a_module_from_being_imported_is_shown_nowhere(suite: Suite) -> None:
    suite.checks("\nraise ValueError(os.environ['SUITE_TOKEN'])\n")

    ran = suite.run("-rA", "-v")

    assert ran.status == 2
    assert_shown_nowhere(ran)


@pytest.mark.parametrize("secret", ["1", "2", "high", "true", '"', "\\", "TST", "a", "{", "id", "443"])
def test_a_secret_that_is_a_common_word_breaks_no_report(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    # Whatever is referenced is a secret: a port, a context's name.
    monkeypatch.setenv("SUITE_TOKEN", secret)
    suite.checks(a_check("TST-001", FINDS), a_check("TST-002"))

    ran = suite.run()

    assert ran.status == 1
    assert ran.verdict["verdict"] == "closed"
    assert ran.states == {"TST-001": "failed", "TST-002": "passed"}
    assert ran.results["TST-001"]["population"] == 2
    assert len(ran.junit.cases) == 2


# As an operator calls it


def test_a_run_of_its_own_process_ends_with_the_gates_status(suite: Suite) -> None:
    suite.facts("dead('east')")

    ran = suite.run_apart("-q")

    assert ran.status == 6
    assert ran.last_line.startswith("gate default CLOSED (exit 6), rests on 0 of ")


def test_the_lines_for_a_pipe_have_no_colour(suite: Suite) -> None:
    ran = suite.run_apart()

    assert ran.status == 0
    assert "\x1b" not in ran.out


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no pseudo terminals here")
def test_progress_on_a_terminal_is_cleared_and_the_verdict_stands_alone(suite: Suite) -> None:
    suite.facts(
        more="""
import time
import warnings

def slow(look):
    def wait(deadline, say):
        time.sleep(1)
        return [Thing("a")]
    return [Target("\\x1b[31mred", "GET /slow", timedelta(seconds=10), wait)]

things = fact("things", slow, Thing, section="clusters")
"""
    )
    suite.checks(WELL)
    leader, follower = os.openpty()
    command = [sys.executable, "-m", "pytest", "--profile=./suite.yaml", "checks"]

    with subprocess.Popen(command, cwd=suite.root, stdout=follower, stderr=follower) as process:
        os.close(follower)
        out = read_all(leader)
        status = process.wait(timeout=20)

    assert status == 0
    assert "looking: 0 of 1 targets; things of \N{REPLACEMENT CHARACTER}[31mred" in out
    assert "gate default OPEN (exit 0)" in out.splitlines()[-1]


def read_all(leader: int) -> str:
    chunks = []
    ends = time.monotonic() + 20
    try:
        while time.monotonic() < ends and (chunk := os.read(leader, 1 << 16)):
            chunks.append(chunk)
    except OSError:  # Linux says so where others say that it is the end
        pass
    finally:
        os.close(leader)
    return b"".join(chunks).decode()
