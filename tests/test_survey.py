"""The first look at an environment: what it sees, and what it says of all that it could not see.

The servers are stubs (see ``fault_server``); a real control plane is looked at in ``tests/integration``.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import certifi
import pytest
import yaml
from kubernetes.config import kube_config

from domino_health.collectors import gather
from domino_health.collectors import survey as subject
from domino_health.collectors.looking import CollectionError
from domino_health.facts.survey import Survey
from fault_server import Answer, Exchange, FaultServer, dead_port, says
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    TOKEN,
    StartStub,
    Trust,
    opened,
    plain_environment,
    stub,
    trust,
)

PODS = "/api/v1/pods"
NAMESPACES = "/api/v1/namespaces"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/domino-platform/ingresses"
APIS = "/apis"
ISTIO = "networking.istio.io"
GATEWAYS = f"/apis/{ISTIO}/v1beta1/namespaces/domino-platform/gateways"
DEPLOYMENTS = "/apis/apps/v1/namespaces/domino-platform/deployments"
STATEFULSETS = "/apis/apps/v1/namespaces/domino-platform/statefulsets"
PLATFORM, COMPUTE = "domino-platform", "domino-compute"
P, C = {PLATFORM: "true"}, {COMPUTE: "true"}
LABELLED = {PLATFORM: P, COMPUTE: C}
Kubectl = Callable[..., Path]


NOT_FOUND = says(404, {"kind": "Status", "reason": "NotFound", "message": "not found"})


def a_list(*items: Any) -> Answer:
    return says(200, {"metadata": {}, "items": list(items)})


def namespaces(named: Mapping[str, Mapping[str, str]]) -> Answer:
    return a_list(*({"metadata": {"name": name, "labels": labels}} for name, labels in named.items()))


def ingress(*hosts: str, name: str = "domino") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "domino-platform"},
        "spec": {"rules": [{"host": host} for host in hosts]},
    }


def gateway(*hosts: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "entrance", "namespace": "domino-platform"},
        "spec": {"servers": [{"port": {"number": 443}, "hosts": list(hosts)}]},
    }


def groups(*names: str) -> Answer:
    listed = [{"name": name, "preferredVersion": {"groupVersion": f"{name}/v1beta1"}} for name in names]
    return says(200, {"kind": "APIGroupList", "groups": listed})


def workload(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": PLATFORM}, "spec": {}, "status": {}}


def refuses(what: str) -> Answer:
    status = {"kind": "Status", "message": f'{what} is forbidden: User "ops" cannot list it {TOKEN}'}
    return says(403, status)


def answers(*changes: Mapping[str, Answer], otherwise: Answer | None = None) -> Answer:
    """A healthy platform without Ingresses and without Istio, but for what is said otherwise."""
    known: dict[str, Answer] = {
        "/version": says(200, {"gitVersion": "v1.34.2"}),
        NAMESPACES: namespaces(LABELLED),
        PODS: a_list({"metadata": {"name": "one"}}),
        INGRESSES: a_list(),
        APIS: groups("apps", "networking.k8s.io"),
        DEPLOYMENTS: a_list(workload("nucleus-frontend"), workload("something-else")),
        STATEFULSETS: a_list(workload("keycloakv17")),
    }
    for change in changes:
        known |= change
    missing = otherwise or NOT_FOUND

    def answer(exchange: Exchange) -> None:
        known.get(exchange.request.path, missing)(exchange)

    return answer


@pytest.fixture
def kubectl(trust: Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    """Writes the kubeconfig that kubectl would use."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    def write(
        server: FaultServer | str, contexts: tuple[str, ...] = ("reader",), current: str = "reader"
    ) -> Path:
        url = server if isinstance(server, str) else server.url
        cluster = {"server": url, "certificate-authority": str(trust.ca_file)}
        content = {
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "ops", "user": {"token": TOKEN}}],
            "contexts": [{"name": name, "context": {"cluster": "c", "user": "ops"}} for name in contexts],
            "current-context": current,
        }
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(content))
        monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))
        return path

    return write


pytestmark = pytest.mark.usefixtures("plain_environment")


def surveyed(context: str | None = None) -> Survey:
    """A look; nothing that comes of it holds the token."""
    found = subject.survey("prod", context)
    assert TOKEN not in repr(found)
    return found


def what(found: Survey) -> list[str]:
    return [missed.what for missed in found.missed]


# What is seen


def test_a_platform_is_seen_with_its_server_version_and_namespaces(stub: StartStub, kubectl: Kubectl) -> None:
    server = stub(answers())
    path = kubectl(server)

    found = surveyed()

    assert (found.server, found.version) == (server.url, "v1.34.2")
    assert (found.platform, found.compute, found.how) == (("domino-platform",), ("domino-compute",), "labels")
    assert (found.whole, found.within) == (True, ())
    assert (found.door.context, found.door.kubeconfig) == ("reader", str(path))
    assert found.services == (("front end", "nucleus-frontend"), ("Keycloak", "keycloakv17"))
    assert (found.hosts, found.missed) == ((), ())


