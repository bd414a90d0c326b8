"""Third parties' checks: a pack on ``sys.path``, loaded by a profile, is judged as the suite's own are."""

import importlib
import shutil
import sys
import textwrap
from pathlib import Path

import pytest

from domino_health.plugin import suite as installed
from suites import TOKEN, Ran, Suite, properties

INSTALLED = sorted(installed.known_checks())

INIT = '''\
"""Licences of Acme's."""

from datetime import timedelta
from typing import Annotated

from domino_health import Duration, Many, Name, Secret, Section


class Acme(Section):
    servers: Annotated[tuple[Name, ...], Many]
    token: Secret | None = None
    deadline: Duration = timedelta(seconds=5)


SECTIONS = {"acme": Acme}
'''

FACTS = '''\
"""Acme's facts."""

import msgspec

from domino_health import CollectionError, Ref, Target, fact


class Licence(msgspec.Struct, frozen=True):
    name: str

    @property
    def ref(self):
        return Ref("", "licence", "", self.name)


def look_at(server):
    def look(deadline, say):
        if server == "dead":
            raise CollectionError("nobody answers", "start it")
        return [Licence(server)]

    return look


def licences(look):
    """The licences of every server."""
    section = look.profile.acme
    return [Target(server, "GET /", section.deadline, look_at(server)) for server in section.servers]


acme_licences = fact("acme_licences", licences, Licence, section="acme")
'''

CHECKS = '''\
"""Checks of Acme's."""

from domino_health import Assessment, Finding, Pod, Severity, check


@check("ACME-001", severity=Severity.HIGH)
def test_licences_are_valid(acme_licences: list, *, most: int = 9) -> Assessment:
    """Of licences there are at most ``most``.

    Each one costs.

    Remediation: give some back.
    """
    return Assessment(acme_licences, [Finding(one.ref, "too many") for one in acme_licences[most:]])


@check("ACME-002", severity=Severity.LOW)
def test_pods_have_names(pods: list[Pod]) -> Assessment:
    """Every pod has a name.

    One calls it by that.

    Remediation: give it one.
    """
    return Assessment(pods, [])
'''

PROFILE = "version: 1\npacks: [acme_checks]\nacme:\n  servers: [one, two]\n"


