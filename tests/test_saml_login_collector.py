"""A test user's login: how far it comes, whom the password is told to, and what of the response is believed.

Keycloak and the identity provider are the lab's FAKES, or stubs; ``tests/integration`` logs in at a real one.
"""

import base64
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from certificates import days
from domino_health.collectors import saml_login
from domino_health.collectors.certificates import certificate_of
from domino_health.collectors.looking import (
    CollectionError,
    Deadline,
    Look,
    NothingToLookAtError,
    Shared,
)
from domino_health.facts.keycloak import Broker, KeycloakRealm
from domino_health.facts.login import SamlLogin
from domino_health.facts.observed import Observed, Outcome, Seen
from domino_health.lab import sign_in
from domino_health.lab.saml_documents import SigningKey, signing_key
from domino_health.lab.serving import Answer, TlsServer
from domino_health.lab.sign_in import IdentityProvider, asks, auto_form
from domino_health.profile import Profile
from fault_server import dead_port
from stubs import SLACK, StartStub, Trust, opened, plain_environment, stub, trust  # noqa: F401

pytestmark = pytest.mark.usefixtures("plain_environment")

PASSWORD = "s3cret-of-ana"
ATTRIBUTES = {"mail": "ana@example.com", "givenName": "Ana"}


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return signing_key("idp", days(-10), days(300))


@dataclass
class Stage:
    """Keycloak and an identity provider, and what a test changes of them."""

    trust: Trust
    key: SigningKey
    idp: IdentityProvider
    keycloak_url: str = ""
    first: Callable[[], Answer] | None = None
    """What Keycloak answers, in place of sending on."""
    posted: list[bytes] = field(default_factory=list)
    """What the identity provider was sent."""
    answer: Callable[[bytes], Answer] | None = None
    """What the identity provider answers, in place of its form and its response."""
    follows_metadata: bool = False
    trusted: tuple[SigningKey, ...] = ()

    def broker(self) -> Broker:
        """As Keycloak knows the identity provider."""
        certificates = tuple(certificate_of(each.certificate) for each in self.trusted)
        return Broker(
            "DominoRealm",
            "corporate",
            "saml",
            sign_on=self.idp.sign_on,
            certificates=certificates,
            follows_metadata=self.follows_metadata,
        )

    def look(
        self, seconds: float = 5, *, brokers: tuple[Broker, ...] | None = None, **more: Any
    ) -> SamlLogin:
        """One login."""
        login = {"broker": "corporate", "username": "ana", "password": PASSWORD, **more}
        section = {
            "url": self.keycloak_url,
            "client_secret": "s3cret-of-keycloak",
            "ca_file": str(self.trust.ca_file),
            "test_login": login,
        }
        profile = Profile.model_validate({"version": 1, "keycloak": section})
        known = (self.broker(),) if brokers is None else brokers
        realm = KeycloakRealm(self.keycloak_url, "DominoRealm", brokers=known)
        seen = Seen(
            target="DominoRealm",
            outcome=Outcome.SEEN,
            how="",
            at=datetime.now(UTC),
            seconds=0.1,
            objects=[realm],
        )
        look = Look(profile, Shared(), {"keycloak_realms": Observed("keycloak_realms", (seen,))})
        (target,) = saml_login.saml_logins(look)
        (found,) = target.look(Deadline(timedelta(seconds=seconds)), lambda _: None)
        return found


@pytest.fixture
def stage(trust: Trust, key: SigningKey) -> Iterator[Stage]:
    with ExitStack() as stack:
        idp = IdentityProvider("https://idp.example.com", "", key, {"ana": PASSWORD}, ATTRIBUTES)
        made = Stage(trust, key, idp, trusted=(key,))

        def take(_target: str, _authorization: str, body: bytes) -> Answer:
            made.posted.append(body)
            return made.answer(body) if made.answer else idp.submitted(body, datetime.now(UTC))

        def send_on(target: str, _authorization: str) -> Answer:
            assert target.startswith("/auth/realms/DominoRealm/protocol/openid-connect/auth?")
            assert "kc_idp_hint=corporate" in target
            if made.first:
                return made.first()
            root = f"{made.keycloak_url}/realms/DominoRealm"
            return asks(idp.sign_on, f"{root}/broker/corporate/endpoint", root, datetime.now(UTC))

        provider = stack.enter_context(TlsServer("idp", trust.context, lambda *_: Answer(404, b""), take))
        keycloak = stack.enter_context(TlsServer("keycloak", trust.context, send_on))
        idp.sign_on = f"https://{provider.address}/sso"
        made.keycloak_url = f"https://{keycloak.address}/auth"
        yield made