def test_only_ever_gets_and_of_pods_no_more_than_one(stub: StartStub, kubectl: Kubectl) -> None:
    server = stub(answers())
    kubectl(server)

    surveyed()

    assert {request.line.split()[0] for request in server.requests} == {"GET"}
    (pods,) = [request for request in server.requests if request.path == PODS]
    assert pods.query == {"limit": "1"}


@pytest.mark.parametrize(
    ("there", "platform", "compute", "how"),
    [
        ({"dp": P, "dc": C}, ["dp"], ["dc"], "labels"),
        ({PLATFORM: {}, COMPUTE: {}, "other": {}}, [PLATFORM], [COMPUTE], "usual names"),
        ({"dp": P, COMPUTE: {}}, ["dp"], [COMPUTE], "labels and usual names"),
        ({"dp": P, PLATFORM: {}}, ["dp"], [], "labels"),
        ({"field": C, "dc": C}, [], ["dc", "field"], "labels"),
        ({"off": {PLATFORM: "false"}}, [], [], ""),
        ({"../../nodes": P}, [], [], ""),
    ],
    ids=["labels", "names", "one of each", "a label before a name", "two", "a label that says no", "no name"],
)
def test_dominos_namespaces_are_told_by_label_else_by_their_usual_names(
    stub: StartStub, kubectl: Kubectl, there: Any, platform: Any, compute: Any, how: str
) -> None:
    kubectl(stub(answers({NAMESPACES: namespaces(there)}, otherwise=a_list())))

    found = surveyed()

    assert (found.platform, found.compute, found.how) == (tuple(platform), tuple(compute), how)


