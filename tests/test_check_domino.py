"""DOM-002: Domino's services are there, and whole."""

from collections.abc import Sequence

import pytest
from checks import test_domino as domino

from domino_health import (
    Assessment,
    Condition,
    DominoNamespace,
    DominoService,
    Finding,
    HelmRelease,
    Ref,
    Severity,
)
from domino_health.facts.domino import ROLES
from platform_builders import condition, release, service

HERE = DominoNamespace("domino-platform", "platform", "name", "prod")
WELL = condition("Ready", reason="UpgradeSucceeded", message="Helm upgrade succeeded")
STALLED = condition("Stalled", reason="DriftDetected", message="Deployment/keycloak is gone")
UNREADY = condition("Ready", "False", reason="InstallFailed", message="timed out waiting")


def assess(*services: DominoService, releases: Sequence[HelmRelease] | None = None) -> Assessment:
    return domino.test_dominos_services_are_there_and_whole(
        list(services), [HERE], None if releases is None else list(releases)
    )


def found(*services: DominoService) -> list[Finding]:
    return list(assess(*services).findings)


# What is healthy


def test_services_that_are_whole_are_assessed_and_none_is_found_wanting() -> None:
    assessment = assess(*(service(role, (1, 1)) for role in ROLES))

    assert len(assessment.population) == len(ROLES)
    assert assessment.findings == ()
    assert assessment.worst == ""


def test_without_any_service_there_is_nothing_to_assess() -> None:
    for services in ([], [service("vault"), service("git")]):
        assessment = assess(*services)
        assert len(assessment.population) == 0
        assert assessment.findings == ()
        assert assessment.attachments == ()


def test_what_is_not_installed_is_no_finding_and_is_said() -> None:
    assessment = assess(service("front_end", (2, 2)), service("vault"), service("image_registry"))

    assert len(assessment.population) == 1
    assert assessment.findings == ()
    assert assessment.worst == "not installed: vault, image registry"
    (table,) = assessment.attachments
    assert ("vault", "not installed", "", "", "") in table.rows
    assert ("front end", "prod: deployment/domino-platform/front_end-0", "name", "2 of 2", "") in table.rows


@pytest.mark.parametrize("role", domino.ITS_OWN)
def test_what_every_domino_has_and_nobody_finds_is_not_known_to_be_well(role: str) -> None:
    assessment = assess(service("vault", (1, 1)), service(role))

    (unseen,) = assessment.unseen
    assert unseen.target == f"prod: role/{role}"
    assert unseen.reason == (
        f"no workload is known as the {ROLES[role]}, neither by a label nor by a usual name"
    )
    assert f"domino.services.{role}" in unseen.cure
    assert assessment.findings == ()


@pytest.mark.parametrize("role", sorted(set(ROLES) - set(domino.ITS_OWN)))
def test_what_may_be_elsewhere_is_not_missed(role: str) -> None:
    assert assess(service("front_end", (1, 1)), service(role)).unseen == ()


def test_in_a_cluster_without_any_of_dominos_services_none_is_missed() -> None:
    here, there = service("keycloak", (1, 1)), service("keycloak", cluster="edge")

    assert assess(here, there, service("vault", cluster="edge")).unseen == ()
    assert assess(here, there, service("vault", (1, 1), cluster="edge")).unseen != ()


def test_one_dispatcher_is_as_it_should_be() -> None:
    assert found(service("dispatcher", (1, 1))) == []


def test_more_ready_than_wanted_is_a_roll_out() -> None:
    assert found(service("front_end", (3, 2))) == []


def test_a_role_that_another_cluster_has_is_installed() -> None:
    here, there = service("vault", (1, 1)), service("vault", cluster="edge")

    assert assess(here, there).worst == ""


# What is not whole


@pytest.mark.parametrize(
    ("role", "ready", "wanted", "severity"),
    [
        ("front_end", 0, 1, Severity.HIGH),
        ("front_end", 0, 2, Severity.HIGH),
        ("front_end", 1, 2, Severity.MEDIUM),
        ("front_end", 1, 9, Severity.MEDIUM),
        ("image_registry", 0, 1, Severity.HIGH),
        # What votes serves with more than half
        ("metadata_database", 2, 3, Severity.MEDIUM),
        ("metadata_database", 1, 3, Severity.HIGH),
        ("metadata_database", 1, 2, Severity.HIGH),
        ("message_queue", 3, 5, Severity.MEDIUM),
        ("message_queue", 2, 5, Severity.HIGH),
        ("message_queue", 2, 4, Severity.HIGH),
    ],
)
def test_a_service_with_too_few_ready_replicas_is_found(
    role: str, ready: int, wanted: int, severity: Severity
) -> None:
    (finding,) = found(service(role, (ready, wanted), kind="statefulset"))

    assert finding.subject == Ref("prod", "statefulset", "domino-platform", f"{role}-0")
    assert finding.severity is severity
    plural = "" if wanted == 1 else "s"
    assert finding.message.startswith(f"{ROLES[role]}: {ready} of {wanted} replica{plural} ready")


