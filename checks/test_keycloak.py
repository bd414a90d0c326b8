"""Identity: does Keycloak believe the right identity provider, and take over what Domino needs?"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from domino_health import (
    Assessment,
    Attachment,
    Broker,
    BrokerMapper,
    Certificate,
    Clock,
    Duration,
    Finding,
    KeycloakRealm,
    Patterns,
    Ref,
    SamlMetadata,
    Severity,
    age,
    check,
)

# Keycloak's ids of mappers (IdentityProviderMapper.getId), of which each fills an attribute of the user.
IMPORTERS = (
    "saml-user-attribute-idp-mapper",
    "oidc-user-attribute-idp-mapper",
    "hardcoded-attribute-idp-mapper",
    "saml-xpath-attribute-idp-mapper",
)
USERNAMES = ("saml-username-idp-mapper", "oidc-username-idp-mapper")
GIVEN_BY_OIDC = ("email", "firstName", "lastName")
"""What Keycloak takes from OpenID Connect's own claims, without a mapper."""


@check("IDP-004", severity=Severity.CRITICAL)
def test_brokers_trust_exactly_the_certificates_that_identity_providers_publish(
    keycloak_realms: list[KeycloakRealm], saml_metadata: list[SamlMetadata] | None
) -> Assessment:
    """Keycloak's SAML brokers trust the certificates that the identity provider publishes, and no others.

    When the identity provider rolls its signing key and the broker was not told, every login fails with
    "Invalid signature in response from identity provider", on a day that somebody else chose. A broker
    that trusts none of what is published, has no certificate, or is disabled or missing where the
    profile expects one, is critical: for one that is disabled, people silently get Domino's own login
    form. One that does not look at signatures, that does not trust one of several published, or that
    sends people elsewhere than the metadata says is high; one that still trusts what is published no
    more is medium. A broker to which the profile's saml section gives no metadata is judged by itself
    alone. Where Keycloak reads the certificates from the metadata's address itself
    (useMetadataDescriptorUrl), there is nothing to compare.

    Remediation: in Keycloak's administration, realm DominoRealm, Identity providers, import the
    metadata again, or put all published certificates into "Validating X509 certificates", separated by
    commas; remove those that are published no more. Do it before the identity provider rolls. Never
    delete the broker: that deletes all users' links to it.
    """
    findings: list[Finding] = []
    brokers = [each for realm in keycloak_realms for each in realm.brokers if each.protocol == "saml"]
    findings += [
        Finding(realm.ref, "the realm is disabled: nobody can log in", Severity.CRITICAL)
        for realm in keycloak_realms
        if not realm.enabled
    ]
    open_realms = [realm for realm in keycloak_realms if realm.enabled]
    of_broker: dict[Broker, SamlMetadata] = {}
    for metadata in saml_metadata or ():
        broker = _broker_of(metadata, brokers)
        if broker is not None:
            of_broker[broker] = metadata
        elif open_realms:
            findings.append(_missing(metadata, brokers))
    for broker in brokers:
        findings += _of_itself(broker, of_broker.get(broker))
        if broker in of_broker:
            findings += _against(broker, of_broker[broker])
    rows = [
        (
            broker.ref,
            "yes" if broker.enabled else "no",
            of_broker[broker].name if broker in of_broker else "no metadata in the profile",
            broker.entity_id,
            broker.sign_on,
            "; ".join(map(_named, broker.certificates))
            or ("by its address" if broker.follows_metadata else "none"),
        )
        for broker in brokers
    ]
    columns = ("Broker", "Enabled", "Identity provider", "Entity id", "Sends people to", "Trusts")
    table = Attachment.table("Whom Keycloak's brokers trust", columns, rows)
    # A realm that is disabled has no brokers to show, and is assessed itself.
    population = [*brokers, *(realm for realm in keycloak_realms if not realm.enabled)]
    if not population and findings:
        population = list(saml_metadata or ())
    return Assessment(population, findings, attachments=[table] if rows else [])


