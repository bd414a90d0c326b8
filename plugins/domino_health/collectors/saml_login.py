"""A test user's login, from Keycloak by its broker to the identity provider and back with a signed response.

It stops before the response is given to Keycloak: nobody is made or changed there. The password is typed into
the identity provider's own form alone, at the address that the broker sends people to.
"""

import base64
import binascii
import hashlib
import secrets
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from domino_health.collectors import browser, xml
from domino_health.collectors.browser import Browser, Page, place_of
from domino_health.collectors.looking import CollectionError, Deadline, Look, NothingToLookAtError, Target
from domino_health.collectors.saml_metadata import NoMetadataError, moment
from domino_health.facts.keycloak import Broker, KeycloakRealm
from domino_health.facts.login import SamlLogin
from domino_health.facts.observed import Outcome
from domino_health.profile.keycloak import Keycloak, TestLogin
from domino_health.vocabulary import clean

SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
MOST = 200
"""Attributes of a response."""
LARGEST_REQUEST = 1 << 16
"""Bytes of what the broker asks, inflated. A real one has one kB."""
CURE = "log in by hand with this user in a browser, and see where it ends"


@dataclass(frozen=True)
class Believed:
    """What is known beforehand of whom the broker believes."""

    fingerprints: frozenset[str] | None
    """Of the certificates that it trusts; None: it reads them elsewhere, by itself."""
    places: frozenset[str]
    """``host:port`` of the identity provider: where the password may be typed."""


@dataclass(frozen=True)
class Asked:
    """What Keycloak asked the identity provider: for whom the response must be, in its own words."""

    id: str
    consumer: str = ""
    """Where the response is to be sent (AssertionConsumerServiceURL)."""
    issuer: str = ""


def saml_logins(look: Look) -> list[Target[SamlLogin]]:
    """The login of section ``keycloak``'s test user.

    Raises:
        NothingToLookAtError: the profile has none.
    """
    section = look.profile.keycloak
    if section is None:
        return []
    if section.test_login is None:
        raise NothingToLookAtError("the profile names no test user: keycloak.test_login")
    login = section.test_login
    realms: Sequence[KeycloakRealm] = look.facts["keycloak_realms"].objects
    brokers = [each for realm in realms for each in realm.brokers if each.alias == login.broker]
    how = f"log in at {_root(section)} by {login.broker}, as the test user, up to the response"
    target = partial(_look, section, login, _believed(brokers) if brokers else None)
    return [Target(login.broker, how, section.deadline, target, (*browser.NEEDS, *xml.NEEDS))]


def _believed(brokers: Sequence[Broker]) -> Believed:
    follows = any(each.follows_metadata for each in brokers)
    trusted = frozenset(one.sha256 for each in brokers for one in each.certificates)
    places = frozenset(place_of(each.sign_on) for each in brokers)
    return Believed(None if follows else trusted, places - {""})


def _root(section: Keycloak) -> str:
    return f"{section.url.rstrip('/')}/realms/{quote(section.realm, safe='')}"


def _look(
    section: Keycloak,
    login: TestLogin,
    believed: Believed | None,
    deadline: Deadline,
    say: Callable[[str], None],
) -> list[SamlLogin]:
    if believed is None:
        raise CollectionError(
            f"nothing is known of a broker {login.broker}, so nobody knows where the password may go",
            "see what could not be seen of Keycloak, or name its alias in this case of letters",
        )
    made = partial(SamlLogin, realm=section.realm, broker=login.broker)
    began = time.monotonic()
    with Browser(section.ca_file, deadline, CURE) as session:
        say("asking Keycloak")
        page = session.get(_start(_root(section), login), stop_at="SAMLRequest")
        asked, page = _at_the_provider(session, page)
        if page.form(having="SAMLResponse") is None:
            if asked is None:
                kind = "own form" if page.form() else "error page"
                return [made(ended=kind, said=_said(page), asked=page.host)]
            say("typing the password")
            page = _typed(session, page, login, believed)
        took = timedelta(seconds=round(time.monotonic() - began, 3))
        form = page.form(having="SAMLResponse")
        if form is None:
            kind = "refused" if page.form() else "error page"
            return [made(ended=kind, said=_said(page), asked=page.host, took=took)]
        response = form.fields["SAMLResponse"]
        return [_read(made, response, asked or Asked(""), believed, took, page.host)]


def _start(root: str, login: TestLogin) -> str:
    """Where a login begins: at Keycloak, by one broker, for a client that every realm has."""
    verifier = hashlib.sha256(secrets.token_bytes(32)).digest()
    question = {
        "client_id": login.client_id,
        "redirect_uri": login.redirect_uri or f"{root}/account/",
        "response_type": "code",
        "scope": "openid",
        "state": secrets.token_urlsafe(12),
        "nonce": secrets.token_urlsafe(12),
        "code_challenge": base64.urlsafe_b64encode(verifier).decode().rstrip("="),
        "code_challenge_method": "S256",
        "kc_idp_hint": login.broker,
    }
    return f"{root}/protocol/openid-connect/auth?{urlencode(question)}"


def _at_the_provider(session: Browser, page: Page) -> tuple[Asked | None, Page]:
    """What the broker asks, and the page that the identity provider answers; None: it asks nothing."""
    asked = parse_qs(urlsplit(page.url).query).get("SAMLRequest", [""])[0]
    if asked:  # HTTP-Redirect
        return _asked(_inflated(asked)), session.get(page.url)
    form = page.form(having="SAMLRequest")
    if form is None:
        return None, page
    return _asked(_decoded(form.fields["SAMLRequest"])), session.submit(form)