class Site:
    """A directory on ``sys.path``, into which packs are installed, and a suite to run them from."""

    def __init__(self, suite: Suite, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.suite = suite
        self.directory = directory
        monkeypatch.syspath_prepend(str(directory))
        for name in [name for name in sys.modules if name.partition(".")[0] == "acme_checks"]:
            monkeypatch.delitem(sys.modules, name)  # the template, of another test
        self.install()

    def install(self, name: str = "acme_checks", **modules: str) -> Path:
        """Write a package: Acme's, but for the modules that are given. An empty text leaves one out."""
        files = {"_init": INIT, "conftest": FACTS, "test_licences": CHECKS, **modules}
        package = self.directory / name
        package.mkdir(exist_ok=True)
        for module, text in files.items():
            path = package / f"{module.replace('_init', '__init__')}.py"
            path.unlink(missing_ok=True)
            if text:
                path.write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        return package

    def run(self, *args: str, profile: str = PROFILE) -> Ran:
        """``pytest --profile=./suite.yaml``, from an empty directory."""
        self.suite.profile(profile)
        result = self.suite.pytester.runpytest_inprocess("--profile=./suite.yaml", *args)
        return self.suite.ran(int(result.ret), f"{result.stdout}\n{result.stderr}")

    def refused(self, profile: str = PROFILE) -> str:
        """The one line that a run ends with which does not begin."""
        ran = self.run(profile=profile)
        assert ran.status == 4, ran.out
        assert ran.folders == []
        (line,) = {line for line in ran.out.splitlines() if line.startswith("ERROR: ")}
        return line.partition("packs[0]: ")[2]


@pytest.fixture
def site(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Site:
    directory = tmp_path / "site"
    directory.mkdir()
    return Site(Suite(pytester, monkeypatch), directory, monkeypatch)


# A run


def test_its_checks_run_beside_the_suites_own_with_its_fact_and_its_section(site: Site) -> None:
    ran = site.run()

    assert ran.status == 0, ran.out
    assert sorted(ran.results) == sorted([*INSTALLED, "ACME-001", "ACME-002"])
    assert ran.states["ACME-001"] == "passed"
    assert ran.results["ACME-001"]["population"] == 2
    assert (ran.folder / "facts" / "acme_licences.json.gz").is_file()
    assert f"rests on 1 of {len(INSTALLED) + 2} checks" in ran.last_line


def test_its_checks_judge_the_suites_facts(site: Site) -> None:
    lab = "lab: healthy\nclusters:\n- name: demo\n  kubeconfig: ${LAB_KUBECONFIG}\n"

    ran = site.run(profile=f"version: 1\npacks: [acme_checks]\n{lab}")

    assert ran.states["ACME-002"] == ran.states["SCHED-001"] == "passed", ran.out
    assert ran.results["ACME-002"]["population"] > 1


def test_a_projects_own_fixture_is_not_taken_for_the_suites_fact(site: Site) -> None:
    site.suite.pytester.makeconftest("import pytest\n\n@pytest.fixture\ndef pods():\n    return ['mine']\n")

    ran = site.run("-k", "ACME-002")

    assert ran.states == {"ACME-002": "skipped"}
    assert ran.results["ACME-002"]["reason"] == "the profile has no section clusters"


def test_without_its_section_its_check_is_skipped_and_says_so(site: Site) -> None:
    ran = site.run(profile="version: 1\npacks: [acme_checks]\n")

    assert ran.states["ACME-001"] == "skipped"
    assert ran.results["ACME-001"]["reason"] == "the profile has no section acme"


def test_a_dead_target_of_its_fact_is_not_silence(site: Site) -> None:
    ran = site.run(profile=PROFILE.replace("two", "dead"))

    assert ran.status == 6
    assert ran.states["ACME-001"] == "unknown"
    assert ran.results["ACME-001"]["unseen"][0]["cure"] == "start it"


def test_its_section_is_as_strict_as_the_suites_own(site: Site) -> None:
    wrong = "  servers: []\n  tokn: x\n"

    ran = site.run(profile=f"version: 1\npacks: [acme_checks]\nacme:\n{wrong}")

    assert ran.status == 4
    assert "suite.yaml:4: acme.servers: is empty; name at least one, or remove it" in ran.out
    assert "suite.yaml:5: acme.tokn: unknown key; did you mean token?" in ran.out


def test_a_secret_of_its_section_is_shown_nowhere(site: Site) -> None:
    site.install(conftest=FACTS.replace('"nobody answers"', f'"401 for {TOKEN}"'))

    ran = site.run(profile=PROFILE.replace("two", "dead") + "  token: ${SUITE_TOKEN}\n")

    assert ran.status == 6
    assert TOKEN not in ran.out
    assert not [path for path, content in ran.every_file().items() if TOKEN.encode() in content]


def test_two_packs_stand_beside_each_other(site: Site) -> None:
    site.install(
        "umbrella_checks",
        _init='"""Umbrella\'s."""\n',
        conftest="",
        test_licences=CHECKS.replace("ACME", "UMB").replace("acme_licences", "pods"),
    )

    ran = site.run(profile=PROFILE.replace("[acme_checks]", "[acme_checks, umbrella_checks]"))

    assert {"ACME-001", "ACME-002", "UMB-001", "UMB-002"} <= set(ran.results)
    assert ran.states["UMB-001"] == "skipped"


def test_its_node_ids_are_the_same_wherever_it_is_installed(site: Site, tmp_path: Path) -> None:
    first = site.run("-k", "ACME-001")
    shutil.rmtree(first.folder)
    elsewhere = site.suite.root / "elsewhere"
    shutil.move(site.directory / "acme_checks", elsewhere / "acme_checks")
    sys.path.insert(0, str(elsewhere))  # monkeypatch restores the whole list
    importlib.invalidate_caches()

    second = site.run("-k", "ACME-001")

    for ran in (first, second):
        assert "acme_checks/test_licences.py " in ran.out
    assert second.results["ACME-001"]["test"] == "acme_checks/test_licences.py::test_licences_are_valid"
    case = second.junit.case("ACME-001")
    assert (case.get("classname"), case.get("name")) == (
        "acme_checks.test_licences",
        "test_licences_are_valid",
    )


def test_modules_in_its_subpackages_are_its_checks_too(site: Site) -> None:
    package = site.install()
    (package / "more").mkdir()
    (package / "more" / "__init__.py").write_text("")
    more = CHECKS.partition('\n\n@check("ACME-002"')[0].replace("ACME-001", "ACME-003")
    (package / "more" / "test_more.py").write_text(more)

    ran = site.run("-k", "ACME-003", profile=f"{PROFILE}thresholds:\n  ACME-003: {{most: 1}}\n")

    assert ran.states == {"ACME-003": "failed"}, ran.out
    assert ran.results["ACME-003"]["test"] == "acme_checks/more/test_more.py::test_licences_are_valid"


# What judges


def test_the_profiles_words_are_for_its_checks_too(site: Site) -> None:
    more = """\
        thresholds:
          ACME-001: {most: 1}
        severities: {ACME-001: medium}
        gates:
          strict: {closes_at: medium, requires: [ACME, ACME-001]}
        """
    profile = PROFILE + textwrap.dedent(more)

    warned = site.run("-k", "ACME-001", profile=profile)

    assert warned.status == 0
    assert warned.states == {"ACME-001": "warned"}
    (finding,) = warned.results["ACME-001"]["findings"]
    assert (finding["subject"]["name"], finding["severity"]) == ("two", "medium")
    assert ("severity", "medium") in properties(warned.junit.case("ACME-001"))

    strict = site.run("-k", "ACME-001", "--gate=strict", profile=profile)
    assert strict.status == 1
    assert "gate strict CLOSED (exit 1)" in strict.last_line


def test_a_gate_that_requires_its_check_stays_closed_where_it_was_not_selected(site: Site) -> None:
    ran = site.run("-k", "IDP-001", profile=PROFILE + "gates:\n  default: {requires: [ACME-001]}\n")

    assert ran.status == 6
    assert "ACME-001 is required by gate default, and was not selected" in ran.verdict["reasons"]


def test_its_findings_can_be_waived(site: Site) -> None:
    more = """\
        thresholds:
          ACME-001: {most: 1}
        waivers:
          - check: ACME-001
            subject: licence/two
            reason: the contract ends
            owner: pat
            approved_by: sam
            expires: 2999-12-31
        """

    ran = site.run("-k", "ACME-001", profile=PROFILE + textwrap.dedent(more))

    assert ran.status == 0, ran.out
    assert ran.states == {"ACME-001": "waived"}


def test_its_checks_are_evidence_for_the_sites_controls(site: Site) -> None:
    controls = site.suite.root / "profiles" / "controls"
    controls.mkdir(parents=True)
    (controls / "ours.yaml").write_text(
        "framework: Ours\ntitle: Our own\nsource: https://acme.example/controls\n"
        "controls:\n  '7':\n    title: Licences are counted\n    checks: [ACME-001]\n"
    )

    ran = site.run("-k", "ACME-001")

    assert ran.results["ACME-001"]["controls"] == ["Ours 7"], ran.out
    assert ("control", "Ours 7") in properties(ran.junit.case("ACME-001"))
    assert "\nControls\n  Ours 7\n" in site.run("--explain=ACME-001").out


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["-k", "ACME-001"], {"ACME-001"}),
        (["-m", "ACME"], {"ACME-001", "ACME-002"}),
        (["-m", "ACME and high"], {"ACME-001"}),
        (["-m", "not ACME"], set(INSTALLED)),
        (["--pyargs", "acme_checks"], {"ACME-001", "ACME-002"}),
    ],
)
def test_its_checks_are_selected_as_the_suites_own(site: Site, options: list[str], ids: set[str]) -> None:
    ran = site.run("--strict-markers", *options)

    assert set(ran.results) == ids, ran.out
    assert ran.verdict["checks"]["known"] == len(INSTALLED) + 2