def _broker_of(metadata: SamlMetadata, brokers: Iterable[Broker]) -> Broker | None:
    """By the profile's word, else by the entity id, else by where people are sent."""
    if metadata.broker:
        return next((each for each in brokers if each.alias == metadata.broker), None)
    same = [each for each in brokers if each.entity_id == metadata.entity_id]
    addresses = {each.location for each in metadata.sign_on}
    same += [each for each in brokers if each.sign_on in addresses]
    return next((each for each in same if each.enabled), next(iter(same), None))


def _missing(metadata: SamlMetadata, brokers: Sequence[Broker]) -> Finding:
    wanted = f"called {metadata.broker}" if metadata.broker else f"for {metadata.entity_id}"
    there = ", ".join(each.alias for each in brokers) or "none"
    message = f"Keycloak has no SAML broker {wanted} (there: {there}): nobody logs in by it"
    return Finding(metadata.ref, message, Severity.CRITICAL)


def _of_itself(broker: Broker, metadata: SamlMetadata | None) -> Iterator[Finding]:
    if not broker.enabled:
        if metadata is not None:
            message = f"it is disabled: people get Domino's own login form in place of {metadata.name}"
            yield Finding(broker.ref, message, Severity.CRITICAL)
        return
    if not broker.validates:
        message = "it does not look at signatures: whoever sends a response logs in as anybody"
        yield Finding(broker.ref, message, Severity.HIGH)
        return
    if broker.unreadable_certificates:
        message = f"{broker.unreadable_certificates} of its certificates cannot be read"
        yield Finding(broker.ref, message, Severity.HIGH)
    if not broker.certificates and not broker.follows_metadata:
        yield Finding(broker.ref, "it has no certificate to believe a response by", Severity.CRITICAL)


def _against(broker: Broker, metadata: SamlMetadata) -> Iterator[Finding]:
    if not broker.enabled:
        return
    if broker.entity_id and broker.entity_id != metadata.entity_id:
        message = f"it expects {broker.entity_id}; {metadata.name} calls itself {metadata.entity_id}"
        yield Finding(broker.ref, message, Severity.HIGH)
    addresses = {each.location for each in metadata.sign_on}
    if broker.sign_on not in addresses:
        message = f"it sends people to {broker.sign_on or 'nowhere'}, which {metadata.name} does not publish"
        yield Finding(broker.ref, message, Severity.HIGH)
    if broker.follows_metadata or not broker.validates or not broker.certificates or not metadata.signing:
        return
    trusted = {each.sha256: each for each in broker.certificates}
    published = {each.sha256: each for each in metadata.signing}
    unknown = [each for sha256, each in published.items() if sha256 not in trusted]
    if len(unknown) == len(published):
        message = f"it trusts none of the certificates of {metadata.name}: every login fails"
        yield Finding(broker.ref, f"{message} ({'; '.join(map(_named, unknown))})", Severity.CRITICAL)
    else:
        for each in unknown:
            message = f"it does not trust {_named(each)}, which {metadata.name} publishes: logins fail"
            yield Finding(broker.ref, f"{message} from when it is used", Severity.HIGH)
    for sha256, each in trusted.items():
        if sha256 not in published:
            message = f"it still trusts {_named(each)}, which {metadata.name} does not publish any more"
            yield Finding(broker.ref, message, Severity.MEDIUM)


def _named(certificate: Certificate) -> str:
    return (
        f"{certificate.subject} (SHA-256 {certificate.sha256[:16]}…, until {certificate.not_after:%Y-%m-%d})"
    )


