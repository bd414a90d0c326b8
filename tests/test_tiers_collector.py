"""Hardware tiers: the profile has the first word, else Domino's API, and else nobody knows, which is said.

The servers are stubs (see ``fault_server``); what they answer has the form that Domino's own code reads.
"""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certificates import authority, days
from domino_health.collectors import gather
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.looking import Look, Shared
from domino_health.collectors.tiers import PATHS, hardware_tiers
from domino_health.facts.observed import Observed, Outcome, Seen
from domino_health.facts.tiers import HardwareTier
from domino_health.profile import Profile
from fault_server import Answer, Exchange, FaultServer, Listener, dead_port, head, never_accepting, says
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    SLACK,
    TOKEN,
    StartStub,
    Trust,
    opened,
    plain_environment,
    stub,
    trust,
)

pytestmark = pytest.mark.usefixtures("plain_environment")

SMALL = {"id": "small-k8s", "node_pool": "default", "cpu": "1", "memory": "4Gi"}
V4 = "/v4/hardwareTier"
PUBLIC = "/api/hardwaretiers/v1/hardwaretiers"


def old(id: str, **more: Any) -> dict[str, Any]:
    """A tier as ``/v4/hardwareTier`` lists it."""
    return {
        "id": id,
        "name": "Small",
        "clusterType": "Kubernetes",
        "nodePool": "default",
        "hwtResources": {
            "cores": 1.0,
            "coresLimit": 2,
            "memory": {"value": 4, "unit": "GiB"},
            "memoryLimit": {"value": 7.5, "unit": "GiB"},
            "allowSharedMemoryToExceedDefault": False,
        },
        "gpuConfiguration": {"numberOfGpus": 1, "gpuKey": "nvidia.com/gpu"},
        "hwtFlags": {"isDefault": True, "isArchived": False},
        "maxSimultaneousExecutions": 12,
        "dataPlaneId": None,
        "centsPerMinute": 0.0,
        **more,
    }


def public(id: str, **more: Any) -> dict[str, Any]:
    """A tier as the public API lists it."""
    return {
        "id": id,
        "name": "My-HardwareTier",
        "nodePool": "default",
        "resources": {"cores": 0.5, "memory": {"value": 4, "units": "GB"}},
        "flags": {"isArchived": False, "isDefault": False},
        "metadata": {},
        **more,
    }


def listing(*tiers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"hardwareTiers": list(tiers), **more}


def gathered(domino: dict[str, Any] | None, *clusters: str) -> Observed:
    """The fact, as a run would gather it."""
    given: dict[str, Any] = {"version": 1}
    if domino is not None:
        given["domino"] = domino
    if clusters:
        given["clusters"] = [{"name": name} for name in clusters]
    wanted = Wanted("hardware_tiers", hardware_tiers, "domino", HardwareTier)
    gathering = Gathering([wanted], Profile.model_validate(given))
    gathering.start()
    return gathering.wait("hardware_tiers")


def asked(where: FaultServer | str, trust: Trust, **more: Any) -> Seen:
    """What became of asking Domino's API; never with the credential in it."""
    url = where if isinstance(where, str) else where.url
    (seen,) = gathered({"url": url, "token": TOKEN, "ca_file": str(trust.ca_file), **more}, "prod").targets
    assert TOKEN not in f"{seen.reason} {seen.cure} {seen.how}"
    return seen


def refused(where: FaultServer | str, trust: Trust, **more: Any) -> tuple[Outcome, str, str]:
    """Outcome, reason and cure of an API that could not be read, in time."""
    began = time.monotonic()
    seen = asked(where, trust, **more)
    assert time.monotonic() < began + 10 + gather.GRACE + SLACK
    assert seen.outcome is not Outcome.SEEN
    assert seen.reason
    assert seen.cure
    assert not seen.objects or seen.outcome is Outcome.TRUNCATED
    return seen.outcome, seen.reason, seen.cure


# Who has the word


