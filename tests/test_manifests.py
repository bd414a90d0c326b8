"""Manifests of the account: what the facts need, level by level, and not one right more."""

from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from domino_health.collectors.gather import Wanted
from domino_health.facts.rights import Right
from domino_health.plugin import manifests
from domino_health.plugin.facts import facts_of
from domino_health.plugin.suite import table_of_facts
from domino_health.profile import load
from domino_health.profile.clusters import Cluster
from suites import Ran, Suite

FACTS = facts_of(table_of_facts())
READS = (
    Right("pods"),
    Right("nodes", in_namespaces=False),
    Right("secrets", "get", opt_in="secrets"),
)


def documents(parts: Iterable[str] | str) -> list[Any]:
    return list(yaml.safe_load_all(parts if isinstance(parts, str) else "---\n".join(parts)))


def granted(parts: Iterable[str] | str) -> list[tuple[str, str, list[Any]]]:
    """Kind, namespace and rules of each Role."""
    return [
        (each["kind"], each["metadata"].get("namespace", ""), each["rules"])
        for each in documents(parts)
        if "rules" in each
    ]


def rule(resource: str, verb: str, **more: Any) -> dict[str, Any]:
    return {"apiGroups": [""], "resources": [resource], **more, "verbs": [verb]}


def cluster(**more: Any) -> Cluster:
    return Cluster.model_validate({"name": "prod", **more})


# By the facts


def test_own_namespaces_get_a_role_each_and_nothing_of_the_whole_cluster() -> None:
    rules = [rule("namespaces", "get"), rule("pods", "list")]

    parts = manifests.reading(cluster(namespaces=["b", "a"]), READS)

    assert granted(parts) == [("Role", "a", rules), ("Role", "b", rules)]


def test_a_whole_cluster_gets_one_cluster_role() -> None:
    parts = manifests.reading(cluster(secrets=["a/b"]), READS)

    nodes_and_pods = {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]}
    assert granted(parts) == [("ClusterRole", "", [nodes_and_pods])]


def test_what_is_opted_in_to_is_apart_and_by_name() -> None:
    parts = manifests.opted_in(cluster(secrets=["b/x", "a/y", "a/x"]), READS)

    assert granted(parts) == [
        ("Role", "a", [rule("secrets", "get", resourceNames=["x", "y"])]),
        ("Role", "b", [rule("secrets", "get", resourceNames=["x"])]),
    ]
    assert manifests.opted_in(cluster(), READS) == []


def test_a_namespace_that_is_opened_gets_a_role_of_its_own() -> None:
    parts = manifests.opted_in(cluster(logs=["b", "a"]), [Right("pods/log", "get", opt_in="logs")])

    assert granted(parts) == [("Role", space, [rule("pods/log", "get")]) for space in ("a", "b")]


@pytest.mark.parametrize(("more", "home"), [({}, "default"), ({"namespaces": ["mine", "other"]}, "mine")])
def test_every_role_is_bound_to_the_account(more: dict[str, Any], home: str) -> None:
    one = cluster(secrets=["a/b"], **more)

    account, *others = documents([*manifests.reading(one, READS), *manifests.opted_in(one, READS)])

    assert account["kind"] == "ServiceAccount"
    assert account["metadata"] == {"name": "domino-health", "namespace": home}
    for role, binding in zip(others[::2], others[1::2], strict=True):
        assert binding["kind"] == f"{role['kind']}Binding"
        assert binding["metadata"] == role["metadata"]
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == (
            role["kind"],
            role["metadata"]["name"],
        )
        assert binding["subjects"] == [{"kind": "ServiceAccount", **account["metadata"]}]


@pytest.mark.parametrize("name", ["1e3", "on", "null", "12", "0x1f", "a-1", "domino-platform"])
def test_a_namespace_is_a_name_whatever_yaml_takes_it_for(name: str) -> None:
    account = manifests.reading(cluster(namespaces=[name]), READS)[0]

    assert yaml.safe_load(account)["metadata"]["namespace"] == name
    assert f'"{name}"' in account or name == "domino-platform"


def test_all_levels_of_this_suite_are_of_get_and_list_alone() -> None:
    roles = granted(manifests.levels(manifests.needed(FACTS.values())))

    assert {kind for kind, _, _ in roles} == {"Role", "ClusterRole"}
    for kind, _, rules in roles:
        for each in rules:
            assert set(each["verbs"]) <= {"get", "list"}
            assert "*" not in each["resources"]
            assert "*" not in each["apiGroups"] or each["resources"] == ["helmreleases"]
            if "secrets" in each["resources"]:
                assert kind == "Role"
                assert each["resourceNames"]


# As a question


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, monkeypatch)


def ask(suite: Suite, *arguments: str) -> Ran:
    return suite.run("--rbac", *arguments, profile=(), where="")


def test_without_a_profile_all_levels_are_printed(suite: Suite) -> None:
    ran = ask(suite)

    assert ran.status == 0
    assert manifests.levels(manifests.needed(FACTS.values())) in ran.out


def test_with_a_profile_its_own_names_are_printed_cluster_by_cluster(suite: Suite) -> None:
    suite.profile(
        "version: 1\nclusters:\n"
        "  - {name: east, server: 'https://127.0.0.1:1', namespaces: [mine]}\n"
        "  - {name: west, server: 'https://127.0.0.1:1', secrets: [a/b]}\n"
    )

    ran = ask(suite, "--profile=./suite.yaml")

    assert ran.status == 0
    east, _, west = ran.out.partition("# Cluster east")[2].partition("# Cluster west")
    assert 'namespace: "mine"' in east
    assert "ClusterRole" not in east
    assert west.count("kind: ClusterRole\n") == 1
    assert 'resourceNames: ["b"]' in west
    assert not ran.folders, "nothing was run"


def test_a_profile_without_clusters_needs_no_rights(suite: Suite) -> None:
    suite.profile("version: 1\ntls: {endpoints: [a.example.com]}\n")

    ran = ask(suite, "--profile=./suite.yaml")

    assert ran.status == 4
    assert "--rbac: profile suite has no section clusters, and nothing else needs a right" in ran.out


def test_facts_of_a_section_that_a_profile_lacks_need_no_rights(suite: Suite) -> None:
    class Needy:
        rights = (Right("pods"),)

        def __call__(self, look: Any) -> list[Any]:
            return []

    facts = [Wanted("a", Needy(), "clusters", object), Wanted("b", Needy(), "", object)]
    loaded = load(str(suite.root / "suite.yaml"), directories=[], checks={}, start_lab=lambda kind: {})

    assert manifests.needed(facts, loaded) == (Right("pods"),)
    assert manifests.needed([Wanted("c", Needy(), "tls", object)], loaded) == ()