def test_that_too_few_are_left_to_serve_is_said() -> None:
    (finding,) = found(service("message_queue", (1, 3)))

    assert finding.message == ("message queue: 1 of 3 replicas ready, and it serves only with more than half")


# Scaled to nothing


@pytest.mark.parametrize(
    ("role", "named", "severity"),
    [
        ("dispatcher", "", Severity.HIGH),
        ("front_end", "", Severity.HIGH),
        ("keycloak", "", Severity.HIGH),
        ("metadata_database", "", Severity.HIGH),
        ("message_queue", "", Severity.HIGH),
        ("git", "", Severity.LOW),
        ("vault", "", Severity.LOW),
        ("image_registry", "", Severity.LOW),
        ("image_registry", "statefulset/registry", Severity.HIGH),
    ],
)
def test_no_wanted_replicas_are_as_bad_as_the_role_is_needed(
    role: str, named: str, severity: Severity
) -> None:
    (finding,) = found(service(role, (0, 0), named=named))

    assert finding.message == f"{ROLES[role]}: scaled to nothing"
    assert finding.severity is severity


# Two candidates, and none


def test_two_candidates_are_found_as_the_role_that_they_are_for() -> None:
    (finding,) = found(service("keycloak", (1, 1), (2, 2), kind="statefulset"))

    assert finding.subject == Ref("prod", "role", "", "keycloak")
    assert finding.severity is Severity.MEDIUM
    assert finding.count == 2
    assert finding.message == (
        "Keycloak: 2 candidates, found by name: "
        "statefulset/domino-platform/keycloak-0, statefulset/domino-platform/keycloak-1"
    )


def test_one_that_is_scaled_to_nothing_beside_one_that_runs_is_left_over() -> None:
    (finding,) = found(service("message_queue", (0, 0), (3, 3)))

    assert finding.subject.kind == "role"
    assert finding.severity is Severity.LOW


@pytest.mark.parametrize(("candidates", "more"), [(3, ""), (4, " and 1 more"), (2000, " and 1997 more")])
def test_of_many_candidates_a_few_are_named_and_all_are_counted(candidates: int, more: str) -> None:
    (finding,) = found(service("keycloak", *[(1, 1)] * candidates))

    assert finding.message.endswith(f"deployment/domino-platform/keycloak-2{more}")
    assert (finding.count, len(finding.examples)) == (candidates, 3)


def test_two_that_are_both_scaled_to_nothing_are_each_found() -> None:
    findings = found(service("message_queue", (0, 0), (0, 0)))

    assert sorted(str(each.severity) for each in findings) == ["high", "high", "medium"]


def test_each_of_two_candidates_must_be_whole_for_nobody_knows_which_one_serves() -> None:
    findings = found(service("keycloak", (1, 1), (0, 1)))

    assert [str(each.subject) for each in findings] == [
        "role/keycloak",
        "deployment/domino-platform/keycloak-1",
    ]
    assert findings[1].severity is Severity.HIGH


def test_what_the_profile_names_must_be_there() -> None:
    assessment = assess(service("vault", named="statefulset/vault"))

    (finding,) = assessment.findings
    assert len(assessment.population) == 1
    assert finding.subject == Ref("prod", "role", "", "vault")
    assert finding.severity is None, "the check's own: high"
    assert finding.message == ("vault: the profile names statefulset/vault, and there is no such workload")


# What an operator says of its Helm releases


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (STALLED, "stalled (DriftDetected): Deployment/keycloak is gone"),
        (UNREADY, "not ready (InstallFailed): timed out waiting"),
    ],
)
def test_a_service_without_a_workload_whose_release_is_not_well_is_not_there(
    said: Condition, words: str
) -> None:
    there = [release("keycloakv17", said)]

    assessment = assess(service("vault", (1, 1)), service("keycloak"), releases=there)

    (finding,) = assessment.findings
    assert finding.subject == Ref("prod", "role", "", "keycloak")
    assert finding.severity is Severity.HIGH
    assert finding.message == (
        f"Keycloak: it has no workload; its Helm release helmrelease/domino-platform/keycloakv17 is {words}"
    )
    assert assessment.unseen == ()
    assert len(assessment.population) == 2