def test_the_tiers_that_the_profile_names_are_of_its_first_cluster() -> None:
    gpu = {
        "id": "gpu",
        "name": "GPU (large)",
        "node_pool": "default-gpu",
        "cpu": 2.5,
        "cpu_limit": "4",
        "memory": "16Gi",
        "memory_limit": "32Gi",
        "gpus": 2,
        "gpu_resource": "amd.com/gpu",
        "max_executions": 3,
    }
    observed = gathered({"hardware_tiers": [SMALL, gpu], "max_executions_per_user": 25}, "prod", "edge")

    assert observed.objects == [
        HardwareTier("small-k8s", "default", "1", "4Gi", max_executions_per_user=25, cluster="prod"),
        HardwareTier(
            id="gpu",
            node_pool="default-gpu",
            cpu="2.5",
            memory="16Gi",
            name="GPU (large)",
            cpu_limit="4",
            memory_limit="32Gi",
            gpus=2,
            gpu_resource="amd.com/gpu",
            max_executions=3,
            max_executions_per_user=25,
            cluster="prod",
        ),
    ]
    assert [target.target for target in observed.targets] == ["prod"]


def test_what_the_profile_names_is_not_asked_for(stub: StartStub, trust: Trust) -> None:
    server = stub(says(500))

    seen = asked(server, trust, hardware_tiers=[SMALL])

    assert seen.outcome is Outcome.SEEN
    assert not server.requests


@pytest.mark.parametrize("domino", [{}, {"platform_namespace": "a"}, {"url": "https://domino.example.com"}])
def test_without_tiers_and_without_a_credential_there_is_nothing_to_look_at(domino: dict[str, Any]) -> None:
    observed = gathered(domino, "prod")

    assert not observed.targets
    assert observed.absent == (
        "the profile does not say what hardware tiers there are: name them in domino.hardware_tiers, or give "
        "domino.url and domino.token, to ask Domino's API"
    )


def test_without_the_section_there_is_nothing_either() -> None:
    assert gathered(None, "prod").absent == "the profile has no section domino"


def test_an_api_without_a_cluster_in_the_profile_is_of_none(stub: StartStub, trust: Trust) -> None:
    server = stub(says(200, listing(old("small-k8s"))))

    observed = gathered({"url": server.url, "token": TOKEN, "ca_file": str(trust.ca_file)})

    assert [tier.cluster for tier in observed.objects] == [""]


# What Domino answers


def test_a_tier_is_read_as_domino_lists_it(stub: StartStub, trust: Trust) -> None:
    server = stub(says(200, listing(old("small-k8s"))))

    seen = asked(server, trust, max_executions_per_user=25)

    assert list(seen.objects) == [
        HardwareTier(
            id="small-k8s",
            node_pool="default",
            cpu="1",
            memory="4Gi",
            name="Small",
            cpu_limit="2",
            memory_limit="7.5Gi",
            gpus=1,
            max_executions=12,
            max_executions_per_user=25,
            cluster="prod",
        )
    ]
    assert seen.target == server.url.removeprefix("https://")
    assert seen.how == f"GET {server.url}{V4}"
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", V4)
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert "x-domino-api-key" not in request.headers


def test_where_the_path_is_gone_the_public_api_is_asked(stub: StartStub, trust: Trust) -> None:
    server = stub(says(404, "no such page"), says(200, listing(public("a"), metadata={"totalCount": 1})))

    seen = asked(server, trust)

    assert list(seen.objects) == [
        HardwareTier("a", "default", "0.5", "4G", name="My-HardwareTier", cluster="prod")
    ]
    assert [request.path for request in server.requests] == [V4, PUBLIC]
    assert server.requests[1].query == {"includeArchived": "false", "limit": "1000"}


def test_a_path_in_front_of_domino_is_kept(stub: StartStub, trust: Trust) -> None:
    server = stub(says(200, listing()))

    assert asked(f"{server.url}/domino/", trust).outcome is Outcome.SEEN
    assert server.requests[0].path == f"/domino{V4}"


def test_an_api_key_is_sent_as_an_older_domino_wants_it(stub: StartStub, trust: Trust) -> None:
    server = stub(says(200, listing()))

    asked(server, trust, token=None, api_key=f"{TOKEN}\n")

    assert server.requests[0].headers["x-domino-api-key"] == TOKEN
    assert "authorization" not in server.requests[0].headers


