"""Identity: the whole chain of a login as one thing, and what breaks it first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from checks.certificates import VALIDITY, dates, picture, strength, validity
from domino_health import (
    Assessment,
    Attachment,
    Broker,
    CaBundle,
    Certificate,
    Duration,
    Finding,
    KeycloakRealm,
    LdapDirectory,
    Ref,
    SamlMetadata,
    Severity,
    TlsEndpoint,
    TlsSecret,
    age,
    check,
)


@dataclass(frozen=True)
class Link:
    """One thing without which nobody logs in."""

    what: str
    """``signs responses``."""
    subject: Ref
    until: datetime | None = None
    """When it ends to hold; None: not by itself."""
    why: str = ""
    """What ends then, or what is broken now."""
    broken: bool = False
    """Now."""


@check("IDP-010", severity=Severity.HIGH)
def test_the_chain_of_a_login_is_watched_and_its_own_keys_last(
    keycloak_realms: list[KeycloakRealm] | None,
    saml_metadata: list[SamlMetadata] | None,
    tls_endpoints: list[TlsEndpoint] | None,
    ldap_directories: list[LdapDirectory] | None,
    tls_secrets: list[TlsSecret] | None,
    ca_bundles: list[CaBundle] | None,
    now: datetime,
    *,
    warn_before: Duration = timedelta(days=30),
    fail_before: Duration = timedelta(days=7),
) -> Assessment:
    """Nothing in the chain of a login is unwatched, and the keys that Domino's own realm signs by last.

    From the browser to Domino and back a login goes through the front end, Keycloak's broker, the
    identity provider and perhaps a directory, each with keys and certificates of its own; the first to
    end ends all. The other checks judge each; this one puts them together, and tells the earliest day
    on which login will break, and why. What it finds itself: an address in the chain whose certificate
    nobody looks at is low; a signing certificate of Keycloak's realm, which the identity provider
    knows and may refuse when it has ended, is medium within ``warn_before`` of its end and high within
    ``fail_before``, where the broker signs what it asks. All certificates of the run stand on one time
    line.

    Thresholds: 30 days and 7 days are those of IDP-001.

    Remediation: add the address that is named to the profile's tls.endpoints. For the realm's key, add
    a new one in Keycloak (Realm settings, Keys, Providers) with a higher priority, and give the
    identity provider the service provider's metadata anew before the old one ends.
    """
    realms, providers = keycloak_realms or [], saml_metadata or []
    endpoints, directories = tls_endpoints or [], ldap_directories or []
    links = [
        *_of_endpoints(endpoints, _places(realms, providers)),
        *_of_realms(realms, providers),
        *_of_providers(providers, now),
        *_of_directories(directories),
        *_of_mappings(realms),
        *_of_clocks(realms, providers),
    ]
    findings = [
        *_unwatched(realms, providers, endpoints),
        *(
            Finding(each.subject, each.message, min(each.severity or Severity.HIGH, Severity.HIGH))
            for realm in realms
            if any(broker.enabled and broker.signs_requests for broker in realm.brokers)
            for key in realm.keys
            if key.use == "SIG" and key.status == "ACTIVE"
            for each in dates(
                realm.ref, key.certificate, now, warn_before, fail_before, " of its signing key"
            )
        ),
    ]
    everything = [
        *((one, each.name) for each in endpoints for one in each.chain),
        *((key.certificate, each.name) for each in providers for key in each.keys),
        *(
            (one, f"broker {broker.alias}")
            for realm in realms
            for broker in realm.brokers
            for one in broker.certificates
        ),
        *((key.certificate, f"realm {realm.realm}") for realm in realms for key in realm.keys),
        *((one, each.name) for each in directories for one in each.endpoint.chain),
        *((one, str(each.ref)) for each in tls_secrets or () for _, one in each.named),
        *((one, str(each.ref)) for each in ca_bundles or () for one in each.certificates),
    ]
    return Assessment(
        links,
        findings,
        worst=_first(links, now),
        attachments=_shown(links, everything, now, warn_before) if links else (),
    )


@dataclass(frozen=True)
class Place:
    """Where a browser is sent."""

    host: str
    port: int

    def __str__(self) -> str:
        return self.host if self.port == HTTPS else f"{self.host}:{self.port}"


HTTPS = 443


def _places(realms: Iterable[KeycloakRealm], providers: Iterable[SamlMetadata]) -> dict[Place, Ref]:
    """Where a browser is sent, and by whom."""
    told = [(realm.url, realm.ref) for realm in realms]
    told += [
        (service.location, each.ref)
        for each in providers
        for service in each.sign_on
        if service.binding in ("HTTP-Redirect", "HTTP-POST")
    ]
    places: dict[Place, Ref] = {}
    for url, ref in told:
        if place := _place(url):
            places.setdefault(place, ref)
    return places


def _place(url: str) -> Place | None:
    try:
        parts = urlsplit(url)
        return Place(parts.hostname.lower(), parts.port or HTTPS) if parts.hostname else None
    except ValueError:  # another check says that this is no address
        return None


def _serves(endpoint: TlsEndpoint, place: Place) -> bool:
    """Whether an endpoint is looked at as ``place``: by the name that it must carry, or where it is."""
    host, _, port = endpoint.address.lower().rpartition(":")
    return endpoint.server_name.lower() == place.host or (host.strip("[]"), port) == (
        place.host,
        str(place.port),
    )


def _of_endpoints(endpoints: Iterable[TlsEndpoint], places: dict[Place, Ref]) -> Iterator[Link]:
    for endpoint in endpoints:
        served = [place for place in places if _serves(endpoint, place)]
        if served:
            yield _presenting(f"people reach {served[0]}", endpoint, endpoint.ref)


def _presenting(what: str, endpoint: TlsEndpoint, subject: Ref) -> Link:
    first = min(endpoint.chain, key=lambda each: each.not_after)
    why = f"the certificate of {first.subject} ends"
    broken = bool(endpoint.chain_errors) or not endpoint.name_matches
    return Link(what, subject, first.not_after, "it does not verify" if broken else why, broken)


def _of_realms(realms: Iterable[KeycloakRealm], providers: Sequence[SamlMetadata]) -> Iterator[Link]:
    for realm in realms:
        if not realm.enabled:
            yield Link("logs people in", realm.ref, None, "the realm is disabled", broken=True)
            continue
        signing = [key for key in realm.keys if key.use == "SIG" and key.status == "ACTIVE"]
        if signing and any(broker.enabled and broker.signs_requests for broker in realm.brokers):
            first = min((key.certificate for key in signing), key=lambda each: each.not_after)
            yield Link(
                "signs what it asks the identity provider",
                realm.ref,
                first.not_after,
                f"{first.subject} ends",
            )
        for broker in realm.brokers:
            if broker.enabled and broker.protocol == "saml" and broker.validates:
                yield _believing(broker, providers)
            elif not broker.enabled and any(_are_one(broker, each) for each in providers):
                yield Link("believes responses", broker.ref, None, "it is disabled", broken=True)


def _are_one(broker: Broker, metadata: SamlMetadata) -> bool:
    return broker.alias == metadata.broker if metadata.broker else broker.entity_id == metadata.entity_id


def _believing(broker: Broker, providers: Iterable[SamlMetadata]) -> Link:
    """Until when a broker believes responses: by what is both trusted and published, where both are known."""
    published = next((each for each in providers if _are_one(broker, each)), None)
    trusted = {each.sha256: each for each in broker.certificates}
    if published and not broker.follows_metadata:
        trusted = {each.sha256: each for each in published.signing if each.sha256 in trusted}
        if not trusted and published.signing:
            why = f"it trusts no certificate of {published.name}"
            return Link("believes responses", broker.ref, None, why, broken=True)
    last = max(trusted.values(), key=lambda each: each.not_after, default=None)
    why = f"the last certificate that it believes ends ({last.subject})" if last else ""
    return Link("believes responses", broker.ref, last.not_after if last else None, why)


def _of_providers(providers: Iterable[SamlMetadata], now: datetime) -> Iterator[Link]:
    for each in providers:
        last = max(each.signing, key=lambda one: one.not_after, default=None)
        if last is None:
            yield Link("signs responses", each.ref, None, "it publishes no certificate", broken=True)
        else:
            why = f"its last signing certificate ends ({last.subject})"
            yield Link("signs responses", each.ref, last.not_after, why)
        # What is renewed every day ends soon on every day: only an end that has come breaks anything.
        if each.valid_until is not None and each.valid_until <= now:
            yield Link("says who it is", each.ref, each.valid_until, "its metadata is valid no longer")


def _of_directories(directories: Iterable[LdapDirectory]) -> Iterator[Link]:
    for each in directories:
        link = _presenting("knows people", each.endpoint, each.ref)
        if each.bind:
            link = Link(link.what, link.subject, None, "the bind account is refused", broken=True)
        yield link


def _of_mappings(realms: Iterable[KeycloakRealm]) -> Iterator[Link]:
    """What a login fills of a user: it ends by itself never, and IDP-005 judges it."""
    for realm in realms:
        for broker in realm.brokers:
            filled = [f"{each.source} to {each.target}" for each in broker.mappers if each.target]
            if broker.enabled and filled:
                yield Link("takes over", broker.ref, None, ", ".join(filled))


def _of_clocks(realms: Iterable[KeycloakRealm], providers: Iterable[SamlMetadata]) -> Iterator[Link]:
    """By whose time responses are dated and judged; IDP-006 judges how far they are apart."""
    told = [*((each.ref, each.skew) for each in realms), *((each.ref, each.skew) for each in providers)]
    for ref, skew in told:
        if skew is not None:
            yield Link("tells the time", ref, None, f"{skew:+g} s against this machine")


def _unwatched(
    realms: Sequence[KeycloakRealm], providers: Sequence[SamlMetadata], endpoints: Sequence[TlsEndpoint]
) -> Iterator[Finding]:
    for place, ref in _places(realms, providers).items():
        if not any(_serves(endpoint, place) for endpoint in endpoints):
            message = (
                f"nobody looks at the certificate of {place}, where people log in: add it to tls.endpoints"
            )
            yield Finding(ref, message, Severity.LOW)


def _first(links: Sequence[Link], now: datetime) -> str:
    """The earliest day on which login will break, and why."""
    if broken := [link for link in links if link.broken]:
        return f"login is broken now: {broken[0].subject}: {broken[0].why}"
    ending = [(link.until, link) for link in links if link.until is not None]
    if not ending:
        return ""
    until, link = min(ending, key=lambda pair: pair[0])
    when = f"{until:%Y-%m-%d %H:%M} UTC"
    if until <= now:
        return f"login is broken since {when}: {link.subject}: {link.why}"
    return f"login breaks first on {when}, in {age(until - now)}: {link.subject}: {link.why}"


def _shown(
    links: Sequence[Link],
    everything: Sequence[tuple[Certificate, str]],
    now: datetime,
    warn_before: timedelta,
) -> tuple[Attachment, ...]:
    rows = [
        (
            link.subject,
            link.what,
            "broken"
            if link.broken
            else f"{link.until:%Y-%m-%d %H:%M}"
            if link.until
            else "no end of its own",
            link.why,
        )
        for link in links
    ]
    columns = ("Link", "What it does", "Holds until", "What ends then, or is")
    chain = Attachment.table("The chain of a login (times are UTC)", columns, rows)
    if not everything:
        return (chain,)
    owners: dict[Certificate, list[str]] = {}
    for certificate, owner in everything:
        if owner not in (known := owners.setdefault(certificate, [])):
            known.append(owner)
    title = "All certificates of this run"
    by_end = sorted(owners.items(), key=lambda item: item[0].not_after)
    table = [
        (", ".join(names), *validity(certificate, now), strength(certificate))
        for certificate, names in by_end
    ]
    return (
        chain,
        Attachment.plot(title, picture(title, by_end, now, warn_before)),
        Attachment.table(f"{title} (times are UTC)", ("Whose", *VALIDITY, "Key, digest"), table),
    )
