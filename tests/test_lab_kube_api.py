"""The lab's Kubernetes API, seen by the suite's own collectors and by a plain HTTP client."""

import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from domino_health import Pod, lab
from domino_health.collectors import discovery, kubernetes
from domino_health.collectors.looking import CollectionError, Deadline, Look, Shared, Target
from domino_health.facts.observed import Outcome
from domino_health.lab import Platform, contents
from domino_health.lab.kube_api import AGED, REVIEWS
from domino_health.profile import Profile

DENIED = ("/api/v1/pods", "/api/v1/namespaces/domino-compute/pods", "/apis/apps/v1/deployments")
NOT_RECORDED = "/apis/apps/v1/namespaces/a/replicasets"


@pytest.fixture(scope="module", params=lab.KINDS)
def each(request: pytest.FixtureRequest) -> Iterator[Platform]:
    platform = lab.start(request.param)
    yield platform
    platform.stop()


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    platform = lab.start("faulty")
    yield platform
    platform.stop()


@pytest.fixture(scope="module")
def denying() -> Iterator[Platform]:
    platform = lab.start("faulty", denied=DENIED)
    yield platform
    platform.stop()


class Api:
    """A plain client on one connection that stays open."""

    def __init__(self, platform: Platform) -> None:
        kubeconfig = yaml.safe_load(Path(platform.variables["LAB_KUBECONFIG"]).read_text())
        address = kubeconfig["clusters"][0]["cluster"]["server"].removeprefix("https://")
        context = ssl.create_default_context(cafile=platform.variables["LAB_CA_FILE"])
        self.token = kubeconfig["users"][0]["user"]["token"]
        self.connection = http.client.HTTPSConnection(address, context=context, timeout=5)

    def get(
        self, path: str, token: str | None = "", method: str = "GET", body: bytes | None = None
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {token or self.token}"} if token is not None else {}
        self.connection.request(method, path, body, headers=headers)
        with self.connection.getresponse() as answer:
            return answer.status, answer.read()

    def json(self, path: str) -> dict[str, Any]:
        status, body = self.get(path)
        assert status == 200, body
        content: dict[str, Any] = json.loads(body)
        return content


@contextmanager
def asking(platform: Platform) -> Iterator[Api]:
    api = Api(platform)
    yield api
    api.connection.close()


@pytest.fixture
def api(platform: Platform) -> Iterator[Api]:
    with asking(platform) as api:
        yield api


def look(platform: Platform, collector: Callable[[Look], list[Target[Any]]], **cluster: Any) -> list[Any]:
    """What a collector of the suite sees, all its targets together."""
    where = {"name": "demo", "kubeconfig": platform.variables["LAB_KUBECONFIG"], **cluster}
    profile = Profile.model_validate({"version": 1, "clusters": [where]})
    targets = collector(Look(profile, Shared()))
    return [thing for target in targets for thing in target.look(Deadline(target.allowed), lambda _: None)]


# What the suite sees


def test_pods_that_wait_have_waited_longer_than_any_threshold(platform: Platform) -> None:
    pods: list[Pod] = look(platform, kubernetes.pods)
    waiting = {pod.subject.name: pod for pod in pods if pod.status.phase != "Running" and not pod.finished}

    now = datetime.now(UTC)
    assert len(pods) > 40
    assert len(waiting) == 3  # too large, without a toleration, with a selector that no node has
    for pod in waiting.values():
        assert AGED <= pod.waiting(now) < AGED + timedelta(minutes=2)
        assert pod.why_unscheduled.startswith("0/7 nodes are available: ")


def test_nothing_waits_on_the_healthy_platform() -> None:
    platform = lab.start("healthy")
    pods: list[Pod] = look(platform, kubernetes.pods)
    platform.stop()

    assert len(pods) > 30
    assert not [pod for pod in pods if pod.waiting(datetime.now(UTC))]


def test_no_time_is_in_the_future(each: Platform) -> None:
    pods: list[Pod] = look(each, kubernetes.pods)

    assert max(pod.metadata.creation_timestamp for pod in pods) < datetime.now(UTC) - AGED


def test_its_clock_is_right(each: Platform) -> None:
    (clock,) = look(each, kubernetes.clock)

    assert (clock.skew, clock.source) == (0, "cluster demo")


def test_an_account_for_some_namespaces_sees_those(platform: Platform) -> None:
    everything: list[Pod] = look(platform, kubernetes.pods)
    compute: list[Pod] = look(platform, kubernetes.pods, namespaces=["domino-compute"])

    assert {pod.metadata.namespace for pod in compute} == {"domino-compute"}
    assert compute == [pod for pod in everything if pod.metadata.namespace == "domino-compute"]


def test_a_namespace_that_nothing_was_recorded_of_is_not_there(platform: Platform) -> None:
    with pytest.raises(CollectionError) as refused:
        look(platform, kubernetes.pods, namespaces=["nowhere"])

    assert refused.value.reason == 'GET /api/v1/namespaces/nowhere: 404 namespaces "nowhere" not found'


@pytest.mark.parametrize(
    ("cluster", "where"),
    [({}, "(in a ClusterRole)"), ({"namespaces": ["domino-compute"]}, "(in namespace domino-compute)")],
)
def test_a_denied_list_is_told_with_the_rule_that_allows_it(
    denying: Platform, cluster: dict[str, Any], where: str
) -> None:
    with pytest.raises(CollectionError) as refused:
        look(denying, kubernetes.pods, **cluster)

    assert refused.value.outcome is Outcome.DENIED
    assert 'pods is forbidden: User "health-reader" cannot list resource "pods"' in refused.value.reason
    assert refused.value.cure.endswith(where)


def test_as_with_rbac_the_right_to_one_namespace_is_a_right_of_its_own(denying: Platform) -> None:
    assert look(denying, kubernetes.pods, namespaces=["domino-platform"])


def test_webhooks_are_refused_by_the_faulty_lab_alone(api: Api) -> None:
    (path,) = lab.DENIED["faulty"]
    healthy = lab.start("healthy")
    with asking(healthy) as allowed:
        statuses = [each.get(path)[0] for each in (allowed, api)]
    healthy.stop()

    assert statuses == [200, 403]


def test_a_log_is_cut_from_its_beginning_by_lines_and_from_its_end_by_bytes(api: Api) -> None:
    log = "/api/v1/namespaces/domino-platform/pods/keycloakv17-0/log?container=keycloakv17"

    whole, two = (api.get(f"{log}{bound}")[1] for bound in ("", "&tailLines=2"))
    some = api.get(f"{log}&tailLines=2&limitBytes=40")[1]

    assert len(whole.splitlines()) == contents.LINES
    assert two == b"".join(whole.splitlines(keepends=True)[-2:])
    assert some == two[:40]
    assert b"javax.naming.CommunicationException" in whole


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("pods/nobody-0/log?container=x", 404, 'pods "nobody-0" not found'),
        ("pods/keycloakv17-0/log?container=x", 400, "container x is not valid for pod keycloakv17-0"),
        (
            "pods/keycloakv17-0/log?container=keycloakv17&previous=true",
            400,
            'previous terminated container "keycloakv17" in pod "keycloakv17-0" not found',
        ),
        ("secrets/another", 404, 'secrets "another" not found'),
    ],
)
def test_what_is_not_there_is_told_as_an_api_server_does(
    api: Api, asked: str, status: int, said: str
) -> None:
    answered, body = api.get(f"/api/v1/namespaces/domino-platform/{asked}")

    assert (answered, json.loads(body)["message"]) == (status, said)