def test_a_login_ends_in_a_response_that_is_believed(stage: Stage) -> None:
    login = stage.look()

    assert (login.ended, login.status, login.signature, login.signer) == (
        "response",
        "Success",
        "valid",
        "CN=idp",
    )
    assert login.destination == login.expected_destination
    assert login.audience == (login.expected_audience,)
    assert login.answers
    assert login.attributes == ("mail", "givenName")
    assert login.skew == 0.0
    assert login.not_before is not None
    assert login.not_after is not None
    assert login.took > timedelta(0)


def test_no_value_and_no_password_is_kept(stage: Stage) -> None:
    kept = msgspec.json.encode(stage.look()).decode()

    assert PASSWORD not in kept
    assert "ana@example.com" not in kept


def test_a_signature_under_the_assertion_alone_is_enough(stage: Stage) -> None:
    stage.idp.signs_assertion = True

    login = stage.look()

    assert (login.signature, login.attributes) == ("valid", ("mail", "givenName"))


def test_a_key_that_the_broker_does_not_trust_is_told(stage: Stage) -> None:
    stage.trusted = (signing_key("other", days(-1), days(1)),)

    login = stage.look()

    assert (login.signature, login.signer) == ("invalid", "CN=idp")
    assert login.signature_problem == "the broker does not trust CN=idp, which has signed it"


def test_where_the_broker_reads_certificates_elsewhere_nothing_is_checked(stage: Stage) -> None:
    stage.follows_metadata = True

    assert stage.look().signature == "not checked"


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"Destination": "https://other"}, "destination", "https://other"),
        ({"Audience": "https://other"}, "audience", ("https://other",)),
        ({"InResponseTo": "_other"}, "answers", False),
    ],
)
def test_a_response_for_somebody_else_is_told(
    stage: Stage, changes: dict[str, str], field: str, value: object
) -> None:
    stage.idp.changes = changes

    login = stage.look()

    assert getattr(login, field) == value
    assert login.signature == "valid"


def test_for_whom_a_response_must_be_is_keycloaks_own_word(stage: Stage) -> None:
    # Keycloak may know itself by another name than the one that it is asked by.
    names = ("https://domino.example.com/acs", "urn:domino")
    stage.first = lambda: asks(stage.idp.sign_on, *names, datetime.now(UTC))

    login = stage.look()

    assert (login.expected_destination, login.expected_audience) == names
    assert (login.destination, login.audience) == (names[0], (names[1],))


def test_a_request_by_redirect_is_read_too(stage: Stage) -> None:
    import zlib

    page = asks(stage.idp.sign_on, "https://domino.example.com/acs", "urn:domino", datetime.now(UTC)).body
    encoded = page.decode().partition('value="')[2].partition('"')[0]
    deflate = zlib.compressobj(wbits=-15)
    deflated = deflate.compress(base64.b64decode(encoded)) + deflate.flush()

    asked = saml_login._asked(saml_login._inflated(base64.b64encode(deflated).decode()))

    assert (asked.consumer, asked.issuer) == ("https://domino.example.com/acs", "urn:domino")
    assert asked.id.startswith("_")


@pytest.mark.parametrize("request_", ["", "AAAA", base64.b64encode(b"x" * 100).decode()])
def test_a_request_that_cannot_be_read_is_held_against_nothing(request_: str) -> None:
    assert saml_login._asked(saml_login._inflated(request_)) == saml_login.Asked("")


def test_a_refusal_in_a_response_is_told(stage: Stage) -> None:
    stage.idp.status = "urn:oasis:names:tc:SAML:2.0:status:Responder"

    login = stage.look()

    assert (login.ended, login.status, login.attributes) == ("response", "Responder", ())


