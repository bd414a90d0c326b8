"""Without a profile the plugin is not there; with one, a foreign project's own things do not matter."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from suites import Junit

HEAVY = ["pydantic", "msgspec", "kubernetes", "jinja2", "OpenSSL", "cryptography", "urllib3", "yaml"]
PROFILE = "version: 1\ntls:\n  endpoints: ['127.0.0.1:1']\n"
"""One endpoint, which refuses at once: IDP-001 has something to judge, SCHED-001 has not."""


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python, as somebody else would call it there."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A project that has nothing to do with Domino, but uses the same words."""
    files = {
        "conftest.py": """
            import pytest

            @pytest.fixture
            def pods():
                return "peas"

            @pytest.fixture(scope="session")
            def now():
                return "then"

            @pytest.fixture
            def unseen():
                return "hidden"
            """,
        "checks/test_scheduling.py": """
            def test_peas(pods, now, unseen):
                assert (pods, now, unseen) == ("peas", "then", "hidden")
            """,
        "profile.yaml": PROFILE,
    }
    for name, text in files.items():
        write(tmp_path / name, text)
    return tmp_path


def write(path: Path, text: str) -> None:
    lines = text.strip("\n").splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(line[indent:] for line in lines) + "\n")


# Without a profile


def test_importing_the_plugin_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import json, sys; before = set(sys.modules); import domino_health.plugin;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )

    done = call(tmp_path, "-c", f"import pytest; {code}")

    imported = json.loads(done.stdout)
    assert [name for name in imported if name.partition(".")[0] in HEAVY] == []
    assert [name for name in imported if name.startswith("domino_health")] == [
        *["domino_health", "domino_health.plugin"]
    ]


def test_a_run_without_a_profile_imports_nothing_heavy(tmp_path: Path) -> None:
    write(
        tmp_path / "test_it.py",
        f"""
        import sys

        def test_it():
            assert "domino_health.plugin" in sys.modules
            assert [name for name in {HEAVY} if name in sys.modules] == []
            assert [name for name in sys.modules if name.startswith("domino_health.")] == [
                "domino_health.plugin"
            ]
        """,
    )

    # pytest-html is loaded for its own sake, and brings Jinja with it.
    done = call(tmp_path, "-m", "pytest", "-p", "no:html")

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("test", "status"),
    [
        ("def test_it(): pass", 0),
        ("def test_it(): assert False", 1),
        ("def test_it(): raise KeyboardInterrupt", 2),
        ("def nothing(): pass", 5),
    ],
)
def test_exit_statuses_are_pytests_own(pytester: pytest.Pytester, test: str, status: int) -> None:
    pytester.makepyfile(test_it=test)

    done = pytester.runpytest_inprocess(no_reraise_ctrlc=True)

    assert done.ret == status
    assert "gate" not in str(done.stdout)
    assert not (pytester.path / "reports").exists()


def test_no_fixture_is_added(pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_inprocess("--fixtures", "-q")

    assert "domino_health" not in str(done.stdout)
    names = {line.split(" ")[0] for line in done.stdout.lines}
    assert names.isdisjoint({"pods", "now", "unseen", "clock", "tls_endpoints"})


def test_the_one_option_is_explained(pytester: pytest.Pytester) -> None:
    pytester.runpytest_inprocess("--help").stdout.fnmatch_lines(
        ["*--profile*NAME*", "*--profile=./prod.yaml*"]
    )


def test_a_foreign_projects_own_fixtures_and_checks_run(foreign: Path) -> None:
    done = call(foreign, "-m", "pytest")

    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_a_check_that_is_run_without_a_profile_says_what_is_missing(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "from domino_health import fact\nthings = fact('things', lambda look: [], str, section='clusters')\n"
    )
    pytester.makepyfile("def test_it(things): pass\n")

    done = pytester.runpytest_inprocess()

    assert done.ret == 1
    assert "fact 'things' is gathered only with --profile" in str(done.stdout)


# With a profile


def run_installed(folder: Path, *arguments: str) -> Junit:
    done = call(folder, "-m", "pytest", "--profile=./profile.yaml", *arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "gate default CLOSED (exit 1), rests on 1 of " in done.stdout
    return Junit.read(folder / "reports" / "profile" / "latest" / "junit.xml")


INSTALLED = {
    ("checks.test_scheduling", "test_pods_get_a_node_in_time"),
    ("checks.test_identity", "test_tls_endpoints_present_a_chain_that_verifies_and_lasts"),
}


def test_with_a_profile_the_installed_checks_run_instead_of_the_projects_own(foreign: Path) -> None:
    junit = run_installed(foreign)

    assert {(case.get("classname"), case.get("name")) for case in junit.cases} >= INSTALLED


def test_the_projects_own_facts_are_not_taken_for_ours(foreign: Path) -> None:
    junit = run_installed(foreign)

    skipped = junit.case("SCHED-001").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "the profile has no section clusters"
    failure = junit.case("IDP-001").find("failure")
    assert failure is not None
    assert "127.0.0.1:1: does not answer" in (failure.text or "")


def test_a_foreign_package_called_checks_is_not_in_the_way(foreign: Path) -> None:
    (foreign / "checks" / "__init__.py").write_text("")

    assert run_installed(foreign).case("IDP-001") is not None


def test_a_foreign_package_called_checks_that_was_imported_first_is_a_usage_error(foreign: Path) -> None:
    (foreign / "checks" / "__init__.py").write_text("")
    conftest = foreign / "conftest.py"
    conftest.write_text("import checks.test_scheduling\n" + conftest.read_text())

    done = call(foreign, "-m", "pytest", "--profile=./profile.yaml")

    assert done.returncode == 4
    assert f"another module called checks was imported first, {foreign}" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_projects_own_settings_are_not_in_the_way(foreign: Path) -> None:
    (foreign / "pytest.ini").write_text(
        "[pytest]\ntestpaths = checks\npython_files = none_*.py\npython_functions = none\n"
        "xfail_strict = true\nfilterwarnings = error\njunit_family = xunit1\njunit_suite_name = theirs\n"
    )

    assert run_installed(foreign).case("IDP-001") is not None


def test_a_module_called_checks_that_was_imported_first_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "checks.py").write_text("")
    (tmp_path / "conftest.py").write_text("import checks\n")
    (tmp_path / "profile.yaml").write_text(PROFILE)

    done = call(tmp_path, "-m", "pytest", "--profile=./profile.yaml")

    assert done.returncode == 4, done.stdout + done.stderr
    assert "another module called checks was imported first" in done.stderr
    assert "INTERNALERROR" not in done.stdout


def test_without_docstrings_there_are_no_checks_and_one_line_says_why(tmp_path: Path) -> None:
    (tmp_path / "profile.yaml").write_text(PROFILE)

    done = call(tmp_path, "-OO", "-m", "pytest", "--profile=./profile.yaml")

    assert done.returncode == 4
    assert "python -OO (PYTHONOPTIMIZE=2) takes away the docstrings" in done.stderr