def test_secrets_hold_certificates_and_no_key(each: Platform) -> None:
    path = "/api/v1/namespaces/domino-platform/secrets/hephaestus-buildkit-client-tls"

    with asking(each) as api:
        status, body = api.get(path)

    assert status == 200
    assert json.loads(body)["data"].keys() == {"ca.crt", "tls.crt"}


def test_dominos_namespaces_are_found_by_their_labels(each: Platform) -> None:
    found = look(each, discovery.namespaces)

    assert [(space.name, space.part, space.found_by) for space in found] == [
        ("domino-platform", "platform", "label"),
        ("domino-compute", "compute", "label"),
    ]


def test_every_list_that_is_recorded_is_played(each: Platform) -> None:
    found = {
        listing.resource: look(each, listing)
        for listing in (kubernetes.deployments, kubernetes.statefulsets, kubernetes.resource_quotas)
    }
    bounded = bool(found["resourcequotas"])

    assert {workload.metadata.namespace for workload in found["deployments"]} <= {
        "domino-platform",
        "domino-compute",
    }
    ready = {
        workload.metadata.name: (workload.status.ready_replicas, workload.spec.replicas)
        for workload in found["statefulsets"]
    }
    assert ready["docker-registry"] == ((1, 1) if bounded else (0, 1)), "a fault of the faulty lab"
    assert ready["mongodb-replicaset"] == (3, 3)
    assert len(look(each, kubernetes.limit_ranges)) == bounded