def test_a_replay_judges_its_facts_again_without_looking(site: Site) -> None:
    first = site.run()
    site.install(conftest=FACTS.replace("return [Licence(server)]", "raise AssertionError('looked')"))

    again = site.run(f"--replay={first.folder}", profile=f"{PROFILE}thresholds:\n  ACME-001: {{most: 1}}\n")

    assert again.status == 1, again.out
    assert "ACME-001 failed: 1 finding at or above high, of 2 assessed" in again.out


# What can be asked


def test_its_checks_are_listed_with_the_profile_that_loads_them(site: Site) -> None:
    ran = site.run("--list-checks", profile=PROFILE + "severities: {ACME-001: low}\n")

    assert ran.status == 0
    assert "ACME-001   low       Of licences there are at most most.\n" in ran.out
    assert f"\n{len(INSTALLED) + 2} checks." in ran.out


def test_its_check_is_explained_with_its_targets_and_its_runbook(site: Site) -> None:
    runbooks = site.install() / "runbooks"
    runbooks.mkdir()
    (runbooks / "ACME-001.md").write_text("# ACME-001\n\nCall Acme.\n")

    ran = site.run("--explain=ACME-001", profile=f"{PROFILE}thresholds:\n  ACME-001: {{most: 1}}\n")

    assert ran.status == 0
    assert "  most: 1  (suite.yaml:6; default 9)" in ran.out
    assert "  acme_licences: The licences of every server.\n    targets: one, two" in ran.out
    assert f"Runbook: {runbooks / 'ACME-001.md'}" in ran.out


