"""What the account may do: asked for once, told whole, and never in the way of anything else."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from domino_health.collectors import kubernetes
from domino_health.collectors.cluster import REVIEWS
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.rights import NAMESPACE, rights_in
from domino_health.facts.kubernetes import Pod
from domino_health.facts.observed import Observed, Outcome
from domino_health.facts.rights import Right, rules
from domino_health.plugin.facts import RIGHTS
from domino_health.profile import Profile
from domino_health.profile.clusters import Cluster
from domino_health.reports.missing import Missing, missing_rights
from fault_server import Answer, Exchange, FaultServer, says
from report_samples import a_record, a_result, a_seen
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    TOKEN,
    StartStub,
    Trust,
    opened,
    page,
    plain_environment,
    stub,
    trust,
)
from suites import Ran, Suite, a_check

pytestmark = pytest.mark.usefixtures("plain_environment")

PODS = Right("pods")
NODES = Right("nodes", in_namespaces=False)
DEPLOYMENTS = Right("deployments", group="apps")
STATEFUL_SETS = Right("statefulsets", group="apps")


def cluster(**more: Any) -> Cluster:
    return Cluster.model_validate({"name": "prod", **more})


# As rules of a Role


def test_rights_that_differ_in_their_resource_alone_are_one_rule() -> None:
    assert rules([STATEFUL_SETS, PODS, DEPLOYMENTS, PODS]) == [
        '{apiGroups: [""], resources: ["pods"], verbs: ["list"]}',
        '{apiGroups: ["apps"], resources: ["deployments", "statefulsets"], verbs: ["list"]}',
    ]


def test_two_verbs_on_one_resource_are_one_rule() -> None:
    assert rules([PODS, Right("pods", "get"), NODES]) == [
        '{apiGroups: [""], resources: ["nodes"], verbs: ["list"]}',
        '{apiGroups: [""], resources: ["pods"], verbs: ["get", "list"]}',
    ]


def test_a_rule_of_named_objects_never_grants_the_others() -> None:
    named = [Right("secrets", "get", name=name) for name in ("b", "a")]

    assert rules([*named, Right("configmaps", "get")]) == [
        '{apiGroups: [""], resources: ["configmaps"], verbs: ["get"]}',
        '{apiGroups: [""], resources: ["secrets"], resourceNames: ["a", "b"], verbs: ["get"]}',
    ]


# What a cluster is asked for


def test_without_namespaces_rights_are_wanted_for_the_whole_cluster() -> None:
    wanted = rights_in(cluster(), [PODS, NODES])

    assert [(right.cluster, right.namespace, right.resource) for right in wanted] == [
        ("prod", "", "nodes"),
        ("prod", "", "pods"),
    ]


def test_in_namespaces_their_own_existence_is_wanted_too_and_nothing_of_the_whole_cluster() -> None:
    wanted = rights_in(cluster(namespaces=["a", "b"]), [PODS, NODES])

    assert [(right.namespace, right.resource, right.verb) for right in wanted] == [
        ("a", "namespaces", NAMESPACE.verb),
        ("b", "namespaces", NAMESPACE.verb),
        ("a", "pods", "list"),
        ("b", "pods", "list"),
    ]


def test_where_nothing_is_read_in_namespaces_nothing_is_wanted_there() -> None:
    assert rights_in(cluster(namespaces=["a"]), [NODES]) == ()


# The API server's answer


def allowing(*resources: str) -> Answer:
    """Answers reviews: these resources may be read. Lists are of one pod, or denied."""

    def answer(exchange: Exchange) -> None:
        if exchange.request.method == "POST":
            asked = json.loads(exchange.request.body)["spec"]["resourceAttributes"]
            exchange.answer(201, {"status": {"allowed": asked["resource"] in resources}})
        elif exchange.request.path.rpartition("/")[2] in resources:
            exchange.answer(200, page("a"))
        else:
            exchange.answer(403, {"kind": "Status", "message": "forbidden", "code": 403})

    return answer


def start(server: FaultServer, trust: Trust, **more: Any) -> Gathering:
    """The fact ``pods`` and the engine's own, as a run would gather them."""
    given = {"name": "prod", "server": server.url, "ca_file": str(trust.ca_file), "token": TOKEN, **more}
    profile = Profile.model_validate({"version": 1, "clusters": [given]})
    gathering = Gathering([Wanted("pods", kubernetes.pods, "clusters", Pod), RIGHTS], profile)
    gathering.start()
    return gathering


def gather(server: FaultServer, trust: Trust, **more: Any) -> Gathering:
    """The same, complete: a stub must not end while it is being asked."""
    gathering = start(server, trust, **more)
    for fact in ("pods", "rights"):
        gathering.wait(fact)
    return gathering