def test_what_is_archived_or_of_another_data_plane_is_none_of_this_cluster(
    stub: StartStub, trust: Trust
) -> None:
    tiers = [
        old("local"),
        old("zeros", dataPlaneId="000000000000000000000000"),
        old("remote", dataPlaneId="65a0b1c2d3e4f50617283940"),
        old("archived", hwtFlags={"isArchived": True}),
        public("archived too", flags={"isArchived": True}),
    ]
    server = stub(says(200, listing(*tiers)))

    assert [tier.id for tier in asked(server, trust).objects] == ["local", "zeros"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"nodePool": None}, {"node_pool": ""}),
        ({"gpuConfiguration": None}, {"gpus": 0}),
        ({"gpuConfiguration": {"numberOfGpus": 2, "gpuKey": "amd.com/gpu"}}, {"gpu_resource": "amd.com/gpu"}),
        ({"maxSimultaneousExecutions": None}, {"max_executions": None}),
        ({"maxSimultaneousExecutions": 0}, {"max_executions": None}),
        ({"hwtResources": {"cores": 0.1, "memory": {"value": 512, "unit": "MiB"}}}, {"memory": "512Mi"}),
        ({"hwtResources": {"cores": 0.1, "memory": {"value": 0.5, "unit": "GB"}}}, {"memory": "0.5G"}),
        (
            {"hwtResources": {"cores": 1e-05, "coresLimit": None, "memory": {"value": 4, "unit": "GiB"}}},
            {"cpu": "0.00001", "cpu_limit": ""},
        ),
        ({"hwtResources": {"cores": 10, "memory": {"value": 100, "unit": "GiB"}}}, {"cpu": "10"}),
    ],
)
def test_what_a_tier_leaves_out_is_told_as_left_out(
    more: dict[str, Any], expected: dict[str, Any], stub: StartStub, trust: Trust
) -> None:
    (tier,) = asked(stub(says(200, listing(old("a", **more)))), trust).objects

    assert {name: getattr(tier, name) for name in expected} == expected
    assert set(tier.asked) >= {"cpu", "memory"}


def test_a_domino_without_a_tier_has_none(stub: StartStub, trust: Trust) -> None:
    seen = asked(stub(says(200, listing())), trust)

    assert (seen.outcome, list(seen.objects)) == (Outcome.SEEN, [])


def test_a_part_of_the_list_is_told_as_a_part(stub: StartStub, trust: Trust) -> None:
    server = stub(says(404), says(200, listing(public("a"), metadata={"totalCount": 2})))

    seen = asked(server, trust)

    assert seen.outcome is Outcome.TRUNCATED
    assert seen.reason == f"{server.url}{PUBLIC}: 1 of 2 hardware tiers in the answer"
    assert [tier.id for tier in seen.objects] == ["a"]


# What is no answer


@pytest.mark.parametrize(
    ("answer", "outcome", "reason", "cure"),
    [
        (
            says(401, "who?"),
            Outcome.DENIED,
            f"{V4}: HTTP 401: the credential is not known or has expired",
            "give a valid domino.token (that of a service account), or domino.api_key of an older Domino",
        ),
        (
            says(403, b"\xff\xfe"),
            Outcome.DENIED,
            f"{V4}: HTTP 403: the account may not read hardware tiers",
            "let it read them (an administrator's role in Domino); or name the tiers in the profile: "
            "domino.hardware_tiers",
        ),
        (
            says(302, "", location="https://sso.example.com/auth?x=1"),
            Outcome.FAILED,
            f"{V4}: HTTP 302, a redirect to https://sso.example.com/auth?x=1",
            "give domino.url as people type it, with its host's right name; if it leads to a sign-in page",
        ),
        (
            says(503, "no healthy\nupstream"),
            Outcome.FAILED,
            f"{V4}: HTTP 503: no healthy upstream",
            "see the health of Domino's front end (nucleus-frontend)",
        ),
        (
            says(400, {"message": "bad"}),
            Outcome.FAILED,
            f'{V4}: HTTP 400: {{"message": "bad"}}',
            "see whether this version of Domino answers otherwise; or name the tiers in the profile",
        ),
        (
            says(404),
            Outcome.FAILED,
            f": neither {V4} nor {PUBLIC} is there (404)",
            "see whether domino.url is that of Domino, without a path of a page; or name the tiers",
        ),
        (
            says(200, "<!DOCTYPE html><title>Sign in</title>"),
            Outcome.FAILED,
            f"{V4}: not JSON: <!DOCTYPE html><title>Sign in</title>",
            "see what answers there: a proxy's or a sign-in page? or name the tiers in the profile",
        ),
        (says(200, b"\xff\xff"), Outcome.FAILED, f"{V4}: not JSON: \N{REPLACEMENT CHARACTER}", "see what"),
        (says(200, b""), Outcome.FAILED, f"{V4}: not JSON: ", "see what answers there"),
        (
            says(200, "[" * 100_000),
            Outcome.FAILED,
            f"{V4}: ",
            "see wh",
        ),
        (
            says(200, [old("a")]),
            Outcome.FAILED,
            f"{V4}: JSON, but not a list of hardware tiers as Domino's: Expected `object`, got `array`",
            "see whether this version of Domino answers otherwise; or name the tiers in the profile",
        ),
        (
            says(200, {"tiers": []}),
            Outcome.FAILED,
            f"{V4}: JSON, but not a list of hardware tiers as Domino's: Object missing required field "
            "`hardwareTiers`",
            "see whether",
        ),
        (
            says(200, listing({"name": "no id"})),
            Outcome.FAILED,
            "Object missing required field `id` - at `$.hardwareTiers[0]`",
            "see whether",
        ),
        (
            says(200, listing(old("a", hwtResources=None))),
            Outcome.FAILED,
            f"{V4}: hardware tier a has neither hwtResources nor resources",
            "see whether",
        ),
        (
            says(200, listing(old("a", hwtResources={"cores": 1, "memory": {"value": 4, "unit": "pages"}}))),
            Outcome.FAILED,
            f"{V4}: hardware tier a has memory in pages, which is not known here",
            "see whether",
        ),
        (
            says(200, listing(old("a", hwtResources={"cores": 1, "memory": {"value": 4}}))),
            Outcome.FAILED,
            f"{V4}: hardware tier a has memory in no unit, which is not known here",
            "see whether",
        ),
        (
            says(200, listing(old("a", hwtResources={"cores": -1, "memory": {"value": 4, "unit": "GiB"}}))),
            Outcome.FAILED,
            "Expected `float` >= 0",
            "see whether",
        ),
        (
            says(200, listing(*(old(f"t{n}") for n in range(1001)))),
            Outcome.FAILED,
            "of length <= 1000",
            "see whether",
        ),
    ],
)
def test_each_refusal_is_told_by_its_own_words_and_cure(
    answer: Answer, outcome: Outcome, reason: str, cure: str, stub: StartStub, trust: Trust
) -> None:
    became, why, helps = refused(stub(answer), trust)

    assert became is outcome
    assert reason in why
    assert helps.startswith(cure)