# What any client sees, in the words of a real API server (1.36)


def test_the_version_is_the_recorded_one(api: Api) -> None:
    version = api.json("/version")

    assert version["gitVersion"].startswith("v1.")
    assert version.keys() == {"major", "minor", "gitVersion", "platform"}


def test_what_its_groups_serve_is_what_was_recorded_of_them(api: Api) -> None:
    groups = api.json("/apis")

    assert (groups["kind"], groups["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    (apps,) = (each for each in groups["items"] if each["metadata"]["name"] == "apps")
    (version,) = apps["versions"]
    assert version["version"] == "v1"
    assert {"resource": "deployments"} in version["resources"]


def test_pages_add_up_to_the_whole_list(api: Api) -> None:
    whole = api.json("/api/v1/pods")
    pages = [api.json("/api/v1/pods?limit=20")]
    while token := pages[-1]["metadata"].get("continue"):
        pages.append(api.json(f"/api/v1/pods?limit=20&continue={token}"))

    number = len(whole["items"])
    assert (whole["kind"], whole["apiVersion"], whole["metadata"]) == ("PodList", "v1", {})
    assert [item for page in pages for item in page["items"]] == whole["items"]
    assert [len(page["items"]) for page in pages] == [20, 20, number - 40]
    left = [page["metadata"].get("remainingItemCount") for page in pages]
    assert left == [number - 20, number - 40, None]


@pytest.mark.parametrize(("limit", "pages"), [(0, 1), (-1, 1), (1000, 1)])
def test_a_page_may_hold_everything(api: Api, limit: int, pages: int) -> None:
    assert api.json(f"/api/v1/pods?limit={limit}") == api.json("/api/v1/pods")


def test_a_page_that_ends_where_the_list_ends_is_the_last(api: Api) -> None:
    number = len(api.json("/api/v1/pods")["items"])

    assert api.json(f"/api/v1/pods?limit={number}")["metadata"] == {}


@pytest.mark.parametrize("token", [None, "wrong"])
def test_nobody_gets_in_without_the_token(api: Api, token: str | None) -> None:
    for path in ("/version", "/api/v1/pods", "/nothing"):
        status, body = api.get(path, token)
        assert (status, json.loads(body)) == (
            401,
            {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": "Unauthorized",
                "reason": "Unauthorized",
                "code": 401,
            },
        )


@pytest.mark.parametrize(
    ("path", "message", "details"),
    [
        (
            "/api/v1/pods",
            'pods is forbidden: User "health-reader" cannot list resource "pods" in API group "" '
            "at the cluster scope",
            {"kind": "pods"},
        ),
        (
            "/api/v1/namespaces/domino-compute/pods",
            'pods is forbidden: User "health-reader" cannot list resource "pods" in API group "" '
            'in the namespace "domino-compute"',
            {"kind": "pods"},
        ),
        (
            "/apis/apps/v1/deployments",
            'deployments.apps is forbidden: User "health-reader" cannot list resource "deployments" '
            'in API group "apps" at the cluster scope',
            {"group": "apps", "kind": "deployments"},
        ),
    ],
)
def test_a_refusal_has_the_words_of_rbac(
    denying: Platform, path: str, message: str, details: dict[str, str]
) -> None:
    api = Api(denying)
    status, body = api.get(path)
    api.connection.close()

    refusal = json.loads(body)
    assert status == refusal["code"] == 403
    assert (refusal["reason"], refusal["message"], refusal["details"]) == ("Forbidden", message, details)


@pytest.mark.parametrize("path", ["/api/v1/secrets", NOT_RECORDED])
def test_what_was_not_recorded_is_not_found(api: Api, path: str) -> None:
    status, body = api.get(path)

    assert status == 404
    assert json.loads(body) == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "the server could not find the requested resource",
        "reason": "NotFound",
        "details": {},
        "code": 404,
    }


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/v1/namespaces/a/pods/b", "/api/v1/pods/"])
def test_what_is_no_list_is_not_found_either(api: Api, path: str) -> None:
    assert api.get(path) == (404, b"404 page not found\n")


def test_a_continue_token_that_is_not_of_this_list_and_lab_has_expired(api: Api, denying: Platform) -> None:
    other = Api(denying)
    foreign = other.json("/api/v1/namespaces/domino-platform/pods?limit=1")["metadata"]["continue"]
    other.connection.close()
    of_a_namespace = api.json("/api/v1/namespaces/domino-platform/pods?limit=1")["metadata"]["continue"]
    of_a_real_server = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Miwic3RhcnQiOiJkZWZhdWx0XHUwMDAwIn0"

    for token in (foreign, of_a_namespace, of_a_real_server, "abc", "%C3%A4", "a"):
        status, body = api.get(f"/api/v1/pods?limit=1&continue={token}")
        refusal = json.loads(body)
        assert status == refusal["code"] == 410
        assert refusal["reason"] == "Expired"
        assert refusal["message"].startswith("The provided continue parameter is too old to display")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("watch=true", "the lab plays whole lists: it knows no watch"),
        ("fieldSelector=a%3Db", "the lab plays whole lists: it knows no fieldSelector"),
    ],
)
def test_a_query_that_it_cannot_answer_truly_is_refused(api: Api, query: str, message: str) -> None:
    status, body = api.get(f"/api/v1/pods?{query}")

    assert (status, json.loads(body)["message"]) == (400, message)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_it_only_ever_reads(api: Api, method: str) -> None:
    status, _ = api.get("/api/v1/pods", method=method)

    assert status == 501