def test_hosts_of_ingresses_and_gateways_are_connected_to_once_each(
    stub: StartStub, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    entrances = {
        INGRESSES: a_list(ingress("localhost", "localhost")),
        APIS: groups("apps", ISTIO),
        GATEWAYS: a_list(gateway("domino-platform/localhost", "*", "*.example.com")),
    }
    server = stub(answers(entrances))
    kubectl(server)
    monkeypatch.setattr(subject, "HTTPS", server.port)

    found = surveyed()

    (host,) = found.hosts
    assert (host.name, host.source) == ("localhost", "Ingress domino-platform/domino")
    assert [each.what for each in found.left_out] == ["*", "*.example.com"]
    assert all("a pattern" in each.reason for each in found.left_out)
    assert found.missed == ()


@pytest.mark.parametrize(("known", "untrusted"), [(False, True), (True, False)])
def test_a_chain_that_public_roots_do_not_verify_is_told_with_who_issued_it(
    stub: StartStub,
    kubectl: Kubectl,
    trust: Trust,
    monkeypatch: pytest.MonkeyPatch,
    known: bool,
    untrusted: bool,
) -> None:
    if known:
        monkeypatch.setattr(certifi, "where", lambda: str(trust.ca_file))
    server = stub(answers({INGRESSES: a_list(ingress("localhost"))}))
    kubectl(server)
    monkeypatch.setattr(subject, "HTTPS", server.port)

    (host,) = surveyed().hosts

    assert host.untrusted is untrusted
    assert "issued by CN=Test Root CA, until 20" in host.presented
    assert bool(host.trouble) is untrusted


def test_a_host_that_does_not_answer_is_named_with_the_reason(
    stub: StartStub, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(stub(answers({INGRESSES: a_list(ingress("localhost"))})))
    monkeypatch.setattr(subject, "HTTPS", dead_port())

    found = surveyed()

    (host,) = found.hosts
    assert (host.name, host.presented) == ("localhost", "")
    assert "refused" in host.trouble
    assert found.missed == (), "it is the host's own trouble"


def test_hosts_beyond_the_most_and_what_is_no_host_are_left_out_and_said(
    stub: StartStub, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "MOST_HOSTS", 1)
    monkeypatch.setattr(subject, "HTTPS", dead_port())
    hosts = a_list(ingress("no host: at all", "localhost", "127.0.0.1"))
    kubectl(stub(answers({INGRESSES: hosts})))

    found = surveyed()

    assert [host.name for host in found.hosts] == ["localhost"]
    assert [each.what for each in found.left_out] == ["no host: at all", "127.0.0.1"]


# What is not seen


def test_an_account_of_namespaces_alone_gets_those_in_which_it_may_list_pods(
    stub: StartStub, kubectl: Kubectl
) -> None:
    limited = {
        NAMESPACES: refuses("namespaces"),
        PODS: refuses("pods"),
        f"{NAMESPACES}/domino-platform/pods": refuses("pods"),
        f"{NAMESPACES}/domino-compute/pods": a_list({"metadata": {"name": "one"}}),
    }
    kubectl(stub(answers(limited)))

    found = surveyed()

    assert (found.whole, found.within) == (False, ("domino-compute",))
    assert (found.platform, found.compute) == ((), ("domino-compute",))
    assert what(found) == ["namespaces", "pods of the whole cluster", "pods of domino-platform"]
    assert '{apiGroups: [""], resources: ["pods"], verbs: ["list"]} (in namespace domino-platform)' in (
        found.missed[2].cure
    )


@pytest.mark.parametrize(
    ("exists", "within", "missed"),
    [
        (says(200, {"metadata": {"name": "domino-compute"}}), ("domino-compute",), 2),
        (NOT_FOUND, (), 2),
        (refuses("namespaces"), (), 3),
    ],
    ids=["there", "not there", "not to be seen"],
)
def test_a_guessed_namespace_without_pods_counts_only_if_it_is_there(
    stub: StartStub, kubectl: Kubectl, exists: Answer, within: tuple[str, ...], missed: int
) -> None:
    empty = {
        NAMESPACES: refuses("namespaces"),
        PODS: refuses("pods"),
        f"{NAMESPACES}/domino-compute/pods": a_list(),
        f"{NAMESPACES}/domino-compute": exists,
        f"{NAMESPACES}/domino-platform/pods": a_list(),
        f"{NAMESPACES}/domino-platform": NOT_FOUND,
    }
    kubectl(stub(answers(empty)))

    found = surveyed()

    assert found.within == within
    assert len(found.missed) == missed
    assert bool(found.how) is bool(within), "which are Domino's is not known by a wrong guess"
    assert not found.told


def test_without_any_rights_every_read_is_told_with_the_rule_that_allows_it(
    stub: StartStub, kubectl: Kubectl
) -> None:
    server = stub(
        answers({path: refuses("it") for path in ("/version", NAMESPACES, PODS)}, otherwise=refuses("it"))
    )
    kubectl(server)

    found = surveyed()

    assert (found.server, found.version, found.whole, found.within) == (server.url, "", False, ())
    assert (found.platform, found.compute, found.told) == ((), (), False)
    assert len(found.missed) == 4
    assert all(missed.cure.startswith("grant the account this rule: {") for missed in found.missed)


def test_denied_workloads_are_told_and_the_services_that_are_seen_stay(
    stub: StartStub, kubectl: Kubectl
) -> None:
    kubectl(stub(answers({DEPLOYMENTS: refuses("deployments")})))

    found = surveyed()

    assert found.services == (("Keycloak", "keycloakv17"),)
    assert what(found) == ["Deployments of domino-platform"]


def test_a_denied_ingress_is_told_and_the_rest_is_seen(stub: StartStub, kubectl: Kubectl) -> None:
    kubectl(stub(answers({INGRESSES: refuses("ingresses"), APIS: refuses("it")})))

    found = surveyed()

    assert found.platform == ("domino-platform",)
    assert what(found) == ["Ingresses of domino-platform", "Istio's Gateways of domino-platform"]
    ingresses, gateways = (missed.cure for missed in found.missed)
    assert 'apiGroups: ["networking.k8s.io"], resources: ["ingresses"]' in ingresses
    assert '{nonResourceURLs: ["/apis"], verbs: ["get"]}' in gateways


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (says(200, b"<html>sign in</html>"), "not what a Kubernetes API sends"),
        (says(200, {"items": 5}), "not what a Kubernetes API sends"),
        (says(500, {"message": "etcd"}), "500 etcd"),
        (says(401, {"message": "Unauthorized"}), "401 Unauthorized"),
        (says(404), "404"),
        (lambda exchange: exchange.reset(), ""),
    ],
    ids=["garbage", "JSON", "broken", "no valid token", "nothing", "reset"],
)
def test_a_server_that_does_not_answer_as_one_is_asked_nothing_more(
    stub: StartStub, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch, answer: Answer, reason: str
) -> None:
    from domino_health.collectors import cluster

    monkeypatch.setattr(cluster, "PAUSE", 0.0)
    server = stub(answer)
    kubectl(server)

    found = surveyed()

    assert what(found) == ["the API server"]
    assert reason in found.missed[0].reason
    assert found.missed[0].cure
    assert (found.server, found.whole, found.how) == ("", False, "")
    assert {request.path for request in server.requests} == {"/version"}


def test_a_server_that_refuses_connections_is_told(kubectl: Kubectl) -> None:
    port = dead_port()
    kubectl(f"https://127.0.0.1:{port}")

    found = surveyed()

    assert what(found) == ["the API server"]
    assert found.missed[0].reason == f"https://127.0.0.1:{port}: connection refused"
    assert found.door.context == "reader", "the profile can name it all the same"