def _typed(session: Browser, page: Page, login: TestLogin, believed: Believed) -> Page:
    """The page behind the identity provider's form, or both of its forms where it asks for the name first."""
    for _ in range(2):
        form = page.form() or next((each for each in page.forms if each.text), None)
        if form is None:
            return page
        for place in (page.host, place_of(form.action)):
            if place not in believed.places:
                raise CollectionError(
                    f"{place or 'nobody knows who'} asks for the password, and the broker sends people to "
                    f"{', '.join(sorted(believed.places))}: it was not typed there",
                    "see where the identity provider leads people on to; only its own address is believed",
                )
        typed = {form.text: login.username} if form.text else {}
        if form.password:
            password = login.password.get_secret_value()
            return session.submit(form, **typed, **{form.password: password})
        page = session.submit(form, **typed)
    return page


def _said(page: Page) -> str:
    words = page.alert or page.title or "a page without a title"
    return clean(f"{words} (status {page.status}, at {page.host})")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        return b""


def _inflated(text: str) -> bytes:
    try:
        return zlib.decompressobj(-15).decompress(_decoded(text), LARGEST_REQUEST)
    except zlib.error:
        return b""


def _asked(content: bytes) -> Asked:
    """What an AuthnRequest says; where it cannot be read, nothing that a response could be held against."""
    try:
        root = xml.parsed(content)
    except xml.NoXmlError:
        return Asked("")
    return Asked(
        root.get("ID", ""),
        _text(root.get("AssertionConsumerServiceURL", "")),
        _text(root.findtext(f"{SAML}Issuer") or ""),
    )


def _read(
    made: Callable[..., SamlLogin],
    encoded: str,
    asked: Asked,
    believed: Believed,
    took: timedelta,
    host: str,
) -> SamlLogin:
    """What a response says.

    Raises:
        CollectionError: it is none.
    """
    received = time.time()
    content = _decoded(encoded)
    try:
        root = xml.parsed(content)
        if root.tag != f"{SAMLP}Response":
            raise xml.NoXmlError(f"its root is {root.tag}")
        seen = _signed(content, root, believed)
        assertion = seen.assertion
        window = [] if assertion is None else assertion.findall(f"{SAML}Conditions")
        befores = [moment(each.get("NotBefore")) for each in window if each.get("NotBefore")]
        afters = [moment(each.get("NotOnOrAfter")) for each in window if each.get("NotOnOrAfter")]
        issued = moment(root.get("IssueInstant", ""))
    except (xml.NoXmlError, NoMetadataError) as error:
        raise CollectionError(f"{host} gave a response that is none: {error}", CURE, Outcome.FAILED) from None
    code = root.find(f"{SAMLP}Status/{SAMLP}StatusCode")
    audience = [] if assertion is None else assertion.findall(f".//{SAML}Audience")
    return made(
        ended="response",
        asked=host,
        status=_text("" if code is None else code.get("Value", "")).rpartition(":")[2],
        signature=seen.state,
        signature_problem=seen.problem,
        signer=seen.signer,
        issuer=_text(root.findtext(f"{SAML}Issuer") or ""),
        destination=_text(root.get("Destination", "")),
        expected_destination=asked.consumer,
        expected_audience=asked.issuer,
        audience=tuple(_text(each.text or "") for each in audience),
        answers=not asked.id or root.get("InResponseTo") == asked.id,
        not_before=max(befores, default=None),
        not_after=min(afters, default=None),
        encrypted=root.find(f"{SAML}EncryptedAssertion") is not None,
        attributes=_attributes(assertion),
        skew=_skew(issued, received),
        took=took,
    )


def _skew(issued: datetime, received: float) -> float:
    ahead = issued.timestamp() - received
    return 0.0 if abs(ahead) <= 1.5 else round(ahead, 1)


@dataclass(frozen=True)
class _Seen:
    """What of a response is signed, and by whom."""

    assertion: Any
    state: str
    problem: str = ""
    signer: str = ""


def _signed(content: bytes, root: Any, believed: Believed) -> _Seen:
    """The assertion that may be believed, else the one that is there.

    A certificate in the response is used only where its fingerprint is one that the broker trusts.
    """
    plain = root.find(f"{SAML}Assertion")
    if root.find(f".//{xml.DS}Signature") is None:
        return _Seen(plain, "none")
    if believed.fingerprints is None:
        return _Seen(plain, "not checked")
    signer, problem = "", ""
    for location in ("./", f"./{SAML}Assertion/"):
        signature = root.find(f"{location}{xml.DS}Signature")
        if signature is None:
            continue
        for certificate in map(xml.certificate, signature.findall(f".//{xml.DS}X509Certificate")):
            if certificate is None:
                continue
            signer = certificate.subject.rfc4514_string()
            if xml.fingerprint(certificate) not in believed.fingerprints:
                problem = f"the broker does not trust {signer}, which has signed it"
                continue
            element, problem = xml.signed_by(content, certificate, location)
            if element is None:
                continue
            assertion = element if element.tag == f"{SAML}Assertion" else element.find(f"{SAML}Assertion")
            return _Seen(assertion, "valid", "", signer)
        problem = problem or "the signature does not say by which certificate it is"
    return _Seen(plain, "invalid", problem, signer)


def _attributes(assertion: Any) -> tuple[str, ...]:
    if assertion is None:
        return ()
    names: dict[str, None] = {}
    for each in assertion.findall(f".//{SAML}Attribute")[:MOST]:
        for name in (each.get("Name", ""), each.get("FriendlyName", "")):
            if name:
                names[_text(name)] = None
    return tuple(names)


def _text(written: str) -> str:
    return clean(" ".join(written.split()))[:2048]