@pytest.mark.parametrize("ahead", [-90, 90])
def test_the_clock_that_dated_the_response_is_told(stage: Stage, ahead: int) -> None:
    issued = (datetime.now(UTC) + timedelta(seconds=ahead)).isoformat()
    stage.idp.changes = {"IssueInstant": issued}

    skew = stage.look().skew

    assert skew is not None
    assert abs(skew - ahead) < SLACK


def test_a_wrong_password_is_told_with_the_pages_words(stage: Stage) -> None:
    login = stage.look(password="wrong")

    assert (login.ended, login.asked) == ("refused", stage.broker().sign_on.split("/")[2])
    assert login.said.startswith("Wrong name or password. (status 200, at 127.0.0.1:")


def test_keycloaks_own_form_is_told_and_gets_no_password(stage: Stage) -> None:
    page = b'<title>Sign in to DominoRealm</title><form><input type="password" name="password"></form>'
    stage.first = lambda: Answer(200, page, "text/html")

    login = stage.look()

    assert login.ended == "own form"
    assert login.said.startswith("Sign in to DominoRealm (status 200")
    assert stage.posted == []


def test_an_error_page_is_told(stage: Stage) -> None:
    stage.first = lambda: Answer(400, b'<div id="kc-error-message">Invalid requester</div>', "text/html")

    login = stage.look()

    assert (login.ended, login.said.partition(" (")[0]) == ("error page", "Invalid requester")


def test_a_provider_that_asks_for_the_name_first_is_followed(stage: Stage) -> None:
    def in_two_steps(body: bytes) -> Answer:
        if b"username=" in body:
            return stage.idp.submitted(body, datetime.now(UTC))
        request = body.decode().partition("SAMLRequest=")[2].partition("&")[0]
        from urllib.parse import unquote_plus

        name = '<input type="email" name="username">'
        hidden = f'<input type="hidden" name="SAMLRequest" value="{unquote_plus(request)}">'
        form = f'<form method="post" action="{stage.idp.sign_on}">{name}{hidden}</form>'
        return Answer(200, form.encode(), "text/html")

    stage.answer = in_two_steps

    assert stage.look().ended == "response"
    assert len(stage.posted) == 3


# To whom the password is told


def test_a_form_at_another_host_gets_no_password(stage: Stage) -> None:
    elsewhere = Broker("DominoRealm", "corporate", "saml", sign_on="https://idp.example.com/sso")

    with pytest.raises(CollectionError, match="it was not typed there") as caught:
        stage.look(brokers=(elsewhere,))

    assert "idp.example.com:443" in caught.value.reason
    assert not any(PASSWORD.encode() in each for each in stage.posted)


def test_a_form_that_goes_elsewhere_gets_no_password(stage: Stage) -> None:
    form = b'<form method="post" action="https://evil.example.com/"><input type="password" name="p"></form>'
    stage.answer = lambda _: Answer(200, form, "text/html")

    with pytest.raises(CollectionError, match=r"evil\.example\.com:443 asks for the password"):
        stage.look()


def test_a_login_that_leads_out_of_tls_is_refused(stage: Stage) -> None:
    stage.first = lambda: auto_form("x", "http://idp.example.com/sso", {"SAMLRequest": "x"})

    with pytest.raises(CollectionError, match="leads out of TLS"):
        stage.look()


def test_a_broker_that_is_not_known_is_not_tried(stage: Stage) -> None:
    with pytest.raises(CollectionError, match="nothing is known of a broker corporate"):
        stage.look(brokers=())
    assert stage.posted == []


# Servers that answer something else


@pytest.mark.parametrize(
    "response",
    ["", "no base64!", base64.b64encode(b"no xml").decode(), base64.b64encode(b"<a/>").decode()],
    ids=["empty", "no base64", "no xml", "no response"],
)
def test_a_response_that_is_none_is_told(stage: Stage, response: str) -> None:
    stage.answer = lambda _: auto_form("x", "https://x", {"SAMLResponse": response})

    with pytest.raises(CollectionError, match="a response that is none"):
        stage.look()