@check("IDP-005", severity=Severity.HIGH)
def test_every_attribute_that_domino_needs_is_mapped(
    keycloak_realms: list[KeycloakRealm],
    *,
    attributes: Patterns = ("email", "firstName", "lastName"),
    organizations: str = "domino-groups",
    roles: str = "domino-system-roles",
) -> Assessment:
    """Every enabled broker fills each attribute that Domino needs, organisations and roles where used.

    Domino knows of a user what Keycloak tells it, and Keycloak knows of one who logs in by an identity
    provider what a mapper takes over. One that is missing shows at the next login: no name, no mail,
    or, with the switches externalOrgsEnabled and externalRolesEnabled on, no organisations and no roles
    any more. ``attributes`` are needed always (by OpenID Connect Keycloak takes these by itself);
    ``organizations`` and ``roles`` where the profile says that the switch is on
    (keycloak.external_organizations, keycloak.external_roles), and then Keycloak must hand them on to
    Domino too, where keycloak.domino_client is named. A transient name without a mapper of the username
    is high: everybody would be another one each time. A mapper of organisations or roles that works at
    the first login alone is medium, one whose switch is off low.

    Thresholds: ``organizations`` and ``roles`` are the names of Domino's documentation (admin guide,
    SSO configuration); the others are Keycloak's own names.

    Remediation: in Keycloak's administration, realm DominoRealm, Identity providers, the broker,
    Mappers, add an Attribute Importer from the identity provider's attribute to the one that is named,
    with sync mode "force". For what Domino is told: Clients, domino-play, Client scopes,
    domino-play-dedicated, add a mapper User Attribute. For a switch, see Domino's central configuration.
    """
    findings: list[Finding] = []
    brokers: list[Broker] = []
    for realm in keycloak_realms:
        enabled = [each for each in realm.brokers if each.enabled and each.protocol in ("saml", "oidc")]
        brokers += enabled
        switches = (
            ("organisations", organizations, realm.external_organizations),
            ("roles", roles, realm.external_roles),
        )
        for broker in enabled:
            findings += _needed(broker, attributes)
            for what, name, is_on in switches:
                findings += _switched(broker, what, name, is_on=is_on)
        if realm.client is not None and enabled:
            told = {claim.attribute: claim.multivalued for claim in realm.client.claims}
            client = Ref("", "client", realm.realm, realm.client.client_id)
            for what, name, is_on in switches:
                if is_on:
                    findings += _told(client, what, name, told)
    rows = [
        (broker.ref, mapper.source, mapper.target, mapper.kind, _sync(broker, mapper))
        for broker in brokers
        for mapper in broker.mappers
    ]
    columns = ("Broker", "From", "To", "Mapper", "When")
    table = Attachment.table("What Keycloak takes over at a login", columns, rows)
    return Assessment(brokers, findings, attachments=[table] if rows else [])


def _needed(broker: Broker, attributes: Iterable[str]) -> Iterator[Finding]:
    filled = {each.target for each in broker.mappers if each.kind in IMPORTERS}
    given = GIVEN_BY_OIDC if broker.protocol == "oidc" else ()
    for attribute in attributes:
        if attribute not in filled and attribute not in given:
            yield Finding(broker.ref, f"no mapper fills {attribute}", Severity.HIGH)
    named = any(each.kind in USERNAMES for each in broker.mappers)
    by_name = broker.principal in ("", "SUBJECT")
    if broker.protocol == "saml" and broker.name_id == "transient" and by_name and not named:
        message = "people are told apart by a transient NameID, which is another one at each login"
        yield Finding(broker.ref, message, Severity.HIGH)


def _switched(broker: Broker, what: str, attribute: str, *, is_on: bool) -> Iterator[Finding]:
    mappers = [each for each in broker.mappers if each.target == attribute and each.kind in IMPORTERS]
    if is_on and not mappers:
        message = f"no mapper fills {attribute}, and Domino takes {what} from it: people lose theirs"
        yield Finding(broker.ref, f"{message} at the next login", Severity.HIGH)
    if not is_on and mappers:
        message = f"{attribute} is mapped, and the profile says that Domino does not take {what} from logins"
        yield Finding(broker.ref, message, Severity.LOW)
    if is_on and mappers and all(_sync(broker, each) == "IMPORT" for each in mappers):
        message = f"{attribute} is taken over at the first login alone: later changes of {what} are not seen"
        yield Finding(broker.ref, message, Severity.MEDIUM)


def _told(client: Ref, what: str, attribute: str, told: dict[str, bool]) -> Iterator[Finding]:
    if attribute not in told:
        message = f"Domino is not told {attribute}: no mapper of the client or its scopes has it"
        yield Finding(client, message, Severity.HIGH)
    elif not told[attribute]:
        message = f"of several {what} Domino is told one alone: the mapper of {attribute} is not multivalued"
        yield Finding(client, message, Severity.MEDIUM)