def test_a_server_that_is_slow_is_given_up_at_the_deadline(
    stub: StartStub, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "ALLOWED", timedelta(seconds=0.2))
    kubectl(stub(lambda exchange: exchange.hang()))

    (missed,) = surveyed().missed

    assert "no complete answer within 0.2 s" in missed.reason


def test_one_slow_read_hides_no_other(
    stub: StartStub, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "ALLOWED", timedelta(seconds=1))
    kubectl(stub(answers({INGRESSES: lambda exchange: exchange.hang()})))

    found = surveyed()

    assert found.whole
    assert what(found) == ["Ingresses of domino-platform"]


def test_a_look_that_breaks_on_this_side_is_told_and_hides_nothing(
    stub: StartStub, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(stub(answers({INGRESSES: a_list(ingress("localhost"))})))
    monkeypatch.setattr(subject, "HTTPS", dead_port())

    whole = gather.Gathering._run

    def run(self: gather.Gathering, waiting: Any) -> None:
        if len(waiting) > 1:
            self._lost(RuntimeError("no thread"))
        else:
            whole(self, waiting)

    monkeypatch.setattr(gather.Gathering, "_run", run)

    found = surveyed()

    assert what(found)[:2] == ["namespaces", "pods of the whole cluster"]
    assert all("no thread" in missed.reason for missed in found.missed)
    assert found.version == "v1.34.2"


# The way in


def test_a_context_that_is_named_is_taken_and_the_others_are_told(stub: StartStub, kubectl: Kubectl) -> None:
    kubectl(stub(answers()), ("reader", "admin", "old"))

    found = surveyed("admin")

    assert (found.door.context, found.door.others) == ("admin", ("reader", "old"))
    assert found.missed == ()


def test_a_context_that_is_not_there_is_a_mistake(stub: StartStub, kubectl: Kubectl) -> None:
    server = stub(answers())
    kubectl(server)

    with pytest.raises(CollectionError, match=r"no context raeder in .*; did you mean reader\?"):
        subject.survey("prod", "raeder")

    assert server.requests == []


@pytest.mark.parametrize(
    ("contexts", "current", "reason", "cure"),
    [
        ((), "", "has no contexts", "name a kubeconfig"),
        ((), "gone", "has no contexts", "name a kubeconfig"),
        (("a", "b"), "", "has no current context", "--kube-context"),
        (("a", "b"), "gone", "has no current context", "--kube-context"),
    ],
)
def test_without_a_context_nothing_is_asked_and_the_cure_is_told(
    kubectl: Kubectl, contexts: tuple[str, ...], current: str, reason: str, cure: str
) -> None:
    kubectl("https://127.0.0.1:1", contexts, current)

    found = surveyed()

    (missed,) = found.missed
    assert reason in missed.reason
    assert cure in missed.cure
    assert (found.door.context, found.door.others) == ("", contexts)


@pytest.mark.parametrize("content", ["", "- a list", "{", "contexts: 5", "\x00"])
def test_a_kubeconfig_that_is_none_is_told(kubectl: Kubectl, content: str) -> None:
    kubectl("https://127.0.0.1:1").write_text(content)

    (missed,) = surveyed().missed

    assert missed.reason
    assert missed.cure


def test_without_a_kubeconfig_the_cure_is_to_name_one(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("https://127.0.0.1:1").unlink()

    (missed,) = surveyed().missed

    assert missed.reason == f"no kubeconfig: there is no {tmp_path / 'kubeconfig'}"


def test_in_a_pod_without_a_kubeconfig_its_service_account_is_taken(
    kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl("https://127.0.0.1:1").unlink()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")

    found = surveyed()

    assert found.door.in_cluster
    assert "not inside of a cluster" in found.missed[0].reason


def test_of_several_files_the_variable_is_kept_and_of_kubectls_default_nothing(
    stub: StartStub, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = kubectl(stub(answers()))
    several = f"{path}:/no/such/file"
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", several)
    both = surveyed().door
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    path.rename(tmp_path / ".kube" / "config")
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", "~/.kube/config")
    default = surveyed().door

    assert (both.kubeconfig, both.variable) == ("", several)
    assert (default.kubeconfig, default.variable, default.context) == ("", "", "reader")


def test_it_says_what_is_being_looked_at(stub: StartStub, kubectl: Kubectl) -> None:
    kubectl(stub(answers()))
    said: list[str] = []

    subject.survey("prod", None, said.append)

    assert list(dict.fromkeys(said)) == [
        "the API server",
        "namespaces, pods of the whole cluster",
        "Deployments of domino-platform, StatefulSets of domino-platform",
        "Ingresses of domino-platform, Istio's Gateways of domino-platform",
    ]