def test_a_response_that_was_changed_is_never_believed(stage: Stage) -> None:
    """Three hundred changed responses, always the same ones."""
    rng = random.Random(23)
    root = f"{stage.keycloak_url}/realms/DominoRealm"
    acs = f"{root}/broker/corporate/endpoint"
    good = stage.idp.response("_1", acs, root, datetime.now(UTC))
    believed = saml_login.Believed(
        frozenset(certificate_of(stage.key.certificate).sha256 for _ in "x"), frozenset()
    )

    def read(content: bytes) -> SamlLogin | None:
        def made(**more: Any) -> SamlLogin:
            return SamlLogin(realm="r", broker="b", **more)

        try:
            encoded = base64.b64encode(content).decode()
            return saml_login._read(made, encoded, saml_login.Asked("_1"), believed, timedelta(0), "idp")
        except CollectionError:
            return None

    genuine = read(good)
    assert genuine is not None
    assert genuine.signature == "valid"
    for _ in range(300):
        content = bytearray(good)
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(len(content))
            content[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        kept = read(bytes(content))
        if kept is not None and kept.signature == "valid":
            assert (kept.attributes, kept.audience) == (genuine.attributes, genuine.audience)


def test_an_assertion_beside_the_signed_one_is_not_believed(stage: Stage) -> None:
    """Signature wrapping: another assertion stands before the one that is signed."""
    from lxml import etree

    stage.idp.signs_assertion = True
    original = stage.idp.response

    def wrapped(*arguments: Any) -> bytes:
        genuine = etree.fromstring(original(*arguments))
        stage.idp.attributes = {"evil": "x"}
        forged = etree.fromstring(original(*arguments)).find(f"{{{sign_in.SAML}}}Assertion")
        signature = forged.find("{http://www.w3.org/2000/09/xmldsig#}Signature")
        forged.remove(signature)
        genuine.insert(2, forged)
        return bytes(etree.tostring(genuine))

    stage.idp.response = wrapped  # type: ignore[method-assign, assignment]

    login = stage.look()

    assert login.signature == "valid"
    assert "evil" not in login.attributes


def test_circles_are_left(stage: Stage, stub: StartStub) -> None:
    server = stub(lambda exchange: exchange.answer(302, b"", location=f"{stage.keycloak_url}/x"))
    stage.keycloak_url = f"{server.url}/auth"

    with pytest.raises(CollectionError, match="in circles"):
        stage.look()


def test_a_page_without_end_is_cut(stage: Stage) -> None:
    stage.first = lambda: Answer(200, b"x" * (3 << 20), "text/html")

    with pytest.raises(CollectionError, match="more than 2 MiB"):
        stage.look()


@pytest.mark.parametrize("page", [b"", b"\x00\xff", b"<form", b"<html>" * 5000, b"<form action='\x01:://['>"])
def test_pages_that_are_none_are_error_pages(stage: Stage, page: bytes) -> None:
    stage.first = lambda: Answer(200, page, "text/html")

    assert stage.look().ended == "error page"


def test_a_hung_server_costs_its_deadline(stage: Stage, stub: StartStub) -> None:
    stage.keycloak_url = f"{stub(lambda exchange: exchange.hang()).url}/auth"
    began = time.monotonic()

    with pytest.raises(CollectionError) as caught:
        stage.look(seconds=0.5)

    assert time.monotonic() - began < 0.5 + SLACK
    assert caught.value.outcome is Outcome.TIMED_OUT


def test_nobody_there_is_told(stage: Stage) -> None:
    stage.keycloak_url = f"https://127.0.0.1:{dead_port()}/auth"

    with pytest.raises(CollectionError, match="connection refused"):
        stage.look()


def test_without_a_test_user_there_is_nothing_to_look_at() -> None:
    section = {"url": "https://domino.example.com/auth", "client_secret": "s3cret"}
    profile = Profile.model_validate({"version": 1, "keycloak": section})

    with pytest.raises(NothingToLookAtError, match="names no test user"):
        saml_login.saml_logins(Look(profile, Shared()))
