"""The pages of a login at the lab: Keycloak asks, the identity provider's form, its signed response. A FAKE.

It knows no session and no cookie; whoever has the password gets a response. Keycloak never takes it.
"""

import base64
import html
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from lxml import etree

from domino_health.lab.saml_documents import PROTOCOL, SigningKey, signed
from domino_health.lab.serving import Answer

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
GOOD_FOR = timedelta(minutes=1)
"""How long a response may be used, as Keycloak has it."""


@dataclass
class IdentityProvider:
    """What the identity provider needs to answer a login."""

    entity_id: str
    sign_on: str
    key: SigningKey
    passwords: Mapping[str, str]
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What it says of everybody."""
    status: str = SUCCESS
    signs_assertion: bool = False
    """The assertion, in place of the whole response."""
    changes: dict[str, str] = field(default_factory=dict)
    """Other values of the response's than they should be: ``Destination``, ``Audience``, ``InResponseTo``."""

    def form(self, request: str) -> Answer:
        """The form for name and password; ``request``: what was asked, to be sent along."""
        inputs = (
            '<input type="text" name="username"><input type="password" name="password">'
            f'<input type="hidden" name="SAMLRequest" value="{html.escape(request)}">'
        )
        return _page("Sign in", f'<form method="post" action="{self.sign_on}">{inputs}</form>')

    def submitted(self, body: bytes, now: datetime) -> Answer:
        """The answer to what a browser has sent: the form, or the response for whom has asked."""
        given = {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
        request = given.get("SAMLRequest", "")
        known = self.passwords.get(given.get("username", ""))
        if known is None or known != given.get("password"):
            if "password" not in given:
                return self.form(request)
            page = self.form(request)
            return Answer(200, b'<p class="error">Wrong name or password.</p>' + page.body, page.media)
        asked = etree.fromstring(base64.b64decode(request), etree.XMLParser(resolve_entities=False))
        consumer = asked.get("AssertionConsumerServiceURL", "")
        issuer = asked.findtext(f"{{{SAML}}}Issuer") or ""
        response = self.response(asked.get("ID", ""), consumer, issuer, now)
        return auto_form("Signing in", consumer, {"SAMLResponse": base64.b64encode(response).decode()})

    def response(self, request_id: str, consumer: str, audience: str, now: datetime) -> bytes:
        """A signed response.

        Args:
            request_id: what it answers.
            consumer: where it is to be sent.
            audience: whom it is for.
            now: when it is issued.
        """
        changed = self.changes
        root = etree.Element(f"{{{PROTOCOL}}}Response", nsmap={"samlp": PROTOCOL, "saml": SAML})
        root.set("ID", f"_{secrets.token_hex(8)}")
        root.set("Version", "2.0")
        root.set("IssueInstant", changed.get("IssueInstant", _moment(now)))
        root.set("Destination", changed.get("Destination", consumer))
        root.set("InResponseTo", changed.get("InResponseTo", request_id))
        etree.SubElement(root, f"{{{SAML}}}Issuer").text = self.entity_id
        status = etree.SubElement(root, f"{{{PROTOCOL}}}Status")
        etree.SubElement(status, f"{{{PROTOCOL}}}StatusCode").set("Value", self.status)
        if self.status != SUCCESS:
            return bytes(etree.tostring(signed(root, self.key)))
        assertion = etree.SubElement(root, f"{{{SAML}}}Assertion")
        assertion.set("ID", f"_{secrets.token_hex(8)}")
        assertion.set("Version", "2.0")
        assertion.set("IssueInstant", _moment(now))
        etree.SubElement(assertion, f"{{{SAML}}}Issuer").text = self.entity_id
        window = etree.SubElement(assertion, f"{{{SAML}}}Conditions")
        window.set("NotBefore", _moment(now - timedelta(seconds=5)))
        window.set("NotOnOrAfter", _moment(now + GOOD_FOR))
        whom = etree.SubElement(window, f"{{{SAML}}}AudienceRestriction")
        etree.SubElement(whom, f"{{{SAML}}}Audience").text = changed.get("Audience", audience)
        statement = etree.SubElement(assertion, f"{{{SAML}}}AttributeStatement")
        for name, value in self.attributes.items():
            attribute = etree.SubElement(statement, f"{{{SAML}}}Attribute")
            attribute.set("Name", name)
            etree.SubElement(attribute, f"{{{SAML}}}AttributeValue").text = value
        if self.signs_assertion:
            root.replace(assertion, signed(assertion, self.key))
            return bytes(etree.tostring(root))
        return bytes(etree.tostring(signed(root, self.key)))


def asks(sign_on: str, consumer: str, issuer: str, now: datetime) -> Answer:
    """The page by which Keycloak sends a browser on to the identity provider, by HTTP-POST.

    Args:
        sign_on: where.
        consumer: where the response is to be sent.
        issuer: who asks.
        now: when.
    """
    root = etree.Element(f"{{{PROTOCOL}}}AuthnRequest", nsmap={"samlp": PROTOCOL, "saml": SAML})
    root.set("ID", f"_{secrets.token_hex(8)}")
    root.set("Version", "2.0")
    root.set("IssueInstant", _moment(now))
    root.set("AssertionConsumerServiceURL", consumer)
    etree.SubElement(root, f"{{{SAML}}}Issuer").text = issuer
    return auto_form("Redirecting", sign_on, {"SAMLRequest": base64.b64encode(etree.tostring(root)).decode()})


def auto_form(title: str, action: str, fields: Mapping[str, str]) -> Answer:
    """A page whose form a browser sends by itself."""
    inputs = [
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in fields.items()
    ]
    return _page(title, f'<form method="post" action="{html.escape(action)}">{"".join(inputs)}</form>')


def _page(title: str, content: str) -> Answer:
    page = f"<!doctype html><html><head><title>{title}</title></head><body>{content}</body></html>"
    return Answer(200, page.encode(), "text/html; charset=utf-8")


def _moment(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