def test_an_answer_that_repeats_the_credential_is_quoted_without_it(stub: StartStub, trust: Trust) -> None:
    server = stub(lambda exchange: exchange.answer(400, exchange.request.headers["authorization"]))

    _, reason, _ = refused(server, trust)

    assert reason.endswith("HTTP 400: Bearer ***")


def test_a_redirect_is_not_followed(stub: StartStub, trust: Trust) -> None:
    elsewhere = stub(says(200, listing()))
    server = stub(says(301, "", location=f"{elsewhere.url}{V4}"))

    _, reason, _ = refused(server, trust)

    assert "a redirect to https://127.0.0.1" in reason
    assert not elsewhere.requests


# Nobody, or nobody who answers


def test_nobody_who_listens_is_told(trust: Trust) -> None:
    url = f"https://127.0.0.1:{dead_port()}"

    outcome, reason, cure = refused(url, trust)

    assert (outcome, reason) == (Outcome.FAILED, f"{url}{V4}: connection refused")
    assert cure == "see whether domino.url is right and can be reached from here"


def test_a_host_that_is_none_is_told(trust: Trust) -> None:
    outcome, reason, cure = refused("https://domino.invalid", trust)

    assert outcome is Outcome.FAILED
    assert reason.startswith(f"https://domino.invalid{V4}: ")
    assert cure == "see whether domino.url is right and can be reached from here"


def test_a_server_that_does_not_accept_is_told_in_time(trust: Trust) -> None:
    with never_accepting() as port:
        outcome, reason, _ = refused(f"https://127.0.0.1:{port}", trust, deadline="1s")

    assert outcome is Outcome.TIMED_OUT
    assert "no connection within 1 s" in reason


def test_a_server_that_says_nothing_is_told_in_time(stub: StartStub, trust: Trust) -> None:
    outcome, reason, cure = refused(stub(lambda exchange: exchange.hang()), trust, deadline="1s")

    assert outcome is Outcome.TIMED_OUT
    assert reason.startswith("no complete answer within 1 s to GET https://127.0.0.1")
    assert "raise its deadline" in cure


def test_a_server_that_drips_is_told_in_time(stub: StartStub, trust: Trust) -> None:
    def drip(exchange: Exchange) -> None:
        exchange.send(head(200, content_length="100000"))
        exchange.drip(b"x" * 100000)

    outcome, _, _ = refused(stub(drip), trust, deadline="1s")

    assert outcome is Outcome.TIMED_OUT


