"""The autoscalers of a cluster: not installed, denied and unreadable are told apart."""

from typing import Any

import pytest

from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.pools import NODE_POOLS, node_pools
from domino_health.collectors.rights import rights_in
from domino_health.facts.api import Condition
from domino_health.facts.observed import Observed, Outcome
from domino_health.facts.pools import Autoscaler, NodePool
from domino_health.profile import Profile
from domino_health.profile.clusters import Cluster
from fault_server import Answer, Exchange
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    TOKEN,
    StartStub,
    Trust,
    opened,
    plain_environment,
    status,
    stub,
    trust,
)
from test_pool_status import TEXT

pytestmark = pytest.mark.usefixtures("plain_environment")

V1, BETA = NODE_POOLS
STATUS = "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status"
PLATFORM = STATUS.replace("kube-system", "domino-platform")
RULE_POOLS = '{apiGroups: ["karpenter.sh"], resources: ["nodepools"], verbs: ["list"]}'
RULE_STATUS = (
    '{apiGroups: [""], resources: ["configmaps"], resourceNames: ["cluster-autoscaler-status"], '
    'verbs: ["get"]}'
)


NO_KIND = status(404, "NotFound", "the server could not find the requested resource")
NO_MAP = status(404, "NotFound", 'configmaps "cluster-autoscaler-status" not found')
DENIED = status(403, "Forbidden", "forbidden")
GPU: dict[str, Any] = {
    "metadata": {"name": "gpu"},
    "spec": {
        "template": {"metadata": {"labels": {"dominodatalab.com/node-pool": "default-gpu"}}},
        "limits": {"nvidia.com/gpu": 8, "cpu": "1k"},
    },
    "status": {
        "resources": {"nodes": "2", "nvidia.com/gpu": "2"},
        "conditions": [
            {"type": "NodeClassReady", "status": "True", "reason": "NodeClassReady", "message": ""},
            {"type": "Ready", "status": "True", "reason": "Ready", "message": ""},
        ],
    },
}


def pools(*items: dict[str, Any]) -> tuple[int, Any]:
    return 200, {"kind": "NodePoolList", "metadata": {}, "items": list(items)}


def config_map(text: str) -> tuple[int, Any]:
    return 200, {"kind": "ConfigMap", "data": {"status": text, "other": "OTHER"}}


def answers(**by_path: tuple[int, Any]) -> Answer:
    """Of the paths v1, beta, status and platform (its status there); what is not given is not there."""
    given = {V1: NO_KIND, BETA: NO_KIND, STATUS: NO_MAP, PLATFORM: NO_MAP}
    names = {"v1": V1, "beta": BETA, "status": STATUS, "platform": PLATFORM}
    given |= {names.get(path, path): answer for path, answer in by_path.items()}

    def answer(exchange: Exchange) -> None:
        exchange.answer(*given[exchange.request.path])

    return answer


def looked(
    answer: Answer, stub: StartStub, trust: Trust, domino: dict[str, str] | None = None, **more: Any
) -> Observed:
    server = stub(answer)
    given = {"name": "prod", "server": server.url, "ca_file": str(trust.ca_file), "token": TOKEN, **more}
    sections = {"domino": domino} if domino else {}
    profile = Profile.model_validate({"version": 1, "clusters": [given], **sections})
    gathering = Gathering([Wanted("node_pools", node_pools, "clusters", Autoscaler)], profile)
    gathering.start()
    return gathering.wait("node_pools")


def seen(answer: Answer, stub: StartStub, trust: Trust) -> list[Autoscaler]:
    observed = looked(answer, stub, trust)
    assert observed.unseen == []
    found: list[Autoscaler] = list(observed.objects)
    return found


# What is there


