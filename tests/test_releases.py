"""HelmReleases: the API groups that serve them are asked for; none, denied and unreadable are told apart."""

from typing import Any

import pytest

from domino_health.collectors.gather import Wanted
from domino_health.collectors.releases import helm_releases
from domino_health.facts.observed import Observed, Outcome
from domino_health.facts.releases import HelmRelease
from fault_server import Answer, Exchange
from platform_builders import condition, release
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    StartStub,
    Trust,
    gathered,
    opened,
    page_of,
    plain_environment,
    status,
    stub,
    trust,
)

pytestmark = pytest.mark.usefixtures("plain_environment")

FLUX, DOMINO = "helm.toolkit.fluxcd.io", "group.example.com"
NAMES = "names of groups, and not what they serve"
RELEASE: dict[str, Any] = {"metadata": {"name": "keycloak", "namespace": "domino-platform"}}


def group(name: str, *versions: str, resource: str = "helmreleases") -> dict[str, Any]:
    served = [{"version": each, "resources": [{"resource": resource}]} for each in versions]
    return {"metadata": {"name": name}, "versions": served}


def groups(*items: dict[str, Any]) -> tuple[int, Any]:
    return 200, {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "items": list(items),
    }


OTHERS: tuple[dict[str, Any], ...] = group("apps", "v1", resource="deployments"), {"metadata": {}}
BOTH = groups(*OTHERS, group(FLUX, "v2", "v2beta2"), group(DOMINO, "v1alpha1"))


def answers(**by_path: tuple[int, Any]) -> Answer:
    def answer(exchange: Exchange) -> None:
        path = exchange.request.path.partition("?")[0]
        known = next((value for key, value in by_path.items() if path == key), status(404, "NotFound"))
        exchange.answer(*known)

    return answer


def looked(answer: Answer, stub: StartStub, trust: Trust, **more: Any) -> Observed:
    return gathered(
        stub(answer).url, trust, Wanted("helm_releases", helm_releases, "clusters", HelmRelease), **more
    )


def of(name: str, version: str, within: str = "") -> str:
    return f"/apis/{name}/{version}{within}/helmreleases"


def test_every_group_that_serves_them_is_read_in_the_version_that_the_server_prefers(
    stub: StartStub, trust: Trust
) -> None:
    answer = answers(
        **{"/apis": BOTH, of(FLUX, "v2"): page_of(RELEASE), of(DOMINO, "v1alpha1"): page_of(RELEASE, RELEASE)}
    )

    observed = looked(answer, stub, trust)

    assert observed.unseen == []
    assert [(each.group, each.cluster) for each in observed.objects] == [
        (FLUX, "prod"),
        (DOMINO, "prod"),
        (DOMINO, "prod"),
    ]


def test_of_a_group_the_first_version_that_has_them_is_read(stub: StartStub, trust: Trust) -> None:
    newer = group(FLUX, "v3", resource="other")["versions"] + group(FLUX, "v2")["versions"]
    answer = answers(
        **{"/apis": groups({"metadata": {"name": FLUX}, "versions": newer}), of(FLUX, "v2"): page_of(RELEASE)}
    )

    assert len(looked(answer, stub, trust).objects) == 1


def test_where_no_group_serves_them_nobody_keeps_releases(stub: StartStub, trust: Trust) -> None:
    observed = looked(answers(**{"/apis": groups(*OTHERS)}), stub, trust)

    assert observed.absent.startswith("no API group serves helmreleases: neither Domino's Platform Operator")
    assert observed.unseen == []


def test_a_group_that_has_gone_meanwhile_is_not_installed(stub: StartStub, trust: Trust) -> None:
    observed = looked(answers(**{"/apis": groups(group(FLUX, "v2"))}), stub, trust)

    assert observed.absent.startswith("no API group serves helmreleases")


def test_namespaces_are_read_one_by_one(stub: StartStub, trust: Trust) -> None:
    within = "/namespaces/domino-platform"
    answer = answers(
        **{
            "/apis": groups(group(FLUX, "v2")),
            of(FLUX, "v2", within): page_of(RELEASE),
        }
    )

    observed = looked(answer, stub, trust, namespaces=["domino-platform"])

    assert [each.target for each in observed.targets] == ["prod/domino-platform"]
    assert len(observed.objects) == 1


def test_one_group_denied_leaves_the_other_and_says_which_rule_is_missing(
    stub: StartStub, trust: Trust
) -> None:
    answer = answers(
        **{
            "/apis": BOTH,
            of(FLUX, "v2"): page_of(RELEASE),
            of(DOMINO, "v1alpha1"): status(403, "Forbidden"),
        }
    )

    observed = looked(answer, stub, trust)

    (target,) = observed.targets
    assert target.outcome is Outcome.TRUNCATED
    assert len(target.objects) == 1
    assert f'{{apiGroups: ["{DOMINO}"], resources: ["helmreleases"], verbs: ["list"]}}' in target.cure


def test_all_denied_is_denied(stub: StartStub, trust: Trust) -> None:
    answer = answers(**{"/apis": groups(group(FLUX, "v2")), of(FLUX, "v2"): status(403, "Forbidden")})

    (target,) = looked(answer, stub, trust).targets

    assert target.outcome is Outcome.DENIED


def test_discovery_denied_says_which_role_is_missing(stub: StartStub, trust: Trust) -> None:
    (target,) = looked(answers(**{"/apis": status(403, "Forbidden")}), stub, trust).targets

    assert target.outcome is Outcome.DENIED
    assert "system:discovery" in target.cure


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            (200, {"kind": "APIGroupList", "groups": [{"name": FLUX}]}),
            NAMES,
        ),
        (status(404, "NotFound"), NAMES),
        ((200, {"kind": "APIGroupDiscoveryList", "items": 7}), "not what a Kubernetes API sends"),
    ],
)
def test_an_answer_that_does_not_tell_is_not_taken_for_none(
    answer: tuple[int, Any], reason: str, stub: StartStub, trust: Trust
) -> None:
    (target,) = looked(answers(**{"/apis": answer}), stub, trust).targets

    assert target.outcome is Outcome.FAILED
    assert reason in target.reason


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "domino-platform/keycloak"),
        ({"release_name": "other"}, "domino-platform/other"),
        ({"target_namespace": "there"}, "there/there-keycloak"),
        ({"target_namespace": "there", "release_name": "other"}, "there/other"),
    ],
)
def test_what_helm_calls_a_release_is_what_its_object_says(given: dict[str, str], name: str) -> None:
    assert release("keycloak", **given).release == name


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        ([], "not said"),
        ([condition("Ready", "Unknown", reason="Progressing")], "not said"),
        ([condition("Ready")], "ready"),
        ([condition("Ready"), condition("Stalled", "False")], "ready"),
        ([condition("Ready", "False", reason="", message="")], "not ready"),
        ([condition("Ready"), condition("Stalled", reason="Drift", message="")], "stalled (Drift)"),
        ([condition("Ready"), condition("Stalled", reason="", message="m" * 400)], f"stalled: {'m' * 300}"),
    ],
)
def test_what_an_operator_says_of_a_release_is_told_in_its_words(conditions: Any, says: str) -> None:
    assert release("keycloak", *conditions).says == says