def test_its_user_may_read_what_is_not_denied_and_write_nothing(denying: Platform) -> None:
    api = Api(denying)
    asked = [
        ({"verb": "list", "resource": "pods"}, False),
        ({"verb": "list", "resource": "pods", "namespace": "domino-compute"}, False),
        ({"verb": "list", "resource": "pods", "namespace": "domino-platform"}, True),
        ({"verb": "list", "resource": "deployments", "group": "apps"}, False),
        ({"verb": "list", "resource": "deployments"}, True),
        ({"verb": "delete", "resource": "nodes"}, False),
    ]

    for question, allowed in asked:
        body = json.dumps({"spec": {"resourceAttributes": question}}).encode()
        status, answer = api.get(REVIEWS, method="POST", body=body)
        assert (status, json.loads(answer)["status"]["allowed"]) == (201, allowed), question
    api.connection.close()


@pytest.mark.parametrize(
    ("token", "body", "status"),
    [("other", b"{}", 401), ("", b"{}", 400), ("", b"\xff", 400), ("", None, 400)],
)
def test_a_question_that_is_none_is_refused(api: Api, token: str, body: bytes | None, status: int) -> None:
    assert api.get(REVIEWS, token, "POST", body)[0] == status


def test_a_connection_serves_many_requests(api: Api) -> None:
    api.get("/version")
    first = api.connection.sock
    api.get("/api/v1/secrets")
    api.get("/api/v1/pods")

    assert first is not None
    assert api.connection.sock is first