def test_node_pools_are_read_with_their_limits_and_domino_s_pool(stub: StartStub, trust: Trust) -> None:
    (karpenter,) = seen(answers(v1=pools(GPU)), stub, trust)

    assert (karpenter.name, karpenter.cluster, karpenter.written) == ("karpenter", "prod", None)
    assert karpenter.pools == (
        NodePool(
            "gpu",
            "default-gpu",
            nodes=2,
            limits={"nvidia.com/gpu": "8", "cpu": "1k"},
            used={"nodes": "2", "nvidia.com/gpu": "2"},
            health=Condition("Ready", "True"),
        ),
    )
    assert str(karpenter.ref_of(karpenter.pools[0])) == "nodepool/gpu"


def test_those_of_an_older_karpenter_are_read_too(stub: StartStub, trust: Trust) -> None:
    (karpenter,) = seen(answers(beta=pools({"metadata": {"name": "old"}, "spec": {}})), stub, trust)

    assert karpenter.pools == (NodePool("old"),)


def test_karpenter_without_a_pool_is_not_no_karpenter(stub: StartStub, trust: Trust) -> None:
    assert seen(answers(v1=pools()), stub, trust) == [Autoscaler("karpenter", cluster="prod")]


def test_the_status_of_cluster_autoscaler_is_read_and_its_other_keys_are_not(
    stub: StartStub, trust: Trust
) -> None:
    (found,) = seen(answers(status=config_map(TEXT)), stub, trust)

    assert (found.name, found.cluster, len(found.pools)) == ("cluster-autoscaler", "prod", 2)
    assert found.namespace == "kube-system"
    assert str(found.ref_of(found.pools[1])) == "nodegroup/ng1"
    assert "OTHER" not in repr(found)


def test_a_cluster_may_have_both(stub: StartStub, trust: Trust) -> None:
    found = seen(answers(v1=pools(GPU), status=config_map(TEXT)), stub, trust)

    assert [each.name for each in found] == ["karpenter", "cluster-autoscaler"]


def test_a_status_in_the_platform_s_namespace_is_read_as_well(stub: StartStub, trust: Trust) -> None:
    (found,) = seen(answers(platform=config_map(TEXT)), stub, trust)

    assert (found.namespace, len(found.pools)) == ("domino-platform", 2)


def test_the_profile_says_what_the_platform_s_namespace_is_called(stub: StartStub, trust: Trust) -> None:
    elsewhere = {PLATFORM.replace("domino-platform", "acme"): config_map(TEXT)}

    observed = looked(answers(**elsewhere), stub, trust, domino={"platform_namespace": "acme"})

    (found,) = observed.objects
    assert found.namespace == "acme"
    assert "/namespaces/acme/configmaps/" in observed.targets[0].how


@pytest.mark.parametrize("newer", ["status", "platform"])
def test_of_two_statuses_the_newer_one_counts(newer: str, stub: StartStub, trust: Trust) -> None:
    old = config_map("Cluster-autoscaler status at 2018-09-02 14:57:47 +0000 UTC:\nInitializing")
    both = {"status": old, "platform": old, newer: config_map(TEXT)}

    (found,) = seen(answers(**both), stub, trust)

    assert (found.state, found.written and found.written.year) == ("Running", 2019)


# What is not


def test_without_either_none_is_installed_and_that_is_no_failure(stub: StartStub, trust: Trust) -> None:
    observed = looked(answers(), stub, trust)

    assert [target.outcome for target in observed.targets] == [Outcome.NOT_INSTALLED]
    assert observed.absent.startswith("no autoscaler: Karpenter is not installed")
    assert "no ConfigMap cluster-autoscaler-status in namespace kube-system or domino-platform" in (
        observed.absent
    )


def test_a_refusal_is_not_an_absence_and_tells_both_rules(stub: StartStub, trust: Trust) -> None:
    observed = looked(answers(v1=DENIED, status=DENIED, platform=DENIED), stub, trust)

    assert observed.absent == ""
    (unseen,) = observed.unseen
    assert unseen.outcome == "denied"
    assert f"GET {V1}: 403" in unseen.reason
    assert f"GET {STATUS}: 403" in unseen.reason
    assert RULE_POOLS in unseen.cure
    assert f"{RULE_STATUS} (in namespace kube-system)" in unseen.cure
    assert f"{RULE_STATUS} (in namespace domino-platform)" in unseen.cure


