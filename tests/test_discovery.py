"""What is Domino's: by the profile's word, then by label, then by usual names; and what was not seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from domino_health import DominoNamespace, DominoService, lab
from domino_health.collectors import discovery, kubernetes
from domino_health.collectors.discovery import SIGNS, Namespaces
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.kubernetes import Listing
from domino_health.collectors.looking import CollectionError, Deadline, Look, Shared, Target, rights_of
from domino_health.facts.domino import (
    ROLES,
    Namespace,
    NamespaceLabels,
    NamespaceList,
    NamespaceMeta,
)
from domino_health.facts.observed import Observed, Outcome, Seen
from domino_health.facts.workloads import (
    Deployment,
    StatefulSet,
    WorkloadLabels,
    WorkloadMeta,
    WorkloadSpec,
    WorkloadStatus,
)
from domino_health.profile import Profile
from domino_health.profile.clusters import Cluster
from domino_health.profile.domino import Services
from fault_server import Answer, Exchange, says
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    TOKEN,
    StartStub,
    Trust,
    opened,
    plain_environment,
    stub,
    trust,
)

NOW = datetime(2026, 11, 24, 3, 45, tzinfo=UTC)
PLATFORM = DominoNamespace("domino-platform", "platform", "label", "prod")
COMPUTE = DominoNamespace("domino-compute", "compute", "label", "prod")


def profile(domino: Mapping[str, Any] | None = None, *clusters: Mapping[str, Any]) -> Profile:
    given: dict[str, Any] = {"version": 1, "clusters": list(clusters or ({"name": "prod"},))}
    return Profile.model_validate({**given, **({"domino": domino} if domino is not None else {})})


def looked(target: Target[Any]) -> list[Any]:
    return list(target.look(Deadline(target.allowed), lambda _: None))


def refused(target: Target[Any]) -> CollectionError:
    with pytest.raises(CollectionError) as caught:
        looked(target)
    return caught.value


# Namespaces


@dataclass(frozen=True)
class Listed(Listing):
    """A stub of the list of namespaces, which gives these or refuses."""

    seen: Sequence[Namespace] | CollectionError = ()

    def target(self, look: Look, cluster: Cluster, namespace: str = "") -> Target[Any]:
        return Target(cluster.name, "GET /api/v1/namespaces", cluster.deadline, self._look)

    def _look(self, deadline: Deadline, say: object) -> Sequence[Namespace]:
        if isinstance(self.seen, CollectionError):
            raise self.seen
        return self.seen


def there(*namespaces: Namespace) -> list[Namespace]:
    return [*namespaces, space("default"), space("kube-system")]


def space(name: str, platform: str | None = None, compute: str | None = None) -> Namespace:
    return Namespace(NamespaceMeta(name, NamespaceLabels(platform, compute)))


def namespaces(
    seen: Sequence[Namespace] | CollectionError,
    domino: Mapping[str, Any] | None = None,
    *clusters: Mapping[str, Any],
) -> list[Target[DominoNamespace]]:
    listed = Listed("Every namespace.", "namespaces", NamespaceList, in_namespaces=False, seen=seen)
    return Namespaces(listed)(Look(profile(domino, *clusters), Shared()))


def told(target: Target[DominoNamespace]) -> list[tuple[str, str, str]]:
    return [(each.name, each.part, each.found_by) for each in looked(target)]


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (
            there(space("acme-main", "true"), space("acme-work", None, "true")),
            [("acme-main", "platform", "label"), ("acme-work", "compute", "label")],
        ),
        # A field add-on's namespace carries the same label
        (
            there(
                space("domino-platform", "true"),
                space("domino-field", compute="true"),
                space("domino-compute", compute="true"),
            ),
            [
                ("domino-platform", "platform", "label"),
                ("domino-compute", "compute", "label"),
                ("domino-field", "compute", "label"),
            ],
        ),
        # The label alone counts, and the usual name only where nothing is labelled
        (
            there(space("acme", ""), space("domino-platform"), space("domino-compute")),
            [("acme", "platform", "label"), ("domino-compute", "compute", "name")],
        ),
        (
            there(space("domino-platform", "false"), space("domino-compute")),
            [("domino-platform", "platform", "name"), ("domino-compute", "compute", "name")],
        ),
        (there(space("acme", "False", "FALSE")), []),
        # A remote data plane has no platform, other clusters have nothing of Domino's
        (there(space("domino-compute", compute="true")), [("domino-compute", "compute", "label")]),
        (there(), []),
        ([], []),
    ],
)
def test_namespaces_are_told_by_label_and_then_by_their_usual_names(
    seen: list[Namespace], found: list[tuple[str, str, str]]
) -> None:
    (target,) = namespaces(seen)

    assert told(target) == found
    assert target.name == "prod"
    assert target.how == "GET /api/v1/namespaces"


def test_the_profiles_word_goes_before_labels() -> None:
    seen = there(space("domino-platform", "true"), space("domino-compute", None, "true"))

    (target,) = namespaces(seen, {"platform_namespace": "acme"})

    assert told(target) == [("acme", "platform", "profile"), ("domino-compute", "compute", "label")]


NAMED = {"platform_namespace": "acme", "compute_namespaces": ["work", "field"]}


def test_where_the_profile_names_all_nothing_is_asked() -> None:
    denied = CollectionError("403", "grant", Outcome.DENIED)

    for clusters in ((), ({"name": "prod", "namespaces": ["acme", "work", "field"]},)):
        (target,) = namespaces(denied, NAMED, *clusters)

        assert told(target) == [
            ("acme", "platform", "profile"),
            ("field", "compute", "profile"),
            ("work", "compute", "profile"),
        ]
        assert target.how == "read the profile's section domino"


@pytest.mark.parametrize(
    ("outcome", "become"),
    [
        (Outcome.DENIED, Outcome.DENIED),
        (Outcome.TIMED_OUT, Outcome.TIMED_OUT),
        (Outcome.TRUNCATED, Outcome.FAILED),  # half a list would leave a half without Domino
    ],
)
@pytest.mark.parametrize("domino", [None, {}, {"platform_namespace": "acme"}, {"compute_namespaces": ["a"]}])
def test_a_list_that_may_not_be_seen_is_told_with_both_cures(
    outcome: Outcome,
    become: Outcome,
    domino: Mapping[str, Any] | None,
) -> None:
    error = CollectionError("403 namespaces is forbidden", "grant the rule", outcome, [space("a")])

    (target,) = namespaces(error, domino)

    told = refused(target)
    assert (told.reason, told.outcome) == ("403 namespaces is forbidden", become)
    assert told.cure == (
        "grant the rule; or name platform_namespace and compute_namespaces in the profile's section domino"
    )
    assert told.seen == ()


# Namespaces, one by one

DENIED = says(403, {"message": "namespaces is forbidden"})
MISSING = says(404, {"kind": "Status", "reason": "NotFound", "message": "not found"})
BY_NAME = "which of the namespaces acme, work are Domino's cannot be told by these names"
NAME_THEM = "name platform_namespace and compute_namespaces in the profile's section domino"


@pytest.fixture
def alone(stub: StartStub, trust: Trust, plain_environment: None) -> Callable[..., Target[DominoNamespace]]:
    """The target of a cluster that is looked at by namespace; each has labels, or an answer of its own."""

    def look(
        spaces: Mapping[str, Mapping[str, str] | Answer],
        domino: Mapping[str, Any] | None = None,
        *before: Mapping[str, Any],
    ) -> Target[DominoNamespace]:
        def answer(exchange: Exchange) -> None:
            root, _, name = exchange.request.path.rpartition("/")
            assert root == "/api/v1/namespaces"
            given = spaces[name]
            if callable(given):
                given(exchange)
            else:
                exchange.answer(200, {"metadata": {"name": name, "labels": given}})

        cluster = {
            "name": "edge",
            "server": stub(answer).url,
            "ca_file": str(trust.ca_file),
            "token": TOKEN,
            "namespaces": list(spaces),
        }
        return namespaces([], domino, *before, cluster)[-1]

    return look


Alone = Callable[..., Target[DominoNamespace]]


def test_where_a_profile_looks_into_namespaces_alone_their_labels_tell(alone: Alone) -> None:
    target = alone({"acme": {"domino-platform": "true"}, "work": {"domino-compute": "true"}, "other": {}})

    assert told(target) == [("acme", "platform", "label"), ("work", "compute", "label")]
    assert callable(target.how)
    assert target.how().endswith("/api/v1/namespaces/{acme,work,other}")


@pytest.mark.parametrize("answer", [DENIED, MISSING])
def test_where_labels_may_not_be_read_usual_names_tell(alone: Alone, answer: Answer) -> None:
    assert told(alone({"domino-compute": answer, "other": answer})) == [("domino-compute", "compute", "name")]


def test_namespaces_that_neither_labels_nor_names_tell_are_to_be_named(alone: Alone) -> None:
    error = refused(alone({"acme": {}, "work": {}}))

    assert error.reason == f"{BY_NAME} or labels"
    assert error.cure == NAME_THEM


def test_where_labels_may_not_be_read_and_names_do_not_tell_both_cures_are_told(alone: Alone) -> None:
    error = refused(alone({"acme": {}, "work": DENIED}))

    assert error.reason.startswith(f"{BY_NAME}, and labels may not be read: GET /api/v1/namespaces/work: 403")
    assert error.cure.startswith("grant the account this rule: ")
    assert error.cure.endswith(f"; or {NAME_THEM}")


def test_of_another_cluster_what_would_not_help_is_no_cure(alone: Alone) -> None:
    error = refused(alone({"acme": {}, "work": DENIED}, None, {"name": "prod"}))

    assert "grant the account" in error.cure
    assert "section domino" not in error.cure, "it speaks of the first cluster alone"


def test_another_cluster_without_a_namespace_of_dominos_has_none(alone: Alone) -> None:
    assert told(alone({"acme": {}, "work": {}}, None, {"name": "prod"})) == []


def test_a_server_that_cannot_be_asked_is_not_taken_for_one_that_refuses(alone: Alone) -> None:
    error = refused(alone({"domino-compute": says(500, {"message": "etcd is gone"})}))

    assert error.outcome is Outcome.FAILED
    assert "500 etcd is gone" in error.reason


def test_the_section_speaks_of_the_first_cluster_alone() -> None:
    seen = there(space("domino-compute", None, "true"))

    first, second = namespaces(seen, NAMED, {"name": "prod"}, {"name": "edge"})

    assert [each.cluster for each in looked(first)] == ["prod"] * 3
    assert told(second) == [("domino-compute", "compute", "label")]
    assert [each.cluster for each in looked(second)] == ["edge"]


def test_to_find_namespaces_is_to_list_them() -> None:
    (right,) = discovery.namespaces.rights

    assert right.rule() == '{apiGroups: [""], resources: ["namespaces"], verbs: ["list"]}'
    assert not right.in_namespaces


@pytest.mark.parametrize(
    ("domino", "clusters", "needed"),
    [
        (None, [{"name": "prod"}], True),
        ({"platform_namespace": "acme"}, [{"name": "prod"}], True),
        (NAMED, [{"name": "prod"}], False),
        (NAMED, [{"name": "prod"}, {"name": "edge"}], True),
        (NAMED, [{"name": "prod"}, {"name": "edge", "namespaces": ["domino-compute"]}], False),
        (None, [{"name": "prod", "namespaces": ["domino-compute"]}], False),
    ],
)
def test_a_right_that_the_profile_makes_needless_is_not_asked_for(
    domino: Mapping[str, Any] | None, clusters: list[dict[str, Any]], needed: bool
) -> None:
    rights = rights_of(discovery.namespaces, profile(domino, *clusters))

    assert bool(rights) is needed


# Services


def workload(
    kind: type[Deployment] | type[StatefulSet],
    name: str,
    namespace: str = "domino-platform",
    *,
    cluster: str = "prod",
    labels: WorkloadLabels | None = None,
    wanted: int = 1,
    ready: int = 1,
) -> Any:
    metadata = WorkloadMeta(name, namespace, labels or WorkloadLabels())
    return kind(metadata, WorkloadSpec(wanted), WorkloadStatus(ready), cluster)


def observed(fact: str, *objects: object, target: str = "prod", outcome: Outcome = Outcome.SEEN) -> Observed:
    reason = "" if outcome is Outcome.SEEN else f"{outcome.value}!"
    seen = Seen(
        target=target,
        outcome=outcome,
        how="GET",
        at=NOW,
        seconds=0.1,
        reason=reason,
        cure="grant",
        objects=objects,
    )
    return Observed(fact, (seen,))


def services(
    *workloads: Any,
    domino: Mapping[str, Any] | None = None,
    spaces: Sequence[DominoNamespace] = (PLATFORM, COMPUTE),
    facts: Mapping[str, Observed] | None = None,
    cluster: Mapping[str, Any] | None = None,
) -> Target[DominoService]:
    given = {
        "domino_namespaces": observed("domino_namespaces", *spaces),
        "deployments": observed("deployments", *(w for w in workloads if isinstance(w, Deployment))),
        "statefulsets": observed("statefulsets", *(w for w in workloads if isinstance(w, StatefulSet))),
    }
    look = Look(profile(domino, cluster or {"name": "prod"}), Shared(), {**given, **(facts or {})})
    (target,) = discovery.services(look)
    return target


def by_role(target: Target[DominoService]) -> dict[str, tuple[list[str], str | None]]:
    """The roles that somebody does or is to do: who, and by what it was found."""
    return {
        each.role: ([str(each.ref_of(candidate)) for candidate in each.candidates], each.found_by)
        for each in looked(target)
        if each.candidates or each.named
    }


def test_every_role_is_known_to_profile_facts_and_discovery() -> None:
    assert list(Services.model_fields) == list(ROLES) == list(SIGNS)


@pytest.mark.parametrize(
    ("kind", "name", "labels", "role", "found_by"),
    [
        (Deployment, "nucleus-frontend", {}, "front_end", "name"),
        (Deployment, "nucleus-dispatcher", {}, "dispatcher", "name"),
        (Deployment, "anything", {"component": "dispatcher"}, "dispatcher", "label"),
        (StatefulSet, "keycloak", {}, "keycloak", "name"),
        (StatefulSet, "keycloakv17", {}, "keycloak", "name"),
        (StatefulSet, "mongodb-replicaset", {}, "metadata_database", "name"),
        (StatefulSet, "mongodb", {}, "metadata_database", "name"),
        (StatefulSet, "rabbitmq-ha", {}, "message_queue", "name"),
        (StatefulSet, "rabbitmq-ha-39", {}, "message_queue", "name"),
        (StatefulSet, "rabbitmq-next", {"name": "rabbitmq-ha"}, "message_queue", "label"),
        (Deployment, "repoman", {}, "git", "name"),
        (StatefulSet, "repos", {"name": "repoman"}, "git", "label"),
        (StatefulSet, "vault", {"name": "vault"}, "vault", "label"),
        (StatefulSet, "docker-registry", {}, "image_registry", "name"),
    ],
)
def test_a_service_is_told_by_its_label_or_its_usual_name(
    kind: type[Deployment] | type[StatefulSet],
    name: str,
    labels: dict[str, str],
    role: str,
    found_by: str,
) -> None:
    found = by_role(services(workload(kind, name, labels=WorkloadLabels(**labels))))

    assert found == {role: ([f"{kind.__name__.lower()}/domino-platform/{name}"], found_by)}


@pytest.mark.parametrize(
    "name", ["keycloak-operator", "keycloakx", "mongodb-exporter", "rabbitmq-ha-x", "docker-registry-cleaner"]
)
def test_a_name_that_only_begins_alike_is_another_thing(name: str) -> None:
    assert by_role(services(workload(Deployment, name))) == {}


def test_a_label_goes_before_a_name() -> None:
    labelled = workload(StatefulSet, "queue", labels=WorkloadLabels(name="rabbitmq-ha"))

    found = by_role(services(workload(StatefulSet, "rabbitmq-ha-39"), labelled))

    assert found == {"message_queue": (["statefulset/domino-platform/queue"], "label")}


def test_of_two_candidates_both_are_kept_in_one_order() -> None:
    two = [workload(StatefulSet, name) for name in ("keycloakv17", "keycloak")]

    expected = ["statefulset/domino-platform/keycloak", "statefulset/domino-platform/keycloakv17"]
    assert by_role(services(*two)) == by_role(services(*reversed(two))) == {"keycloak": (expected, "name")}


def test_replicas_are_taken_over() -> None:
    target = services(workload(Deployment, "nucleus-frontend", wanted=2, ready=0))

    found = next(each for each in looked(target) if each.role == "front_end")

    assert [(each.ready, each.wanted) for each in found.candidates] == [(0, 2)]
    assert found.cluster == "prod"


def test_what_is_not_there_is_not_installed() -> None:
    found = looked(services(workload(Deployment, "nucleus-frontend")))

    assert [each.role for each in found] == list(ROLES)
    assert all(each.candidates == () and each.found_by is None for each in found[1:])


def test_what_is_in_another_namespace_or_cluster_is_not_dominos() -> None:
    elsewhere = [
        workload(StatefulSet, "vault", "vault"),
        workload(StatefulSet, "keycloak", "domino-compute"),
        workload(StatefulSet, "mongodb", cluster="other"),
    ]

    assert by_role(services(*elsewhere)) == {}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("statefulset/queue", ["statefulset/domino-platform/queue"]),
        ("statefulset/domino-platform/queue", ["statefulset/domino-platform/queue"]),
        ("statefulset/messaging/queue", ["statefulset/messaging/queue"]),
        ("deployment/queue", []),
        ("statefulset/nowhere/queue", []),
    ],
)
def test_the_profiles_word_goes_before_all_and_may_be_wrong(word: str, expected: list[str]) -> None:
    there = [
        workload(StatefulSet, "rabbitmq-ha"),
        workload(StatefulSet, "queue"),
        workload(StatefulSet, "queue", "messaging"),
    ]

    found = by_role(services(*there, domino={"services": {"message_queue": word}}))

    assert found == {"message_queue": (expected, "profile")}


def test_a_cluster_without_a_platform_has_no_services() -> None:
    assert looked(services(workload(StatefulSet, "vault"), spaces=[COMPUTE])) == []


def test_a_platform_that_the_profile_names_and_that_is_empty_is_not_taken_for_domino() -> None:
    spaces = [DominoNamespace("domino-plattform", "platform", "profile", "prod"), COMPUTE]
    named = {"platform_namespace": "domino-plattform"}

    error = refused(services(workload(StatefulSet, "vault"), spaces=spaces, domino=named))

    assert error.reason == (
        "namespace domino-plattform has no Deployment and no StatefulSet: is it Domino's?"
    )
    assert error.cure == "mend platform_namespace in the profile's section domino"


@pytest.mark.parametrize("fact", ["domino_namespaces", "deployments", "statefulsets"])
@pytest.mark.parametrize(
    ("outcome", "become"),
    [(Outcome.DENIED, Outcome.DENIED), (Outcome.TRUNCATED, Outcome.FAILED), (Outcome.FAILED, Outcome.FAILED)],
)
def test_what_could_not_be_seen_is_told_and_not_taken_for_absence(
    fact: str, outcome: Outcome, become: Outcome
) -> None:
    there = [workload(StatefulSet, "vault"), PLATFORM]

    error = refused(services(facts={fact: observed(fact, *there, outcome=outcome)}))

    assert (error.reason, error.cure) == (f"needs {fact}: {outcome.value}!", "grant")
    assert error.outcome is become


def test_of_a_cluster_that_is_looked_at_by_namespace_the_platforms_counts() -> None:
    def listed(fact: str, platform: Outcome, compute: Outcome, *objects: object) -> Observed:
        targets = (
            *observed(fact, *objects, target="prod/domino-platform", outcome=platform).targets,
            *observed(fact, target="prod/domino-compute", outcome=compute).targets,
        )
        return Observed(fact, targets)

    vault = workload(StatefulSet, "vault")
    seen, denied = Outcome.SEEN, Outcome.DENIED

    enough = services(
        facts={
            "deployments": listed("deployments", seen, denied),
            "statefulsets": listed("statefulsets", seen, denied, vault),
        }
    )
    too_little = services(
        facts={
            "deployments": listed("deployments", denied, seen),
            "statefulsets": listed("statefulsets", seen, seen, vault),
        }
    )

    assert list(by_role(enough)) == ["vault"]
    assert refused(too_little).reason == "needs deployments: denied!"


def test_a_platform_in_which_nobody_looks_is_not_an_empty_one() -> None:
    facts = {fact: observed(fact, target="prod/domino-compute") for fact in ("deployments", "statefulsets")}

    error = refused(services(facts=facts))

    assert error.reason == "needs deployments of prod/domino-platform, where nobody looks"
    assert error.cure == "add the namespace to namespaces of this cluster in the profile"


# All of it, as a run gathers it


def gathered(denied: Sequence[str], **domino: Any) -> dict[str, Observed]:
    """The facts of discovery, of a lab that denies these lists."""
    platform = lab.start("healthy", denied=denied)
    try:
        where = {"name": "demo", "kubeconfig": platform.variables["LAB_KUBECONFIG"]}
        more = {"domino": domino} if domino else {}
        given = Profile.model_validate({"version": 1, "clusters": [where], **more})
        after = ("domino_namespaces", "deployments", "statefulsets")
        wanted = [
            Wanted("domino_namespaces", discovery.namespaces, "clusters", DominoNamespace),
            Wanted("deployments", kubernetes.deployments, "clusters", Deployment),
            Wanted("statefulsets", kubernetes.statefulsets, "clusters", StatefulSet),
            Wanted("domino_services", discovery.services, "clusters", DominoService, after),
        ]
        gathering = Gathering(wanted, given)
        gathering.start()
        return {fact.name: gathering.wait(fact.name) for fact in wanted}
    finally:
        platform.stop()


NAMESPACES = "/api/v1/namespaces"


def test_where_namespaces_may_not_be_listed_the_profile_may_name_them() -> None:
    facts = gathered(
        [NAMESPACES], platform_namespace="domino-platform", compute_namespaces=["domino-compute"]
    )

    assert facts["domino_namespaces"].unseen == []
    assert {each.role for each in facts["domino_services"].objects if each.candidates} == set(ROLES)


def test_where_they_are_neither_listed_nor_named_nobody_knows() -> None:
    facts = gathered([NAMESPACES])

    (unseen,) = facts["domino_services"].unseen
    assert facts["domino_services"].blind
    assert (unseen.target, unseen.outcome) == ("demo", "denied")
    assert unseen.reason.startswith("needs domino_namespaces: GET /api/v1/namespaces: 403 ")
    assert 'resources: ["namespaces"], verbs: ["list"]' in unseen.cure
    assert "or name platform_namespace and compute_namespaces" in unseen.cure


def test_a_denied_list_of_workloads_is_one_unseen_target_and_not_two() -> None:
    facts = gathered(["/apis/apps/v1/statefulsets"])

    (unseen,) = facts["domino_services"].unseen
    assert unseen.target == "demo"
    assert unseen.reason.startswith("needs statefulsets: GET /apis/apps/v1/statefulsets: 403 ")


# Storage classes


def storage(
    *spaces: DominoNamespace, domino: Mapping[str, Any] | None = None, cluster: str = "prod"
) -> list[tuple[str, str, str]]:
    facts = {"domino_namespaces": observed("domino_namespaces", *spaces, target=cluster)}
    look = Look(profile(domino, {"name": cluster}), Shared(), facts)
    (target,) = discovery.storage(look)
    return [(each.role, each.name, each.found_by) for each in looked(target)]


def test_domino_needs_both_classes_by_their_usual_names() -> None:
    assert storage(PLATFORM, COMPUTE) == [
        ("block", "dominodisk", "name"),
        ("shared", "dominoshared", "name"),
    ]


def test_a_data_plane_needs_disks_alone() -> None:
    assert storage(COMPUTE) == [("block", "dominodisk", "name")]


def test_a_cluster_without_domino_needs_none() -> None:
    assert storage() == []


def test_the_profile_names_a_class_and_the_other_keeps_its_usual_name() -> None:
    assert storage(PLATFORM, domino={"storage_classes": {"shared": "efs"}}) == [
        ("block", "dominodisk", "name"),
        ("shared", "efs", "profile"),
    ]
