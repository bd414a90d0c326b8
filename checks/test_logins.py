"""Identity: can a test user log in, and would Domino's Keycloak believe it?"""

from collections.abc import Iterator
from datetime import timedelta

from domino_health import (
    Assessment,
    Attachment,
    Duration,
    Finding,
    KeycloakRealm,
    SamlLogin,
    Severity,
    age,
    check,
)

IMPORTER = "saml-user-attribute-idp-mapper"
ENDS = {
    "own form": "Keycloak shows Domino's own login form in place of sending people on",
    "refused": "the identity provider refuses the test user's name or password",
    "error page": "it ends at a page that is neither a form for the password nor a response",
}


@check("IDP-011", severity=Severity.CRITICAL)
def test_a_test_user_can_log_in(
    saml_logins: list[SamlLogin],
    keycloak_realms: list[KeycloakRealm] | None,
    *,
    max_time: Duration = timedelta(seconds=10),
) -> Assessment:
    """A test user's login ends in a response that Keycloak would believe, with the attributes that it maps.

    Metadata, certificates and brokers may all look right, and nobody logs in: the identity provider is
    switched off, does not know Domino any more, signs by another key than it publishes, or sends no
    attribute. This goes the whole way as a browser does, from Keycloak by the broker to the identity
    provider's form and back, and reads the response; it stops before Keycloak is given it. A login
    that ends elsewhere, a response that is refused or is for somebody else, or lacks a mapped
    attribute is high; one that the broker would not believe is critical; one that takes longer than
    ``max_time`` is medium.

    Thresholds: ``max_time`` is ours, for a way that people take every morning.

    Remediation: log in by hand with this user in a browser, and see where it ends; the identity
    provider's log says why it refuses. For a signature, see IDP-004. For a missing attribute, have the
    identity provider release it to Domino. A second factor cannot be tried: give the test user none.
    """
    findings: list[Finding] = []
    for login in saml_logins:
        findings += _ended(login) if login.ended != "response" else _response(login)
        if login.ended == "response" and login.status == "Success" and not login.encrypted:
            findings += _attributes(login, keycloak_realms or [])
        if login.took > max_time:
            message = f"a login took {age(login.took)}, at most {age(max_time)} wanted"
            findings.append(Finding(login.ref, message, Severity.MEDIUM))
    rows = [
        (
            login.ref,
            login.ended,
            login.asked,
            " ".join(part for part in (login.signature, login.signer) if part),
            ", ".join(login.attributes) or ("encrypted" if login.encrypted else "none"),
            age(login.took),
        )
        for login in saml_logins
    ]
    columns = ("Broker", "Ended in", "At", "Signature", "Attributes", "Took")
    table = Attachment.table("How a test user's login went", columns, rows)
    slowest = max((login.took for login in saml_logins), default=None)
    return Assessment(
        saml_logins,
        findings,
        worst=f"{age(slowest)} of {age(max_time)}" if slowest is not None else "",
        attachments=[table] if rows else [],
    )


def _ended(login: SamlLogin) -> Iterator[Finding]:
    message = f"nobody logs in: {ENDS.get(login.ended, login.ended)}: {login.said}"
    yield Finding(login.ref, message, Severity.HIGH)


def _response(login: SamlLogin) -> Iterator[Finding]:
    if login.status != "Success":
        message = f"the identity provider refuses: status {login.status or 'none'}"
        yield Finding(login.ref, message, Severity.HIGH)
        return
    if login.signature == "invalid":
        message = f"Keycloak would not believe the response: {login.signature_problem}"
        yield Finding(login.ref, message, Severity.CRITICAL)
    elif login.signature == "none" and not login.encrypted:
        yield Finding(
            login.ref, "the response is not signed: Keycloak would not believe it", Severity.CRITICAL
        )
    if login.destination and login.expected_destination not in ("", login.destination):
        message = f"the response is for {login.destination}, not for {login.expected_destination}"
        yield Finding(login.ref, message, Severity.HIGH)
    if login.audience and login.expected_audience not in ("", *login.audience):
        message = f"the response is for {', '.join(login.audience)}, not for {login.expected_audience}"
        yield Finding(login.ref, message, Severity.HIGH)
    if not login.answers:
        yield Finding(login.ref, "the response answers another request than Keycloak's", Severity.HIGH)


def _attributes(login: SamlLogin, realms: list[KeycloakRealm]) -> Iterator[Finding]:
    mapped = {
        mapper.source: mapper.target
        for realm in realms
        for broker in realm.brokers
        if (broker.realm, broker.alias) == (login.realm, login.broker)
        for mapper in broker.mappers
        if mapper.kind == IMPORTER and mapper.source
    }
    for source, target in mapped.items():
        if source not in login.attributes:
            sent = ", ".join(login.attributes) or "none at all"
            message = f"the response has no {source}, which is to fill {target} (it has {sent})"
            yield Finding(login.ref, message, Severity.HIGH)
