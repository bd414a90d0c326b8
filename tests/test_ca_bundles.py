"""CA bundles: what an API server trusts webhooks and other APIs by, read from a real HTTP server."""

import base64
from typing import Any

import pytest

from certificates import Issued, authority
from domino_health import CaBundle
from domino_health.collectors.bundles import ca_bundles
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.facts.observed import Observed, Outcome
from domino_health.profile import Profile
from fault_server import Exchange
from stubs import TOKEN, StartStub, Trust, opened, plain_environment, stub, trust  # noqa: F401

pytestmark = pytest.mark.usefixtures("plain_environment")

VALIDATING, MUTATING, APIS = (
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "/apis/apiregistration.k8s.io/v1/apiservices",
)
SERVICE = {"namespace": "domino-platform", "name": "hephaestus-webhook"}


@pytest.fixture(scope="module")
def root() -> Issued:
    return authority("hephaestus root")


def text(pem: bytes) -> str:
    return base64.b64encode(pem).decode()


def webhook(name: str = "a", pem: bytes | None = None, **config: Any) -> dict[str, Any]:
    bundle = {} if pem is None else {"caBundle": text(pem)}
    policy = {"failurePolicy": config.pop("policy")} if "policy" in config else {}
    return {"name": name, "clientConfig": {**bundle, **config}, **policy}


def configuration(*webhooks: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "hephaestus"}, "webhooks": list(webhooks)}


def gathered(stub: StartStub, trust: Trust, **lists: Any) -> Observed:
    """The fact of one cluster, whose lists are ``validating``, ``mutating`` and ``apis``."""
    given = dict(
        zip((VALIDATING, MUTATING, APIS), map(lists.get, ("validating", "mutating", "apis")), strict=True)
    )

    def answers(exchange: Exchange) -> None:
        items = given[exchange.request.path]
        if isinstance(items, int):
            exchange.answer(items, {"kind": "Status", "apiVersion": "v1", "message": "no", "code": items})
        else:
            exchange.answer(200, {"metadata": {}, "items": items or []})

    server = stub(answers)
    cluster = {"name": "prod", "server": server.url, "ca_file": str(trust.ca_file), "token": TOKEN}
    profile = Profile.model_validate({"version": 1, "clusters": [{**cluster, "deadline": "5s"}]})
    gathering = Gathering([Wanted("ca_bundles", ca_bundles, "clusters", CaBundle)], profile)
    gathering.start()
    return gathering.wait("ca_bundles")


def test_webhooks_that_share_a_bundle_and_a_service_are_one(
    stub: StartStub, trust: Trust, root: Issued
) -> None:
    shared = [webhook(name, root.pem, service=SERVICE) for name in "ab"]

    observed = gathered(
        stub, trust, validating=[configuration(*shared, webhook("c", root.pem, url="https://x"))]
    )

    one, other = observed.objects
    assert (str(one.ref), one.service, one.webhooks, one.needed) == (
        "validatingwebhookconfiguration/hephaestus",
        "domino-platform/hephaestus-webhook",
        ("a", "b"),
        True,
    )
    assert [each.subject for each in one.certificates] == ["CN=hephaestus root"]
    assert (other.service, other.webhooks) == ("", ("c",))


def test_only_webhooks_that_are_all_ignored_when_they_fail_can_do_without(
    stub: StartStub, trust: Trust, root: Issued
) -> None:
    first, second = (
        configuration(
            webhook("a", root.pem, service=SERVICE, policy="Ignore"),
            webhook("b", root.pem, service=SERVICE, policy=policy),
        )
        for policy in ("Ignore", "Fail")
    )

    observed = gathered(stub, trust, mutating=[first, second])

    assert [each.needed for each in observed.objects] == [False, True]


def test_a_service_without_a_bundle_is_told_and_a_url_without_one_is_not(
    stub: StartStub, trust: Trust
) -> None:
    hooks = configuration(webhook(service=SERVICE), webhook("b", url="https://policy.example.com"))

    (found,) = gathered(stub, trust, validating=[hooks]).objects

    assert found.problem == "it has no caBundle, and no public CA vouches for a Service of the cluster"


def test_what_is_no_certificate_is_told_and_not_quoted(stub: StartStub, trust: Trust) -> None:
    (found,) = gathered(
        stub, trust, validating=[configuration(webhook("a", b"hunter2", service=SERVICE))]
    ).objects

    assert found.problem == "its caBundle holds something that is no certificate (PEM)"
    assert found.certificates == ()


def test_of_apis_those_are_kept_that_another_server_is_trusted_to_answer_for(
    stub: StartStub, trust: Trust, root: Issued
) -> None:
    def api(name: str, **spec: Any) -> dict[str, Any]:
        return {"metadata": {"name": name}, "spec": spec}

    apis = [
        api("v1.apps"),
        api("v1beta1.metrics.k8s.io", service=SERVICE, insecureSkipTLSVerify=True),
        api("v1beta1.custom.metrics.k8s.io", service=SERVICE, caBundle=text(root.pem)),
    ]

    (found,) = gathered(stub, trust, apis=apis).objects

    assert (str(found.ref), found.needed) == ("apiservice/v1beta1.custom.metrics.k8s.io", True)
    assert len(found.certificates) == 1


def test_lists_that_are_null_are_empty(stub: StartStub, trust: Trust) -> None:
    observed = gathered(stub, trust, validating=[{"metadata": {"name": "a"}, "webhooks": None}])

    assert (observed.objects, observed.unseen) == ([], [])


def test_where_one_list_is_refused_the_others_count(stub: StartStub, trust: Trust, root: Issued) -> None:
    hooks = configuration(webhook("a", root.pem, service=SERVICE))

    observed = gathered(stub, trust, validating=[hooks], mutating=403)

    assert len(observed.objects) == 1
    (target,) = observed.targets
    assert target.outcome is Outcome.TRUNCATED
    assert "mutatingwebhookconfigurations" in observed.unseen[0].cure


def test_where_all_are_refused_nothing_was_seen(stub: StartStub, trust: Trust) -> None:
    observed = gathered(stub, trust, validating=403, mutating=403, apis=403)

    assert [target.outcome for target in observed.targets] == [Outcome.DENIED]
    assert all(kind in observed.unseen[0].cure for kind in ("validating", "mutating", "apiservices"))
