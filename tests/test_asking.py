"""What can be asked without a run: ``--list-checks``, ``--explain``, ``--show-profile``."""

from pathlib import Path

import pytest

from domino_health.plugin.suite import known_checks
from domino_health.vocabulary import spec_of
from suites import PROFILE, TOKEN, Suite

TLS = PROFILE + "tls: {endpoints: [a.example.com, b.example.com]}\n"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, monkeypatch)


def asked(suite: Suite, *options: str, profile: str = "") -> tuple[int, str]:
    """Exit status and what is printed. Nothing runs, nothing is written."""
    if profile:
        suite.profile(profile)
    ran = suite.run(*options, profile=("--profile=./suite.yaml",) if profile else (), where="")
    assert ran.folders == []
    assert "test session starts" not in ran.out
    return ran.status, ran.out


def test_every_check_is_listed_with_its_severity_and_its_rule(suite: Suite) -> None:
    status, out = asked(suite, "--list-checks")

    assert status == 0
    for id, check in known_checks().items():
        spec = spec_of(check)
        assert spec is not None
        (line,) = [line for line in out.splitlines() if line.startswith(f"{id} ")]
        assert line.split()[1] == str(spec.severity)
        assert spec.title.replace("``", "") in line
    assert f"{len(known_checks())} checks." in out


def test_the_list_has_the_profiles_severities(suite: Suite) -> None:
    _, out = asked(suite, "--list-checks", profile=PROFILE + "severities: {SCHED-001: low}\n")

    assert next(line for line in out.splitlines() if line.startswith("SCHED-001")).split()[1] == "low"


def test_a_check_is_explained_without_a_profile_by_its_own_values(suite: Suite) -> None:
    status, out = asked(suite, "--explain", "SCHED-001")

    assert status == 0
    assert out.startswith("SCHED-001: No pod waits longer than max_wait for a node")
    assert "severity high, area SCHED" in out
    for part in ("\nWhy\n", "\nThresholds\n", "\nFacts\n", "\nRemediation\n", "\nRunbook: "):
        assert part in out
    assert "  max_wait: 10m  (default)" in out
    assert '    right: {apiGroups: [""], resources: ["pods"], verbs: ["list"]}' in out
    assert Path(out.partition("Runbook: ")[2].splitlines()[0]).is_file()


def test_a_check_is_explained_by_the_profiles_values_and_where_they_stand(suite: Suite) -> None:
    text = PROFILE + "thresholds:\n  SCHED-001:\n    max_wait: 3m\nseverities: {SCHED-001: low}\n"

    _, out = asked(suite, "--explain=SCHED-001", profile=text)

    line = text.splitlines().index("    max_wait: 3m") + 1
    assert f"  max_wait: 3m  (suite.yaml:{line}; default 10m)" in out
    assert "  max_wait_gpu: 30m  (default)" in out
    assert "severity low (by the profile; its own is high), area SCHED" in out
    assert "    targets: east, west" in out
    assert TOKEN not in out


def test_the_targets_are_those_of_the_profile(suite: Suite) -> None:
    assert "    targets: a.example.com, b.example.com" in asked(suite, "--explain=IDP-001", profile=TLS)[1]


def test_a_section_that_the_profile_lacks_is_told(suite: Suite) -> None:
    _, out = asked(suite, "--explain=IDP-001", profile=PROFILE)

    assert "    targets: none, for the profile has no section tls" in out


def test_every_check_can_be_explained(suite: Suite) -> None:
    for id in known_checks():
        status, out = asked(suite, "--explain", id, profile=TLS)
        assert (status, out.partition(":")[0]) == (0, id)


@pytest.mark.parametrize(
    ("id", "hint"),
    [("SCHED-0001", "did you mean SCHED-001?"), ("sched-001", "did you mean SCHED-001?"), ("", "known: ")],
)
def test_a_check_that_does_not_exist_is_a_usage_error(suite: Suite, id: str, hint: str) -> None:
    status, out = asked(suite, f"--explain={id}")

    assert status == 4
    assert f"--explain: there is no check {id}; {hint}" in out


@pytest.mark.parametrize(("profile", "told"), [("", True), (TLS, False)])
def test_without_a_profile_a_packs_check_is_not_known_and_that_is_told(
    suite: Suite, profile: str, told: bool
) -> None:
    _, out = asked(suite, "--explain=ACME-001", profile=profile)

    assert ("those of packs are known with --profile" in out) is told


def test_a_profile_with_mistakes_is_a_usage_error_also_here(suite: Suite) -> None:
    for option in ("--list-checks", "--explain=SCHED-001", "--show-profile"):
        status, out = asked(suite, option, profile=PROFILE + "cluster: []\n")
        assert status == 4
        assert "cluster: unknown key; did you mean clusters?" in out


def test_a_profile_is_shown_with_references_in_the_place_of_secrets(suite: Suite) -> None:
    status, out = asked(suite, "--show-profile", profile=TLS)

    assert status == 0
    assert "${SUITE_TOKEN}" in out
    assert TOKEN not in out
    assert "# suite.yaml:5" in out
    assert "# default" in out


def test_which_profile_to_show_must_be_said(suite: Suite) -> None:
    status, out = asked(suite, "--show-profile")

    assert status == 4
    assert "--show-profile: say which one, by --profile NAME" in out


def test_a_replay_is_no_question(suite: Suite) -> None:
    status, out = asked(suite, "--list-checks", "--replay=somewhere")

    assert status == 4
    assert "--replay runs the checks; ask with --profile alone" in out


def test_facts_that_a_fact_is_gathered_after_are_explained_with_their_rights(suite: Suite) -> None:
    _, out = asked(suite, "--explain=DOM-002", profile=PROFILE)

    facts = out.partition("\nFacts\n")[2].partition("\n\n")[0]
    told = [
        line.split(":")[0].strip() for line in facts.splitlines() if line.startswith("  ") and line[2] != " "
    ]
    assert told == [
        "domino_services",
        "domino_namespaces",
        "helm_releases",
        "deployments",
        "statefulsets",
    ]
    assert 'right: {apiGroups: ["apps"], resources: ["deployments"], verbs: ["list"]}' in facts
    assert (
        "    targets: known when domino_namespaces and deployments and statefulsets have been seen" in facts
    )