def test_each_right_is_asked_for_by_a_review_of_this_very_account(stub: StartStub, trust: Trust) -> None:
    server = stub(allowing("pods"))

    (seen,) = gather(server, trust).wait("rights").targets

    assert (seen.target, seen.outcome) == ("prod", Outcome.SEEN)
    assert seen.objects == (Right("pods", cluster="prod", allowed=True),)
    assert seen.how == f"POST {server.url}{REVIEWS}"
    (asked,) = [request for request in server.requests if request.method == "POST"]
    assert asked.path == REVIEWS
    assert asked.headers["content-type"] == "application/json"
    assert json.loads(asked.body) == {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}},
    }


def test_a_namespace_is_a_target_of_its_own_and_asked_for_by_its_name(stub: StartStub, trust: Trust) -> None:
    server = stub(allowing("pods"))

    observed = gather(server, trust, namespaces=["a", "b"]).wait("rights")

    assert [target.target for target in observed.targets] == ["prod/a", "prod/b"]
    allowed = {(right.namespace, right.resource): right.allowed for right in observed.objects}
    assert allowed == {
        ("a", "namespaces"): False,
        ("a", "pods"): True,
        ("b", "namespaces"): False,
        ("b", "pods"): True,
    }
    questions = [
        json.loads(request.body)["spec"]["resourceAttributes"]
        for request in server.requests
        if request.method == "POST"
    ]
    assert {"verb": "get", "resource": "namespaces", "namespace": "a", "name": "a"} in questions


@pytest.mark.parametrize(
    ("answer", "outcome", "reason", "cure"),
    [
        (says(403, {"message": "you may not ask"}), Outcome.DENIED, "403 you may not ask", "basic-user"),
        (says(401, {"message": "Unauthorized"}), Outcome.DENIED, "401 Unauthorized", "credential"),
        (says(404, "404 page not found"), Outcome.FAILED, "404 page not found", "what answers at"),
        (says(405, {"message": "no POST here"}), Outcome.FAILED, "405 no POST here", "health of the API"),
        (says(201, "<html>"), Outcome.FAILED, "that are not what a Kubernetes API sends", "what answers at"),
        (says(201, {"status": {}}), Outcome.FAILED, "that are not what a Kubernetes API sends", ""),
        (says(200, {"status": {"allowed": True}}), Outcome.FAILED, "200", ""),
    ],
)
def test_a_review_that_is_refused_leaves_reading_as_it_is(
    answer: Answer, outcome: Outcome, reason: str, cure: str, stub: StartStub, trust: Trust
) -> None:
    def either(exchange: Exchange) -> None:
        if exchange.request.method == "POST":
            answer(exchange)
        else:
            exchange.answer(200, page("a"))

    gathering = gather(stub(either), trust)

    (seen,) = gathering.wait("rights").targets
    assert (seen.outcome, seen.objects) == (outcome, ())
    assert seen.reason.startswith(f"POST {REVIEWS}: ")
    assert reason in seen.reason
    assert cure in seen.cure
    assert TOKEN not in seen.reason + seen.cure
    assert len(gathering.wait("pods").objects) == 1


def test_a_review_that_hangs_holds_up_no_other_fact(stub: StartStub, trust: Trust) -> None:
    def hang(exchange: Exchange) -> None:
        if exchange.request.method == "POST":
            exchange.hang()
        else:
            exchange.answer(200, page("a"))

    gathering = start(stub(hang), trust, deadline="3s")

    assert len(gathering.wait("pods").objects) == 1
    assert not gathering.ready("rights")
    (seen,) = gathering.wait("rights").targets
    assert seen.outcome is Outcome.TIMED_OUT
    assert f"to POST {REVIEWS}" in seen.reason


def test_a_busy_server_is_asked_again(stub: StartStub, trust: Trust) -> None:
    busy = says(429, {"message": "too many"}, retry_after="0")
    asked: list[int] = []

    def first_busy(exchange: Exchange) -> None:
        if exchange.request.method == "POST":
            asked.append(exchange.number)
            if len(asked) == 1:
                return busy(exchange)
        return allowing("pods")(exchange)

    (seen,) = gather(stub(first_busy), trust).wait("rights").targets

    assert seen.outcome is Outcome.SEEN
    assert len(asked) == 2


# Told once, and whole


def observed(*rights: Right, denied: Sequence[str] = ("prod",), outcome: Outcome = Outcome.DENIED) -> Any:
    return {
        "pods": Observed("pods", tuple(a_seen(target, outcome) for target in denied)),
        "rights": Observed("rights", (a_seen("prod", objects=rights),)),
    }