def test_its_runbook_is_in_the_page(site: Site) -> None:
    runbooks = site.install() / "runbooks"
    runbooks.mkdir()
    (runbooks / "ACME-001.md").write_text("# ACME-001\n\nCall Acme.\n")

    ran = site.run("-k", "ACME-001", profile=f"{PROFILE}thresholds:\n  ACME-001: {{most: 1}}\n")

    assert "Call Acme." in (ran.folder / "report.html").read_text(encoding="utf-8")
    assert f"Runbook: {runbooks / 'ACME-001.md'}" in ran.out


def test_its_section_is_shown_with_the_lines_it_comes_from(site: Site) -> None:
    ran = site.run("--show-profile", profile=PROFILE + "  token: ${SUITE_TOKEN}\n")

    shown = " ".join(ran.out.split())
    assert "- one # suite.yaml:4" in shown
    assert "token: ${SUITE_TOKEN} # suite.yaml:5" in shown
    assert "deadline: 5s # default" in shown
    assert "ACME-001: most: 9 # default" in shown


# What cannot be used


def test_a_pack_that_is_not_installed_is_one_mistake(site: Site) -> None:
    shutil.rmtree(site.directory / "acme_checks")

    line = site.refused(PROFILE + "thresholds:\n  ACME-001: {most: 1}\n")

    assert line == "no Python package acme_checks is installed; install it beside domino-health"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("acme-checks", "acme-checks is no name of a Python package; did you mean acme_checks?"),
        ("./acme", "./acme is no name of a Python package"),
        (
            "acme_checks.test_licences",
            "acme_checks.test_licences is inside of a package; a pack is a package",
        ),
        ("${SUITE_TOKEN}", "must not come from a reference; write the package's name itself"),
        ("__main__", "__main__ is a module; a pack is a package, with an __init__.py and modules test_*.py"),
        ("json", "json holds no check: no function with @check in a module test_*.py"),
    ],
)
def test_a_name_that_is_no_packs_is_refused(site: Site, name: str, says: str) -> None:
    assert site.refused(f"version: 1\npacks: ['{name}']\n").startswith(says)


