"""TLS Secrets: exactly those that are named, their certificates, and never their keys."""

import base64
from typing import Any

import msgspec
import pydantic
import pytest

from certificates import Issued, authority, days, self_signed
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.secrets import tls_secrets
from domino_health.facts.observed import Observed, Outcome
from domino_health.facts.secrets import TlsSecret
from domino_health.plugin.facts import RIGHTS
from domino_health.profile import Profile
from domino_health.profile.clusters import Cluster
from fault_server import Answer, Exchange, FaultServer, says
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    TOKEN,
    StartStub,
    Trust,
    opened,
    plain_environment,
    stub,
    trust,
)

pytestmark = pytest.mark.usefixtures("plain_environment")

NAMED = "domino-platform/hephaestus-root-tls"
PATH = "/api/v1/namespaces/domino-platform/secrets/hephaestus-root-tls"


def of(*secrets: str) -> Cluster:
    return Cluster.model_validate({"name": "prod", "secrets": list(secrets)})


# As the profile names them


@pytest.mark.parametrize("named", [NAMED, "a/b", "a/b.c", f"{'a' * 63}/{'b' * 253}"])
def test_a_secret_is_named_with_its_namespace(named: str) -> None:
    assert of(named).secrets == (named,)


@pytest.mark.parametrize(
    "named",
    [
        "",
        "a",
        "a/",
        "/b",
        "a/b/c",
        "a/../b",
        "A/b",
        "a/B",
        "a/b?x",
        "a.c/b",
        "a/-b",
        f"a/{'b' * 254}",
        "a/b\n",
    ],
)
def test_what_is_no_name_of_a_secret_is_refused(named: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        of(named)


def test_a_secret_is_named_once() -> None:
    with pytest.raises(pydantic.ValidationError, match="same name"):
        of(NAMED, "a/b", NAMED)


# What is looked at


def secret(own: bytes | None = None, ca: bytes | None = None, **more: bytes) -> dict[str, Any]:
    """A Secret as an API server sends it, with all that must not be kept."""
    data = {"tls.crt": own, "ca.crt": ca, **more}
    return {
        "kind": "Secret",
        "metadata": {"name": "x", "annotations": {"a": "ANNOTATION"}},
        "type": "kubernetes.io/tls",
        "data": {key: base64.b64encode(value).decode() for key, value in data.items() if value is not None},
    }


def gather(server: FaultServer, trust: Trust, *secrets: str, **more: Any) -> Gathering:
    given = {"name": "prod", "server": server.url, "ca_file": str(trust.ca_file), "token": TOKEN, **more}
    if secrets:
        given["secrets"] = list(secrets)
    profile = Profile.model_validate({"version": 1, "clusters": [given]})
    gathering = Gathering([Wanted("tls_secrets", tls_secrets, "clusters", TlsSecret), RIGHTS], profile)
    gathering.start()
    for fact in ("tls_secrets", "rights"):  # or a stub would end while it is being asked
        gathering.wait(fact)
    return gathering


def looked(answer: Answer, stub: StartStub, trust: Trust) -> Observed:
    def answers(exchange: Exchange) -> None:
        if exchange.request.method == "POST":
            exchange.answer(201, {"status": {"allowed": True}})
        else:
            answer(exchange)

    return gather(stub(answers), trust, NAMED).wait("tls_secrets")


def seen(answer: Answer, stub: StartStub, trust: Trust) -> TlsSecret:
    observed = looked(answer, stub, trust)
    assert observed.unseen == []
    (found,) = observed.objects
    assert isinstance(found, TlsSecret)
    return found


@pytest.fixture(scope="module")
def root() -> Issued:
    return authority("hephaestus root")


@pytest.fixture(scope="module")
def leaf(root: Issued) -> Issued:
    return root.issue("hephaestus", "hephaestus.domino-platform.svc")


def test_each_named_secret_is_got_by_its_name_and_no_other(
    stub: StartStub, trust: Trust, leaf: Issued
) -> None:
    server = stub(says(200, secret(leaf.pem)))

    observed = gather(server, trust, NAMED, "other/b").wait("tls_secrets")

    assert [target.target for target in observed.targets] == [f"prod/{NAMED}", "prod/other/b"]
    assert observed.targets[0].how == f"GET {server.url}{PATH}"
    got = {request.path for request in server.requests if request.method == "GET"}
    assert got == {PATH, "/api/v1/namespaces/other/secrets/b"}
    assert [str(each.ref) for each in observed.objects] == [f"secret/{NAMED}", "secret/other/b"]


def test_where_none_is_named_nobody_looks_and_the_key_that_opts_in_is_told(
    stub: StartStub, trust: Trust
) -> None:
    server = stub(says(500))

    gathering = gather(server, trust)

    assert gathering.wait("tls_secrets").absent == (
        "reading Secrets is opt-in, and the profile names none (clusters[].secrets: [namespace/name])"
    )
    assert gathering.wait("rights").absent == "nothing that this run looks at needs a right"
    assert server.requests == []


def test_only_the_right_to_the_named_secret_is_asked_about(stub: StartStub, trust: Trust) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.answer(201, {"status": {"allowed": False}})

    observed = gather(stub(answer), trust, NAMED, namespaces=["domino-compute"]).wait("rights")

    (right,) = observed.objects
    assert (right.namespace, right.name, right.allowed) == (*NAMED.split("/"), False)
    assert right.rule() == (
        '{apiGroups: [""], resources: ["secrets"], resourceNames: ["hephaestus-root-tls"], verbs: ["get"]}'
    )


def test_certificates_are_kept_and_the_key_is_not(
    stub: StartStub, trust: Trust, root: Issued, leaf: Issued
) -> None:
    content = secret(leaf.pem + leaf.key_pem, root.pem, **{"tls.key": leaf.key_pem, "other": b"OTHER"})

    found = seen(says(200, content), stub, trust)

    assert [each.subject for each in found.certificates] == ["CN=hephaestus"]
    assert [each.subject for each in found.authorities] == ["CN=hephaestus root"]
    assert (found.problem, found.mismatch) == ("", "")
    kept = repr(found) + msgspec.json.encode(found).decode()
    for line in leaf.key_pem.decode().splitlines():
        assert line not in kept
        assert base64.b64encode(line.encode()).decode() not in kept
    assert "ANNOTATION" not in kept
    assert "OTHER" not in kept


def test_a_root_is_its_own_ca(stub: StartStub, trust: Trust, root: Issued) -> None:
    assert seen(says(200, secret(root.pem, root.pem)), stub, trust).mismatch == ""


def test_an_intermediate_may_be_the_ca_and_may_stand_beside_the_certificate(
    stub: StartStub, trust: Trust, root: Issued
) -> None:
    middle = root.issue("middle", ca=True)
    below = middle.issue("below", "below.svc")

    assert seen(says(200, secret(below.pem, middle.pem)), stub, trust).mismatch == ""
    assert seen(says(200, secret(below.pem + middle.pem, root.pem)), stub, trust).mismatch == ""
    assert seen(says(200, secret(below.pem, root.pem)), stub, trust).mismatch == (
        "unable to get local issuer certificate"
    )


def test_a_ca_that_was_renewed_under_its_old_name_is_not_the_issuer(
    stub: StartStub, trust: Trust, leaf: Issued
) -> None:
    assert seen(says(200, secret(leaf.pem, authority("hephaestus root").pem)), stub, trust).mismatch


def test_those_of_ca_crt_that_have_issued_it_are_told_each_by_itself(
    stub: StartStub, trust: Trust, root: Issued, leaf: Issued
) -> None:
    other = authority("hephaestus root")

    found = seen(says(200, secret(leaf.pem, other.pem + root.pem)), stub, trust)

    assert found.mismatch == ""
    assert found.issuers == (found.authorities[1].sha256,)
    assert seen(says(200, secret(None, root.pem)), stub, trust).issuers == ()


def test_dates_are_left_to_the_check(stub: StartStub, trust: Trust, root: Issued) -> None:
    over = root.issue("over", not_before=days(-9), not_after=days(-1))

    found = seen(says(200, secret(over.pem, root.pem)), stub, trust)

    assert (found.problem, found.mismatch) == ("", "")
    assert found.certificates[0].not_after < days(0)


def test_without_a_ca_there_is_nothing_to_compare_with(stub: StartStub, trust: Trust) -> None:
    assert seen(says(200, secret(self_signed("alone").pem)), stub, trust).mismatch == ""


NO_SUCH = {"kind": "Status", "reason": "NotFound", "message": 'secrets "x" not found', "code": 404}
NONE = "it holds no certificate, neither in tls.crt nor in ca.crt"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (says(404, NO_SUCH), "it is not there"),
        (says(200, {"kind": "Secret"}), NONE),
        (says(200, {"kind": "Secret", "data": None}), NONE),
        (says(200, secret(b"", password=b"x")), NONE),
        (says(200, secret(b"garbage")), "its tls.crt holds something that is no certificate (PEM)"),
        (
            says(200, secret(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
            "its tls.crt holds something that is no certificate (PEM)",
        ),
    ],
    ids=["not there", "no data", "null data", "other data", "garbage", "PEM of garbage"],
)
def test_a_secret_that_cannot_be_used_says_why(
    answer: Answer, problem: str, stub: StartStub, trust: Trust
) -> None:
    found = seen(answer, stub, trust)

    assert (found.problem, found.certificates, found.authorities) == (problem, (), ())


def test_a_certificate_that_was_never_issued_is_told_beside_its_ca(
    stub: StartStub, trust: Trust, root: Issued
) -> None:
    # Kubernetes wants the key in a Secret of this type, and nothing in it.
    found = seen(says(200, secret(b"", root.pem)), stub, trust)

    assert found.problem == "its tls.crt is empty"
    assert len(found.authorities) == 1


def test_a_ca_alone_is_a_bundle_and_no_problem(stub: StartStub, trust: Trust, root: Issued) -> None:
    assert seen(says(200, secret(None, root.pem)), stub, trust).problem == ""


def test_an_empty_ca_is_none(stub: StartStub, trust: Trust, leaf: Issued) -> None:
    assert seen(says(200, secret(leaf.pem, b"")), stub, trust).problem == ""


def test_what_can_be_read_is_kept_beside_what_cannot(stub: StartStub, trust: Trust, leaf: Issued) -> None:
    found = seen(says(200, secret(leaf.pem, b"garbage")), stub, trust)

    assert len(found.certificates) == 1
    assert found.problem == "its ca.crt holds something that is no certificate (PEM)"


@pytest.mark.parametrize(
    ("answer", "outcome", "cure"),
    [
        (
            says(403, {"message": "secrets is forbidden", "reason": "Forbidden"}),
            Outcome.DENIED,
            'resources: ["secrets"], resourceNames: ["hephaestus-root-tls"], verbs: ["get"]} (in namespace '
            "domino-platform)",
        ),
        (says(404, "404 page not found"), Outcome.FAILED, "see what answers at this address"),
        (says(200, "<html>"), Outcome.FAILED, "see what answers at this address"),
        (says(200, {"data": {"tls.crt": "KEY!"}}), Outcome.FAILED, "see what answers at this address"),
    ],
    ids=["denied", "no API server", "no JSON", "no base64"],
)
def test_a_secret_that_was_not_seen_is_no_finding(
    answer: Answer, outcome: Outcome, cure: str, stub: StartStub, trust: Trust
) -> None:
    (target,) = looked(answer, stub, trust).targets

    assert (target.outcome, target.objects) == (outcome, ())
    assert cure in target.cure
    assert "KEY!" not in target.reason