def lacking(right: Right, namespace: str = "", cluster: str = "prod", *, allowed: bool = False) -> Right:
    return msgspec.structs.replace(right, namespace=namespace, cluster=cluster, allowed=allowed)


def missing(facts: Any) -> list[Missing]:
    return list(missing_rights(facts, lambda text: text.replace("s3cret", "***")))


def test_all_that_is_missing_is_one_block_of_yaml() -> None:
    (found,) = missing(observed(lacking(PODS), lacking(NODES), lacking(DEPLOYMENTS, allowed=True)))

    assert found.where == "cluster prod, in a ClusterRole"
    assert found.block == '- {apiGroups: [""], resources: ["nodes", "pods"], verbs: ["list"]}'


def test_namespaces_that_lack_the_same_are_told_together() -> None:
    facts = observed(
        *(lacking(right, namespace) for right in (PODS, DEPLOYMENTS) for namespace in ("b", "a")),
        lacking(PODS, "c"),
        denied=["prod/a", "prod/c"],
    )

    both, one = missing(facts)

    assert both.where == "cluster prod, in a Role in each of the namespaces a, b"
    assert len(both.rules) == 2
    assert one.where == "cluster prod, in a Role in namespace c"


@pytest.mark.parametrize(
    "facts",
    [
        {},
        observed(lacking(PODS), denied=[]),
        observed(lacking(PODS), outcome=Outcome.FAILED),
        observed(lacking(PODS), denied=["prod-2"]),
        observed(lacking(PODS, allowed=True)),
        observed(PODS),
        {"rights": Observed("rights", (a_seen("prod", Outcome.DENIED, objects=(lacking(PODS),)),))},
    ],
    ids=["no facts", "nothing denied", "only failed", "elsewhere", "granted", "not asked", "reviews denied"],
)
def test_nothing_is_asked_for_where_nothing_that_was_needed_was_denied(facts: Any) -> None:
    assert missing(facts) == []


def test_a_namespace_that_came_from_a_reference_is_not_told() -> None:
    (found,) = missing(observed(lacking(PODS, "s3cret")))

    assert found.namespaces == ("***",)


def test_a_record_has_what_is_missing() -> None:
    record = a_record(a_result(), observed=observed(lacking(PODS)))

    assert [lack.where for lack in record.missing_rights] == ["cluster prod, in a ClusterRole"]


# In a run

NEEDS_RIGHTS = """
from domino_health.facts.rights import Right

class Things:
    rights = (Right("things"),)
    def __call__(self, look):
        return [{target}]

things = fact("things", Things(), Thing, section="clusters")
"""
SEES, DENIED = "seen('east', 'a')", "dead('east', 'forbidden', 'ask for it', Outcome.DENIED)"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, monkeypatch)


def run(suite: Suite, target: str, *arguments: str, **options: Any) -> Ran:
    suite.facts(more=NEEDS_RIGHTS.replace("{target}", target))
    suite.checks(a_check())
    return suite.run(*arguments, **options)


def test_a_run_asks_though_no_check_does_and_not_knowing_changes_nothing(suite: Suite) -> None:
    ran = run(suite, SEES)

    assert ran.status == 0, ran.out
    assert ran.states == {"TST-001": "passed"}
    unseen = {each["target"]: each["fact"] for each in ran.verdict["unseen"]}
    assert unseen == {"east": "rights", "west": "rights"}, "nobody listens there"


def test_a_run_whose_facts_need_no_rights_does_not_ask(suite: Suite) -> None:
    ran = suite.run()

    assert not (ran.folder / "facts" / "rights.json.gz").exists()


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that grants nothing."""
    nobody = type("Nobody", (), {"review": lambda *_: False})
    monkeypatch.setattr("domino_health.collectors.rights.connect", lambda *_: nobody())


BLOCK = """\
  rights that are missing: cluster east, in a ClusterRole
    - {apiGroups: [""], resources: ["things"], verbs: ["list"]}
"""


@pytest.mark.usefixtures("answered")
def test_what_is_missing_is_told_before_the_verdict_and_again_on_replay(suite: Suite) -> None:
    ran = run(suite, DENIED)
    again = suite.run(profile=[f"--replay={ran.folder}"])

    assert ran.status == again.status == 6
    assert ran.out.count(BLOCK) == again.out.count(BLOCK) == 1
    assert ran.last_line.startswith("gate default CLOSED")


@pytest.mark.usefixtures("answered")
def test_what_is_not_granted_and_was_seen_all_the_same_is_not_told(suite: Suite) -> None:
    ran = run(suite, SEES)

    assert ran.status == 0
    assert "missing" not in ran.out