def test_a_connection_that_breaks_off_is_told(stub: StartStub, trust: Trust) -> None:
    def half(exchange: Exchange) -> None:
        exchange.send(head(200, content_length="1000") + b'{"hardwareTiers"')
        exchange.reset()

    outcome, _, cure = refused(stub(half), trust)

    assert outcome is Outcome.FAILED
    assert cure == "the address answers: see the health of the server, or of the load balancer before it"


def test_an_answer_without_end_is_not_read_to_it(stub: StartStub, trust: Trust) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.send(head(200))
        for _ in range(40):
            exchange.send(b" " * (1 << 20))

    outcome, reason, cure = refused(stub(endless), trust)

    assert (outcome, reason[-18:]) == (Outcome.FAILED, ": more than 16 MiB")
    assert cure == "see what answers at domino.url: far less was to be expected"


def test_a_server_that_speaks_no_tls_is_told(trust: Trust) -> None:
    with Listener(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as plain:
        _, _, cure = refused(f"https://127.0.0.1:{plain.port}", trust)

    assert cure == "what listens there does not speak TLS: see whether the address and its port are right"


def test_a_server_that_nobody_vouches_for_gets_no_credential(
    stub: StartStub, trust: Trust, tmp_path: Path
) -> None:
    stranger = trust.context_of(authority("Stranger").issue("domino", "127.0.0.1"), tmp_path)
    server = stub(says(200, listing()), tls=stranger)

    outcome, reason, cure = refused(server, trust)

    assert outcome is Outcome.FAILED
    assert "certificate verify failed" in reason
    assert cure == "name the CA that issued the server's certificate: domino.ca_file"
    assert not server.requests


@pytest.mark.parametrize(
    ("name", "ends", "cure"),
    [
        ("127.0.0.2", days(30), "name the server as its certificate does"),
        ("127.0.0.1", days(-1), "renew the server's certificate, or set the clock of this machine"),
    ],
)
def test_a_certificate_of_another_name_or_time_gets_none_either(
    name: str, ends: Any, cure: str, stub: StartStub, trust: Trust, tmp_path: Path
) -> None:
    issued = trust.root.issue("domino", name, not_before=days(-30), not_after=ends)
    server = stub(says(200, listing()), tls=trust.context_of(issued, tmp_path))

    assert refused(server, trust)[2] == cure
    assert not server.requests


def test_a_ca_file_without_a_certificate_is_told(stub: StartStub, trust: Trust, tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")

    outcome, reason, cure = refused(stub(says(200, listing())), trust, ca_file=str(broken))

    assert (outcome, cure) == (Outcome.BROKEN, "mend domino.ca_file")
    assert reason == f"no PEM certificates in {broken}"


def test_a_credential_of_two_lines_is_not_sent_and_not_quoted(stub: StartStub, trust: Trust) -> None:
    server = stub(says(200, listing()))

    _, reason, cure = refused(server, trust, token="two\nlines")

    assert reason.endswith(": no header can carry the credential")
    assert cure == "give section domino a valid credential: one line, of plain letters"
    assert "lines" not in reason
    assert not server.requests


# The fact


def test_amounts_are_as_kubernetes_counts_them() -> None:
    tier = HardwareTier("a", "default", "500m", "4Gi", memory_limit="6Gi", gpus=2)

    assert tier.asked == {"cpu": 500, "memory": (4 << 30) * 1000, "nvidia.com/gpu": 2000}
    assert tier.limits == {"cpu": 500, "memory": (6 << 30) * 1000}
    assert str(tier.ref) == "hardwaretier/a"


@pytest.mark.parametrize(
    ("tier", "user", "most"), [(None, None, None), (3, None, 3), (None, 25, 25), (30, 25, 25), (3, 25, 3)]
)
def test_the_smaller_bound_counts(tier: int | None, user: int | None, most: int | None) -> None:
    assert HardwareTier("a", "b", "1", "1Gi", max_executions=tier, max_executions_per_user=user).most == most


def test_the_target_can_be_repeated_by_hand_and_has_its_own_time() -> None:
    given = {"url": "https://domino.example.com/", "token": "t", "deadline": "7s"}
    profile = Profile.model_validate({"version": 1, "domino": given})

    (target,) = hardware_tiers(Look(profile, Shared()))

    assert target.name == "domino.example.com"
    assert target.how == f"GET https://domino.example.com{PATHS[0]}"
    assert target.allowed == timedelta(seconds=7)
    assert "t" not in json.loads(json.dumps(repr(profile.domino)))[len("Domino(") :]