def _sync(broker: Broker, mapper: BrokerMapper) -> str:
    """When a mapper works: its own word, else the broker's, else as it was before there was a choice."""
    own = mapper.sync if mapper.sync not in ("", "INHERIT") else broker.sync
    return own or "LEGACY"


@check("IDP-006", severity=Severity.MEDIUM)
def test_session_lifetimes_are_sane_and_clocks_together(
    keycloak_realms: list[KeycloakRealm],
    saml_metadata: list[SamlMetadata] | None,
    clock: list[Clock] | None,
    *,
    max_skew: Duration = timedelta(seconds=30),
) -> Assessment:
    """Access tokens last less long than idle sessions, and those less than any; all clocks are together.

    Domino asks Keycloak again only when an access token ends: one that outlives the session keeps
    people logged in whom Keycloak has logged out. An idle time beyond the longest session never comes
    to pass. A SAML response is good for some minutes by the identity provider's clock, and Keycloak
    allows no skew unless told: where their clocks differ, logins fail for no visible reason. The clock
    that is the odd one out is named.

    Thresholds: the order of lifetimes is Keycloak's own advice (Server Administration Guide, session
    and token timeouts). ``max_skew`` is ours: NTP keeps clocks within a second, and whole seconds are
    all that HTTP tells.

    Remediation: in Keycloak's administration, Realm settings, Sessions and Tokens, set Access Token
    Lifespan below SSO Session Idle, and that below SSO Session Max. For a clock, see NTP (chronyc
    tracking) on the machine whose clock is named.
    """
    realms = [realm for realm in keycloak_realms if realm.enabled]
    findings = [
        finding
        for realm in realms
        for finding in (
            *_ordered(realm, "an access token", realm.access_token, "idle sessions", realm.idle),
            *_ordered(realm, "an idle session", realm.idle, "the longest", realm.longest),
            *(
                _ordered(
                    realm, "Domino's access token", realm.client.access_token, "idle sessions", realm.idle
                )
                if realm.client and realm.client.access_token
                else ()
            ),
        )
    ]
    here = Ref("", "clock", "", "this machine")
    skews = {here: 0.0}
    skews |= {realm.ref: realm.skew for realm in realms if realm.skew is not None}
    skews |= {each.ref: each.skew for each in saml_metadata or () if each.skew is not None}
    skews |= {
        Ref("", "clock", "", each.source): float(each.skew)
        for each in clock or ()
        if each.source != here.name
    }
    if len(skews) > 1:
        findings += _apart(skews, max_skew)
    rows = [(realm.ref, age(realm.access_token), age(realm.idle), age(realm.longest)) for realm in realms]
    columns = ("Realm", "Access token", "Idle session", "Longest session")
    clocks = [(ref, f"{skew:+g} s") for ref, skew in skews.items()]
    return Assessment(
        realms,
        findings,
        attachments=[
            *([Attachment.table("How long logins last", columns, rows)] if rows else []),
            Attachment.table("Clocks, against this machine's", ("Whose", "Ahead by"), clocks),
        ],
    )


def _ordered(
    realm: KeycloakRealm, what: str, shorter: timedelta, than: str, longer: timedelta
) -> Iterator[Finding]:
    if shorter >= longer:
        message = f"{what} lasts {age(shorter)}, and {than} {age(longer)}: it must be shorter"
        yield Finding(realm.ref, message, Severity.MEDIUM)


def _apart(skews: dict[Ref, float], most: timedelta) -> Iterator[Finding]:
    """The clocks that differ from what most of them say; of two, the other one than this machine's."""
    told = sorted(skews.values())
    middle = told[(len(told) - 1) // 2], told[len(told) // 2]
    agreed = min(middle, key=abs)
    for ref, skew in skews.items():
        if abs(apart := skew - agreed) > most.total_seconds():
            direction = "ahead of" if apart > 0 else "behind"
            message = (
                f"its clock is {age(timedelta(seconds=abs(apart)))} {direction} the others; "
                f"at most {age(most)} wanted"
            )
            yield Finding(ref, message, Severity.MEDIUM)