@pytest.mark.parametrize(
    ("given", "rule"),
    [({"v1": DENIED}, RULE_POOLS), ({"status": DENIED}, RULE_STATUS)],
)
def test_of_one_that_is_denied_and_one_that_is_not_there_nothing_is_known(
    given: dict[str, Any], rule: str, stub: StartStub, trust: Trust
) -> None:
    observed = looked(answers(**given), stub, trust)

    (unseen,) = observed.unseen
    assert (unseen.outcome, observed.absent, observed.blind) == ("denied", "", True)
    assert rule in unseen.cure


def test_of_one_that_is_denied_and_one_that_is_seen_the_latter_counts(stub: StartStub, trust: Trust) -> None:
    observed = looked(answers(v1=pools(GPU), status=DENIED), stub, trust)

    assert [each.name for each in observed.objects] == ["karpenter"]
    (unseen,) = observed.unseen
    assert unseen.outcome == "truncated"
    assert RULE_STATUS in unseen.cure


# What cannot be read


def test_a_status_that_is_none_is_one_clear_error(stub: StartStub, trust: Trust) -> None:
    observed = looked(answers(status=config_map("<html>Sign in</html>")), stub, trust)

    (unseen,) = observed.unseen
    assert unseen.outcome == "failed"
    assert unseen.reason == (
        "ConfigMap kube-system/cluster-autoscaler-status: its key status is no status of cluster-autoscaler: "
        "it begins with '<html>Sign in</html>'"
    )
    assert "kubectl -n kube-system get configmap" in unseen.cure


def test_a_config_map_without_a_status_is_told(stub: StartStub, trust: Trust) -> None:
    observed = looked(answers(status=(200, {"kind": "ConfigMap"})), stub, trust)

    assert "it is empty" in observed.unseen[0].reason


@pytest.mark.parametrize("where", ["limits", "resources"])
def test_a_quantity_that_is_none_names_its_pool(where: str, stub: StartStub, trust: Trust) -> None:
    given = {
        "metadata": {"name": "odd"},
        "spec": {"limits": {"cpu": "many"}} if where == "limits" else {},
        "status": {"resources": {"cpu": "many"}} if where == "resources" else {},
    }

    observed = looked(answers(v1=pools(given)), stub, trust)

    (unseen,) = observed.unseen
    assert unseen.reason.startswith("nodepool/odd: cpu of its ")
    assert "not a quantity: 'many'" in unseen.reason


def test_what_is_no_list_is_told(stub: StartStub, trust: Trust) -> None:
    observed = looked(answers(v1=(200, {"items": "none"})), stub, trust)

    assert "are not what a Kubernetes API sends" in observed.unseen[0].reason


# Rights


def test_a_profile_of_namespaces_alone_has_no_pools_and_needs_no_right(stub: StartStub, trust: Trust) -> None:
    observed = looked(answers(), stub, trust, namespaces=["domino-platform"])
    cluster = Cluster.model_validate({"name": "prod", "namespaces": ["domino-platform"]})

    assert "belong to no namespace" in observed.absent
    assert rights_in(cluster, node_pools.rights) == ()


def test_the_rights_are_to_list_pools_and_to_get_that_one_config_map() -> None:
    rights = rights_in(Cluster.model_validate({"name": "prod"}), node_pools.rights)

    assert {(right.namespace, right.rule()) for right in rights} == {
        ("", RULE_POOLS),
        ("kube-system", RULE_STATUS),
        ("domino-platform", RULE_STATUS),
    }


def test_they_are_for_the_platform_s_namespace_by_the_profile_s_word() -> None:
    profile = Profile.model_validate(
        {"version": 1, "clusters": [{"name": "prod"}], "domino": {"platform_namespace": "acme"}}
    )

    assert [right.namespace for right in node_pools.rights_for(profile)] == ["", "kube-system", "acme"]