def test_a_module_is_no_pack(site: Site) -> None:
    (site.directory / "acme.py").write_text(CHECKS)

    assert site.refused("version: 1\npacks: [acme]\n") == (
        "acme is a module; a pack is a package, with an __init__.py and modules test_*.py"
    )


def test_a_folder_is_no_pack(site: Site) -> None:
    site.install(_init="")

    assert site.refused().startswith("acme_checks has no __init__.py, so it is no package: ")


BODY = CHECKS.partition("@check")[2].partition("\n")[2]


@pytest.mark.parametrize(
    ("modules", "says"),
    [
        ({"test_licences": '"""None."""\n'}, "acme_checks holds no check: no function with @check"),
        (
            {"test_licences": CHECKS.replace("ACME", "SCHED")},
            "SCHED-001 of acme_checks: area SCHED is the suite's; give its checks a prefix of their own",
        ),
        (
            {"test_more": CHECKS.replace("test_pods", "test_other_pods")},
            "ACME-001 is used twice: by acme_checks.test_licences.test_licences_are_valid and "
            "acme_checks.test_more.test_licences_are_valid",
        ),
        (
            {"test_licences": CHECKS.replace("def test_pods", "def pods")},
            "ACME-002 would never run: pytest collects neither a module nor a function",
        ),
        ({"test_more": "1 / 0"}, "acme_checks.test_more cannot be imported: ZeroDivisionError: division by"),
        ({"conftest": "1 / 0"}, "acme_checks.conftest cannot be imported: ZeroDivisionError: division by"),
        ({"_init": "import nowhere"}, "acme_checks cannot be imported: ModuleNotFoundError: No module named"),
        ({"_init": "raise SystemExit"}, "acme_checks cannot be imported: SystemExit:"),
        (
            {"_init": "import pytest\npytest.skip('later', allow_module_level=True)"},
            "acme_checks cannot be imported: Skipped: later",
        ),
        (
            {"_init": INIT.replace('"acme":', '"tls":')},
            "section tls of acme_checks is the suite's; give it another name",
        ),
        (
            {"_init": INIT.replace('"acme":', '"json":')},
            "section json of acme_checks is the suite's; give it another name",
        ),
        (
            {"_init": INIT.replace('"acme":', '"Acme-1":')},
            "acme_checks.SECTIONS: 'Acme-1' must be of a-z, 0-9 and _",
        ),
        (
            {"_init": INIT.replace("Acme}", "dict}")},
            "acme_checks.SECTIONS['acme'] is no subclass of domino_health.Section",
        ),
        ({"_init": "SECTIONS = []"}, "acme_checks.SECTIONS must be a dict, such as {'acme': Acme}"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else str(value)[:40],
)
def test_a_pack_that_cannot_be_used_is_refused_in_a_line(
    site: Site, modules: dict[str, str], says: str
) -> None:
    site.install(**modules)

    assert site.refused().startswith(says)


def test_a_pack_that_cannot_be_used_says_so_to_those_who_ask(site: Site) -> None:
    site.install(test_more="1 / 0")

    ran = site.run("--list-checks")

    assert ran.status == 4
    assert "acme_checks.test_more cannot be imported: ZeroDivisionError" in ran.out
    assert "Traceback" not in ran.out


def test_an_area_and_a_section_are_one_packs_alone(site: Site) -> None:
    site.install("other_checks")

    ran = site.run(profile="version: 1\npacks: [acme_checks, other_checks]\n")

    assert ran.status == 4
    assert "packs[1]: ACME-001 of other_checks: area ACME is acme_checks's; give its checks" in ran.out
    assert "packs[1]: section acme of other_checks is acme_checks's; give it another name" in ran.out


def test_a_fact_of_the_suites_name_is_refused_where_both_are_asked_for(site: Site) -> None:
    site.install(
        conftest=FACTS.replace('fact("acme_licences"', 'fact("pods"').replace("acme_licences =", "pods ="),
        test_licences=CHECKS.replace("acme_licences", "pods"),
    )

    ran = site.run()

    assert ran.status == 4
    assert "two facts are called 'pods'" in ran.out