@pytest.mark.parametrize("role", sorted(ROLES))
def test_that_a_release_is_not_well_is_as_bad_as_its_service_is_needed(role: str) -> None:
    usual = {
        "front_end": "nucleus",
        "dispatcher": "nucleus",
        "keycloak": "keycloak",
        "metadata_database": "mongodb-replicaset",
        "message_queue": "rabbitmq-ha",
        "git": "repoman",
        "vault": "vault",
        "image_registry": "docker-registry",
    }
    (finding,) = assess(service(role), releases=[release(usual[role], STALLED)]).findings

    assert finding.severity is (Severity.HIGH if role in domino.NEEDED else Severity.MEDIUM)


@pytest.mark.parametrize("role", ["keycloak", "vault"])
def test_a_service_without_a_workload_whose_release_is_well_has_another_name(role: str) -> None:
    assessment = assess(service("git", (1, 1)), service(role), releases=[release(role, WELL)])

    (unseen,) = assessment.unseen
    assert unseen.reason.endswith(f"; its Helm release helmrelease/domino-platform/{role} is there (ready)")
    assert f"domino.services.{role}" in unseen.cure
    assert assessment.findings == ()
    assert len(assessment.population) == 1


def test_of_two_releases_of_a_service_the_one_in_trouble_is_told() -> None:
    both = [release("keycloak", WELL), release("keycloakv17", STALLED)]

    (finding,) = assess(service("keycloak"), releases=both).findings

    assert "keycloakv17 is stalled" in finding.message


def test_what_is_not_whole_is_told_with_the_words_of_the_release_that_installed_it() -> None:
    down = service("git", (0, 1), release="domino-platform/git-server")
    there = release("flux-git", UNREADY, namespace="flux", release_name="git-server")
    other = release("repoman", STALLED)

    (finding,) = assess(down, releases=[there, other]).findings
    assert finding.message == "git: 0 of 1 replica ready", (
        "another namespace's, and one that is none of its own"
    )

    here = release(
        "f", UNREADY, namespace="flux", release_name="git-server", target_namespace="domino-platform"
    )
    (finding,) = assess(down, releases=[here, other]).findings
    assert finding.message == (
        "git: 0 of 1 replica ready; its Helm release helmrelease/flux/f is not ready (InstallFailed): "
        "timed out waiting"
    )


@pytest.mark.parametrize("releases", [None, [], [release("git", WELL)], [release("git")]])
def test_a_release_that_is_well_or_of_which_nothing_is_known_adds_no_word(
    releases: list[HelmRelease] | None,
) -> None:
    down = service("git", (0, 1), release="domino-platform/git")

    (finding,) = assess(down, releases=releases).findings

    assert finding.message == "git: 0 of 1 replica ready"


def test_a_service_that_is_whole_is_healthy_though_its_release_has_drifted() -> None:
    whole = service("git", (1, 1), release="domino-platform/git")

    assessment = assess(whole, releases=[release("git", STALLED)])

    assert assessment.findings == ()
    (table,) = assessment.attachments
    assert table.rows[0][-1] == "stalled"


def test_releases_of_other_namespaces_and_clusters_are_none_of_dominos() -> None:
    others = [
        release("vault", STALLED, namespace="vault"),
        release("vault", STALLED, cluster="edge"),
        release("vault-agent", STALLED),
    ]

    assessment = assess(service("git", (1, 1)), service("vault"), releases=others)

    assert (assessment.findings, assessment.unseen) == ((), ())
    assert assessment.worst == "not installed: vault"


def test_where_all_workloads_are_gone_their_releases_say_what_is_missing() -> None:
    roles = [service(role) for role in ROLES]

    assessment = assess(*roles, releases=[release("nucleus", STALLED), release("keycloak", WELL)])

    assert sorted(str(each.subject) for each in assessment.findings) == ["role/dispatcher", "role/front_end"]
    assert [each.target for each in assessment.unseen] == ["prod: role/keycloak"]


def test_what_the_profile_names_and_is_not_there_is_told_with_its_release() -> None:
    named = service("vault", named="statefulset/vault")

    (finding,) = assess(named, releases=[release("vault", STALLED)]).findings

    assert "there is no such workload; its Helm release helmrelease/domino-platform/vault is stalled" in (
        finding.message
    )
